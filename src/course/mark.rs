//! A mark: the points of a submission, task by task, with a reason for each point that is lost.

use super::manifest::Kind;
use super::record::Note;
use crate::script::Points;
use serde::{Deserialize, Serialize};

/// The mark of a submission.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Mark {
    /// The name of the lab.
    pub lab: String,
    /// The seed of the student's variant.
    pub seed: u64,
    /// The points of all tasks.
    pub points: Points,
    /// The points that there are.
    pub of: Points,
    /// The tasks, in the order of the lab.
    pub tasks: Vec<TaskMark>,
    /// What could not be read of the submission.
    pub problems: Vec<String>,
    /// What is to be noticed about how it came about.
    pub notes: Vec<Note>,
}

/// The mark of a task.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct TaskMark {
    /// The id of the task.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// The points given.
    pub points: Points,
    /// The points that there are.
    pub of: Points,
    /// Why points are lost.
    pub reasons: Vec<Reason>,
    /// The answer that was given, if the task asks for one.
    pub given: Option<String>,
    /// Why its checks ended early, if they did.
    pub stopped: Option<Stopped>,
}

/// Why points are lost.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Reason {
    /// How many.
    pub lost: Points,
    /// Why.
    pub text: String,
    /// How to correct it, if that is known.
    pub help: Option<String>,
    /// What would have been right, for teachers only.
    pub expected: Option<String>,
}

/// Why the checks of a task ended early.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// The submission, or the check, ended with an error.
    Error,
    /// A limit of that name was hit.
    Limit(String),
    /// The emulated kernel panicked.
    Panic,
    /// It was interrupted from outside.
    Interrupted,
    /// The lab itself is wrong, whatever was handed in.
    Lab,
}

impl Mark {
    /// The same without what is only for teachers.
    #[must_use]
    pub fn for_students(mut self) -> Self {
        for reason in self.tasks.iter_mut().flat_map(|task| &mut task.reasons) {
            reason.expected = None;
        }
        self
    }

    /// Whether every point was given.
    pub fn is_full(&self) -> bool {
        self.points == self.of
    }
}

impl TaskMark {
    /// Whether it asks, and was not answered.
    pub fn is_unanswered(&self) -> bool {
        let given = self.given.as_deref().unwrap_or_default();
        self.kind.is_asked() && self.stopped.is_none() && given.trim().is_empty()
    }

    /// Whether every point was given.
    pub fn is_full(&self) -> bool {
        self.points == self.of
    }
}
