//! What can be traced. An event is `Copy` data, ids and numbers only; which task it is about and
//! when it happened is said by the [`Record`](super::Record) around it.

use super::alloc::Allocation;
use super::field::FieldValue;
use super::fork::{CloneRefusal, CopyStage, ForkStep};
use super::log::PidList;
use super::text::Text;
use crate::abi::{CloneFlags, Name, Pfn, Pid, Policy, Signal, VirtAddr, WaitStatus};

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
            /// The kind of that tag.
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
    /// A CPU goes from one task to another.
    SchedSwitch "sched_switch" {
        /// Task that gives the CPU up.
        prev: Pid,
        /// Its name.
        prev_name: Name,
        /// Its priority.
        prev_prio: u8,
        /// Its `state` word: 0 if it stays runnable (it was preempted or yields).
        prev_state: u8,
        /// Task that gets the CPU.
        next: Pid,
        /// Its name.
        next_name: Name,
        /// Its priority.
        next_prio: u8,
        /// Ticks left of its time slice.
        next_slice: u32,
        /// 120 + its nice value.
        next_static_prio: u8,
        /// Why the other one gave way.
        why: SwitchReason,
    }
    /// `try_to_wake_up` put a task on a runqueue.
    SchedWakeup "sched_wakeup" {
        /// Woken task.
        pid: Pid,
        /// Its name.
        name: Name,
        /// Its priority after the wake-up.
        prio: u8,
        /// Its sleep average after the wake-up, ns.
        sleep_avg: u32,
        /// CPU whose runqueue it went to.
        target_cpu: u8,
    }
    /// A task moved from one CPU to another.
    SchedMigrateTask "sched_migrate_task" {
        /// Task that moved.
        pid: Pid,
        /// Its name.
        name: Name,
        /// Its priority.
        prio: u8,
        /// CPU it was on.
        from: u8,
        /// CPU it belongs to now.
        to: u8,
        /// What for.
        why: MigrateReason,
    }
    /// `wake_up_new_task` put a new task on a runqueue for the first time.
    SchedWakeupNew "sched_wakeup_new" {
        /// New task.
        pid: Pid,
        /// Its name.
        name: Name,
        /// Its priority.
        prio: u8,
        /// Its time slice, ticks.
        slice: u32,
        /// Its sleep average, ns, after the child's penalty.
        sleep_avg: u32,
        /// Which branch was taken.
        placement: Placement,
        /// CPU whose runqueue it went to.
        target_cpu: u8,
        /// The branch was forced by a lever of the boot options.
        forced: bool,
    }
    /// The priority list that a new task went to, before and after.
    RunList "run_list" {
        /// Level of the list.
        prio: u8,
        /// Active or expired array.
        array: ArrayKind,
        /// The list before, head first.
        before: PidList,
        /// The list after.
        after: PidList,
    }
    /// `do_fork` made a task. Slices are those after `wake_up_new_task`.
    SchedProcessFork "sched_process_fork" {
        /// New task.
        child: Pid,
        /// Its name.
        child_name: Name,
        /// The flags word, with CLONE_PTRACE if the tracer's options added it.
        flags: CloneFlags,
        /// Priority of the child.
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
        /// The status word that a waiting parent will read.
        status: WaitStatus,
    }
    /// `release_task` took the last traces of a task away.
    SchedProcessFree "sched_process_free" {
        /// Released task.
        pid: Pid,
        /// Its name.
        name: Name,
    }
    /// `wait4` was called.
    SchedProcessWait "sched_process_wait" {
        /// The `pid` argument: whom it waits for.
        pid: Pid,
    }
    /// `sched_exit` gave the rest of a first time slice back to the parent.
    SchedExit "sched_exit" {
        /// Parent.
        parent: Pid,
        /// Its time slice afterwards, ticks.
        parent_slice: u32,
        /// Its sleep average afterwards, ns.
        parent_sleep_avg: u32,
    }
    /// A task became a child of another parent.
    Reparent "reparent" {
        /// Child.
        child: Pid,
        /// New parent.
        parent: Pid,
    }
    /// A time slice ran out.
    TimesliceExpire "timeslice_expire" {
        /// Task whose slice it was.
        pid: Pid,
        /// Array it went to; `None` for a round-robin real-time task, requeued where it was.
        to: Option<ArrayKind>,
        /// Its new priority.
        prio: u8,
        /// Its new slice, ticks.
        slice: u32,
    }
    /// The granularity rule put a task to the tail of its list within its slice.
    RrRequeue "rr_requeue" {
        /// Requeued task.
        pid: Pid,
        /// Its priority.
        prio: u8,
        /// What is left of its slice, ticks.
        slice: u32,
    }
    /// `schedule` exchanged the active and the expired array.
    ArraySwap "array_swap" {}
    /// `set_user_nice` or `sched_setscheduler` gave a task another priority.
    SchedSetPrio "sched_set_prio" {
        /// Task whose priority it is.
        pid: Pid,
        /// Its name.
        name: Name,
        /// Its new priority.
        prio: u8,
        /// Its new static priority.
        static_prio: u8,
        /// Its new policy.
        policy: Policy,
        /// Its new real-time priority, 0 for an ordinary task.
        rt_priority: u8,
    }
    /// `do_fork` was called. With what its caller had at that time.
    DoFork "do_fork" {
        /// The flags word as given.
        flags: CloneFlags,
        /// The child's `esp`; 0 for the caller's own.
        stack: VirtAddr,
        /// The caller's `ptrace` word.
        ptrace: u32,
        /// The caller's time slice, ticks.
        slice: u32,
        /// The caller's sleep average, ns.
        sleep_avg: u32,
    }
    /// `copy_process` made a task, or refused.
    CopyProcess "copy_process" {
        /// The last of its stages that was done.
        reached: CopyStage,
        /// Why it went no further, if it refused.
        refusal: Option<CloneRefusal>,
    }
    /// `do_fork` took a step.
    DoForkStep "do_fork_step" {
        /// Which.
        step: ForkStep,
    }
    /// A system call began.
    SysEnter "sys_enter" {
        /// i386 system call number.
        nr: u16,
        /// First argument.
        arg: u32,
    }
    /// A system call returned.
    SysExit "sys_exit" {
        /// i386 system call number.
        nr: u16,
        /// The value in `eax`.
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
        /// Page address.
        addr: VirtAddr,
    }
    /// An untouched anonymous page was written: a zeroed frame was mapped.
    AnonPage "anon_page" {
        /// Page address.
        addr: VirtAddr,
        /// New frame.
        pfn: Pfn,
    }
    /// A page of a file or shared object was mapped.
    FilePage "file_page" {
        /// Page address.
        addr: VirtAddr,
        /// Frame of the page cache, or of the private copy.
        pfn: Pfn,
    }
    /// A write to a shared private page: the page was copied.
    CowCopy "cow_copy" {
        /// Page address.
        addr: VirtAddr,
        /// Frame shared until now.
        old: Pfn,
        /// Frame of the writer's own copy.
        new: Pfn,
        /// How many page table entries still map the old frame (0 for the zero page).
        left: u32,
    }
    /// A write to a read-only page that nobody else uses: made writable in place.
    CowReuse "cow_reuse" {
        /// Page address.
        addr: VirtAddr,
        /// Frame, kept.
        pfn: Pfn,
    }
    /// Frames were allocated.
    PageAlloc "page_alloc" {
        /// First frame.
        pfn: Pfn,
        /// log2 of their number.
        order: u8,
        /// What for.
        usage: FrameUse,
    }
    /// An allocation was made to fail.
    FailInjected "fail_injected" {
        /// What was asked for.
        what: Allocation,
    }
    /// Frames were freed.
    PageFree "page_free" {
        /// First frame.
        pfn: Pfn,
        /// log2 of their number.
        order: u8,
    }
    /// Translations were dropped from a TLB.
    TlbFlush "tlb_flush" {
        /// One page or all.
        scope: FlushScope,
        /// The page, if one.
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
        /// Whom it waits for.
        child: Pid,
    }
    /// `mm_release` completed a vfork: the parent may go on.
    VforkDone "vfork_done" {
        /// Released parent.
        parent: Pid,
    }
    /// A tid was stored in user memory, or cleared.
    TidWrite "tid_write" {
        /// Where.
        addr: VirtAddr,
        /// What was stored.
        value: Pid,
        /// The store faulted and was given up.
        failed: bool,
    }
    /// A signal was made pending.
    SignalGenerate "signal_generate" {
        /// Receiver.
        pid: Pid,
        /// Signal.
        signal: Signal,
    }
    /// A pending signal took effect.
    SignalDeliver "signal_deliver" {
        /// Signal.
        signal: Signal,
        /// The handler that was entered; none if it is the default action that was taken.
        handler: Option<VirtAddr>,
    }
    /// A program wrote to the console.
    ConsoleWrite "console_write" {
        /// What, as far as there is room.
        text: Text,
    }
    /// A user-mode instruction raised an exception that is not a page fault.
    Trap "trap" {
        /// Its vector: 0 division, 3 breakpoint, 6 invalid opcode, 13 general protection, ...
        vector: u8,
        /// The error code that the CPU pushed, 0 if there is none.
        code: u32,
        /// Address of the instruction.
        eip: VirtAddr,
    }
    /// A tracer attaches to a task.
    PtraceAttach "ptrace_attach" {
        /// The task.
        tracee: Pid,
    }
    /// A task stops for its tracer.
    PtraceStop "ptrace_stop" {
        /// The status that the tracer's wait will tell.
        status: WaitStatus,
    }
    /// A tracer lets a task go on.
    PtraceResume "ptrace_resume" {
        /// The task.
        pid: Pid,
        /// The signal that it goes on with, 0 for none.
        code: u32,
    }
    /// A thread that calls exec takes the place of the first thread of its process.
    ExecTakesPid "exec_takes_pid" {
        /// The number that it has from now on.
        pid: Pid,
    }
    /// A semaphore has another value: by an operation, or because an operation is undone.
    SemChange "sem_change" {
        /// The set.
        id: i32,
        /// The semaphore in it.
        num: u16,
        /// Its value before.
        from: u16,
        /// Its value now.
        to: u16,
    }
    /// The emulated kernel panicked.
    KernelPanic "kernel_panic" {}
}

