//! The tables of `perf sched latency`, `perf sched map` and `perf stat`.

use super::latency::{Latency, LatencyRow, latency, lost};
use super::timehist::{msec, sec};
use crate::abi::{Pid, TaskId};
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::text::{Line, Role, Text, cell};
use serde::Serialize;
use std::collections::BTreeMap;
use std::iter::once;

/// Delays as `perf sched latency` prints them.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PerfLatency {
    /// The tasks, the one with the longest average delay first.
    pub rows: Vec<LatencyRow>,
    /// CPU time of all tasks, ticks.
    pub runtime: u64,
    /// How often any task was switched to.
    pub switches: u64,
    /// Number of dropped trace events; what happened before them is missing.
    pub dropped: u64,
}

/// How long tasks ran and waited, from one tick until another, or until now.
pub fn perf_latency(machine: &Machine, from: u64, to: u64) -> PerfLatency {
    let Latency {
        mut rows, dropped, ..
    } = latency(machine, from, to);
    // The order of equal ones is that of their pids.
    rows.sort_by(|left, right| right.avg_wait.total_cmp(&left.avg_wait));
    PerfLatency {
        runtime: rows.iter().map(|row| row.runtime).sum(),
        switches: rows.iter().map(|row| row.switches).sum(),
        rows,
        dropped,
    }
}

impl PerfLatency {
    /// The table, in perf's columns.
    pub fn text(&self) -> Text {
        let rule = || cell(Role::Heading, format_args!(" {}", "-".repeat(113)));
        let head = "  Task                  |   Runtime ms  | Switches | Average delay ms | Maximum \
                    delay ms | Maximum delay at       |";
        let row = |row: &LatencyRow| {
            let task = format!("{}:{}", row.name, row.pid);
            let at = row.max_at.map_or("-".to_owned(), sec);
            Line::default()
                .plain("  ")
                .add(Role::Name, format_args!("{task:<22}"))
                .plain("|")
                .add(Role::Number, format_args!("{:>11} ms", msec(row.runtime)))
                .plain(" |")
                .add(Role::Number, format_args!("{:>9}", row.switches))
                .plain(" | avg:")
                .add(Role::Number, format_args!("{:>9.3} ms", row.avg_wait))
                .plain(" | max:")
                .add(Role::Number, format_args!("{:>9} ms", msec(row.max_wait)))
                .plain(" | max at: ")
                .add(Role::Number, format_args!("{at:>12} s"))
        };
        let total = format!(
            "  TOTAL:                |{:>11} ms |{:>9} |",
            msec(self.runtime),
            self.switches
        );
        lost(self.dropped)
            .into_iter()
            .chain([rule(), cell(Role::Heading, head), rule()])
            .chain(self.rows.iter().map(row))
            .chain([rule(), Line::default().plain(total), rule()])
            .collect()
    }
}

/// Who got which CPU when, as `perf sched map` prints it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PerfMap {
    /// One for each switch.
    pub rows: Vec<MapRow>,
    /// Number of dropped trace events; what happened before them is missing.
    pub dropped: u64,
}

/// The CPUs after a switch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MapRow {
    /// When it happened, tick.
    pub tick: u64,
    /// The CPU that switched.
    pub cpu: u8,
    /// The short name of the task on each CPU; `.` for idle, empty for unknown.
    pub cpus: Vec<String>,
    /// The task, if its short name is new.
    pub new: Option<String>,
}

/// The switches from one tick until another.
pub fn perf_map(machine: &Machine, from: u64, to: u64) -> PerfMap {
    let kernel = &machine.kernel;
    let mut short: BTreeMap<Pid, String> = BTreeMap::new();
    let mut cpus = vec![String::new(); kernel.sched.cpus()];
    let mut rows = Vec::new();
    for record in kernel.log.records() {
        let stamp = record.stamp;
        let TraceEvent::SchedSwitch {
            next, next_name, ..
        } = record.event
        else {
            continue;
        };
        if stamp.tick >= to {
            break;
        }
        let mut new = None;
        let name = if next == Pid(0) {
            ".".to_owned()
        } else if let Some(name) = short.get(&next) {
            name.clone()
        } else {
            let name = short_name(short.len());
            short.insert(next, name.clone());
            new = Some(format!("{}:{next}", kernel.names.get(next_name)));
            name
        };
        if let Some(cpu) = cpus.get_mut(usize::from(stamp.cpu)) {
            *cpu = name;
        }
        if stamp.tick >= from {
            rows.push(MapRow {
                tick: stamp.tick,
                cpu: stamp.cpu,
                cpus: cpus.clone(),
                new,
            });
        }
    }
    PerfMap {
        rows,
        dropped: kernel.log.dropped(),
    }
}

/// A0, B0, .. Z0, A1, ..
fn short_name(number: usize) -> String {
    let letter = (b'A' + (number % 26) as u8) as char;
    format!("{letter}{}", number / 26)
}

impl PerfMap {
    /// The table, in perf's columns: a star marks the CPU that switched.
    pub fn text(&self) -> Text {
        let row = |row: &MapRow| {
            let mut line = Line::default();
            for (cpu, name) in row.cpus.iter().enumerate() {
                let star = if cpu == usize::from(row.cpu) {
                    "*"
                } else {
                    " "
                };
                line = line.plain(star).add(Role::Name, format_args!("{name:<3}"));
            }
            let line = line.add(Role::Number, format_args!(" {:>12} secs", sec(row.tick)));
            match &row.new {
                Some(task) => line
                    .add(
                        Role::Name,
                        format_args!(" {}", row.cpus[usize::from(row.cpu)]),
                    )
                    .plain(format_args!(" => {task}")),
                None => line,
            }
        };
        lost(self.dropped)
            .into_iter()
            .chain(self.rows.iter().map(row))
            .collect()
    }
}

