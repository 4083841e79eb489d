//! What system calls are told, as data: the structures behind their pointers, copied in, and the
//! arguments of those calls that have many.

use crate::abi::{CloneFlags, KSigaction, Name, PAGE_SIZE, SigSet, VirtAddr, WaitOptions};

/// The most bytes of arguments and environment: 32 pages, minus one word.
///
/// Linux 2.6.12: `include/linux/binfmts.h`, `MAX_ARG_PAGES`.
pub const MAX_ARG_BYTES: usize = 32 * PAGE_SIZE as usize - 4;
/// The most arguments, and the most environment strings.
///
/// Linux 2.6.12: `fs/exec.c`, `do_execve()`, the limit of `count()`.
pub const MAX_ARG_STRINGS: usize = MAX_ARG_BYTES / 4;

/// The arguments of `do_fork`: those of clone, as the system call passes them on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ForkArgs {
    /// The clone flags, including the exit signal.
    pub flags: CloneFlags,
    /// The child's `esp`; 0 means the caller's own.
    pub stack: VirtAddr,
    /// Where CLONE_PARENT_SETTID stores the tid.
    pub parent_tid: VirtAddr,
    /// Where CLONE_SETTLS reads the `user_desc`.
    pub tls: VirtAddr,
    /// The address for CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID.
    pub child_tid: VirtAddr,
    /// A name for the child, for workloads that name their children. With `None`, the child
    /// inherits the caller's name, as in the kernel.
    pub comm: Option<Name>,
}

impl ForkArgs {
    /// The arguments of a call that has only flags.
    pub fn with_flags(flags: CloneFlags) -> Self {
        Self {
            flags,
            ..Self::default()
        }
    }
}

/// The arguments of `execve`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExecArgs {
    /// Path of the program.
    pub path: String,
    /// Arguments, starting with the program's name; without the terminating null bytes.
    pub argv: Vec<Vec<u8>>,
    /// Environment strings, without the terminating null bytes.
    pub envp: Vec<Vec<u8>>,
}

impl<T: Into<String>> From<T> for ExecArgs {
    /// A program without environment, and with only its name as an argument.
    fn from(path: T) -> Self {
        let path = path.into();
        Self {
            argv: vec![path.clone().into_bytes()],
            path,
            envp: Vec::new(),
        }
    }
}

/// The arguments of `wait4` and `waitid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WaitArgs {
    /// Above 0: that child; 0: the caller's process group; -1: any child; below -1: that process
    /// group.
    pub pid: i32,
    /// Where `wait4` stores the wait status; 0 for nowhere.
    pub status: VirtAddr,
    /// Options as given, possibly with unknown bits.
    pub options: u32,
    /// Where the resource usage is stored; 0 for nowhere.
    pub rusage: VirtAddr,
    /// Where `waitid` stores its `siginfo`.
    pub info: InfoTo,
}

impl WaitArgs {
    /// The known options.
    pub const fn flags(&self) -> WaitOptions {
        WaitOptions::from_bits_truncate(self.options)
    }
}

/// The arguments of `waitid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitidArgs {
    /// `P_ALL`, `P_PID` or `P_PGID`.
    pub which: u32,
    /// The pid or process group.
    pub id: i32,
    /// Where the `siginfo` goes.
    pub info: InfoTo,
    /// Options as given, possibly with unknown bits.
    pub options: u32,
    /// Where the resource usage is stored; 0 for nowhere.
    pub rusage: VirtAddr,
}

/// Where the `siginfo` of a signal or a child is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InfoTo {
    /// It is not stored: the caller has passed a null pointer, or the call has no place for it.
    #[default]
    Nowhere,
    /// In a `siginfo_t` of the caller.
    User(VirtAddr),
    /// In the task itself, from where its user reads it, because puppets have no memory set aside
    /// for it.
    Task,
}

/// Where a call puts its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerTo {
    /// It is the value of the call: puppets have no memory of their own to put it in.
    Value,
    /// In the caller's memory.
    User(VirtAddr),
}

/// How wide the ids in a list of groups are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupWidth {
    /// 16 bits, in the calls of old.
    Low,
    /// 32 bits.
    High,
}

impl GroupWidth {
    /// The bytes of an id.
    pub const fn size(self) -> usize {
        match self {
            Self::Low => 2,
            Self::High => 4,
        }
    }
}

/// The arguments of `mmap2`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MmapArgs {
    /// Requested address, or 0.
    pub addr: u32,
    /// Length in bytes, which is rounded up to pages.
    pub len: u32,
    /// `PROT_*`; unknown bits are ignored.
    pub prot: u32,
    /// `MAP_*`, as given: they may contradict each other.
    pub flags: u32,
    /// File descriptor, unless anonymous.
    pub fd: Option<u32>,
    /// Offset in pages.
    pub pgoff: u32,
}

/// The arguments of `mremap`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MremapArgs {
    /// Where the mapping is.
    pub addr: u32,
    /// Its length in bytes, which is rounded up to pages; 0 for a second mapping of the same pages.
    pub old_len: u32,
    /// The length that it is to have.
    pub new_len: u32,
    /// `MREMAP_*`, as given.
    pub flags: u32,
    /// Where it is to be, with `MREMAP_FIXED`.
    pub new_addr: u32,
}

