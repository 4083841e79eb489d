//! Fork and exit in the scheduler: how the time slice is split, where a new task is queued, and
//! what a parent gets back.

use super::prio::{effective_prio, penalised_sleep_avg};
use super::task::RunLinks;
use super::{Ctx, Scheduler, ThreadFlags, Tunables};
use crate::abi::{Pid, TaskId, TaskState};
use crate::trace::{EventKind, PidRun, Placement, SwitchReason, TraceEvent};
use cov_mark::hit;
use std::iter::successors;

/// Members of a list shown before the one of interest.
const SHOWN_BEFORE: usize = 8;

/// Options that force branches of `wake_up_new_task` which the kernel hardly ever takes by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overrides {
    /// Children start on this CPU, allowed or not, as if the parent had just been moved away from
    /// it.
    pub fork_cpu: Option<u8>,
    /// Behave as if the parent were on no array.
    pub parent_not_on_array: bool,
    /// False: a child that does not share memory also goes to the tail, and does not preempt.
    pub child_runs_first: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            fork_cpu: None,
            parent_not_on_array: false,
            child_runs_first: true,
        }
    }
}

/// Where a new task is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WakeNewVerdict {
    /// The branch taken.
    pub placement: Placement,
    /// Without the forced options another branch would be taken.
    pub forced: bool,
}

/// What decides where a new child is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewChild {
    /// Whether it shares the parent's memory.
    pub clone_vm: bool,
    /// Whether it starts on the parent's CPU, as it always does unless forced.
    pub same_cpu: bool,
    /// Whether the parent is on an array.
    pub parent_queued: bool,
}

/// Which branch `wake_up_new_task` takes.
pub const fn wake_new_placement(child: NewChild, overrides: &Overrides) -> WakeNewVerdict {
    let NewChild {
        clone_vm,
        same_cpu,
        parent_queued,
    } = child;
    let placement = if !same_cpu {
        Placement::OtherCpu
    } else if clone_vm {
        Placement::TailSharedVm
    } else if !overrides.child_runs_first {
        Placement::TailByOption
    } else if !parent_queued || overrides.parent_not_on_array {
        Placement::ParentNotQueued
    } else {
        Placement::BeforeParent
    };
    let forced = match placement {
        Placement::OtherCpu | Placement::TailByOption => true,
        Placement::ParentNotQueued => parent_queued,
        Placement::TailSharedVm | Placement::BeforeParent => false,
    };
    WakeNewVerdict { placement, forced }
}

/// How a parent's slice is split at fork: the child's part, which gets the odd tick, and the rest.
///
/// Linux 2.6.12: `kernel/sched.c`, `sched_fork()`.
pub const fn split_slice(parent_slice: u32) -> (u32, u32) {
    (parent_slice.wrapping_add(1) >> 1, parent_slice >> 1)
}

/// What `wake_up_new_task` makes of the sleep average (ns) that both have at first: the child's,
/// and the parent's.
///
/// Linux 2.6.12: `kernel/sched.c`, `wake_up_new_task()`.
pub const fn sleep_avgs_after_fork(sleep_avg: u32, tunables: &Tunables) -> (u32, u32) {
    (
        penalised_sleep_avg(sleep_avg, tunables.child_penalty),
        penalised_sleep_avg(sleep_avg, tunables.parent_penalty),
    )
}

impl Scheduler {
    /// Creates the new task's scheduling fields as a copy of the parent's, on no runqueue yet.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `dup_task_struct()`, and what `copy_process()` resets in these
    /// fields.
    pub(in crate::kernel) fn dup(&mut self, parent: TaskId, child: TaskId, pid: Pid) {
        let mut new = self.tasks[parent].clone();
        new.pid = pid;
        new.array = None;
        new.run_list = RunLinks::default();
        new.thread_flags
            .remove(ThreadFlags::SIGPENDING | ThreadFlags::SYSCALL_TRACE);
        self.tasks.insert(child, new);
    }

