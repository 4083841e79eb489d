//! Errors of scripts: values that a script can catch, and failures that end it, to be shown to the
//! user.

use super::diagnose::{self, Diagnosis};
use super::parse_error::parse_error;
use super::words::Words;
use crate::abi::Errno;
use crate::kernel::rules::RuleFailure;
use crate::machine::Refusal;
use crate::script::session::{Halt, Limit, Limits};
use rhai::{Dynamic, EvalAltResult, ParseError, Position};
use std::{fmt, io};

/// An error thrown by one of our functions. In a script, `catch (e)` gets it with the properties
/// `message`, `note`, `help`, `errno` and `name`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptError {
    /// What happened, in one line.
    pub message: String,
    /// The kernel rule behind it, if there is one.
    pub note: Option<String>,
    /// How to fix it, if we know.
    pub help: Option<String>,
    /// The error number that a system call returned, otherwise 0.
    pub errno: i32,
    /// Its name, such as `EINVAL`, or that of the signal that a fault raised; otherwise empty.
    pub name: String,
    /// Related places in the script by line and column, each with a label. The error is shown at
    /// the first.
    pub places: Vec<(String, (usize, usize))>,
}

impl ScriptError {
    /// An error that is only a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            note: None,
            help: None,
            errno: 0,
            name: String::new(),
            places: Vec::new(),
        }
    }

    /// The message of an error, in one line.
    pub fn text_of(error: &EvalAltResult) -> String {
        let inner = error.unwrap_inner();
        if let EvalAltResult::ErrorRuntime(thrown, _) = inner
            && let Some(thrown) = thrown.read_lock::<Self>()
        {
            return thrown.message.clone();
        }
        inner.to_string()
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// Adds the kernel rule behind it.
    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }

    /// The error of a failed system call.
    pub fn of_errno(errno: Errno, message: impl Into<String>) -> Self {
        Self {
            errno: errno.code(),
            name: errno.name().to_owned(),
            ..Self::new(message)
        }
    }

    /// The error for a rule of a changed kernel whose answer the kernel could not follow.
    pub fn of_rule(failure: &RuleFailure) -> Self {
        let RuleFailure {
            decision,
            line,
            about,
            trouble,
        } = failure;
        let decision = decision.name();
        let inside = match trouble.line {
            Some(inside) if inside != *line => format!(", the error in line {inside}"),
            _ => String::new(),
        };
        Self {
            help: trouble.help.clone(),
            ..Self::new(format!("the rule for {decision} {}", trouble.message)).with_note(format!(
                "it was asked about {about}, and Linux's own rule decided; kernel_rule(\"{decision}\", \
                 ..) stands in line {line}{inside}"
            ))
        }
    }

    /// The error for a refused command.
    pub fn of_refusal(refusal: &Refusal) -> Self {
        let errno = refusal.errno();
        Self {
            message: refusal.to_string(),
            note: refusal.rule().map(str::to_owned),
            help: Some(refusal.remedy()),
            errno: errno.map_or(0, Errno::code),
            name: errno.map_or_else(String::new, |errno| errno.name().to_owned()),
            places: Vec::new(),
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ScriptError> for Box<EvalAltResult> {
    fn from(error: ScriptError) -> Self {
        EvalAltResult::ErrorRuntime(Dynamic::from(error), Position::NONE).into()
    }
}

/// The kind of failure that ended a script; it decides the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The script cannot be parsed, or threw an error.
    Script,
    /// The emulated kernel panicked.
    Panic,
    /// A limit of scripts was hit.
    Limit,
    /// It was interrupted from outside.
    Interrupted,
    /// The output of the script can no longer be written.
    Output(io::ErrorKind),
}

/// What ended a script, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure, which decides the exit code.
    pub kind: FailureKind,
    /// What happened, in one line.
    pub message: String,
    /// The kernel rule behind it, if there is one.
    pub note: Option<String>,
    /// How to fix it, if we know.
    pub help: Option<String>,
    /// Line and column, from 1, in characters; `None` if there is no place to show.
    pub position: Option<(usize, usize)>,
    /// Other related places, each with a label: an open bracket, or the calls that led there,
    /// innermost first.
    pub around: Vec<(String, (usize, usize))>,
}

