//! The shared vocabulary: numbers and names that user programs, the kernel and the explanations
//! have in common. Values here do nothing but name, convert and print themselves.

#[macro_use]
mod constants;

mod capability;
mod clone_flags;
pub mod elf;
mod errno;
mod fcntl;
mod futex;
mod ids;
mod ioctl;
mod ipc;
mod later;
mod mman;
mod names;
mod poll;
mod prio;
mod ptrace;
mod resource;
mod sigaction;
mod siginfo;
mod signal;
mod stat;
mod state;
mod status;
mod termios;
mod time;
mod wait;

pub use capability::{_LINUX_CAPABILITY_VERSION, CAP_FS_MASK, CAP_INIT_EFF_SET, Caps};
pub use clone_flags::{CSIGNAL, CloneFlags};
pub use constants::{Constant, constants};
pub use errno::Errno;
pub use fcntl::*;
pub use futex::{FUTEX_CMP_REQUEUE, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAKE};
pub use ids::{
    AnonLinkId, AnonVmaId, FileId, FilesId, FsId, InodeId, MmId, NamespaceId, PAGE_SHIFT,
    PAGE_SIZE, Pfn, Pid, SemUndoId, SighandId, SignalId, TaskId, VirtAddr,
};
pub use ioctl::*;
pub use ipc::{
    GETALL, GETNCNT, GETPID, GETVAL, GETZCNT, IPC_CREAT, IPC_EXCL, IPC_INFO, IPC_NOWAIT,
    IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, MSG_EXCEPT, MSG_INFO, MSG_NOERROR, MSG_STAT,
    SEM_INFO, SEM_STAT, SEM_UNDO, SETALL, SETVAL, SHM_DEST, SHM_EXEC, SHM_HUGETLB, SHM_INFO,
    SHM_LOCK, SHM_LOCKED, SHM_RDONLY, SHM_REMAP, SHM_RND, SHM_STAT, SHM_UNLOCK,
};
pub use later::{LATER, Later, later_than};
pub use mman::{
    MADV_DONTNEED, MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MCL_CURRENT,
    MCL_FUTURE, MS_ASYNC, MS_INVALIDATE, MS_SYNC, MapFlags, PROT_NONE, Prot, RemapFlags,
    SWAP_FLAG_PREFER, SWAP_FLAG_PRIO_MASK, TASK_SIZE,
};
pub use names::{Name, Names};
pub use poll::*;
pub use prio::{
    MAX_PRIO, MAX_RT_PRIO, Policy, SCHED_FIFO, SCHED_NORMAL, SCHED_OTHER, SCHED_RR,
    nice_to_static_prio, rt_priority_to_prio, static_prio_to_nice,
};
pub use ptrace::*;
pub use resource::{
    PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_NAME, PR_GET_PDEATHSIG, PR_GET_TIMING,
    PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NAME, PR_SET_PDEATHSIG, PR_SET_TIMING, PRIO_PGRP,
    PRIO_PROCESS, PRIO_USER, RLIM_INFINITY, RUSAGE_CHILDREN, RUSAGE_SELF, Resource, Rlimit,
};
pub use sigaction::{
    KSigaction, SIG_BLOCK, SIG_DFL, SIG_IGN, SIG_SETMASK, SIG_UNBLOCK, SaFlags, SigAction,
};
pub use siginfo::{SIGINFO_WORDS, SigInfo, SigOrigin, si_code};
pub use signal::{DefaultAction, NSIG, SigSet, Signal};
pub use stat::*;
pub use state::{ExitState, PfFlags, TaskState};
pub use status::WaitStatus;
pub use termios::*;
pub use time::{
    CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID, HZ,
    ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD,
    SIGEV_THREAD_ID, TICK_NSEC, TIMER_ABSTIME,
};
pub use wait::{P_ALL, P_PGID, P_PID, WSTOPPED, WaitOptions};
