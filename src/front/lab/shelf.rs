//! Which labs there are: those of a folder that the user names, or those that the binary contains.

use crate::course::{Files, Lab, LabError, find_labs};
use crate::front::print::reason;
use crate::front::style::visible;
use crate::script::closest;
use etcetera::{BaseStrategy, choose_base_strategy};
use include_dir::{Dir, include_dir};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The labs that the binary contains.
static COURSE: Dir = include_dir!("$CARGO_MANIFEST_DIR/scripts/labs");

/// The labs that there are, by name.
pub(in crate::front) struct Shelf {
    pub(in crate::front) labs: Vec<Lab>,
    /// The folders that look like labs and cannot be used.
    pub(in crate::front) broken: Vec<LabError>,
}

/// The most characters of a wrong word that a message repeats.
const MAX_WORD: usize = 60;

impl Shelf {
    /// The labs of a folder; without one, those of the binary.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(in crate::front) fn open(folder: Option<&Path>) -> Result<Self, String> {
        let Some(folder) = folder else {
            return Ok(Self::of_binary());
        };
        let found = find_labs(folder);
        let (labs, broken) =
            found.map_err(|error| format!("{}: {}", folder.display(), reason(&error)))?;
        if labs.is_empty() && broken.is_empty() {
            let place = folder.display();
            return Err(format!(
                "{place}: there is no lab in it, a folder with a lab.toml"
            ));
        }
        Ok(Self { labs, broken })
    }

    fn of_binary() -> Self {
        let (mut labs, mut broken) = (Vec::new(), Vec::new());
        let mut folders: Vec<&Dir> = COURSE.dirs().collect();
        folders.sort_by_key(|folder| folder.path());
        for folder in folders {
            let name = folder.path().to_string_lossy().into_owned();
            let files = files(folder, folder.path());
            match Lab::of_files(&name, &files, folder.path()) {
                Ok(lab) => labs.push(lab),
                Err(error) => broken.push(error),
            }
        }
        for lab in &mut labs {
            if lab.files.keys().any(|name| is_brought_in(name)) {
                // Without a folder, the lab says that it does not reach its files.
                lab.folder = unpacked(lab).ok();
            }
        }
        Self { labs, broken }
    }

    /// The lab that a word means.
    ///
    /// # Errors
    /// If there is none, in words.
    pub(in crate::front) fn find(&self, word: &str) -> Result<&Lab, String> {
        let word = word.trim();
        let found = self.labs.iter().find(|lab| lab.is_called(word));
        found.ok_or_else(|| {
            let names = self.labs.iter().map(Lab::bare_name);
            let meant = closest(word, names).map_or_else(String::new, |name| {
                let lab = self.labs.iter().find(|lab| lab.bare_name() == name);
                let number = lab.and_then(Lab::number);
                let number = number.map_or_else(String::new, |number| format!(" ({number})"));
                format!(" did you mean {name}{number}?")
            });
            let word: String = word.chars().take(MAX_WORD).collect();
            format!(
                "there is no lab {}:{meant} forklab lab lists all, and :lab does at the prompt",
                visible(&word)
            )
        })
    }

    /// The labs that a word may not tell apart, each with another.
    pub(in crate::front) fn twins(&self) -> impl Iterator<Item = (&Lab, &Lab)> {
        self.labs.iter().enumerate().filter_map(|(place, lab)| {
            let before = self.labs[..place].iter();
            let twin = before.clone().find(|other| other.is_twin_of(lab))?;
            Some((twin, lab))
        })
    }
}

/// Whether a file of a lab is there to be brought into the machine: a program, or data.
fn is_brought_in(name: &str) -> bool {
    let known = [
        Lab::MANIFEST,
        Lab::SCRIPT,
        Lab::CHECKS,
        "README.md",
        "hints.md",
    ];
    !name.contains('/') && !known.contains(&name)
}

/// Writes the files of a lab into the user's cache, where its script reaches them.
fn unpacked(lab: &Lab) -> io::Result<PathBuf> {
    let strategy = choose_base_strategy().map_err(io::Error::other)?;
    let folder = strategy
        .cache_dir()
        .join("forklab")
        .join("labs")
        .join(&lab.name);
    fs::create_dir_all(&folder)?;
    for (name, bytes) in lab.files.iter().filter(|(name, _)| is_brought_in(name)) {
        let path = folder.join(name);
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            fs::write(&path, bytes)?;
        }
    }
    Ok(folder)
}

/// The files of a folder of the binary, by their paths below `root`.
fn files(folder: &Dir, root: &Path) -> Files {
    let mut all = Files::new();
    for file in folder.files() {
        let below = file.path().strip_prefix(root).unwrap_or(file.path());
        all.insert(
            below.to_string_lossy().into_owned(),
            file.contents().to_vec(),
        );
    }
    for inner in folder.dirs() {
        all.extend(files(inner, root));
    }
    all
}
