//! The interval timers of a process, one of each kind.
//!
//! When they are due is private to this file. A real timer stands in
//! [`RealTimers`](crate::kernel::Kernel::real_timers) as well, and only `time/itimer.rs` changes it;
//! the others count from the time that the process has used when they are set.

use crate::kernel::syscall::ItimerVal;

/// The interval timers of a process; all are off after fork, and kept by exec.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Itimers {
    /// Tick at which SIGALRM is due.
    real: Option<u64>,
    /// `it_real_value`: the ticks for which it was set last, 0 if it was not.
    real_value: u64,
    /// Interval after that, in ticks; 0 for none.
    pub real_incr: u64,
    /// The timer for SIGVTALRM.
    pub virt: CpuTimer,
    /// The timer for SIGPROF.
    pub prof: CpuTimer,
}

impl Itimers {
    /// Tick at which SIGALRM is due.
    pub const fn real(&self) -> Option<u64> {
        self.real
    }

    /// `it_real_value`: the ticks for which the real timer was set last; what is left of them does not
    /// matter.
    pub(in crate::kernel) const fn real_value(&self) -> u64 {
        self.real_value
    }

    /// Records for how many ticks the real timer is set; 0 if it stays off.
    pub(in crate::kernel) const fn set_real_value(&mut self, ticks: u64) {
        self.real_value = ticks;
    }

    /// Records the real timer that was added for a tick.
    pub(in crate::kernel) const fn set_real(&mut self, due: u64) {
        self.real = Some(due);
    }

    /// Turns the real timer off, and returns its tick.
    pub(in crate::kernel) const fn take_real(&mut self) -> Option<u64> {
        self.real.take()
    }

    /// Whether one counts the ticks that the process uses.
    pub(in crate::kernel) const fn count_cpu_time(&self) -> bool {
        self.virt.expires != 0 || self.prof.expires != 0
    }
}

/// A timer that counts ticks used by the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuTimer {
    /// Number of used ticks at which it expires; 0 if it is off.
    expires: u64,
    /// Interval after that, in ticks; 0 for none.
    incr: u64,
}

impl CpuTimer {
    /// Ticks from one expiry to the next; 0 for none.
    pub(in crate::kernel) const fn interval(self) -> u64 {
        self.incr
    }

    /// Ticks left, at least one; 0 if it is off.
    pub(in crate::kernel) const fn left(self, used: u64) -> u64 {
        match self.expires {
            0 => 0,
            due if due <= used => 1,
            due => due - used,
        }
    }

    /// Sets it; the first period is one tick longer.
    pub(in crate::kernel) const fn set(&mut self, value: ItimerVal, used: u64) {
        self.expires = match value.value {
            0 => 0,
            ticks => ticks + 1 + used,
        };
        self.incr = value.interval;
    }

    /// Whether it expires now; if so, it is restarted or turned off.
    pub(in crate::kernel) const fn fires(&mut self, used: u64) -> bool {
        if self.expires == 0 || used < self.expires {
            return false;
        }
        self.expires = match self.incr {
            0 => 0,
            incr => used + incr,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_timer_begins_with_a_tick_more_and_goes_on_without() {
        let mut timer = CpuTimer::default();
        timer.set(
            ItimerVal {
                interval: 5,
                value: 10,
            },
            100,
        );
        assert_eq!((timer.left(100), timer.left(111)), (11, 1));
        assert!(!timer.fires(110));
        assert!(timer.fires(111));
        assert_eq!(timer.expires, 116);
        timer.incr = 0;
        assert!(timer.fires(116) && timer.left(116) == 0);
        assert!(!timer.fires(200), "it is off");
        timer.set(ItimerVal::default(), 100);
        assert_eq!(timer, CpuTimer::default(), "0 turns it off");
    }
}
