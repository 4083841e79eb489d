//! The system call that a task is in. fork gives the child an empty record: it has made no call
//! yet.

use super::Continuation;
use crate::abi::{Errno, InodeId, MmId, SigInfo, Signal, WaitStatus};
use crate::kernel::syscall::{ExecArgs, Restart, SysReturn, Syscall, eax_of};

/// A system call from its entry to its return, and its results for the task's user mode.
#[derive(Clone, Debug, Default)]
pub struct InCall {
    /// The call that has not returned yet.
    pub open: Option<OpenCall>,
    /// Where the kernel continues when the task runs again.
    pub continuation: Option<Continuation>,
    /// Tick at which its timer wakes it.
    pub timer: Option<u64>,

    /// What its latest system call has returned, until its user mode takes note of it.
    pub returned: Option<SysReturn>,

    /// The call, if a signal may cause it to be restarted and the registers do not contain it.
    pub again: Option<Syscall>,
    /// The call before which it has stopped for its tracer; `None` if the registers contain it.
    pub traced: Option<Box<Syscall>>,
    /// The signal with which its tracer resumes it.
    pub injected: Option<SigInfo>,

    /// The arguments of the `execve` that it is in.
    pub exec_args: Option<Box<ExecArgs>>,
    /// The new program, while exec waits for other threads.
    pub exec: Option<Box<PendingExec>>,

    /// Whether it has entered a handler during the current exit from the kernel.
    pub entered_handler: bool,
    /// The frame of a handler on its stack, if the task runs no code; its user mode picks it up.
    pub handler_frame: Option<HandlerFrame>,
    /// The wait status that its last wait reported.
    pub reaped: Option<WaitStatus>,
    /// The `siginfo` of its last `waitid` or `rt_sigtimedwait`.
    pub reported: Option<SigInfo>,
}

/// A system call that has not returned yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenCall {
    /// i386 system call number.
    pub nr: u16,
    /// Set if a signal has interrupted it, and it asks to be restarted.
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

/// A program that is ready to replace the old one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingExec {
    /// Its address space, to which this is the only reference.
    pub mm: MmId,
    /// The initial stack pointer.
    pub esp: u32,
    /// The program file.
    pub exe: InodeId,
    /// The path that was passed to `execve`.
    pub path: String,
}

/// A frame that was put on the stack of a task without code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HandlerFrame {
    /// The signal that is handled.
    pub signal: Signal,
    /// Whether it is an `rt_sigframe`.
    pub rt: bool,
    /// The return value of the call that the handler follows; the register holds the signal number
    /// now.
    pub eax: u32,
}
