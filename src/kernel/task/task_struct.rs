//! The `task_struct`: what a task is and what it holds. Its scheduling fields (state, priority,
//! time slice, pid and name) are in the scheduler's own compact table.

use super::cred::Cred;
use super::pidmap::{PidType, Seq};
use crate::abi::{
    Errno, FilesId, FsId, InodeId, MmId, NamespaceId, Pfn, Pid, SemUndoId, SigInfo, SigSet,
    SighandId, SignalId, TaskId, VirtAddr, WaitStatus,
};
use crate::hw::{Regs, SegmentDescriptor};
use crate::kernel::exec::{ExecArgs, PendingExec};
use crate::kernel::ptrace::Trap;
use crate::kernel::signal::{AltStack, HandlerFrame, InfoTo, SigQueue};
use crate::kernel::syscall::{Restart, RestartBlock, Syscall};
use bitflags::bitflags;
use std::collections::BTreeMap;

bitflags! {
    /// `PF_*`: what a task is doing.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PfFlags: u32 {
        /// It is in `do_exit`.
        const EXITING = 0x4;
        /// It was forked and has not called exec.
        const FORKNOEXEC = 0x40;
        /// It has used super-user privileges.
        const SUPERPRIV = 0x100;
        /// It was killed by a signal.
        const SIGNALED = 0x400;
    }

    /// `task->ptrace`: whether and how a task is traced.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PtFlags: u32 {
        /// It is traced.
        const PTRACED = 0x1;
        /// The tracer has set TF.
        const DTRACE = 0x2;
        /// `PTRACE_O_TRACESYSGOOD`.
        const TRACESYSGOOD = 0x4;
        /// The tracer may trace any process.
        const PTRACE_CAP = 0x8;
        /// `PTRACE_O_TRACEFORK`.
        const TRACE_FORK = 0x10;
        /// `PTRACE_O_TRACEVFORK`.
        const TRACE_VFORK = 0x20;
        /// `PTRACE_O_TRACECLONE`.
        const TRACE_CLONE = 0x40;
        /// `PTRACE_O_TRACEEXEC`.
        const TRACE_EXEC = 0x80;
        /// `PTRACE_O_TRACEVFORKDONE`.
        const TRACE_VFORK_DONE = 0x100;
        /// `PTRACE_O_TRACEEXIT`.
        const TRACE_EXIT = 0x200;
        /// The tracer has attached, and was not the real parent then.
        const ATTACHED = 0x400;
        /// All bits that options set.
        const OPTIONS = 0x3f4;
    }
}

/// `exit_state`: how far the exit of a task has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum ExitState {
    /// It has not exited.
    #[default]
    Alive = 0,
    /// `EXIT_ZOMBIE`: it has exited and waits to be reaped.
    Zombie = 16,
    /// `EXIT_DEAD`: it is being released.
    Dead = 32,
}

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
    /// `pause`.
    Pause,
    /// `sigsuspend`.
    Sigsuspend {
        /// The mask that the return from the handler restores.
        saved: SigSet,
    },
    /// `rt_sigtimedwait`.
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
    /// exec: other threads have not exited yet.
    ExecWaitsForThreads,
    /// exec: the first thread has yet to become a zombie.
    ExecWaitsForLeader,
    /// `do_wait`: no child to report yet.
    Wait4 {
        /// The arguments of the wait.
        args: crate::kernel::exit::WaitArgs,
        /// Its position in the queue of waiters.
        queued: Seq,
    },
    /// `read` from the console: no line has been typed yet.
    ReadConsole {
        /// Where the line goes.
        addr: VirtAddr,
        /// The most bytes to read.
        len: u32,
    },
    /// `nanosleep`.
    Nanosleep {
        /// Tick at which the sleep ends.
        until: u64,
        /// Where the remaining time is stored if a handler ends it early; 0 for nowhere.
        rem: VirtAddr,
    },
    /// `read` from a pipe: nothing has been written yet.
    PipeRead(crate::kernel::fs::PipeIo),
    /// `write` to a pipe: it is full.
    PipeWrite(crate::kernel::fs::PipeIo),
    /// `semop`: not all operations can be done yet.
    Semop {
        /// Id of the semaphore set.
        id: i32,
        /// Tick of the timeout.
        until: Option<u64>,
        /// The result, once it has left the queue.
        result: Option<Result<(), Errno>>,
    },
    /// `FUTEX_WAIT`.
    Futex {
        /// The futex word.
        key: crate::kernel::ipc::FutexKey,
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

/// A system call that has not returned yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenCall {
    /// i386 system call number.
    pub nr: u16,
    /// Set if a signal has interrupted it, and it asks to be restarted.
    pub restart: Option<Restart>,
}

