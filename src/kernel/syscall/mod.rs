//! The way from `int 0x80` to the function that carries a system call out, and back.

mod call;
mod entry;
mod process_calls;
mod restart;
mod result;
mod sched_calls;
mod signal_calls;

pub use call::Syscall;
pub(super) use entry::MAX_ARG_BYTES;
pub use process_calls::ProcessCall;
pub use restart::{Restart, RestartBlock};
pub use result::{SysError, SysResult, SysReturn, eax_of};
pub use sched_calls::SchedCall;
pub use signal_calls::SignalCall;