/// The arguments of `futex`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FutexArgs {
    /// Address of the word.
    pub addr: VirtAddr,
    /// The futex operation.
    pub op: u32,
    /// The value that the word must have, or how many tasks to wake.
    pub val: u32,
    /// Address of a `timespec`; for the requeue operations, how many to requeue.
    pub timeout: u32,
    /// The address of the word to requeue to.
    pub addr2: VirtAddr,
    /// The value that the word must have for requeueing.
    pub val3: u32,
}

/// The arguments of `ptrace`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PtraceArgs {
    /// What is asked for: `PTRACE_*`.
    pub request: u32,
    /// Pid of the traced task.
    pub pid: i32,
    /// An address in the tracee, or an offset.
    pub addr: u32,
    /// A value, or an address in the caller.
    pub data: u32,
}

/// The arguments of `sigaction` and `rt_sigaction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigactionArgs {
    /// Signal number, which may be invalid.
    pub signal: u32,
    /// The new action, if one is to be set.
    pub new: Option<KSigaction>,
    /// Where the old action is stored; 0 for nowhere.
    pub old: VirtAddr,
}

/// The arguments of `sigprocmask` and `rt_sigprocmask`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigprocmaskArgs {
    /// `SIG_BLOCK`, `SIG_UNBLOCK` or `SIG_SETMASK`.
    pub how: u32,
    /// The signals, if the mask is to change.
    pub set: Option<SigSet>,
    /// Where the old mask is stored; 0 for nowhere.
    pub old: VirtAddr,
}

/// The arguments of `rt_sigtimedwait`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigtimedwaitArgs {
    /// The signals to wait for.
    pub set: SigSet,
    /// Where the signal's `siginfo` goes.
    pub info: InfoTo,
    /// The timeout in ticks; `None` for no timeout.
    pub timeout: Option<u64>,
}

/// `struct itimerval`, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ItimerVal {
    /// Ticks from one expiry to the next; 0 for none.
    pub interval: u64,
    /// Ticks until the next expiry; 0 if it is off.
    pub value: u64,
}

/// A decoded call of the multiplexer `ipc`. All addresses in it are in the caller's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpcCall {
    /// `semget(key, nsems, flags)`.
    Semget(i32, i32, u32),
    /// `semop(id, ops, n)`.
    Semop(i32, VirtAddr, u32),
    /// `semtimedop(id, ops, n, timeout)`.
    Semtimedop(i32, VirtAddr, u32, VirtAddr),
    /// `semctl(id, num, cmd, arg)`.
    Semctl {
        /// Id of the semaphore set, as `semget` has returned it.
        id: i32,
        /// Number of the semaphore in the set.
        num: i32,
        /// The `semctl` command.
        cmd: u32,
        /// A value or an address, depending on the command.
        arg: u32,
    },
    /// `msgsnd(id, message, size, flags)`.
    Msgsnd(MsgsndArgs),
    /// `msgrcv(id, message, size, kind, flags)`.
    Msgrcv(MsgrcvArgs),
    /// `msgget(key, flags)`.
    Msgget(i32, u32),
    /// `msgctl(id, cmd, buffer)`.
    Msgctl(i32, u32, VirtAddr),
    /// `shmget(key, size, flags)`.
    Shmget(i32, u32, u32),
    /// `shmat(id, addr, flags)`.
    Shmat(ShmatArgs),
    /// `shmdt(addr)`.
    Shmdt(u32),
    /// `shmctl(id, cmd, buffer)`.
    Shmctl(i32, u32, VirtAddr),
}

/// The arguments of `msgsnd`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MsgsndArgs {
    /// Id of the queue.
    pub id: i32,
    /// Where the message is: its type, then its text.
    pub message: VirtAddr,
    /// Length of the text, in bytes.
    pub size: u32,
    /// `IPC_NOWAIT`.
    pub flags: u32,
}

/// The arguments of `msgrcv`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MsgrcvArgs {
    /// Id of the queue.
    pub id: i32,
    /// Where the message goes: its type, then its text.
    pub message: VirtAddr,
    /// The most bytes of text.
    pub size: u32,
    /// The type of message; 0 for any, negative for the lowest up to that.
    pub kind: i32,
    /// `IPC_NOWAIT`, `MSG_NOERROR` and `MSG_EXCEPT`.
    pub flags: u32,
}

/// The arguments of `shmat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShmatArgs {
    /// Id of the segment.
    pub id: i32,
    /// Where it is to be mapped; 0 for wherever there is room.
    pub addr: u32,
    /// `SHM_RDONLY` and the other flags.
    pub flags: u32,
    /// Where the address goes.
    pub answer: AnswerTo,
}

impl IpcCall {
    /// The name of the function of the C library that makes the call.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Semget(..) => "semget",
            Self::Semop(..) => "semop",
            Self::Semtimedop(..) => "semtimedop",
            Self::Semctl { .. } => "semctl",
            Self::Msgsnd(_) => "msgsnd",
            Self::Msgrcv(_) => "msgrcv",
            Self::Msgget(..) => "msgget",
            Self::Msgctl(..) => "msgctl",
            Self::Shmget(..) => "shmget",
            Self::Shmat(_) => "shmat",
            Self::Shmdt(_) => "shmdt",
            Self::Shmctl(..) => "shmctl",
        }
    }
}