/// Counters as `perf stat` prints them.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PerfStat {
    /// What is counted: `system wide`, or a task.
    pub of: String,
    /// CPU time, ticks.
    pub task_clock: u64,
    /// Switches from these tasks to another.
    pub context_switches: u64,
    /// Moves to another CPU.
    pub cpu_migrations: u64,
    /// Faults of user mode and of the kernel in their name.
    pub page_faults: u64,
    /// Those that were handled without reading from a device; `None` for the whole system.
    pub minor_faults: Option<u64>,
    /// Those that read from a device.
    pub major_faults: Option<u64>,
    /// Time that has passed, ticks.
    pub elapsed: u64,
    /// Number of CPUs.
    pub cpus: usize,
    /// Number of dropped trace events, which are not counted.
    pub dropped: u64,
}

/// The counters of the whole system, or of a task that exists.
pub fn perf_stat(machine: &Machine, task: Option<TaskId>) -> PerfStat {
    let kernel = &machine.kernel;
    let pid = task.map(|task| kernel.pid(task));
    let is_counted = |of: Pid| pid.is_none_or(|pid| pid == of);
    let mut stat = PerfStat {
        of: match task {
            Some(task) => {
                let name = kernel.names.get(kernel.comm(task));
                format!("task {}:{name}", kernel.pid(task))
            }
            None => "system wide".to_owned(),
        },
        task_clock: 0,
        context_switches: 0,
        cpu_migrations: 0,
        page_faults: 0,
        minor_faults: None,
        major_faults: None,
        elapsed: kernel.tick(),
        cpus: kernel.sched.cpus(),
        dropped: kernel.log.dropped(),
    };
    for record in kernel.log.records() {
        match record.event {
            TraceEvent::SchedMigrateTask { pid, .. } if is_counted(pid) => stat.cpu_migrations += 1,
            TraceEvent::PageFaultUser { .. } | TraceEvent::PageFaultKernel { .. }
                if is_counted(record.stamp.pid) =>
            {
                stat.page_faults += 1;
            }
            _ => {}
        }
    }
    let switches = |task| {
        let counted = kernel.sched.stat(task);
        u64::from(counted.nvcsw) + u64::from(counted.nivcsw)
    };
    match task {
        Some(task) => {
            let own = kernel.task(task);
            stat.context_switches = switches(task);
            stat.task_clock = kernel.ticks_of(task).into();
            stat.minor_faults = Some(own.min_flt.into());
            stat.major_faults = Some(own.maj_flt.into());
            stat.elapsed = kernel.tick() - own.start_time.min(kernel.tick());
        }
        None => {
            let idle = kernel.sched.cpus() as u64 * kernel.tick();
            let idlers = (0..kernel.sched.cpus()).map(|cpu| kernel.sched.idle(cpu));
            let unused: u64 = idlers
                .clone()
                .map(|idle| u64::from(kernel.ticks_of(idle)))
                .sum();
            stat.task_clock = idle.saturating_sub(unused);
            let all = (0..kernel.sched.cpus()).map(|cpu| kernel.sched.rq(cpu).nr_switches());
            let of_idle = idlers.map(switches);
            stat.context_switches = all.sum::<u64>().saturating_sub(of_idle.sum());
        }
    }
    stat
}

impl PerfStat {
    /// The table, in perf's columns.
    pub fn text(&self) -> Text {
        let per_second = |count: u64| match self.task_clock {
            0 => String::new(),
            ticks => format!("#  {:>10.3} /sec", count as f64 * 1000.0 / ticks as f64),
        };
        let row = |number: String, name: &str, note: String| {
            Line::default()
                .add(Role::Number, format_args!("{number:>20}"))
                .plain(format_args!("      {name:<22}"))
                .add(Role::Dim, note)
                .trimmed()
        };
        let used = match self.elapsed {
            0 => 0.0,
            elapsed => self.task_clock as f64 / elapsed as f64,
        };
        let clock = row(
            format!("{}.00 msec", self.task_clock),
            "task-clock",
            format!("#  {used:>10.3} CPUs utilized"),
        );
        let count = |count: u64, name| row(count.to_string(), name, per_second(count));
        let optional = |number: Option<u64>, name| number.map(|number| count(number, name));
        let elapsed = format!("{:>20} seconds time elapsed", sec(self.elapsed));
        lost(self.dropped)
            .into_iter()
            .chain([
                cell(
                    Role::Heading,
                    format_args!(" Performance counter stats for '{}':", self.of),
                ),
                Line::default(),
                clock,
                count(self.context_switches, "context-switches"),
                count(self.cpu_migrations, "cpu-migrations"),
                count(self.page_faults, "page-faults"),
            ])
            .chain(optional(self.minor_faults, "minor-faults"))
            .chain(optional(self.major_faults, "major-faults"))
            .chain(once(Line::default()))
            .chain(once(Line::default().plain(elapsed)))
            .collect()
    }
}
