//! The scheduler's arithmetic: time slices, bonus, dynamic priority, sleep average, and the tests
//! for interactivity and starvation. Pure functions that return their reasons, so that the kernel
//! and the explanations cannot disagree.

use super::runqueue::RunQueue;
use super::task::SchedTask;
use super::tunables::Tunables;
use crate::abi::{MAX_PRIO, MAX_RT_PRIO, nice_to_static_prio, static_prio_to_nice};
use cov_mark::hit;

/// ns per tick as `kernel/sched.c` counts: 10^9 / HZ.
pub const NS_PER_TICK: u32 = 1_000_000;
/// Upper bound of a sleep average, ns.
pub const NS_MAX_SLEEP_AVG: u32 = MAX_SLEEP_AVG * NS_PER_TICK;

const MAX_USER_PRIO: i32 = 40;
const PRIO_BONUS_RATIO: i32 = 25;
/// Steps of the bonus: 0..=10.
const MAX_BONUS: u32 = (MAX_USER_PRIO * PRIO_BONUS_RATIO / 100) as u32;
/// The largest sleep average, in ticks.
const MAX_SLEEP_AVG: u32 = 100 * MAX_BONUS;

/// How a dynamic priority is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrioSteps {
    /// Static priority: 120 + nice.
    pub static_prio: u8,
    /// 0..=10, from the sleep average: 5 is neutral.
    pub bonus: u8,
    /// A real-time task keeps its priority, whatever the bonus.
    pub real_time: bool,
    /// The result: `static_prio` - (`bonus` - 5), kept within 100..=139.
    pub prio: u8,
}

/// How a sleep changes the sleep average, and so the priority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SleepCredit {
    /// Credited sleep, ns: at most one second.
    pub slept: u32,
    /// Factor by which a sleep counts: the lower the bonus, the higher.
    pub multiplier: u32,
    /// Which rule applied.
    pub class: SleepClass,
    /// The 32-bit arithmetic overflowed, and made the sleep average lower than it should be.
    pub wrapped: bool,
    /// The sleep average afterwards, ns.
    pub sleep_avg: u32,
    /// The priority afterwards.
    pub prio: PrioSteps,
}

/// The rule by which a sleep is credited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SleepClass {
    /// No time passed.
    None,
    /// A long sleep of a user task: the sleep average is set to 900 ms, even if it was higher.
    Idle,
    /// An uninterruptible sleep raises the sleep average only up to `interactive_sleep`.
    Capped,
    /// The sleep times the multiplier was added.
    Added,
}

/// Why an interactive task whose slice has expired must go to the expired array all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Starving {
    /// The first expiry was `elapsed` ticks ago, which is at least `limit`.
    TooLong {
        /// Ticks since the first expiry.
        elapsed: u32,
        /// 1000 ticks per runnable task, plus one.
        limit: u32,
    },
    /// A task of the better static priority `best` waits on the expired array, or has waited there.
    BetterExpired {
        /// The runqueue's `best_expired_prio`.
        best: u8,
    },
}

impl Tunables {
    /// A full time slice in ticks, from the static priority alone.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `task_timeslice()`.
    pub const fn task_timeslice(&self, static_prio: u8) -> u32 {
        let base = if static_prio < nice_to_static_prio(0) {
            self.def_timeslice * 4
        } else {
            self.def_timeslice
        };
        let scaled = base * (MAX_PRIO - static_prio) as u32 / (MAX_USER_PRIO as u32 / 2);
        if scaled < self.min_timeslice {
            self.min_timeslice
        } else {
            scaled
        }
    }

    /// What `recalc_task_prio` makes of a task that slept from its timestamp until `now` (ns).
    ///
    /// All arithmetic is that of the i386's 32-bit `unsigned long`, overflow included.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `recalc_task_prio()`.
    #[inline]
    pub fn recalc_task_prio(&self, p: &SchedTask, now: u64) -> SleepCredit {
        let slept = now
            .wrapping_sub(p.timestamp)
            .min(u64::from(NS_MAX_SLEEP_AVG)) as u32;
        let multiplier = sleep_multiplier(p.sleep_avg);
        let threshold = self.interactive_sleep(p.static_prio);
        let (class, sleep_avg) = if slept == 0 {
            (SleepClass::None, p.sleep_avg)
        } else if p.has_mm && p.activated != -1 && slept > threshold {
            (
                SleepClass::Idle,
                NS_MAX_SLEEP_AVG - self.def_timeslice * NS_PER_TICK,
            )
        } else {
            add_sleep(p, slept.wrapping_mul(multiplier), threshold)
        };
        let unbounded = u64::from(p.sleep_avg) + u64::from(slept) * u64::from(multiplier);
        SleepCredit {
            slept,
            multiplier,
            class,
            wrapped: class == SleepClass::Added
                && unbounded > u64::from(u32::MAX)
                && sleep_avg < NS_MAX_SLEEP_AVG,
            sleep_avg,
            prio: prio_steps(p, sleep_avg),
        }
    }

    /// Whether a task goes back to the active array when its slice expires: its stored, possibly
    /// stale priority is good enough for its nice value. `TASK_INTERACTIVE()`.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `TASK_INTERACTIVE`.
    pub const fn task_interactive(&self, p: &SchedTask) -> bool {
        p.prio as i32 <= p.static_prio as i32 - self.interactive_delta(p.static_prio)
    }

