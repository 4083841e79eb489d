//! Resource usage: the sums that a process keeps of its dead threads and reaped children.

use crate::abi::{RUSAGE_CHILDREN, RUSAGE_SELF};
use std::ops::AddAssign;

/// The resource usage of one or several tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Ticks in user mode.
    pub utime: u32,
    /// Ticks in the kernel.
    pub stime: u32,
    /// Minor faults: handled without reading from a file.
    pub min_flt: u32,
    /// Major faults: handled by reading from a file.
    pub maj_flt: u32,
    /// Voluntary context switches.
    pub nvcsw: u32,
    /// Involuntary context switches.
    pub nivcsw: u32,
    /// CPU time, ns.
    pub sched_time: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.utime += other.utime;
        self.stime += other.stime;
        self.min_flt += other.min_flt;
        self.maj_flt += other.maj_flt;
        self.nvcsw += other.nvcsw;
        self.nivcsw += other.nivcsw;
        self.sched_time = self.sched_time.wrapping_add(other.sched_time);
    }
}

/// Whose usage is requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UsageOf {
    /// `RUSAGE_SELF` (0): the process, including its dead threads.
    Process,
    /// `RUSAGE_CHILDREN` (-1): the children that it has reaped.
    Children,
    /// `RUSAGE_BOTH` (-2), which only the kernel can request.
    Both,
}

impl UsageOf {
    /// Converts the word that user space passes.
    pub const fn from_word(word: i32) -> Option<Self> {
        match word {
            RUSAGE_SELF => Some(Self::Process),
            RUSAGE_CHILDREN => Some(Self::Children),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_added() {
        let mut sum = Usage {
            utime: 1,
            stime: 2,
            min_flt: 3,
            maj_flt: 4,
            nvcsw: 5,
            nivcsw: 6,
            sched_time: 7,
        };
        let more = Usage {
            utime: 10,
            stime: 20,
            min_flt: 30,
            maj_flt: 40,
            nvcsw: 50,
            nivcsw: 60,
            sched_time: 70,
        };
        sum += more;
        let expected = Usage {
            utime: 11,
            stime: 22,
            min_flt: 33,
            maj_flt: 44,
            nvcsw: 55,
            nivcsw: 66,
            sched_time: 77,
        };
        assert_eq!(sum, expected);
    }
}
