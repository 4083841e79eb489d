//! The prompt: with an editor on a terminal, and line by line from a pipe.

mod editor;
mod history;
mod pipe;
mod shell;
mod tour;

pub use shell::{Answer, Shell};

use super::cli::Process;
use super::exit_code::{FAILED, FINE};
use super::run::{complain, print_line};
use super::style::stdout_has_color;
use std::io::{self, IsTerminal};

/// Runs the prompt until the user leaves; returns the exit code.
pub(super) fn run(process: &Process) -> u8 {
    let interactive = io::stdin().is_terminal();
    let mut host = process.host(Box::new(print_line));
    if interactive {
        host.ask = Some(Box::new(editor::ask));
    }
    let shell = match Shell::new(process.limits, host, stdout_has_color()) {
        Ok(shell) => shell,
        Err(why) => {
            complain(&format!("forklab: {why}"));
            return FAILED;
        }
    };
    if !interactive {
        return pipe::run(shell, &process.limits);
    }
    match editor::run(shell, &process.limits) {
        Ok(()) => FINE,
        Err(error) => {
            complain(&format!("forklab: the terminal cannot be used: {error}"));
            FAILED
        }
    }
}
