//! What tasks use: the sums that a process keeps of its dead threads and reaped children.

use std::ops::AddAssign;

/// What one or several tasks have used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Ticks in user mode.
    pub utime: u32,
    /// Ticks in the kernel.
    pub stime: u32,
    /// Faults mended without reading anything in.
    pub min_flt: u32,
    /// Faults that read from a file.
    pub maj_flt: u32,
    /// Voluntary context switches.
    pub nvcsw: u32,
    /// Involuntary context switches.
    pub nivcsw: u32,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.utime += other.utime;
        self.stime += other.stime;
        self.min_flt += other.min_flt;
        self.maj_flt += other.maj_flt;
        self.nvcsw += other.nvcsw;
        self.nivcsw += other.nivcsw;
    }
}

/// Whose usage is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UsageOf {
    /// `RUSAGE_SELF` (0): the process, with its dead threads.
    Process,
    /// `RUSAGE_CHILDREN` (-1): what it has reaped.
    Children,
    /// `RUSAGE_BOTH` (-2), which only the kernel can ask for.
    Both,
}

impl UsageOf {
    /// From the word that user space gives.
    pub const fn from_word(word: i32) -> Option<Self> {
        match word {
            0 => Some(Self::Process),
            -1 => Some(Self::Children),
            _ => None,
        }
    }
}
