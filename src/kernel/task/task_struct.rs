//! The `task_struct`: what a task is and what it holds. Its scheduling part (state, priority, time
//! slice, pid and name) lies in the scheduler's own compact table.

use super::cred::Cred;
use super::in_call::InCall;
use super::pidmap::{PidType, Seq};
use super::sigpending::{AltStack, SigQueue};
use crate::abi::{
    FilesId, FsId, MmId, NamespaceId, Pfn, Pid, SemUndoId, SigInfo, SigSet, SighandId, SignalId,
    TaskId, VirtAddr,
};
use crate::hw::{Regs, SegmentDescriptor};
use crate::kernel::syscall::RestartBlock;
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

/// A task. What a child inherits of it says `fork/child.rs`; how it is scheduled, the record of the
/// same id in the scheduler's table.
#[derive(Clone, Debug)]
pub struct Task {
    // Who it is: set by fork, changed by exec of a thread only.
    /// Thread group id: what `getpid` returns.
    pub tgid: Pid,
    /// First thread of the process.
    pub group_leader: TaskId,
    /// Its numbers and positions in the four pid hashes.
    pub pid_links: [Option<(Pid, Seq)>; PidType::COUNT],

    // How far its life has come.
    /// `PF_*` flags.
    pub flags: PfFlags,
    /// See [`ExitState`].
    pub exit_state: ExitState,
    /// The status word of the end, or of the last stop.
    pub exit_code: u32,
    /// Signal to the parent at exit; 0 none, -1 for a thread that nobody waits for.
    pub exit_signal: i32,
    /// Signal to this task when its parent dies; 0 none.
    pub pdeath_signal: u32,
    /// References: one for the running task, one for the reaper.
    pub usage: u32,

    // Its family. Both ends of a link change together, by `add_child` and its kin.
    /// Who made it, or who adopted it.
    pub real_parent: TaskId,
    /// Who is told of its end: the real parent or a tracer.
    pub parent: TaskId,
    /// Children in the order of linking.
    pub children: ChildList,
    /// Its position in its parent's `children`.
    pub sibling: Seq,
    /// The vfork parent that waits for this task to give the memory up.
    pub vfork_done: Option<TaskId>,

    // What it holds, shared or its own: a reference each, given back by exit.
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

    // For whom it acts.
    /// Credentials.
    pub cred: Cred,

    // Signals of this thread alone.
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

    // Tracing.
    /// `PT_*` flags.
    pub ptrace: PtFlags,
    /// What a tracer reads with `PTRACE_GETEVENTMSG`.
    pub ptrace_message: u32,
    /// What it has stopped with for its tracer, while it is stopped.
    pub last_siginfo: Option<SigInfo>,
    /// Its children that somebody else traces.
    pub ptrace_children: ChildList,
    /// Its position in its real parent's `ptrace_children`, if somebody else traces it.
    pub ptrace_link: Option<Seq>,

    // Words in its memory that the kernel writes.
    /// Where to store the tid at the first run; 0 none.
    pub set_child_tid: VirtAddr,
    /// Where to clear the tid and wake a futex at exit; 0 none.
    pub clear_child_tid: VirtAddr,

    // What it has used and done.
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

    // Its kernel stack, and what 2.6.12 keeps there.
    /// First of the two frames of its kernel stack (`thread_info`); `None` for idle tasks.
    pub stack: Option<Pfn>,
    /// What is left of an interrupted call (`thread_info->restart_block`).
    pub restart_block: RestartBlock,
    /// CPU state.
    pub thread: Thread,
    /// The system call that it is in.
    pub in_call: InCall,
}

impl Task {
    /// A task that holds nothing yet, as the boot task does.
    pub fn bare(myself: TaskId, cred: Cred) -> Self {
        Self {
            tgid: Pid(0),
            group_leader: myself,
            pid_links: [None; PidType::COUNT],
            flags: PfFlags::empty(),
            exit_state: ExitState::Alive,
            exit_code: 0,
            exit_signal: 0,
            pdeath_signal: 0,
            usage: 2,
            real_parent: myself,
            parent: myself,
            children: ChildList::new(),
            sibling: Seq::default(),
            vfork_done: None,
            mm: None,
            active_mm: None,
            files: None,
            fs: None,
            sighand: None,
            signal: None,
            namespace: None,
            sem_undo: None,
            cred,
            pending: SigSet::EMPTY,
            sigqueue: SigQueue::default(),
            blocked: SigSet::EMPTY,
            real_blocked: SigSet::EMPTY,
            altstack: AltStack::default(),
            ptrace: PtFlags::empty(),
            ptrace_message: 0,
            last_siginfo: None,
            ptrace_children: ChildList::new(),
            ptrace_link: None,
            set_child_tid: VirtAddr(0),
            clear_child_tid: VirtAddr(0),
            utime: 0,
            stime: 0,
            min_flt: 0,
            maj_flt: 0,
            start_time: 0,
            did_exec: false,
            self_exec_id: 0,
            parent_exec_id: 0,
            stack: None,
            restart_block: RestartBlock::Nothing,
            thread: Thread::default(),
            in_call: InCall::default(),
        }
    }
}
