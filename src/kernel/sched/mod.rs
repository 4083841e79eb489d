//! The O(1) scheduler: a runqueue of two priority arrays per CPU, and the scheduling fields of
//! every task. It knows nothing of the rest of the kernel, which owns it and calls it: only `switch`,
//! `priority` and `migration` name `syscall` and `task`.
//!
//! The room alone changes the place of a task (CPU, array, and the list of its priority), the counts
//! that follow from it (`nr_active` and bitmap of an array, `nr_running` and `nr_uninterruptible` of
//! a runqueue), who runs on a CPU, the requests to a migration thread, and slot and generation of a
//! record. The rest of the kernel calls a method to set the state, a flag or the name of a task.
//!
//! Reading order: `task`, `table` and `prio_array` (the data), `prio` (the arithmetic), `runqueue`, then
//! what happens to them: `tick`, `schedule`, `wakeup`, `fork`, `policy`. On several CPUs: `domain`
//! (who balances with whom), `imbalance` (the decisions), `balance` and `migrate` (the moves).
//! `quiet` finds the ticks that change nothing but counters. `check` is for tests.

mod balance;
mod check;
mod domain;
mod fork;
mod imbalance;
mod migrate;
mod migration;
mod policy;
mod prio;
mod prio_array;
mod priority;
mod quiet;
mod runqueue;
mod sched_info;
mod schedule;
mod switch;
mod table;
mod task;
#[cfg(test)]
mod tests;
mod tick;
mod tunables;
mod turn;
mod wakeup;

pub use domain::{LbStat, SCHED_LOAD_SCALE, SchedDomain, SchedGroup, SdFlags, SdStat, task_hot};
pub use fork::{
    NewChild, Overrides, WakeNewVerdict, sleep_avgs_after_fork, split_slice, wake_new_placement,
};
pub use imbalance::{
    BusiestGroup, GroupLoad, IdleType, Imbalance, Migratable, Target, WakeCpu, WakeFacts,
    can_migrate_task, exec_moves, find_busiest_group, wake_cpu,
};
pub use migrate::{Migration, MigrationReq, NoCpu};
pub use prio::{
    NS_MAX_SLEEP_AVG, NS_PER_TICK, PrioSteps, SleepClass, SleepCredit, Starving, current_bonus,
    effective_prio, run_charge, would_preempt,
};
pub use prio_array::PrioArray;
pub use priority::sched_priority_range;
pub use runqueue::{LastSwitch, RqStat, RunQueue};
pub use sched_info::{RqSchedInfo, SchedInfo, SchedStat};
pub use schedule::Switch;
pub use table::Tasks;
pub use task::{SchedTask, ThreadFlags};
pub use tunables::Tunables;
pub use turn::{Ahead, Turn};
pub use wakeup::{Waker, WhyNot, WhyNotKind};

use crate::abi::{MAX_PRIO, Name, Pid, TaskId, TaskState};
use crate::trace::{ArrayKind, Cause, Stamp, SwitchReason, TraceEvent, TraceLog};

/// The context of a call: where and when it happens, and where it is traced.
#[derive(Debug)]
pub struct Ctx<'a> {
    /// The CPU on which the scheduler is called.
    pub cpu: usize,
    /// `sched_clock()`, ns.
    pub now: u64,
    /// Ticks since boot, for the trace.
    pub tick: u64,
    /// The kernel's 32-bit tick counter.
    pub jiffies: u32,
    /// The caller is an interrupt handler or softirq, not a task.
    pub in_interrupt: bool,
    /// The trace that records its decisions.
    pub log: &'a mut TraceLog,
}

impl Ctx<'_> {
    #[inline]
    fn stamp(&self, about: &SchedTask) -> Stamp {
        Stamp {
            tick: self.tick,
            cpu: self.cpu as u8,
            pid: about.pid,
            name: about.name,
        }
    }

    fn emit(&mut self, about: &SchedTask, event: TraceEvent) {
        let stamp = self.stamp(about);
        self.log.emit(stamp, event);
    }

    /// What the running task of the CPU does, as the cause of something.
    #[inline]
    fn context(&self) -> Cause {
        self.log.context(self.cpu)
    }
}

/// The scheduler: runqueues, and the scheduling fields of all tasks.
///
/// A `TaskId` that was not inserted is a bug of the caller: every method panics.
#[derive(Clone, Debug)]
pub struct Scheduler {
    /// Tuning parameters of the rules.
    pub tunables: Tunables,
    tasks: Tasks,
    rqs: Vec<RunQueue>,
    /// The domains of each CPU, the lowest level first; none on a machine with one CPU.
    domains: Vec<Vec<SchedDomain>>,
}