impl Failure {
    fn of_diagnosis(diagnosis: Diagnosis, position: Position) -> Self {
        let Diagnosis {
            kind,
            message,
            note,
            help,
            place: its_own,
            around,
        } = diagnosis;
        let around = around.into_iter();
        Self {
            kind,
            message,
            note,
            help,
            position: place(its_own.unwrap_or(position)),
            around: around
                .filter_map(|(what, at)| Some((what, place(at)?)))
                .collect(),
        }
    }

    /// The failure for a limit that was hit.
    pub fn of_limit(limit: Limit, limits: &Limits) -> Self {
        Self::of_halt(Halt::Limit(limit), limits)
    }

    /// The failure for a text that cannot be parsed.
    pub(in crate::script) fn of_parse(error: &ParseError, text: &str, words: &Words) -> Self {
        let diagnosis = parse_error(error, text, words);
        Self::of_diagnosis(diagnosis, error.position())
    }

    pub(in crate::script) fn of_panic(why: &str) -> Self {
        let message = format!("Kernel panic - not syncing: {why}");
        let help = Refusal::Panicked(String::new()).remedy();
        Self::of_diagnosis(Diagnosis::panic(message, help), Position::NONE)
    }

    pub(in crate::script) fn of_halt(halt: Halt, limits: &Limits) -> Self {
        Self::of_diagnosis(diagnose::halt(halt, limits), Position::NONE)
    }

    /// The innermost place is where it happened; the calls around it say how the script got there.
    pub(in crate::script) fn of_run(error: &EvalAltResult, words: &Words) -> Self {
        let mut calls = Vec::new();
        let mut innermost = error;
        loop {
            match innermost {
                EvalAltResult::ErrorInFunctionCall(name, _, inner, at) => {
                    calls.insert(0, (call_name(name), *at));
                    innermost = inner;
                }
                EvalAltResult::ErrorInModule(_, inner, _) => innermost = inner,
                _ => break,
            }
        }
        if let EvalAltResult::ErrorParsing(kind, at) = innermost {
            return Self::of_parse(&ParseError(kind.clone().into(), *at), "", words);
        }
        let mut diagnosis = diagnose::run_error(innermost, words);
        diagnosis.around.extend(told(&calls));
        Self::of_diagnosis(diagnosis, innermost.position())
    }
}

/// The most calls that are shown besides the outermost.
const SHOWN_CALLS: usize = 3;

/// Nested calls in words, innermost first: equal ones once, and of many only the first few and the
/// outermost.
fn told(calls: &[(String, Position)]) -> Vec<(String, Position)> {
    let mut groups: Vec<(&str, Position, usize)> = Vec::new();
    for (name, at) in calls {
        let same = groups
            .iter_mut()
            .find(|(other, place, _)| other == name && place == at);
        match same {
            Some((_, _, times)) => *times += 1,
            None => groups.push((name, *at, 1)),
        }
    }
    let last = groups.len().saturating_sub(1);
    let between = last.saturating_sub(SHOWN_CALLS);
    let shown = groups
        .iter()
        .enumerate()
        .filter(|(order, _)| *order < SHOWN_CALLS || *order == last);
    let words = shown.map(|(order, (name, at, times))| {
        let mut words = format!("in the call of {name}");
        if *times > 1 {
            words.push_str(&format!(", {times} times"));
        }
        if order == last && between > 0 {
            words.push_str(&format!(", with {between} more in between"));
        }
        (words, *at)
    });
    words.collect()
}

/// Rhai names closures by a hash that differs from run to run.
fn call_name(name: &str) -> String {
    if name.starts_with("anon$") {
        "a closure".to_owned()
    } else {
        name.to_owned()
    }
}

fn place(position: Position) -> Option<(usize, usize)> {
    position
        .line()
        .map(|line| (line, position.position().unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_calls_a_few_are_told() {
        let call = |name: &str, line| (name.to_owned(), Position::new(line, 1));
        let words = |calls: &[(String, Position)]| {
            let told = told(calls).into_iter().map(|(words, _)| words);
            told.collect::<Vec<_>>().join("; ")
        };
        let same: Vec<_> = (0..60)
            .map(|_| call("f", 2))
            .chain([call("f", 9)])
            .collect();
        let text = "in the call of f, 60 times; in the call of f";
        assert_eq!(words(&same), text);
        let many: Vec<_> = (1..10).map(|line| call("g", line)).collect();
        assert!(words(&many).ends_with("in the call of g, with 5 more in between"));
        assert_eq!(told(&many).len(), SHOWN_CALLS + 1);
    }
}
