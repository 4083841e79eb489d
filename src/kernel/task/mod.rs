//! What a task is and holds: the `task_struct` with all that Linux declares beside it in `sched.h`,
//! who it acts for (credentials, limits), and how it is found (pids, groups, sessions).

mod continuation;
mod cred;
mod in_call;
mod itimers;
mod pgrp;
mod pidmap;
mod rlimit;
mod setuid;
mod sighand;
mod sigpending;
mod task_struct;
mod usage;

pub use continuation::{AfterMigration, Continuation, FutexKey, PipeIo, Trap};
pub use cred::{Caps, Cred, UserTable};
pub use in_call::{HandlerFrame, InCall, OpenCall, PendingExec};
pub use itimers::{CpuTimer, ItimerVal, Itimers};
pub use pgrp::PgrpRefusal;
pub use pidmap::{PID_MAX_LIMIT, PID_MAX_MIN, PidHash, PidType, Pidmap, Seq};
pub use rlimit::{
    LimitRefusal, NR_OPEN, RLIM_INFINITY, Resource, Rlimit, RlimitRefusal, Rlimits, check_setrlimit,
};
pub use sighand::{KSigaction, SaFlags, SigAction, Sighand, SignalFlags, SignalStruct};
pub use sigpending::{AltStack, Pending, SendInfo, SigQueue};
pub(super) use sigpending::{SS_DISABLE, SS_ONSTACK};
pub use task_struct::{ChildList, ExitState, PfFlags, PtFlags, Task};
pub use usage::{Usage, UsageOf};
