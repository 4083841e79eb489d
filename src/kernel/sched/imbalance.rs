//! The decisions of load balancing, as pure functions that return their reasons: which group is
//! busiest and how much to take from it, whether a task may be moved, and where a task wakes or
//! starts a new program.

use super::domain::{SCHED_LOAD_SCALE, SchedDomain, SdFlags};
use super::{SchedTask, Waker, task_hot};

/// What the balancing CPU is doing.
///
/// Linux 2.6.12: `include/linux/sched.h`, `enum idle_type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdleType {
    /// It is idle.
    Idle,
    /// It runs a task.
    NotIdle,
    /// It is about to go idle.
    NewlyIdle,
}

/// The load of one group of a domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupLoad {
    /// Sum over its CPUs: target loads of the balancing CPU's own group, source loads of others.
    pub load: u32,
    /// `cpu_power` of the group.
    pub power: u32,
    /// The group of the balancing CPU.
    pub local: bool,
}

/// What `find_busiest_group` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BusiestGroup {
    /// Index of the group to take from; `None` if the domain is balanced.
    pub group: Option<usize>,
    /// How many tasks to take.
    pub tasks: u32,
    /// The rule that applied.
    pub why: Imbalance,
    /// Load of the CPU's own group, per 128 of power.
    pub this_load: u32,
    /// Load of the busiest other group.
    pub max_load: u32,
    /// Average of the domain; 0 if it was not computed.
    pub avg_load: u32,
}

/// The rule by which a domain is or is not in balance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imbalance {
    /// No other group has more load.
    NoneBusier,
    /// The CPU's own group has the average load or more.
    AboveAverage,
    /// The busiest group does not exceed the own one by the percentage of the domain.
    WithinPercentage,
    /// As many tasks as bring the lesser of the two groups to the average.
    ToAverage,
    /// Less than a task from the average, but two tasks apart: one is moved.
    TwoTasksApart,
    /// Less than a task from the average, but more power would be used: one is moved.
    MorePower,
    /// Less than a task from the average, and no power would be gained.
    NoGain,
}

/// The busiest group of a domain, and how many tasks to take from it.
///
/// Linux 2.6.12: `kernel/sched.c`, `find_busiest_group()`.
///
/// An idle CPU takes one task even where the rules find balance.
pub fn find_busiest_group(
    groups: impl Iterator<Item = GroupLoad>,
    imbalance_pct: u32,
    idle: IdleType,
) -> BusiestGroup {
    let mut found = BusiestGroup {
        group: None,
        tasks: 0,
        why: Imbalance::NoneBusier,
        this_load: 0,
        max_load: 0,
        avg_load: 0,
    };
    let (mut total_load, mut total_power) = (0_u32, 0);
    let (mut power_this, mut power_busiest) = (SCHED_LOAD_SCALE, SCHED_LOAD_SCALE);
    for (place, group) in groups.enumerate() {
        total_load += group.load;
        total_power += group.power;
        let load = group.load * SCHED_LOAD_SCALE / group.power;
        if group.local {
            found.this_load = load;
            power_this = group.power;
        } else if load > found.max_load {
            found.max_load = load;
            found.group = Some(place);
            power_busiest = group.power;
        }
    }
    if found.group.is_some() && found.this_load < found.max_load {
        found.avg_load = SCHED_LOAD_SCALE * total_load / total_power;
        (found.why, found.tasks) = imbalance(&found, imbalance_pct, power_this, power_busiest);
    }
    if found.tasks == 0 {
        let takes_all_the_same = match idle {
            IdleType::NewlyIdle => true,
            IdleType::Idle => found.max_load > SCHED_LOAD_SCALE,
            IdleType::NotIdle => false,
        };
        if takes_all_the_same && found.group.is_some() {
            found.tasks = 1;
        } else {
            found.group = None;
        }
    }
    found
}

/// The rule that applies if another group has more load, and how many tasks it moves.
fn imbalance(
    found: &BusiestGroup,
    imbalance_pct: u32,
    power_this: u32,
    power_busiest: u32,
) -> (Imbalance, u32) {
    let (this, max, avg) = (found.this_load, found.max_load, found.avg_load);
    if this >= avg {
        return (Imbalance::AboveAverage, 0);
    }
    if 100 * max <= imbalance_pct * this {
        return (Imbalance::WithinPercentage, 0);
    }
    let surplus = (max - avg) * power_busiest;
    let room = (avg - this) * power_this;
    let load = surplus.min(room) / SCHED_LOAD_SCALE;
    if load >= SCHED_LOAD_SCALE {
        (Imbalance::ToAverage, load / SCHED_LOAD_SCALE)
    } else if max - this >= 2 * SCHED_LOAD_SCALE {
        (Imbalance::TwoTasksApart, 1)
    } else if gains_power(this, max, power_this, power_busiest) {
        (Imbalance::MorePower, 1)
    } else {
        (Imbalance::NoGain, 0)
    }
}

/// Whether one task more here and one less there would use more of the CPUs' power.
const fn gains_power(this: u32, max: u32, power_this: u32, power_busiest: u32) -> bool {
    const ONE_TASK: u32 = SCHED_LOAD_SCALE * SCHED_LOAD_SCALE;
    let used_before = power_busiest * at_most_one(max) + power_this * at_most_one(this);
    let taken = ONE_TASK / power_busiest;
    let left = if max > taken {
        power_busiest * at_most_one(max - taken)
    } else {
        0
    };
    let load_busiest = max * power_busiest;
    let added = if load_busiest < ONE_TASK {
        load_busiest / power_this
    } else {
        ONE_TASK / power_this
    };
    let used_after = left + power_this * at_most_one(this + added);
    used_after / SCHED_LOAD_SCALE > used_before / SCHED_LOAD_SCALE
}