impl Scheduler {
    /// A scheduler for that many CPUs, each still without its idle task, starting at `jiffies`.
    pub fn new(cpus: usize, jiffies: u32) -> Self {
        let domains = |cpu| match cpus {
            1 => Vec::new(),
            _ => vec![SchedDomain::of_cpu(cpu, cpus, jiffies)],
        };
        Self {
            tunables: Tunables::LINUX,
            tasks: Tasks::new(),
            rqs: vec![RunQueue::new(); cpus],
            domains: (0..cpus).map(domains).collect(),
        }
    }

    /// Makes the task the idle task of `cpu` and lets it run there, with its need-resched flag set.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `init_idle()`.
    ///
    /// An emulated CPU starts idle: its idle task never forked and has a slice of 0.
    pub(in crate::kernel) fn add_idle(&mut self, cpu: usize, id: TaskId, mut task: SchedTask) {
        task.sleep_avg = 0;
        task.prio = MAX_PRIO;
        task.state = TaskState::RUNNING;
        task.time_slice = 0;
        task.cpu = cpu as u8;
        task.cpus_allowed = 1 << cpu;
        task.set_need_resched(SwitchReason::IdleLooks);
        self.insert(id, task);
        let rq = &mut self.rqs[cpu];
        rq.idle = id;
        rq.curr = id;
    }

    /// Adds a task that is on no runqueue.
    pub(in crate::kernel) fn insert(&mut self, id: TaskId, task: SchedTask) {
        assert!(!task.is_queued(), "a new task is on no runqueue");
        self.tasks.insert(id, task);
    }

    /// Removes a task, which must be on no runqueue and not running.
    pub(in crate::kernel) fn remove(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.remove(id) {
            let running = self.rqs[usize::from(task.cpu)].curr == id;
            assert!(!task.is_queued() && !running, "{task:?} is still in use");
        }
    }

    /// The scheduling fields of a task.
    #[inline]
    pub fn get(&self, id: TaskId) -> &SchedTask {
        &self.tasks[id]
    }

    /// The record of a task, for tests that set a situation up. Rules change the fields by methods:
    /// `prio`, `cpu` and the links say in which list a queued task is, and the counts of its
    /// runqueue follow from its state.
    #[cfg(test)]
    fn get_mut(&mut self, id: TaskId) -> &mut SchedTask {
        &mut self.tasks[id]
    }

    /// Replaces the fields of a task that is on no runqueue; returns the old ones.
    pub(in crate::kernel) fn replace(&mut self, id: TaskId, fields: SchedTask) -> SchedTask {
        let task = &mut self.tasks[id];
        assert!(
            !task.is_queued() && !fields.is_queued(),
            "a queued task keeps its place"
        );
        std::mem::replace(task, fields)
    }

    /// `__set_task_state()`: the sleep that a running task is about to enter, or the stop that a
    /// task is in.
    #[inline]
    pub fn set_task_state(&mut self, id: TaskId, state: TaskState) {
        self.tasks[id].state = state;
    }

    /// Sets a flag of the task's `thread_info`.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `set_tsk_thread_flag()`.
    #[inline]
    pub(in crate::kernel) fn set_tsk_thread_flag(&mut self, id: TaskId, flag: ThreadFlags) {
        self.tasks[id].thread_flags |= flag;
    }

    /// Clears a flag of the task's `thread_info`.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `clear_tsk_thread_flag()`.
    #[inline]
    pub(in crate::kernel) fn clear_tsk_thread_flag(&mut self, id: TaskId, flag: ThreadFlags) {
        self.tasks[id].thread_flags -= flag;
    }

    /// Changes the name of a task.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `set_task_comm()`.
    pub(in crate::kernel) fn set_task_comm(&mut self, id: TaskId, name: Name) {
        self.tasks[id].name = name;
    }

    /// Changes the pid of a task: a thread that calls exec takes over that of its leader.
    pub(in crate::kernel) fn set_pid(&mut self, id: TaskId, pid: Pid) {
        self.tasks[id].pid = pid;
    }

    /// Records whether a task has an address space of its own: if so, its sleep is credited as that
    /// of a user task.
    pub(in crate::kernel) fn set_has_mm(&mut self, id: TaskId, has_mm: bool) {
        self.tasks[id].has_mm = has_mm;
    }

