//! How tasks exit: `do_exit`, what happens to the children, and the parents that wait. The resource
//! usage of tasks that have exited is summed up here too. It may use the rooms from `syscall` to
//! `ipc`.
//!
//! Only this room makes a task a zombie or dead and keeps how it ended (`ended.rs`), and only
//! `release_task` takes one out of the hashes and the process tree.

mod acct;
mod do_exit;
mod ended;
mod orphan;
mod rules;
mod rusage;
mod wait;
mod wait_report;
mod wait_rules;

pub use acct::Account;
pub use ended::{Ended, LastEnded};
pub use rules::{
    Exiting, ParentsWish, exit_notice, is_chosen_by_a_stranger, options_mean, reaps_itself,
    tell_parent,
};
