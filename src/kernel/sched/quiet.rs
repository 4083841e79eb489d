//! Quiet ticks: those at which the scheduler decides nothing. The running tasks are charged and
//! loads decay or grow, but nothing else changes, so any number of them can pass in one step.

use super::{RunQueue, SchedTask, Scheduler};
use crate::abi::Policy;

impl Scheduler {
    /// How many of the ticks after `jiffies` are quiet, provided that no task is woken, created or
    /// exits before: no slice expires, no turn goes to an equal, no CPU balances. There may be more
    /// of them; 0 means that the next tick must be handled.
    pub fn quiet_ticks(&self, jiffies: u32) -> u64 {
        let undisturbed = self.rqs.iter().map(|rq| self.undisturbed(rq));
        let quiet = undisturbed.min().unwrap_or(0);
        // While every CPU is idle, balancing finds nothing; its intervals are caught up later.
        let alone = self.cpus() == 1;
        if quiet == 0 || alone || (0..self.cpus()).all(|cpu| self.is_idle(cpu)) {
            return quiet;
        }
        (0..self.cpus())
            .filter_map(|cpu| self.next_balance(cpu, jiffies))
            .map(|ticks| u64::from(ticks) - 1)
            .fold(quiet, u64::min)
    }

    /// For how many ticks the running task of a CPU goes on as it is.
    fn undisturbed(&self, rq: &RunQueue) -> u64 {
        let curr = &self.tasks[rq.curr];
        if curr.need_resched() {
            0
        } else if rq.curr == rq.idle {
            u64::MAX
        } else if curr.array != Some(rq.active_index()) {
            0
        } else {
            self.ticks_within_slice(curr)
        }
    }

    /// Ticks before the one at which a running task's slice expires or the task is requeued.
    fn ticks_within_slice(&self, p: &SchedTask) -> u64 {
        match p.policy {
            Policy::Fifo => return u64::MAX,
            Policy::RoundRobin => return u64::from(p.time_slice.saturating_sub(1)),
            Policy::Normal if self.rules_see_each_tick() => return 0,
            Policy::Normal => {}
        }
        let requeue = self.tunables.ticks_to_requeue(p, self.cpus() as u32);
        let next = requeue.unwrap_or(p.time_slice);
        u64::from(next.saturating_sub(1))
    }

    /// Has the effect of so many ticks, all of them quiet. `now` (ns) is `sched_clock()` at the
    /// last of them, `jiffies` the number of the first.
    pub fn pass_quiet_ticks(&mut self, ticks: u64, now: u64, jiffies: u32) {
        let all_idle = (0..self.cpus()).all(|cpu| self.is_idle(cpu));
        for rq in &mut self.rqs {
            let (task, stat) = self.tasks.both_mut(rq.curr);
            stat.update_cpu_clock(task.timestamp, rq.timestamp_last_tick, now);
            rq.timestamp_last_tick = now;
            if rq.curr != rq.idle && task.policy != Policy::Fifo {
                task.time_slice -= ticks as u32;
            }
        }
        if all_idle {
            self.skip_idle_ticks(jiffies, ticks);
        } else if self.cpus() > 1 {
            self.rqs
                .iter_mut()
                .for_each(|rq| rq.update_cpu_load_often(ticks));
        }
    }
}
