//! Signals, from the sender to the handler: who may send one, where it is queued, which task takes
//! it, and what it does there.
//!
//! The room uses `syscall/` (calls and restarts as data), `task/` (the structures) and `sched/`
//! (waking).
//! Only this room queues and discards pending signals, charges users for the entries
//! (`sigqueue.rs`), changes the mask of blocked signals, and sets TIF_SIGPENDING. Whoever changes the mask or takes a
//! signal calls `recalc_sigpending`: TIF_SIGPENDING is all that a task looks at on its way to user
//! mode. fork alone adds a signal without an entry, to a child that nobody knows yet.

mod deliver;
mod fpstate;
mod init;
mod kill;
mod kill_rules;
mod restart;
mod send;
mod sigframe;
mod sigmask;
mod sigqueue;
mod sigwait;
mod stop;

pub(super) use send::Wakes;
pub use sigframe::{
    KERNEL_RT_SIGRETURN, KERNEL_SIGRETURN, PUPPET_HANDLERS, RT_SIGRETURN_CODE, SIGRETURN_CODE,
};
pub(super) use sigqueue::QueueLimit;
