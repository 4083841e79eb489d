//! Wake-ups of sleeping tasks, and the question whether a woken task would run at once.

use super::imbalance::{WakeCpu, WakeFacts, wake_cpu};
use super::prio::would_preempt;
use super::{Ctx, RunQueue, Scheduler};
use crate::abi::{TaskId, TaskState};
use crate::trace::{MigrateReason, TraceEvent};

/// Why a task, if woken now, would not be the next one on its CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WhyNot {
    /// What prevents it.
    pub kind: WhyNotKind,
    /// The priority that the task would have once woken; its own if it does not sleep.
    pub prio_after_wake: u8,
    /// The running task of its CPU.
    pub curr: TaskId,
    /// The priority of that task.
    pub curr_prio: u8,
    /// Ticks left of that task's time slice.
    pub holds: u32,
}

/// What prevents a task from running at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyNotKind {
    /// A wake-up from an interruptible sleep does not end this state.
    NotInterruptible(TaskState),
    /// It is runnable and waits for its turn.
    Queued,
    /// The running task has the same priority or a better one.
    CurrentHolds,
    /// Another waiting task has the same priority or a better one.
    QueuedAhead {
        /// The priority of that task.
        prio: u8,
    },
}

/// What the waker does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waker {
    /// It goes on: the woken task may preempt it.
    GoesOn,
    /// It is about to sleep (a synchronous wake-up), and need not be preempted.
    Sleeps,
}

impl Scheduler {
    /// Wakes a task from any sleep or stop.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `wake_up_process()`.
    pub fn wake_up_process(&mut self, ctx: &mut Ctx, p: TaskId) -> bool {
        self.try_to_wake_up(ctx, p, TaskState::ANY_SLEEP, Waker::GoesOn)
    }

    /// Wakes a task if its state is one of `mask`; `sync` means that the waker is about to sleep
    /// and need not be preempted. Returns whether the task was put on a runqueue.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `try_to_wake_up()`.
    pub(in crate::kernel) fn try_to_wake_up(
        &mut self,
        ctx: &mut Ctx,
        p: TaskId,
        mask: TaskState,
        waker: Waker,
    ) -> bool {
        let task = &mut self.tasks[p];
        if !task.state.intersects(mask) {
            return false;
        }
        if task.is_queued() {
            // It was only about to sleep: it goes on as if nothing had happened.
            task.state = TaskState::RUNNING;
            return false;
        }
        // The CPU comes first: the clock for the credit and the counts are those of the runqueue
        // where the task wakes.
        let choice = self.wake_cpu(ctx.cpu, p, waker);
        self.count_wakeup(ctx.cpu, p, choice);
        if choice.moves() {
            self.set_task_cpu(ctx, p, ctx.cpu, MigrateReason::WakeUp);
        }
        let (tasks, rq) = self.task_rq_mut(p);
        let task = &mut tasks[p];
        if task.state == TaskState::UNINTERRUPTIBLE {
            rq.uncount_uninterruptible();
            // Before `activate_task`, which limits the credit of such a sleep, and keeps the mark.
            task.activated = -1;
        }
        let local = usize::from(task.cpu) == ctx.cpu;
        self.activate_task(ctx, p);
        if !(waker == Waker::Sleeps && local) {
            self.resched_if_preempts(p, ctx.log.next_event());
        }
        let woken = ctx.log.next_event();
        let (task, stat) = self.tasks.both_mut(p);
        stat.queued_by = woken;
        let slept_in = std::mem::replace(&mut stat.context, woken);
        task.state = TaskState::RUNNING;
        let event = TraceEvent::SchedWakeup {
            pid: task.pid,
            name: task.name,
            prio: task.prio,
            sleep_avg: task.sleep_avg,
            target_cpu: task.cpu,
        };
        let stamp = ctx.stamp(task);
        ctx.log.emit_because(stamp, event, ctx.context(), slept_in);
        true
    }

