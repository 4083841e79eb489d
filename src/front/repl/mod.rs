//! The prompt: with an editor on a terminal, and line by line from a pipe.

mod editor;
mod history;
mod journal;
mod lab;
mod pieces;
mod pipe;
mod shell;
mod timeline;
mod tour;
mod transcript;

pub(super) use pieces::split;
pub use shell::{Answer, Shell};

use super::exit_code::FAILED;
use super::print::{complain, complain_painted, output_failed, print_line};
use super::process::Process;
use super::style::{paint_words, stdout_colors};
use crate::script::Ask;
use crate::view::Role;
use editor::{RefCell, Terminal};
use journal::Journal;
pub(super) use shell::NAME;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_types,
    reason = "the prompt and the questions of its lines share a terminal, in turn"
)]
type Rc<T> = std::rc::Rc<T>;

/// Runs the prompt until the user leaves, after a first line if there is one; returns the exit
/// code. The labs are those of a folder, or of the binary.
pub(super) fn run(process: &Process, labs: Option<PathBuf>, first: Option<&str>) -> u8 {
    let result = if io::stdin().is_terminal() {
        on_terminal(process, labs, first)
    } else {
        from_pipe(process, labs, first)
    };
    result.unwrap_or_else(|why| {
        complain(&format!("forklab: {why}"));
        FAILED
    })
}

/// Asks questions on the terminal.
pub(super) fn asker(process: &Process) -> Result<Ask, String> {
    if !io::stdin().is_terminal() {
        return Err("--ask needs a terminal".to_owned());
    }
    let opened = Terminal::open(process.limits, process.interrupt.clone(), stdout_colors());
    let (mut terminal, _) = opened.map_err(unusable)?;
    Ok(Box::new(move |question| terminal.ask(question)))
}

fn unusable(error: rustyline::error::ReadlineError) -> String {
    format!("cannot use the terminal: {error}")
}

fn from_pipe(process: &Process, labs: Option<PathBuf>, first: Option<&str>) -> Result<u8, String> {
    let host = process.speaking_host(NAME, Path::new(""));
    let mut shell = Shell::new(process.limits, host, stdout_colors())?;
    shell.offer_labs(process.clone(), labs);
    Ok(pipe::run(shell, &process.limits, first))
}

fn on_terminal(
    process: &Process,
    labs: Option<PathBuf>,
    first: Option<&str>,
) -> Result<u8, String> {
    let color = stdout_colors();
    let opened = Terminal::open(process.limits, process.interrupt.clone(), color);
    let (terminal, complaint) = opened.map_err(unusable)?;
    let terminal = Rc::new(RefCell::new(terminal));
    let asked = Rc::clone(&terminal);
    let mut host = process.speaking_host(NAME, Path::new(""));
    host.ask = Some(Box::new(move |question| asked.borrow_mut().ask(question)));
    host.columns = terminal.borrow_mut().columns();
    let mut shell = Shell::new(process.limits, host, color)?;
    shell.offer_labs(process.clone(), labs);
    if let Err(error) = print_line(&shell.greeting()) {
        return Ok(output_failed(error.kind()));
    }
    if let Some(complaint) = complaint {
        complain_painted(&paint_words(&complaint, Role::Dim, color));
    }
    // Where no journal can be written, the history has complained already.
    if let Ok(journal) = Journal::begin() {
        let lost = journal.lost().len();
        shell.keep_journal(journal);
        if lost > 0 {
            let plural = if lost == 1 { "line" } else { "lines" };
            let offer = format!(
                "the last session did not end by itself: :recover plays its {lost} {plural} again"
            );
            complain_painted(&paint_words(&offer, Role::Dim, color));
        }
    }
    editor::run(shell, &terminal, first).map_err(unusable)
}
