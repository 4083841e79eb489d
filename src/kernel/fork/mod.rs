//! How tasks begin: `do_fork` and `copy_process`, the rules for the clone flags, the copies of what
//! a task holds, and tasks made from nothing.

mod child;
mod clone_rules;
mod copy;
mod do_fork;
mod refusal;
mod spawn;

pub use clone_rules::{
    CloneSharing, FLAG_TESTS, FlagTest, ForkEvent, ObjectFate, TidWords, becomes_sibling,
    begins_stopped, check_clone_flags, check_group_exit, check_max_threads, check_newns,
    check_not_killed, check_nproc, child_ptrace, clone_sharing, creator_waits, exit_signal,
    flags_with_event, fork_traceflag, joins_group, tid_words,
};
pub use do_fork::{ForkArgs, Forked};
pub use refusal::ForkRefusal;
pub use spawn::SpawnArgs;
