//! Printing, and the exit code after a failed run or failed output.

use super::exit_code::{FAILED, FINE, INTERRUPTED, LIMIT, PANICKED, USAGE};
use super::style::{Colors, paint, visible};
use crate::script::{FailureKind, Shadowing, Warn};
use crate::view::Text;
use std::io::{self, IsTerminal, Write};

/// A reader that has gone away (`| head`) has what it wanted. Any other trouble with the output
/// counts as a command line error.
pub(super) const fn exit_code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Script => FAILED,
        FailureKind::Panic => PANICKED,
        FailureKind::Limit => LIMIT,
        FailureKind::Interrupted => INTERRUPTED,
        FailureKind::Output(io::ErrorKind::BrokenPipe) => FINE,
        FailureKind::Output(_) => USAGE,
    }
}

/// Reports that nothing more can be printed, unless the reader has gone away; returns the exit
/// code.
pub(super) fn output_failed(kind: io::ErrorKind) -> u8 {
    if kind != io::ErrorKind::BrokenPipe {
        complain(&format!("forklab: standard output: {kind}"));
    }
    exit_code(FailureKind::Output(kind))
}

/// Prints a line to standard output. A terminal gets no control characters; a file or a pipe gets
/// the bytes as they are, as from `ls`.
pub(super) fn print_line(line: &str) -> io::Result<()> {
    if io::stdout().is_terminal() {
        return print_painted(&visible(line));
    }
    print_painted(line)
}

/// Prints text to standard output that was painted or drawn: its control characters are ours.
pub(super) fn print_painted(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a view to standard output.
pub(super) fn print_view(view: &Text, color: Colors) -> io::Result<()> {
    match color {
        Colors::On => print_painted(&paint(view, color)),
        Colors::Off => print_line(&view.to_string()),
    }
}

/// Prints a message to standard error, which a person reads wherever it goes.
pub(super) fn complain(text: &str) {
    complain_painted(&visible(text));
}

/// Prints a message to standard error that was painted or drawn.
pub(super) fn complain_painted(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints warnings about the script of that name, or about a file that it runs.
pub(super) fn warner(name: String) -> Warn {
    Box::new(move |warning| {
        let Shadowing {
            file,
            line,
            signature,
        } = warning;
        let place = file.as_ref().unwrap_or(&name);
        complain(&format!(
            "{place}:{line}: warning: this function is called instead of the built-in {signature}"
        ));
    })
}

/// The reason for an I/O error in plain words, the same on every host.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory; name a file in it".to_owned(),
        _ => error.to_string(),
    }
}
