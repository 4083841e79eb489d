//! Moves that require a migration thread: tasks that may no longer stay on their CPU, tasks that
//! call exec, and active balancing.

use super::balance::Move;
use super::domain::{SdFlags, cpu_map, cpus_of};
use super::imbalance::{IdleType, exec_moves};
use super::{Ctx, SchedTask, Scheduler};
use crate::abi::{MAX_RT_PRIO, Name, Pid, Policy, TaskId, TaskState, rt_priority_to_prio};
use crate::trace::MigrateReason;

/// A request to a migration thread: move a task off its CPU.
///
/// Linux 2.6.12: `kernel/sched.c`, `migration_req_t`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MigrationReq {
    task: TaskId,
    dest: usize,
    why: MigrateReason,
    waiter: TaskId,
}

/// How a change of affinity, or a move at exec, continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Migration {
    /// The move is complete.
    Done,
    /// The caller waits, in TASK_UNINTERRUPTIBLE, until the migration thread has moved the task.
    Wait,
}

/// No CPU of the mask is online.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoCpu;

impl Scheduler {
    /// Makes the task the migration thread of `cpu`, asleep: bound to that CPU and with the best
    /// priority.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `migration_call()`.
    pub(super) fn add_migration_thread(&mut self, cpu: usize, id: TaskId, pid: Pid, name: Name) {
        let mut task = SchedTask::new(pid, name);
        task.state = TaskState::INTERRUPTIBLE;
        task.policy = Policy::Fifo;
        task.rt_priority = MAX_RT_PRIO - 1;
        task.prio = rt_priority_to_prio(u32::from(task.rt_priority));
        task.cpu = cpu as u8;
        task.cpus_allowed = 1 << cpu;
        self.insert(id, task);
        self.rqs[cpu].migration_thread = Some(id);
    }

    /// Whether the task is the migration thread of its CPU.
    #[inline]
    pub(in crate::kernel) fn is_migration_thread(&self, id: TaskId) -> bool {
        self.rqs.len() > 1 && self.task_rq(id).migration_thread == Some(id)
    }

    /// Wakes the migration thread of a CPU for active balancing, unless it has been asked already.
    pub(super) fn ask_for_active_balance(&mut self, ctx: &mut Ctx, busiest: usize) {
        let rq = &mut self.rqs[busiest];
        if rq.active_balance {
            return;
        }
        rq.active_balance = true;
        rq.push_cpu = ctx.cpu as u8;
        self.wake_migration_thread(ctx, busiest);
    }

    fn wake_migration_thread(&mut self, ctx: &mut Ctx, cpu: usize) {
        if let Some(thread) = self.rqs[cpu].migration_thread {
            self.wake_up_process(ctx, thread);
        }
    }

    /// One round of this CPU's migration thread, which is running. Returns the task that waited for
    /// a move; `None` if no request is left and the thread is to sleep.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `migration_thread()`.
    pub(super) fn migration_round(&mut self, ctx: &mut Ctx) -> Option<TaskId> {
        let cpu = ctx.cpu;
        if self.rqs[cpu].active_balance {
            self.active_load_balance(ctx);
            // Only now: meanwhile the CPU must not be asked a second time.
            self.rqs[cpu].active_balance = false;
        }
        let req = self.rqs[cpu].migration_queue.pop()?;
        self.migrate_task(ctx, &req);
        Some(req.waiter)
    }

    /// Pushes waiting tasks of this CPU to idle CPUs, one to each.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `active_load_balance()`.
    fn active_load_balance(&mut self, ctx: &mut Ctx) {
        let cpu = ctx.cpu;
        let mut visited = 0_u32;
        for level in 0..self.domains[cpu].len() {
            if !self.domains[cpu][level]
                .flags
                .contains(SdFlags::LOAD_BALANCE)
            {
                return;
            }
            self.domains[cpu][level].stat.alb_cnt += 1;
            for group in 0..self.domains[cpu][level].groups.len() {
                for to in cpus_of(self.domains[cpu][level].groups[group].cpumask) {
                    if self.rqs[cpu].nr_running() <= 1 {
                        return;
                    }
                    if visited >> to & 1 != 0 {
                        continue;
                    }
                    visited |= 1 << to;
                    if self.is_idle(to) && to != cpu {
                        let push = Move {
                            from: cpu,
                            to,
                            tasks: 1,
                            domain: (cpu, level),
                            idle: IdleType::Idle,
                            why: MigrateReason::Active,
                        };
                        let moved = self.move_tasks(ctx, push);
                        let stat = &mut self.domains[cpu][level].stat;
                        stat.alb_pushed += moved;
                        stat.alb_failed += u32::from(moved == 0);
                    }
                }
            }
        }
    }

