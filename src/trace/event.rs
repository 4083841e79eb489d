//! What can be traced. An event is `Copy` data, ids and numbers only; the [`Record`](super::Record)
//! around it says when it happened and which task it is about.

use super::alloc::Allocation;
use super::field::FieldValue;
use super::fork::{CloneRefusal, CopyStage, ForkStep};
use super::log::PidList;
use super::rule::{Choice, Decision};
use super::text::Text;
use crate::abi::{CloneFlags, Name, Pfn, Pid, Policy, SigAction, Signal, VirtAddr, WaitStatus};

macro_rules! events {
    ($($(#[$doc:meta])* $kind:ident $tag:literal { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* })*) => {
        /// One decision of the kernel.
        ///
        /// The names are Linux's tracepoint names where such a tracepoint exists in later kernels;
        /// 2.6.12 itself had none.
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub enum TraceEvent {
            $($(#[$doc])* $kind { $($(#[$fdoc])* $field: $ty,)* },)*
        }

        /// The kind of a [`TraceEvent`], for filters and counters.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum EventKind {
            $(#[doc = concat!("`", $tag, "`")] $kind,)*
        }

        impl EventKind {
            /// The kind with that tag.
            pub fn from_tag(tag: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.tag() == tag)
            }

            /// Every kind, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name in trace text and filters, such as `sched_switch`.
            pub const fn tag(self) -> &'static str {
                match self { $(Self::$kind => $tag,)* }
            }
        }

        impl TraceEvent {
            /// The kind of this event.
            pub const fn kind(&self) -> EventKind {
                match self { $(Self::$kind { .. } => EventKind::$kind,)* }
            }

            /// The fields by name, in the order of declaration.
            pub fn fields(&self) -> Vec<(&'static str, FieldValue)> {
                match *self {
                    $(Self::$kind { $($field,)* } => {
                        vec![$((stringify!($field), FieldValue::from($field)),)*]
                    })*
                }
            }
        }
    };
}

events! {
    /// A CPU switches from one task to another.
    SchedSwitch "sched_switch" {
        /// Task that gives up the CPU.
        prev: Pid,
        /// Name of `prev`.
        prev_name: Name,
        /// Dynamic priority of `prev`.
        prev_prio: u8,
        /// `state` of `prev`: 0 if it stays runnable, because it was preempted or yields.
        prev_state: u8,
        /// Task that gets the CPU.
        next: Pid,
        /// Name of `next`.
        next_name: Name,
        /// Dynamic priority of `next`.
        next_prio: u8,
        /// Ticks left of the time slice of `next`.
        next_slice: u32,
        /// Static priority of `next`: 120 + its nice value.
        next_static_prio: u8,
        /// Why `prev` gave way.
        why: SwitchReason,
    }
    /// `try_to_wake_up` put a task on a runqueue.
    SchedWakeup "sched_wakeup" {
        /// Woken task.
        pid: Pid,
        /// Name of the woken task.
        name: Name,
        /// Its dynamic priority after the wake-up.
        prio: u8,
        /// Its sleep average after the wake-up, ns.
        sleep_avg: u32,
        /// CPU on whose runqueue it was put.
        target_cpu: u8,
    }
    /// A task moved from one CPU to another.
    SchedMigrateTask "sched_migrate_task" {
        /// Task that was moved.
        pid: Pid,
        /// Name of the task.
        name: Name,
        /// Dynamic priority of the task.
        prio: u8,
        /// CPU that it was on.
        from: u8,
        /// CPU that it is on now.
        to: u8,
        /// Why it was moved.
        why: MigrateReason,
    }
    /// A rule of a changed kernel has decided otherwise than Linux does.
    KernelRule "kernel_rule" {
        /// What was decided.
        decision: Decision,
        /// The task that it was about.
        pid: Pid,
        /// What Linux decides.
        stock: Choice,
        /// What the rule has decided.
        answer: Choice,
    }
    /// `wake_up_new_task` put a new task on a runqueue for the first time.
    SchedWakeupNew "sched_wakeup_new" {
        /// New task.
        pid: Pid,
        /// Name of the new task.
        name: Name,
        /// Dynamic priority of the new task.
        prio: u8,
        /// Time slice of the new task, ticks.
        slice: u32,
        /// Sleep average of the new task, ns, after `CHILD_PENALTY`.
        sleep_avg: u32,
        /// Branch of `wake_up_new_task` that was taken.
        placement: Placement,
        /// CPU on whose runqueue it was put.
        target_cpu: u8,
        /// Whether the branch was forced by an option of the machine.
        forced: bool,
    }
    /// The priority list that a new task was put on, before and after.
    RunList "run_list" {
        /// Priority of the list, 0..=139.
        prio: u8,
        /// Array that the list belongs to.
        array: ArrayKind,
        /// The list before, head first.
        before: PidList,
        /// The list after, head first.
        after: PidList,
    }
    /// `do_fork` created a task. The time slices are those after `wake_up_new_task`.
    SchedProcessFork "sched_process_fork" {
        /// New task.
        child: Pid,
        /// Name of the new task.
        child_name: Name,
        /// The clone flags, with CLONE_PTRACE if the tracer's options added it.
        flags: CloneFlags,
        /// Dynamic priority of the child.
        child_prio: u8,
        /// Time slice of the child, ticks.
        child_slice: u32,
        /// Time slice left to the parent, ticks.
        parent_slice: u32,
    }
    /// `execve` replaced the program.
    SchedProcessExec "sched_process_exec" {
        /// Name of the new program.
        name: Name,
    }
    /// `do_exit` began.
    SchedProcessExit "sched_process_exit" {
        /// The wait status for the parent.
        status: WaitStatus,
    }
    /// `release_task` freed the last remains of a task.
    SchedProcessFree "sched_process_free" {
        /// Released task.
        pid: Pid,
        /// Name of the released task.
        name: Name,
    }
    /// `wait4` was called.
    SchedProcessWait "sched_process_wait" {
        /// The `pid` argument, which selects the children to wait for.
        pid: Pid,
    }
    /// `sched_exit` gave the rest of a first time slice back to the parent.
    SchedExit "sched_exit" {
        /// The parent that got the ticks back.
        parent: Pid,
        /// Time slice of the parent afterwards, ticks.
        parent_slice: u32,
        /// Sleep average of the parent afterwards, ns.
        parent_sleep_avg: u32,
    }
    /// A task got another parent.
    Reparent "reparent" {
        /// The task whose parent changed.
        child: Pid,
        /// Its new parent.
        parent: Pid,
    }
    /// A time slice ran out.
    TimesliceExpire "timeslice_expire" {
        /// Task whose time slice ran out.
        pid: Pid,
        /// Array it was put on; `None` for a round-robin real-time task, which is requeued in
        /// place.
        to: Option<ArrayKind>,
        /// Its new dynamic priority.
        prio: u8,
        /// Its new time slice, ticks.
        slice: u32,
    }
    /// The granularity rule moved a task to the tail of its list in the middle of its slice.
    RrRequeue "rr_requeue" {
        /// Requeued task.
        pid: Pid,
        /// Dynamic priority of the task.
        prio: u8,
        /// Ticks left of the time slice of `next`.
        slice: u32,
    }
    /// `schedule` swapped the active and the expired array.
    ArraySwap "array_swap" {}
    /// `set_user_nice` or `sched_setscheduler` changed the priority of a task.
    SchedSetPrio "sched_set_prio" {
        /// Task whose priority changed.
        pid: Pid,
        /// Name of the task.
        name: Name,
        /// Its new dynamic priority.
        prio: u8,
        /// Its new static priority, 120 + nice.
        static_prio: u8,
        /// Its new scheduling policy.
        policy: Policy,
        /// Its new real-time priority, 0 for an ordinary task.
        rt_priority: u8,
    }
    /// `do_fork` was called. Records the state of its caller at that time.
    DoFork "do_fork" {
        /// The clone flags as given.
        flags: CloneFlags,
        /// The child's `esp`; 0 means the caller's own.
        stack: VirtAddr,
        /// The caller's `ptrace` flags.
        ptrace: u32,
        /// The caller's time slice, ticks.
        slice: u32,
        /// The caller's sleep average, ns.
        sleep_avg: u32,
    }
    /// `copy_process` created a task, or refused.
    CopyProcess "copy_process" {
        /// The last of its stages that was completed.
        reached: CopyStage,
        /// Why it stopped there, if it refused.
        refusal: Option<CloneRefusal>,
    }
    /// `do_fork` took a step.
    DoForkStep "do_fork_step" {
        /// The step that was taken.
        step: ForkStep,
    }
    /// A system call was entered.
    SysEnter "sys_enter" {
        /// i386 system call number.
        nr: u16,
        /// First argument of the call.
        arg: u32,
    }
    /// A program used a call, or a form of it, that only later kernels have: the machine was booted
    /// with `compat`.
    LaterCall "not_in_2_6_12" {
        /// i386 system call number.
        nr: u16,
    }
    /// A system call returned.
    SysExit "sys_exit" {
        /// i386 system call number.
        nr: u16,
        /// The return value in `eax`.
        ret: i32,
    }
    /// A user-mode access faulted.
    PageFaultUser "page_fault_user" {
        /// Faulting address.
        addr: VirtAddr,
        /// Error code pushed by the CPU.
        code: u8,
    }
    /// A kernel-mode access to user memory faulted.
    PageFaultKernel "page_fault_kernel" {
        /// Faulting address.
        addr: VirtAddr,
        /// Error code pushed by the CPU.
        code: u8,
    }
    /// An untouched anonymous page was read: the zero page was mapped.
    ZeroPageMap "zero_page_map" {
        /// Address of the page.
        addr: VirtAddr,
    }
    /// An untouched anonymous page was written: a zero-filled frame was mapped.
    AnonPage "anon_page" {
        /// Address of the page.
        addr: VirtAddr,
        /// The newly allocated frame.
        pfn: Pfn,
    }
    /// A page is written to its swap slot.
    SwapOut "swap_out" {
        /// Frame of the page.
        pfn: Pfn,
        /// The slot.
        slot: u32,
    }
    /// A page was read from its swap slot.
    SwapIn "swap_in" {
        /// Frame of the page.
        pfn: Pfn,
        /// The slot.
        slot: u32,
    }
    /// The page of a swap slot was mapped.
    SwapPage "swap_page" {
        /// Address of the page.
        addr: VirtAddr,
        /// Its frame.
        pfn: Pfn,
    }
    /// A dirty page of a file is on its way to the device.
    WritePage "write_page" {
        /// Frame of the page.
        pfn: Pfn,
        /// Number of the page in its file.
        index: u32,
    }
    /// A page moves from the inactive list to the active one.
    LruActivate "mm_lru_activate" {
        /// Frame of the page.
        pfn: Pfn,
    }
    /// A zone is low on free frames: kswapd is woken.
    WakeupKswapd "mm_vmscan_wakeup_kswapd" {
        /// Order of the allocation that found too few.
        order: u8,
    }
    /// kswapd looks for pages to free.
    KswapdWake "mm_vmscan_kswapd_wake" {
        /// Order of the blocks that it is to make.
        order: u8,
    }
    /// A task that finds too few free frames looks for pages to free itself.
    DirectReclaim "mm_vmscan_direct_reclaim_begin" {
        /// Order of its allocation.
        order: u8,
    }
    /// The out-of-memory killer kills a task.
    MarkVictim "mark_victim" {
        /// The task.
        pid: Pid,
        /// Its name.
        name: Name,
        /// Badness points of the task that was chosen: this one or its parent.
        points: u32,
    }
    /// A page of a file or shared object was mapped.
    FilePage "file_page" {
        /// Address of the page.
        addr: VirtAddr,
        /// Frame of the page cache, or of the private copy.
        pfn: Pfn,
    }
    /// A write to a shared private page: the page was copied.
    CowCopy "cow_copy" {
        /// Address of the page.
        addr: VirtAddr,
        /// Frame that was shared until now.
        old: Pfn,
        /// Frame of the writer's own copy.
        new: Pfn,
        /// Number of page table entries that still map the old frame (0 for the zero page).
        left: u32,
    }
    /// A write to a read-only page that nobody else uses: it was made writable in place.
    CowReuse "cow_reuse" {
        /// Address of the page.
        addr: VirtAddr,
        /// Frame that is reused.
        pfn: Pfn,
    }
    /// Page frames were allocated.
    PageAlloc "page_alloc" {
        /// First frame of the block.
        pfn: Pfn,
        /// log2 of the number of frames.
        order: u8,
        /// What they are allocated for.
        usage: FrameUse,
    }
    /// An injected failure made an allocation fail.
    FailInjected "fail_injected" {
        /// What was to be allocated.
        what: Allocation,
    }
    /// Page frames were freed.
    PageFree "page_free" {
        /// First frame of the block.
        pfn: Pfn,
        /// log2 of the number of frames.
        order: u8,
    }
    /// Translations were flushed from a TLB.
    TlbFlush "tlb_flush" {
        /// How much was flushed.
        scope: FlushScope,
        /// The page, if only one was flushed.
        addr: VirtAddr,
    }
    /// `dup_mmap` copied an address space.
    CopyMm "copy_mm" {
        /// Page table entries copied.
        ptes: u32,
        /// Frames copied (only with `cow: false`).
        frames: u32,
    }
    /// A vfork parent begins to wait, in `TASK_UNINTERRUPTIBLE`.
    VforkWait "vfork_wait" {
        /// The child that it waits for.
        child: Pid,
    }
    /// `mm_release` completed a vfork: the parent may continue.
    VforkDone "vfork_done" {
        /// Parent that was waiting.
        parent: Pid,
    }
    /// A tid was stored in user memory, or cleared.
    TidWrite "tid_write" {
        /// User address that was written.
        addr: VirtAddr,
        /// The stored value; 0 clears it.
        value: Pid,
        /// Whether the store faulted and was given up.
        failed: bool,
    }
    /// A signal was made pending.
    SignalGenerate "signal_generate" {
        /// Receiver of the signal.
        pid: Pid,
        /// Signal that was sent.
        signal: Signal,
    }
    /// A signal was discarded when it was sent, because its receiver ignores it.
    SignalIgnored "signal_ignored" {
        /// Receiver of the signal.
        pid: Pid,
        /// Signal that was sent.
        signal: Signal,
        /// The receiver's action: `SIG_IGN`, or `SIG_DFL` if the default is to ignore the signal.
        action: SigAction,
    }
    /// A pending signal was delivered.
    SignalDeliver "signal_deliver" {
        /// Signal that was delivered.
        signal: Signal,
        /// The handler that was entered; `None` if the default action was taken.
        handler: Option<VirtAddr>,
    }
    /// A program wrote to the console.
    ConsoleWrite "console_write" {
        /// The beginning of what was written, as far as it fits.
        text: Text,
    }
    /// A user-mode instruction raised an exception other than a page fault.
    Trap "trap" {
        /// Its vector: 0 divide error, 3 breakpoint, 6 invalid opcode, 13 general protection, ...
        vector: u8,
        /// The error code pushed by the CPU, 0 if there is none.
        code: u32,
        /// Address of the instruction.
        eip: VirtAddr,
    }
    /// A tracer attached to a task.
    PtraceAttach "ptrace_attach" {
        /// The task that is traced now.
        tracee: Pid,
    }
    /// A task stopped for its tracer.
    PtraceStop "ptrace_stop" {
        /// The wait status for the tracer.
        status: WaitStatus,
    }
    /// A tracer resumed a task.
    PtraceResume "ptrace_resume" {
        /// Resumed task.
        pid: Pid,
        /// The signal delivered on resumption, 0 for none.
        code: u32,
    }
    /// A thread that called exec took the pid of its process's first thread.
    ExecTakesPid "exec_takes_pid" {
        /// The pid that it has from now on.
        pid: Pid,
    }
    /// A semaphore value changed, by an operation or because one was undone.
    SemChange "sem_change" {
        /// Id of the semaphore set.
        id: i32,
        /// Number of the semaphore in the set.
        num: u16,
        /// Value before.
        from: u16,
        /// Value after.
        to: u16,
    }
    /// The emulated kernel panicked.
    KernelPanic "kernel_panic" {}
}

const _: () = assert!(size_of::<TraceEvent>() <= 32);

/// One of the two priority arrays of a runqueue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArrayKind {
    /// Tasks that still have a time slice.
    Active,
    /// Tasks that wait for the array swap.
    Expired,
}

impl ArrayKind {
    /// `active` or `expired`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

/// Why a task moved to another CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MigrateReason {
    /// `load_balance` pulled it at a tick.
    Balance,
    /// `load_balance_newidle` pulled it to a CPU that was about to go idle.
    NewIdle,
    /// The migration thread of its CPU pushed it to an idle CPU.
    Active,
    /// `try_to_wake_up` woke it on the waker's CPU.
    WakeUp,
    /// `sched_exec` moved it to a less loaded CPU to start a new program.
    Exec,
    /// `set_cpus_allowed`: it may no longer run where it was.
    Affinity,
}

impl MigrateReason {
    /// A short name for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::NewIdle => "newidle",
            Self::Active => "active",
            Self::WakeUp => "wake_up",
            Self::Exec => "exec",
            Self::Affinity => "affinity",
        }
    }
}

