//! The `task_struct` and what Linux declares with it in `sched.h`, credentials and limits, and how
//! tasks are found (pids, groups, sessions).

mod check;
mod child;
mod continuation;
mod cred;
mod family;
mod getpid;
mod in_call;
mod itimers;
mod pgrp;
mod pid;
mod pidmap;
mod resume;
mod rlimit;
mod setuid;
mod sighand;
mod sigpending;
mod task_struct;
mod usage;

pub use continuation::{AfterMigration, Continuation, FutexKey, PipeIo, Trap};
pub use cred::{Cred, UserTable};
pub use in_call::{HandlerFrame, InCall, OpenCall, PendingExec};
pub use itimers::{CpuTimer, Itimers};
pub use pid::Totals;
pub use pidmap::{PID_MAX_LIMIT, PID_MAX_MIN, PidHash, PidType, Pidmap, Seq};
pub use rlimit::{NR_OPEN, Rlimits, check_setrlimit};
pub use sighand::{Sighand, SignalFlags, SignalStruct};
pub use sigpending::{AltStack, Pending, SendInfo, SigQueue};
pub(super) use sigpending::{SS_DISABLE, SS_ONSTACK};
pub use task_struct::{ChildList, Task};
pub use usage::{Usage, UsageOf};
