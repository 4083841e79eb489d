//! How long tasks ran and how long they waited for a CPU, from the trace, like `perf sched
//! latency`.

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
    /// First tick of the period.
    pub from: u64,
    /// First tick after the period.
    pub to: u64,
    /// The tasks that ran or waited, by pid, without the idle tasks.
    pub rows: Vec<LatencyRow>,
    /// Number of dropped trace events; what happened before them is missing.
    pub dropped: u64,
}

/// A task. Times are in ticks.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LatencyRow {
    /// The task's pid.
    pub pid: Pid,
    /// Its name at the end of the period.
    pub name: String,
    /// CPU time, ticks.
    pub runtime: u64,
    /// How often it was switched to.
    pub switches: u64,
    /// Time that it was runnable without a CPU, also after preemptions.
    pub wait: u64,
    /// The waiting time per switch to it.
    pub avg_wait: f64,
    /// Its longest wait, including one that still goes on.
    pub max_wait: u64,
    /// The tick at which that wait ended; `None` if it never waited.
    pub max_at: Option<u64>,
}

/// How long tasks ran and waited from one tick until another, or until now.
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

/// The waits in the order of their ends; a wait that continued on another CPU counts as one.
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

/// A line about events that the trace has dropped.
pub(in crate::view) fn lost(dropped: u64) -> Option<Line> {
    (dropped > 0).then(|| {
        let words = format!("... {dropped} older events dropped (limit trace: --max-trace)");
        cell(Role::Dim, words)
    })
}

impl Latency {
    /// The tasks as a table.
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
