//! Views of a machine: structured data, and text made of spans with a role. Views only read; the
//! data that they return does not change when the machine goes on.
//!
//! | question | view |
//! |---|---|
//! | which tasks are there, what are they doing | `ps`, `pstree`, `line`, `activity` |
//! | who runs next | `runq` |
//! | why does a task run, or not, and from when on | `why_runs`, `why_not` |
//! | which tasks wait for each other | `deadlocks` |
//! | where does its priority come from | `prio` |
//! | who got how much CPU, who waited how long | `fairness`, `latency`, `schedstat` |
//! | who ran when | `timeline`, `chart`, `on_cpu` |
//! | how long did each task take, wait, respond | `turnaround` |
//! | what would `perf`, `top` and `vmstat` print | `timehist`, `perf`, `top` |
//! | what is mapped where | `maps`, `smaps`, `pagetable`, `vtop` |
//! | how often what happened to pages | `vmstat` |
//! | what is memory used for | `frames`, `meminfo`, `buddyinfo`, `lru` |
//! | what would the next access do, and why | `why` |
//! | who shares what | `sharing`, `shares` |
//! | what mattered in what happened | `digest` |
//! | what happened | `trace`, `fields` |
//! | which branches a fork took, and why | `path`, `side_by_side` |
//! | what would a clone with these flags do | `explain_clone` |

mod changed;
mod memory;
mod process;
mod programs;
mod scheduling;
#[cfg(test)]
mod tests;
mod text;
mod trace;

pub use changed::changed_kernel;
pub use memory::{
    Area, BuddyZone, Buddyinfo, EntryView, Fate, Forecast, Frames, FramesBy, FramesWanted,
    LegendEntry, Lru, LruPage, LruView, Mapper, Maps, MapsRow, Meminfo, Owner, PageTableTree,
    PageView, Run, ShareRow, SharedFrame, Shares, Sharing, Smaps, SmapsRow, TableView, TaskName,
    TlbView, Verdict, Vmstat, Vtop, Why, buddyinfo, common_frames, forecast, frames, lru, maps,
    meminfo, owners, pagetable, pte_flags, shares, sharing, smaps, vmstat, vtop, why,
};
pub use process::{
    Activity, ChildEnd, ChildPlan, CloneObject, EndNotice, ExplainClone, ExplainStatus, Family,
    FdRow, Fds, KnownTask, Mark, Member, ObjectRow, ParentOf, Path, PathRow, PathStep, Paths,
    PendingRow, PendingSignals, Ps, PsRow, PsTree, Queued, Reaped, RunsNext, Status, TestOutcome,
    TestedRule, TracerHears, TreeRow, activity, explain_clone, explain_status, fds, path, pending,
    ps, ps_row, pstree, side_by_side, status, task_line,
};
pub use programs::{
    CallChain, Disassembly, Dump, Exploration, FrameView, InstructionView, Listing, VariableView,
    Variables, call_chain, crash, died, disassembly, dump, halt, listing, variable_address,
    variables,
};
pub use scheduling::{
    AheadRow, ArrayView, Balancings, ChargeView, CpuQueue, CpuStat, CreditView, DomainStat,
    Fairness, IdleCpu, Interval, Latency, LatencyRow, Level, LevelShare, Life, Loadavg, MapRow,
    OnCpu, PerfLatency, PerfMap, PerfStat, PrioView, Runq, SchedStat, Share, SwitchView, TaskStat,
    Timehist, Timeline, Top, TopRow, Turn, TurnView, Turnaround, VmstatRow, VmstatRows, Waiting,
    WhyNot, WhyRuns, deadlocks, fairness, latency, loadavg, on_cpu_now, perf_latency, perf_map,
    perf_stat, prio, runq, runq_of, schedstat, task_schedstat, timehist, timeline, timeline_of,
    top, turnaround, vmstat_rows, why_not, why_runs,
};
pub use text::{Align, Line, Role, Span, Table, Text, cell, task_tag};
pub use trace::{
    Beside, Causes, Comparison, Dropped, Effects, End, EventFields, Field, Figure, Item, Link,
    Parting, Selection, Since, Story, Strace, Told, TraceView, World, WorldView, beside, causes,
    compare, digest, digest_items, digest_since, effects, event_line, fields, firsts, forks_of,
    orphans, parting, reaped_by, story, strace, trace,
};
