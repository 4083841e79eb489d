//! Traces of real machines: the text of ftrace, and what `perf sched script` or `perf script` print
//! of scheduling events.
//!
//! ```text
//!   make-1234  [001] d..3. 5071.203345: sched_switch: prev_comm=make prev_pid=1234 ... ==> ...
//!   make  1234 [001]  5071.203345: sched:sched_switch: prev_comm=make ... ==> next_comm=...
//!   make  1234 [001]  5071.203345: sched:sched_switch: make:1234 [120] S ==> sh:7 [120]
//! ```

use super::Trouble;
use super::schedule::{Happening, Leaves, Prios, Schedule, What, Who};

/// The header of traces that forklab has written: their priorities are dynamic.
pub(crate) const OWN: &str = "# priorities: dynamic, Linux 2.6.12";

/// The events that are understood.
const EVENTS: [&str; 5] = [
    "sched_switch",
    "sched_wakeup",
    "sched_wakeup_new",
    "sched_process_fork",
    "sched_process_exit",
];

/// What was read of a trace.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) schedule: Schedule,
    /// Number of lines about other events.
    pub(super) others: u64,
    /// Number of events that the other machine has lost.
    pub(super) lost: u64,
}

/// Whether a line looks like one of a trace.
pub(super) fn is_line(line: &str) -> bool {
    let has = |event: &str| {
        let at = line.find(event);
        at.is_some_and(|at| line[at + event.len()..].starts_with(':'))
    };
    line.starts_with("# tracer:") || EVENTS.iter().any(|event| has(event))
}

/// Reads a trace.
///
/// # Errors
/// The first line that is not understood.
pub(super) fn read(text: &str) -> Result<Read, Trouble> {
    let mut read = Read::default();
    for (number, line) in text.lines().enumerate() {
        let trouble = |(at, why): (usize, String)| Trouble::at(number, line, at, why, EXPECTED);
        read.line(line).map_err(trouble)?;
    }
    if read.schedule.is_empty() {
        let why = "no scheduling event in the whole trace".to_owned();
        return Err(Trouble::at(0, "", 0, why, EXPECTED));
    }
    read.schedule.finish();
    Ok(read)
}

const EXPECTED: &str = "a line of ftrace or perf script such as `sh-7 [000] d..3. 12.345678: \
     sched_switch: prev_comm=sh prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=...`";

/// What is wrong, and at which byte of the line.
type Wrong = (usize, String);

impl Read {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        if line.starts_with(OWN) {
            self.schedule.prios = Prios::Dynamic;
        }
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Ok(());
        }
        if let Some(lost) = lost_events(trimmed) {
            self.lost += lost;
            return Ok(());
        }
        let head = head(line)?;
        let args = line.get(head.args..).unwrap_or_default();
        let what = match head.event {
            "sched_switch" => switch(args),
            "sched_wakeup" | "sched_wakeup_new" => wake(args),
            "sched_process_fork" => fork(args),
            "sched_process_exit" => pair(args, "pid").and_then(number).map(What::Exit),
            _ => {
                self.others += 1;
                return Ok(());
            }
        };
        let what = what.ok_or_else(|| {
            let why = format!("{} without the fields that it has", head.event);
            (head.args, why)
        })?;
        let by = if head.in_interrupt { 0 } else { head.pid };
        self.schedule.add(Happening {
            at: head.at,
            cpu: head.cpu,
            by,
            what,
        });
        Ok(())
    }
}

/// `CPU:2 [LOST 31 EVENTS]`
fn lost_events(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("CPU:")?;
    let (_, lost) = rest.split_once("[LOST ")?;
    lost.split(' ').next()?.parse().ok()
}

/// What stands before the arguments of an event.
struct Head<'a> {
    pid: i32,
    cpu: usize,
    in_interrupt: bool,
    at: u64,
    event: &'a str,
    /// Where the arguments begin.
    args: usize,
}

fn head(line: &str) -> Result<Head<'_>, Wrong> {
    let open = find_cpu(line).ok_or_else(|| (indent(line), "no CPU in brackets".to_owned()))?;
    let close = open + line[open..].find(']').unwrap_or(0);
    let cpu = line[open + 1..close].trim().parse().map_err(|_| {
        let why = format!("{} is not a CPU", &line[open + 1..close]);
        (open + 1, why)
    })?;
    let pid = pid_before(&line[..open])
        .ok_or_else(|| (indent(line), "no pid before the CPU".to_owned()))?;
    // The flags are left out by perf.
    let mut at = close + 1;
    let mut flags = "";
    loop {
        let rest = &line[at..];
        let word = rest.trim_start();
        at += rest.len() - word.len();
        let end = word.find(char::is_whitespace).unwrap_or(word.len());
        let word = &word[..end];
        if let Some(stamp) = word.strip_suffix(':') {
            let ns = stamp_ns(stamp).ok_or_else(|| (at, format!("{stamp} is not a time stamp")))?;
            let (event, args) = event(line, at + end)?;
            return Ok(Head {
                pid,
                cpu,
                // Hard and soft interrupts.
                in_interrupt: flags.contains(['h', 'H', 's']),
                at: ns,
                event,
                args,
            });
        }
        if word.is_empty() {
            return Err((at, "no time stamp".to_owned()));
        }
        flags = word;
        at += end;
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where the CPU stands: in the first brackets that contain only digits.
fn find_cpu(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(open) = line[from..].find('[') {
        let open = from + open;
        let close = open + line[open..].find(']')?;
        let inside = &line[open + 1..close];
        if !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(open);
        }
        from = open + 1;
    }
    None
}

