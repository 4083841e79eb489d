//! How tasks start: `do_fork` and `copy_process`, the rules for clone flags, the copies of what a
//! task holds, and tasks spawned as children of init. It is the last room and may use all others.
//!
//! It keeps no state of its own. What a new task holds is counted by the rooms of these things; only
//! `unwind_copy` knows how far a failed clone got, and drops exactly what it had taken.

mod clone_rules;
mod copy;
mod do_fork;
mod spawn;

pub use clone_rules::{
    CloneSharing, FLAG_TESTS, FlagTest, ObjectFate, TidStores, becomes_sibling, begins_stopped,
    check_clone_flags, check_group_exit, check_max_threads, check_newns, check_not_killed,
    check_nproc, child_ptrace, clone_sharing, creator_waits, exit_signal, flags_with_event,
    fork_traceflag, joins_group, tid_stores,
};
pub use do_fork::Forked;
pub use spawn::SpawnArgs;
