//! What the system calls for priorities and policies do to the runqueues. The caller has checked
//! their arguments.

use super::prio::would_preempt;
use super::{Ctx, RunQueue, Scheduler};
use crate::abi::{Policy, TaskId, nice_to_static_prio, rt_priority_to_prio, static_prio_to_nice};
use crate::trace::{SwitchReason, TraceEvent};
use cov_mark::hit;

impl Scheduler {
    /// Changes the nice value. A value outside -20..=19, or the current one, has no effect.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `set_user_nice()`.
    ///
    /// The new priority is the static one: the bonus is lost until the next recalculation.
    pub fn set_user_nice(&mut self, ctx: &mut Ctx, p: TaskId, nice: i32) {
        let (tasks, rq) = self.task_rq_mut(p);
        let task = &mut tasks[p];
        if nice == static_prio_to_nice(task.static_prio) || !(-20..=19).contains(&nice) {
            hit!(renice_to_the_same_or_to_nonsense);
            return;
        }
        let static_prio = nice_to_static_prio(nice);
        if task.is_rt() {
            hit!(renice_of_a_real_time_task);
            task.static_prio = static_prio;
        } else {
            let old_prio = task.prio;
            // Off its list before its priority changes, because the list is found by the priority.
            let array = rq.dequeue_task(tasks, p);
            tasks[p].static_prio = static_prio;
            tasks[p].prio = static_prio;
            if let Some(array) = array {
                rq.enqueue_task(tasks, p, array, ctx.jiffies);
                let worse_and_running = static_prio > old_prio && rq.curr == p;
                if static_prio < old_prio || worse_and_running {
                    hit!(renice_asks_for_a_reschedule);
                    rq.resched(tasks, SwitchReason::Nice, ctx.log.next_event());
                } else {
                    hit!(renice_of_a_queued_task_changes_no_turn);
                }
            } else {
                hit!(renice_of_a_sleeper);
            }
        }
        self.emit_set_prio(ctx, p);
    }

    /// Changes policy and real-time priority. A queued task goes to the tail of the active array,
    /// even from the expired one.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_setscheduler()`.
    pub fn sched_setscheduler(
        &mut self,
        ctx: &mut Ctx,
        p: TaskId,
        policy: Policy,
        rt_priority: u8,
    ) {
        let (tasks, rq) = self.task_rq_mut(p);
        let was_queued = rq.deactivate(tasks, p);
        let task = &mut tasks[p];
        let old_prio = task.prio;
        task.policy = policy;
        task.rt_priority = rt_priority;
        task.prio = match policy {
            Policy::Normal => task.static_prio,
            Policy::Fifo | Policy::RoundRobin => rt_priority_to_prio(u32::from(rt_priority)),
        };
        if was_queued {
            let prio = task.prio;
            rq.activate_raw(tasks, p, ctx.jiffies);
            let resched = if rq.curr == p {
                prio > old_prio
            } else {
                would_preempt(prio, tasks[rq.curr].prio)
            };
            if resched {
                rq.resched(tasks, SwitchReason::Policy, ctx.log.next_event());
            }
        }
        self.emit_set_prio(ctx, p);
    }

    /// The running task of this CPU yields: an ordinary task goes to the expired array, a real-time
    /// one to the tail of its list. The caller calls `schedule` at once.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_yield()`.
    pub fn sched_yield(&mut self, ctx: &mut Ctx) {
        let rq = &mut self.rqs[ctx.cpu];
        let curr = rq.curr;
        let task = &self.tasks[curr];
        let Some(array) = task.array else {
            unreachable!("the idle task does not yield");
        };
        let target = if task.is_rt() {
            hit!(yield_of_a_real_time_task);
            rq.active_index()
        } else {
            rq.expired_index()
        };
        self.tasks[curr].resched_why = SwitchReason::Yields;
        rq.resched_by = ctx.context();
        // Before the task moves: the counters are about the arrays that it leaves behind.
        count_yield(rq, rq.array(array).nr_active() == 1);
        if array == target {
            hit!(yield_within_the_array);
            rq.array_mut(array).requeue(&mut self.tasks, curr);
        } else {
            hit!(yield_to_the_expired_array);
            rq.dequeue_task(&mut self.tasks, curr);
            rq.enqueue_task(&mut self.tasks, curr, target, ctx.jiffies);
        }
    }

    fn emit_set_prio(&mut self, ctx: &mut Ctx, p: TaskId) {
        self.tasks.stat_mut(p).queued_by = ctx.log.next_event();
        let task = &self.tasks[p];
        let event = TraceEvent::SchedSetPrio {
            pid: task.pid,
            name: task.name,
            prio: task.prio,
            static_prio: task.static_prio,
            policy: task.policy,
            rt_priority: task.rt_priority,
        };
        ctx.emit(task, event);
    }
}

fn count_yield(rq: &mut RunQueue, alone_on_its_array: bool) {
    let expired_empty = rq.expired().nr_active() == 0;
    rq.stat.yld_cnt += 1;
    if alone_on_its_array {
        rq.stat.yld_act_empty += 1;
        rq.stat.yld_both_empty += u32::from(expired_empty);
    } else if expired_empty {
        rq.stat.yld_exp_empty += 1;
    }
}
