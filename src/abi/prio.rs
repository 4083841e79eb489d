//! Priorities: the 140 levels, nice values and scheduling policies.

/// Number of priority levels; also the priority of every idle task.
pub const MAX_PRIO: u8 = 140;
/// The first priority of ordinary tasks; 0..=99 are real-time.
pub const MAX_RT_PRIO: u8 = 100;

/// `NICE_TO_PRIO`: nice -20..19 to static priority 100..139.
pub const fn nice_to_static_prio(nice: i32) -> u8 {
    (nice + 120) as u8
}

/// `PRIO_TO_NICE`: static priority 100..139 to nice -20..19.
pub const fn static_prio_to_nice(static_prio: u8) -> i32 {
    static_prio as i32 - 120
}

/// The kernel priority of a real-time task: `rt_priority` 1..99 gives 98..0.
pub const fn rt_priority_to_prio(rt_priority: u32) -> u8 {
    (MAX_RT_PRIO as u32 - 1 - rt_priority) as u8
}

constants! {
    /// The same as SCHED_OTHER, under its name in the kernel.
    SCHED_NORMAL: i32 = 0;
    /// A scheduling policy: time sharing by nice value and sleep average.
    SCHED_OTHER: i32 = 0;
    /// A scheduling policy: real-time, without a time slice.
    SCHED_FIFO: i32 = 1;
    /// A scheduling policy: real-time, round robin with a time slice.
    SCHED_RR: i32 = 2;
}

/// A scheduling policy, with its number in the ABI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Policy {
    /// `SCHED_NORMAL`: time sharing with dynamic priority.
    #[default]
    Normal = SCHED_NORMAL as u8,
    /// `SCHED_FIFO`: real-time without time slices.
    Fifo = SCHED_FIFO as u8,
    /// `SCHED_RR`: real-time with time slices.
    RoundRobin = SCHED_RR as u8,
}

impl Policy {
    /// The name used in workload files and options: `other`, `fifo`, `rr`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "other",
            Self::Fifo => "fifo",
            Self::RoundRobin => "rr",
        }
    }

    /// The policy with that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Normal, Self::Fifo, Self::RoundRobin]
            .into_iter()
            .find(|p| p.name() == name)
    }
}