/// The CPU state of a task (`thread_struct` and the saved user registers).
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// User registers at the entry to the kernel.
    pub regs: Regs,
    /// `tls_array`: the three descriptors that `set_thread_area` and CLONE_SETTLS set.
    pub tls_array: [SegmentDescriptor; 3],
    /// Address of the last fault.
    pub cr2: u32,
    /// Vector of the last trap.
    pub trap_no: u32,
    /// Error code of the last fault.
    pub error_code: u32,
}

/// Children in the order of linking, by the position that each child keeps as its `sibling`.
pub type ChildList = BTreeMap<Seq, TaskId>;

/// The `task_struct`.
#[derive(Clone, Debug)]
pub struct Task {
    /// Thread group id: what `getpid` returns.
    pub tgid: Pid,
    /// Reference count: one for the running task, one for the reaper.
    pub usage: u32,
    /// `PF_*` flags.
    pub flags: PfFlags,
    /// `PT_*` flags.
    pub ptrace: PtFlags,
    /// What a tracer reads with `PTRACE_GETEVENTMSG`.
    pub ptrace_message: u32,
    /// See [`ExitState`].
    pub exit_state: ExitState,
    /// The wait status of the exit, or of the last stop.
    pub exit_code: u32,
    /// Signal to the parent at exit; 0 for none, -1 for a thread that nobody waits for.
    pub exit_signal: i32,
    /// Signal to this task when its parent dies; 0 for none.
    pub pdeath_signal: u32,

    /// Address space; `None` for kernel threads and after `exit_mm`.
    pub mm: Option<MmId>,
    /// Address space in CR3: its own or a borrowed one.
    pub active_mm: Option<MmId>,
    /// Descriptor table.
    pub files: Option<FilesId>,
    /// Directory context.
    pub fs: Option<FsId>,
    /// Signal actions.
    pub sighand: Option<SighandId>,
    /// What the threads of the process share.
    pub signal: Option<SignalId>,
    /// Mount namespace.
    pub namespace: Option<NamespaceId>,
    /// Semaphore undo values.
    pub sem_undo: Option<SemUndoId>,

    /// Its creator, or the task that adopted it.
    pub real_parent: TaskId,
    /// The task that is notified of its exit: the real parent or a tracer.
    pub parent: TaskId,
    /// Children in the order of linking.
    pub children: ChildList,
    /// Its position in its parent's `children`.
    pub sibling: Seq,
    /// Its children that are traced by other tasks.
    pub ptrace_children: ChildList,
    /// Its position in its real parent's `ptrace_children`, if another task traces it.
    pub ptrace_link: Option<Seq>,
    /// The `siginfo` with which it has stopped for its tracer, while it is stopped.
    pub last_siginfo: Option<SigInfo>,
    /// First thread of the process.
    pub group_leader: TaskId,
    /// Its ids and positions in the four pid hashes.
    pub pid_links: [Option<(Pid, Seq)>; PidType::COUNT],

    /// The vfork parent that waits for this task to release the memory.
    pub vfork_done: Option<TaskId>,
    /// Where to store the tid when the task first runs; 0 for nowhere.
    pub set_child_tid: VirtAddr,
    /// Where to clear the tid and wake a futex at exit; 0 for nowhere.
    pub clear_child_tid: VirtAddr,

