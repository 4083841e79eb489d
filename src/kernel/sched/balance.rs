//! Balancing the load of several CPUs: at ticks, and when a CPU is about to go idle. The decisions
//! are those of `imbalance`; this is where tasks are moved.

use super::domain::{SCHED_LOAD_SCALE, SdFlags, cpus_of, task_hot};
use super::imbalance::{
    BusiestGroup, GroupLoad, IdleType, Target, can_migrate_task, find_busiest_group,
};
use super::{Ctx, Scheduler};
use crate::abi::{HZ, TaskId};
use crate::trace::{ArrayKind, MigrateReason, TraceEvent};

/// From which CPU to which one tasks are moved, how many at most, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) tasks: u32,
    /// CPU and level of the domain within which it is done.
    pub(super) domain: (usize, usize),
    /// As which kind of balancing the move is counted.
    pub(super) idle: IdleType,
    pub(super) why: MigrateReason,
}

impl Scheduler {
    /// A low estimate of the load of a CPU from which tasks may be moved.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `source_load()`.
    pub(super) fn source_load(&self, cpu: usize) -> u32 {
        let rq = &self.rqs[cpu];
        rq.cpu_load.min(rq.nr_running() * SCHED_LOAD_SCALE)
    }

    /// A high estimate of the load of a CPU to which tasks may be moved.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `target_load()`.
    pub(super) fn target_load(&self, cpu: usize) -> u32 {
        let rq = &self.rqs[cpu];
        rq.cpu_load.max(rq.nr_running() * SCHED_LOAD_SCALE)
    }

    /// Whether a CPU runs its idle task.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `idle_cpu()`.
    pub(super) fn is_idle(&self, cpu: usize) -> bool {
        self.rqs[cpu].curr == self.rqs[cpu].idle
    }

    /// The busiest group of a domain of `cpu`, and how many tasks the CPU is to take from it.
    pub(super) fn busiest_group(&self, cpu: usize, level: usize, idle: IdleType) -> BusiestGroup {
        let sd = &self.domains[cpu][level];
        let loads = sd.groups.iter().map(|group| {
            let local = group.cpumask >> cpu & 1 != 0;
            let load = cpus_of(group.cpumask).map(|cpu| {
                if local {
                    self.target_load(cpu)
                } else {
                    self.source_load(cpu)
                }
            });
            GroupLoad {
                load: load.sum(),
                power: group.cpu_power,
                local,
            }
        });
        find_busiest_group(loads, sd.imbalance_pct, idle)
    }

    /// The most loaded CPU of a mask; `None` if none has any load.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `find_busiest_queue()`.
    fn find_busiest_queue(&self, cpumask: u32) -> Option<usize> {
        let mut busiest = (0, None);
        for cpu in cpus_of(cpumask) {
            let load = self.source_load(cpu);
            if load > busiest.0 {
                busiest = (load, Some(cpu));
            }
        }
        busiest.1
    }

    /// From which CPU to take how many tasks. `None` if the domain is balanced.
    fn find_busiest(&mut self, cpu: usize, level: usize, idle: IdleType) -> Option<(usize, u32)> {
        let BusiestGroup { group, tasks, .. } = self.busiest_group(cpu, level, idle);
        let Some(group) = group else {
            self.domains[cpu][level].stat.found_no_group(idle, 1);
            return None;
        };
        let mask = self.domains[cpu][level].groups[group].cpumask;
        let busiest = self.find_busiest_queue(mask);
        let lb = self.domains[cpu][level].stat.lb(idle);
        lb.lb_cnt += 1;
        match busiest {
            Some(_) => lb.lb_imbalance += tasks,
            None => {
                lb.lb_nobusyq += 1;
                lb.lb_balanced += 1;
            }
        }
        Some((busiest?, tasks))
    }

    /// Updates this CPU's load, and balances each of its domains whose interval is over.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `rebalance_tick()`.
    pub(super) fn rebalance_tick(&mut self, ctx: &mut Ctx, mut idle: IdleType) {
        let cpu = ctx.cpu;
        if self.domains[cpu].is_empty() {
            return;
        }
        self.rqs[cpu].update_cpu_load();
        let now = self.balance_clock(cpu, ctx.jiffies);
        for level in 0..self.domains[cpu].len() {
            let sd = &self.domains[cpu][level];
            let interval = sd.interval(idle);
            if !sd.flags.contains(SdFlags::LOAD_BALANCE)
                || now.wrapping_sub(sd.last_balance) < interval
            {
                continue;
            }
            // A CPU that has got a task is not idle any more for the domains above.
            if self.load_balance(ctx, level, idle) > 0 {
                idle = IdleType::NotIdle;
            }
            // Not the current time: missed intervals are caught up, one per tick.
            let sd = &mut self.domains[cpu][level];
            sd.last_balance = sd.last_balance.wrapping_add(interval);
        }
    }

