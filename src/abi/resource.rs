//! Priorities, usage and limits of processes: `getpriority`, `getrusage`, `getrlimit`, `prctl`.

constants! {
    /// `setpriority` and getpriority: one task.
    PRIO_PROCESS: i32 = 0;
    /// `setpriority` and getpriority: a process group.
    PRIO_PGRP: i32 = 1;
    /// `setpriority` and getpriority: all tasks of a user.
    PRIO_USER: i32 = 2;
    /// `getrusage`: of the process.
    RUSAGE_SELF: i32 = 0;
    /// `getrusage`: of its children that were waited for.
    RUSAGE_CHILDREN: i32 = -1;
    /// The value of a limit that is not set.
    RLIM_INFINITY: u32 = u32::MAX;
    /// An option of prctl: the signal at the parent's death.
    PR_SET_PDEATHSIG: u32 = 1;
    /// An option of prctl: asks for that signal.
    PR_GET_PDEATHSIG: u32 = 2;
}

numbered! {
    /// What is limited.
    pub enum Resource {
        /// A limit: seconds of CPU time.
        Cpu "RLIMIT_CPU" = 0,
        /// A limit: bytes of a file that is written.
        Fsize "RLIMIT_FSIZE" = 1,
        /// A limit: bytes of data and heap.
        Data "RLIMIT_DATA" = 2,
        /// A limit: bytes of the stack.
        Stack "RLIMIT_STACK" = 3,
        /// A limit: bytes of a core file.
        Core "RLIMIT_CORE" = 4,
        /// A limit: bytes in memory; nothing looks at it.
        Rss "RLIMIT_RSS" = 5,
        /// A limit: tasks of the user.
        Nproc "RLIMIT_NPROC" = 6,
        /// A limit: open descriptors.
        Nofile "RLIMIT_NOFILE" = 7,
        /// A limit: bytes that are locked into memory.
        Memlock "RLIMIT_MEMLOCK" = 8,
        /// A limit: bytes of the address space.
        As "RLIMIT_AS" = 9,
        /// A limit: locks on files, of which there are none.
        Locks "RLIMIT_LOCKS" = 10,
        /// A limit: queued signals of the user.
        Sigpending "RLIMIT_SIGPENDING" = 11,
        /// A limit: bytes in message queues, of which there are none.
        Msgqueue "RLIMIT_MSGQUEUE" = 12,
    }
}

/// The kernel's `struct rlimit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rlimit {
    /// `rlim_cur`, the soft limit, which is enforced.
    pub cur: u32,
    /// `rlim_max`, the hard limit, up to which anybody may raise the soft one.
    pub max: u32,
}

impl Rlimit {
    /// Neither limit is set.
    pub const UNLIMITED: Self = Self::both(RLIM_INFINITY);

    /// A soft and hard limit with the same value.
    pub const fn both(limit: u32) -> Self {
        Self {
            cur: limit,
            max: limit,
        }
    }
}
