//! A student's work on a lab: the files, the progress, and what is done with both.

use super::store::Store;
use super::tell;
use crate::course::{Answers, Begun, Files, Grader, Lab, Mark, Record, Submission, grade, key};
use crate::front::cc;
use crate::front::host_file::fetcher;
use crate::front::process::Process;
use crate::front::style::{Colors, visible};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A lab, with what a student has of it.
pub(in crate::front) struct Work {
    pub(in crate::front) lab: Lab,
    pub(in crate::front) store: Store,
}

/// Grades within the limits of the process.
pub(in crate::front) fn with_grader<R>(process: &Process, act: impl FnOnce(&Grader) -> R) -> R {
    let host = || process.host(Box::new(|_| Ok(())));
    let fetch = |folder: &Path| fetcher(folder.to_owned());
    act(&Grader {
        limits: process.limits,
        host: &host,
        fetch: &fetch,
        compiles: &cc::is_there,
    })
}

/// Where a student begins.
#[derive(Clone, Default)]
pub(in crate::front) struct Begin {
    /// The seed of the variant.
    pub(in crate::front) seed: Option<u64>,
    /// The student's name or number, from which seeds are made.
    pub(in crate::front) student: Option<String>,
}

impl Work {
    /// Begins a lab in the current folder, or goes on with it where it was begun.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub(in crate::front) fn begin(lab: Lab, mut store: Store, how: &Begin) -> io::Result<Self> {
        let here = std::env::current_dir()?;
        let folder = match store.begun(&lab.name) {
            Some(begun) if begun.folder.is_dir() => begun.folder.clone(),
            _ => here.join(&lab.name),
        };
        // Whoever has the labs themselves as their folder must not write among them.
        let folder = if folder.join(Lab::MANIFEST).exists() {
            folder.join("mine")
        } else {
            folder
        };
        let seed_before = store.begun(&lab.name).map(|begun| begun.seed);
        store.change(|progress| {
            if how.student.is_some() {
                progress.student.clone_from(&how.student);
            }
            let made = progress.student.as_deref();
            let made = made.map_or(0, |student| lab.seed_of(student));
            let begun = progress
                .labs
                .entry(lab.name.clone())
                .or_insert_with(|| Begun {
                    seed: made,
                    ..Begun::default()
                });
            let seed = how.seed.unwrap_or(if how.student.is_some() {
                made
            } else {
                begun.seed
            });
            if seed != begun.seed {
                // These are the answers of another variant.
                begun.answers.clear();
                begun.second.clear();
                begun.tried.clear();
                begun.points.clear();
            }
            begun.seed = seed;
            begun.folder.clone_from(&folder);
            progress.current = Some(lab.name.clone());
        })?;
        put_missing(&folder, &lab.start)?;
        let work = Self { lab, store };
        if seed_before.is_some_and(|before| before != work.begun().seed) {
            // These are the answers of another variant.
            remove(&folder.join(Submission::ANSWERS))?;
        }
        work.write_answers()?;
        Ok(work)
    }

    /// Goes on with a lab that was begun.
    pub(in crate::front) fn go_on(lab: Lab, store: Store) -> Option<Self> {
        store.begun(&lab.name)?;
        Some(Self { lab, store })
    }

    /// The progress of this lab.
    pub(in crate::front) fn begun(&self) -> Begun {
        self.store
            .begun(&self.lab.name)
            .cloned()
            .unwrap_or_default()
    }

    /// The name or number that the variant was made from, if it was made from one.
    pub(in crate::front) fn student(&self) -> Option<&String> {
        let seed = self.begun().seed;
        let student = self.store.progress().student.as_ref();
        student.filter(|student| self.lab.seed_of(student) == seed)
    }

    /// Changes the progress of this lab.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub(in crate::front) fn change(&mut self, change: impl Fn(&mut Begun)) -> io::Result<()> {
        let name = &self.lab.name;
        self.store
            .change(|progress| change(progress.labs.entry(name.clone()).or_default()))
    }

    /// Writes the answers to the file that is handed in, with how they came about. Answers that were
    /// written there by hand stay.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(in crate::front) fn write_answers(&self) -> io::Result<()> {
        let begun = self.begun();
        let path = begun.folder.join(Submission::ANSWERS);
        let mut answers = match Submission::read(&path) {
            Ok(there) if there.problems.is_empty() => there.answers,
            // It is no file of answers, whatever it is.
            Ok(_) => {
                fs::rename(&path, with_old(&path))?;
                Answers::new()
            }
            Err(_) => Answers::new(),
        };
        answers.extend(begun.answers);
        answers.retain(|_, answer| !answer.is_empty());
        let submission = Submission {
            answers,
            record: Some(Record {
                variant: begun.seed,
                student: self.student().cloned(),
                solution_seen: begun.solution_seen,
            }),
            ..Submission::default()
        };
        replace(&path, submission.answers_text().as_bytes())
    }

    /// Checks the files, and keeps the points.
    ///
    /// # Errors
    /// If there is nothing to check, or the points cannot be kept.
    pub(in crate::front) fn check(&mut self, process: &Process) -> Result<Mark, String> {
        let begun = self.begun();
        let read = Submission::read(&begun.folder);
        let submission = read.map_err(|why| format!("{}: {why}", begun.folder.display()))?;
        let mark = with_grader(process, |grader| {
            let key = key(&self.lab, begun.seed, grader)?;
            grade(&self.lab, &submission, &key, grader)
        })?;
        self.change(|begun| begun.note(&mark))
            .map_err(|error| format!("the points cannot be kept: {error}"))?;
        Ok(mark.for_students())
    }

    /// Checks the files and says what came of it.
    ///
    /// # Errors
    /// As [`Work::check`].
    pub(in crate::front) fn checked(
        &mut self,
        process: &Process,
        color: Colors,
    ) -> Result<String, String> {
        if self.lab.checks.is_empty() && self.lab.tasks.iter().any(|task| !task.kind.is_asked()) {
            return Err(format!(
                "the checks of this lab are with your teacher: hand in {}",
                self.begun().folder.display()
            ));
        }
        let mark = self.check(process)?;
        let mut text = tell::mark(&mark, color);
        if mark.is_full() {
            text.push_str("\nAll points. next begins the next lab");
        }
        Ok(text)
    }

    /// The next hint for a task, or for the first one that is not finished.
    ///
    /// # Errors
    /// If it cannot be noted.
    pub(in crate::front) fn hint(&mut self, task: Option<&str>) -> io::Result<String> {
        let begun = self.begun();
        let is_open = |id: &str| {
            let task = self.lab.tasks.iter().find(|task| task.id == id);
            task.is_some_and(|task| {
                if task.kind.is_asked() {
                    !begun.answers.contains_key(id)
                } else {
                    begun.points.get(id) != Some(&task.points)
                }
            })
        };
        let mut open = self.lab.tasks.iter().filter(|task| is_open(&task.id));
        let Some(id) = task.or(open.next().map(|task| task.id.as_str())) else {
            return Ok("every task is finished".to_owned());
        };
        let (id, hints) = (id.to_owned(), self.lab.hints.of(id).to_vec());
        if hints.is_empty() {
            return Ok(format!("there is no hint for {id}"));
        }
        let shown = begun.hints.get(&id).copied().unwrap_or(0);
        let nth = shown.min(hints.len() - 1);
        let again = if shown > nth {
            ", the last one again; there are no more"
        } else {
            ""
        };
        self.change(|begun| {
            begun.hints.insert(id.clone(), nth + 1);
        })?;
        let text = visible(&hints[nth]);
        Ok(format!(
            "hint {} of {} for {id}{again}: {text}",
            nth + 1,
            hints.len()
        ))
    }

    /// The solution, once something was tried.
    ///
    /// # Errors
    /// If nothing was tried yet, or it cannot be noted.
    pub(in crate::front) fn solution(&mut self, process: &Process) -> Result<String, String> {
        let begun = self.begun();
        let has_tried = begun.answers.values().any(|answer| !answer.is_empty());
        if !has_tried && begun.tried.is_empty() && begun.checks == 0 {
            return Err("answer a question or check your files first; hint helps".to_owned());
        }
        let seed = begun.seed;
        let right = with_grader(process, |grader| {
            crate::course::solution(&self.lab, seed, grader)
        })?;
        if right.files.is_empty() && right.answers.is_empty() {
            return Err("the solution of this lab is with your teacher".to_owned());
        }
        self.change(|begun| begun.solution_seen = true)
            .and_then(|()| self.write_answers())
            .map_err(|error| error.to_string())?;
        let mut parts = Vec::new();
        for task in self.lab.asked() {
            let answer = right.answers.get(&task.id);
            parts.extend(answer.map(|answer| format!("{}: {}", task.id, visible(answer))));
        }
        for (name, bytes) in &right.files {
            if name != Submission::ANSWERS {
                let text = String::from_utf8_lossy(bytes);
                parts.push(format!(
                    "\n{}:\n{}",
                    visible(name),
                    visible(text.trim_end())
                ));
            }
        }
        Ok(parts.join("\n"))
    }

    /// Forgets the progress of the lab. Files that were changed are kept with `.old` at their ends.
    ///
    /// # Errors
    /// If a file cannot be renamed or written.
    pub(in crate::front) fn reset(&mut self) -> io::Result<()> {
        let folder = self.begun().folder;
        for (name, bytes) in &self.lab.start {
            let path = folder.join(name);
            if fs::read(&path).is_ok_and(|now| now != *bytes) {
                fs::rename(&path, with_old(&path))?;
            }
        }
        remove(&folder.join(Submission::ANSWERS))?;
        put_missing(&folder, &self.lab.start)?;
        let name = self.lab.name.clone();
        self.store.change(|progress| {
            let seen = progress.labs.remove(&name);
            // Whoever has seen the solution has seen it.
            if let Some(old) = seen {
                let kept = Begun {
                    seed: old.seed,
                    folder: old.folder,
                    solution_seen: old.solution_seen,
                    ..Begun::default()
                };
                progress.labs.insert(name.clone(), kept);
            }
        })?;
        self.write_answers()
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with_old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

/// Puts the files that are not there into a folder.
pub(in crate::front) fn put_missing(folder: &Path, files: &Files) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::File::create_new(&path) {
            Ok(mut file) => file.write_all(bytes)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Replaces a file as a whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    fs::write(&aside, bytes)?;
    fs::rename(&aside, path)?;
    Ok(())
}
