//! System calls: the table of them, as data what they are told and what they come to, and the way
//! from `int 0x80` to the function that carries one out.
//!
//! The lowest room of the kernel: it uses none of the others but by the functions that the table
//! names, and all use it.

mod args;
mod decode;
mod entry;
mod fork_refusal;
mod map_refusal;
mod refusal;
mod restart;
mod result;
mod table;

pub use args::{
    AnswerTo, ExecArgs, ForkArgs, FutexArgs, InfoTo, IpcCall, ItimerVal, MAX_ARG_BYTES, MmapArgs,
    PtraceArgs, SigactionArgs, SigprocmaskArgs, SigtimedwaitArgs, WaitArgs, WaitidArgs,
};
pub use fork_refusal::ForkRefusal;
pub use map_refusal::MapRefusal;
pub use refusal::{LimitRefusal, NoChild, PgrpRefusal, RlimitRefusal};
pub use restart::{Restart, RestartBlock};
pub use result::{SysError, SysResult, SysReturn, eax_of};
pub use table::{NR_SYSCALLS, ProgramWord, SYSCALLS, Status, Syscall, SyscallInfo, nr};
