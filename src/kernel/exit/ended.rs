//! How tasks that are gone ended. A `task_struct` is freed when it is reaped; what may still be asked
//! of it is kept here, however short the trace is.

use crate::abi::{Pid, Signal, TaskId, WaitStatus};
use crate::kernel::Kernel;
use crate::kernel::task::PID_MAX_LIMIT;
use std::collections::VecDeque;

/// How a task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    task: TaskId,
    /// Its wait status.
    pub status: WaitStatus,
    /// The task whose core dump killed it, because it shared the memory, and the signal of that task.
    pub dumped_with: Option<(Pid, Signal)>,
    /// The pid that the thread had whose exec took over its pid.
    pub replaced_by: Option<Pid>,
}

/// The tasks that were reaped last, the latest at the end: as many as can exist at the same time, so
/// that a machine that runs for long does not grow.
#[derive(Clone, Debug, Default)]
pub struct LastEnded(VecDeque<Ended>);

impl LastEnded {
    fn push(&mut self, ended: Ended) {
        if self.0.len() == PID_MAX_LIMIT as usize {
            self.0.pop_front();
        }
        self.0.push_back(ended);
    }
}

impl Kernel {
    /// How a task ended that was reaped; `None` if it was not, or so many others were since that the
    /// record is gone.
    pub fn ended(&self, task: TaskId) -> Option<&Ended> {
        self.last_ended
            .0
            .iter()
            .rev()
            .find(|ended| ended.task == task)
    }

    /// Keeps how a task ended that is being reaped.
    pub(super) fn record_end(&mut self, task: TaskId) {
        let dead = self.task(task);
        let status = WaitStatus(dead.exit_code());
        // Of the ways to end it, only the SIGKILL is due to the core dump.
        let killed = status == WaitStatus::killed(Signal::SIGKILL);
        let dumped_with = dead.dumped_with.filter(|_| killed);
        self.last_ended.push(Ended {
            task,
            status,
            dumped_with,
            replaced_by: None,
        });
    }

    /// Notes that a first thread was reaped because another thread, with that pid until then, took
    /// its place in exec.
    pub(in crate::kernel) fn record_replacement(&mut self, leader: TaskId, thread: Pid) {
        let mut last = self.last_ended.0.iter_mut().rev();
        if let Some(ended) = last.find(|ended| ended.task == leader) {
            ended.replaced_by = Some(thread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::SlotMap;

    #[test]
    fn only_the_latest_are_kept() {
        let mut ids: SlotMap<TaskId, ()> = SlotMap::with_key();
        let mut last = LastEnded::default();
        for _ in 0..PID_MAX_LIMIT + 2 {
            last.push(Ended {
                task: ids.insert(()),
                status: WaitStatus(0),
                dumped_with: None,
                replaced_by: None,
            });
        }
        let kept = last.0.iter().map(|ended| ended.task);
        assert!(kept.eq(ids.keys().skip(2)));
    }
}
