//! How tasks end: `do_exit`, what becomes of the children, and the parents that wait for an end.
//! What ended tasks used is added up here, too.

mod acct;
mod do_exit;
mod orphan;
mod rules;
mod rusage;
mod wait;
mod wait_report;
mod wait_rules;

pub use acct::Account;
pub use orphan::PR_SET_PDEATHSIG;
pub use rules::{
    ParentsWish, exit_notice, is_chosen_by_a_stranger, options_mean, reaps_itself, tell_parent,
};
pub use wait_rules::{NoChild, WaitArgs, WaitOptions, WaitidArgs};
