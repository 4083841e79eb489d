//! `schedule`: picks the task that runs next on a CPU.

use super::prio::run_charge;
use super::{Ctx, LastSwitch, Scheduler, ThreadFlags};
use crate::abi::{TaskId, TaskState};
use crate::trace::{Cause, SwitchReason, TraceEvent};
use cov_mark::hit;

/// Part of a wait on the runqueue that counts as sleep after a wake-up by a task:
/// `ON_RUNQUEUE_WEIGHT` (30 percent) in units of 1/128.
const ON_RUNQUEUE_WEIGHT: u64 = 30 * 128 / 100;

/// A context switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Switch {
    /// The task switched out.
    pub prev: TaskId,
    /// The task switched in.
    pub next: TaskId,
}

impl Scheduler {
    /// One call of the scheduler on this CPU. `None` if the running task goes on; otherwise the
    /// next one is current already, and the caller switches the address space.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `schedule()`.
    ///
    /// The caller repeats the call while [`need_resched`](Self::need_resched) is set. Simplified:
    /// no kernel preemption.
    pub fn schedule(&mut self, ctx: &mut Ctx) -> Option<Switch> {
        let rq = &mut self.rqs[ctx.cpu];
        let prev = rq.curr;
        rq.stat.sched_cnt += 1;
        let swaps = rq.stat.sched_switch;
        let task = &self.tasks[prev];
        let run_time = run_charge(task.sleep_avg, ctx.now.wrapping_sub(task.timestamp));
        let voluntary = self.leave_runqueue(ctx.cpu, prev);
        let cause = match self.tasks[prev].state {
            TaskState::RUNNING => self.rqs[ctx.cpu].resched_by,
            _ => ctx.context(),
        };
        let next = self.pick_next(ctx, prev, cause);
        let why = self.charge(ctx, prev, run_time);
        let rq = &mut self.rqs[ctx.cpu];
        rq.sched_info_switch(&mut self.tasks, prev, next, ctx.jiffies);
        if prev == next {
            hit!(schedule_goes_on_with_the_same_task);
            return None;
        }
        let swapped = rq.stat.sched_switch != swaps;
        self.count_switch(ctx, prev, next, voluntary);
        self.note_switch(ctx, Switch { prev, next }, (why, cause), swapped);
        Some(Switch { prev, next })
    }

    /// Takes a task that is about to sleep off the runqueue, unless a signal is pending; returns
    /// whether the switch is voluntary.
    fn leave_runqueue(&mut self, cpu: usize, prev: TaskId) -> bool {
        let rq = &mut self.rqs[cpu];
        let task = &mut self.tasks[prev];
        if task.dead {
            hit!(schedule_of_a_dead_task);
            task.state = TaskState::DEAD;
        }
        if task.state == TaskState::RUNNING {
            return false;
        }
        // The signal came after the task had set its state: to sleep now would be to miss it.
        let signalled = task.thread_flags.contains(ThreadFlags::SIGPENDING);
        if signalled && task.state.contains(TaskState::INTERRUPTIBLE) {
            hit!(schedule_keeps_a_signalled_task);
            task.state = TaskState::RUNNING;
        } else {
            hit!(schedule_of_a_task_that_sleeps);
            if task.state == TaskState::UNINTERRUPTIBLE {
                hit!(schedule_of_an_uninterruptible_task);
                rq.count_uninterruptible();
            }
            rq.deactivate(&mut self.tasks, prev);
        }
        true
    }

    fn pick_next(&mut self, ctx: &mut Ctx, prev: TaskId, cause: Cause) -> TaskId {
        if self.rqs[ctx.cpu].nr_running() == 0 {
            self.idle_balance(ctx);
        }
        let rq = &mut self.rqs[ctx.cpu];
        if rq.nr_running() == 0 {
            hit!(schedule_goes_idle);
            // Nobody waits on the expired array: a later wait must not be measured from an old
            // expiry.
            rq.expired_timestamp = 0;
            rq.stat.sched_goidle += 1;
            return rq.idle;
        }
        if rq.active().nr_active() == 0 {
            hit!(schedule_swaps_the_arrays);
            rq.swap_arrays();
            let stamp = ctx.stamp(&self.tasks[prev]);
            let swap = TraceEvent::ArraySwap {};
            ctx.log.emit_because(stamp, swap, cause, Cause::Outside);
        }
        let next = rq.would_pick(&self.tasks);
        self.credit_wait(ctx, next);
        self.tasks[next].activated = 0;
        next
    }

