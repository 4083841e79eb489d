//! Logs of `strace -f`: the calls of each process, in the order in which they took effect.

use super::Trouble;
use std::collections::BTreeMap;

const EXPECTED: &str = "a line of strace -f such as `[pid 7] getpid() = 7`, `7 exit_group(0) = ?` \
     or `+++ exited with 0 +++`";

/// What a log says that a call has returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Returned {
    /// A value.
    Value(i64),
    /// An error, by its name.
    Error(String),
    /// The log does not say it.
    Unknown,
}

/// A call of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedCall {
    /// Its line in the log, from 1.
    pub line: usize,
    /// The process; `None` for the only one of a log without pids.
    pub pid: Option<i32>,
    /// Its name.
    pub name: String,
    /// Its arguments as they stand there.
    pub args: Vec<String>,
    /// What it has returned.
    pub returned: Returned,
}

impl LoggedCall {
    /// Whether it makes a task.
    pub fn forks(&self) -> bool {
        ["fork", "vfork", "clone", "clone3"].contains(&self.name.as_str())
    }
}

/// A call that another line continues.
struct Begun {
    line: usize,
    text: String,
    /// Where it stands among the calls, if it makes a task: that takes effect before it returns.
    place: Option<usize>,
}

/// The pid at the beginning of a line, and the rest of it.
fn pid_of(line: &str) -> (Option<i32>, &str) {
    let bracketed = line.strip_prefix("[pid");
    if let Some((pid, rest)) = bracketed.and_then(|rest| rest.split_once(']')) {
        return (pid.trim().parse().ok(), rest.trim_start());
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line[..digits].parse() {
        Ok(pid) if line[digits..].starts_with(' ') => (Some(pid), line[digits..].trim_start()),
        _ => (None, line),
    }
}

/// The line without a time stamp such as `12:30:01.5` or `1700000000.1`.
fn without_stamp(text: &str) -> &str {
    let stamp = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
    let end = text.find(|c| !stamp(c)).unwrap_or(text.len());
    if end > 0 && text[end..].starts_with(' ') {
        text[end..].trim_start()
    } else {
        text
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    first && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a line looks like one of such a log.
pub(super) fn is_line(line: &str) -> bool {
    let text = without_stamp(pid_of(line).1);
    let is_call = |text: &str| text.split_once('(').is_some_and(|(name, _)| is_name(name));
    text.starts_with("+++ ")
        || text.starts_with("--- SIG")
        || is_call(text)
            && (text.contains(") = ") || text.contains(")  ") || text.ends_with("<unfinished ...>"))
}

/// Reads a log. `text` is all of it.
///
/// # Errors
/// The first line that is not understood.
pub(super) fn read(text: &str) -> Result<Vec<LoggedCall>, Trouble> {
    let mut calls: Vec<Option<LoggedCall>> = Vec::new();
    let mut begun: BTreeMap<Option<i32>, Begun> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let (pid, rest) = pid_of(line);
        let rest = without_stamp(rest.trim_start()).trim_end();
        let attached = rest.starts_with("strace: ") || line.starts_with("strace: ");
        if rest.is_empty() || rest.starts_with("+++ ") || rest.starts_with("--- ") || attached {
            continue;
        }
        let trouble = |why: &str| {
            let at = line.len() - line.trim_start().len();
            Trouble::at(number, line, at, why.to_owned(), EXPECTED)
        };
        if let Some(begin) = rest.strip_suffix("<unfinished ...>") {
            let name = begin.split('(').next().unwrap_or_default();
            if !is_name(name) {
                return Err(trouble("no call before <unfinished ...>"));
            }
            let forks = ["fork", "vfork", "clone", "clone3"].contains(&name);
            let place = forks.then_some(calls.len());
            if forks {
                calls.push(None);
            }
            let text = begin.trim_end().to_owned();
            begun.insert(
                pid,
                Begun {
                    line: number,
                    text,
                    place,
                },
            );
            continue;
        }
        let (at, whole, place) = match rest.strip_prefix("<... ") {
            Some(rest) => {
                let (_, end) = rest
                    .split_once(" resumed>")
                    .ok_or_else(|| trouble("no `resumed>`"))?;
                let Begun { line, text, place } = begun
                    .remove(&pid)
                    .ok_or_else(|| trouble("resumes a call that was not begun"))?;
                (line, format!("{text}{end}"), place)
            }
            None => (number, rest.to_owned(), None),
        };
        let call = call(pid, at, &whole).ok_or_else(|| trouble("not a line of strace"))?;
        match place.and_then(|place| calls.get_mut(place)) {
            Some(kept) => *kept = Some(call),
            None => calls.push(Some(call)),
        }
    }
    Ok(calls.into_iter().flatten().collect())
}

/// `name(args) = result`
fn call(pid: Option<i32>, line: usize, text: &str) -> Option<LoggedCall> {
    let (name, rest) = text.split_once('(')?;
    if !is_name(name) {
        return None;
    }
    let equals = rest.rfind(" = ")?;
    let args = rest[..equals].trim_end().strip_suffix(')')?;
    let result = rest[equals + 3..].trim();
    let mut words = result.split_whitespace();
    let value = words.next().unwrap_or_default();
    let returned = match (value, words.next()) {
        ("-1", Some(errno)) if errno.starts_with('E') => Returned::Error(errno.to_owned()),
        _ => parse(value).map_or(Returned::Unknown, Returned::Value),
    };
    Some(LoggedCall {
        line: line + 1,
        pid,
        name: name.to_owned(),
        args: split(args),
        returned,
    })
}

/// A number as strace writes it.
fn parse(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Arguments at the commas that stand in no brackets and no string.
fn split(args: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for c in args.chars() {
        let last = parts.len() - 1;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts[last].push(c);
    }
    let trimmed = parts.iter().map(|part| part.trim().to_owned());
    trimmed.filter(|part| !part.is_empty()).collect()
}
