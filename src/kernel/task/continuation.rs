//! Where a task that has given the CPU up inside the kernel goes on when it gets it back, and what it
//! needs to remember until then. The kernel never blocks the host: instead of a kernel stack, a
//! blocked task has one of these.

use super::Seq;
use crate::abi::{Errno, FileId, InodeId, MmId, PAGE_SHIFT, Pid, SigSet, VirtAddr};
use crate::kernel::exit::WaitArgs;
use crate::kernel::signal::InfoTo;

/// Where the kernel goes on when a blocked task gets the CPU again. One at most for each task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Continuation {
    /// A new task's first steps: `ret_from_fork`.
    RetFromFork,
    /// `wait_for_completion` in `do_fork`: the child has not given the memory up yet.
    VforkWait {
        /// The value that `vfork` will return.
        child: Pid,
        /// The completion: set by the child's `mm_release`.
        done: bool,
    },
    /// An interrupted call of a puppet that is made again.
    Again {
        /// The rest of it only, by `restart_syscall`.
        block: bool,
    },
    /// Stopped by a signal: when it goes on it looks for more signals.
    SignalStop {
        /// Its own mask, if it stopped inside `sigsuspend`.
        suspended: Option<SigSet>,
    },
    /// `pause`.
    Pause,
    /// `sigsuspend`.
    Sigsuspend {
        /// The mask that the handler's return restores.
        saved: SigSet,
    },
    /// `rt_sigtimedwait`.
    Sigtimedwait {
        /// The signals it waits for.
        set: SigSet,
        /// Where what comes with one goes.
        info: InfoTo,
        /// Tick at which it ends without one.
        until: Option<u64>,
    },
    /// Stopped for its tracer.
    PtraceStop(Trap),
    /// exec: other threads have not ended yet.
    ExecWaitsForThreads,
    /// exec: the first thread, which has to be a zombie, is none yet.
    ExecWaitsForLeader,
    /// `do_wait`: no child to report yet.
    Wait4 {
        /// The arguments.
        args: WaitArgs,
        /// Since when it is in the queue of waiters.
        queued: Seq,
    },
    /// `read` of the console: no line was typed yet.
    ReadConsole {
        /// Where the line goes.
        addr: VirtAddr,
        /// How many bytes of it at most.
        len: u32,
    },
    /// `nanosleep`.
    Nanosleep {
        /// Tick at which it ends.
        until: u64,
        /// Where what is left is stored if a handler cuts it short; 0 for nowhere.
        rem: VirtAddr,
    },
    /// `read` of a pipe: nothing was written yet.
    PipeRead(PipeIo),
    /// `write` to a pipe: it is full.
    PipeWrite(PipeIo),
    /// `semop`: not all operations can be done yet.
    Semop {
        /// The set.
        id: i32,
        /// Tick at which it ends undone.
        until: Option<u64>,
        /// What it came to, once it is out of the queue.
        result: Option<Result<(), Errno>>,
    },
    /// `FUTEX_WAIT`.
    Futex {
        /// The word.
        key: FutexKey,
        /// Tick at which it ends unwoken.
        until: Option<u64>,
    },
    /// `wait_for_completion` of a move by a migration thread.
    MigrationWait {
        /// What the call does afterwards.
        then: AfterMigration,
        /// The completion: set by the migration thread.
        done: bool,
    },
}

/// What a call that waited for a migration thread does afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterMigration {
    /// It returns 0.
    Return,
    /// It goes on with the new program.
    Exec {
        /// The program; the arguments are in the task's `exec_args`.
        exe: InodeId,
    },
}

/// Why a task has stopped for its tracer, and so where it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trap {
    /// It was about to take a signal.
    Signal {
        /// Its own mask, if it was in `sigsuspend`.
        suspended: Option<SigSet>,
    },
    /// Before a system call.
    SyscallEntry,
    /// After one.
    SyscallExit,
    /// It has made a child.
    Fork {
        /// The child.
        child: Pid,
        /// It will wait until the child gives the memory up.
        vfork: bool,
        /// The child has done so meanwhile.
        done: bool,
    },
    /// Its child has given the memory up.
    VforkDone {
        /// The child.
        child: Pid,
    },
    /// It has called exec.
    Exec,
    /// It is about to end.
    Exit {
        /// With this status word.
        code: u32,
    },
}

/// A read or write of a pipe that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PipeIo {
    /// The description.
    pub file: FileId,
    /// Whether the call holds a reference on the description: it does if the table is shared, so
    /// that another thread may close the descriptor meanwhile.
    pub pinned: bool,
    /// The caller's buffer.
    pub addr: VirtAddr,
    /// Its length.
    pub len: u32,
    /// How much of it is done.
    pub done: u32,
    /// Whether the other side is to be woken.
    pub wake: bool,
}

/// What two tasks must agree on to mean the same word (`union futex_key`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FutexKey {
    /// A word in an area that is not shared: the address space and the address.
    Private(MmId, u32),
    /// A word in a shared area: the object, the page of it and the offset in the page.
    Shared(InodeId, u32, u32),
}

impl FutexKey {
    /// The address of a private word; for a shared one, its offset in the object.
    pub const fn address(self) -> u32 {
        match self {
            Self::Private(_, addr) => addr,
            Self::Shared(_, page, offset) => (page << PAGE_SHIFT) + offset,
        }
    }
}
