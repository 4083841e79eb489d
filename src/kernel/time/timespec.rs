//! `struct timespec`: reading it from a caller's memory, storing it there, and how many ticks it
//! lasts.

use super::jiffies::{jiffies_to_timespec, timespec_to_jiffies};
use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// The kernel's `struct timespec`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timespec {
    pub(super) sec: i32,
    pub(super) nsec: i32,
}

impl Timespec {
    pub(super) const fn new(sec: i32, nsec: i32) -> Self {
        Self { sec, nsec }
    }

    /// Whole seconds.
    pub(in crate::kernel) const fn of_seconds(sec: i32) -> Self {
        Self { sec, nsec: 0 }
    }

    /// Seconds and nanoseconds as a caller gave them, in range or not.
    pub(in crate::kernel) const fn raw(sec: i32, nsec: i32) -> Self {
        Self { sec, nsec }
    }

    /// Its whole seconds.
    pub const fn sec(self) -> i32 {
        self.sec
    }

    /// Its nanoseconds beyond them.
    pub const fn nsec(self) -> i32 {
        self.nsec
    }

    /// The time with the nanoseconds below a billion.
    ///
    /// Linux 2.6.12: `include/linux/time.h`, `set_normalized_timespec()`.
    pub(super) const fn normalized(sec: i64, nsec: i64) -> Self {
        let sec = sec + nsec.div_euclid(1_000_000_000);
        Self::new(sec as i32, nsec.rem_euclid(1_000_000_000) as i32)
    }

    /// Whether it may be the time of a sleep.
    pub(super) fn is_valid(self) -> bool {
        self.sec >= 0 && (0..1_000_000_000).contains(&self.nsec)
    }

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

    pub(super) const fn from_jiffies(jiffies: u64) -> Self {
        let (sec, nsec) = jiffies_to_timespec(jiffies);
        Self { sec, nsec }
    }
}

impl Kernel {
    /// Reads a `timespec` from the caller's memory, whatever it says.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(super) fn get_timespec(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<Timespec, Errno> {
        let [sec, nsec] = self.get_user_words(current, addr)?;
        Ok(Timespec::new(sec as i32, nsec as i32))
    }

    /// Reads the `timespec` of a sleep from the caller's memory.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` if it is invalid: negative, or with a billion nanoseconds or more.
    pub(in crate::kernel) fn read_timespec(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<Timespec, Errno> {
        let time = self.get_timespec(current, addr)?;
        if time.is_valid() {
            Ok(time)
        } else {
            Err(Errno::EINVAL)
        }
    }

    pub(super) fn put_timespec(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        time: Timespec,
    ) -> Result<(), Errno> {
        let words = [time.sec.cast_unsigned(), time.nsec.cast_unsigned()];
        self.put_user_words(current, addr, &words)
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

    #[test]
    fn nanoseconds_below_0_and_beyond_a_second_are_carried() {
        for (sec, nsec, normal) in [
            (0, -1, (-1, 999_999_999)),
            (3, 1_000_000_000, (4, 0)),
            (3, 2_500_000_000, (5, 500_000_000)),
        ] {
            let (sec_now, nsec_now) = normal;
            assert_eq!(
                Timespec::normalized(sec, nsec),
                Timespec::new(sec_now, nsec_now)
            );
        }
    }
}