    /// Gives a task created by `dup` half of its parent's slice; the parent runs on
    /// this CPU.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_fork()`.
    pub fn sched_fork(&mut self, ctx: &mut Ctx, parent: TaskId, child: TaskId) {
        let (child_slice, left) = split_slice(self.tasks[parent].time_slice);
        let new = &mut self.tasks[child];
        // Runnable although it is on no runqueue yet: a signal cannot wake and queue it too early.
        new.state = TaskState::RUNNING;
        new.cpu = ctx.cpu as u8;
        new.time_slice = child_slice;
        new.first_time_slice = true;
        new.timestamp = ctx.now;
        // The last tick goes to the child, and the parent's slice expires here and now.
        self.tasks[parent].time_slice = left.max(1);
        if left == 0 {
            self.scheduler_tick(ctx);
        }
    }

    /// Puts a new task on a runqueue for the first time.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `wake_up_new_task()`.
    pub fn wake_up_new_task(
        &mut self,
        ctx: &mut Ctx,
        current: TaskId,
        child: TaskId,
        clone_vm: bool,
        overrides: &Overrides,
    ) -> Placement {
        if let Some(cpu) = overrides.fork_cpu {
            assert!(usize::from(cpu) < self.rqs.len(), "there is no CPU {cpu}");
            self.tasks[child].cpu = cpu;
        }
        // Before it is placed: its list follows from its priority, and that from its average.
        self.penalise_child(child);
        let facts = NewChild {
            clone_vm,
            same_cpu: usize::from(self.tasks[child].cpu) == ctx.cpu,
            parent_queued: self.tasks[current].is_queued(),
        };
        let verdict = wake_new_placement(facts, overrides);
        let before = self.list_before(ctx, current, child, verdict.placement);
        self.place(ctx, current, child, verdict.placement);
        let parent = &mut self.tasks[current];
        parent.sleep_avg = sleep_avgs_after_fork(parent.sleep_avg, &self.tunables).1;
        self.emit_wakeup_new(ctx, child, verdict);
        self.emit_run_list(ctx, child, &before);
        verdict.placement
    }

    /// Returns the rest of a child's first slice to its current parent, and blends the sleep
    /// averages if the child slept less.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_exit()`.
    pub(in crate::kernel) fn sched_exit(&mut self, ctx: &mut Ctx, p: TaskId, parent: TaskId) {
        let child = self.tasks[p].clone();
        let task = &mut self.tasks[parent];
        // Only the first slice was taken from a parent; later ones were the child's own.
        if child.first_time_slice {
            let sum = task.time_slice.wrapping_add(child.time_slice);
            task.time_slice = sum.min(self.tunables.task_timeslice(child.static_prio));
        }
        if child.sleep_avg < task.sleep_avg {
            let weight = self.tunables.exit_weight;
            let total = weight + 1;
            task.sleep_avg = task.sleep_avg / total * weight + child.sleep_avg / total;
        }
        let event = TraceEvent::SchedExit {
            parent: task.pid,
            parent_slice: task.time_slice,
            parent_sleep_avg: task.sleep_avg,
        };
        ctx.emit(&child, event);
    }

    fn penalise_child(&mut self, child: TaskId) {
        let task = &mut self.tasks[child];
        task.sleep_avg = sleep_avgs_after_fork(task.sleep_avg, &self.tunables).0;
        task.prio = effective_prio(task).prio;
    }

