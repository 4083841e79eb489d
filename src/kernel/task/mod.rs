//! The `task_struct` and what Linux declares with it in `sched.h`, credentials and limits, and how
//! tasks are found (pids, groups, sessions). Beside `abi`, `hw` and `trace`, this room uses the types
//! of `syscall` only.
//!
//! Each of these groups of fields has an invariant, so only this room changes them; `check.rs` checks
//! them.
//!
//! - `pid.rs`: `Pidmap`, `PidHash`, a task's `pid_links`, `tgid` and `group_leader`, and the totals
//!   (`nr_threads`, `process_counts`, `total_forks`): a task is counted as long as it is hashed, and
//!   a pid is in use as long as a hash contains it.
//! - `family.rs`: `parent`, `real_parent`, `children` and `ptrace_children`, with the back-links of
//!   the children.
//! - `cred.rs`: a task's `cred`, and the number of tasks of each user.
//! - `sighand.rs`: a task's `sighand` and `signal`, and the counts of their holders (`count`,
//!   `live`).
//! - `pgrp.rs`: `pgrp`, `session` and `leader` of a process, which the pid hashes repeat.
//! - `sighand.rs`: whether a process has a controlling terminal, which only `tty/` changes.
//! - `child.rs`: `usage`, whose end frees the `task_struct`.
//! - `group_state.rs`: what a process does as a whole (`flags`, `group_exit_code`, `group_exit_task`,
//!   `group_stop_count`, `notify_count`), by transitions that `signal/`, `exit/` and `exec/` name.
//! - `task_struct.rs`: `mm`, which the scheduler's record repeats; the masks of blocked signals, which
//!   change only in `signal/`; `ptrace` and `last_siginfo`; and `exit_state`, which only `exit/`
//!   changes.

mod capability;
mod check;
mod child;
mod continuation;
mod cred;
mod exec_creds;
mod family;
mod getpid;
mod group_state;
mod i387;
mod in_call;
mod itimers;
mod pending_exec;
mod pgrp;
mod pid;
mod pidmap;
mod polling;
mod prctl;
mod resume;
mod rlimit;
mod setgid;
mod setuid;
mod sighand;
mod sigpending;
mod task_struct;
mod uid16;
mod uname;
mod usage;

pub use continuation::{
    AfterMigration, AfterWrites, Continuation, Direction, FifoOpen, FlockKind, FutexKey,
    LockRequest, LockWait, MsyncRest, PipeIo, PipeMemory, PosixRange, Segment, Trap, TtyIo,
    TtyRead, TtyWrite, VectorIo,
};
pub use cred::{Cred, UserTable};
pub use in_call::{HandlerFrame, InCall, Message, OpenCall, SetAside};
pub use itimers::{CpuTimer, Itimers};
pub use pending_exec::{
    ARG_WINDOW, ArgPages, ExecIds, ExecStack, Interpreter, NewProgram, PendingElf, PendingExec,
};
pub use pid::Totals;
pub use pidmap::{PID_MAX_LIMIT, PID_MAX_MIN, PidHash, PidType, Pidmap, Seq};
pub use polling::{Asks, PollFd, Polling, Select, TimeUnit};
pub use rlimit::{NR_OPEN, Rlimits, check_setrlimit};
pub use sighand::{Sighand, SignalFlags, SignalStruct};
pub use sigpending::{AltStack, Pending, SendInfo, SigPending};
pub(super) use sigpending::{Queued, SS_DISABLE, SS_ONSTACK};
pub use task_struct::{ChildList, Task};
pub use usage::{Usage, UsageOf};
