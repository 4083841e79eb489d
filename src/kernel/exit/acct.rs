//! Accounting records of tasks that have exited, for summaries of a run. They are kept only on
//! request: like the accounting file of 2.6.12, they grow with every task.

use crate::abi::TaskId;
use crate::kernel::Kernel;
use crate::kernel::sched::{SchedStat, SchedTask};

/// The record of a task that has exited.
///
/// `acct_process()` writes early in the exit; this is the state after the task's last `schedule()`.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its scheduling fields.
    pub sched: SchedTask,
    /// What was counted of it.
    pub stat: SchedStat,
    /// Ticks that it ran.
    pub ticks: u32,
}

impl Kernel {
    /// Starts or stops keeping records.
    pub fn keep_accounts(&mut self, on: bool) {
        self.acct = on.then(|| self.acct.take().unwrap_or_default());
    }

    /// The records, if they are kept.
    pub fn acct(&self) -> Option<&[Account]> {
        self.acct.as_deref()
    }

    /// Records a task that has called `schedule` for the last time.
    pub(in crate::kernel) fn account_for(&mut self, task: TaskId) {
        if self.acct.is_none() {
            return;
        }
        let account = Account {
            sched: self.sched.get(task).clone(),
            stat: *self.sched.stat(task),
            ticks: self.ticks_of(task),
        };
        if let Some(accounts) = &mut self.acct {
            accounts.push(account);
        }
    }

    /// Ticks that a task has run, in user mode and in the kernel.
    pub fn ticks_of(&self, task: TaskId) -> u32 {
        let task = self.task(task);
        task.utime + task.stime
    }
}
