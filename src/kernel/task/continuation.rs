//! Where a task that has given the CPU up inside the kernel goes on when it gets it back, and what it
//! needs to remember until then. The kernel never blocks the host: instead of a kernel stack, a
//! blocked task has one of these.

use super::Seq;
use crate::abi::{Errno, FileId, InodeId, MmId, PAGE_SHIFT, Pid, SigSet, Signal, VirtAddr};
use crate::kernel::syscall::{InfoTo, MsgrcvArgs, MsgsndArgs, WaitArgs};

/// Where the kernel continues when a blocked task gets the CPU again; at most one per task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Continuation {
    /// A new task's first steps: `ret_from_fork`.
    RetFromFork,
    /// `wait_for_completion` in `do_fork`: the child has not released the memory yet.
    VforkWait {
        /// The value that `vfork` will return.
        child: Pid,
        /// The completion: set by the child's `mm_release`.
        done: bool,
    },
    /// A puppet repeats an interrupted call.
    Again {
        /// Whether only the rest of it is repeated, by `restart_syscall`.
        block: bool,
    },
    /// It is stopped by a signal; when it continues, it looks for more signals.
    SignalStop {
        /// Its own mask, if it stopped inside `sigsuspend`.
        suspended: Option<SigSet>,
    },
    /// `pause`: no handler has been called yet.
    Pause,
    /// `sigsuspend`: no signal has been taken yet.
    Sigsuspend {
        /// The mask that the return from the handler restores.
        saved: SigSet,
    },
    /// `rt_sigtimedwait`: none of the signals is pending yet.
    Sigtimedwait {
        /// The signals that it waits for.
        set: SigSet,
        /// Where the `siginfo` goes.
        info: InfoTo,
        /// Tick of the timeout.
        until: Option<u64>,
    },
    /// It is stopped for its tracer.
    PtraceStop(Trap),
    /// `do_coredump`: other users of the memory have yet to leave it.
    CoreDump {
        /// The signal that the process dies by.
        signal: Signal,
    },
    /// `exit_mm`: the memory is being dumped.
    ExitWaitsForCore {
        /// The wait status of the exit.
        code: u32,
    },
    /// exec: other threads have not exited yet.
    ExecWaitsForThreads,
    /// exec: the first thread has yet to become a zombie.
    ExecWaitsForLeader,
    /// `do_wait`: no child to report yet.
    Wait4 {
        /// The arguments of the wait.
        args: WaitArgs,
        /// Its position in the queue of waiters.
        queued: Seq,
    },
    /// `read` from a terminal: nothing has been typed yet, or another task reads.
    TtyRead(TtyRead),
    /// `write` to a terminal: the output is stopped, or another task writes.
    TtyWrite(TtyWrite),
    /// `nanosleep`: the time has not passed yet.
    Nanosleep {
        /// Tick at which the sleep ends.
        until: u64,
        /// Where the remaining time is stored if a handler ends it early; 0 for nowhere.
        rem: VirtAddr,
    },
    /// `clock_nanosleep` until a time that has not come yet.
    AbsoluteSleep {
        /// The clock that shows the time.
        clock: u32,
        /// The time: seconds.
        sec: i32,
        /// And nanoseconds.
        nsec: i32,
        /// The tick at which the time comes, unless the clock is set.
        until: u64,
    },
    /// `fsync` and the like: pages are still being written to the device.
    WritesEnd {
        /// What the call does afterwards.
        then: AfterWrites,
    },
    /// `read` from a pipe: nothing has been written yet.
    PipeRead(PipeIo),
    /// `write` to a pipe: it is full.
    PipeWrite(PipeIo),
    /// `select` or `poll`: no file is ready; `in_call.polling` has the rest.
    Polling,
    /// `msgsnd`: the queue is full; `in_call.message` has the message.
    Msgsnd(MsgsndArgs),
    /// `msgrcv`: there is no such message yet.
    Msgrcv(MsgrcvArgs),
    /// `fcntl` or `flock`: another lock is in the way.
    Lock(LockWait),
    /// `open` of a fifo: nobody has opened the other side yet.
    FifoOpen(FifoOpen),
    /// `semop`: not all operations can be done yet.
    Semop {
        /// Id of the semaphore set.
        id: i32,
        /// Tick of the timeout.
        until: Option<u64>,
        /// The result, once it has left the queue.
        result: Option<Result<(), Errno>>,
    },
    /// `FUTEX_WAIT`: nobody has woken it yet.
    Futex {
        /// Address of the futex word that it waits on.
        key: FutexKey,
        /// Tick of the timeout.
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
    /// It continues with the new program.
    Exec {
        /// The program; the arguments are in the task's `exec_args`.
        exe: InodeId,
    },
}

/// What a call that waited for the device does afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterWrites {
    /// It returns 0.
    Return,
    /// It goes on with the rest of the range.
    Msync(MsyncRest),
}

/// What `msync` has yet to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MsyncRest {
    /// First address that it has not looked at.
    pub start: u32,
    /// First address after the range.
    pub end: u32,
    /// Its flags.
    pub flags: u32,
    /// The first address where nothing was mapped.
    pub hole: Option<VirtAddr>,
}

impl Continuation {
    /// The open file description to which the call holds a reference of its own.
    pub(in crate::kernel) fn pinned_file(&self) -> Option<FileId> {
        match self {
            Self::PipeRead(io) | Self::PipeWrite(io) => io.pinned.then_some(io.file),
            Self::TtyRead(TtyRead { io, .. }) | Self::TtyWrite(TtyWrite { io, .. }) => {
                io.pinned.then_some(io.file)
            }
            Self::FifoOpen(wait) => Some(wait.file),
            Self::Lock(wait) => Some(wait.file),
            _ => None,
        }
    }
}

