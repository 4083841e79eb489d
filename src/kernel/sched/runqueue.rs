//! The runqueue of one CPU: the active and the expired array, and the state they share.

use super::domain::SCHED_LOAD_SCALE;
use super::migrate::MigrationReq;
use super::prio_array::PrioArray;
use super::sched_info::RqSchedInfo;
use super::table::Tasks;
use super::task::ArrayIndex;
use crate::abi::{MAX_PRIO, Name, Pid, TaskId, TaskState};
use crate::trace::{ArrayKind, SwitchReason};

/// A runqueue.
///
/// Linux 2.6.12: `kernel/sched.c`, `struct runqueue`.
#[derive(Clone, Debug)]
pub struct RunQueue {
    arrays: [PrioArray; 2],
    active: ArrayIndex,
    /// Runnable tasks on both arrays, the running one included, the idle task not.
    pub nr_running: u32,
    /// Tasks that entered an uninterruptible sleep here, minus those woken to here. Only the sum
    /// over all CPUs is meaningful.
    pub nr_uninterruptible: i32,
    /// `jiffies` at the first expiry since the last array swap or idle time; 0 if there was none.
    pub expired_timestamp: u32,
    /// Best static priority put on the expired array since the last array swap; 140 if none.
    pub best_expired_prio: u8,
    /// `sched_clock()` at the last tick, ns.
    pub timestamp_last_tick: u64,
    /// The running task.
    pub curr: TaskId,
    /// This CPU's idle task.
    pub idle: TaskId,
    /// Number of context switches.
    pub nr_switches: u64,
    /// The load over the last ticks, recent ones weighing more; 128 is one task. Only on machines
    /// with several CPUs.
    pub cpu_load: u32,
    /// The migration thread has to push tasks to idle CPUs.
    pub active_balance: bool,
    /// The CPU that requested it.
    pub push_cpu: u8,
    /// The last switch of this CPU.
    pub last_switch: Option<LastSwitch>,
    /// This CPU's migration thread; `None` on machines with one CPU.
    pub migration_thread: Option<TaskId>,
    /// Requests to the migration thread; the next one is last.
    pub(super) migration_queue: Vec<MigrationReq>,
    /// Counters for `/proc/schedstat`.
    pub stat: RqStat,
}

/// How the running task of a CPU got it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastSwitch {
    /// Tick of the switch.
    pub tick: u64,
    /// The task that ran before.
    pub prev: Pid,
    /// `comm` of that task.
    pub prev_name: Name,
    /// Priority of that task at the switch.
    pub prev_prio: u8,
    /// State of that task at the switch: 0 if it stayed runnable.
    pub prev_state: TaskState,
    /// Why that task was switched out.
    pub why: SwitchReason,
    /// The active array was empty, and the arrays were swapped first.
    pub swapped: bool,
    /// Priority of the new task at the switch.
    pub prio: u8,
}

/// Counters of a runqueue, by their names in schedstat version 11.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RqStat {
    /// Yields with both arrays empty but for the yielding task.
    pub yld_both_empty: u32,
    /// Yields of the only task of its array.
    pub yld_act_empty: u32,
    /// Yields with others on the active array and none on the expired one.
    pub yld_exp_empty: u32,
    /// Calls of `sched_yield`.
    pub yld_cnt: u32,
    /// Number of array swaps.
    pub sched_switch: u32,
    /// Calls of `schedule`.
    pub sched_cnt: u32,
    /// Calls that chose the idle task.
    pub sched_goidle: u32,
    /// Wake-ups of tasks that last ran on this CPU; counted only with several CPUs.
    pub ttwu_cnt: u32,
    /// Of these, wake-ups by this CPU itself.
    pub ttwu_local: u32,
    /// Run times and run delays.
    pub sched_info: RqSchedInfo,
}

impl RunQueue {
    pub(super) fn new() -> Self {
        Self {
            arrays: [PrioArray::new(), PrioArray::new()],
            active: 0,
            nr_running: 0,
            nr_uninterruptible: 0,
            expired_timestamp: 0,
            best_expired_prio: MAX_PRIO,
            timestamp_last_tick: 0,
            curr: TaskId::default(),
            idle: TaskId::default(),
            nr_switches: 0,
            cpu_load: 0,
            active_balance: false,
            push_cpu: 0,
            last_switch: None,
            migration_thread: None,
            migration_queue: Vec::new(),
            stat: RqStat::default(),
        }
    }