const _: () = assert!(size_of::<TraceEvent>() <= 32);

/// One of a runqueue's two priority arrays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArrayKind {
    /// Tasks that still have a slice.
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
    /// `load_balance` took it at a tick.
    Balance,
    /// `load_balance_newidle` took it for a CPU that was about to go idle.
    NewIdle,
    /// The migration thread of its CPU pushed it to an idle one.
    Active,
    /// `try_to_wake_up` woke it on the waker's CPU.
    WakeUp,
    /// `sched_exec`: it starts a new program where there is less to do.
    Exec,
    /// `set_cpus_allowed`: it may no longer run where it was.
    Affinity,
}

impl MigrateReason {
    /// A short word for trace text.
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

/// Why the running task gives its CPU to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwitchReason {
    /// It sleeps, stops or has ended: it left the runqueue.
    Leaves,
    /// Its time slice ran out.
    SliceEnd,
    /// Its time slice ran out, and it went on in the expired array until this tick.
    Expired,
    /// The granularity rule put it behind the others of its priority.
    Granularity,
    /// A task of a better priority woke, was made or was moved here.
    Preempted,
    /// It forked a child that is to run first.
    ChildFirst,
    /// It called `sched_yield`.
    Yields,
    /// A nice value was changed.
    Nice,
    /// A policy or a real-time priority was changed.
    Policy,
    /// The idle task was asked to look for another.
    IdleLooks,
}

