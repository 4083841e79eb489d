//! What is counted of tasks, and no decision looks at: CPU time, switches, and how long they run and
//! wait for a CPU, which is the accounting behind `/proc/PID/schedstat` and the last three numbers
//! of a CPU in `/proc/schedstat`.
//!
//! A wait begins when a task is appended to a priority list, and ends when it gets the CPU. Time
//! spent waiting after a preemption does not count: a preempted task keeps its place in its list.
//! Nor does a wait that begins when `jiffies` is 0: that value means "not queued".

use super::runqueue::RunQueue;
use super::table::Tasks;
use crate::abi::TaskId;
use crate::trace::Cause;

/// What is counted of a task.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SchedStat {
    /// CPU time used, ns.
    pub sched_time: u64,
    /// Voluntary context switches: it went to sleep.
    pub nvcsw: u32,
    /// Involuntary context switches: it was preempted, or yielded.
    pub nivcsw: u32,
    /// Run time and run delay, for `/proc/PID/schedstat`.
    pub sched_info: SchedInfo,
    /// The event that has put it on its runqueue, or has last moved it there.
    pub queued_by: Cause,
    /// What it does comes of this, once it runs again: its context in the trace.
    pub context: Cause,
}

/// The figures of a task. Times are in ticks.
///
/// Linux 2.6.12: `include/linux/sched.h`, `struct sched_info`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SchedInfo {
    /// CPU time up to the last call of `schedule` on its CPU.
    pub cpu_time: u32,
    /// Time spent in priority lists before it got the CPU.
    pub run_delay: u32,
    /// Number of times it got the CPU.
    pub pcnt: u32,
    /// `jiffies` when it last got the CPU.
    pub last_arrival: u32,
    /// `jiffies` when it was put in a list for its next turn; 0 if it was not.
    pub last_queued: u32,
}

/// Sums for a runqueue, over all tasks that it has run. Times are in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RqSchedInfo {
    /// CPU time of tasks.
    pub cpu_time: u32,
    /// Time that tasks spent in priority lists before they got the CPU.
    pub run_delay: u32,
    /// How often a task got the CPU.
    pub pcnt: u32,
}

impl SchedStat {
    /// Records that the task is queued.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_info_queued()`.
    #[inline]
    pub(super) const fn sched_info_queued(&mut self, jiffies: u32) {
        if self.sched_info.last_queued == 0 {
            self.sched_info.last_queued = jiffies;
        }
    }

    /// Accounts the CPU time since the task was switched to (`timestamp`) or since the last tick,
    /// whichever is later.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `update_cpu_clock()`.
    #[inline]
    pub(super) fn update_cpu_clock(&mut self, timestamp: u64, timestamp_last_tick: u64, now: u64) {
        let since = timestamp.max(timestamp_last_tick);
        self.sched_time = self.sched_time.wrapping_add(now.wrapping_sub(since));
    }
}

impl RunQueue {
    /// Records that the CPU passes from `prev` to `next`, which may be the same task. The idle task
    /// is not accounted.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sched_info_switch()`.
    #[inline]
    pub(super) fn sched_info_switch(
        &mut self,
        tasks: &mut Tasks,
        prev: TaskId,
        next: TaskId,
        jiffies: u32,
    ) {
        if prev != self.idle {
            self.sched_info_depart(&mut tasks.stat_mut(prev).sched_info, jiffies);
        }
        if next != self.idle {
            self.sched_info_arrive(&mut tasks.stat_mut(next).sched_info, jiffies);
        }
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sched_info_depart()`.
    const fn sched_info_depart(&mut self, task: &mut SchedInfo, jiffies: u32) {
        let ran = jiffies.wrapping_sub(task.last_arrival);
        task.cpu_time = task.cpu_time.wrapping_add(ran);
        let rq = &mut self.stat.sched_info;
        rq.cpu_time = rq.cpu_time.wrapping_add(ran);
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sched_info_arrive()`.
    const fn sched_info_arrive(&mut self, task: &mut SchedInfo, jiffies: u32) {
        let waited = match task.last_queued {
            0 => 0,
            since => jiffies.wrapping_sub(since),
        };
        task.last_queued = 0;
        task.run_delay = task.run_delay.wrapping_add(waited);
        task.last_arrival = jiffies;
        task.pcnt = task.pcnt.wrapping_add(1);
        let rq = &mut self.stat.sched_info;
        rq.run_delay = rq.run_delay.wrapping_add(waited);
        rq.pcnt = rq.pcnt.wrapping_add(1);
    }
}
