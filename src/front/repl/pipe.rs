//! The prompt without a terminal: lines come from a pipe or a file, without prompt or editor, and
//! answers are plain.

use super::pieces::Pieces;
use super::shell::Shell;
use crate::front::exit_code::{FAILED, FINE, INTERRUPTED};
use crate::front::print::{complain, complain_painted, exit_code, output_failed, print_painted};
use crate::script::{FailureKind, Limits, Syntax};
use std::io::{self, BufRead};

/// How many lines may fail before the rest is given up, because the input is probably not meant for
/// forklab.
const MAX_FAILED: usize = 100;

/// Runs every line; returns the exit code of the first that failed.
pub(super) fn run(mut shell: Shell, limits: &Limits, first: Option<&str>) -> u8 {
    let syntax = Syntax::new(limits);
    let mut input = io::stdin().lock();
    let mut pieces = Pieces::new(&syntax);
    let mut codes = Codes::default();
    if let Some(line) = first
        && let Err(trouble) = submit(&mut shell, line)
    {
        return match trouble {
            Trouble::Failed(code) => code,
            Trouble::Leave(code) => code.unwrap_or(FINE),
        };
    }
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
            complain(&format!("error: line {number} is not UTF-8 text; skipped"));
            codes.note(FAILED);
            continue;
        };
        if let Some(text) = pieces.add(&line) {
            match submit(&mut shell, &text) {
                Ok(()) => {}
                Err(Trouble::Failed(code)) => codes.note(code),
                Err(Trouble::Leave(code)) => return code.unwrap_or(codes.first),
            }
        }
    }
    if let Some(text) = pieces.rest() {
        match submit(&mut shell, &text) {
            Ok(()) | Err(Trouble::Leave(None)) => {}
            Err(Trouble::Failed(code) | Trouble::Leave(Some(code))) => codes.note(code),
        }
    }
    codes.first
}

/// The exit codes of the lines so far.
struct Codes {
    /// The exit code of the first line that failed.
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

/// Why the next line is not simply run.
enum Trouble {
    /// The line failed; the next one may not.
    Failed(u8),
    /// There is nothing more to do; the exit code is this one or that of the lines so far.
    Leave(Option<u8>),
}

impl Trouble {
    fn no_output(kind: io::ErrorKind) -> Self {
        match output_failed(kind) {
            FINE => Self::Leave(None),
            code => Self::Leave(Some(code)),
        }
    }
}

fn submit(shell: &mut Shell, text: &str) -> Result<(), Trouble> {
    let answer = shell.submit(text);
    if answer.quit {
        return Err(Trouble::Leave(None));
    }
    match answer.failure {
        None if answer.text.is_empty() => Ok(()),
        None => {
            let printed = print_painted(&answer.text);
            printed.map_err(|error| Trouble::no_output(error.kind()))
        }
        Some(FailureKind::Output(kind)) => Err(Trouble::no_output(kind)),
        Some(FailureKind::Interrupted) => Err(Trouble::Leave(Some(INTERRUPTED))),
        Some(kind) => {
            complain_painted(&answer.text);
            Err(Trouble::Failed(exit_code(kind)))
        }
    }
}
