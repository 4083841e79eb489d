//! Logs of `strace -f`: the calls of each process, in the order in which they took effect.

use super::Trouble;
use std::collections::{BTreeMap, BTreeSet};

const EXPECTED: &str = "a line of strace -f such as `[pid 7] getpid() = 7`, `7 exit_group(0) = ?` \
     or `+++ exited with 0 +++`";

/// What a log says that a call has returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Returned {
    /// A value.
    Value(i64),
    /// An error, by its name.
    Error(String),
    /// A signal has interrupted it, and it is begun again.
    Restarted,
    /// It has not returned when the log or the process ends.
    Never,
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
        is_fork(&self.name)
    }
}

fn is_fork(name: &str) -> bool {
    ["fork", "vfork", "clone", "clone3"].contains(&name)
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

/// The line without the address of the instruction, which `strace -i` prints in brackets.
fn without_address(text: &str) -> &str {
    let Some((address, rest)) = text
        .strip_prefix('[')
        .and_then(|text| text.split_once("] "))
    else {
        return text;
    };
    let is_address = |c: char| c.is_ascii_hexdigit() || c == '?';
    if address.len() >= 8 && address.chars().all(is_address) {
        rest.trim_start()
    } else {
        text
    }
}

/// The pid at the beginning of a line, and what stands behind it, a stamp and an address.
fn body(line: &str) -> (Option<i32>, &str) {
    let (pid, rest) = pid_of(line.trim());
    (pid, without_address(without_stamp(rest.trim_start())))
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
    let text = body(line).1;
    let is_call = |text: &str| text.split_once('(').is_some_and(|(name, _)| is_name(name));
    let endings = ["<unfinished ...>", " attached"];
    text.starts_with("+++ ")
        || text.starts_with("--- SIG")
        || attached(text) == Some("")
        || is_summary(line)
        || is_call(text)
            && (text.contains(") = ")
                || text.contains(")  ")
                || endings.iter().any(|ending| text.ends_with(ending)))
}

/// The heading of `strace -c`.
fn is_summary(line: &str) -> bool {
    line.starts_with("% time ") && line.ends_with(" syscall")
}

/// What stands before `strace: Process 12 attached`, if that ends the line.
fn attached(text: &str) -> Option<&str> {
    let (before, message) = text.rsplit_once("strace: Process ")?;
    let (pid, rest) = message.split_once(' ')?;
    let is_pid = pid.bytes().all(|byte| byte.is_ascii_digit());
    (is_pid && rest == "attached").then_some(before)
}

/// What strace says of itself, of the ends of processes, of signals and of stacks.
fn is_message(text: &str) -> bool {
    let says = ["+++ ", "--- ", "strace: ", "> "];
    let old = text
        .strip_prefix("Process ")
        .and_then(|text| text.split_once(' '));
    let words = ["attached", "detached", "suspended", "resumed"];
    let is_old = |(pid, what): (&str, &str)| {
        pid.parse::<i32>().is_ok() && words.iter().any(|word| what.starts_with(word))
    };
    text.is_empty() || says.iter().any(|says| text.starts_with(says)) || old.is_some_and(is_old)
}

/// The processes of a log. A line of the only process that there is at its time has no pid.
#[derive(Default)]
struct Owners {
    /// The process that is there first, if it has a pid anywhere.
    first: Option<i32>,
    /// Those that are there now.
    alive: BTreeSet<Option<i32>>,
}

impl Owners {
    /// Those of a log. The first process is the one that nobody in it has made.
    fn of(text: &str) -> Self {
        let (mut made, mut seen) = (BTreeSet::<i32>::new(), Vec::new());
        for line in text.lines() {
            let (pid, rest) = body(line);
            if let Some(pid) = pid.filter(|pid| !seen.contains(pid)) {
                seen.push(pid);
            }
            let call = rest.strip_prefix("<... ").unwrap_or(rest);
            let name = call.split(['(', ' ']).next().unwrap_or_default();
            if is_fork(name) {
                let result = rest.rsplit_once(" = ").map_or("", |(_, result)| result);
                made.extend(
                    result
                        .split(' ')
                        .next()
                        .and_then(|pid| pid.parse::<i32>().ok()),
                );
            }
            if let Some(before) = attached(rest) {
                let message = &rest[before.len()..];
                made.extend(
                    message
                        .split(' ')
                        .nth(2)
                        .and_then(|pid| pid.parse::<i32>().ok()),
                );
            }
        }
        let first = seen.into_iter().find(|pid| !made.contains(pid));
        Self {
            first,
            alive: BTreeSet::from([first]),
        }
    }

    /// Whose line it is, of all that have begun a call of that name if it goes on with one.
    fn of_line(
        &mut self,
        pid: Option<i32>,
        goes_on: Option<&str>,
        begun: &BTreeMap<Option<i32>, Begun>,
    ) -> Option<i32> {
        if pid.is_some() {
            self.alive.insert(pid);
            return pid;
        }
        let has_begun = |name: &str| {
            let is_it = |begun: &Begun| begun.text.split('(').next() == Some(name);
            let mut owners = begun.iter().filter(|(_, begun)| is_it(begun));
            owners.next().map(|(owner, _)| *owner)
        };
        match goes_on.and_then(has_begun) {
            Some(owner) => owner,
            None if self.alive.len() == 1 => self.alive.first().copied().flatten(),
            None => self.first,
        }
    }
}

/// Reads a log. `text` is all of it.
///
/// # Errors
/// The first line that is not understood.
#[allow(
    clippy::too_many_lines,
    reason = "the forms of a line, one after the other"
)]
pub(super) fn read(text: &str) -> Result<Vec<LoggedCall>, Trouble> {
    let mut owners = Owners::of(text);
    let mut calls: Vec<Option<LoggedCall>> = Vec::new();
    let mut begun: BTreeMap<Option<i32>, Begun> = BTreeMap::new();
    // Whose call has been cut by a message, in the line before.
    let mut cut = None;
    for (number, line) in text.lines().enumerate() {
        let (pid, rest) = body(line);
        let trouble = |text: &str, why: &str| {
            let at = text.as_ptr() as usize - line.as_ptr() as usize;
            Trouble::at(number, line, at, why.to_owned(), EXPECTED)
        };
        if is_summary(line.trim()) {
            let why = "a summary of strace -c, which does not have the calls themselves";
            return Err(trouble(line, why));
        }
        let was_cut = cut.take();
        if was_cut.is_some() && rest == "<unfinished ...>" {
            continue;
        }
        if is_message(rest) {
            if rest.starts_with("+++ ") {
                let owner = owners.of_line(pid, None, &begun);
                owners.alive.remove(&owner);
                let unfinished = begun.remove(&owner);
                calls.extend(unfinished.map(|begun| Some(begun.never_returned(owner))));
            }
            continue;
        }
        let resumed = rest.strip_prefix("<... ");
        let goes_on = resumed.and_then(|rest| rest.split(' ').next());
        let owner = owners.of_line(pid, goes_on, &begun);
        if let Some(begin) = rest.strip_suffix("<unfinished ...>").or(attached(rest)) {
            let name = begin.split('(').next().unwrap_or_default();
            if !is_name(name) || !begin.contains('(') {
                return Err(trouble(rest, "no call before it breaks off"));
            }
            let place = is_fork(name).then_some(calls.len());
            if place.is_some() {
                calls.push(None);
            }
            let before = Begun {
                line: number,
                text: begin.trim_end().to_owned(),
                place,
            };
            if begun.insert(owner, before).is_some() {
                return Err(trouble(rest, "a call within a call of the same process"));
            }
            cut = rest.ends_with(" attached").then_some(owner);
            continue;
        }
        let (before, end) = match (resumed, was_cut) {
            (Some(resumed), _) => {
                let (_, end) = resumed
                    .split_once(" resumed>")
                    .ok_or_else(|| trouble(rest, "no `resumed>`"))?;
                let before = begun.remove(&owner);
                let before =
                    before.ok_or_else(|| trouble(rest, "resumes a call that was not begun"))?;
                (Some(before), end)
            }
            (None, Some(owner)) if !is_line(line.trim()) => (begun.remove(&owner), rest),
            _ => (None, rest),
        };
        let owner = was_cut
            .filter(|_| before.is_some() && resumed.is_none())
            .unwrap_or(owner);
        let (at, begin, place) = match before {
            Some(Begun { line, text, place }) => (line, text, place),
            None => (number, String::new(), None),
        };
        let whole = format!("{begin}{end}");
        let call = call(owner, at, &whole).map_err(|(offset, why)| {
            let offset = offset.saturating_sub(begin.len()).min(end.len());
            trouble(end.get(offset..).unwrap_or(end), why)
        })?;
        match place.and_then(|place| calls.get_mut(place)) {
            Some(kept) => *kept = Some(call),
            None => calls.push(Some(call)),
        }
    }
    let mut unfinished: Vec<(Option<i32>, Begun)> = begun.into_iter().collect();
    unfinished.sort_by_key(|(_, begun)| begun.line);
    calls.extend(
        unfinished
            .into_iter()
            .map(|(owner, begun)| Some(begun.never_returned(owner))),
    );
    Ok(calls.into_iter().flatten().collect())
}