/// Why a task has stopped for its tracer, which decides where it continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trap {
    /// It was about to take a signal.
    Signal {
        /// Its own mask, if it was in `sigsuspend`.
        suspended: Option<SigSet>,
    },
    /// Before a system call.
    SyscallEntry,
    /// After a system call.
    SyscallExit,
    /// After creating a child.
    Fork {
        /// Pid of the child.
        child: Pid,
        /// Whether it will wait until the child releases the memory.
        vfork: bool,
        /// Whether the child has already done so.
        done: bool,
    },
    /// After its vfork child has released the memory.
    VforkDone {
        /// Pid of the child.
        child: Pid,
    },
    /// After a successful exec.
    Exec,
    /// At the start of its exit.
    Exit {
        /// The wait status of the exit.
        code: u32,
    },
}

/// A read or write of a pipe in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PipeIo {
    /// The open file description.
    pub file: FileId,
    /// Whether the call holds a reference to the open file description. It does if the table is
    /// shared, because another thread may close the descriptor meanwhile.
    pub pinned: bool,
    /// The caller's memory.
    pub memory: PipeMemory,
    /// Its length, in bytes.
    pub len: u32,
    /// Number of bytes already transferred.
    pub done: u32,
    /// Whether the other side must be woken.
    pub wake: bool,
}

/// A read or write of a terminal in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TtyIo {
    /// The open file description.
    pub file: FileId,
    /// Whether the call holds a reference to the open file description.
    pub pinned: bool,
    /// Address of the caller's buffer.
    pub addr: VirtAddr,
    /// Length of the buffer, in bytes.
    pub len: u32,
    /// Number of bytes already transferred.
    pub done: u32,
}

impl TtyIo {
    /// Bytes that have yet to be transferred.
    pub(in crate::kernel) const fn left(&self) -> u32 {
        self.len - self.done
    }

    /// Where they are, or go.
    pub(in crate::kernel) const fn at(&self) -> VirtAddr {
        VirtAddr(self.addr.0.wrapping_add(self.done))
    }
}

/// A read of a terminal in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TtyRead {
    /// File and buffer.
    pub io: TtyIo,
    /// Whether it is its turn: one task reads at a time.
    pub has_turn: bool,
    /// With how many bytes it is content.
    pub minimum: u32,
    /// How many ticks it waits for the next bytes after some have come; 0 for no limit.
    pub pause: u32,
    /// Tick of the timeout.
    pub until: Option<u64>,
}

/// A write to a terminal in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TtyWrite {
    /// File and buffer.
    pub io: TtyIo,
    /// Whether it is its turn: one task writes at a time.
    pub has_turn: bool,
    /// Length of the chunk that is copied and has yet to be put out.
    pub chunk: Option<u32>,
}

/// The bytes of a lock of `fcntl`, and its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PosixRange {
    /// Whether it is a write lock.
    pub exclusive: bool,
    /// Its first byte.
    pub start: i64,
    /// Its last byte.
    pub end: i64,
}

/// The kinds of locks of `flock`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlockKind {
    /// `LOCK_SH`.
    Shared,
    /// `LOCK_EX`.
    Exclusive,
    /// `LOCK_MAND`, which conflicts with nothing.
    Mandatory,
}

/// A lock that is to be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockRequest {
    /// By `fcntl`.
    Posix(PosixRange),
    /// By `flock`.
    Flock(FlockKind),
}

/// A call that waits for a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockWait {
    /// The open file description, of which the call holds a reference.
    pub file: FileId,
    /// The lock.
    pub request: LockRequest,
}

/// An open of a fifo that waits for a partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FifoOpen {
    /// The open file description, of which the call holds the only reference.
    pub file: FileId,
    /// The descriptor that is reserved for it.
    pub fd: u32,
    /// What the counter of the other side's opens was: it waits until that is another number.
    pub counter: u32,
}

/// Where the bytes of a read or write of a pipe are in the caller's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PipeMemory {
    /// In one buffer.
    Buffer(VirtAddr),
    /// In the `segments` of the call.
    Segments,
}

/// A buffer of `readv` or `writev` (`struct iovec`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its address.
    pub addr: VirtAddr,
    /// Its length, in bytes.
    pub len: u32,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the file to the caller.
    Read,
    /// From the caller to the file.
    Write,
}

/// A `readv` or `writev` that takes its buffers one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VectorIo {
    /// The open file description.
    pub file: FileId,
    /// Whether the call holds a reference to it, as in a [`PipeIo`].
    pub pinned: bool,
    /// Which way the bytes go.
    pub direction: Direction,
    /// The number of the buffer that is in use.
    pub next: usize,
    /// Bytes transferred from or to those before it.
    pub done: u32,
}

impl VectorIo {
    /// A buffer has been used completely.
    pub(in crate::kernel) const fn complete(&mut self, bytes: u32) {
        self.done += bytes;
        self.next += 1;
    }
}

/// What identifies a futex word (`union futex_key`): two tasks with equal keys mean the same word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FutexKey {
    /// A word in an area that is not shared: address space and address.
    Private(MmId, u32),
    /// A word in a shared area: object, page index and offset in the page.
    Shared(InodeId, u32, u32),
}

impl FutexKey {
    /// Whether it names a word of this address space.
    pub fn is_of(self, mm: MmId) -> bool {
        matches!(self, Self::Private(owner, _) if owner == mm)
    }

    /// The address of a private word; for a shared one, its offset in the object.
    pub const fn address(self) -> u32 {
        match self {
            Self::Private(_, addr) => addr,
            Self::Shared(_, page, offset) => (page << PAGE_SHIFT) + offset,
        }
    }
}
