//! How a hand-in came about, as `forklab lab` notes it in `answers.toml`, and what a teacher should
//! notice about that. A student can change the file, so no point depends on it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a hand-in came about.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The seed of the variant that was worked on.
    pub variant: u64,
    /// The name or number that the seed was made from, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub student: Option<String>,
    /// Whether the solution was shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub solution_seen: bool,
}

/// What is to be noticed about a hand-in. It costs no points.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Another variant was worked on than is graded.
    OtherVariant {
        /// The seed of the variant that was worked on.
        worked_on: u64,
        /// The seed of the variant that is graded.
        graded: u64,
        /// The name that it was begun with.
        student: Option<String>,
    },
    /// The solution was shown to the student.
    SolutionSeen,
}

impl Record {
    /// What is to be noticed when the variant of that seed is graded.
    pub(super) fn notes(&self, graded: u64) -> Vec<Note> {
        let other = (self.variant != graded).then(|| Note::OtherVariant {
            worked_on: self.variant,
            graded,
            student: self.student.clone(),
        });
        let seen = self.solution_seen.then_some(Note::SolutionSeen);
        other.into_iter().chain(seen).collect()
    }
}

impl Note {
    /// What several hand-ins have in common of it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OtherVariant { .. } => "worked on another variant than is graded",
            Self::SolutionSeen => "looked at the solution",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherVariant {
                worked_on,
                graded,
                student,
            } => {
                write!(f, "variant {worked_on} was worked on")?;
                match student {
                    Some(student) => write!(
                        f,
                        ", begun with --student {student:?}, but variant {graded} is graded; name \
                         the hand-in as it was begun, or grade it with --one --seed {worked_on}"
                    ),
                    None => write!(
                        f,
                        ", begun without --student, but variant {graded} is graded; grade it with \
                         --one --seed {worked_on}"
                    ),
                }
            }
            Self::SolutionSeen => f.write_str("the solution was looked at"),
        }
    }
}