/// The pid at the end of `name-12`, `name-12 (7)` or `name 12`; perf also writes `12/13`.
fn pid_before(text: &str) -> Option<i32> {
    let text = text.trim_end();
    let text = match text.strip_suffix(')') {
        Some(rest) => rest[..rest.rfind('(')?].trim_end(),
        None => text,
    };
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    text[text.len() - digits..].parse().ok()
}

/// Seconds with a fraction, in ns.
fn stamp_ns(stamp: &str) -> Option<u64> {
    let (seconds, fraction) = stamp.split_once('.')?;
    let seconds: u64 = seconds.parse().ok()?;
    let kept = fraction.get(..fraction.len().min(9))?;
    let value: u64 = kept.parse().ok()?;
    let scale = 10_u64.pow(9 - kept.len() as u32);
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(value * scale)
}

/// The name of the event at a place, without its system, and where its arguments begin.
fn event(line: &str, at: usize) -> Result<(&str, usize), Wrong> {
    let rest = &line[at..];
    let word = rest.trim_start();
    let at = at + rest.len() - word.len();
    let end = word.find(char::is_whitespace).unwrap_or(word.len());
    let name = word[..end].trim_end_matches(':');
    let name = name.rsplit(':').next().unwrap_or_default();
    if name.is_empty() || name.len() == end && !word[..end].contains(':') {
        return Err((at, "no name of an event".to_owned()));
    }
    Ok((name, at + end))
}

/// The value of `key=value`. A value may contain blanks; it ends before the next key.
fn pair<'a>(args: &'a str, key: &str) -> Option<&'a str> {
    let mut from = 0;
    loop {
        let at = from + args[from..].find(key)?;
        let value = at + key.len();
        let begins = at == 0 || args.as_bytes()[at - 1] == b' ';
        if begins && args[value..].starts_with('=') {
            let value = &args[value + 1..];
            return Some(&value[..value_end(value)]);
        }
        from = value;
    }
}

/// Where a value ends: before ` key=`, before ` ==>`, or at the end.
fn value_end(value: &str) -> usize {
    let Some(equals) = value.find('=') else {
        return value.trim_end().len();
    };
    let before = value[..equals].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    before.trim_end().len()
}

fn number(text: &str) -> Option<i32> {
    text.parse().ok()
}

fn switch(args: &str) -> Option<What<'_>> {
    let (left, right) = args.split_once("==>")?;
    if !args.contains("prev_pid=") {
        return short_switch(left, right);
    }
    let prev = Who {
        pid: pair(left, "prev_pid").and_then(number)?,
        name: pair(left, "prev_comm")?,
        prio: pair(left, "prev_prio").and_then(number),
    };
    let next = Who {
        pid: pair(right, "next_pid").and_then(number)?,
        name: pair(right, "next_comm")?,
        prio: pair(right, "next_prio").and_then(number),
    };
    Some(What::Switch(prev, leaves(pair(left, "prev_state")?), next))
}

/// `R` and `R+` are runnable; any other letter is not.
fn leaves(state: &str) -> Leaves {
    if state.starts_with('R') {
        Leaves::Runnable
    } else {
        Leaves::Sleeping
    }
}

/// `make:1234 [120] S ==> sh:7 [120]`
fn short_switch<'a>(left: &'a str, right: &'a str) -> Option<What<'a>> {
    let (who, state) = left.trim().rsplit_once(' ')?;
    Some(What::Switch(short(who)?, leaves(state), short(right)?))
}

/// `make:1234 [120]`
fn short(text: &str) -> Option<Who<'_>> {
    let (task, prio) = text.trim().rsplit_once(" [")?;
    let (name, pid) = task.rsplit_once(':')?;
    Some(Who {
        pid: number(pid)?,
        name,
        prio: prio.split(']').next().and_then(number),
    })
}

fn wake(args: &str) -> Option<What<'_>> {
    if !args.contains("pid=") {
        let task = args.split(" success").next()?.split(" CPU").next()?;
        return short(task).map(What::Wake);
    }
    Some(What::Wake(Who {
        pid: pair(args, "pid").and_then(number)?,
        name: pair(args, "comm")?,
        prio: pair(args, "prio").and_then(number),
    }))
}

fn fork(args: &str) -> Option<What<'_>> {
    let who = |name: &str, pid: &str| {
        Some(Who {
            pid: pair(args, pid).and_then(number)?,
            name: pair(args, name)?,
            prio: None,
        })
    };
    let parent = who("comm", "pid").or_else(|| who("parent_comm", "parent_pid"))?;
    Some(What::Fork(parent, who("child_comm", "child_pid")?))
}
