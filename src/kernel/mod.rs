//! The emulated kernel.

pub mod sched;