    /// `jiffies` for balancing, offset by CPU so that the CPUs do not all balance at once.
    pub(super) fn balance_clock(&self, cpu: usize, jiffies: u32) -> u32 {
        let offset = HZ * cpu as u32 / self.rqs.len() as u32;
        jiffies.wrapping_add(offset)
    }

    /// Takes tasks from the busiest CPU of a domain, if there is an imbalance; returns how many.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `load_balance()`.
    fn load_balance(&mut self, ctx: &mut Ctx, level: usize, idle: IdleType) -> u32 {
        let cpu = ctx.cpu;
        let Some((busiest, tasks)) = self.find_busiest(cpu, level, idle) else {
            let sd = &mut self.domains[cpu][level];
            if sd.balance_interval < sd.max_interval {
                sd.balance_interval *= 2;
            }
            return 0;
        };
        let moved = self.move_tasks(
            ctx,
            Move {
                from: busiest,
                to: cpu,
                tasks,
                domain: (cpu, level),
                idle,
                why: MigrateReason::Balance,
            },
        );
        let sd = &mut self.domains[cpu][level];
        if moved > 0 {
            sd.nr_balance_failed = 0;
            sd.balance_interval = sd.min_interval;
            return moved;
        }
        sd.stat.lb(idle).lb_failed += 1;
        sd.nr_balance_failed += 1;
        // Cache-hot tasks have been allowed for some time: what is left is most likely the running
        // task, and only the migration thread of its CPU can make that movable.
        let needs_help = sd.nr_balance_failed > sd.cache_nice_tries + 2;
        if needs_help {
            sd.nr_balance_failed = sd.cache_nice_tries;
        }
        if sd.balance_interval < sd.max_interval {
            sd.balance_interval += 1;
        }
        if needs_help {
            self.ask_for_active_balance(ctx, busiest);
        }
        0
    }

    /// This CPU is about to go idle: tries to get a task from another.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `idle_balance()` and `load_balance_newidle()`.
    pub(super) fn idle_balance(&mut self, ctx: &mut Ctx) {
        let cpu = ctx.cpu;
        for level in 0..self.domains[cpu].len() {
            let flags = self.domains[cpu][level].flags;
            if !flags.contains(SdFlags::BALANCE_NEWIDLE) {
                continue;
            }
            let Some((busiest, tasks)) = self.find_busiest(cpu, level, IdleType::NewlyIdle) else {
                continue;
            };
            let newidle = Move {
                from: busiest,
                to: cpu,
                tasks,
                domain: (cpu, level),
                idle: IdleType::NewlyIdle,
                why: MigrateReason::NewIdle,
            };
            if self.move_tasks(ctx, newidle) > 0 {
                return;
            }
            let stat = &mut self.domains[cpu][level].stat;
            stat.lb(IdleType::NewlyIdle).lb_failed += 1;
        }
    }

    /// Moves tasks: first those of the expired array, best priority first and, among equals, the
    /// last one first. Returns how many were moved.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `move_tasks()`.
    pub(super) fn move_tasks(&mut self, ctx: &mut Ctx, order: Move) -> u32 {
        if self.rqs[order.from].nr_running() <= 1 {
            return 0;
        }
        let target = self.target(&order);
        let mut moved = 0;
        // Expired tasks will not run here for a while, and are the least likely to be cache-hot.
        for kind in [ArrayKind::Expired, ArrayKind::Active] {
            let mut level = self.rqs[order.from].array_of(kind).level_from(0);
            while let Some(prio) = level {
                let mut last = self.rqs[order.from].array_of(kind).tail(&self.tasks, prio);
                while let Some(p) = last {
                    // Before the task moves, and its links with it.
                    last = self.tasks.before(p);
                    if self.may_move(p, &target) {
                        self.count_gain(p, &order);
                        self.pull_task(ctx, p, order.to, kind, order.why);
                        moved += 1;
                    }
                    if moved >= order.tasks {
                        return moved;
                    }
                }
                level = self.rqs[order.from].array_of(kind).level_from(prio + 1);
            }
        }
        moved
    }

    fn target(&self, order: &Move) -> Target {
        let (cpu, level) = order.domain;
        let sd = &self.domains[cpu][level];
        Target {
            cpu: order.to,
            idle: self.is_idle(order.to),
            cache_hot_time: sd.cache_hot_time,
            tried_enough: sd.nr_balance_failed > sd.cache_nice_tries,
        }
    }

