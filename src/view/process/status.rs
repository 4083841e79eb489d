//! `/proc/PID/status`, as 2.6.12 prints it, and the decoding of a wait status.

use crate::abi::{Signal, TaskId, WaitStatus};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// The file: fields and their values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Status {
    /// In the order of the file.
    pub fields: Vec<(&'static str, String)>,
}

/// The status of a task that exists.
pub fn status(machine: &Machine, id: TaskId) -> Option<Status> {
    let kernel = &machine.kernel;
    kernel.tasks().get(id)?;
    let fields = kernel.proc_status(id);
    Some(Status { fields })
}

impl Status {
    /// The text of the file.
    pub fn text(&self) -> Text {
        let mut text = Text::default();
        for (name, value) in &self.fields {
            let line = Line::default().add(Role::Dim, format_args!("{name}:"));
            text.push(line.plain(format_args!("\t{value}")));
        }
        text
    }
}

/// A wait status, decoded part by part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ExplainStatus {
    /// The wait status itself.
    pub status: u32,
    /// Its meaning in words.
    pub text: String,
    /// The parts of the status, and what each means.
    pub parts: Vec<(String, String)>,
    /// The macros of `wait.h` that are true for it, with their values.
    pub macros: Vec<&'static str>,
}

/// A part of a wait status, and what it means.
fn part(name: &str, value: u32, meaning: String) -> (String, String) {
    (format!("{name} {value:#04x}"), meaning)
}

fn signal_name(number: u32) -> String {
    match Signal::new(number) {
        Some(signal) => signal.to_string(),
        None => format!("{number}, no signal"),
    }
}

/// The parts of a wait status that reports a stop.
fn parts_of_stop(word: WaitStatus) -> Vec<(String, String)> {
    let (low, high, event) = (word.0 & 0xff, word.0 >> 8 & 0xff, word.0 >> 16);
    let mut parts = vec![part("bits 0-7", low, "it has stopped".to_owned())];
    parts.push(match high {
        0x85 => part(
            "bits 8-15",
            high,
            "at a system call: SIGTRAP | 0x80, for PTRACE_O_TRACESYSGOOD".to_owned(),
        ),
        5 if event == 0 => part(
            "bits 8-15",
            high,
            "SIGTRAP: a breakpoint, a step, an exec, or a system call".to_owned(),
        ),
        _ => part("bits 8-15", high, signal_name(high)),
    });
    if let Some(what) = word.event() {
        parts.push(part("bits 16-", event, what.name().to_owned()));
    }
    parts
}

/// Decodes a wait status.
pub fn explain_status(status: u32) -> ExplainStatus {
    let word = WaitStatus(status);
    let (low, high) = (status & 0xff, status >> 8 & 0xff);
    let (mut parts, macros) = match (status, low & 0x7f) {
        (0xffff, _) => (
            vec![part(
                "all of it",
                status,
                "it has continued after a stop".to_owned(),
            )],
            vec!["WIFCONTINUED"],
        ),
        (_, 0x7f) if !word.is_stop() => (
            vec![part(
                "bits 0-7",
                low,
                "no wait returns such a status".to_owned(),
            )],
            Vec::new(),
        ),
        (_, 0) => (
            vec![
                part("bits 0-6", 0, "it has called exit".to_owned()),
                part("bits 8-15", high, format!("with {high}")),
            ],
            vec!["WIFEXITED", "WEXITSTATUS"],
        ),
        (_, 0x7f) => (parts_of_stop(word), vec!["WIFSTOPPED", "WSTOPSIG"]),
        (_, signal) => {
            let mut parts = vec![part(
                "bits 0-6",
                signal,
                format!("killed by {}", signal_name(signal)),
            )];
            if status & 0x80 != 0 {
                parts.push(part("bit 7", 1, "with a core file".to_owned()));
            }
            (parts, vec!["WIFSIGNALED", "WTERMSIG"])
        }
    };
    if status >> 16 != 0 && !(word.is_stop() && word.event().is_some()) {
        parts.push(part(
            "bits 16-",
            status >> 16,
            "no event has that number".to_owned(),
        ));
    }
    ExplainStatus {
        status,
        text: word.to_string(),
        parts,
        macros,
    }
}

impl ExplainStatus {
    /// The status, its meaning, and its parts.
    pub fn text(&self) -> Text {
        let head = Line::default()
            .add(Role::Number, format_args!("{:#06x}", self.status))
            .plain(format_args!("  {}", self.text));
        let mut text = Text::from(head);
        for (part, meaning) in &self.parts {
            let line = Line::default().add(Role::Dim, format_args!("  {part:<15}"));
            text.push(line.plain(format_args!(" {meaning}")));
        }
        let line = Line::default().add(Role::Dim, "  true for it    ");
        let macros = if self.macros.is_empty() {
            "none".to_owned()
        } else {
            self.macros.join(", ")
        };
        text.push(line.plain(format_args!(" {macros}")));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_status_is_taken_apart() {
        for (status, first, last, says) in [
            (0x300, "it has called exit", "with 3", "WIFEXITED"),
            (0x8b, "killed by SIGSEGV", "with a core file", "WIFSIGNALED"),
            (0x137f, "it has stopped", "SIGSTOP", "WIFSTOPPED"),
            (0x1057f, "it has stopped", "PTRACE_EVENT_FORK", "WIFSTOPPED"),
            (
                0xffff,
                "it has continued after a stop",
                "it has continued after a stop",
                "WIFCONTINUED",
            ),
        ] {
            let told = explain_status(status);
            let meanings: Vec<&str> = told.parts.iter().map(|(_, text)| text.as_str()).collect();
            let ends = (meanings[0], meanings[meanings.len() - 1], told.macros[0]);
            assert_eq!(ends, (first, last, says), "{status:#x}");
            assert!(told.text().to_string().contains(says));
        }
        let call = explain_status(0x857f);
        assert!(call.parts[1].1.starts_with("at a system call"));
    }
}
