//! Scheduling domains: which CPUs balance their load with each other, how often and how eagerly.
//!
//! Without hyper-threading and NUMA a CPU has one domain, which spans all of them, with one group
//! per CPU. A machine with one CPU has none: its kernel is built without balancing.

use super::imbalance::IdleType;
use super::task::SchedTask;
use bitflags::bitflags;

/// Load of one runnable task, and computing power of one CPU.
///
/// Linux 2.6.12: `include/linux/sched.h`,
/// `SCHED_LOAD_SCALE`.
pub const SCHED_LOAD_SCALE: u32 = 128;

bitflags! {
    /// What a domain is used for.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `SD_*`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SdFlags: u32 {
        /// Balance the load at ticks.
        const LOAD_BALANCE = 1;
        /// Balance when a CPU is about to go idle.
        const BALANCE_NEWIDLE = 2;
        /// Balance at exec.
        const BALANCE_EXEC = 4;
        /// Wake on an idle CPU. Only used by kernels for hyper-threading.
        const WAKE_IDLE = 8;
        /// Wake a task on the waker's CPU if it is cache-cold on its own.
        const WAKE_AFFINE = 16;
        /// Wake a task on the waker's CPU if that is less loaded.
        const WAKE_BALANCE = 32;
        /// The CPUs of the domain are siblings on one core.
        const SHARE_CPUPOWER = 64;
    }
}

/// CPUs that balancing sees as one.
///
/// Linux 2.6.12: `include/linux/sched.h`, `struct sched_group`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SchedGroup {
    /// Its CPUs, one bit each.
    pub cpumask: u32,
    /// Its computing power: 128 per CPU.
    pub cpu_power: u32,
}

/// A domain as one CPU sees it.
///
/// Linux 2.6.12: `include/linux/sched.h`, `struct sched_domain`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchedDomain {
    /// The CPUs in it, one bit each.
    pub span: u32,
    /// Its groups, the CPU's own first.
    pub groups: Vec<SchedGroup>,
    /// Shortest interval between two balancings, ms.
    pub min_interval: u32,
    /// Interval up to which it is doubled, ms.
    pub max_interval: u32,
    /// A busy CPU balances this many times less often than an idle one.
    pub busy_factor: u32,
    /// How much busier another group must be, in percent.
    pub imbalance_pct: u32,
    /// A task that ran no longer ago than this (ns) is cache-hot.
    pub cache_hot_time: u64,
    /// Number of failed balancings before cache-hot tasks are moved as well.
    pub cache_nice_tries: u32,
    /// What it is used for.
    pub flags: SdFlags,
    /// `jiffies` up to which balancing has been done.
    pub last_balance: u32,
    /// Current interval, ms, for an idle CPU.
    pub balance_interval: u32,
    /// Consecutive balancings that found a busier group but could move nothing.
    pub nr_balance_failed: u32,
    /// Counters for `/proc/schedstat`.
    pub stat: SdStat,
}

/// Counters of a domain, by their names in schedstat version 11.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SdStat {
    /// For CPUs that are idle, not idle, and about to go idle.
    pub lb: [LbStat; 3],
    /// Number of active balancing passes.
    pub alb_cnt: u32,
    /// Active balancings that could move no task to an idle CPU.
    pub alb_failed: u32,
    /// Tasks that active balancings pushed to an idle CPU.
    pub alb_pushed: u32,
    /// Tasks moved at exec.
    pub sbe_pushed: u32,
    /// Attempts to move a task at exec.
    pub sbe_attempts: u32,
    /// Wake-ups of tasks that last ran on another CPU of the domain.
    pub ttwu_wake_remote: u32,
    /// Of these, moved to the waker's CPU because they were cache-cold on their own.
    pub ttwu_move_affine: u32,
    /// Of these, moved there because it was less loaded.
    pub ttwu_move_balance: u32,
}