    /// Sets `PF_DEAD`: the next `schedule` of the task is its last.
    pub(in crate::kernel) fn set_dead(&mut self, id: TaskId) {
        self.tasks[id].dead = true;
    }

    /// Sets the sleep average of a task, ns, for tests that begin in the middle of its life. Its
    /// priority follows when it is next recomputed.
    pub fn set_sleep_avg(&mut self, id: TaskId, sleep_avg: u32) {
        self.tasks[id].sleep_avg = sleep_avg;
    }

    /// Sets what is left of the slice of a task, ticks, for tests that begin in the middle of it.
    pub fn set_time_slice(&mut self, id: TaskId, ticks: u32) {
        self.tasks[id].time_slice = ticks;
    }

    /// What is counted of a task.
    #[inline]
    pub fn stat(&self, id: TaskId) -> &SchedStat {
        self.tasks.stat(id)
    }

    /// The CPU time of a running task up to now, ns.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `current_sched_time()`.
    pub(in crate::kernel) fn current_sched_time(&self, current: TaskId, now: u64) -> u64 {
        let last_tick = self.task_rq(current).timestamp_last_tick;
        let since = self.tasks[current].timestamp.max(last_tick);
        let banked = self.stat(current).sched_time;
        banked.wrapping_add(now.wrapping_sub(since))
    }

    /// The scheduling fields of a task that may be gone.
    pub fn try_get(&self, id: TaskId) -> Option<&SchedTask> {
        self.tasks.get(id)
    }

    /// The array a task is linked in; `None` if it is on no runqueue.
    pub fn array(&self, id: TaskId) -> Option<ArrayKind> {
        let task = &self.tasks[id];
        task.array.map(|index| self.task_rq(id).kind(index))
    }

    /// How many CPUs there are.
    pub fn cpus(&self) -> usize {
        self.rqs.len()
    }

    /// The running task of a CPU.
    #[inline]
    pub fn current(&self, cpu: usize) -> TaskId {
        self.rqs[cpu].curr
    }

    /// The idle task of a CPU.
    #[inline]
    pub fn idle(&self, cpu: usize) -> TaskId {
        self.rqs[cpu].idle
    }

    /// The runqueue of a CPU.
    pub fn rq(&self, cpu: usize) -> &RunQueue {
        &self.rqs[cpu]
    }

    /// The domains of a CPU, the lowest level first; none on a machine with one CPU.
    pub fn domains(&self, cpu: usize) -> &[SchedDomain] {
        &self.domains[cpu]
    }

    /// The members of one priority list of `array`, an array of this scheduler; head first.
    pub fn members<'a>(&'a self, array: &PrioArray, prio: u8) -> impl Iterator<Item = TaskId> + 'a {
        array.members(&self.tasks, prio)
    }

    /// Whether the running task of a CPU has to call `schedule`.
    #[inline]
    pub fn need_resched(&self, cpu: usize) -> bool {
        self.tasks[self.rqs[cpu].curr].need_resched()
    }

    /// Sets the need-resched flag of an idle CPU, so that it looks for a task again.
    pub fn resched_idle(&mut self, cpu: usize) {
        let rq = &mut self.rqs[cpu];
        if rq.curr == rq.idle {
            rq.resched(&mut self.tasks, SwitchReason::IdleLooks, Cause::Outside);
        }
    }

    /// Sets the need-resched flag on `p`'s CPU if `p` preempts its running task; returns whether it
    /// does. `cause` is what has put `p` on the runqueue.
    pub(in crate::kernel) fn resched_if_preempts(&mut self, p: TaskId, cause: Cause) -> bool {
        let (tasks, rq) = self.task_rq_mut(p);
        let preempts = would_preempt(tasks[p].prio, tasks[rq.curr].prio);
        if preempts {
            rq.resched(tasks, SwitchReason::Preempted, cause);
        }
        preempts
    }

    /// The event that has put a task on its runqueue, or has last moved it there.
    pub(in crate::kernel) fn queued_by(&self, id: TaskId) -> Cause {
        self.tasks.stat(id).queued_by
    }

    fn task_rq(&self, id: TaskId) -> &RunQueue {
        &self.rqs[usize::from(self.tasks[id].cpu)]
    }

    /// The tasks and the runqueue of `id`'s CPU, both to be changed.
    fn task_rq_mut(&mut self, id: TaskId) -> (&mut Tasks, &mut RunQueue) {
        let cpu = usize::from(self.tasks[id].cpu);
        (&mut self.tasks, &mut self.rqs[cpu])
    }
}
