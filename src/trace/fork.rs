//! The way through `do_fork` and `copy_process` in words that events can hold: steps, stages, and
//! why a task is refused.

use super::shortage::NoMemory;
use crate::abi::{Errno, Pid, VirtAddr};
use std::fmt;

/// The steps of `do_fork` that a reader of its source can tick off. How `copy_process` went is an
/// event of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkStep {
    /// A pid was taken.
    AllocPidmap(Pid),
    /// No pid was free.
    NoPid,
    /// The tracer's options made the child traced: `CLONE_PTRACE` was added.
    AddClonePtrace,
    /// `SIGSTOP` was made pending in the child.
    SigstopPending,
    /// The child was put on a runqueue.
    WakeUpNewTask,
    /// `CLONE_STOPPED`: the child was left in `TASK_STOPPED`.
    LeftStopped,
    /// The parent stopped for its tracer.
    PtraceNotify,
    /// The parent waits until the child gives the memory up.
    WaitForVfork,
    /// The pid was given back.
    FreePidmap,
}

impl ForkStep {
    /// The function or action of `do_fork` that the step stands for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllocPidmap(_) | Self::NoPid => "alloc_pidmap",
            Self::AddClonePtrace => "add CLONE_PTRACE",
            Self::SigstopPending => "SIGSTOP pending",
            Self::WakeUpNewTask => "wake_up_new_task",
            Self::LeftStopped => "left TASK_STOPPED",
            Self::PtraceNotify => "ptrace_notify",
            Self::WaitForVfork => "wait for vfork",
            Self::FreePidmap => "free_pidmap",
        }
    }
}

/// How far `copy_process` has come: the stages in its order, each named by what is done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CopyStage {
    /// Nothing yet.
    Begun,
    /// The combination of flags is legal.
    FlagsAllowed,
    /// `dup_task_struct`: task and kernel stack exist.
    TaskStruct,
    /// The user's count of tasks is raised, within its limit.
    ProcessCounted,
    /// There are fewer tasks than `max_threads`.
    ThreadsAllowed,
    /// The tid is stored for CLONE_PARENT_SETTID, if it was asked for.
    ParentTid,
    /// `copy_semundo` is done.
    SemUndo,
    /// `copy_files` is done.
    Files,
    /// `copy_fs` is done.
    Fs,
    /// `copy_sighand` is done.
    Sighand,
    /// `copy_signal` is done.
    Signal,
    /// `copy_mm` is done.
    Mm,
    /// `copy_namespace` is done.
    Namespace,
    /// `copy_thread` is done.
    Thread,
    /// `sched_fork` is done: the time slice is split.
    SchedFork,
    /// The caller has no SIGKILL pending.
    NotKilled,
    /// The task is linked and known: all is done.
    Linked,
}

impl CopyStage {
    /// A short word for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::FlagsAllowed => "flags",
            Self::TaskStruct => "task_struct",
            Self::ProcessCounted => "nproc",
            Self::ThreadsAllowed => "max_threads",
            Self::ParentTid => "parent_tid",
            Self::SemUndo => "copy_semundo",
            Self::Files => "copy_files",
            Self::Fs => "copy_fs",
            Self::Sighand => "copy_sighand",
            Self::Signal => "copy_signal",
            Self::Mm => "copy_mm",
            Self::Namespace => "copy_namespace",
            Self::Thread => "copy_thread",
            Self::SchedFork => "sched_fork",
            Self::NotKilled => "not_killed",
            Self::Linked => "linked",
        }
    }
}

impl CopyStage {
    /// The kernel function that takes the step, as far as it is a function of its own.
    pub const fn function(self) -> &'static str {
        match self {
            Self::TaskStruct => "dup_task_struct",
            other => other.name(),
        }
    }
}

/// Why `copy_process` refuses, by the rule that was tested first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloneRefusal {
    /// Sharing the directory context makes no sense across mount namespaces.
    NewnsWithFs,
    /// Threads share signal actions.
    ThreadWithoutSighand,
    /// Shared signal actions need shared memory: handlers are addresses.
    SighandWithoutVm,
    /// There is no memory for the task, its stack or what it gets a copy of.
    NoMemory(NoMemory),
    /// `RLIMIT_NPROC`: tasks of the user, and the limit.
    TooManyOfUser {
        /// Tasks that the user has.
        processes: u32,
        /// The soft limit.
        limit: u32,
    },
    /// `max_threads`, which holds for root too.
    TooManyThreads {
        /// The limit.
        limit: u32,
    },
    /// The tid cannot be stored at this address for CLONE_PARENT_SETTID.
    ParentTidFault(VirtAddr),
    /// CLONE_NEWNS without its privilege.
    NewnsUnprivileged,
    /// The `user_desc` for CLONE_SETTLS cannot be read.
    TlsFault,
    /// The `user_desc` is for no TLS entry.
    NoTlsEntry,
    /// The `user_desc` is empty: it is how an entry is cleared.
    EmptyTls,
    /// The caller is being killed.
    Killed,
    /// CLONE_THREAD while the process ends.
    GroupExit,
}

impl CloneRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::NewnsWithFs
            | Self::ThreadWithoutSighand
            | Self::SighandWithoutVm
            | Self::NoTlsEntry
            | Self::EmptyTls => Errno::EINVAL,
            Self::TooManyOfUser { .. } | Self::TooManyThreads { .. } | Self::GroupExit => {
                Errno::EAGAIN
            }
            Self::NoMemory(_) => Errno::ENOMEM,
            Self::ParentTidFault(_) | Self::TlsFault => Errno::EFAULT,
            Self::NewnsUnprivileged => Errno::EPERM,
            Self::Killed => Errno::EINTR,
        }
    }
}

impl From<NoMemory> for CloneRefusal {
    fn from(why: NoMemory) -> Self {
        Self::NoMemory(why)
    }
}

impl fmt::Display for CloneRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyOfUser { processes, limit } => {
                let tasks = if *processes == 1 { "task" } else { "tasks" };
                return write!(
                    f,
                    "the user has {processes} {tasks} and RLIMIT_NPROC is {limit}"
                );
            }
            Self::TooManyThreads { limit } => {
                return write!(f, "max_threads ({limit}) is reached");
            }
            Self::NewnsWithFs => "CLONE_NEWNS and CLONE_FS exclude each other",
            Self::ThreadWithoutSighand => "CLONE_THREAD needs CLONE_SIGHAND",
            Self::SighandWithoutVm => "CLONE_SIGHAND needs CLONE_VM",
            Self::NoMemory(_) => "memory is short",
            Self::ParentTidFault(_) => "the tid cannot be stored at that address",
            Self::NewnsUnprivileged => "CLONE_NEWNS needs CAP_SYS_ADMIN",
            Self::TlsFault => "the user_desc cannot be read",
            Self::NoTlsEntry => "the user_desc names no entry 6 to 8",
            Self::EmptyTls => "the user_desc is empty (LDT_empty)",
            Self::Killed => "SIGKILL is pending for the caller",
            Self::GroupExit => "the process is ending",
        })
    }
}