/// Why the running task gave up its CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwitchReason {
    /// It sleeps, stops or has exited: it left the runqueue.
    Leaves,
    /// Its time slice ran out.
    SliceEnd,
    /// Its time slice ran out, and it ran on in the expired array until this tick.
    Expired,
    /// The granularity rule moved it behind the other tasks of its priority.
    Granularity,
    /// A task of better priority was woken, created or moved here.
    Preempted,
    /// It forked a child that is to run first.
    ChildFirst,
    /// It called `sched_yield`.
    Yields,
    /// A nice value changed.
    Nice,
    /// A policy or a real-time priority changed.
    Policy,
    /// The idle task was asked to reschedule.
    IdleLooks,
}

impl SwitchReason {
    /// A short name for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaves => "leaves",
            Self::SliceEnd => "slice_end",
            Self::Expired => "expired",
            Self::Granularity => "granularity",
            Self::Preempted => "preempted",
            Self::ChildFirst => "child_first",
            Self::Yields => "yields",
            Self::Nice => "nice",
            Self::Policy => "policy",
            Self::IdleLooks => "idle_looks",
        }
    }
}

/// The branch that `wake_up_new_task` took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Just before the parent in the parent's list: memory is not shared, child first.
    BeforeParent,
    /// Tail of the child's own list in the active array, child first: the parent is on no array.
    ParentNotQueued,
    /// Tail of the child's own list in the active array: memory is shared.
    TailSharedVm,
    /// Tail of the child's own list in the active array of another CPU.
    OtherCpu,
    /// Tail of the child's own list: the option `child_runs_first: false` is set.
    TailByOption,
    /// Tail of the child's own list in the active array: a rule of a changed kernel wants it.
    TailByRule,
    /// Just after the parent in the parent's list: a rule of a changed kernel wants it.
    AfterParent,
    /// Tail of the child's own list in the expired array: a rule of a changed kernel wants it.
    Expired,
}

