//! Which tasks run before a waiting task, and for how long the tick lets each of them have the CPU.
//! Explanations and forecasts are based on this; it calls the same functions as the tick.

use super::prio::{NS_MAX_SLEEP_AVG, NS_PER_TICK};
use super::runqueue::RunQueue;
use super::task::SchedTask;
use super::{Ctx, IdleType, SchedDomain, Scheduler, Tunables};
use crate::abi::{MAX_RT_PRIO, Policy, TaskId};
use crate::trace::{ArrayKind, TraceFilter, TraceLog};
use std::cmp::Ordering;

/// A task that has a CPU, or will get it before another one that waits for the same CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ahead {
    /// The task that runs before the waiting one.
    pub task: TaskId,
    /// It has the CPU now.
    pub running: bool,
    /// The array that it is linked in.
    pub array: ArrayKind,
    /// When the tick queues it behind the one that waits.
    pub turn: Turn,
}

/// When the tick makes a task give way to one that waits behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// When its slice has expired, after so many ticks.
    Slice(u32),
    /// By the granularity rule within its slice, after so many ticks.
    Granularity(u32),
    /// Never: it is a real-time task of a better priority, or it has no slice.
    Endless,
}

impl Turn {
    /// The ticks of CPU; `None` if there is no end.
    pub const fn ticks(self) -> Option<u32> {
        match self {
            Self::Slice(ticks) | Self::Granularity(ticks) => Some(ticks),
            Self::Endless => None,
        }
    }
}

impl Scheduler {
    /// The tasks that run before `p`, a runnable task that is not running: the running one, then
    /// those that `schedule` would pick before it, in that order.
    pub fn ahead_of(&self, p: TaskId) -> Vec<Ahead> {
        let rq = self.task_rq(p);
        let waiting = &self.tasks[p];
        let Some(kind) = waiting.array.map(|index| rq.kind(index)) else {
            return Vec::new();
        };
        let mut ahead: Vec<Ahead> = self.running_ahead(rq, waiting, kind).into_iter().collect();
        self.collect_ahead(rq, ArrayKind::Active, p, &mut ahead);
        if kind == ArrayKind::Expired {
            self.collect_ahead(rq, ArrayKind::Expired, p, &mut ahead);
        }
        ahead
    }

    /// The tasks that would run before `p`, a sleeping task, if it woke now with that priority on
    /// that CPU.
    pub fn ahead_of_woken(&self, cpu: usize, p: TaskId, prio: u8) -> Vec<Ahead> {
        let rq = &self.rqs[cpu];
        let woken = SchedTask {
            prio,
            ..self.tasks[p].clone()
        };
        let kind = ArrayKind::Active;
        let mut ahead: Vec<Ahead> = self.running_ahead(rq, &woken, kind).into_iter().collect();
        for level in 0..=prio {
            for task in rq.active().members(&self.tasks, level) {
                if task != rq.curr {
                    ahead.push(self.ahead(rq, task, &woken, kind));
                }
            }
        }
        ahead
    }

    fn running_ahead(&self, rq: &RunQueue, waiting: &SchedTask, kind: ArrayKind) -> Option<Ahead> {
        (rq.curr != rq.idle).then(|| self.ahead(rq, rq.curr, waiting, kind))
    }

    /// Appends the members of an array up to `p`, except the running task.
    fn collect_ahead(&self, rq: &RunQueue, array: ArrayKind, p: TaskId, ahead: &mut Vec<Ahead>) {
        let waiting = &self.tasks[p];
        let kind = waiting.array.map_or(array, |index| rq.kind(index));
        let last = if kind == array { waiting.prio } else { u8::MAX };
        let mut level = rq.array_of(array).level_from(0);
        while let Some(prio) = level.filter(|prio| *prio <= last) {
            for task in rq.array_of(array).members(&self.tasks, prio) {
                if task == p {
                    return;
                }
                if task != rq.curr {
                    ahead.push(self.ahead(rq, task, waiting, kind));
                }
            }
            level = rq.array_of(array).level_from(prio + 1);
        }
    }

    fn ahead(&self, rq: &RunQueue, task: TaskId, waiting: &SchedTask, kind: ArrayKind) -> Ahead {
        let fields = &self.tasks[task];
        let array = fields
            .array
            .map_or(ArrayKind::Active, |index| rq.kind(index));
        let online_cpus = self.rqs.len() as u32;
        let rival = (array == kind).then_some(waiting.prio);
        Ahead {
            task,
            running: task == rq.curr,
            array,
            turn: turn(&self.tunables, fields, rival, online_cpus),
        }
    }

    /// When the tick would make the running task of a CPU give way to an equal.
    pub fn turn_of_current(&self, cpu: usize) -> Turn {
        let curr = &self.tasks[self.rqs[cpu].curr];
        let online_cpus = self.rqs.len() as u32;
        turn(&self.tunables, curr, Some(curr.prio), online_cpus)
    }

