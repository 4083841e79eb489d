//! A run as one page of HTML that needs nothing else: its data as JSON, and a small program that
//! draws them.

use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::{ArrayKind, FrameUse, Record, TraceEvent};
use crate::view::{EventFields, Field, Interval, Life, timeline, turnaround};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const PROGRAM: &str = include_str!("page/page.js");

/// The page of what a machine has done. `name` is its title, `source` the text whose lines caused
/// the events, `printed` what was printed.
pub fn page(machine: &Machine, name: &str, source: &str, printed: &[String]) -> String {
    let data = data(machine, name, source, printed).to_string();
    // What looks like a tag would end the element that the data stand in.
    let data = data.replace('<', "\\u003c");
    let (before, after) = PAGE.split_once("{data}").unwrap_or((PAGE, ""));
    let before = before
        .replace("/*style*/", STYLE)
        .replace("{title}", &escaped(name));
    let after = after.replace("/*program*/", PROGRAM);
    [before, data, after].concat()
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

fn data(machine: &Machine, name: &str, source: &str, printed: &[String]) -> Value {
    let kernel = &machine.kernel;
    let timeline = timeline(machine, 0, kernel.tick());
    let interval =
        |interval: &Interval| json!([interval.pid.0, interval.cpu, interval.from, interval.to]);
    let mut names: BTreeMap<Pid, String> = BTreeMap::new();
    for interval in timeline.runs.iter().chain(&timeline.waits) {
        names.insert(interval.pid, interval.name.clone());
    }
    let runs: Vec<Value> = timeline
        .runs
        .iter()
        .filter(|run| run.pid != Pid(0))
        .map(interval)
        .collect();
    let waits: Vec<Value> = timeline.waits.iter().map(interval).collect();
    json!({
        "name": name,
        "from": 0,
        "to": kernel.tick(),
        "cpus": timeline.cpus,
        "dropped": kernel.log.dropped(),
        "runs": runs,
        "waits": waits,
        "names": names.iter().map(|(pid, name)| (pid.0.to_string(), name)).collect::<BTreeMap<_, _>>(),
        "tasks": tasks(machine),
        "events": events(machine),
        "frames": frames(machine),
        "lists": lists(machine),
        "source": source.lines().collect::<Vec<_>>(),
        "printed": printed,
    })
}

/// The tasks with their parents and when they lived.
fn tasks(machine: &Machine) -> Vec<Value> {
    let parents: BTreeMap<(Pid, u64), Pid> = machine
        .kernel
        .log
        .records()
        .filter_map(|record| match record.event {
            TraceEvent::SchedProcessFork { child, .. } => {
                Some(((child, record.stamp.tick), record.stamp.pid))
            }
            _ => None,
        })
        .collect();
    let task = |life: Life| {
        let parent = parents
            .get(&(life.pid, life.arrived))
            .map_or(0, |parent| parent.0);
        json!([life.pid.0, life.name, parent, life.arrived, life.ended])
    };
    turnaround(machine).rows.into_iter().map(task).collect()
}

/// The events, column by column. The names of the kinds are told once.
fn events(machine: &Machine) -> Value {
    let kernel = &machine.kernel;
    let mut kinds: Vec<&str> = Vec::new();
    let (mut seq, mut tick, mut cpu, mut pid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut kind, mut line, mut text) = (Vec::new(), Vec::new(), Vec::new());
    for record in kernel.log.records() {
        let event = EventFields::new(&kernel.names, &kernel.log, record);
        let number = kinds.iter().position(|known| *known == event.event);
        kind.push(number.unwrap_or_else(|| {
            kinds.push(event.event);
            kinds.len() - 1
        }));
        seq.push(event.seq);
        tick.push(event.tick);
        cpu.push(event.cpu);
        pid.push(event.pid.0);
        line.push(event.line);
        text.push(words(&event.fields));
    }
    json!({
        "kinds": kinds, "seq": seq, "tick": tick, "cpu": cpu, "pid": pid, "kind": kind,
        "line": line, "text": text,
    })
}

fn words(fields: &[(&'static str, Field)]) -> String {
    fields.iter().fold(String::new(), |mut text, (key, value)| {
        let blank = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{blank}{key}={value}");
        text
    })
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
