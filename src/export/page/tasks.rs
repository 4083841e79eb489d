//! The tasks of a run: their parents, when they lived, and the time that they ran and waited.

use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::TraceEvent;
use crate::view::{Interval, timeline, turnaround};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A task. Times are ticks, moments are numbers of events.
#[derive(Default, Serialize)]
pub(super) struct Task {
    pid: Pid,
    name: String,
    /// Who created it, 0 if that was before the first event.
    parent: Pid,
    born: Option<u64>,
    ended: Option<u64>,
    ran: u64,
    waited: u64,
    /// Its fork, its exit, and when nothing was left of it.
    moments: [Option<usize>; 3],
}

/// The tasks that are older than the first event, then the others in the order of their births.
pub(super) fn tasks(machine: &Machine) -> Vec<Task> {
    let kernel = &machine.kernel;
    let mut tasks: Vec<Task> = turnaround(machine)
        .rows
        .into_iter()
        .map(|life| Task {
            pid: life.pid,
            name: life.name,
            born: Some(life.arrived),
            ended: life.ended,
            ran: life.ran,
            waited: life.waited,
            ..Task::default()
        })
        .collect();
    let mut older: BTreeMap<Pid, Task> = BTreeMap::new();
    // The task that a pid stands for, as pids are recycled, and how many have been born.
    let mut current: BTreeMap<Pid, usize> = BTreeMap::new();
    let mut births = 0;
    for (number, record) in kernel.log.records().enumerate() {
        let pid = match record.event {
            TraceEvent::SchedProcessFork { child, .. } => {
                if let Some(task) = tasks.get_mut(births) {
                    task.parent = record.stamp.pid;
                    task.moments[0] = Some(number);
                }
                current.insert(child, births);
                births += 1;
                continue;
            }
            TraceEvent::SchedProcessFree { pid, .. } => pid,
            _ => record.stamp.pid,
        };
        let task = match current.get(&pid) {
            Some(task) => tasks.get_mut(*task),
            None if pid == Pid(0) => None,
            // The first events of a new task come before its fork is told.
            None => Some(older.entry(pid).or_insert_with(|| Task {
                pid,
                name: kernel.names.get(record.stamp.name).to_owned(),
                ..Task::default()
            })),
        };
        let Some(task) = task else { continue };
        match record.event {
            TraceEvent::SchedProcessExit { .. } => {
                task.ended.get_or_insert(record.stamp.tick);
                task.moments[1] = Some(number);
            }
            TraceEvent::SchedProcessFree { .. } => task.moments[2] = Some(number),
            _ => {}
        }
    }
    for (pid, id) in kernel.pid_hash().tasks() {
        if !current.contains_key(&pid) {
            let task = older.entry(pid).or_default();
            task.pid = pid;
            kernel.names.get(kernel.comm(id)).clone_into(&mut task.name);
            task.parent = kernel.ppid(id);
        }
    }
    let born: BTreeSet<Pid> = tasks.iter().map(|task| task.pid).collect();
    older.retain(|pid, _| !born.contains(pid));
    add_times(machine, &mut older);
    older.into_values().chain(tasks).collect()
}

/// Adds the times that tasks ran and waited which are older than the first event.
fn add_times(machine: &Machine, older: &mut BTreeMap<Pid, Task>) {
    let timeline = timeline(machine, 0, machine.kernel.tick());
    let length = |interval: &Interval| interval.to - interval.from;
    for run in &timeline.runs {
        if let Some(task) = older.get_mut(&run.pid) {
            task.ran += length(run);
        }
    }
    for wait in &timeline.waits {
        if let Some(task) = older.get_mut(&wait.pid) {
            task.waited += length(wait);
        }
    }
}

/// Who got another parent: `[event, child, parent]`.
pub(super) fn adoptions(machine: &Machine) -> Vec<(usize, Pid, Pid)> {
    let records = machine.kernel.log.records().enumerate();
    records
        .filter_map(|(number, record)| match record.event {
            TraceEvent::Reparent { child, parent } => Some((number, child, parent)),
            _ => None,
        })
        .collect()
}