    /// Runs a copy of the scheduler for at most so many ticks, or until `awaited` has that CPU,
    /// assuming that no task sleeps, wakes or is created. `now` is `sched_clock()` in ns. Returns
    /// the ticks that passed, and who has the CPU then.
    pub fn forecast(
        &self,
        cpu: usize,
        (now, jiffies): (u64, u32),
        ticks: u32,
        awaited: Option<TaskId>,
    ) -> (u32, TaskId) {
        let mut copy = self.clone();
        let mut log = TraceLog::default();
        log.filter = TraceFilter::NONE;
        let clock = |tick: u32| now + u64::from(tick) * u64::from(NS_PER_TICK);
        let mut tick = 0;
        while tick < ticks {
            let alone = self.cpus() == 1;
            let quiet = match copy.quiet_ticks(jiffies.wrapping_add(tick)) {
                quiet if alone && quiet > 1 => quiet.min((ticks - tick).into()) as u32,
                _ => 0,
            };
            if quiet > 0 {
                let first = jiffies.wrapping_add(tick + 1);
                tick += quiet;
                copy.pass_quiet_ticks(quiet.into(), clock(tick), first);
                continue;
            }
            tick += 1;
            let mut ctx = Ctx {
                cpu,
                now: clock(tick),
                tick: 0,
                jiffies: jiffies.wrapping_add(tick),
                in_interrupt: false,
                log: &mut log,
            };
            copy.scheduler_tick(&mut ctx);
            while copy.need_resched(cpu) {
                copy.schedule(&mut ctx);
            }
            if awaited == Some(copy.current(cpu)) {
                return (tick, copy.current(cpu));
            }
        }
        (ticks, copy.current(cpu))
    }

    /// Which task `schedule` would pick if the running task of a CPU left now, not counting tasks
    /// that balancing would bring; `None` if no other is runnable there.
    pub fn next_after_current(&self, cpu: usize) -> Option<TaskId> {
        let rq = &self.rqs[cpu];
        [rq.active(), rq.expired()].into_iter().find_map(|array| {
            let mut level = array.level_from(0);
            while let Some(prio) = level {
                let mut members = array.members(&self.tasks, prio);
                if let Some(next) = members.find(|id| *id != rq.curr) {
                    return Some(next);
                }
                level = array.level_from(prio + 1);
            }
            None
        })
    }

    /// Whether `schedule` would pick the first of two runnable tasks of a CPU before the other one.
    pub fn is_before(&self, first: TaskId, other: TaskId) -> bool {
        let rank = |id: TaskId| {
            let task = &self.tasks[id];
            let expired = self.array(id) == Some(ArrayKind::Expired);
            (expired, task.prio)
        };
        match rank(first).cmp(&rank(other)) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => {
                let rq = self.task_rq(first);
                let (_, prio) = rank(first);
                let kind = self.array(first).unwrap_or(ArrayKind::Active);
                let mut list = rq.array_of(kind).members(&self.tasks, prio);
                list.find(|id| *id == first || *id == other) == Some(first)
            }
        }
    }

    /// Ticks until this CPU next balances its load, if it stays idle or busy as it is; `None` on a
    /// machine with one CPU.
    pub fn next_balance(&self, cpu: usize, jiffies: u32) -> Option<u32> {
        let idle = if self.is_idle(cpu) {
            IdleType::Idle
        } else {
            IdleType::NotIdle
        };
        let now = self.balance_clock(cpu, jiffies);
        let until = |sd: &SchedDomain| {
            let passed = now.wrapping_sub(sd.last_balance);
            sd.interval(idle).saturating_sub(passed).max(1)
        };
        self.domains[cpu].iter().map(until).min()
    }
}

/// When the tick makes `p` give way to a task that waits, of which the priority is given if it is
/// in the same array.
///
/// A task that was woken and not picked since gets its wait credited when it is picked. Its sleep
/// average and priority then are not known, so the smallest possible credit is assumed.
fn turn(tunables: &Tunables, p: &SchedTask, rival: Option<u8>, online_cpus: u32) -> Turn {
    let equals = rival == Some(p.prio);
    if p.is_rt() {
        return match p.policy {
            Policy::RoundRobin if equals => Turn::Slice(p.time_slice),
            _ => Turn::Endless,
        };
    }
    let mut task = p.clone();
    let credited = task.activated > 0;
    if credited {
        task.sleep_avg = NS_MAX_SLEEP_AVG;
        task.prio = MAX_RT_PRIO;
    }
    match tunables.ticks_to_requeue(&task, online_cpus) {
        Some(ticks) if equals || credited => Turn::Granularity(ticks),
        _ => Turn::Slice(task.time_slice),
    }
}
