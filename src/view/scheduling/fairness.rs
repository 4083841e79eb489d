//! Who got how much of the CPUs, compared with the share that the time slices entitle to: per task
//! and per nice value.

use super::latency::lost;
use super::timeline::timeline;
use crate::abi::{MAX_RT_PRIO, Pid, nice_to_static_prio, static_prio_to_nice};
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::text::task_tag;
use crate::view::text::{Align, Role, Table, Text, cell};
use serde::Serialize;
use std::collections::BTreeMap;

/// Who got how much of the CPUs between two ticks.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Fairness {
    /// First tick of the period.
    pub from: u64,
    /// First tick after the period.
    pub to: u64,
    /// In ascending order of pid.
    pub tasks: Vec<Share>,
    /// In ascending order of nice value.
    pub levels: Vec<LevelShare>,
    /// Number of dropped trace events; what happened before them is missing.
    pub dropped: u64,
}

/// The share of a task. Times are in ticks, shares in percent of the time that any task ran.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Share {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// Its last nice value.
    pub nice: i32,
    /// Its full time slice, ticks.
    pub timeslice: u32,
    /// CPU time, ticks.
    pub ran: u64,
    /// Time that it was runnable without a CPU, ticks.
    pub waited: u64,
    /// Its share of the CPU time, percent.
    pub share: f64,
    /// The share that its time slice entitles it to, for the time that it was runnable, of what
    /// real-time tasks left over; `None` for real-time tasks.
    pub expected: Option<f64>,
}

/// The share of all tasks with one nice value.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LevelShare {
    /// The nice value.
    pub nice: i32,
    /// Number of tasks.
    pub tasks: usize,
    /// CPU time, ticks.
    pub ran: u64,
    /// Their share, percent.
    pub share: f64,
    /// Their share by time slices, percent.
    pub expected: f64,
}

/// The times of a task in the period.
#[derive(Clone, Default)]
struct Times {
    name: String,
    ran: u64,
    waited: u64,
    nice: i32,
    /// A full time slice, ticks.
    timeslice: u32,
    real_time: bool,
}

impl Times {
    /// Weight of the task when shares are computed from time slices.
    fn weight(&self) -> u64 {
        if self.real_time {
            0
        } else {
            u64::from(self.timeslice) * (self.ran + self.waited)
        }
    }
}

/// Who got how much of the CPUs from one tick until another, or until now.
pub fn fairness(machine: &Machine, from: u64, to: u64) -> Fairness {
    let timeline = timeline(machine, from, to);
    let mut times: BTreeMap<Pid, Times> = BTreeMap::new();
    for run in timeline.runs.iter().filter(|run| run.pid != Pid(0)) {
        let task = times.entry(run.pid).or_default();
        task.name.clone_from(&run.name);
        task.ran += run.to - run.from;
    }
    for wait in &timeline.waits {
        let task = times.entry(wait.pid).or_default();
        task.name.clone_from(&wait.name);
        task.waited += wait.to - wait.from;
    }
    times.retain(|_, task| task.ran + task.waited > 0);
    note_priorities(machine, timeline.to, &mut times);
    let tunables = &machine.kernel.sched.tunables;
    for task in times.values_mut() {
        task.timeslice = tunables.task_timeslice(nice_to_static_prio(task.nice));
    }
    let busy: u64 = times.values().map(|task| task.ran).sum();
    let ordinary = times.values().filter(|task| !task.real_time);
    let left: u64 = ordinary.map(|task| task.ran).sum();
    let total: u64 = times.values().map(Times::weight).sum();
    let share = |(pid, task): (&Pid, &Times)| Share {
        pid: *pid,
        name: task.name.clone(),
        nice: task.nice,
        timeslice: task.timeslice,
        ran: task.ran,
        waited: task.waited,
        share: percent(task.ran, busy),
        expected: (!task.real_time)
            .then(|| percent(task.weight(), total) * percent(left, busy) / 100.0),
    };
    let tasks: Vec<Share> = times.iter().map(share).collect();
    Fairness {
        from: timeline.from,
        to: timeline.to,
        levels: levels(&tasks),
        tasks,
        dropped: machine.kernel.log.dropped(),
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    100.0 * part as f64 / whole as f64
}

/// Records the nice value and policy of each task at the end of the period: those of its last
/// switch, or its current ones.
fn note_priorities(machine: &Machine, to: u64, times: &mut BTreeMap<Pid, Times>) {
    let kernel = &machine.kernel;
    let mut note = |pid: Pid, static_prio: u8, prio: u8| {
        if let Some(task) = times.get_mut(&pid) {
            task.nice = static_prio_to_nice(static_prio);
            task.real_time = prio < MAX_RT_PRIO;
        }
    };
    for (pid, id) in kernel.pid_hash().tasks() {
        let fields = kernel.sched.get(id);
        note(pid, fields.static_prio, fields.prio);
    }
    let records = kernel.log.records();
    for record in records.take_while(|record| record.stamp.tick < to) {
        match record.event {
            TraceEvent::SchedSwitch {
                next: pid,
                next_static_prio: static_prio,
                next_prio: prio,
                ..
            }
            | TraceEvent::SchedSetPrio {
                pid,
                static_prio,
                prio,
                ..
            } => note(pid, static_prio, prio),
            _ => {}
        }
    }
}

fn levels(tasks: &[Share]) -> Vec<LevelShare> {
    let mut levels: BTreeMap<i32, LevelShare> = BTreeMap::new();
    for task in tasks {
        let level = levels.entry(task.nice).or_insert(LevelShare {
            nice: task.nice,
            tasks: 0,
            ran: 0,
            share: 0.0,
            expected: 0.0,
        });
        level.tasks += 1;
        level.ran += task.ran;
        level.share += task.share;
        level.expected += task.expected.unwrap_or(0.0);
    }
    levels.into_values().collect()
}

impl Fairness {
    /// A table of the nice values and one of the tasks.
    pub fn text(&self) -> Text {
        let mut levels = Table::new(&[
            ("nice", Align::Right),
            ("tasks", Align::Right),
            ("ran", Align::Right),
            ("share", Align::Right),
            ("by slices", Align::Right),
        ]);
        for level in &self.levels {
            levels.row([
                cell(Role::Number, level.nice),
                cell(Role::Number, level.tasks),
                cell(Role::Number, level.ran),
                cell(Role::Number, format_args!("{:.1}%", level.share)),
                cell(Role::Number, format_args!("{:.1}%", level.expected)),
            ]);
        }
        let mut tasks = Table::new(&[
            ("task", Align::Left),
            ("nice", Align::Right),
            ("slice", Align::Right),
            ("ran", Align::Right),
            ("waited", Align::Right),
            ("share", Align::Right),
            ("by slices", Align::Right),
        ]);
        for task in self.tasks.iter() {
            tasks.row([
                task_tag(task.pid, &task.name),
                cell(Role::Number, task.nice),
                cell(Role::Number, task.timeslice),
                cell(Role::Number, task.ran),
                cell(Role::Number, task.waited),
                cell(Role::Number, format_args!("{:.1}%", task.share)),
                cell(
                    Role::Number,
                    task.expected
                        .map_or("-".to_owned(), |part| format!("{part:.1}%")),
                ),
            ]);
        }
        let (levels, tasks) = (levels.text(), tasks.text());
        let lines = lost(self.dropped).into_iter().chain(levels.lines);
        lines.chain(tasks.lines).collect()
    }
}
