//! `nanosleep`, and the conversion of a `timespec` to ticks.

use super::jiffies::{jiffies_to_timespec, timespec_to_jiffies};
use crate::abi::{Errno, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, RestartBlock, SysResult};
use crate::kernel::task::Continuation;

/// The kernel's `struct timespec`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) struct Timespec {
    sec: i32,
    nsec: i32,
}

impl Timespec {
    /// The ticks that it lasts.
    pub(in crate::kernel) const fn to_jiffies(self) -> u64 {
        timespec_to_jiffies(self.sec, self.nsec) as u64
    }

    /// The length of a sleep of that time: the ticks, plus one unless there are none.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_nanosleep()`.
    pub(in crate::kernel) const fn ticks_to_sleep(self) -> u64 {
        self.to_jiffies() + (self.sec != 0 || self.nsec != 0) as u64
    }

    const fn from_jiffies(jiffies: u64) -> Self {
        let (sec, nsec) = jiffies_to_timespec(jiffies);
        Self { sec, nsec }
    }
}

impl Kernel {
    /// Reads a `timespec` from the caller's memory.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` if it is invalid: negative, or with a billion nanoseconds or more.
    pub(in crate::kernel) fn read_timespec(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<Timespec, Errno> {
        let sec = self.get_user_u32(current, addr)? as i32;
        let nsec = self.get_user_u32(current, VirtAddr(addr.0.wrapping_add(4)))? as i32;
        if sec < 0 || !(0..1_000_000_000).contains(&nsec) {
            return Err(Errno::EINVAL);
        }
        Ok(Timespec { sec, nsec })
    }

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

    fn nanosleep_until(&mut self, current: TaskId, until: u64, rem: VirtAddr) -> SysResult {
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

    fn put_timespec(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        time: Timespec,
    ) -> Result<(), Errno> {
        self.put_user_u32(current, addr, time.sec as u32)?;
        self.put_user_u32(current, VirtAddr(addr.0.wrapping_add(4)), time.nsec as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sys_nanosleep()`: `timespec_to_jiffies(&t) + (t.tv_sec || t.tv_nsec)`.
    #[test]
    fn every_sleep_but_none_takes_a_tick_more() {
        for (sec, nsec, ticks) in [(0, 0, 0), (0, 1, 2), (1, 0, 1002), (1, 1, 1002)] {
            assert_eq!(Timespec { sec, nsec }.ticks_to_sleep(), ticks);
        }
    }

    #[test]
    fn what_is_left_of_a_sleep_is_so_many_short_ticks() {
        for (jiffies, sec, nsec) in [(0, 0, 0), (1, 0, 999_848), (1001, 1, 847_848)] {
            assert_eq!(Timespec::from_jiffies(jiffies), Timespec { sec, nsec });
        }
    }
}