    /// When a woken ordinary task is picked for the first time, part of its wait on the runqueue is
    /// credited as sleep. This requeues it at the tail of its list although it is about to run.
    fn credit_wait(&mut self, ctx: &Ctx, next: TaskId) {
        let rq = &mut self.rqs[ctx.cpu];
        let task = &self.tasks[next];
        if task.is_rt() || task.activated <= 0 {
            return;
        }
        let waited = ctx.now.wrapping_sub(task.timestamp);
        let credited = match task.activated {
            1 => {
                hit!(schedule_credits_a_part_of_the_wait);
                waited.wrapping_mul(ON_RUNQUEUE_WEIGHT) / 128
            }
            _ => {
                hit!(schedule_credits_all_of_the_wait);
                waited
            }
        };
        let credit = self
            .tunables
            .recalc_task_prio(task, task.timestamp.wrapping_add(credited));
        if credit.prio.prio == task.prio
            && let Some(array) = task.array
        {
            rq.requeue_task(&mut self.tasks, next, array, ctx.jiffies);
            self.tasks[next].sleep_avg = credit.sleep_avg;
            return;
        }
        // Off its list before its priority changes, because the list is found by the priority.
        let array = rq.dequeue_task(&mut self.tasks, next);
        let task = &mut self.tasks[next];
        task.sleep_avg = credit.sleep_avg;
        task.prio = credit.prio.prio;
        if let Some(array) = array {
            rq.enqueue_task(&mut self.tasks, next, array, ctx.jiffies);
        }
    }

    /// Subtracts the time that it ran from the sleep average; returns why the task is switched out.
    fn charge(&mut self, ctx: &Ctx, prev: TaskId, run_time: u32) -> SwitchReason {
        let last_tick = self.rqs[ctx.cpu].timestamp_last_tick;
        let (task, stat) = self.tasks.both_mut(prev);
        let asked = std::mem::replace(&mut task.resched_why, SwitchReason::Leaves);
        task.thread_flags.remove(ThreadFlags::NEED_RESCHED);
        stat.update_cpu_clock(task.timestamp, last_tick, ctx.now);
        task.sleep_avg = task.sleep_avg.saturating_sub(run_time);
        task.timestamp = ctx.now;
        task.last_ran = ctx.now;
        match task.state {
            TaskState::RUNNING => asked,
            _ => SwitchReason::Leaves,
        }
    }

    /// Makes the next task the running one, and counts the switch.
    #[inline]
    fn count_switch(&mut self, ctx: &Ctx, prev: TaskId, next: TaskId, voluntary: bool) {
        let rq = &mut self.rqs[ctx.cpu];
        rq.nr_switches += 1;
        rq.curr = next;
        self.tasks[next].timestamp = ctx.now;
        let stat = self.tasks.stat_mut(prev);
        if voluntary {
            stat.nvcsw += 1;
        } else {
            stat.nivcsw += 1;
        }
    }

    /// Records how the next task got the CPU, and traces the switch.
    #[inline]
    fn note_switch(
        &mut self,
        ctx: &mut Ctx,
        Switch { prev, next }: Switch,
        (why, cause): (SwitchReason, Cause),
        swapped: bool,
    ) {
        let (from, to) = (&self.tasks[prev], &self.tasks[next]);
        self.rqs[ctx.cpu].last_switch = Some(LastSwitch {
            tick: ctx.tick,
            prev: from.pid,
            prev_name: from.name,
            prev_prio: from.prio,
            prev_state: from.state,
            why,
            swapped,
            prio: to.prio,
        });
        let event = TraceEvent::SchedSwitch {
            prev: from.pid,
            prev_name: from.name,
            prev_prio: from.prio,
            prev_state: from.state.bits(),
            next: to.pid,
            next_name: to.name,
            next_prio: to.prio,
            next_slice: to.time_slice,
            next_static_prio: to.static_prio,
            why,
        };
        let stamp = ctx.stamp(from);
        let queued_by = self.tasks.stat(next).queued_by;
        let second = if queued_by == cause {
            Cause::Outside
        } else {
            queued_by
        };
        ctx.log.emit_because(stamp, event, cause, second);
        let context = self.tasks.stat(next).context;
        self.tasks.stat_mut(prev).context = ctx.log.set_context(ctx.cpu, context);
    }
}