    /// Private pending signals.
    pub pending: SigSet,
    /// The queued entries of these signals.
    pub sigqueue: SigQueue,
    /// Blocked signals.
    pub blocked: SigSet,
    /// The original mask while `rt_sigtimedwait` has unblocked signals in `blocked`.
    pub real_blocked: SigSet,
    /// The alternate signal stack.
    pub altstack: AltStack,
    /// Whether it has entered a handler during the current exit from the kernel.
    pub entered_handler: bool,
    /// The frame of a handler on its stack, if the task runs no code; its user mode picks it up.
    pub handler_frame: Option<HandlerFrame>,
    /// Credentials.
    pub cred: Cred,

    /// Ticks in user mode.
    pub utime: u32,
    /// Ticks in the kernel.
    pub stime: u32,
    /// Minor faults: handled without reading from a file.
    pub min_flt: u32,
    /// Major faults: handled by reading from a file.
    pub maj_flt: u32,
    /// Tick at which it was created.
    pub start_time: u64,

    /// Whether it has called exec since it was forked.
    pub did_exec: bool,
    /// Number of execs.
    pub self_exec_id: u32,
    /// The parent's `self_exec_id` at the fork.
    pub parent_exec_id: u32,

    /// First of the two frames of its kernel stack (`thread_info`); `None` for idle tasks.
    pub stack: Option<Pfn>,
    /// CPU state.
    pub thread: Thread,
    /// Where the kernel continues when the task runs again.
    pub continuation: Option<Continuation>,
    /// The system call that it is in.
    pub call: Option<OpenCall>,
    /// The signal with which its tracer resumes it.
    pub injected: Option<SigInfo>,
    /// The call before which it has stopped for its tracer; `None` if the registers contain it.
    pub traced_call: Option<Box<Syscall>>,
    /// The new program, while exec waits for other threads.
    pub exec: Option<Box<PendingExec>>,
    /// The call that it is in, if a signal may cause it to be restarted.
    pub interruptible: Option<Syscall>,
    /// What is left of an interrupted call.
    pub restart_block: RestartBlock,
    /// The wait status that its last wait reported.
    pub reaped: Option<WaitStatus>,
    /// The arguments of the `execve` that it is in.
    pub exec_args: Option<Box<ExecArgs>>,
    /// The `siginfo` of its last `waitid` or `rt_sigtimedwait`.
    pub reported: Option<SigInfo>,
    /// Tick at which its timer wakes it.
    pub timer: Option<u64>,
}

impl Task {
    /// A task that holds nothing yet, like the boot task.
    pub fn bare(myself: TaskId, cred: Cred) -> Self {
        Self {
            tgid: Pid(0),
            usage: 2,
            flags: PfFlags::empty(),
            ptrace: PtFlags::empty(),
            ptrace_message: 0,
            exit_state: ExitState::Alive,
            exit_code: 0,
            exit_signal: 0,
            pdeath_signal: 0,
            mm: None,
            active_mm: None,
            files: None,
            fs: None,
            sighand: None,
            signal: None,
            namespace: None,
            sem_undo: None,
            real_parent: myself,
            parent: myself,
            children: ChildList::new(),
            sibling: Seq::default(),
            ptrace_children: ChildList::new(),
            ptrace_link: None,
            last_siginfo: None,
            group_leader: myself,
            pid_links: [None; PidType::COUNT],
            vfork_done: None,
            set_child_tid: VirtAddr(0),
            clear_child_tid: VirtAddr(0),
            pending: SigSet::EMPTY,
            sigqueue: SigQueue::default(),
            blocked: SigSet::EMPTY,
            real_blocked: SigSet::EMPTY,
            altstack: AltStack::default(),
            entered_handler: false,
            handler_frame: None,
            cred,
            utime: 0,
            stime: 0,
            min_flt: 0,
            maj_flt: 0,
            start_time: 0,
            did_exec: false,
            self_exec_id: 0,
            parent_exec_id: 0,
            stack: None,
            thread: Thread::default(),
            continuation: None,
            call: None,
            injected: None,
            traced_call: None,
            exec: None,
            interruptible: None,
            restart_block: RestartBlock::Nothing,
            reaped: None,
            exec_args: None,
            reported: None,
            timer: None,
        }
    }
}
