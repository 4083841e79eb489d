//! `nanosleep`: a sleep of so many ticks, and what is left of it after a signal.

use super::timespec::Timespec;
use crate::abi::{TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, RestartBlock, SysResult};
use crate::kernel::task::Continuation;

impl Kernel {
    /// Linux 2.6.12: `kernel/timer.c`, `sys_nanosleep()`: rounds the request up to ticks, and adds
    /// one.
    ///
    /// # Errors
    /// `EFAULT`, `EINVAL`, `EINTR`.
    pub(in crate::kernel) fn sys_nanosleep(
        &mut self,
        current: TaskId,
        req: VirtAddr,
        rem: VirtAddr,
    ) -> SysResult {
        let time = match self.read_timespec(current, req) {
            Ok(time) => time,
            Err(errno) => return Err(errno).into(),
        };
        let until = self.tick.saturating_add(time.ticks_to_sleep());
        self.nanosleep_until(current, until, rem)
    }

    pub(super) fn nanosleep_until(
        &mut self,
        current: TaskId,
        until: u64,
        rem: VirtAddr,
    ) -> SysResult {
        let sleep = Continuation::Nanosleep { until, rem };
        self.block_until(current, TaskState::INTERRUPTIBLE, sleep, Some(until))
    }

    /// Continues an interrupted sleep, until the same tick as before.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `nanosleep_restart()`.
    pub(in crate::kernel) fn nanosleep_restart(
        &mut self,
        current: TaskId,
        until: u64,
        rem: VirtAddr,
    ) -> SysResult {
        // What is left is used up; if a signal comes again, it is set anew.
        self.task_mut(current).restart_block = RestartBlock::Nothing;
        if self.tick >= until {
            return SysResult::from(0);
        }
        self.nanosleep_until(current, until, rem)
    }

    /// Ends the sleep. If a signal ended it early, the remaining time is stored, and the call
    /// continues after the signal unless a handler was entered.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_nanosleep()`.
    pub(in crate::kernel) fn nanosleep_ends(
        &mut self,
        current: TaskId,
        until: u64,
        rem: VirtAddr,
    ) -> SysResult {
        // If a signal has woken it, the timer is still in the set and would wake another sleep.
        self.del_timer(current);
        if self.tick >= until {
            return SysResult::from(0);
        }
        let left = Timespec::from_jiffies(until - self.tick);
        let stored = match rem {
            VirtAddr(0) => Ok(()),
            rem => self.put_timespec(current, rem, left),
        };
        if let Err(errno) = stored {
            return Err(errno).into();
        }
        // The tick, not the time that is left: restarts must not make the sleep longer.
        self.task_mut(current).restart_block = RestartBlock::Nanosleep { until, rem };
        SysResult::Restart(Restart::Block)
    }
}
