//! Accounts of tasks that have ended, for summaries of a run. They are kept only if asked for: like
//! the accounting file of 2.6.12, they grow with every task.

use crate::abi::TaskId;
use crate::kernel::Kernel;
use crate::kernel::sched::SchedTask;

/// What is known of a task once it has ended.
///
/// Unlike `acct_process()`, which writes at the beginning of the end, this is the state after its
/// last `schedule()`.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its scheduling fields.
    pub sched: SchedTask,
    /// Ticks it ran.
    pub ticks: u32,
}

impl Kernel {
    /// Keeps accounts from now on, or keeps none any more.
    pub fn keep_accounts(&mut self, on: bool) {
        self.acct = on.then(|| self.acct.take().unwrap_or_default());
    }

    /// Notes a task that has called `schedule` for the last time.
    pub(in crate::kernel) fn account_for(&mut self, task: TaskId) {
        if self.acct.is_none() {
            return;
        }
        let account = Account {
            sched: self.sched.get(task).clone(),
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
