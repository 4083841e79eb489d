//! Views of a machine: structured data, and text made of spans with a role. Views only read; the
//! data that they return does not change when the machine goes on.
//!
//! | question | view |
//! |---|---|
//! | which tasks are there, what are they doing | `ps`, `pstree`, `line`, `activity` |
//! | who runs next | `runq` |
//! | why does a task run, or not, and from when on | `why_runs`, `why_not` |
//! | where does its priority come from | `prio` |
//! | who got how much CPU, who waited how long | `fairness`, `latency`, `schedstat` |
//! | who ran when | `timeline`, `chart`, `on_cpu` |
//! | what is mapped where | `maps`, `vtop` |
//! | what would the next access do, and why | `why` |
//! | who shares what | `sharing`, `shares` |
//! | what mattered in what happened | `digest` |
//! | what happened | `trace`, `fields` |
//! | which branches a fork took, and why | `path`, `side_by_side` |
//! | what would a clone with these flags do | `explain_clone` |

mod activity;
mod chart;
mod digest;
mod explain_clone;
mod exploration;
mod fairness;
mod fds;
mod fields;
mod latency;
mod line;
mod maps;
mod on_cpu;
mod path;
mod pending;
mod prio;
mod program;
mod ps;
mod pstree;
mod runq;
mod schedstat;
mod shares;
mod sharing;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod trace;
mod vtop;
mod why;
mod why_not;
mod why_runs;

pub use activity::{Activity, activity};
pub use digest::{Item, Since, digest, digest_items, digest_since};
pub use explain_clone::{
    ChildEnd, ChildPlan, CloneObject, EndNotice, ExplainClone, KnownTask, ObjectRow, ParentOf,
    Queued, Reaped, RunsNext, TestOutcome, TestedRule, TracerHears, explain_clone,
};
pub use exploration::{Exploration, died};
pub use fairness::{Fairness, LevelShare, Share, fairness};
pub use fds::{FdRow, Fds, fds};
pub use fields::{EventFields, Field, fields};
pub use latency::{Latency, LatencyRow, latency};
pub use line::{event_line, task_line, task_tag};
pub use maps::{Maps, MapsRow, maps};
pub use on_cpu::{OnCpu, on_cpu_now};
pub use path::{Mark, Path, PathRow, PathStep, Paths, path, side_by_side};
pub use pending::{PendingRow, PendingSignals, pending};
pub use prio::{ChargeView, CreditView, PrioView, prio};
pub use program::{
    CallChain, Disassembly, Dump, FrameView, InstructionView, VariableView, Variables, call_chain,
    crash, disassembly, dump, halt, variables,
};
pub use ps::{Ps, PsRow, ps, ps_row};
pub use pstree::{PsTree, TreeRow, pstree};
pub use runq::{ArrayView, CpuQueue, Level, Runq, runq, runq_of};
pub use schedstat::{
    Balancings, CpuStat, DomainStat, SchedStat, TaskStat, schedstat, task_schedstat,
};
pub use shares::{ShareRow, Shares, Verdict, shares};
pub use sharing::{Owner, SharedFrame, Sharing, common_frames, owners, sharing};
pub use status::{ExplainStatus, Status, explain_status, status};
pub use text::{Align, Line, Role, Span, Table, Text, cell};
pub use timeline::{Interval, Timeline, timeline, timeline_of};
pub use trace::{Selection, TraceView, trace};
pub use vtop::{EntryView, PageView, TlbView, Vtop, pte_flags, vtop};
pub use why::{Area, Fate, Forecast, Mapper, TaskName, Why, forecast, why};
pub use why_not::{AheadRow, IdleCpu, WhyNot, why_not};
pub use why_runs::{SwitchView, TurnView, WhyRuns, why_runs};
