//! How long tasks ran and how long they waited for a CPU, from the trace: as `perf sched latency`
//! tells it.

use super::timeline::{Interval, timeline};
use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::text::task_tag;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;
use std::collections::BTreeMap;

/// How long tasks ran and waited between two ticks.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Latency {
    /// First tick.
    pub from: u64,
    /// First tick behind it.
    pub to: u64,
    /// The tasks that ran or waited, by pid; the idle tasks are not among them.
    pub rows: Vec<LatencyRow>,
    /// Events that the trace has lost: what happened before them is missing.
    pub dropped: u64,
}

/// A task. Times are in ticks.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LatencyRow {
    /// Its number.
    pub pid: Pid,
    /// Its name, at the end.
    pub name: String,
    /// CPU time.
    pub runtime: u64,
    /// How often it was switched to.
    pub switches: u64,
    /// Time that it was runnable and had no CPU, after preemptions too.
    pub wait: u64,
    /// The same, for each switch to it.
    pub avg_wait: f64,
    /// Its longest wait, one that still goes on included.
    pub max_wait: u64,
    /// The tick at which that wait ended; `None` if it never waited.
    pub max_at: Option<u64>,
}

/// How long tasks ran and waited from one tick up to another, or up to now.
pub fn latency(machine: &Machine, from: u64, to: u64) -> Latency {
    let timeline = timeline(machine, from, to);
    let mut rows: BTreeMap<Pid, LatencyRow> = BTreeMap::new();
    for run in timeline.runs.iter().filter(|run| run.pid != Pid(0)) {
        row_of(&mut rows, run).runtime += run.to - run.from;
    }
    for wait in whole_waits(&timeline.waits) {
        let row = row_of(&mut rows, &wait);
        let ticks = wait.to - wait.from;
        row.wait += ticks;
        if ticks > row.max_wait {
            row.max_wait = ticks;
            row.max_at = Some(wait.to);
        }
    }
    let log = &machine.kernel.log;
    for record in log.records() {
        let inside =
            (timeline.from..timeline.to.max(timeline.from + 1)).contains(&record.stamp.tick);
        if let TraceEvent::SchedSwitch { next, .. } = record.event
            && inside
            && let Some(row) = rows.get_mut(&next)
        {
            row.switches += 1;
        }
    }
    for row in rows.values_mut() {
        row.avg_wait = row.wait as f64 / row.switches.max(1) as f64;
    }
    Latency {
        from: timeline.from,
        to: timeline.to,
        rows: rows.into_values().collect(),
        dropped: log.dropped(),
    }
}

fn row_of<'a>(rows: &'a mut BTreeMap<Pid, LatencyRow>, interval: &Interval) -> &'a mut LatencyRow {
    let row = rows.entry(interval.pid).or_insert_with(|| LatencyRow {
        pid: interval.pid,
        name: String::new(),
        runtime: 0,
        switches: 0,
        wait: 0,
        avg_wait: 0.0,
        max_wait: 0,
        max_at: None,
    });
    row.name.clone_from(&interval.name);
    row
}

/// The waits in the order of their ends, those that went on on another CPU as one.
fn whole_waits(waits: &[Interval]) -> Vec<Interval> {
    let mut whole: Vec<Interval> = Vec::new();
    for wait in waits {
        let before = whole
            .iter_mut()
            .rev()
            .find(|before| before.pid == wait.pid)
            .filter(|before| before.to == wait.from && before.cpu != wait.cpu);
        match before {
            Some(before) => {
                before.to = wait.to;
                before.cpu = wait.cpu;
            }
            None => whole.push(wait.clone()),
        }
    }
    whole
}

/// A line for events that the trace has lost.
pub(in crate::view) fn lost(dropped: u64) -> Option<Line> {
    (dropped > 0).then(|| {
        let words = format!("... {dropped} older events dropped (limit trace: --max-trace)");
        cell(Role::Dim, words)
    })
}

impl Latency {
    /// A table of the tasks.
    pub fn text(&self) -> Text {
        let mut table = Table::new(&[
            ("task", Align::Left),
            ("runtime", Align::Right),
            ("switches", Align::Right),
            ("avg wait", Align::Right),
            ("max wait", Align::Right),
            ("until tick", Align::Right),
        ]);
        for row in &self.rows {
            let at = row.max_at.map_or("-".to_owned(), |tick| tick.to_string());
            table.row([
                task_tag(row.pid, &row.name),
                cell(Role::Number, row.runtime),
                cell(Role::Number, row.switches),
                cell(Role::Number, format_args!("{:.1}", row.avg_wait)),
                cell(Role::Number, row.max_wait),
                cell(Role::Number, at),
            ]);
        }
        lost(self.dropped)
            .into_iter()
            .chain(table.text().lines)
            .collect()
    }
}
