//! The path from `int 0x80` to the function that performs a system call, and back.
//!
//! The room names no other one: `dispatch` calls methods of the kernel, and all rooms see calls,
//! their arguments and their results as the data that this room defines.
//! Only `entry.rs` opens a call and closes it, and only there a result gets into `eax`; in between,
//! `signal/restart.rs` alone may have the call restarted.

mod area_refusal;
mod args;
mod compat;
mod decode;
mod entry;
mod file_refusal;
mod fork_refusal;
mod map_refusal;
mod refusal;
mod restart;
mod result;
mod shape;
mod table;

pub use area_refusal::{AreaRefusal, NotPresent};
pub use args::{
    AnswerTo, ExecArgs, ForkArgs, FutexArgs, GroupWidth, InfoTo, IpcCall, ItimerVal, MAX_ARG_BYTES,
    MAX_ARG_STRINGS, MmapArgs, MremapArgs, MsgrcvArgs, MsgsndArgs, PtraceArgs, ShmatArgs,
    SigactionArgs, SigprocmaskArgs, SigtimedwaitArgs, WaitArgs, WaitidArgs,
};
pub(super) use decode::low2high;
pub use file_refusal::FileRefusal;
pub use fork_refusal::ForkRefusal;
pub use map_refusal::MapRefusal;
pub use refusal::{LimitRefusal, NoChild, PgrpRefusal, RlimitRefusal};
pub use restart::{Restart, RestartBlock};
pub use result::{SysError, SysResult, SysReturn, eax_of};
pub use shape::{Shape, Struct};
pub use table::{NR_SYSCALLS, ProgramWord, SYSCALLS, Status, Syscall, SyscallInfo, nr};