impl Placement {
    /// A short name for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeParent => "before_parent",
            Self::ParentNotQueued => "parent_not_queued",
            Self::TailSharedVm => "tail_shared_vm",
            Self::OtherCpu => "other_cpu",
            Self::TailByOption => "tail_by_option",
            Self::TailByRule => "tail_by_rule",
            Self::AfterParent => "after_parent",
            Self::Expired => "expired",
        }
    }

    /// Whether the child is to run before its parent, which is asked to reschedule.
    pub const fn child_first(self) -> bool {
        matches!(self, Self::BeforeParent | Self::ParentNotQueued)
    }
}

/// How much of a TLB is flushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushScope {
    /// `flush_tlb_page`: one page.
    Page,
    /// `flush_tlb_mm` or `flush_tlb_range`: a whole address space.
    Mm,
    /// A load of CR3.
    Cr3,
}

impl FlushScope {
    /// A short name for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Mm => "mm",
            Self::Cr3 => "cr3",
        }
    }
}

/// What page frames are allocated for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameUse {
    /// A page of user data.
    User,
    /// A page of the page cache.
    Cache,
    /// A page table of the lower level.
    PageTable,
    /// A page directory.
    PageDir,
    /// A kernel stack (two frames).
    KernelStack,
    /// A buffer page of a pipe.
    Pipe,
}

impl FrameUse {
    /// A short name for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Cache => "cache",
            Self::PageTable => "page_table",
            Self::PageDir => "page_dir",
            Self::KernelStack => "kernel_stack",
            Self::Pipe => "pipe",
        }
    }
}
