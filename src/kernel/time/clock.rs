//! The time of day: `xtime`, which starts at a fixed moment, because the machine has no clock of
//! its own, and advances with the ticks; and the calls that read and set it.

use super::timespec::Timespec;
use crate::abi::{Caps, Errno, HZ, TICK_NSEC, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// What the battery-backed clock of the emulated PC shows at boot: 16 April 2005, 22:20:36 UTC,
/// when this version of the kernel was published.
pub const BOOT_TIME: i32 = 1_113_690_036;
const NSEC_PER_SEC: u64 = 1_000_000_000;

/// `xtime` and `wall_to_monotonic`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WallClock {
    /// `xtime` at the tick at which it was last set.
    set_to: Timespec,
    /// That tick.
    set_at: u64,
    /// What is added to the time of day for the time since boot.
    wall_to_monotonic: Timespec,
    /// `sys_tz`: minutes west of Greenwich, and the kind of daylight saving time.
    zone: [u32; 2],
    /// Whether a time zone has been set.
    zone_was_set: bool,
}

impl WallClock {
    /// Linux 2.6.12: `arch/i386/kernel/time.c`, `time_init()`.
    pub const fn at_boot(initial_jiffies: u32) -> Self {
        let nsec = (initial_jiffies % HZ) * (1_000_000_000 / HZ);
        let set_to = Timespec::new(BOOT_TIME, nsec as i32);
        Self {
            set_to,
            set_at: 0,
            wall_to_monotonic: Timespec::normalized(-(BOOT_TIME as i64), -(nsec as i64)),
            zone: [0; 2],
            zone_was_set: false,
        }
    }

    /// `xtime` at a tick.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `update_wall_time()`.
    const fn xtime(&self, tick: u64) -> Timespec {
        let nsec = self.set_to.nsec as u64 + (tick - self.set_at) * TICK_NSEC;
        let sec = self.set_to.sec.wrapping_add((nsec / NSEC_PER_SEC) as i32);
        Timespec::new(sec, (nsec % NSEC_PER_SEC) as i32)
    }

    /// Sets `xtime`. The time since boot does not jump.
    fn set(&mut self, tick: u64, time: Timespec) {
        let was = self.xtime(tick);
        let moved = |sum: i32, old: i32, new: i32| i64::from(sum) + i64::from(old) - i64::from(new);
        let wall = self.wall_to_monotonic;
        self.wall_to_monotonic = Timespec::normalized(
            moved(wall.sec, was.sec, time.sec),
            moved(wall.nsec, was.nsec, time.nsec),
        );
        (self.set_to, self.set_at) = (time, tick);
    }
}

impl WallClock {
    /// The second at which the machine was booted, by the clock as it is set now.
    ///
    /// Linux 2.6.12: `fs/proc/proc_misc.c`, `show_stat()`.
    pub(in crate::kernel) const fn boot_second(&self) -> i32 {
        let wall = self.wall_to_monotonic;
        let second = wall.sec.wrapping_neg();
        match wall.nsec {
            0 => second,
            _ => second.wrapping_sub(1),
        }
    }
}

impl Kernel {
    /// The time of day, in seconds and microseconds. Within a tick it advances with the clock of
    /// the CPU.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/time.c`, `do_gettimeofday()`.
    fn do_gettimeofday(&self) -> (i32, u32) {
        let xtime = self.wall.xtime(self.tick);
        let usec = xtime.nsec as u32 / 1000 + self.since_tick / 1000;
        let sec = xtime.sec.wrapping_add((usec / 1_000_000) as i32);
        (sec, usec % 1_000_000)
    }

    /// The time of day at the last tick, which is what files are stamped with.
    ///
    /// Linux 2.6.12: `kernel/time.c`, `current_kernel_time()`.
    pub(in crate::kernel) const fn current_kernel_time(&self) -> Timespec {
        self.wall.xtime(self.tick)
    }

    /// The time of day at the last tick, in seconds.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/time.c`, `get_seconds()`.
    pub(in crate::kernel) fn get_seconds(&self) -> u32 {
        self.wall.xtime(self.tick).sec.cast_unsigned()
    }

    /// The same as a `timespec`; no finer than a microsecond.
    ///
    /// Linux 2.6.12: `kernel/time.c`, `getnstimeofday()`.
    pub(super) fn getnstimeofday(&self) -> Timespec {
        let (sec, usec) = self.do_gettimeofday();
        Timespec::new(sec, usec as i32 * 1000)
    }

    /// The time since boot, which no call changes.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `do_posix_clock_monotonic_get()`.
    pub(in crate::kernel) fn monotonic_time(&self) -> Timespec {
        let (now, wall) = (self.getnstimeofday(), self.wall.wall_to_monotonic);
        let (mut sec, mut nsec) = (now.sec.wrapping_add(wall.sec), now.nsec + wall.nsec);
        // A whole billion stays, as in the kernel.
        if nsec > NSEC_PER_SEC as i32 {
            (sec, nsec) = (sec.wrapping_add(1), nsec - NSEC_PER_SEC as i32);
        }
        Timespec::new(sec, nsec)
    }

    /// Linux 2.6.12: `arch/i386/kernel/time.c`, `do_settimeofday()`.
    ///
    /// # Errors
    /// `EINVAL` for a billion nanoseconds or more.
    fn do_settimeofday(&mut self, time: Timespec) -> Result<(), Errno> {
        if time.nsec as u32 >= NSEC_PER_SEC as u32 {
            return Err(Errno::EINVAL);
        }
        // What reading the clock now adds to `xtime` is taken off beforehand.
        let nsec = i64::from(time.nsec) - i64::from(self.since_tick / 1000 * 1000);
        let xtime = Timespec::normalized(i64::from(time.sec), nsec);
        self.set_wall(xtime);
        Ok(())
    }

