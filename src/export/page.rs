//! A run as one page of HTML that needs nothing else: its data as JSON, and a small program that
//! draws them.

mod tasks;
mod who;

use self::tasks::{adoptions, tasks};
use self::who::who;
use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::{ArrayKind, FrameUse, Record, TraceEvent};
use crate::view::{EventFields, Field};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::iter;

/// Events with their values in one element of the page.
const PART: usize = 1000;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const PROGRAM: &str = include_str!("page/page.js");

/// The page of what a machine has done. `name` is its title, `source` the text whose lines caused
/// the events, `printed` what was printed; its colours, as terminals write them, are kept.
pub fn page(machine: &Machine, name: &str, source: &str, printed: &[String]) -> String {
    let (events, values) = events(machine);
    let data = inside(&data(machine, events, name, source, printed));
    let mut page = String::new();
    // What is filled in may contain what looks like the name of another part.
    for piece in PAGE.split_inclusive('}') {
        let Some((html, part)) = piece.rsplit_once('{') else {
            page += piece;
            continue;
        };
        page += html;
        match part {
            "style}" => page += STYLE,
            "title}" => page += &escaped(name),
            "data}" => page += &data,
            "values}" => page += &values,
            "program}" => page += PROGRAM,
            other => page.extend(["{", other]),
        }
    }
    page
}

/// A text in HTML.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
        out
    })
}

fn data(machine: &Machine, events: Value, name: &str, source: &str, printed: &[String]) -> Value {
    let kernel = &machine.kernel;
    let (runs, waits) = who(machine);
    let dropped = kernel.log.dropped();
    let first = kernel.log.records().next().map(|first| first.stamp.tick);
    json!({
        "name": name,
        // Nothing is known of the time before the oldest event that was kept.
        "from": first.filter(|_| dropped > 0).unwrap_or(0),
        "to": kernel.tick(),
        "cpus": kernel.sched.cpus(),
        "dropped": dropped,
        "runs": runs,
        "waits": waits,
        "tasks": tasks(machine),
        "adoptions": adoptions(machine),
        "events": events,
        "frames": frames(machine),
        "lists": lists(machine),
        "source": source.lines().collect::<Vec<_>>(),
        "printed": printed,
    })
}

/// The events, column by column, but for the values of their fields. The names of the kinds are told
/// once, with those of their fields. Numbers and ticks are told by how much they rise.
fn events(machine: &Machine) -> (Value, String) {
    let kernel = &machine.kernel;
    let mut kinds: Vec<Vec<&str>> = Vec::new();
    let (mut seq, mut tick, mut cpu, mut pid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut kind, mut line) = (Vec::new(), Vec::new());
    let (mut last_seq, mut last_tick) = (0, 0);
    let mut values = String::new();
    let mut part = Vec::new();
    for record in kernel.log.records() {
        let event = EventFields::new(&kernel.names, &kernel.log, record);
        let names = || event.fields.iter().map(|(name, _)| *name);
        let words = || iter::once(event.event).chain(names());
        let number = kinds
            .iter()
            .position(|known| words().eq(known.iter().copied()));
        kind.push(number.unwrap_or_else(|| {
            kinds.push(words().collect());
            kinds.len() - 1
        }));
        seq.push(event.seq - last_seq);
        tick.push(event.tick - last_tick);
        (last_seq, last_tick) = (event.seq, event.tick);
        cpu.push(event.cpu);
        pid.push(event.pid.0);
        line.push(event.line);
        part.push(values_of(&event.fields));
        if part.len() == PART {
            values += &element(&std::mem::take(&mut part));
        }
    }
    values += &element(&part);
    let events = json!({
        "kinds": kinds, "seq": seq, "tick": tick, "cpu": cpu, "pid": pid, "kind": kind,
        "line": line,
    });
    (events, values)
}

/// An element of the page with the values of some events. It is read when they are looked at: the
/// values are most of what the page contains.
fn element(values: &[String]) -> String {
    let values = inside(&json!(values));
    format!("<script type=\"application/json\" class=\"values\">{values}</script>\n")
}

