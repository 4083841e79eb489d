//! The `task_struct`: what a task is and what it holds. Its scheduling fields (state, priority,
//! time slice, pid and name) are in the scheduler's own compact table.

use super::cred::Cred;
use super::i387::Math;
use super::in_call::InCall;
use super::pidmap::{PidType, Seq};
use super::sigpending::{AltStack, SigPending};
use crate::abi::{
    ExitState, FilesId, FsId, MmId, NamespaceId, PfFlags, Pfn, Pid, PtFlags, SemUndoId, SigInfo,
    SigSet, SighandId, Signal, SignalId, TaskId, VirtAddr,
};
use crate::hw::{Regs, SegmentDescriptor};
use crate::kernel::Kernel;
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
    /// `debugreg`: the debug registers, as a tracer sets them. The CPU here takes no notice of them.
    pub(in crate::kernel) debugreg: [u32; 8],
    /// Address of the last fault.
    pub cr2: u32,
    /// Vector of the last trap.
    pub trap_no: u32,
    /// Error code of the last fault.
    pub error_code: u32,
    /// `i387`: the state of the FPU.
    pub(in crate::kernel) math: Math,
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
    pub(in crate::kernel) flags: PfFlags,
    /// Whether it lives, waits to be reaped, or is being released.
    pub(super) exit_state: ExitState,
    /// The wait status of the exit, or of the last stop.
    pub(in crate::kernel) exit_code: u32,
    /// Signal to the parent at exit; 0 for none, -1 for a thread that nobody waits for.
    pub(in crate::kernel) exit_signal: i32,
    /// Signal to this task when its parent dies; 0 for none.
    pub(in crate::kernel) pdeath_signal: u32,
    /// The task whose core dump kills it, because it shares the memory, and the signal of that task.
    pub(in crate::kernel) dumped_with: Option<(Pid, Signal)>,
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
    pub(in crate::kernel) vfork_done: Option<TaskId>,

    // Resources, shared or its own: one reference each, dropped at exit.
    /// Address space; `None` for kernel threads and after `exit_mm`.
    pub(super) mm: Option<MmId>,
    /// Address space in CR3: its own or a borrowed one.
    pub(in crate::kernel) active_mm: Option<MmId>,
    /// Descriptor table (`files_struct`).
    pub(in crate::kernel) files: Option<FilesId>,
    /// Root and working directory, and the umask (`fs_struct`).
    pub(in crate::kernel) fs: Option<FsId>,
    /// Signal actions (`sighand_struct`).
    pub(super) sighand: Option<SighandId>,
    /// What the threads of the process share.
    pub(super) signal: Option<SignalId>,
    /// Mount namespace; `None` after the exit.
    pub(in crate::kernel) namespace: Option<NamespaceId>,
    /// Semaphore undo values.
    pub(in crate::kernel) sem_undo: Option<SemUndoId>,

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
    pub(super) blocked: SigSet,
    /// The original mask while `rt_sigtimedwait` has unblocked signals in `blocked`.
    pub(super) real_blocked: SigSet,
    /// The alternate signal stack.
    pub altstack: AltStack,

    // Tracing.
    /// `PT_*` flags: whether it is traced, and at which events it stops; 0 if nobody traces it.
    pub(super) ptrace: PtFlags,
    /// What a tracer reads with `PTRACE_GETEVENTMSG`.
    pub(super) ptrace_message: u32,
    /// The `siginfo` with which it has stopped for its tracer, while it is stopped.
    pub(super) last_siginfo: Option<SigInfo>,
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
    /// `oomkilladj`: by how many bits the out-of-memory killer shifts its badness, to the left or, if it
    /// is negative, to the right.
    pub(in crate::kernel) oomkilladj: i32,
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
            dumped_with: None,
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
            oomkilladj: 0,
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
    /// `PF_*` flags: among others whether it is exiting, and whether it has called exec.
    pub fn flags(&self) -> PfFlags {
        let mut flags = self.flags;
        flags.set(PfFlags::USED_MATH, self.thread.math.is_used());
        flags
    }

    /// Whether it lives, waits to be reaped, or is being released.
    pub const fn exit_state(&self) -> ExitState {
        self.exit_state
    }

    /// The wait status of the exit, or of the last stop.
    pub const fn exit_code(&self) -> u32 {
        self.exit_code
    }

    /// Signal to the parent at exit; 0 for none, -1 for a thread that nobody waits for.
    pub const fn exit_signal(&self) -> i32 {
        self.exit_signal
    }

    /// Signal to this task when its parent dies; 0 for none.
    pub const fn pdeath_signal(&self) -> u32 {
        self.pdeath_signal
    }

    /// The vfork parent that waits for this task to release the memory.
    pub const fn vfork_done(&self) -> Option<TaskId> {
        self.vfork_done
    }

    /// Address space; `None` for kernel threads and after `exit_mm`.
    pub const fn mm(&self) -> Option<MmId> {
        self.mm
    }

    /// Address space in CR3: its own or a borrowed one.
    pub const fn active_mm(&self) -> Option<MmId> {
        self.active_mm
    }

    /// Descriptor table (`files_struct`).
    pub const fn files(&self) -> Option<FilesId> {
        self.files
    }

    /// Root and working directory, and the umask (`fs_struct`).
    pub const fn fs(&self) -> Option<FsId> {
        self.fs
    }

    /// Mount namespace; `None` after the exit.
    pub const fn namespace(&self) -> Option<NamespaceId> {
        self.namespace
    }

    /// Semaphore undo values.
    pub const fn sem_undo(&self) -> Option<SemUndoId> {
        self.sem_undo
    }

    /// The signal mask: blocked signals.
    pub const fn blocked(&self) -> SigSet {
        self.blocked
    }

    /// The original mask while `rt_sigtimedwait` has unblocked signals in `blocked`.
    pub const fn real_blocked(&self) -> SigSet {
        self.real_blocked
    }

    /// `PT_*` flags: whether it is traced, and at which events it stops; 0 if nobody traces it.
    pub const fn ptrace(&self) -> PtFlags {
        self.ptrace
    }

    /// What a tracer reads with `PTRACE_GETEVENTMSG`.
    pub const fn ptrace_message(&self) -> u32 {
        self.ptrace_message
    }

    /// The `siginfo` with which it has stopped for its tracer, while it is stopped.
    pub const fn last_siginfo(&self) -> Option<SigInfo> {
        self.last_siginfo
    }

    /// Records that it has exited and waits to be reaped.
    pub(in crate::kernel) const fn become_zombie(&mut self) {
        self.exit_state = ExitState::Zombie;
    }

    /// Records that it is being reaped; nobody else may find it from here on.
    pub(in crate::kernel) const fn become_dead(&mut self) {
        self.exit_state = ExitState::Dead;
    }

    /// Sets the signal mask. Whoever does has to call `recalc_sigpending`.
    pub(in crate::kernel) const fn set_blocked(&mut self, blocked: SigSet) {
        self.blocked = blocked;
    }

    /// Takes signals out of the mask while it waits for them.
    pub(in crate::kernel) const fn unblock_for_wait(&mut self, set: SigSet) {
        self.real_blocked = self.blocked;
        self.blocked = SigSet(self.blocked.0 & !set.0);
    }

    /// Puts back the mask from before the wait.
    pub(in crate::kernel) fn restore_mask(&mut self) {
        self.blocked = std::mem::take(&mut self.real_blocked);
    }

    /// Sets whether and how it is traced; its place in its tracer's lists is not touched.
    pub const fn set_ptrace(&mut self, ptrace: PtFlags) {
        self.ptrace = ptrace;
    }

    /// Sets what its tracer reads with `PTRACE_GETEVENTMSG`.
    pub(in crate::kernel) const fn set_ptrace_message(&mut self, message: u32) {
        self.ptrace_message = message;
    }

    /// Records a stop for its tracer, with what the tracer may ask about it.
    pub(in crate::kernel) const fn stop_for_tracer(&mut self, code: u32, info: SigInfo) {
        self.exit_code = code;
        self.last_siginfo = Some(info);
    }

    /// The `siginfo` of its stop, for a tracer that changes it.
    pub(in crate::kernel) const fn last_siginfo_mut(&mut self) -> Option<&mut SigInfo> {
        self.last_siginfo.as_mut()
    }

    /// Ends the stop for its tracer; returns the `siginfo`, which the tracer may have changed.
    pub(in crate::kernel) const fn take_last_siginfo(&mut self) -> Option<SigInfo> {
        self.last_siginfo.take()
    }
}

impl Kernel {
    /// Sets the address space of a task, and tells the scheduler.
    pub(in crate::kernel) fn set_task_mm(&mut self, task: TaskId, mm: Option<MmId>) {
        self.task_mut(task).mm = mm;
        self.sched.set_has_mm(task, mm.is_some());
    }
}
