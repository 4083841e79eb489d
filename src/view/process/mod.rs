//! Processes: which tasks there are, what they hold, and which way a fork or clone takes.

mod activity;
mod explain_clone;
mod family;
mod fds;
mod line;
mod path;
mod pending;
mod ps;
mod pstree;
mod status;

pub use activity::{Activity, activity, state};
pub use explain_clone::{
    ChildEnd, ChildPlan, CloneObject, EndNotice, ExplainClone, KnownTask, ObjectRow, ParentOf,
    Queued, Reaped, RunsNext, TestOutcome, TestedRule, TracerHears, explain_clone,
};
pub use family::{Family, Member};
pub use fds::{FdRow, Fds, fds};
pub use line::task_line;
pub use path::{Mark, Path, PathRow, PathStep, Paths, path, side_by_side};
pub use pending::{PendingRow, PendingSignals, pending};
pub use ps::{Ps, PsRow, ps, ps_row};
pub use pstree::{PsTree, TreeRow, pstree};
pub use status::{ExplainStatus, Status, explain_status, status};
