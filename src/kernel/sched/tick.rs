//! The timer tick: charges the running task, and handles the end of its slice.

use super::prio::effective_prio;
use super::table::Tasks;
use super::task::SchedTask;
use super::{Ctx, IdleType, RunQueue, Scheduler, Tunables};
use crate::abi::{Policy, TaskId};
use crate::trace::{ArrayKind, SwitchReason, TraceEvent};
use cov_mark::hit;

impl Scheduler {
    /// Takes one tick off the slice of the running task of this CPU.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `scheduler_tick()`.
    pub fn scheduler_tick(&mut self, ctx: &mut Ctx) {
        let online_cpus = self.rqs.len() as u32;
        let tunables = &self.tunables;
        let rq = &mut self.rqs[ctx.cpu];
        let p = rq.curr;
        let (task, stat) = self.tasks.both_mut(p);
        stat.update_cpu_clock(task.timestamp, rq.timestamp_last_tick, ctx.now);
        rq.timestamp_last_tick = ctx.now;
        if p == rq.idle {
            hit!(tick_of_the_idle_task);
            self.rebalance_tick(ctx, IdleType::Idle);
            return;
        }
        if task.array != Some(rq.active_index()) {
            // Its slice is used up already; the new one is not touched before the array swap.
            hit!(tick_on_the_expired_array);
            rq.resched(&mut self.tasks, SwitchReason::Expired, ctx.context());
        } else if task.is_rt() {
            tick_rt(ctx, tunables, &mut self.tasks, rq, p);
        } else {
            task.time_slice = task.time_slice.wrapping_sub(1);
            if task.time_slice == 0 {
                expire(ctx, tunables, &mut self.tasks, rq, p);
            } else if tunables.granularity_is_up(task, online_cpus) {
                requeue_within_slice(ctx, &mut self.tasks, rq, p);
            }
        }
        self.rebalance_tick(ctx, IdleType::NotIdle);
    }
}

/// Only round-robin tasks have slices, and they stay on the active array.
fn tick_rt(ctx: &mut Ctx, tunables: &Tunables, tasks: &mut Tasks, rq: &mut RunQueue, p: TaskId) {
    let task = &mut tasks[p];
    if task.policy != Policy::RoundRobin {
        hit!(tick_of_a_fifo_task);
        return;
    }
    task.time_slice = task.time_slice.wrapping_sub(1);
    if task.time_slice == 0 {
        hit!(tick_ends_a_round_robin_turn);
        refill(tunables, task);
        rq.resched(tasks, SwitchReason::SliceEnd, ctx.log.next_event());
        rq.array_mut(rq.active_index()).requeue(tasks, p);
        emit_expire(ctx, tasks, p, None);
    }
}

/// The slice of an ordinary task has expired: it goes to the expired array, or back to the active
/// one if it is interactive and nobody starves.
fn expire(ctx: &mut Ctx, tunables: &Tunables, tasks: &mut Tasks, rq: &mut RunQueue, p: TaskId) {
    // Off its list before its priority changes, because the list is found by the priority.
    rq.dequeue_task(tasks, p);
    let task = &mut tasks[p];
    task.prio = effective_prio(task).prio;
    refill(tunables, task);
    let static_prio = task.static_prio;
    rq.resched(tasks, SwitchReason::SliceEnd, ctx.log.next_event());
    let task = &tasks[p];
    // Before the test and whatever its outcome: an interactive task sets the timestamp as well.
    if rq.expired_timestamp == 0 {
        hit!(tick_of_the_first_expiry);
        rq.expired_timestamp = ctx.jiffies;
    }
    let stays_active = tunables.task_interactive(task)
        && tunables
            .expired_starving(rq, static_prio, ctx.jiffies)
            .is_none();
    let (to, index) = if stays_active {
        hit!(tick_expires_to_the_active_array);
        (ArrayKind::Active, rq.active_index())
    } else {
        hit!(tick_expires_to_the_expired_array);
        rq.best_expired_prio = rq.best_expired_prio.min(static_prio);
        (ArrayKind::Expired, rq.expired_index())
    };
    rq.enqueue_task(tasks, p, index, ctx.jiffies);
    emit_expire(ctx, tasks, p, Some(to));
}

fn refill(tunables: &Tunables, task: &mut SchedTask) {
    task.time_slice = tunables.task_timeslice(task.static_prio);
    task.first_time_slice = false;
}

impl Tunables {
    /// Whether an interactive task has used up its turn among equals. With a slice longer than a
    /// full one (after a renice, or init's) the difference wraps, as on the i386.
    pub(super) fn granularity_is_up(&self, task: &SchedTask, online_cpus: u32) -> bool {
        if !self.task_interactive(task) {
            return false;
        }
        let granularity = self.timeslice_granularity(task.sleep_avg, online_cpus);
        let used = self
            .task_timeslice(task.static_prio)
            .wrapping_sub(task.time_slice);
        used.is_multiple_of(granularity) && task.time_slice >= granularity
    }

    /// After how many ticks of its slice [`granularity_is_up`](Self::granularity_is_up) first
    /// holds; `None` if not before the slice expires. With a slice longer than a full one, where
    /// the arithmetic wraps, only the next tick is predicted.
    pub(super) fn ticks_to_requeue(&self, task: &SchedTask, online_cpus: u32) -> Option<u32> {
        if !self.task_interactive(task) {
            return None;
        }
        let full = self.task_timeslice(task.static_prio);
        let used = full.wrapping_sub(task.time_slice);
        let granularity = self.timeslice_granularity(task.sleep_avg, online_cpus);
        let multiple = granularity - used % granularity;
        let ticks = match task.time_slice.checked_sub(full) {
            // The wrapped difference becomes 0 before its next multiple is reached.
            Some(longer @ 1..) => multiple.min(longer),
            _ => multiple,
        };
        (task.time_slice >= ticks + granularity).then_some(ticks)
    }
}

fn requeue_within_slice(ctx: &mut Ctx, tasks: &mut Tasks, rq: &mut RunQueue, p: TaskId) {
    hit!(tick_ends_a_turn_within_the_slice);
    rq.array_mut(rq.active_index()).requeue(tasks, p);
    let cause = ctx.log.next_event();
    rq.resched(tasks, SwitchReason::Granularity, cause);
    tasks.stat_mut(p).queued_by = cause;
    let task = &tasks[p];
    ctx.emit(
        task,
        TraceEvent::RrRequeue {
            pid: task.pid,
            prio: task.prio,
            slice: task.time_slice,
        },
    );
}

fn emit_expire(ctx: &mut Ctx, tasks: &mut Tasks, p: TaskId, to: Option<ArrayKind>) {
    tasks.stat_mut(p).queued_by = ctx.log.next_event();
    let task = &tasks[p];
    ctx.emit(
        task,
        TraceEvent::TimesliceExpire {
            pid: task.pid,
            to,
            prio: task.prio,
            slice: task.time_slice,
        },
    );
}
