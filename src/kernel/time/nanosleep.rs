//! `nanosleep`, and how a `timespec` becomes ticks.

use crate::abi::{Errno, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, RestartBlock, SysResult};
use crate::kernel::task::Continuation;

/// Length of a tick as the kernel computes with it, ns: the timer of a PC cannot be set to 1 ms.
///
/// Linux 2.6.12: include/linux/jiffies.h, `TICK_NSEC` with HZ 1000.
pub(in crate::kernel) const TICK_NSEC: u64 = 999_848;

/// `struct timespec`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) struct Timespec {
    sec: i32,
    nsec: i32,
}

/// The ticks of a time that nobody has checked: numbers wrap as they do in the kernel.
///
/// Linux 2.6.12: include/linux/jiffies.h, `timespec_to_jiffies()`, in its fixed-point arithmetic.
pub(in crate::kernel) const fn unchecked_jiffies(sec: i32, nsec: i32) -> u32 {
    const SEC_SHIFT: u32 = 22;
    const NSEC_SHIFT: u32 = SEC_SHIFT + 29;
    const SEC_CONVERSION: u64 = (1_000_000_000_u64 << SEC_SHIFT).div_ceil(TICK_NSEC);
    const NSEC_CONVERSION: u64 = (1_u64 << NSEC_SHIFT).div_ceil(TICK_NSEC);
    /// `MAX_SEC_IN_JIFFIES`: as many seconds as `MAX_JIFFY_OFFSET` jiffies hold.
    const MAX_SEC: u64 = 0x7fff_fffe * TICK_NSEC / 1_000_000_000;
    let (mut sec, mut nsec) = (sec as u32 as u64, nsec.wrapping_add(TICK_NSEC as i32 - 1));
    if sec >= MAX_SEC {
        (sec, nsec) = (MAX_SEC, 0);
    }
    let nsec = (nsec as u64).wrapping_mul(NSEC_CONVERSION) >> (NSEC_SHIFT - SEC_SHIFT);
    ((sec * SEC_CONVERSION).wrapping_add(nsec) >> SEC_SHIFT) as u32
}

impl Timespec {
    /// Linux 2.6.12: include/linux/jiffies.h, `timespec_to_jiffies()`.
    pub(in crate::kernel) const fn to_jiffies(self) -> u64 {
        unchecked_jiffies(self.sec, self.nsec) as u64
    }

    /// How long a sleep of that time is: the ticks, and one more unless there are none.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_nanosleep()`.
    pub(in crate::kernel) const fn ticks_to_sleep(self) -> u64 {
        self.to_jiffies() + (self.sec != 0 || self.nsec != 0) as u64
    }

    /// Linux 2.6.12: include/linux/jiffies.h, `jiffies_to_timespec()`.
    const fn from_jiffies(jiffies: u64) -> Self {
        let ns = jiffies * TICK_NSEC;
        Self {
            sec: (ns / 1_000_000_000) as i32,
            nsec: (ns % 1_000_000_000) as i32,
        }
    }
}

impl Kernel {
    /// A `timespec` of the caller's memory.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` if it is none: negative, or with a billion nanoseconds and more.
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

    /// Linux 2.6.12: `kernel/timer.c`, `sys_nanosleep()`: the request rounded up to ticks, and one
    /// more.
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

    /// The rest of an interrupted sleep, up to the same tick as before.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `nanosleep_restart()`.
    pub(in crate::kernel) fn nanosleep_restart(
        &mut self,
        current: TaskId,
        until: u64,
        rem: VirtAddr,
    ) -> SysResult {
        self.task_mut(current).restart_block = RestartBlock::Nothing;
        if self.tick >= until {
            return Ok(0).into();
        }
        self.nanosleep_until(current, until, rem)
    }

    /// The sleep is over, or a signal cut it short: then what is left is stored, and the call goes
    /// on behind the signal unless a handler was entered.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_nanosleep()`.
    pub(in crate::kernel) fn nanosleep_ends(
        &mut self,
        current: TaskId,
        until: u64,
        rem: VirtAddr,
    ) -> SysResult {
        self.del_timer(current);
        if self.tick >= until {
            return Ok(0).into();
        }
        let left = Timespec::from_jiffies(until - self.tick);
        let stored = match rem {
            VirtAddr(0) => Ok(()),
            rem => self.put_timespec(current, rem, left),
        };
        if let Err(errno) = stored {
            return Err(errno).into();
        }
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

    /// The second part of scheduler example W20 is the first two rows.
    #[test]
    fn a_timespec_is_rounded_up_to_ticks_that_are_a_bit_short() {
        for (sec, nsec, jiffies) in [
            (0, 10_000_000, 11),
            (0, 1_000_000, 2),
            (0, 0, 0),
            (0, 1, 1),
            (0, 999_848, 1),
            (0, 999_849, 2),
            (1, 0, 1001),
            (i32::MAX, 0, 2_147_483_417),
        ] {
            let ticks = Timespec { sec, nsec }.to_jiffies();
            assert_eq!(ticks, jiffies, "{sec} s {nsec} ns");
        }
    }

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
