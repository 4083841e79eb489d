//! What a task is in the middle of while it is in the kernel. fork gives the child a fresh one as a
//! whole: it has made no call yet.

use super::Continuation;
use crate::abi::{Errno, InodeId, MmId, SigInfo, Signal, WaitStatus};
use crate::kernel::exec::ExecArgs;
use crate::kernel::syscall::{Restart, SysReturn, Syscall, eax_of};

/// A system call from its entry to its return, and what it leaves for the task's user mode.
#[derive(Clone, Debug, Default)]
pub struct InCall {
    /// The call that has not returned yet.
    pub open: Option<OpenCall>,
    /// What the latest call has returned, until the task's user mode takes note of it.
    pub returned: Option<SysReturn>,
    /// Where the kernel goes on.
    pub continuation: Option<Continuation>,
    /// Tick at which its timer wakes it.
    pub timer: Option<u64>,

    /// The call, if a signal may cause it to be made again and the registers do not hold it.
    pub again: Option<Syscall>,
    /// The call before which it has stopped for its tracer; none if the registers have it.
    pub traced: Option<Box<Syscall>>,
    /// The signal that its tracer lets it go on with.
    pub injected: Option<SigInfo>,

    /// What the `execve` was told that it is in.
    pub exec_args: Option<Box<ExecArgs>>,
    /// The new program, while exec waits for other threads.
    pub exec: Option<Box<PendingExec>>,

    /// It has entered a handler on the way out of the kernel that it is on.
    pub entered_handler: bool,
    /// The frame of a handler that was put on its stack, if it runs no code: its user mode takes
    /// note of it.
    pub handler_frame: Option<HandlerFrame>,
    /// What the child reported that its last wait found.
    pub reaped: Option<WaitStatus>,
    /// The same as `waitid` tells it, or what came with the signal of its last `rt_sigtimedwait`.
    pub reported: Option<SigInfo>,
}

/// A system call that has not returned yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenCall {
    /// i386 system call number.
    pub nr: u16,
    /// A signal has interrupted it, and it wants to be made again.
    pub restart: Option<Restart>,
    /// What it has come to, while its caller is on the way out.
    pub result: Option<SysReturn>,
}

impl OpenCall {
    /// What it returns with that value in `eax`, which a tracer may have changed.
    pub(in crate::kernel) fn returns(&self, eax: u32) -> SysReturn {
        let own = self.result.filter(|result| eax_of(*result) == eax);
        let changed = || match Errno::from_code((eax as i32).wrapping_neg()) {
            Some(errno) => Err(errno.into()),
            None => Ok(eax),
        };
        own.unwrap_or_else(changed)
    }
}

/// A program that is ready to take the place of the old one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingExec {
    /// Its address space, with one user: this.
    pub mm: MmId,
    /// Its first stack pointer.
    pub esp: u32,
    /// Its file.
    pub exe: InodeId,
    /// The path that it was called by.
    pub path: String,
}

/// A frame that was put on the stack of a task without code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HandlerFrame {
    /// The signal.
    pub signal: Signal,
    /// It is an `rt_sigframe`.
    pub rt: bool,
    /// What the call has returned that the handler follows: the register has the signal now.
    pub eax: u32,
}
