//! The invariants of the runqueues, checked in full. Slow: for tests.

use super::{PrioArray, RunQueue, SchedTask, Scheduler};
use crate::abi::{MAX_PRIO, TaskId, TaskState};

impl Scheduler {
    /// Checks that bitmaps, lists, counts and the tasks' own links agree.
    ///
    /// # Errors
    ///
    /// The first disagreement, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut queued = 0;
        for (cpu, rq) in self.rqs.iter().enumerate() {
            queued += self
                .check_rq(cpu, rq)
                .map_err(|what| format!("CPU {cpu}: {what}"))?;
        }
        let sleeps = |t: &&SchedTask| t.state == TaskState::UNINTERRUPTIBLE && !t.is_queued();
        let sleepers = self.tasks.values().filter(sleeps).count();
        let counted: i32 = self.rqs.iter().map(|rq| rq.nr_uninterruptible).sum();
        demand(i32::try_from(sleepers) == Ok(counted), || {
            format!("nr_uninterruptible {counted}, {sleepers} tasks sleep so")
        })?;
        let claimed = self.tasks.values().filter(|t| t.is_queued()).count();
        demand(queued == claimed, || {
            format!("{queued} tasks in lists, {claimed} say so")
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

    /// Checks the links of one list and its bit; returns the number of members.
    fn check_list(&self, array: &PrioArray, prio: u8) -> Result<usize, String> {
        let mut last: Option<TaskId> = None;
        let mut members = 0;
        for id in array.members(&self.tasks, prio) {
            let prev = self.tasks[id].run_list.prev;
            demand(prev == last, || {
                format!("list {prio}: {prev:?} before {id:?}, not {last:?}")
            })?;
            last = Some(id);
            members += 1;
        }
        demand(array.tail(prio) == last, || {
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
