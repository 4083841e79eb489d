//! The prompt without a terminal: lines come from a pipe or a file, there is no prompt and no
//! editor, and answers are plain.

use super::shell::Shell;
use crate::front::exit_code::{FAILED, FINE, INTERRUPTED};
use crate::front::run::{complain, exit_code, print_line};
use crate::script::{FailureKind, Limits, Syntax};
use std::io::{self, BufRead};

/// Lines that may fail before the rest is given up: what comes then is not meant for us.
const MAX_FAILED: usize = 100;
/// A text of that many bytes is looked at again only when it has grown by an eighth: otherwise a
/// long text would be read once for each of its lines.
const LONG_TEXT: usize = 4096;

/// Runs every line; returns the exit code of the first that failed.
pub(super) fn run(mut shell: Shell, limits: &Limits) -> u8 {
    let syntax = Syntax::new(limits);
    let mut input = io::stdin().lock();
    let mut pending = Pending::default();
    let mut codes = Codes::default();
    for number in 1.. {
        if codes.failed == MAX_FAILED {
            complain(&format!(
                "forklab: {MAX_FAILED} lines have failed; the rest is not run"
            ));
            return codes.first;
        }
        let mut bytes = Vec::new();
        match input.read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                complain(&format!("forklab: standard input: {error}"));
                codes.note(FAILED);
                break;
            }
        }
        let Ok(line) = String::from_utf8(bytes) else {
            complain(&format!(
                "error: line {number} is not UTF-8 text; it is left out"
            ));
            codes.note(FAILED);
            continue;
        };
        if let Some(text) = pending.add(&line, &syntax) {
            match submit(&mut shell, &text) {
                Ok(()) => {}
                Err(Trouble::Failed(code)) => codes.note(code),
                Err(Trouble::Leave(code)) => return code.unwrap_or(codes.first),
            }
        }
    }
    if let Some(text) = pending.rest() {
        match submit(&mut shell, &text) {
            Ok(()) | Err(Trouble::Leave(None)) => {}
            Err(Trouble::Failed(code) | Trouble::Leave(Some(code))) => codes.note(code),
        }
    }
    codes.first
}

/// The exit codes of the lines so far.
struct Codes {
    /// That of the first line that failed.
    first: u8,
    failed: usize,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            first: FINE,
            failed: 0,
        }
    }
}

impl Codes {
    fn note(&mut self, code: u8) {
        if self.failed == 0 {
            self.first = code;
        }
        self.failed += 1;
    }
}

/// Why not simply the next line.
enum Trouble {
    /// The line failed; the next one may not.
    Failed(u8),
    /// There is nothing more to do, with that exit code or that of the lines so far.
    Leave(Option<u8>),
}

fn submit(shell: &mut Shell, text: &str) -> Result<(), Trouble> {
    let answer = shell.submit(text);
    if answer.quit {
        return Err(Trouble::Leave(None));
    }
    match answer.failure {
        None if answer.text.is_empty() => Ok(()),
        None => print_line(&answer.text).map_err(|_| Trouble::Leave(None)),
        Some(FailureKind::Output(_)) => Err(Trouble::Leave(None)),
        Some(FailureKind::Interrupted) => Err(Trouble::Leave(Some(INTERRUPTED))),
        Some(kind) => {
            complain(&answer.text);
            Err(Trouble::Failed(exit_code(kind)))
        }
    }
}

/// Lines that do not make a whole yet.
#[derive(Default)]
struct Pending {
    text: String,
    /// How long the text must be before it is looked at again.
    wait_for: usize,
}

impl Pending {
    /// The text, if it is whole with this line.
    fn add(&mut self, line: &str, syntax: &Syntax) -> Option<String> {
        self.text.push_str(line);
        if self.text.len() < self.wait_for {
            return None;
        }
        if syntax.is_unfinished(&self.text) {
            let long = self.text.len() > LONG_TEXT;
            self.wait_for = self.text.len() + if long { self.text.len() / 8 } else { 0 };
            return None;
        }
        self.rest()
    }

    fn rest(&mut self) -> Option<String> {
        self.wait_for = 0;
        let text = std::mem::take(&mut self.text);
        let whole = text.trim_end_matches(['\n', '\r']);
        (!whole.trim().is_empty()).then(|| whole.to_owned())
    }
}
