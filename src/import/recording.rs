//! Recordings that `forklab replay` has printed: `tick pid name event fields...`.

use super::Trouble;
use super::schedule::{Birth, Happening, Leaves, Origin, Schedule, What, Who};

const EXPECTED: &str = "a line that forklab replay prints: tick pid name event fields...";

/// The events of recordings.
const EVENTS: [&str; 10] = [
    "spawn",
    "switch",
    "wake",
    "migrate",
    "fork",
    "expire",
    "rr",
    "array_swap",
    "exit",
    "summary",
];

/// A line in its parts.
struct Parts<'a> {
    /// Where it stands, from 0.
    number: usize,
    line: &'a str,
    tick: u64,
    cpu: usize,
    pid: i32,
    name: &'a str,
    event: &'a str,
    fields: &'a str,
}

fn parts(number: usize, line: &str) -> Option<Parts<'_>> {
    let (tick, rest) = line.split_once(' ')?;
    let (cpu, rest) = match rest.strip_prefix("cpu") {
        Some(rest) => {
            let (cpu, rest) = rest.split_once(' ')?;
            (cpu.parse().ok()?, rest)
        }
        None => (0, rest),
    };
    let (pid, rest) = rest.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    let (event, fields) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Parts {
        number,
        line,
        tick: tick.parse().ok()?,
        cpu,
        pid: pid.parse().ok()?,
        name,
        event: EVENTS.into_iter().find(|known| *known == event)?,
        fields,
    })
}

/// Whether a line is one of a recording.
pub(super) fn is_line(line: &str) -> bool {
    parts(0, line).is_some()
}

fn field<'a>(fields: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = fields.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// `3:kid`
fn who(value: &str) -> Option<(i32, &str)> {
    let (pid, name) = value.split_once(':')?;
    Some((pid.parse().ok()?, name))
}

/// With what a task begins.
fn birth(fields: &str) -> Option<Birth> {
    Some(Birth {
        slice: field(fields, "slice")?.parse().ok()?,
        sleep_avg: field(fields, "sleep_avg")?.parse().ok()?,
    })
}

/// Reads a recording.
///
/// # Errors
/// The first line that is not understood.
pub(super) fn read(text: &str) -> Result<Schedule, Trouble> {
    let mut lines: Vec<Parts> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let read = parts(number, line).ok_or_else(|| {
            let why = "not a line of a recording".to_owned();
            Trouble::at(number, line, 0, why, EXPECTED)
        })?;
        lines.push(read);
    }
    let mut schedule = Schedule::from(Origin::Forklab);
    for (number, line) in lines.iter().enumerate() {
        let none = |name| Who {
            pid: line.pid,
            name,
            prio: None,
        };
        let prio = |key: &str| field(line.fields, key).and_then(|prio| prio.parse().ok());
        let me = Who {
            prio: prio("prio"),
            ..none(line.name)
        };
        let what = match line.event {
            "spawn" => What::New(me, line.cpu, birth(line.fields)),
            "switch" => {
                let Some((pid, name)) = field(line.fields, "next").and_then(who) else {
                    continue;
                };
                let prio = prio("nprio");
                let leaves = how_it_left(&lines, number);
                What::Switch(me, leaves, Who { pid, name, prio })
            }
            "wake" => What::Wake(me),
            "fork" => {
                let Some((pid, name)) = field(line.fields, "child").and_then(who) else {
                    continue;
                };
                let prio = prio("cprio");
                What::Fork(me, Who { pid, name, prio })
            }
            "exit" => What::Exit(line.pid),
            "expire" if field(line.fields, "to") == Some("rt") => What::RoundRobin(line.pid),
            _ => continue,
        };
        let happening = Happening {
            at: line.tick.saturating_mul(1_000_000),
            cpu: line.cpu,
            running: None,
            // Nobody is recorded as the waker: sleeps end by their timers.
            in_interrupt: true,
            what,
        };
        let added = schedule.add(happening);
        added.map_err(|why| Trouble::at(line.number, line.line, 0, why, EXPECTED))?;
    }
    schedule.finish();
    Ok(schedule)
}

/// A recording does not say whether a task could have run on. If it is woken before its next turn,
/// it slept.
fn how_it_left(lines: &[Parts], number: usize) -> Leaves {
    let pid = lines[number].pid;
    for line in &lines[number + 1..] {
        let next = field(line.fields, "next").and_then(who);
        let has_turn = line.event == "switch" && next.is_some_and(|(next, _)| next == pid);
        match line.event {
            "wake" if line.pid == pid => return Leaves::Sleeping,
            "summary" if line.pid == pid => {
                let state = field(line.fields, "state").unwrap_or_default();
                let queued = ["running", "active", "expired"].contains(&state);
                return if queued {
                    Leaves::Runnable
                } else {
                    Leaves::Sleeping
                };
            }
            _ if has_turn => return Leaves::Runnable,
            _ => {}
        }
    }
    Leaves::Sleeping
}