    fn may_move(&self, p: TaskId, target: &Target) -> bool {
        let rq = self.task_rq(p);
        let running = rq.curr == p;
        can_migrate_task(&self.tasks[p], running, rq.timestamp_last_tick, target).moves()
    }

    /// Counts a task that is about to be moved.
    fn count_gain(&mut self, p: TaskId, order: &Move) {
        let (cpu, level) = order.domain;
        let last_tick = self.task_rq(p).timestamp_last_tick;
        let sd = &mut self.domains[cpu][level];
        let hot = task_hot(&self.tasks[p], last_tick, sd.cache_hot_time);
        let lb = sd.stat.lb(order.idle);
        lb.lb_gained += 1;
        lb.lb_hot_gained += u32::from(hot);
    }

    /// Moves a queued task to the same kind of array on another CPU.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `pull_task()`.
    fn pull_task(
        &mut self,
        ctx: &mut Ctx,
        p: TaskId,
        to: usize,
        kind: ArrayKind,
        why: MigrateReason,
    ) {
        let (tasks, rq) = self.task_rq_mut(p);
        rq.deactivate(tasks, p);
        // The clocks are compared while the task still belongs to the old CPU.
        self.rebase_timestamp(p, to);
        self.set_task_cpu(ctx, p, to, why);
        let (tasks, rq) = self.task_rq_mut(p);
        rq.activate_in(kind, tasks, p, ctx.jiffies);
        self.resched_if_preempts(p, ctx.log.last_event());
    }

    /// Converts `p`'s timestamp to the clock of another CPU: clocks are compared at the last tick.
    pub(super) fn rebase_timestamp(&mut self, p: TaskId, to: usize) {
        let here = self.task_rq(p).timestamp_last_tick;
        let there = self.rqs[to].timestamp_last_tick;
        let task = &mut self.tasks[p];
        task.timestamp = task.timestamp.wrapping_sub(here).wrapping_add(there);
    }

    /// Assigns a task that is not on a runqueue to another CPU.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `set_task_cpu()`.
    pub(super) fn set_task_cpu(&mut self, ctx: &mut Ctx, p: TaskId, to: usize, why: MigrateReason) {
        let task = &mut self.tasks[p];
        let event = TraceEvent::SchedMigrateTask {
            pid: task.pid,
            name: task.name,
            prio: task.prio,
            from: task.cpu,
            to: to as u8,
            why,
        };
        task.cpu = to as u8;
        self.tasks.stat_mut(p).queued_by = ctx.log.next_event();
        ctx.emit(&self.tasks[p], event);
    }

    /// Has the effect of so many ticks while every CPU is idle and no task is runnable; `jiffies`
    /// is that of the first tick. Only loads decay and intervals pass.
    pub(super) fn skip_idle_ticks(&mut self, jiffies: u32, ticks: u64) {
        for cpu in 0..self.rqs.len() {
            if self.domains[cpu].is_empty() {
                return;
            }
            let mut now = self.balance_clock(cpu, jiffies);
            let mut left = ticks;
            while left > 0 && !self.idles_steadily(cpu, now) {
                self.idle_rebalance(cpu, now);
                now = now.wrapping_add(1);
                left -= 1;
            }
            let Some(more) = left.checked_sub(1) else {
                continue;
            };
            for sd in &mut self.domains[cpu] {
                let interval = sd.interval(IdleType::Idle);
                let passed = u64::from(now.wrapping_sub(sd.last_balance)) + more;
                let times = passed / u64::from(interval);
                let whole = times * u64::from(interval);
                sd.last_balance = sd.last_balance.wrapping_add(whole as u32);
                sd.stat.found_no_group(IdleType::Idle, times as u32);
            }
        }
    }

    /// Whether ticks of an idle CPU from `now` on change nothing but the times of balancing.
    fn idles_steadily(&self, cpu: usize, now: u32) -> bool {
        let steady = self.domains[cpu].iter().all(|sd| {
            sd.balance_interval >= sd.max_interval
                && now.wrapping_sub(sd.last_balance) <= sd.interval(IdleType::Idle)
        });
        steady && self.rqs[cpu].cpu_load == 0
    }

    /// `rebalance_tick` with no task runnable on any CPU.
    fn idle_rebalance(&mut self, cpu: usize, now: u32) {
        self.rqs[cpu].update_cpu_load();
        for sd in &mut self.domains[cpu] {
            let interval = sd.interval(IdleType::Idle);
            if now.wrapping_sub(sd.last_balance) >= interval {
                if sd.balance_interval < sd.max_interval {
                    sd.balance_interval *= 2;
                }
                sd.last_balance = sd.last_balance.wrapping_add(interval);
                sd.stat.found_no_group(IdleType::Idle, 1);
            }
        }
    }
}