    /// How much better than its static priority a task's priority must be for it to count as
    /// interactive. `DELTA()`; the division truncates toward zero.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `DELTA`.
    pub const fn interactive_delta(&self, static_prio: u8) -> i32 {
        static_prio_to_nice(static_prio) * MAX_BONUS as i32 / MAX_USER_PRIO + self.interactive_delta
    }

    /// Sleeps longer than this (ns) count as idle time rather than interaction.
    /// `INTERACTIVE_SLEEP()`.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `INTERACTIVE_SLEEP`.
    pub const fn interactive_sleep(&self, static_prio: u8) -> u32 {
        let bonus = (MAX_BONUS as i32 / 2 + self.interactive_delta(static_prio) + 1) as u32;
        (MAX_SLEEP_AVG * bonus / MAX_BONUS - 1) * NS_PER_TICK
    }

    /// After how many ticks of its slice an interactive task goes to the tail of its list.
    /// `TIMESLICE_GRANULARITY()`.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `TIMESLICE_GRANULARITY`.
    pub const fn timeslice_granularity(&self, sleep_avg: u32, online_cpus: u32) -> u32 {
        (self.granularity << (sleep_multiplier(sleep_avg) - 1)) * online_cpus
    }

    /// Whether the tasks of the expired array have waited too long for interactive tasks to go on;
    /// `curr_static_prio` is that of the running task. `EXPIRED_STARVING()`.
    ///
    /// The second condition looks at static priorities only, and not at whether anyone still waits.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `EXPIRED_STARVING`.
    pub fn expired_starving(
        &self,
        rq: &RunQueue,
        curr_static_prio: u8,
        jiffies: u32,
    ) -> Option<Starving> {
        let elapsed = jiffies.wrapping_sub(rq.expired_timestamp);
        let limit = self.starvation_limit.wrapping_mul(rq.nr_running()) + 1;
        let best = rq.best_expired_prio;
        if self.starvation_limit != 0 && rq.expired_timestamp != 0 && elapsed >= limit {
            hit!(starving_for_too_long);
            Some(Starving::TooLong { elapsed, limit })
        } else if curr_static_prio > best {
            hit!(starving_with_a_better_static_priority);
            Some(Starving::BetterExpired { best })
        } else {
            None
        }
    }
}

/// The bonus 0..=10 for a sleep average of 0..=10^9 ns: one step for every 100 ms.
/// `CURRENT_BONUS()`.
///
/// Linux 2.6.12: `kernel/sched.c`, `CURRENT_BONUS`.
#[inline]
pub const fn current_bonus(sleep_avg: u32) -> u32 {
    sleep_avg / NS_PER_TICK * MAX_BONUS / MAX_SLEEP_AVG
}

/// The sleep average, in ns, that corresponds to a bonus reduced to `percent`: what fork leaves to
/// parent (100 percent) and child (95 percent).
pub(super) const fn penalised_sleep_avg(sleep_avg: u32, percent: u32) -> u32 {
    current_bonus(sleep_avg) * percent / 100 * MAX_SLEEP_AVG / MAX_BONUS * NS_PER_TICK
}

/// The dynamic priority that a task should have.
///
/// Linux 2.6.12: `kernel/sched.c`, `effective_prio()`.
pub fn effective_prio(p: &SchedTask) -> PrioSteps {
    prio_steps(p, p.sleep_avg)
}

/// What a run of so many ns subtracts from a sleep average: the higher the bonus, the less. A clock
/// that went backwards counts as a full second.
///
/// Linux 2.6.12: `kernel/sched.c`, `schedule()`.
pub fn run_charge(sleep_avg: u32, ran: u64) -> u32 {
    ran.min(u64::from(NS_MAX_SLEEP_AVG)) as u32 / current_bonus(sleep_avg).max(1)
}

/// Whether a task of priority `prio` preempts a running one; an equal priority does not.
/// `TASK_PREEMPTS_CURR()`.
///
/// Linux 2.6.12: `kernel/sched.c`, `TASK_PREEMPTS_CURR`.
#[inline]
pub const fn would_preempt(prio: u8, curr_prio: u8) -> bool {
    prio < curr_prio
}

/// 10 - bonus, at least 1.
const fn sleep_multiplier(sleep_avg: u32) -> u32 {
    let bonus = current_bonus(sleep_avg);
    if bonus < MAX_BONUS {
        MAX_BONUS - bonus
    } else {
        1
    }
}

#[inline]
fn prio_steps(p: &SchedTask, sleep_avg: u32) -> PrioSteps {
    let bonus = current_bonus(sleep_avg) as u8;
    let dynamic = p.static_prio + MAX_BONUS as u8 / 2 - bonus;
    PrioSteps {
        static_prio: p.static_prio,
        bonus,
        real_time: p.is_rt(),
        prio: if p.is_rt() {
            p.prio
        } else {
            dynamic.clamp(MAX_RT_PRIO, MAX_PRIO - 1)
        },
    }
}

#[inline]
fn add_sleep(p: &SchedTask, credit: u32, threshold: u32) -> (SleepClass, u32) {
    let sum = p.sleep_avg.wrapping_add(credit);
    if p.activated == -1 && p.has_mm {
        if p.sleep_avg >= threshold {
            return (SleepClass::Capped, p.sleep_avg.min(NS_MAX_SLEEP_AVG));
        }
        if sum >= threshold {
            return (SleepClass::Capped, threshold.min(NS_MAX_SLEEP_AVG));
        }
    }
    (SleepClass::Added, sum.min(NS_MAX_SLEEP_AVG))
}