    /// Counts a wake-up by this CPU, on machines with several: on the sleeper's runqueue and, if
    /// that is another CPU's, in the lowest domain that contains both.
    fn count_wakeup(&mut self, this_cpu: usize, p: TaskId, choice: WakeCpu) {
        if self.rqs.len() == 1 {
            return;
        }
        let cpu = usize::from(self.tasks[p].cpu);
        let stat = &mut self.rqs[cpu].stat;
        stat.ttwu_cnt += 1;
        if cpu == this_cpu {
            stat.ttwu_local += 1;
            return;
        }
        let mut domains = self.domains[this_cpu].iter_mut();
        if let Some(sd) = domains.find(|sd| sd.span >> cpu & 1 != 0) {
            sd.stat.ttwu_wake_remote += 1;
            sd.stat.ttwu_move_affine += u32::from(choice == WakeCpu::Affine);
            sd.stat.ttwu_move_balance += u32::from(choice == WakeCpu::Balance);
        }
    }

    /// On which CPU the sleeping task `p` would wake, were it woken on that CPU now.
    pub(super) fn wake_cpu(&self, this_cpu: usize, p: TaskId, waker: Waker) -> WakeCpu {
        let task = &self.tasks[p];
        let facts = WakeFacts {
            this_cpu,
            load: self.source_load(usize::from(task.cpu)),
            this_load: self.target_load(this_cpu),
            waker,
            timestamp_last_tick: self.task_rq(p).timestamp_last_tick,
        };
        wake_cpu(task, &facts, &self.domains[this_cpu])
    }

    /// Whether `p`, if an interrupt on `this_cpu` woke it now (ns) from an interruptible sleep,
    /// would be the very next task on the CPU where it wakes; for a runnable task, whether it is.
    ///
    /// # Errors
    ///
    /// What prevents it.
    pub fn runs_at_once(&self, this_cpu: usize, now: u64, p: TaskId) -> Result<(), WhyNot> {
        let task = &self.tasks[p];
        let (cpu, prio) = if task.is_queued() {
            (usize::from(task.cpu), task.prio)
        } else {
            let cpu = if self.wake_cpu(this_cpu, p, Waker::GoesOn).moves() {
                this_cpu
            } else {
                usize::from(task.cpu)
            };
            let credit = self
                .tunables
                .recalc_task_prio(task, self.clock_of(this_cpu, now, cpu));
            (cpu, credit.prio.prio)
        };
        let rq = &self.rqs[cpu];
        let curr = &self.tasks[rq.curr];
        match self.obstacle(rq, p, prio) {
            None => Ok(()),
            Some(kind) => Err(WhyNot {
                kind,
                prio_after_wake: prio,
                curr: rq.curr,
                curr_prio: curr.prio,
                holds: curr.time_slice,
            }),
        }
    }

    fn obstacle(&self, rq: &RunQueue, p: TaskId, prio: u8) -> Option<WhyNotKind> {
        let task = &self.tasks[p];
        let first = rq.active().first_level();
        if p == rq.curr {
            None
        } else if task.is_queued() {
            let is_next = rq.curr == rq.idle && rq.would_pick(&self.tasks) == p;
            (!is_next).then_some(WhyNotKind::Queued)
        } else if !task.state.contains(TaskState::INTERRUPTIBLE) {
            Some(WhyNotKind::NotInterruptible(task.state))
        } else if !would_preempt(prio, self.tasks[rq.curr].prio) {
            Some(WhyNotKind::CurrentHolds)
        } else if prio >= first {
            Some(WhyNotKind::QueuedAhead { prio: first })
        } else {
            None
        }
    }

    /// Credits the sleep and puts the task on the active array of its CPU.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `activate_task()`.
    pub(super) fn activate_task(&mut self, ctx: &Ctx, p: TaskId) {
        let now = self.clock_of(ctx.cpu, ctx.now, usize::from(self.tasks[p].cpu));
        let credit = self.tunables.recalc_task_prio(&self.tasks[p], now);
        let (tasks, rq) = self.task_rq_mut(p);
        let task = &mut tasks[p];
        task.sleep_avg = credit.sleep_avg;
        task.prio = credit.prio.prio;
        if task.activated == 0 {
            task.activated = if ctx.in_interrupt { 2 } else { 1 };
        }
        task.timestamp = now;
        rq.activate_raw(tasks, p, ctx.jiffies);
    }

    /// The clock of `this_cpu` as seen by `cpu`: clocks are compared at the last tick.
    fn clock_of(&self, this_cpu: usize, now: u64, cpu: usize) -> u64 {
        let here = self.rqs[this_cpu].timestamp_last_tick;
        let there = self.rqs[cpu].timestamp_last_tick;
        now.wrapping_sub(here).wrapping_add(there)
    }
}