impl SwitchReason {
    /// A short word for trace text.
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
}

impl Placement {
    /// A short word for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeParent => "before_parent",
            Self::ParentNotQueued => "parent_not_queued",
            Self::TailSharedVm => "tail_shared_vm",
            Self::OtherCpu => "other_cpu",
            Self::TailByOption => "tail_by_option",
        }
    }

    /// The child is to run before its parent: the parent is asked to give the CPU up.
    pub const fn child_first(self) -> bool {
        matches!(self, Self::BeforeParent | Self::ParentNotQueued)
    }
}

/// What the translations of a flush were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushScope {
    /// `flush_tlb_page`: one page.
    Page,
    /// `flush_tlb_mm` or `flush_tlb_range`: all of an address space.
    Mm,
    /// A load of CR3.
    Cr3,
}

impl FlushScope {
    /// A short word for trace text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Mm => "mm",
            Self::Cr3 => "cr3",
        }
    }
}

/// What frames are allocated for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameUse {
    /// A page of user data.
    User,
    /// A page of the page cache.
    Cache,
    /// A page table.
    PageTable,
    /// A page directory.
    PageDir,
    /// A kernel stack (two frames).
    KernelStack,
    /// A page of a pipe.
    Pipe,
}

impl FrameUse {
    /// A short word for trace text.
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
