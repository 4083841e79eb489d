//! A lab: a folder with its description, its text, its script, its checks and its solution.

use super::hints::Hints;
use super::manifest::{self, Task};
use super::submission::{Submission, is_text};
use crate::lab::{LAB_MANIFEST, LAB_SCRIPT};
use crate::script::Points;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The files of a lab by their paths below its folder, with `/`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The largest file of a lab, in bytes.
const MAX_FILE: u64 = 4 << 20;
/// How deep folders of a lab lie in each other.
const MAX_DEPTH: usize = 2;

/// Something that is wrong with a lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What can be done.
    pub help: Option<String>,
    /// Where in the file, in bytes.
    pub span: Option<Range<usize>>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            span: None,
        }
    }

    pub(super) fn at(self, span: Option<Range<usize>>) -> Self {
        Self { span, ..self }
    }

    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

/// Why a folder is not a lab.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct LabError {
    /// The file that is wrong, or the folder.
    pub file: PathBuf,
    /// The text of the file, which the problems refer to; empty if there is none.
    pub text: String,
    /// Everything that is wrong with it; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self.problems.iter().map(|p| p.message.as_str()).collect();
        write!(f, "{}: {}", self.file.display(), messages.join("; "))
    }
}

impl LabError {
    /// A problem with a file or folder as a whole.
    pub fn of(
        file: impl Into<PathBuf>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            text: String::new(),
            problems: vec![Problem::new(message).with_help(help)],
        }
    }
}

/// A lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lab {
    /// The name of its folder: `03_first_writer`.
    pub name: String,
    /// Its folder, if it lies in one.
    pub folder: Option<PathBuf>,
    /// What it is called.
    pub title: String,
    /// How long it takes, in minutes.
    pub minutes: u32,
    /// What it teaches.
    pub objective: String,
    /// The labs that should be done before.
    pub needs: Vec<String>,
    /// Its topics.
    pub tags: Vec<String>,
    /// The number of variants that `forklab lab verify` tries: the seeds from 0 on.
    pub seeds: u64,
    /// Its tasks, in their order.
    pub tasks: Vec<Task>,
    /// The text for learners.
    pub readme: String,
    /// The script, which asks the predictions.
    pub script: String,
    /// The hints.
    pub hints: Hints,
    /// The checks of the tasks for which something is written.
    pub checks: String,
    /// What is right.
    pub solution: Submission,
    /// Other ways to do it, by the name of their folder in that of the solution; what is right to
    /// answer is the same.
    pub others: Vec<(String, Submission)>,
    /// The script that computes the right answers of a variant.
    pub computed: Option<String>,
    /// What a student begins with, by name.
    pub start: Files,
    /// All its files.
    pub files: Files,
}

impl Lab {
    /// The name of the file with the description.
    pub const MANIFEST: &str = LAB_MANIFEST;
    /// The name of the script that asks.
    pub const SCRIPT: &str = LAB_SCRIPT;
    /// The name of the script with the checks.
    pub const CHECKS: &str = "check.rhai";

    /// Reads a lab from its folder.
    ///
    /// # Errors
    /// What is wrong with the folder or with one of its files.
    pub fn load(folder: &Path) -> Result<Self, LabError> {
        let files = read_folder(folder)?;
        // The name of `.` is that of the folder it stands for.
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let name = whole
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let mut lab = Self::of_files(&name.unwrap_or_default(), &files, folder)?;
        lab.folder = Some(folder.to_owned());
        Ok(lab)
    }

    /// Makes a lab of its files. `place` stands for its folder in messages.
    ///
    /// # Errors
    /// What is wrong with one of the files.
    pub fn of_files(name: &str, files: &Files, place: &Path) -> Result<Self, LabError> {
        let text = |file: &str, needed_for: &str| match (text_of(files, file, place)?, needed_for) {
            (Some(text), _) => Ok(text),
            (None, "") => Ok(String::new()),
            (None, why) => {
                let message = format!("there is no {file}");
                Err(LabError::of(
                    place,
                    message,
                    format!("{why}; docs/teaching.md shows a whole lab"),
                ))
            }
        };
        let manifest = text(Self::MANIFEST, "a lab is described by its lab.toml")?;
        let read = manifest::read(&manifest).map_err(|problems| LabError {
            file: place.join(Self::MANIFEST),
            text: manifest,
            problems,
        })?;
        let asks = read.tasks.iter().any(|task| task.kind.is_asked());
        let below = |folder: &str| -> Files {
            let prefix = format!("{folder}/");
            let inside = files.iter().filter_map(|(path, bytes)| {
                Some((path.strip_prefix(&prefix)?.to_owned(), bytes.clone()))
            });
            inside.collect()
        };
        let when = |needed: bool, why: &'static str| if needed { why } else { "" };
        let readme = text("README.md", "it is what learners read")?;
        let script = text(Self::SCRIPT, when(asks, "it asks the predictions"))?;
        // What students get has no checks.
        let check = text(Self::CHECKS, "")?;
        let hints = Hints::read(&text("hints.md", "")?);
        let mut solution = below("solution");
        let computed = text_of(&solution, "answers.rhai", &place.join("solution"))?;
        solution.remove("answers.rhai");
        let others = others(&solution, &place.join("solution"));
        solution.retain(|name, _| !name.contains('/'));
        let mut solution = Submission::of_files(&solution);
        solution.folder = Some(place.join("solution"));
        Ok(Self {
            name: name.to_owned(),
            folder: None,
            title: read.title,
            minutes: read.minutes,
            objective: read.objective,
            needs: read.needs,
            tags: read.tags,
            seeds: read.seeds,
            tasks: read.tasks,
            readme,
            script,
            hints,
            checks: check,
            solution,
            others,
            computed,
            start: below("start"),
            files: files.clone(),
        })
    }