impl Begun {
    /// The call, as far as it is known.
    fn never_returned(self, pid: Option<i32>) -> LoggedCall {
        let (name, args) = self.text.split_once('(').unwrap_or((&self.text, ""));
        LoggedCall {
            line: self.line + 1,
            pid,
            name: name.to_owned(),
            args: split(args),
            returned: Returned::Never,
        }
    }
}

/// What a program prints comes in between if both go to the terminal.
const NO_RESULT: &str = "no result ` = ...` at the end of the call; if the program itself has printed \
     there, `strace -f -o FILE` keeps the log apart";

/// `name(args) = result`, or what is wrong and at which byte.
fn call(pid: Option<i32>, line: usize, text: &str) -> Result<LoggedCall, (usize, &'static str)> {
    let (name, rest) = text.split_once('(').ok_or((0, "not a line of strace"))?;
    if !is_name(name) {
        return Err((0, "no name of a system call"));
    }
    let equals = rest.rfind(" = ");
    let equals = equals.ok_or((text.len(), NO_RESULT))?;
    let args = rest[..equals].trim_end().strip_suffix(')');
    let args = args.ok_or((name.len() + 1 + equals, "no `)` before the result"))?;
    let result = rest[equals + 3..].trim();
    let mut words = result.split_whitespace();
    let value = words.next().unwrap_or_default();
    let returned = match (value, words.next()) {
        ("-1", Some(errno)) if errno.starts_with('E') => Returned::Error(errno.to_owned()),
        ("?", Some(errno)) if errno.starts_with("ERESTART") => Returned::Restarted,
        // `strace -y` puts the file behind a descriptor.
        _ => parse(value.split('<').next().unwrap_or_default())
            .map_or(Returned::Unknown, Returned::Value),
    };
    Ok(LoggedCall {
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
