//! The `task_struct`: what a task is and what it holds. Its scheduling fields (state, priority,
//! time slice, pid and name) are in the scheduler's own compact table.

use super::cred::Cred;
use super::in_call::InCall;
use super::pidmap::{PidType, Seq};
use super::sigpending::{AltStack, SigPending};
use crate::abi::{
    ExitState, FilesId, FsId, MmId, NamespaceId, PfFlags, Pfn, Pid, PtFlags, SemUndoId, SigInfo,
    SigSet, SighandId, SignalId, TaskId, VirtAddr,
};
use crate::hw::{Regs, SegmentDescriptor};
use crate::kernel::syscall::RestartBlock;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// A task. `child.rs` says what a child inherits of it; the record of the same id in the
/// scheduler's table says how it is scheduled.
#[derive(Clone, Debug)]
pub struct Task {
    // Identity: set by fork, and changed only when a thread calls exec.
    /// Thread group id: what `getpid` returns.
    pub(super) tgid: Pid,
    /// First thread of the process.
    pub(super) group_leader: TaskId,
    /// Its ids and positions in the four pid hashes.
    pub(super) pid_links: [Option<(Pid, Seq)>; PidType::COUNT],

    // Exit.
    /// `PF_*` flags: among others whether it is exiting, and whether it has called exec.
    pub flags: PfFlags,
    /// Whether it lives, waits to be reaped, or is being released.
    pub exit_state: ExitState,
    /// The wait status of the exit, or of the last stop.
    pub exit_code: u32,
    /// Signal to the parent at exit; 0 for none, -1 for a thread that nobody waits for.
    pub exit_signal: i32,
    /// Signal to this task when its parent dies; 0 for none.
    pub pdeath_signal: u32,
    /// Reference count: one for the running task, one for the reaper.
    pub(super) usage: u32,

    // Family. Both ends of a link change together, in `family.rs`.
    /// Its creator, or the task that adopted it.
    pub(super) real_parent: TaskId,
    /// The task that is notified of its exit: the real parent or a tracer.
    pub(super) parent: TaskId,
    /// Children in the order of linking.
    pub(super) children: ChildList,
    /// Its position in its parent's `children`.
    pub(super) sibling: Seq,
    /// The vfork parent that waits for this task to release the memory.
    pub vfork_done: Option<TaskId>,

    // Resources, shared or its own: one reference each, dropped at exit.
    /// Address space; `None` for kernel threads and after `exit_mm`.
    pub mm: Option<MmId>,
    /// Address space in CR3: its own or a borrowed one.
    pub active_mm: Option<MmId>,
    /// Descriptor table (`files_struct`).
    pub files: Option<FilesId>,
    /// Root and working directory, and the umask (`fs_struct`).
    pub fs: Option<FsId>,
    /// Signal actions (`sighand_struct`).
    pub(super) sighand: Option<SighandId>,
    /// What the threads of the process share.
    pub(super) signal: Option<SignalId>,
    /// Mount namespace; `None` after the exit.
    pub namespace: Option<NamespaceId>,
    /// Semaphore undo values.
    pub sem_undo: Option<SemUndoId>,

    // Credentials.
    /// User and group ids, and capabilities.
    pub(super) cred: Cred,
    /// `group_info`: the supplementary groups, in ascending order.
    pub(super) groups: Arc<[u32]>,
    /// As which system the kernel shows itself.
    pub(super) personality: u32,

    // Signals of this thread alone.
    /// Private pending signals.
    pub pending: SigPending,
    /// The signal mask: blocked signals.
    pub blocked: SigSet,
    /// The original mask while `rt_sigtimedwait` has unblocked signals in `blocked`.
    pub real_blocked: SigSet,
    /// The alternate signal stack.
    pub altstack: AltStack,

    // Tracing.
    /// `PT_*` flags: whether it is traced, and at which events it stops; 0 if nobody traces it.
    pub ptrace: PtFlags,
    /// What a tracer reads with `PTRACE_GETEVENTMSG`.
    pub ptrace_message: u32,
    /// The `siginfo` with which it has stopped for its tracer, while it is stopped.
    pub last_siginfo: Option<SigInfo>,
    /// Its children that are traced by other tasks.
    pub(super) ptrace_children: ChildList,
    /// Its position in its real parent's `ptrace_children`, if another task traces it.
    pub(super) ptrace_link: Option<Seq>,

    // Addresses in user memory that the kernel writes to.
    /// Where to store the tid when the task first runs; 0 for nowhere.
    pub set_child_tid: VirtAddr,
    /// Where to clear the tid and wake a futex at exit; 0 for nowhere.
    pub clear_child_tid: VirtAddr,

    // Accounting.
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

    // The kernel stack, and what 2.6.12 keeps there.
    /// First of the two frames of its kernel stack (`thread_info`); `None` for idle tasks.
    pub stack: Option<Pfn>,
    /// What is left of an interrupted call (`thread_info->restart_block`).
    pub restart_block: RestartBlock,
    /// CPU state, saved at the last entry to the kernel.
    pub thread: Thread,
    /// The system call that it is in.
    pub in_call: InCall,
}

impl Task {
    /// A task that holds nothing yet, like the boot task, in a thread group of its own.
    pub(in crate::kernel) fn bare(myself: TaskId, tgid: Pid, cred: Cred) -> Self {
        Self {
            tgid,
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
            groups: Arc::new([]),
            personality: 0,
            pending: SigPending::default(),
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