    /// Moves a task off this CPU, unless it has left in the meantime, or may no longer run there.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `__migrate_task()`.
    fn migrate_task(&mut self, ctx: &mut Ctx, req: &MigrationReq) {
        let (p, dest) = (req.task, req.dest);
        let Some(task) = self.tasks.get(p) else {
            return;
        };
        if usize::from(task.cpu) != ctx.cpu || task.cpus_allowed >> dest & 1 == 0 {
            return;
        }
        if !task.is_queued() {
            self.set_task_cpu(ctx, p, dest, req.why);
            return;
        }
        self.rebase_timestamp(p, dest);
        let (tasks, rq) = self.task_rq_mut(p);
        rq.deactivate(tasks, p);
        self.set_task_cpu(ctx, p, dest, req.why);
        self.activate_task(ctx, p);
        self.resched_if_preempts(p, ctx.log.last_event());
    }

    /// Changes the CPUs that a task may run on. `waiter` is the calling task: if it must wait, it
    /// sleeps next.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `set_cpus_allowed()`.
    ///
    /// A kernel for one CPU only checks the mask.
    ///
    /// # Errors
    /// No CPU of the mask is online; nothing is changed then.
    pub(super) fn set_cpus_allowed(
        &mut self,
        ctx: &mut Ctx,
        p: TaskId,
        mask: u32,
        waiter: TaskId,
    ) -> Result<Migration, NoCpu> {
        let online = mask & cpu_map(self.rqs.len());
        if online == 0 {
            return Err(NoCpu);
        }
        if self.rqs.len() == 1 {
            return Ok(Migration::Done);
        }
        let task = &mut self.tasks[p];
        // Before the move, which the migration thread makes only to a CPU that is allowed.
        task.cpus_allowed = mask;
        if mask >> task.cpu & 1 != 0 {
            return Ok(Migration::Done);
        }
        let req = MigrationReq {
            task: p,
            dest: online.trailing_zeros() as usize,
            why: MigrateReason::Affinity,
            waiter,
        };
        Ok(self.request_migration(ctx, req))
    }

    /// Moves a task at once if it neither runs nor is queued; otherwise asks the migration thread.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `migrate_task()`.
    fn request_migration(&mut self, ctx: &mut Ctx, req: MigrationReq) -> Migration {
        let cpu = usize::from(self.tasks[req.task].cpu);
        let rq = &mut self.rqs[cpu];
        if !self.tasks[req.task].is_queued() && rq.curr != req.task {
            self.set_task_cpu(ctx, req.task, req.dest, req.why);
            return Migration::Done;
        }
        // The latest request comes first. It is queued before the thread wakes, which goes to sleep
        // again if it finds none.
        rq.migration_queue.push(req);
        self.wake_migration_thread(ctx, cpu);
        Migration::Wait
    }

    /// The least loaded CPU, if the running task of `cpu` should move there when it calls exec.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_exec()`, `find_idlest_cpu()`.
    pub(super) fn exec_cpu(&self, cpu: usize) -> Option<usize> {
        let sd = &self.domains[cpu][self.exec_level(cpu)?];
        let allowed = sd.span & self.tasks[self.rqs[cpu].curr].cpus_allowed;
        let (idlest, min_load) = cpus_of(allowed)
            .map(|cpu| (cpu, self.target_load(cpu)))
            .min_by_key(|(_, load)| *load)?;
        let moves = exec_moves(self.source_load(cpu), min_load, sd.imbalance_pct);
        (moves && idlest != cpu).then_some(idlest)
    }

    /// The domain within which `cpu` balances at exec: the highest that has the flag. `None` if the
    /// running task is alone there.
    fn exec_level(&self, cpu: usize) -> Option<usize> {
        if self.rqs[cpu].nr_running() <= 1 {
            return None;
        }
        let mut domains = self.domains[cpu].iter();
        domains.rposition(|sd| sd.flags.contains(SdFlags::BALANCE_EXEC))
    }

    /// Balances the load at exec: requests a move of the running task of this CPU if that pays. The
    /// task sleeps next if it must wait.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_exec()`, `sched_migrate_task()`.
    pub(super) fn sched_exec(&mut self, ctx: &mut Ctx) -> Migration {
        let Some(level) = self.exec_level(ctx.cpu) else {
            return Migration::Done;
        };
        let dest = self.exec_cpu(ctx.cpu);
        let stat = &mut self.domains[ctx.cpu][level].stat;
        stat.sbe_attempts += 1;
        stat.sbe_pushed += u32::from(dest.is_some());
        let Some(dest) = dest else {
            return Migration::Done;
        };
        let current = self.rqs[ctx.cpu].curr;
        let req = MigrationReq {
            task: current,
            dest,
            why: MigrateReason::Exec,
            waiter: current,
        };
        self.request_migration(ctx, req)
    }
}
