//! Which task has each CPU, followed through the trace by its `sched_switch` records.

use crate::abi::{Name, Pid};
use crate::trace::{Record, TraceEvent, TraceLog};

/// The task on each CPU at some point of the trace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OnCpu {
    tasks: Vec<(Pid, Name)>,
}

impl OnCpu {
    /// The tasks on the CPUs before the first record: for each CPU, the task that the first switch
    /// replaces, or the one in `now` if there is no switch.
    pub fn before(log: &TraceLog, now: &[(Pid, Name)]) -> Self {
        let mut tasks = vec![None; now.len()];
        for record in log.records() {
            if tasks.iter().all(Option::is_some) {
                break;
            }
            if let TraceEvent::SchedSwitch {
                prev, prev_name, ..
            } = record.event
                && let Some(slot) = tasks.get_mut(usize::from(record.stamp.cpu))
            {
                slot.get_or_insert((prev, prev_name));
            }
        }
        let tasks = tasks
            .into_iter()
            .zip(now)
            .map(|(first, now)| first.unwrap_or(*now))
            .collect();
        Self { tasks }
    }

    /// Moves past a record.
    pub fn follow(&mut self, record: &Record) {
        if let TraceEvent::SchedSwitch {
            next, next_name, ..
        } = record.event
            && let Some(slot) = self.tasks.get_mut(usize::from(record.stamp.cpu))
        {
            *slot = (next, next_name);
        }
    }

    /// The task on a CPU.
    pub fn get(&self, cpu: u8) -> (Pid, Name) {
        self.tasks
            .get(usize::from(cpu))
            .copied()
            .unwrap_or_default()
    }

    /// Whether a task has a CPU.
    pub fn has(&self, pid: Pid) -> bool {
        self.tasks.iter().any(|(running, _)| *running == pid)
    }
}

/// The tasks on the CPUs of a kernel now.
pub fn on_cpu_now(kernel: &crate::kernel::Kernel) -> Vec<(Pid, Name)> {
    let current = |cpu| kernel.sched.get(kernel.sched.current(cpu));
    (0..kernel.sched.cpus())
        .map(current)
        .map(|task| (task.pid, task.name))
        .collect()
}
