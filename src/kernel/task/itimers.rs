//! The interval timers of a process, one of each kind.

/// The interval timers of a process; all off at fork, kept at exec.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Itimers {
    /// Tick at which SIGALRM is due.
    pub real: Option<u64>,
    /// Ticks from then to the next; 0 for none.
    pub real_incr: u64,
    /// SIGVTALRM.
    pub virt: CpuTimer,
    /// SIGPROF.
    pub prof: CpuTimer,
}

/// A timer that counts ticks used by the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuTimer {
    /// Ticks used at which it is due; 0 if it is off.
    pub expires: u64,
    /// Ticks from then to the next; 0 for none.
    pub incr: u64,
}

impl CpuTimer {
    /// Ticks left, of which one at least; 0 if it is off.
    pub(in crate::kernel) const fn left(self, used: u64) -> u64 {
        match self.expires {
            0 => 0,
            due if due <= used => 1,
            due => due - used,
        }
    }

    /// Sets it; the first period is a tick longer.
    pub(in crate::kernel) const fn set(&mut self, value: ItimerVal, used: u64) {
        self.expires = match value.value {
            0 => 0,
            ticks => ticks + 1 + used,
        };
        self.incr = value.interval;
    }

    /// Whether it is due; then it begins anew, or is off.
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

/// `struct itimerval`, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ItimerVal {
    /// From one expiry to the next; 0 for none.
    pub interval: u64,
    /// Up to the next expiry; 0 for never.
    pub value: u64,
}
