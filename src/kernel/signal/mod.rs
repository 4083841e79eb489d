//! Signals, from the sender to the handler: who may send one, where it is queued, which task takes
//! it, and what it does there.

mod deliver;
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
