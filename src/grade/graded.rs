//! The result of grading a hand-in.

use super::similar::Print;
use crate::course::{Mark, Stopped};
use crate::script::Points;
use serde::{Deserialize, Serialize};

/// The result of grading a hand-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Graded {
    /// The name of the student.
    pub student: String,
    /// Changes with what was handed in.
    pub digest: String,
    /// How it came out.
    pub end: End,
    /// The stretches of its script, for finding hand-ins that are alike.
    pub print: Print,
}

/// How grading a hand-in came out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It has a mark.
    Marked(Mark),
    /// There is nothing to be graded, for this reason.
    Unreadable(String),
    /// The process that graded it had to be ended, or ended itself.
    Stopped(String),
}

impl Graded {
    /// The points it gets.
    pub fn points(&self) -> Points {
        self.mark().map(|mark| mark.points).unwrap_or_default()
    }

    /// The mark, if there is one.
    pub const fn mark(&self) -> Option<&Mark> {
        match &self.end {
            End::Marked(mark) => Some(mark),
            End::Unreadable(_) | End::Stopped(_) => None,
        }
    }

    /// In one line what is to be said about it: why there is no mark, or what is to be noticed, and
    /// the tasks that lose points. Questions that were not answered come last.
    pub fn remark(&self) -> String {
        let mark = match &self.end {
            End::Marked(mark) => mark,
            End::Unreadable(why) | End::Stopped(why) => return why.clone(),
        };
        let lossy = || mark.tasks.iter().filter(|task| !task.is_full());
        let words = lossy().filter(|task| !task.is_unanswered()).map(|task| {
            let why = task
                .reasons
                .first()
                .map_or("", |reason| reason.text.as_str());
            format!("{} {}/{}: {why}", task.id, task.points, task.of)
        });
        let open: Vec<&str> = lossy()
            .filter(|task| task.is_unanswered())
            .map(|task| task.id.as_str())
            .collect();
        let open = (!open.is_empty()).then(|| format!("no answer: {}", open.join(", ")));
        let told = self
            .notes()
            .chain(words)
            .chain(mark.problems.iter().cloned());
        told.chain(open).collect::<Vec<_>>().join("; ")
    }

    /// What is to be noticed about how it came about.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let notes = self.mark().map_or(&[][..], |mark| mark.notes.as_slice());
        notes.iter().map(ToString::to_string)
    }

    /// What ended its checks before their time, for counting: a limit, a crash, a file that is none.
    pub fn ended_by(&self) -> Option<String> {
        let mark = match &self.end {
            End::Marked(mark) => mark,
            End::Unreadable(_) => return Some("cannot be read".to_owned()),
            End::Stopped(why) => return Some(why.clone()),
        };
        let stopped = mark.tasks.iter().find_map(|task| task.stopped.as_ref())?;
        Some(match stopped {
            Stopped::Error => "ended with an error".to_owned(),
            Stopped::Limit(name) => format!("hit the limit on {name}"),
            Stopped::Panic => "made the kernel panic".to_owned(),
            Stopped::Interrupted => "interrupted".to_owned(),
            Stopped::Lab => "the lab itself is wrong".to_owned(),
        })
    }
}