    /// Linux 2.6.12: `security/commoncap.c`, `cap_settime()`.
    fn may_set_time(&mut self, current: TaskId) -> Result<(), Errno> {
        if self.capable(current, Caps::SYS_TIME) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// Sets the time of day, as `clock_settime` does.
    ///
    /// Linux 2.6.12: `kernel/time.c`, `do_sys_settimeofday()`.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_TIME, `EINVAL`.
    pub(super) fn do_sys_settimeofday(
        &mut self,
        current: TaskId,
        time: Option<Timespec>,
        zone: Option<[u32; 2]>,
    ) -> Result<u32, Errno> {
        self.may_set_time(current)?;
        if let Some(zone) = zone {
            self.wall.zone = zone;
            let first = !self.wall.zone_was_set;
            self.wall.zone_was_set = true;
            // The first zone says by how much the clock of the PC, which shows local time, is off.
            if first && time.is_none() {
                self.warp_clock(zone[0].cast_signed().wrapping_mul(60));
            }
        }
        if let Some(time) = time {
            self.do_settimeofday(time)?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/time.c`, `warp_clock()`.
    fn warp_clock(&mut self, seconds: i32) {
        let xtime = self.wall.xtime(self.tick);
        let warped = Timespec::new(xtime.sec.wrapping_add(seconds), xtime.nsec);
        self.set_wall(warped);
    }

    fn set_wall(&mut self, xtime: Timespec) {
        let was = self.wall.xtime(self.tick);
        self.wall.set(self.tick, xtime);
        let [sec, nsec] = [(xtime.sec, was.sec), (xtime.nsec, was.nsec)]
            .map(|(now, was)| i64::from(now) - i64::from(was));
        self.clock_was_set(Timespec::normalized(sec, nsec));
    }

    /// Linux 2.6.12: `kernel/time.c`, `sys_time()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_time(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let seconds = self.do_gettimeofday().0.cast_unsigned();
        if addr != VirtAddr(0) {
            self.put_user_u32(current, addr, seconds)?;
        }
        Ok(seconds)
    }

    /// Linux 2.6.12: `kernel/time.c`, `sys_stime()`.
    ///
    /// # Errors
    /// `EFAULT`; `EPERM` without CAP_SYS_TIME.
    pub(in crate::kernel) fn sys_stime(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let seconds = self.get_user_u32(current, addr)?;
        let time = Timespec::new(seconds.cast_signed(), 0);
        self.do_sys_settimeofday(current, Some(time), None)
    }

    /// Linux 2.6.12: `kernel/time.c`, `sys_gettimeofday()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_gettimeofday(
        &mut self,
        current: TaskId,
        time: VirtAddr,
        zone: VirtAddr,
    ) -> Result<u32, Errno> {
        if time != VirtAddr(0) {
            let (sec, usec) = self.do_gettimeofday();
            self.put_user_words(current, time, &[sec.cast_unsigned(), usec])?;
        }
        if zone != VirtAddr(0) {
            let words = self.wall.zone;
            self.put_user_words(current, zone, &words)?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/time.c`, `sys_settimeofday()`.
    ///
    /// # Errors
    /// `EFAULT`, `EPERM`, `EINVAL`.
    pub(in crate::kernel) fn sys_settimeofday(
        &mut self,
        current: TaskId,
        time: VirtAddr,
        zone: VirtAddr,
    ) -> Result<u32, Errno> {
        let time = match time {
            VirtAddr(0) => None,
            addr => {
                let [sec, usec] = self.get_user_words(current, addr)?;
                Some(Timespec::new(sec as i32, usec.wrapping_mul(1000) as i32))
            }
        };
        let zone = match zone {
            VirtAddr(0) => None,
            addr => Some(self.get_user_words(current, addr)?),
        };
        self.do_sys_settimeofday(current, time, zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand ticks are 152 us short of a second.
    #[test]
    fn the_clock_advances_by_a_short_millisecond_a_tick() {
        let clock = WallClock::at_boot(0);
        for (tick, sec, nsec) in [
            (0, 0, 0),
            (1, 0, 999_848),
            (1000, 0, 999_848_000),
            (1001, 1, 847_848),
        ] {
            let expected = Timespec::new(BOOT_TIME + sec, nsec);
            assert_eq!(clock.xtime(tick), expected, "tick {tick}");
        }
    }

    #[test]
    fn a_clock_that_is_set_leaves_the_time_since_boot_as_it_is() {
        let mut clock = WallClock::at_boot(0);
        clock.set(1000, Timespec::new(5, 7));
        assert_eq!(clock.xtime(1001), Timespec::new(5, 999_855));
        let wall = clock.wall_to_monotonic;
        let since = Timespec::normalized(i64::from(5 + wall.sec), i64::from(7 + wall.nsec));
        assert_eq!(since, Timespec::new(0, 999_848_000));
    }

    /// `time_init()`: the first tick of a machine whose `jiffies` do not begin at a whole second.
    #[test]
    fn a_clock_begins_within_a_second_with_the_jiffies() {
        let clock = WallClock::at_boot(4_294_667_296);
        assert_eq!(clock.xtime(0), Timespec::new(BOOT_TIME, 296_000_000));
        let wall = Timespec::new(-BOOT_TIME - 1, 704_000_000);
        assert_eq!(clock.wall_to_monotonic, wall);
    }
}