const fn at_most_one(load: u32) -> u32 {
    if load < SCHED_LOAD_SCALE {
        load
    } else {
        SCHED_LOAD_SCALE
    }
}

/// Whether a task may be moved to another CPU, and why or why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Migratable {
    /// No: it is running.
    Running,
    /// No: its affinity forbids that CPU.
    NotAllowed,
    /// Yes: that CPU is idle.
    TargetIdle,
    /// Yes: too many attempts have failed.
    TooManyFailures,
    /// No: it is cache-hot.
    CacheHot,
    /// Yes: it is cache-cold.
    CacheCold,
}

impl Migratable {
    /// Whether it may be moved.
    pub const fn moves(self) -> bool {
        matches!(
            self,
            Self::TargetIdle | Self::TooManyFailures | Self::CacheCold
        )
    }
}

/// The CPU that a task would be moved to, as far as the decision depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// Number of the CPU.
    pub cpu: usize,
    /// It runs its idle task.
    pub idle: bool,
    /// `cache_hot_time` of the domain, ns.
    pub cache_hot_time: u64,
    /// More balancings have failed than `cache_nice_tries` of the domain.
    pub tried_enough: bool,
}

/// Whether balancing may move `p` to another CPU; `timestamp_last_tick` is that of `p`'s own CPU.
/// Linux 2.6.12: `kernel/sched.c`, `can_migrate_task()`.
pub const fn can_migrate_task(
    p: &SchedTask,
    running: bool,
    timestamp_last_tick: u64,
    to: &Target,
) -> Migratable {
    if running {
        Migratable::Running
    } else if p.cpus_allowed >> to.cpu & 1 == 0 {
        Migratable::NotAllowed
    } else if to.idle {
        Migratable::TargetIdle
    } else if to.tried_enough {
        Migratable::TooManyFailures
    } else if task_hot(p, timestamp_last_tick, to.cache_hot_time) {
        Migratable::CacheHot
    } else {
        Migratable::CacheCold
    }
}

/// On which CPU a task wakes, and by which rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WakeCpu {
    /// Its own: the waker runs there as well.
    SameCpu,
    /// Its own: it may not run on the waker's CPU.
    NotAllowed,
    /// Its own: that CPU has little load, and the waker's has more.
    NotFromIdle,
    /// The waker's: it is cache-cold on its own.
    Affine,
    /// The waker's: that is less loaded.
    Balance,
    /// Its own: no domain says otherwise.
    Stays,
}

impl WakeCpu {
    /// Whether it is moved to the waker's CPU.
    pub const fn moves(self) -> bool {
        matches!(self, Self::Affine | Self::Balance)
    }
}

/// What the choice of the CPU depends on at a wake-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WakeFacts {
    /// CPU of the waker.
    pub this_cpu: usize,
    /// Source load of the sleeper's CPU.
    pub load: u32,
    /// Target load of the waker's.
    pub this_load: u32,
    /// What the waker does next.
    pub waker: Waker,
    /// `sched_clock()` at the last tick of the sleeper's CPU.
    pub timestamp_last_tick: u64,
}

/// On which CPU `p` wakes: the waker's, which has these domains, or its own.
///
/// Linux 2.6.12: `kernel/sched.c`, `try_to_wake_up()`.
///
/// Simplified: `wake_idle()` has an effect in kernels for hyper-threading only.
pub fn wake_cpu(p: &SchedTask, facts: &WakeFacts, domains: &[SchedDomain]) -> WakeCpu {
    let cpu = usize::from(p.cpu);
    if cpu == facts.this_cpu {
        return WakeCpu::SameCpu;
    }
    if p.cpus_allowed >> facts.this_cpu & 1 == 0 {
        return WakeCpu::NotAllowed;
    }
    // The subtraction wraps if a waker that is about to sleep runs on a CPU without load.
    let leaving = match facts.waker {
        Waker::Sleeps => SCHED_LOAD_SCALE,
        Waker::GoesOn => 0,
    };
    let this_load = facts.this_load.wrapping_sub(leaving);
    if facts.load < SCHED_LOAD_SCALE / 2 && this_load > SCHED_LOAD_SCALE / 2 {
        return WakeCpu::NotFromIdle;
    }
    for sd in domains {
        let balanced = sd.wake_imbalance_pct().wrapping_mul(this_load) > 100 * facts.load;
        let hot = task_hot(p, facts.timestamp_last_tick, sd.cache_hot_time);
        let choice = if sd.flags.contains(SdFlags::WAKE_AFFINE) && !hot {
            WakeCpu::Affine
        } else if sd.flags.contains(SdFlags::WAKE_BALANCE) && !balanced {
            WakeCpu::Balance
        } else {
            continue;
        };
        if sd.span >> cpu & 1 != 0 {
            return choice;
        }
    }
    WakeCpu::Stays
}

/// Whether a task that calls exec moves from a CPU with that source load to the one with the least
/// target load: half the percentage of the domain is enough.
///
/// Linux 2.6.12: `kernel/sched.c`,
/// `find_idlest_cpu()`.
pub const fn exec_moves(this_load: u32, min_load: u32, imbalance_pct: u32) -> bool {
    // Here the percentage itself is halved; at wake-ups it is only the excess over 100.
    let percent = 100 + (imbalance_pct - 100) / 2;
    min_load.wrapping_mul(percent) < (this_load + SCHED_LOAD_SCALE).wrapping_mul(100)
}