/// JSON that stands in an element of the page: what looks like a tag would end the element.
fn inside(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

/// The values of the fields of an event, with tabs between them.
fn values_of(fields: &[(&'static str, Field)]) -> String {
    let value = |(_, value): &(&str, Field)| value.to_string().replace(char::is_control, "?");
    fields.iter().map(value).collect::<Vec<_>>().join("\t")
}

/// The priority lists that tasks are put on, whenever another one than before: `[event, task,
/// priority, whether it is expired]`. A task of -1 is a CPU, by number, that swaps its arrays.
fn lists(machine: &Machine) -> Vec<Value> {
    let mut last: BTreeMap<Pid, (u8, bool)> = BTreeMap::new();
    let mut lists = Vec::new();
    for (number, Record { stamp, event, .. }) in machine.kernel.log.records().enumerate() {
        let (pid, prio, expired) = match *event {
            TraceEvent::SchedSwitch {
                next, next_prio, ..
            } => (next, next_prio, false),
            TraceEvent::SchedWakeup { pid, prio, .. }
            | TraceEvent::SchedWakeupNew { pid, prio, .. } => (pid, prio, false),
            TraceEvent::SchedSetPrio { pid, prio, .. } => (
                pid,
                prio,
                last.get(&pid).is_some_and(|(_, expired)| *expired),
            ),
            TraceEvent::TimesliceExpire { pid, prio, to, .. } => {
                (pid, prio, to == Some(ArrayKind::Expired))
            }
            TraceEvent::ArraySwap {} => {
                lists.push(json!([number, -1, stamp.cpu, false]));
                last.values_mut().for_each(|(_, expired)| *expired = false);
                continue;
            }
            _ => continue,
        };
        if pid != Pid(0) && last.insert(pid, (prio, expired)) != Some((prio, expired)) {
            lists.push(json!([number, pid.0, prio, expired]));
        }
    }
    lists
}

/// What happens to page frames: `[event, first frame, number, owner, use]`, and for a copy
/// `[event, old frame, new frame, task]`. An owner of -1 means that they are free. A fork is `[event,
/// parent, child, whether the memory was copied]`; who execs (true) or exits
/// leaves what it shared.
fn frames(machine: &Machine) -> Value {
    let mut changes: Vec<Value> = Vec::new();
    let mut copies: Vec<Value> = Vec::new();
    let mut forks: Vec<Value> = Vec::new();
    let mut left: Vec<Value> = Vec::new();
    let mut copied = None;
    let mut last = 0;
    for (number, Record { stamp, event, .. }) in machine.kernel.log.records().enumerate() {
        match *event {
            TraceEvent::PageAlloc { pfn, order, usage } => {
                last = last.max(pfn.0 + (1 << order));
                let letter = letter(usage);
                changes.push(json!([number, pfn.0, 1 << order, stamp.pid.0, letter]));
            }
            TraceEvent::PageFree { pfn, order } => {
                changes.push(json!([number, pfn.0, 1 << order, -1, "."]));
            }
            TraceEvent::CowCopy { old, new, .. } => {
                copies.push(json!([number, old.0, new.0, stamp.pid.0]));
            }
            TraceEvent::CopyMm { .. } => copied = Some(stamp.pid),
            TraceEvent::SchedProcessFork { child, .. } => {
                let own = copied.take() == Some(stamp.pid);
                forks.push(json!([number, stamp.pid.0, child.0, own]));
            }
            TraceEvent::SchedProcessExec { .. } => left.push(json!([number, stamp.pid.0, true])),
            TraceEvent::SchedProcessExit { .. } => left.push(json!([number, stamp.pid.0, false])),
            _ => {}
        }
    }
    json!({ "changes": changes, "copies": copies, "forks": forks, "left": left, "end": last })
}

const fn letter(usage: FrameUse) -> &'static str {
    match usage {
        FrameUse::User => "p",
        FrameUse::Cache => "f",
        FrameUse::PageTable => "T",
        FrameUse::PageDir => "D",
        FrameUse::KernelStack => "K",
        FrameUse::Pipe => "i",
    }
}
