//! The scheduling fields of a `task_struct`, in a compact record of their own.

use super::table::Place;
use crate::abi::{MAX_RT_PRIO, Name, Pid, Policy, TaskState};
use crate::trace::SwitchReason;
use bitflags::bitflags;

/// Priority and static priority of the boot task: nice 0.
const INIT_PRIO: u8 = 120;
/// Time slice of the boot task, in ticks: HZ.
const INIT_TIME_SLICE: u32 = 1000;

/// The scheduling fields of a task that decisions look at. Times are in ns, slices in ticks.
///
/// They fill a cache line of the host: to pick a task, to switch to it and to queue it again
/// touches one line for each task. What is only counted is a [`SchedStat`](super::SchedStat).
///
/// `prio` and `cpu` say where a queued task is linked: only the scheduler may change them then.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct SchedTask {
    /// Generation of the [`TaskId`](crate::abi::TaskId) to which its slot of the table belongs.
    pub(super) generation: u32,
    /// The tid of the task, which every traced event shows.
    pub pid: Pid,
    /// `comm`, which every traced event shows.
    pub name: Name,
    /// `TASK_RUNNING`, or the kind of sleep it is in or about to enter.
    pub state: TaskState,
    /// Dynamic priority, 0..=140. Often stale: recomputed only at wake-up, first pick and expiry.
    pub prio: u8,
    /// Static priority: 120 + nice.
    pub static_prio: u8,
    /// `SCHED_NORMAL`, `SCHED_FIFO` or `SCHED_RR`.
    pub policy: Policy,
    /// 1..=99 for a real-time task, otherwise 0.
    pub rt_priority: u8,
    /// How it was last woken: -1 from an uninterruptible sleep, 1 by a task, 2 by an interrupt; 0
    /// once picked.
    pub activated: i8,
    /// The slice is still the one inherited at fork.
    pub first_time_slice: bool,
    /// CPU it runs on, or last ran on.
    pub cpu: u8,
    /// It has an address space of its own: it is not a kernel thread. The task's `mm` says so, too,
    /// but the wake-up and the pick read this line of the host's cache and no other;
    /// `Kernel::set_task_mm` alone sets both.
    pub has_mm: bool,
    /// `PF_DEAD`: its next `schedule` is the last.
    pub dead: bool,
    /// Why its need-resched flag was first set.
    pub(super) resched_why: SwitchReason,
    pub(super) array: Option<ArrayIndex>,
    pub(super) run_list: RunLinks,
    /// Sleep average, 0..=1,000,000,000 ns.
    pub sleep_avg: u32,
    /// Ticks left of the time slice.
    pub time_slice: u32,
    /// CPUs it may run on, one bit each.
    pub cpus_allowed: u32,
    /// `TIF_*` flags of its `thread_info`.
    pub thread_flags: ThreadFlags,
    /// When it was last switched to, switched from, or put on a runqueue.
    pub timestamp: u64,
    /// When it was last switched out.
    pub last_ran: u64,
}

const _: () = assert!(size_of::<SchedTask>() == 64);

bitflags! {
    /// The `TIF_*` flags of a task's `thread_info`, with their i386 bits.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct ThreadFlags: u32 {
        /// Stop at system calls for the tracer.
        const SYSCALL_TRACE = 1 << 0;
        /// Check for work before the return to user mode.
        const NOTIFY_RESUME = 1 << 1;
        /// A signal is pending.
        const SIGPENDING = 1 << 2;
        /// Call `schedule` before the return to user mode.
        const NEED_RESCHED = 1 << 3;
        /// Stop after each instruction for the tracer.
        const SINGLESTEP = 1 << 4;
        /// The out-of-memory killer has killed it: it may take the last frames.
        const MEMDIE = 1 << 16;
    }
}

/// Index of one of a runqueue's two arrays. Which one is active changes with every array swap.
pub(super) type ArrayIndex = u8;

/// Neighbours in a priority list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct RunLinks {
    pub(super) prev: Option<Place>,
    pub(super) next: Option<Place>,
}

impl SchedTask {
    /// A task like the boot task: nice 0, off queue, a slice of HZ ticks, every CPU allowed, no
    /// address space.
    ///
    /// Linux 2.6.12: `include/linux/init_task.h`, `INIT_TASK()`.
    pub fn new(pid: Pid, name: Name) -> Self {
        Self {
            generation: 0,
            pid,
            name,
            state: TaskState::RUNNING,
            prio: INIT_PRIO,
            static_prio: INIT_PRIO,
            policy: Policy::Normal,
            rt_priority: 0,
            activated: 0,
            first_time_slice: false,
            cpu: 0,
            has_mm: false,
            dead: false,
            resched_why: SwitchReason::Leaves,
            array: None,
            run_list: RunLinks::default(),
            sleep_avg: 0,
            time_slice: INIT_TIME_SLICE,
            cpus_allowed: u32::MAX,
            thread_flags: ThreadFlags::empty(),
            timestamp: 0,
            last_ran: 0,
        }
    }

    /// `rt_task()`: decided by the priority, not by the policy.
    #[inline]
    pub const fn is_rt(&self) -> bool {
        self.prio < MAX_RT_PRIO
    }

    /// Whether it is linked in a priority list. A running task stays linked.
    #[inline]
    pub const fn is_queued(&self) -> bool {
        self.array.is_some()
    }

    /// Whether `schedule` has to be called before this task returns to user mode.
    #[inline]
    pub const fn need_resched(&self) -> bool {
        self.thread_flags.contains(ThreadFlags::NEED_RESCHED)
    }

    /// Sets the need-resched flag; of several reasons the first is kept.
    #[inline]
    pub(super) fn set_need_resched(&mut self, why: SwitchReason) {
        if !self.need_resched() {
            self.resched_why = why;
        }
        self.thread_flags.insert(ThreadFlags::NEED_RESCHED);
    }
}
