//! The `task_struct`: what a task is and what it holds. Its scheduling part (state, priority, time
//! slice, pid and name) lies in the scheduler's own compact table.

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
        /// In `do_exit`.
        const EXITING = 0x4;
        /// Forked and has not called exec.
        const FORKNOEXEC = 0x40;
        /// Used super-user privileges.
        const SUPERPRIV = 0x100;
        /// Killed by a signal.
        const SIGNALED = 0x400;
    }

    /// `task->ptrace`: whether and how a task is traced.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PtFlags: u32 {
        /// Traced.
        const PTRACED = 0x1;
        /// The tracer has set TF.
        const DTRACE = 0x2;
        /// `PTRACE_O_TRACESYSGOOD`.
        const TRACESYSGOOD = 0x4;
        /// The tracer may trace anyone.
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
        /// All that options set.
        const OPTIONS = 0x3f4;
    }
}

/// `exit_state`: how far the end of a task has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum ExitState {
    /// Not ended.
    #[default]
    Alive = 0,
    /// `EXIT_ZOMBIE`: ended, waiting to be reaped.
    Zombie = 16,
    /// `EXIT_DEAD`: being released.
    Dead = 32,
}

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
        args: crate::kernel::exit::WaitArgs,
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
    PipeRead(crate::kernel::fs::PipeIo),
    /// `write` to a pipe: it is full.
    PipeWrite(crate::kernel::fs::PipeIo),
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
        key: crate::kernel::ipc::FutexKey,
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

/// A system call that has not returned yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenCall {
    /// i386 system call number.
    pub nr: u16,
    /// A signal has interrupted it, and it wants to be made again.
    pub restart: Option<Restart>,
}

/// What a task keeps for the CPU (`thread_struct` and the saved user registers).
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// User registers at the entry to the kernel.
    pub regs: Regs,
    /// `tls_array`: the three descriptors that `set_thread_area` and CLONE_SETTLS fill.
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

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Thread group id: what `getpid` returns.
    pub tgid: Pid,
    /// References: one for the running task, one for the reaper.
    pub usage: u32,
    /// `PF_*` flags.
    pub flags: PfFlags,
    /// `PT_*` flags.
    pub ptrace: PtFlags,
    /// What a tracer reads with `PTRACE_GETEVENTMSG`.
    pub ptrace_message: u32,
    /// See [`ExitState`].
    pub exit_state: ExitState,
    /// The status word of the end, or of the last stop.
    pub exit_code: u32,
    /// Signal to the parent at exit; 0 none, -1 for a thread that nobody waits for.
    pub exit_signal: i32,
    /// Signal to this task when its parent dies; 0 none.
    pub pdeath_signal: u32,

    /// Address space; `None` for kernel threads and after `exit_mm`.
    pub mm: Option<MmId>,
    /// Address space in CR3: its own or a borrowed one.
    pub active_mm: Option<MmId>,
    /// Open files.
    pub files: Option<FilesId>,
    /// Directory context.
    pub fs: Option<FsId>,
    /// Signal actions.
    pub sighand: Option<SighandId>,
    /// What the threads of the process share.
    pub signal: Option<SignalId>,
    /// Mount namespace.
    pub namespace: Option<NamespaceId>,
    /// Semaphore adjustments.
    pub sem_undo: Option<SemUndoId>,

    /// Who made it, or who adopted it.
    pub real_parent: TaskId,
    /// Who is told of its end: the real parent or a tracer.
    pub parent: TaskId,
    /// Children in the order of linking.
    pub children: ChildList,
    /// Its position in its parent's `children`.
    pub sibling: Seq,
    /// Its children that somebody else traces.
    pub ptrace_children: ChildList,
    /// Its position in its real parent's `ptrace_children`, if somebody else traces it.
    pub ptrace_link: Option<Seq>,
    /// What it has stopped with for its tracer, while it is stopped.
    pub last_siginfo: Option<SigInfo>,
    /// First thread of the process.
    pub group_leader: TaskId,
    /// Its numbers and positions in the four pid hashes.
    pub pid_links: [Option<(Pid, Seq)>; PidType::COUNT],

    /// The vfork parent that waits for this task to give the memory up.
    pub vfork_done: Option<TaskId>,
    /// Where to store the tid at the first run; 0 none.
    pub set_child_tid: VirtAddr,
    /// Where to clear the tid and wake a futex at exit; 0 none.
    pub clear_child_tid: VirtAddr,

    /// Private pending signals.
    pub pending: SigSet,
    /// What comes with them.
    pub sigqueue: SigQueue,
    /// Blocked signals.
    pub blocked: SigSet,
    /// The mask while `rt_sigtimedwait` has opened `blocked`.
    pub real_blocked: SigSet,
    /// The alternate signal stack.
    pub altstack: AltStack,
    /// It has entered a handler on the way out of the kernel that it is on.
    pub entered_handler: bool,
    /// The frame of a handler that was put on its stack, if it runs no code: its user mode takes
    /// note of it.
    pub handler_frame: Option<HandlerFrame>,
    /// Credentials.
    pub cred: Cred,

    /// Ticks in user mode.
    pub utime: u32,
    /// Ticks in the kernel.
    pub stime: u32,
    /// Faults mended without reading anything in.
    pub min_flt: u32,
    /// Faults that read from a file.
    pub maj_flt: u32,
    /// Tick at which it was made.
    pub start_time: u64,

    /// It has called exec since it was forked.
    pub did_exec: bool,
    /// Counts execs.
    pub self_exec_id: u32,
    /// The parent's `self_exec_id` at the fork.
    pub parent_exec_id: u32,

    /// First of the two frames of its kernel stack (`thread_info`); `None` for idle tasks.
    pub stack: Option<Pfn>,
    /// CPU state.
    pub thread: Thread,
    /// Where the kernel goes on.
    pub continuation: Option<Continuation>,
    /// The system call it is in.
    pub call: Option<OpenCall>,
    /// The signal that its tracer lets it go on with.
    pub injected: Option<SigInfo>,
    /// The call before which it has stopped for its tracer; none if the registers have it.
    pub traced_call: Option<Box<Syscall>>,
    /// The new program, while exec waits for other threads.
    pub exec: Option<Box<PendingExec>>,
    /// The call it is in, if a signal may cause it to be made again.
    pub interruptible: Option<Syscall>,
    /// What is left of an interrupted call.
    pub restart_block: RestartBlock,
    /// What the child reported that its last wait found.
    pub reaped: Option<WaitStatus>,
    /// What the `execve` was told that it is in.
    pub exec_args: Option<Box<ExecArgs>>,
    /// The same as `waitid` tells it, or what came with the signal of its last `rt_sigtimedwait`.
    pub reported: Option<SigInfo>,
    /// Tick at which its timer wakes it.
    pub timer: Option<u64>,
}

impl Task {
    /// A task that holds nothing yet, as the boot task does.
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