    /// The number that the name of the folder begins with, if it does.
    pub fn number(&self) -> Option<u32> {
        number_of(&self.name)
    }

    /// The name of the folder without the number.
    pub fn bare_name(&self) -> &str {
        match self.name.split_once('_') {
            Some((before, rest)) if before.parse::<u32>().is_ok() => rest,
            _ => &self.name,
        }
    }

    /// Whether another lab has the same title or number.
    pub fn is_twin_of(&self, other: &Self) -> bool {
        self.title == other.title || (self.number().is_some() && self.number() == other.number())
    }

    /// The seed of the variant of a student: one of those that `forklab lab verify` tries.
    pub fn seed_of(&self, student: &str) -> u64 {
        super::progress::number_of(student) % self.seeds.max(1)
    }

    /// The points of all tasks.
    pub fn points(&self) -> Points {
        self.tasks.iter().map(|task| task.points).sum()
    }

    /// The tasks whose answers the script asks for, in the order of its predictions.
    pub fn asked(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.kind.is_asked())
    }

    /// Whether a word of the user means this lab: its number, its folder's name, or that without
    /// the number.
    pub fn is_called(&self, word: &str) -> bool {
        let number = self.number();
        word == self.name
            || (number.is_some() && word.parse().ok() == number)
            || word == self.bare_name()
    }
}

/// The submissions that lie in folders of the solution.
fn others(solution: &Files, place: &Path) -> Vec<(String, Submission)> {
    let mut folders: BTreeMap<&str, Files> = BTreeMap::new();
    for (path, bytes) in solution {
        if let Some((folder, name)) = path.split_once('/') {
            let files = folders.entry(folder).or_default();
            files.insert(name.to_owned(), bytes.clone());
        }
    }
    let submission = |(folder, files): (&str, Files)| {
        let mut submission = Submission::of_files(&files);
        submission.folder = Some(place.join(folder));
        (folder.to_owned(), submission)
    };
    folders.into_iter().map(submission).collect()
}

fn number_of(name: &str) -> Option<u32> {
    let digits = name.split('_').next()?;
    digits.parse().ok()
}

/// A file of a lab as text.
fn text_of(files: &Files, file: &str, place: &Path) -> Result<Option<String>, LabError> {
    let Some(bytes) = files.get(file) else {
        return Ok(None);
    };
    match is_text(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(why) => Err(LabError::of(place.join(file), why, "save it as UTF-8 text")),
    }
}

/// The files of a lab's folder. Links are not followed.
fn read_folder(folder: &Path) -> Result<Files, LabError> {
    let trouble = |path: &Path, error: &io::Error| {
        let what = match error.kind() {
            io::ErrorKind::NotFound => "no such folder".to_owned(),
            io::ErrorKind::NotADirectory => "a lab is a folder, but this is a file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        LabError::of(path, what, "name the folder that contains lab.toml")
    };
    let mut files = Files::new();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = folders.pop() {
        let entries = fs::read_dir(&path).map_err(|error| trouble(&path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| trouble(&path, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry
                .file_type()
                .map_err(|error| trouble(&entry.path(), &error))?;
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
            } else if kind.is_file() {
                let path = entry.path();
                let size = entry.metadata().map_or(0, |meta| meta.len());
                if size > MAX_FILE {
                    let message = format!("larger than {} MiB, the maximum", MAX_FILE >> 20);
                    return Err(LabError::of(
                        path,
                        message,
                        "keep data out of the lab's folder",
                    ));
                }
                let bytes = fs::read(&path).map_err(|error| trouble(&path, &error))?;
                files.insert(format!("{prefix}{name}"), bytes);
            }
        }
    }
    Ok(files)
}

/// The labs of a folder: itself, if it is one, or those in it, by name. What cannot be used is
/// returned beside them.
///
/// # Errors
/// If the folder cannot be read.
pub fn find_labs(folder: &Path) -> io::Result<(Vec<Lab>, Vec<LabError>)> {
    if folder.join(Lab::MANIFEST).is_file() {
        return Ok(match Lab::load(folder) {
            Ok(lab) => (vec![lab], Vec::new()),
            Err(error) => (Vec::new(), vec![error]),
        });
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_meant_as_lab(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut labs, mut errors): (Vec<Lab>, Vec<LabError>) = (Vec::new(), Vec::new());
    for path in paths {
        match Lab::load(&path) {
            Ok(lab) => labs.push(lab),
            Err(error) => errors.push(error),
        }
    }
    Ok((labs, errors))
}

/// Whether a folder has something of a lab, even if its description is missing.
fn is_meant_as_lab(folder: &Path) -> bool {
    [Lab::MANIFEST, Lab::SCRIPT, Lab::CHECKS]
        .iter()
        .any(|name| folder.join(name).is_file())
}
