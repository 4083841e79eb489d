//! Who had the CPU when, from the `sched_switch` records of the trace.

use super::on_cpu::{OnCpu, on_cpu_now};
use crate::abi::{Name, Names, Pid};
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent, TraceLog};
use serde::Serialize;
use std::collections::BTreeMap;

/// Who did what between two ticks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Timeline {
    /// First tick of the period.
    pub from: u64,
    /// First tick after the period.
    pub to: u64,
    /// Number of CPUs of the machine.
    pub cpus: usize,
    /// The intervals during which tasks had a CPU. An empty interval is a task that ran without
    /// using time. The idle tasks have pid 0.
    pub runs: Vec<Interval>,
    /// The intervals during which tasks were runnable without a CPU.
    pub waits: Vec<Interval>,
    /// Number of dropped trace events. The period begins with the oldest one that is kept.
    pub dropped: u64,
}

/// A stretch of time, `[from, to)` in ticks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Interval {
    /// Pid of the task.
    pub pid: Pid,
    /// Its name at the end of the interval.
    pub name: String,
    /// CPU that it ran on, or became runnable on.
    pub cpu: u8,
    /// First tick of the interval.
    pub from: u64,
    /// First tick after the interval.
    pub to: u64,
}

impl Timeline {
    /// The part of it between two ticks.
    pub fn part(&self, from: u64, to: u64) -> Self {
        let to = to.min(self.to).max(from);
        let cut = |interval: &Interval| {
            let passing = interval.from == interval.to;
            let (start, end) = (interval.from.max(from), interval.to.min(to));
            let shown = if passing {
                // Those at the end are of the present moment.
                (from..to).contains(&interval.from) || interval.from == to && to == self.to
            } else {
                start < end
            };
            shown.then(|| Interval {
                from: start,
                to: end,
                ..interval.clone()
            })
        };
        Self {
            from,
            to,
            cpus: self.cpus,
            runs: self.runs.iter().filter_map(cut).collect(),
            waits: self.waits.iter().filter_map(cut).collect(),
            dropped: self.dropped,
        }
    }
}

/// The part of a machine's history from one tick until another, or until now.
pub fn timeline(machine: &Machine, from: u64, to: u64) -> Timeline {
    let kernel = &machine.kernel;
    let to = to.min(kernel.tick()).max(from);
    let now = on_cpu_now(kernel);
    // What takes no time may happen at the present tick, before the clock goes on.
    let moments = if to == kernel.tick() { to + 1 } else { to };
    follow(&kernel.log, &kernel.names, &now, (from, to, moments))
}

/// Like [`timeline`], but from a log alone; `now` lists the tasks on the CPUs at its end.
pub fn timeline_of(
    log: &TraceLog,
    names: &Names,
    now: &[(Pid, Name)],
    from: u64,
    to: u64,
) -> Timeline {
    follow(log, names, now, (from, to, to))
}

fn follow(
    log: &TraceLog,
    names: &Names,
    now: &[(Pid, Name)],
    (from, to, moments): (u64, u64, u64),
) -> Timeline {
    let dropped = log.dropped();
    // Nobody knows who had the CPUs before that.
    let known = match dropped {
        0 => 0,
        _ => log.records().next().map_or(to, |oldest| oldest.stamp.tick),
    };
    let mut follow = Follow {
        names,
        moments,
        since: vec![known; now.len()],
        on_cpu: OnCpu::before(log, now),
        waiting: BTreeMap::new(),
        timeline: Timeline {
            from: from.max(known).min(to),
            to,
            cpus: now.len(),
            runs: Vec::new(),
            waits: Vec::new(),
            dropped,
        },
    };
    for record in log
        .records()
        .take_while(|record| record.stamp.tick < moments)
    {
        follow.record(record);
    }
    follow.end();
    follow.timeline
}

/// The state at the record that is being looked at.
struct Follow<'a> {
    names: &'a Names,
    /// The first tick of which nothing is told, not even what takes no time.
    moments: u64,
    on_cpu: OnCpu,
    /// Since when the current task of each CPU has had it.
    since: Vec<u64>,
    /// Runnable tasks without a CPU: name, CPU, since when.
    waiting: BTreeMap<Pid, (Name, u8, u64)>,
    timeline: Timeline,
}

impl Follow<'_> {
    fn record(&mut self, record: &Record) {
        let (tick, cpu) = (record.stamp.tick, record.stamp.cpu);
        match record.event {
            TraceEvent::SchedSwitch {
                prev,
                prev_name,
                prev_state,
                next,
                ..
            } => {
                self.close_run(prev, prev_name, cpu, tick);
                if prev_state == 0 && prev != Pid(0) {
                    self.waiting.insert(prev, (prev_name, cpu, tick));
                }
                if let Some((name, cpu, since)) = self.waiting.remove(&next) {
                    self.close_wait(next, name, cpu, since, tick);
                }
                self.on_cpu.follow(record);
            }
            TraceEvent::SchedWakeup {
                pid,
                name,
                target_cpu,
                ..
            }
            | TraceEvent::SchedWakeupNew {
                pid,
                name,
                target_cpu,
                ..
            } if !self.on_cpu.has(pid) => {
                self.waiting.entry(pid).or_insert((name, target_cpu, tick));
            }
            TraceEvent::SchedMigrateTask { pid, to, .. } => {
                if let Some((name, from, since)) = self.waiting.remove(&pid) {
                    self.close_wait(pid, name, from, since, tick);
                    self.waiting.insert(pid, (name, to, tick));
                }
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        let to = self.timeline.to;
        for cpu in 0..self.timeline.cpus as u8 {
            let (pid, name) = self.on_cpu.get(cpu);
            // Who has just got the CPU has not run yet.
            if self
                .since
                .get(usize::from(cpu))
                .is_some_and(|since| *since < to)
            {
                self.close_run(pid, name, cpu, to);
            }
        }
        for (pid, (name, cpu, since)) in std::mem::take(&mut self.waiting) {
            self.close_wait(pid, name, cpu, since, to);
        }
    }

    fn close_run(&mut self, pid: Pid, name: Name, cpu: u8, to: u64) {
        let Some(since) = self.since.get_mut(usize::from(cpu)) else {
            return;
        };
        let from = std::mem::replace(since, to);
        let Some(interval) = self.interval(pid, name, cpu, from, to) else {
            return;
        };
        // Being idle for no time is not shown, and several runs at the same moment count as one.
        let passing = interval.from == interval.to;
        let mut this_moment = self
            .timeline
            .runs
            .iter()
            .rev()
            .take_while(|run| run.to == to);
        if passing && (pid == Pid(0) || this_moment.any(|run| *run == interval)) {
            return;
        }
        self.timeline.runs.push(interval);
    }

    fn close_wait(&mut self, pid: Pid, name: Name, cpu: u8, from: u64, to: u64) {
        let interval = self.interval(pid, name, cpu, from, to);
        self.timeline
            .waits
            .extend(interval.filter(|interval| interval.from < interval.to));
    }

    /// The visible part of an interval, if any.
    fn interval(&self, pid: Pid, name: Name, cpu: u8, from: u64, to: u64) -> Option<Interval> {
        let Timeline {
            from: first,
            to: end,
            ..
        } = self.timeline;
        let passing = from == to;
        let (from, to) = if passing {
            (from, to)
        } else {
            (from.max(first), to.min(end))
        };
        let shown = if passing {
            first <= from && to < self.moments
        } else {
            from < to
        };
        let name = || self.names.get(name).to_owned();
        shown.then(|| Interval {
            pid,
            name: name(),
            cpu,
            from,
            to,
        })
    }
}
