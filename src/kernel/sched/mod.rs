//! The O(1) scheduler: a runqueue of two priority arrays per CPU, and the scheduling fields of
//! every task. It knows nothing of the rest of the kernel, which owns it and calls it.
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
pub use fork::{Overrides, WakeNewVerdict, sleep_avgs_after_fork, split_slice, wake_new_placement};
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

use crate::abi::{MAX_PRIO, TaskId, TaskState};
use crate::trace::{ArrayKind, Stamp, SwitchReason, TraceEvent, TraceLog};

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
    fn emit(&mut self, about: &SchedTask, event: TraceEvent) {
        let stamp = Stamp {
            tick: self.tick,
            cpu: self.cpu as u8,
            pid: about.pid,
            name: about.name,
        };
        self.log.emit(stamp, event);
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
    /// Linux 2.6.12: `kernel/sched.c`, `init_idle()`.
    ///
    /// An emulated CPU starts idle: its idle task never forked and has a slice of 0.
    pub fn add_idle(&mut self, cpu: usize, id: TaskId, mut task: SchedTask) {
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
    pub fn insert(&mut self, id: TaskId, task: SchedTask) {
        assert!(!task.is_queued(), "a new task is on no runqueue");
        self.tasks.insert(id, task);
    }

    /// Removes a task, which must be on no runqueue and not running.
    pub fn remove(&mut self, id: TaskId) {
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

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: TaskId) -> &mut SchedTask {
        &mut self.tasks[id]
    }

    /// What is counted of a task.
    #[inline]
    pub fn stat(&self, id: TaskId) -> &SchedStat {
        self.tasks.stat(id)
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
        let RunQueue { curr, idle, .. } = self.rqs[cpu];
        if curr == idle {
            self.tasks[idle].set_need_resched(SwitchReason::IdleLooks);
        }
    }

    /// Sets the need-resched flag on `p`'s CPU if `p` preempts its running task; returns whether it
    /// does.
    pub fn resched_if_preempts(&mut self, p: TaskId) -> bool {
        let curr = self.task_rq(p).curr;
        let preempts = would_preempt(self.tasks[p].prio, self.tasks[curr].prio);
        if preempts {
            self.tasks[curr].set_need_resched(SwitchReason::Preempted);
        }
        preempts
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
