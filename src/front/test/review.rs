//! The review of differences: each is accepted, rejected or left for later, one after another.

use crate::front::print::print_painted;
use crate::front::process::Process;
use crate::front::repl;
use crate::lab::{Update, Verdict};
use crate::script::Ask;
use std::io::{self, IsTerminal};

/// The question about a difference.
const QUESTION: &str = "accept, reject, skip or quit? (a/r/s/q)";

/// Whoever looks at the differences.
pub(super) struct Review {
    ask: Ask,
    /// Whether there are to be no more questions.
    has_quit: bool,
}

/// What was decided on a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is as it should be.
    Accepted,
    /// It is not.
    Rejected,
    /// It waits for another review.
    Skipped,
}

impl Review {
    /// Asks at the terminal, or takes the lines of a pipe as answers.
    pub(super) fn new(process: &Process) -> Result<Self, String> {
        let ask = if io::stdin().is_terminal() {
            repl::asker(process)?
        } else {
            let mut lines = io::stdin().lines();
            Box::new(move |question: &str| {
                print_painted(question)?;
                lines.next().transpose()
            })
        };
        Ok(Self {
            ask,
            has_quit: false,
        })
    }

    /// Asks about a difference that has just been shown, and updates its files.
    ///
    /// # Errors
    /// If a file cannot be written, or of the kind `Interrupted` after Ctrl-C.
    pub(super) fn decide(&mut self, verdict: &Verdict) -> io::Result<Decision> {
        while !self.has_quit {
            let Some(answer) = (self.ask)(QUESTION)? else {
                self.has_quit = true;
                break;
            };
            match answer.trim().to_lowercase().as_str() {
                "a" | "accept" => {
                    verdict.settle(Update::Accept)?;
                    return Ok(Decision::Accepted);
                }
                "r" | "reject" => {
                    verdict.script.snapshot.drop_pending()?;
                    return Ok(Decision::Rejected);
                }
                "s" | "skip" => break,
                "q" | "quit" => self.has_quit = true,
                _ => {}
            }
        }
        verdict.settle(Update::Pending)?;
        Ok(Decision::Skipped)
    }
}
