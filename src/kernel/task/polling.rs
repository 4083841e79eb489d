//! What a task remembers while it sleeps in `select` or `poll`.

use crate::abi::{FileId, VirtAddr};

/// A `select` or `poll` that waits (`poll_wqueues`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polling {
    /// What is asked.
    pub asks: Asks,
    /// The files in whose queues the task waits, each as often as it asks for it.
    pub files: Vec<FileId>,
    /// Whether it holds a reference to each of them.
    pub pinned: bool,
    /// Tick of the timeout; `None` for no limit.
    pub until: Option<u64>,
}

/// What a task asks of files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asks {
    /// `select`: sets of descriptors.
    Select(Select),
    /// `poll`: a list of descriptors.
    Poll {
        /// Where the list is.
        addr: VirtAddr,
        /// Its entries.
        fds: Vec<PollFd>,
    },
}

/// The arguments of `select`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    /// Where the sets are: for reading, for writing, for exceptions.
    pub addrs: [VirtAddr; 3],
    /// The words of the sets; empty for a set that is not given.
    pub sets: [Vec<u32>; 3],
    /// Words of a set.
    pub words: usize,
    /// Where the time is.
    pub time: VirtAddr,
    /// In what its second word counts.
    pub unit: TimeUnit,
}

/// The unit of the second word of a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeUnit {
    /// Microseconds: `struct timeval`.
    Micro,
    /// Nanoseconds: `struct timespec`.
    Nano,
}

impl TimeUnit {
    /// How many of them a microsecond has.
    pub const fn per_micro(self) -> u32 {
        match self {
            Self::Micro => 1,
            Self::Nano => 1000,
        }
    }
}

/// `struct pollfd`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollFd {
    /// The descriptor; negative ones are passed over.
    pub fd: i32,
    /// What is asked.
    pub events: u16,
    /// What is told.
    pub revents: u16,
}