/// Counters of balancing, by their names in schedstat version 11.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LbStat {
    /// Number of calls.
    pub lb_cnt: u32,
    /// Calls that found the domain balanced.
    pub lb_balanced: u32,
    /// Calls that found an imbalance but moved nothing.
    pub lb_failed: u32,
    /// Number of tasks that should have been moved.
    pub lb_imbalance: u32,
    /// Tasks that were moved.
    pub lb_gained: u32,
    /// Of these, cache-hot ones.
    pub lb_hot_gained: u32,
    /// Calls that found no busier CPU in the busiest group.
    pub lb_nobusyq: u32,
    /// Calls that found no busier group.
    pub lb_nobusyg: u32,
}

impl SdStat {
    /// The counters of that kind of balancing.
    pub(super) const fn lb(&mut self, idle: IdleType) -> &mut LbStat {
        &mut self.lb[idle as usize]
    }

    /// Counts so many balancings that found no busier group.
    pub(super) const fn found_no_group(&mut self, idle: IdleType, times: u32) {
        let lb = self.lb(idle);
        lb.lb_cnt = lb.lb_cnt.wrapping_add(times);
        lb.lb_nobusyg = lb.lb_nobusyg.wrapping_add(times);
        lb.lb_balanced = lb.lb_balanced.wrapping_add(times);
    }
}

impl SchedDomain {
    /// The domain of all CPUs of a machine, as `cpu` sees it at boot.
    ///
    /// Linux 2.6.12: `include/linux/topology.h`, `SD_CPU_INIT`; `kernel/sched.c`, `arch_init_sched_domains()`.
    pub fn of_cpu(cpu: usize, cpus: usize, jiffies: u32) -> Self {
        let group = |cpu: usize| SchedGroup {
            cpumask: 1 << cpu,
            cpu_power: SCHED_LOAD_SCALE,
        };
        Self {
            span: cpu_map(cpus),
            groups: (0..cpus).map(|next| group((cpu + next) % cpus)).collect(),
            min_interval: 1,
            max_interval: 4,
            busy_factor: 64,
            imbalance_pct: 125,
            cache_hot_time: 2_500_000,
            cache_nice_tries: 1,
            flags: SdFlags::all().difference(SdFlags::SHARE_CPUPOWER),
            last_balance: jiffies,
            balance_interval: 1,
            nr_balance_failed: 0,
            stat: SdStat::default(),
        }
    }

    /// The percentage used at a wake-up: `imbalance_pct` plus half of its excess over 100.
    pub const fn wake_imbalance_pct(&self) -> u32 {
        self.imbalance_pct + (self.imbalance_pct - 100) / 2
    }

    /// Ticks between two balancings of a CPU.
    pub(super) const fn interval(&self, idle: IdleType) -> u32 {
        let factor = match idle {
            IdleType::Idle => 1,
            IdleType::NotIdle | IdleType::NewlyIdle => self.busy_factor,
        };
        let ticks = self.balance_interval * factor;
        if ticks == 0 { 1 } else { ticks }
    }
}

/// Every CPU of a machine, one bit each: all are online from the start.
pub(super) const fn cpu_map(cpus: usize) -> u32 {
    u32::MAX >> (u32::BITS as usize - cpus)
}

/// The CPUs of a mask, in ascending order.
pub(super) fn cpus_of(mask: u32) -> impl Iterator<Item = usize> {
    (0..u32::BITS as usize).filter(move |cpu| mask >> cpu & 1 != 0)
}

/// Whether the task's data is still in the cache of its CPU, whose last tick was at that time.
/// Linux 2.6.12: `kernel/sched.c`, `task_hot()`.
pub const fn task_hot(p: &SchedTask, timestamp_last_tick: u64, cache_hot_time: u64) -> bool {
    // Signed: after a switch since the last tick the difference is negative.
    (timestamp_last_tick.wrapping_sub(p.last_ran) as i64) < cache_hot_time as i64
}
