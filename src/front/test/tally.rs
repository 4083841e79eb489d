//! How the scripts came out, counted: the summary, the exit code, the report and the slowest ones.

use super::difference::difference;
use super::review::Decision;
use crate::front::exit_code::{FAILED, FINE, USAGE};
use crate::front::style::Colors;
use crate::lab::{Comparison, Update, Verdict};
use crate::report::{Case, Outcome, Report, Suite};
use std::time::Duration;

/// How many scripts had each outcome.
pub(super) struct Tally {
    update: Update,
    same: usize,
    accepted: usize,
    differ: usize,
    /// How many of those that differ wait for review.
    pending: usize,
    unusable: usize,
    stale: usize,
    cases: Vec<Case>,
    took: Vec<(Duration, String)>,
}

impl Tally {
    pub(super) const fn new(update: Update) -> Self {
        Self {
            update,
            same: 0,
            accepted: 0,
            differ: 0,
            pending: 0,
            unusable: 0,
            stale: 0,
            cases: Vec::new(),
            took: Vec::new(),
        }
    }

    /// What becomes of output that differs.
    pub(super) const fn update(&self) -> Update {
        self.update
    }

    pub(super) fn add(&mut self, verdict: &Verdict, decision: Decision, took: Duration) {
        let is_accepted = self.update == Update::Accept || decision == Decision::Accepted;
        let outcome = match &verdict.outcome {
            Comparison::Same => {
                self.same += 1;
                Outcome::Passed
            }
            Comparison::Differs { .. } | Comparison::Conflict { .. } if is_accepted => {
                self.accepted += 1;
                Outcome::Passed
            }
            Comparison::Differs { was, now, .. } => {
                self.differ += 1;
                if self.update == Update::Pending && decision == Decision::Skipped {
                    self.pending += 1;
                }
                let why = if was.is_some() {
                    "it does not print what its snapshot says"
                } else {
                    "it has no snapshot yet"
                };
                Outcome::Failed {
                    why: why.to_owned(),
                    details: difference(was.as_deref().unwrap_or_default(), now, Colors::Off),
                }
            }
            Comparison::Unusable(why) | Comparison::Conflict { why, .. } => {
                self.unusable += 1;
                Outcome::Unusable { why: why.clone() }
            }
            Comparison::Interrupted => return,
        };
        let name = verdict.script.label.clone();
        self.took.push((took, name.clone()));
        self.cases.push(Case {
            name,
            score: None,
            outcome,
        });
    }

    pub(super) const fn add_stale(&mut self) {
        self.stale += 1;
    }

    /// The scripts that took longest, so many.
    pub(super) fn slowest(&self, count: usize) -> Vec<String> {
        let mut took: Vec<&(Duration, String)> = self.took.iter().collect();
        took.sort_by_key(|(took, name)| (std::cmp::Reverse(*took), name));
        let line = |(took, name): &(Duration, String)| {
            format!("slow    {:>7.3} s  {name}", took.as_secs_f64())
        };
        took.into_iter().take(count).map(line).collect()
    }

    /// The summary lines.
    pub(super) fn summary(&self) -> Vec<String> {
        // `N passed, N failed` is a line that test runners recognize.
        let mut lines = vec![format!(
            "{} passed, {} failed",
            self.same + self.accepted,
            self.unusable + self.stale + self.differ,
        )];
        if self.accepted > 0 {
            lines.push(format!("{} accepted", self.accepted));
        }
        if self.differ > 0 {
            lines.push(format!("{} differ", self.differ));
            let also = if self.pending > 0 {
                ", or cargo insta review,"
            } else {
                ""
            };
            lines.push(format!("forklab test --review PATH{also} asks about each"));
            lines.push("forklab test --accept PATH accepts what a script prints now".to_owned());
        }
        lines
    }

    pub(super) const fn exit_code(&self) -> u8 {
        if self.unusable > 0 {
            USAGE
        } else if self.stale > 0 || self.differ > 0 {
            FAILED
        } else {
            FINE
        }
    }

    /// The results for other programs.
    pub(super) fn report(&self) -> Report {
        Report {
            name: "forklab test".to_owned(),
            score: None,
            suites: vec![Suite {
                name: "scripts".to_owned(),
                score: None,
                notes: Vec::new(),
                cases: self.cases.clone(),
            }],
        }
    }
}
