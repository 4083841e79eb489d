//! The runqueue of one CPU: the active and the expired array, and the state they share.

use super::domain::SCHED_LOAD_SCALE;
use super::migrate::MigrationReq;
use super::prio_array::PrioArray;
use super::sched_info::RqSchedInfo;
use super::table::Tasks;
use super::task::ArrayIndex;
use crate::abi::{MAX_PRIO, Name, Pid, TaskId, TaskState};
use crate::trace::{ArrayKind, Cause, SwitchReason};

/// The runnable tasks of one CPU, and who runs there.
///
/// Linux 2.6.12: `kernel/sched.c`, `struct runqueue`.
#[derive(Clone, Debug)]
pub struct RunQueue {
    arrays: [PrioArray; 2],
    active: ArrayIndex,
    /// Runnable tasks on both arrays, the running one included, the idle task not.
    nr_running: u32,
    /// Tasks that entered an uninterruptible sleep here, minus those woken to here. Only the sum
    /// over all CPUs is meaningful.
    nr_uninterruptible: i32,
    /// `jiffies` at the first expiry since the last array swap or idle time; 0 if there was none.
    pub(super) expired_timestamp: u32,
    /// Best static priority put on the expired array since the last array swap; 140 if none.
    pub(super) best_expired_prio: u8,
    /// `sched_clock()` at the last tick, ns.
    pub(super) timestamp_last_tick: u64,
    /// The running task.
    pub(super) curr: TaskId,
    /// What made the running task's need-resched flag be set first.
    pub(super) resched_by: Cause,
    /// This CPU's idle task.
    pub(super) idle: TaskId,
    /// Number of context switches.
    pub(super) nr_switches: u64,
    /// The load over the last ticks, recent ones weighing more; 128 is one task. Only on machines
    /// with several CPUs.
    pub(super) cpu_load: u32,
    /// The migration thread has to push tasks to idle CPUs.
    pub(super) active_balance: bool,
    /// The CPU that requested it.
    pub(super) push_cpu: u8,
    /// The last switch of this CPU.
    pub(super) last_switch: Option<LastSwitch>,
    /// This CPU's migration thread; `None` on machines with one CPU.
    pub(super) migration_thread: Option<TaskId>,
    /// Requests to the migration thread; the next one is last.
    pub(super) migration_queue: Vec<MigrationReq>,
    /// Counters for `/proc/schedstat`.
    pub(super) stat: RqStat,
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
            resched_by: Cause::Outside,
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

    /// Sets the need-resched flag of the running task, for a reason and because of an event; of
    /// several the first is kept.
    #[inline]
    pub(super) fn resched(&mut self, tasks: &mut Tasks, why: SwitchReason, cause: Cause) {
        let curr = &mut tasks[self.curr];
        if !curr.need_resched() {
            self.resched_by = cause;
        }
        curr.set_need_resched(why);
    }

    /// Runnable tasks on both arrays, the running one included, the idle task not.
    #[inline]
    pub const fn nr_running(&self) -> u32 {
        self.nr_running
    }

    /// Tasks that entered an uninterruptible sleep here, minus those woken to here.
    pub const fn nr_uninterruptible(&self) -> i32 {
        self.nr_uninterruptible
    }

    /// `jiffies` at the first expiry since the last array swap or idle time; 0 if there was none.
    pub const fn expired_timestamp(&self) -> u32 {
        self.expired_timestamp
    }

    /// Best static priority put on the expired array since the last array swap; 140 if none.
    pub const fn best_expired_prio(&self) -> u8 {
        self.best_expired_prio
    }

    /// The running task.
    #[inline]
    pub const fn curr(&self) -> TaskId {
        self.curr
    }

    /// This CPU's idle task.
    #[inline]
    pub const fn idle(&self) -> TaskId {
        self.idle
    }

    /// Number of context switches.
    pub const fn nr_switches(&self) -> u64 {
        self.nr_switches
    }

    /// The load over the last ticks; 128 is one task. 0 on machines with one CPU.
    pub const fn cpu_load(&self) -> u32 {
        self.cpu_load
    }

    /// The last switch of this CPU.
    pub const fn last_switch(&self) -> Option<LastSwitch> {
        self.last_switch
    }

    /// Counters for `/proc/schedstat`.
    pub const fn stat(&self) -> &RqStat {
        &self.stat
    }

    /// Sets the number of runnable tasks, for tests of rules that look at nothing else.
    #[cfg(test)]
    pub(super) const fn set_nr_running(&mut self, tasks: u32) {
        self.nr_running = tasks;
    }

    /// Counts a task that enters an uninterruptible sleep here.
    #[inline]
    pub(super) const fn count_uninterruptible(&mut self) {
        self.nr_uninterruptible += 1;
    }

    /// Counts a task that is woken to here from an uninterruptible sleep, wherever that began: the
    /// count of one CPU may go below 0.
    #[inline]
    pub(super) const fn uncount_uninterruptible(&mut self) {
        self.nr_uninterruptible -= 1;
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
        let place = tasks.place(id);
        let (task, stat) = tasks.both_at_mut(place);
        stat.sched_info_queued(jiffies);
        task.array = Some(index);
        self.array_mut(index).enqueue_at(tasks, place);
    }

    /// Moves a queued task to the tail of its list: what is left of taking it out and appending it
    /// again where that changes neither array nor priority.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `dequeue_task()` and `enqueue_task()`.
    #[inline]
    pub(super) fn requeue_task(
        &mut self,
        tasks: &mut Tasks,
        id: TaskId,
        index: ArrayIndex,
        jiffies: u32,
    ) {
        tasks.stat_mut(id).sched_info_queued(jiffies);
        self.array_mut(index).requeue(tasks, id);
    }

    /// Removes the task from its array and returns that; `None` if it is on none.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `dequeue_task()`.
    #[inline]
    pub(super) fn dequeue_task(&mut self, tasks: &mut Tasks, id: TaskId) -> Option<ArrayIndex> {
        let place = tasks.place(id);
        let index = tasks.at_mut(place).array.take()?;
        self.array_mut(index).dequeue_at(tasks, place);
        Some(index)
    }

    /// Puts a task that was on no array at the tail of its list in the active one.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `__activate_task()`.
    #[inline]
    pub(super) fn activate_raw(&mut self, tasks: &mut Tasks, id: TaskId, jiffies: u32) {
        self.activate_in(ArrayKind::Active, tasks, id, jiffies);
    }

    /// Puts a task that was on no array at the tail of its list in that one.
    #[inline]
    pub(super) fn activate_in(
        &mut self,
        kind: ArrayKind,
        tasks: &mut Tasks,
        id: TaskId,
        jiffies: u32,
    ) {
        self.enqueue_task(tasks, id, self.index(kind), jiffies);
        self.nr_running += 1;
    }

    /// Puts a task that was on no array just before a queued one, in the same list.
    pub(super) fn activate_before(&mut self, tasks: &mut Tasks, id: TaskId, successor: TaskId) {
        let Some(index) = tasks[successor].array else {
            unreachable!("only a queued task has a place before it");
        };
        // A member of a list has its priority: the next dequeue finds the list by it.
        tasks[id].prio = tasks[successor].prio;
        tasks[id].array = Some(index);
        self.array_mut(index).insert_before(tasks, id, successor);
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
