//! Scheduling domains: which CPUs balance their load with each other, how often and how eagerly.
//!
//! Without hyper-threading and NUMA a CPU has one domain, which spans all of them, with a group
//! for each CPU. A machine with one CPU has none: its kernel is built without balancing.

use super::task::SchedTask;
use bitflags::bitflags;

/// Load of one runnable task, and computing power of one CPU. Linux 2.6.12:
/// include/linux/sched.h, `SCHED_LOAD_SCALE`.
pub const SCHED_LOAD_SCALE: u32 = 128;

bitflags! {
    /// What a domain is used for. Linux 2.6.12: include/linux/sched.h, `SD_*`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SdFlags: u32 {
        /// Balance the load at ticks.
        const LOAD_BALANCE = 1;
        /// Balance when a CPU is about to go idle.
        const BALANCE_NEWIDLE = 2;
        /// Balance at exec.
        const BALANCE_EXEC = 4;
        /// Wake on an idle CPU. Only a kernel for hyper-threading looks at it.
        const WAKE_IDLE = 8;
        /// Wake on the waker's CPU a task that is cold on its own.
        const WAKE_AFFINE = 16;
        /// Wake on the waker's CPU if that has less to do.
        const WAKE_BALANCE = 32;
        /// The CPUs of the domain are siblings on one core.
        const SHARE_CPUPOWER = 64;
    }
}

/// CPUs that balancing sees as one. Linux 2.6.12: include/linux/sched.h, `struct sched_group`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SchedGroup {
    /// Its CPUs, one bit each.
    pub cpumask: u32,
    /// Its computing power: 128 a CPU.
    pub cpu_power: u32,
}

/// A domain as one CPU sees it. Linux 2.6.12: include/linux/sched.h, `struct sched_domain`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchedDomain {
    /// The CPUs in it, one bit each.
    pub span: u32,
    /// Its groups, that of the CPU first.
    pub groups: Vec<SchedGroup>,
    /// Shortest interval between two balancings, ms.
    pub min_interval: u32,
    /// Interval at which it is no longer doubled, ms.
    pub max_interval: u32,
    /// A busy CPU balances so many times more rarely than an idle one.
    pub busy_factor: u32,
    /// Percent: how much busier another group must be.
    pub imbalance_pct: u32,
    /// A task that ran no longer ago than this (ns) is cache-hot.
    pub cache_hot_time: u64,
    /// Failed balancings for which hot tasks are left alone.
    pub cache_nice_tries: u32,
    /// What it is used for.
    pub flags: SdFlags,
    /// `jiffies` up to which balancing has been done.
    pub last_balance: u32,
    /// The interval now, ms for an idle CPU.
    pub balance_interval: u32,
    /// Balancings in a row that found a busier group and could move nothing.
    pub nr_balance_failed: u32,
}

impl SchedDomain {
    /// The domain of all CPUs of a machine, as `cpu` sees it at boot. Linux 2.6.12:
    /// include/linux/topology.h, `SD_CPU_INIT`; kernel/sched.c, `arch_init_sched_domains()`.
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
        }
    }

    /// The percentage at a wake-up: `imbalance_pct` and half of what that is above 100.
    pub const fn wake_imbalance_pct(&self) -> u32 {
        self.imbalance_pct + (self.imbalance_pct - 100) / 2
    }

    /// Ticks between two balancings of a CPU that is idle, or not.
    pub(super) const fn interval(&self, idle: bool) -> u32 {
        let factor = if idle { 1 } else { self.busy_factor };
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

/// Whether what `p` used is still in the cache of its CPU, whose last tick was then. Linux 2.6.12:
/// kernel/sched.c, `task_hot()`.
pub const fn task_hot(p: &SchedTask, timestamp_last_tick: u64, cache_hot_time: u64) -> bool {
    // Signed: after a switch since the last tick the difference is negative.
    (timestamp_last_tick.wrapping_sub(p.last_ran) as i64) < cache_hot_time as i64
}
