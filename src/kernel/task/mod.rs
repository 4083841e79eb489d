//! What a task is and holds: the `task_struct` with all that Linux declares beside it in `sched.h`,
//! who it acts for (credentials, limits), and how it is found (pids, groups, sessions).

mod cred;
mod getpid;
mod pgrp;
mod pidmap;
mod resume;
mod rlimit;
mod setuid;
mod task_struct;

pub use cred::{Cred, UserTable};
pub use pgrp::PgrpRefusal;
pub use pidmap::{PID_MAX_LIMIT, PID_MAX_MIN, PidHash, PidType, Pidmap, Seq};
pub use rlimit::{NR_OPEN, RlimitRefusal, Rlimits, check_setrlimit};
pub use task_struct::{AfterMigration, ChildList, Continuation, OpenCall, Task};