    fn place(&mut self, ctx: &Ctx, current: TaskId, child: TaskId, placement: Placement) {
        match placement {
            Placement::BeforeParent => {
                hit!(new_task_before_its_parent);
                // The child runs first: if it calls exec at once, the parent has not written yet,
                // and no page was copied in vain.
                self.insert_before_parent(current, child);
            }
            Placement::OtherCpu => {
                hit!(new_task_on_another_cpu);
                let here = self.rqs[ctx.cpu].timestamp_last_tick;
                let (tasks, rq) = self.task_rq_mut(child);
                let stamp = tasks[child].timestamp.wrapping_sub(here);
                tasks[child].timestamp = stamp.wrapping_add(rq.timestamp_last_tick);
                rq.activate_raw(tasks, child, ctx.jiffies);
                if self.resched_if_preempts(child, ctx.log.next_event()) {
                    hit!(new_task_preempts_on_another_cpu);
                }
            }
            Placement::TailSharedVm | Placement::TailByOption | Placement::ParentNotQueued => {
                match placement {
                    Placement::TailSharedVm => hit!(new_task_that_shares_memory),
                    Placement::ParentNotQueued => hit!(new_task_of_a_parent_on_no_array),
                    _ => hit!(new_task_at_the_tail_by_option),
                }
                let (tasks, rq) = self.task_rq_mut(child);
                rq.activate_raw(tasks, child, ctx.jiffies);
            }
        }
        if placement.child_first() {
            let cause = ctx.log.next_event();
            self.rqs[ctx.cpu].resched(&mut self.tasks, SwitchReason::ChildFirst, cause);
        }
    }

    /// The child takes over the parent's stored priority and its array, even the expired one.
    fn insert_before_parent(&mut self, parent: TaskId, child: TaskId) {
        let (tasks, rq) = self.task_rq_mut(child);
        rq.activate_before(tasks, child, parent);
    }

    fn emit_wakeup_new(&mut self, ctx: &mut Ctx, child: TaskId, verdict: WakeNewVerdict) {
        let (cause, stat) = (ctx.log.next_event(), self.tasks.stat_mut(child));
        stat.queued_by = cause;
        stat.context = cause;
        let task = &self.tasks[child];
        let event = TraceEvent::SchedWakeupNew {
            pid: task.pid,
            name: task.name,
            prio: task.prio,
            slice: task.time_slice,
            sleep_avg: task.sleep_avg,
            placement: verdict.placement,
            target_cpu: task.cpu,
            forced: verdict.forced,
        };
        ctx.emit(task, event);
    }

    /// The list that the child will be added to, before the insertion.
    fn list_before(&self, ctx: &Ctx, parent: TaskId, child: TaskId, to: Placement) -> PidRun {
        if !ctx.log.wants(EventKind::RunList) {
            return PidRun::default();
        }
        let rq = self.task_rq(child);
        match to {
            Placement::BeforeParent => self.pids_around(Some(parent)),
            _ => self.pids_around(rq.active().tail(&self.tasks, self.tasks[child].prio)),
        }
    }

    /// Records the child's list before and after. The event is counted even if it is filtered out:
    /// event numbers must not depend on the filter.
    fn emit_run_list(&self, ctx: &mut Ctx, child: TaskId, before: &PidRun) {
        let task = &self.tasks[child];
        let rq = self.task_rq(child);
        let index = task.array.unwrap_or(rq.active_index());
        let mut after = PidRun::default();
        if ctx.log.wants(EventKind::RunList) {
            after = self.pids_around(Some(child));
        }
        let event = TraceEvent::RunList {
            prio: task.prio,
            array: rq.kind(index),
            before: ctx.log.keep_pids(before),
            after: ctx.log.keep_pids(&after),
        };
        ctx.emit(task, event);
    }

    /// The members of a list around one of them: lists can be long, and only a few are shown.
    fn pids_around(&self, member: Option<TaskId>) -> PidRun {
        let mut run = PidRun::default();
        let Some(mut first) = member else {
            return run;
        };
        for _ in 0..SHOWN_BEFORE {
            first = self.tasks.before(first).unwrap_or(first);
        }
        run.cut_before = self.tasks.before(first).is_some();
        for id in successors(Some(first), |id| self.tasks.after(*id)) {
            if !run.push(self.tasks[id].pid) {
                break;
            }
        }
        run
    }
}
