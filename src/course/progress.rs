//! How far a student has come with the labs: what the state folder keeps from one command to the
//! next.

use super::answers::Answers;
use super::lab::Lab;
use super::mark::Mark;
use crate::script::Points;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The form of the file that this version reads and writes.
const VERSION: u64 = 1;

/// The progress of a student.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Default, Debug)]
pub struct Progress {
    version: u64,
    /// The name or number that the seeds of the labs are made from.
    pub student: Option<String>,
    /// The name of the lab that was begun last.
    pub current: Option<String>,
    /// The labs that were begun, by name.
    pub labs: BTreeMap<String, Begun>,
}

/// How far a student has come with a lab.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Default, Debug)]
pub struct Begun {
    /// The seed of the variant.
    pub seed: u64,
    /// Where the student's files are.
    pub folder: PathBuf,
    /// The answers that count, by the ids of their tasks; empty for none.
    pub answers: Answers,
    /// The tasks that were answered at the second try.
    pub second: Vec<String>,
    /// The tasks whose open question was answered wrongly once.
    #[serde(default)]
    pub tried: Vec<String>,
    /// How many hints were shown for each task.
    pub hints: BTreeMap<String, usize>,
    /// The points of the last check, by the ids of the tasks.
    pub points: BTreeMap<String, Points>,
    /// How often the student's files were checked.
    pub checks: u32,
    /// Whether the solution was shown.
    pub solution_seen: bool,
}

/// Why a file of progress cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProgressError {
    /// It was written by another version.
    #[error("it has form {0}, but this version of forklab knows form {VERSION}")]
    Version(u64),
    /// It is damaged.
    #[error("it cannot be read: {0}")]
    Damaged(String),
}

impl Progress {
    /// Reads what [`Progress::written`] has written.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn read(text: &str) -> Result<Self, ProgressError> {
        #[derive(Deserialize)]
        struct Form {
            version: u64,
        }
        let damaged = |error: serde_json::Error| ProgressError::Damaged(error.to_string());
        let Form { version } = serde_json::from_str(text).map_err(damaged)?;
        if version != VERSION {
            return Err(ProgressError::Version(version));
        }
        serde_json::from_str(text).map_err(damaged)
    }

    /// The text of the file.
    pub fn written(&self) -> String {
        let this = Self {
            version: VERSION,
            ..self.clone()
        };
        // Maps with strings as keys always have a JSON form.
        serde_json::to_string_pretty(&this).unwrap_or_default()
    }
}

impl Begun {
    /// Keeps the points of a check.
    pub fn note(&mut self, mark: &Mark) {
        self.checks += 1;
        let points = mark.tasks.iter().map(|task| (task.id.clone(), task.points));
        self.points = points.collect();
    }

    /// The points so far.
    pub fn sum(&self, lab: &Lab) -> Points {
        let known = lab.tasks.iter().filter_map(|task| {
            let points = self.points.get(&task.id)?;
            Some(*points.min(&task.points))
        });
        known.sum()
    }

    /// How many tasks have their points, or were at least answered.
    pub fn finished(&self, lab: &Lab) -> usize {
        let is_done = |task: &&super::Task| {
            if task.kind.is_asked() {
                self.answers.contains_key(&task.id)
            } else {
                self.points.get(&task.id) == Some(&task.points)
            }
        };
        lab.tasks.iter().filter(is_done).count()
    }

    /// Whether there is nothing left to do.
    pub fn is_done(&self, lab: &Lab) -> bool {
        self.finished(lab) == lab.tasks.len()
    }
}

/// The number of a student: the number itself, or one made from the name, whatever blanks and
/// capitals it is written with.
pub(super) fn number_of(student: &str) -> u64 {
    let name = student.trim().to_lowercase();
    if let Ok(number) = name.parse() {
        return number;
    }
    // FNV-1a, which is easily computed elsewhere.
    let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    u64::from(name.bytes().fold(0x811c_9dc5, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_other_forms_are_told() {
        let mut progress = Progress::default();
        progress
            .labs
            .insert("03_first_writer".to_owned(), Begun::default());
        let text = progress.written();
        assert_eq!(Progress::read(&text).unwrap().labs, progress.labs);
        let later = text.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(Progress::read(&later), Err(ProgressError::Version(2)));
        let damaged = Progress::read(&text[..text.len() / 2]);
        assert!(matches!(damaged, Err(ProgressError::Damaged(_))));
    }

    #[test]
    fn a_number_depends_on_the_student_alone() {
        assert_eq!(number_of("4711"), 4711);
        assert_eq!(number_of(" Ada Lovelace\n"), number_of("ada lovelace"));
        assert_ne!(number_of("ada"), number_of("bob"));
        assert_eq!(number_of("a"), 0xe40c_292c);
    }
}