    /// The active array: tasks that still have a slice.
    #[inline]
    pub fn active(&self) -> &PrioArray {
        self.array(self.active)
    }

    /// The expired array: tasks that wait for the array swap.
    pub fn expired(&self) -> &PrioArray {
        self.array(self.expired_index())
    }

    #[inline]
    pub(super) fn array(&self, index: ArrayIndex) -> &PrioArray {
        &self.arrays[usize::from(index)]
    }

    #[inline]
    pub(super) fn array_mut(&mut self, index: ArrayIndex) -> &mut PrioArray {
        &mut self.arrays[usize::from(index)]
    }

    pub(super) const fn active_index(&self) -> ArrayIndex {
        self.active
    }

    pub(super) const fn expired_index(&self) -> ArrayIndex {
        self.active ^ 1
    }

    pub(super) const fn kind(&self, index: ArrayIndex) -> ArrayKind {
        if index == self.active {
            ArrayKind::Active
        } else {
            ArrayKind::Expired
        }
    }

    pub(super) const fn index(&self, kind: ArrayKind) -> ArrayIndex {
        match kind {
            ArrayKind::Active => self.active_index(),
            ArrayKind::Expired => self.expired_index(),
        }
    }

    pub(super) fn array_of(&self, kind: ArrayKind) -> &PrioArray {
        self.array(self.index(kind))
    }

    /// Updates the load average with the current load, rounding up while it grows.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `rebalance_tick()`.
    pub(super) const fn update_cpu_load(&mut self) {
        let now = self.nr_running * SCHED_LOAD_SCALE;
        let old = self.cpu_load + (now > self.cpu_load) as u32;
        self.cpu_load = (old + now) / 2;
    }

    /// The same for so many ticks with the current load.
    pub(super) fn update_cpu_load_often(&mut self, ticks: u64) {
        for _ in 0..ticks {
            let before = self.cpu_load;
            self.update_cpu_load();
            if self.cpu_load == before {
                break;
            }
        }
    }

    /// Appends the task at the tail of its list in that array.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `enqueue_task()`.
    #[inline]
    pub(super) fn enqueue_task(
        &mut self,
        tasks: &mut Tasks,
        id: TaskId,
        index: ArrayIndex,
        jiffies: u32,
    ) {
        tasks.stat_mut(id).sched_info_queued(jiffies);
        tasks[id].array = Some(index);
        self.array_mut(index).enqueue(tasks, id);
    }

    /// Removes the task from its array and returns that; `None` if it is on none.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `dequeue_task()`.
    #[inline]
    pub(super) fn dequeue_task(&mut self, tasks: &mut Tasks, id: TaskId) -> Option<ArrayIndex> {
        let index = tasks[id].array.take()?;
        self.array_mut(index).dequeue(tasks, id);
        Some(index)
    }

    /// Puts a task that was on no array at the tail of its list in the active one.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `__activate_task()`.
    #[inline]
    pub(super) fn activate_raw(&mut self, tasks: &mut Tasks, id: TaskId, jiffies: u32) {
        self.enqueue_task(tasks, id, self.active, jiffies);
        self.nr_running += 1;
    }

    /// Takes a runnable task off the runqueue; returns whether it was on it.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `deactivate_task()`.
    #[inline]
    pub(super) fn deactivate(&mut self, tasks: &mut Tasks, id: TaskId) -> bool {
        let was_queued = self.dequeue_task(tasks, id).is_some();
        self.nr_running -= u32::from(was_queued);
        was_queued
    }

    /// Swaps the arrays: the expired tasks get their turn.
    pub(super) fn swap_arrays(&mut self) {
        self.active ^= 1;
        self.expired_timestamp = 0;
        self.best_expired_prio = MAX_PRIO;
        self.stat.sched_switch += 1;
    }

    /// What `schedule` would pick now if the running task left: the head of the best list of the
    /// active array, or of the expired one if that is empty.
    pub(super) fn would_pick(&self, tasks: &Tasks) -> TaskId {
        let first = self.active().first(tasks);
        first
            .or_else(|| self.expired().first(tasks))
            .unwrap_or(self.idle)
    }
}
