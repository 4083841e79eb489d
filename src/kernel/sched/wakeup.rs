//! Wake-ups of sleeping tasks, and the question whether a wake-up would bring a task on its CPU
//! at once.

use super::prio::{SleepCredit, recalc_task_prio, would_preempt};
use super::{Ctx, RunQueue, Scheduler};
use crate::abi::{TaskId, TaskState};
use crate::trace::TraceEvent;

/// Why a task would not be the next one on its CPU, were it woken now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WhyNot {
    /// What stands in the way.
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

/// What stands in the way of a task that should run at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyNotKind {
    /// It is in a state that a wake-up from an interruptible sleep does not end.
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

impl Scheduler {
    /// Wakes a task from any sleep or stop. Linux 2.6.12: kernel/sched.c, `wake_up_process()`.
    pub fn wake_up_process(&mut self, ctx: &mut Ctx, p: TaskId) -> bool {
        self.try_to_wake_up(ctx, p, TaskState::ANY_SLEEP, false)
    }

    /// Wakes a task if its state is one of `mask`; `sync` says that the waker is about to sleep
    /// itself and need not be preempted. Returns whether the task was put on a runqueue.
    /// Linux 2.6.12: kernel/sched.c, `try_to_wake_up()`.
    ///
    /// Simplified: the task wakes on the CPU it last ran on.
    pub fn try_to_wake_up(
        &mut self,
        ctx: &mut Ctx,
        p: TaskId,
        mask: TaskState,
        sync: bool,
    ) -> bool {
        let (tasks, rq) = self.task_rq_mut(p);
        let task = &mut tasks[p];
        if !task.state.intersects(mask) {
            return false;
        }
        if task.is_queued() {
            // It had only announced its sleep: it goes on as if nothing had happened.
            task.state = TaskState::RUNNING;
            return false;
        }
        if task.state == TaskState::UNINTERRUPTIBLE {
            rq.nr_uninterruptible -= 1;
            task.activated = -1;
        }
        let local = usize::from(task.cpu) == ctx.cpu;
        self.activate_task(ctx, p);
        if !(sync && local) {
            self.resched_if_preempts(p);
        }
        let task = &mut self.tasks[p];
        task.state = TaskState::RUNNING;
        let event = TraceEvent::SchedWakeup {
            pid: task.pid,
            name: task.name,
            prio: task.prio,
            sleep_avg: task.sleep_avg,
            target_cpu: task.cpu,
        };
        ctx.emit(task, event);
        true
    }

    /// Whether `p`, woken from an interruptible sleep by an interrupt now, would be the very next
    /// task on its CPU; for a runnable task, whether it is.
    ///
    /// # Errors
    ///
    /// What stands in the way.
    pub fn runs_at_once(&self, ctx: &Ctx, p: TaskId) -> Result<(), WhyNot> {
        let (task, rq) = (&self.tasks[p], self.task_rq(p));
        let curr = &self.tasks[rq.curr];
        let prio = match task.is_queued() {
            true => task.prio,
            false => self.sleep_credit(ctx, p).prio.prio,
        };
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
            let is_next = rq.curr == rq.idle && rq.would_pick() == p;
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

    /// Credits the sleep and puts the task on the active array of its CPU. Linux 2.6.12:
    /// kernel/sched.c, `activate_task()`.
    fn activate_task(&mut self, ctx: &Ctx, p: TaskId) {
        let now = self.clock_of(ctx, p);
        let credit = self.sleep_credit(ctx, p);
        let (tasks, rq) = self.task_rq_mut(p);
        let task = &mut tasks[p];
        task.sleep_avg = credit.sleep_avg;
        task.prio = credit.prio.prio;
        if task.activated == 0 {
            task.activated = if ctx.in_interrupt { 2 } else { 1 };
        }
        task.timestamp = now;
        rq.activate_raw(tasks, p);
    }

    fn sleep_credit(&self, ctx: &Ctx, p: TaskId) -> SleepCredit {
        recalc_task_prio(&self.tasks[p], self.clock_of(ctx, p))
    }

    /// The clock as `p`'s CPU sees it: clocks are compared by the time of the last tick.
    fn clock_of(&self, ctx: &Ctx, p: TaskId) -> u64 {
        let here = self.rqs[ctx.cpu].timestamp_last_tick;
        let there = self.task_rq(p).timestamp_last_tick;
        ctx.now.wrapping_sub(here).wrapping_add(there)
    }
}
