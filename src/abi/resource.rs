//! Priorities, usage and limits of processes: `getpriority`, `getrusage`, `getrlimit`, `prctl`.

constants! {
    /// `setpriority` and getpriority: one task.
    PRIO_PROCESS: i32 = 0;
    /// `setpriority` and getpriority: a process group.
    PRIO_PGRP: i32 = 1;
    /// `setpriority` and getpriority: all tasks of a user.
    PRIO_USER: i32 = 2;
    /// Getrusage: the process itself.
    RUSAGE_SELF: i32 = 0;
    /// Getrusage: the children that it has waited for.
    RUSAGE_CHILDREN: i32 = -1;
    /// The value of a limit that does not limit anything.
    RLIM_INFINITY: u32 = u32::MAX;
    /// An option of prctl: the signal to get when the parent dies.
    PR_SET_PDEATHSIG: u32 = 1;
    /// An option of prctl: asks for that signal.
    PR_GET_PDEATHSIG: u32 = 2;
    /// An option of prctl: asks whether the memory may be dumped.
    PR_GET_DUMPABLE: u32 = 3;
    /// An option of prctl: sets whether the memory may be dumped.
    PR_SET_DUMPABLE: u32 = 4;
    /// An option of prctl: asks whether capabilities outlast the last user id of root.
    PR_GET_KEEPCAPS: u32 = 7;
    /// An option of prctl: sets whether capabilities outlast the last user id of root.
    PR_SET_KEEPCAPS: u32 = 8;
    /// An option of prctl: asks how times are measured.
    PR_GET_TIMING: u32 = 13;
    /// An option of prctl: sets how times are measured; there is one way, 0.
    PR_SET_TIMING: u32 = 14;
    /// An option of prctl: names the task.
    PR_SET_NAME: u32 = 15;
    /// An option of prctl: asks for the name of the task.
    PR_GET_NAME: u32 = 16;
}

numbered! {
    /// What is limited.
    pub enum Resource {
        /// A limit: seconds of CPU time.
        Cpu "RLIMIT_CPU" = 0,
        /// A limit: size of a file that is written, in bytes.
        Fsize "RLIMIT_FSIZE" = 1,
        /// A limit: size of data and heap in bytes.
        Data "RLIMIT_DATA" = 2,
        /// A limit: size of the stack in bytes.
        Stack "RLIMIT_STACK" = 3,
        /// A limit: size of a core file in bytes.
        Core "RLIMIT_CORE" = 4,
        /// A limit: resident memory in bytes; not enforced.
        Rss "RLIMIT_RSS" = 5,
        /// A limit: number of the user's tasks.
        Nproc "RLIMIT_NPROC" = 6,
        /// A limit: number of open descriptors.
        Nofile "RLIMIT_NOFILE" = 7,
        /// A limit: memory locked in RAM, in bytes.
        Memlock "RLIMIT_MEMLOCK" = 8,
        /// A limit: size of the address space in bytes.
        As "RLIMIT_AS" = 9,
        /// A limit: file locks, which are not emulated.
        Locks "RLIMIT_LOCKS" = 10,
        /// A limit: number of the user's queued signals.
        Sigpending "RLIMIT_SIGPENDING" = 11,
        /// A limit: bytes in message queues, which are not emulated.
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
