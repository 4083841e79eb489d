//! The interval timers of a process, one of each kind.

use crate::kernel::syscall::ItimerVal;

/// The interval timers of a process; all are off after fork, and kept by exec.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Itimers {
    /// Tick at which SIGALRM is due.
    pub real: Option<u64>,
    /// Interval after that, in ticks; 0 for none.
    pub real_incr: u64,
    /// The timer for SIGVTALRM.
    pub virt: CpuTimer,
    /// The timer for SIGPROF.
    pub prof: CpuTimer,
}

impl Itimers {
    /// Whether one counts the ticks that the process uses.
    pub(in crate::kernel) const fn count_cpu_time(&self) -> bool {
        self.virt.expires != 0 || self.prof.expires != 0
    }
}

/// A timer that counts ticks used by the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuTimer {
    /// Number of used ticks at which it expires; 0 if it is off.
    pub expires: u64,
    /// Interval after that, in ticks; 0 for none.
    pub incr: u64,
}

impl CpuTimer {
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
