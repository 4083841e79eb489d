//! The invariants of the runqueues, checked in full. Slow, for tests only.

use super::{PrioArray, RunQueue, SchedDomain, SchedTask, Scheduler};
use crate::abi::{MAX_PRIO, TaskId, TaskState};

impl Scheduler {
    /// Checks that bitmaps, lists, counts and the tasks' own links agree.
    ///
    /// # Errors
    ///
    /// A description of the first disagreement.
    pub fn check(&self) -> Result<(), String> {
        let mut queued = 0;
        for (cpu, rq) in self.rqs.iter().enumerate() {
            let name = |what| format!("CPU {cpu}: {what}");
            queued += self.check_rq(cpu, rq).map_err(name)?;
            self.check_balancing(cpu, rq).map_err(name)?;
        }
        let sleeps = |t: &&SchedTask| t.state == TaskState::UNINTERRUPTIBLE && !t.is_queued();
        let sleepers = self.tasks.values().filter(sleeps).count();
        let counted: i32 = self.rqs.iter().map(|rq| rq.nr_uninterruptible).sum();
        demand(i32::try_from(sleepers) == Ok(counted), || {
            format!(
                "nr_uninterruptible is {counted}, but {sleepers} tasks are in an \
                 uninterruptible sleep"
            )
        })?;
        let claimed = self.tasks.values().filter(|t| t.is_queued()).count();
        demand(queued == claimed, || {
            format!("{queued} tasks are in lists, but {claimed} are marked as queued")
        })
    }

    fn check_rq(&self, cpu: usize, rq: &RunQueue) -> Result<usize, String> {
        let mut total = 0;
        for index in [0, 1] {
            let array = rq.array(index);
            let mut members = 0;
            for prio in 0..MAX_PRIO {
                members += self.check_list(array, prio)?;
                for id in array.members(&self.tasks, prio) {
                    let task = &self.tasks[id];
                    let place = (task.array, task.prio, usize::from(task.cpu));
                    demand(place == (Some(index), prio, cpu), || {
                        format!("{task:?} is in array {index}, list {prio}")
                    })?;
                }
            }
            demand(members == array.nr_active() as usize, || {
                format!("nr_active {} of {members} members", array.nr_active())
            })?;
            demand(array.bitmap()[4] >> 12 == 1, || {
                "the delimiter bit is not set, or one beyond it is".into()
            })?;
            total += members;
        }
        demand(rq.nr_running as usize == total, || {
            format!("nr_running {}, {total} members", rq.nr_running)
        })?;
        Ok(total)
    }

    /// Checks the balancing state of a CPU, or that a lone CPU has none.
    fn check_balancing(&self, cpu: usize, rq: &RunQueue) -> Result<(), String> {
        let domains = &self.domains[cpu];
        let Some(thread) = rq.migration_thread else {
            let bare = domains.is_empty() && rq.cpu_load == 0 && self.rqs.len() == 1;
            return demand(bare, || "balances without a migration thread".into());
        };
        for sd in domains {
            self.check_domain(cpu, sd)?;
        }
        let thread = &self.tasks[thread];
        let place = (thread.prio, thread.cpu, thread.cpus_allowed);
        demand(place == (0, cpu as u8, 1 << cpu), || {
            format!("its migration thread is {thread:?}")
        })?;
        let asked = rq.active_balance || !rq.migration_queue.is_empty();
        demand(!asked || thread.is_queued(), || {
            "its migration thread sleeps, but was asked for something".into()
        })?;
        demand(
            rq.curr == rq.idle || self.tasks[rq.curr].is_queued(),
            || format!("runs {:?}, which is not runnable", self.tasks[rq.curr]),
        )
    }

    /// Checks that the groups of a domain divide its CPUs, and its intervals and failures.
    fn check_domain(&self, cpu: usize, sd: &SchedDomain) -> Result<(), String> {
        let mut covered = 0;
        for group in &sd.groups {
            demand(group.cpumask & covered == 0, || {
                format!("two groups share CPUs: {sd:?}")
            })?;
            covered |= group.cpumask;
        }
        let first = sd.groups.first().map_or(0, |group| group.cpumask);
        demand(covered == sd.span && first >> cpu & 1 == 1, || {
            format!("groups of another CPU: {sd:?}")
        })?;
        let intervals = sd.min_interval..2 * sd.max_interval;
        demand(intervals.contains(&sd.balance_interval), || {
            format!("interval {}", sd.balance_interval)
        })?;
        demand(sd.nr_balance_failed <= sd.cache_nice_tries + 2, || {
            format!("{} balancings failed", sd.nr_balance_failed)
        })
    }

    /// Checks the links of one list and its bit; returns the number of members.
    fn check_list(&self, array: &PrioArray, prio: u8) -> Result<usize, String> {
        let mut last: Option<TaskId> = None;
        let mut members = 0;
        for id in array.members(&self.tasks, prio) {
            let prev = self.tasks.before(id);
            demand(prev == last, || {
                format!("list {prio}: {prev:?} before {id:?}, not {last:?}")
            })?;
            last = Some(id);
            members += 1;
        }
        demand(array.tail(&self.tasks, prio) == last, || {
            format!("list {prio} has a wrong tail")
        })?;
        let bit = array.bitmap()[usize::from(prio / 32)] >> (prio % 32) & 1;
        demand((bit == 1) == (members > 0), || {
            format!("bit {prio} is {bit} for {members} members")
        })?;
        Ok(members)
    }
}

fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
