//! What an event came of, back to user mode, a tick or a line of the session; and what came of it.
//! The records say so themselves.

use super::fields::EventFields;
use super::line::event_line;
use crate::abi::{Name, Names};
use crate::trace::{Cause, Record, TraceEvent, TraceLog};
use crate::view::text::{Line, Role, Text, cell, task_tag};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most events that [`Causes`] and [`Effects`] have.
const MOST: usize = 1000;
/// How many blanks a level of [`Effects`] is indented by.
const INDENT: usize = 2;

/// An event, and the events that it came of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Causes {
    /// The event itself, the one that it came of, and so on.
    pub links: Vec<Link>,
    /// What the last of them came of, in words.
    pub origin: String,
    /// The line of the session or script in which that was; 0 for none.
    pub line: u16,
}

/// An event on the way back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Link {
    /// The event.
    pub event: EventFields,
    /// A second event that it came of: for a switch, the one that put the next task on its
    /// runqueue; for a wake-up, the call in which the task slept.
    pub second: Option<u64>,
    /// What the second event has to do with it, in words.
    pub note: Option<String>,
}

/// An event, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Effects {
    /// The event itself and all that came of it, directly or not, in the order in which they
    /// happened, each with the number of events between.
    pub events: Vec<(usize, EventFields)>,
    /// How many more there are.
    pub more: usize,
}

/// The way back from the event with that number; `None` if it is not in the trace.
pub fn causes(names: &Names, log: &TraceLog, seq: u64) -> Option<Causes> {
    let mut record = log.record_of(seq)?;
    let mut links = Vec::new();
    loop {
        let event = EventFields::new(names, log, record);
        let second = log.second_cause(record.seq);
        links.push(Link {
            note: second.and_then(|second| note(names, record, second)),
            event,
            second,
        });
        let before = match record.cause() {
            Cause::Event(before) if links.len() < MOST => before,
            _ => break,
        };
        match log.record_of(before) {
            Some(earlier) => record = earlier,
            None => {
                return Some(Causes {
                    links,
                    origin: format!("event {before}, which the trace does not have"),
                    line: record.line,
                });
            }
        }
    }
    Some(Causes {
        links,
        origin: origin(names, record),
        line: record.line,
    })
}

/// What a second cause has to do with an event.
fn note(names: &Names, record: &Record, second: u64) -> Option<String> {
    match record.event {
        TraceEvent::SchedSwitch {
            next, next_name, ..
        } => {
            let next = tag(names, next, next_name);
            Some(format!("{next} is on the runqueue because of #{second}"))
        }
        TraceEvent::SchedWakeup { pid, name, .. } => {
            let woken = tag(names, pid, name);
            Some(format!("{woken} has slept because of #{second}"))
        }
        _ => None,
    }
}

fn tag(names: &Names, pid: crate::abi::Pid, name: Name) -> String {
    task_tag(pid, names.get(name)).to_string()
}

/// What an event came of that came of no other event.
fn origin(names: &Names, record: &Record) -> String {
    let who = tag(names, record.stamp.pid, record.stamp.name);
    let of_line = |words: String| match record.line {
        0 => words,
        line => format!("{words}, in line {line}"),
    };
    match (record.cause(), record.line) {
        (Cause::Event(before), _) => format!("event {before}, and more before it"),
        (Cause::Timer, _) => of_line(format!("the timer interrupt of tick {}", record.stamp.tick)),
        (Cause::Console, 0) => "the console".to_owned(),
        (Cause::Console, line) if record.console => format!("line {line}, which has {who} act"),
        (Cause::Console, line) => format!("the console, in line {line}"),
        (Cause::Outside, _) if comes_from_user_mode(&record.event) => {
            of_line(format!("what {who} does in user mode"))
        }
        (Cause::Outside, _) if record.console => {
            of_line(format!("the end of what {who} was told to do"))
        }
        (Cause::Outside, 0) => "the start of the machine".to_owned(),
        (Cause::Outside, line) => format!("line {line}"),
    }
}

const fn comes_from_user_mode(event: &TraceEvent) -> bool {
    matches!(
        event,
        TraceEvent::SysEnter { .. }
            | TraceEvent::PageFaultUser { .. }
            | TraceEvent::Trap { .. }
            // A workload goes to sleep without a system call.
            | TraceEvent::SchedSwitch { .. }
    )
}

/// What came of the event with that number; `None` if it is not in the trace.
pub fn effects(names: &Names, log: &TraceLog, seq: u64) -> Option<Effects> {
    log.record_of(seq)?;
    let mut levels = BTreeMap::new();
    let mut events = Vec::new();
    let mut more = 0;
    for record in log.records_from(seq) {
        let from = match record.cause() {
            _ if record.seq == seq => Some(None),
            Cause::Event(cause) => levels.get(&cause).map(|level| Some(*level)),
            Cause::Outside | Cause::Timer | Cause::Console => None,
        };
        let second = || levels.get(&log.second_cause(record.seq)?).copied();
        // A wake-up does not come of the call in which the task slept: it only ends it.
        let queued = matches!(record.event, TraceEvent::SchedSwitch { .. });
        let Some(from) = from.or_else(|| queued.then(second).flatten().map(Some)) else {
            continue;
        };
        let level = from.map_or(0, |level: usize| level + 1);
        levels.insert(record.seq, level);
        if events.len() < MOST {
            events.push((level, EventFields::new(names, log, record)));
        } else {
            more += 1;
        }
    }
    Some(Effects { events, more })
}

/// An event with its number.
fn numbered(event: &EventFields) -> Line {
    cell(Role::Name, format_args!("#{} ", event.seq)).join(event_line(event, 0))
}

impl Causes {
    /// An event a line, the latest first.
    pub fn text(&self) -> Text {
        let mut text = Text::default();
        for (at, link) in self.links.iter().enumerate() {
            let because = if at == 0 { "" } else { "because of " };
            text.push(Line::default().plain(because).join(numbered(&link.event)));
            if let Some(note) = &link.note {
                text.push(cell(Role::Dim, format_args!("  {note}")));
            }
        }
        text.push(Line::default().plain("because of ").plain(&self.origin));
        text
    }
}

impl Effects {
    /// An event a line, each indented below the one that it came of.
    pub fn text(&self) -> Text {
        let mut text: Text = self
            .events
            .iter()
            .map(|(level, event)| {
                Line::default()
                    .plain(" ".repeat(INDENT * level))
                    .join(numbered(event))
            })
            .collect();
        if self.events.len() == 1 {
            text.push(cell(Role::Dim, "  nothing came of it"));
        }
        if self.more > 0 {
            text.push(cell(Role::Dim, format_args!("and {} more", self.more)));
        }
        text
    }
}
