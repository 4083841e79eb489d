//! What a task is and holds: the `task_struct` with all that Linux declares beside it in `sched.h`,
//! who it acts for (credentials, limits), and how it is found (pids, groups, sessions).

mod cred;
mod pgrp;
mod pidmap;
mod rlimit;
mod setuid;
mod task_struct;

pub use cred::{Caps, Cred, UserTable};
pub use pgrp::PgrpRefusal;
pub use pidmap::{PID_MAX_LIMIT, PID_MAX_MIN, PidHash, PidType, Pidmap, Seq};
pub use rlimit::{
    NR_OPEN, RLIM_INFINITY, Resource, Rlimit, RlimitRefusal, Rlimits, check_setrlimit,
};
pub use task_struct::{
    AfterMigration, ChildList, Continuation, ExitState, OpenCall, PfFlags, PtFlags, Task,
};
