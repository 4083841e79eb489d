//! Scheduling: who runs, who runs next, why, and who got how much of the CPU.

mod chart;
mod deadlock;
mod fairness;
mod latency;
mod on_cpu;
mod perf;
mod prio;
mod runq;
mod schedstat;
mod timehist;
mod timeline;
mod top;
mod turnaround;
mod why_not;
mod why_runs;

pub use deadlock::{Waiting, deadlocks};
pub use fairness::{Fairness, LevelShare, Share, fairness};
pub use latency::{Latency, LatencyRow, latency};
pub use on_cpu::{OnCpu, on_cpu_now};
pub use perf::{MapRow, PerfLatency, PerfMap, PerfStat, perf_latency, perf_map, perf_stat};
pub use prio::{ChargeView, CreditView, PrioView, prio};
pub use runq::{ArrayView, CpuQueue, Level, Runq, runq, runq_of};
pub use schedstat::{
    Balancings, CpuStat, DomainStat, SchedStat, TaskStat, schedstat, task_schedstat,
};
pub use timehist::{Timehist, Turn, timehist};
pub use timeline::{Interval, Timeline, timeline, timeline_of};
pub use top::{Loadavg, Top, TopRow, VmstatRow, VmstatRows, loadavg, top, vmstat_rows};
pub use turnaround::{Life, Turnaround, turnaround};
pub use why_not::{AheadRow, IdleCpu, WhyNot, why_not};
pub use why_runs::{SwitchView, TurnView, WhyRuns, why_runs};
