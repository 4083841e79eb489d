//! The system call that a task is in. fork gives the child an empty record: it has made no call
//! yet.
//!
//! The open call, its result, the call to be repeated and the timer are private to this file: a call
//! is open from `enter` to `leave`, has a result only while it is open, and is kept for repeating
//! only until it has one. The timer stands in [`Timers`](crate::kernel::Kernel::timers) as well, and
//! only `time/timer.rs` changes it.

use super::{Continuation, PendingExec, Polling, Segment, VectorIo};
use crate::abi::{Errno, SigInfo, Signal, WaitStatus};
use crate::kernel::syscall::{ExecArgs, Restart, SysReturn, Syscall, eax_of};

/// A system call from its entry to its return, and its results for the task's user mode.
#[derive(Clone, Debug, Default)]
pub struct InCall {
    /// The call that has not returned yet.
    open: Option<OpenCall>,
    /// Where the kernel continues when the task runs again.
    pub continuation: Option<Continuation>,
    /// Tick at which its timer wakes it.
    timer: Option<u64>,

    /// What its latest system call has returned, until its user mode takes note of it.
    returned: Option<SysReturn>,

    /// The call, if a signal may cause it to be restarted and the registers do not contain it.
    again: Option<Syscall>,
    /// The call before which it has stopped for its tracer; `None` if the registers contain it.
    pub traced: Option<Box<Syscall>>,
    /// The signal with which its tracer resumes it.
    pub injected: Option<SigInfo>,

    /// The arguments of the `execve` that it is in.
    pub exec_args: Option<Box<ExecArgs>>,
    /// The `select` or `poll` that it sleeps in.
    pub polling: Option<Box<Polling>>,
    /// The message that it is sending.
    pub message: Option<Box<Message>>,
    /// The message that another task has given to it while it waited for one, or why there is none.
    pub received: Option<Result<Box<Message>, Errno>>,
    /// The buffers of the `readv` or `writev` that it is in.
    pub segments: Vec<Segment>,
    /// How far such a call has got, if it takes one buffer after the other.
    pub vector: Option<VectorIo>,
    /// The new program, while exec waits for other threads.
    pub exec: Option<Box<PendingExec>>,

    /// Whether exec has given it a new program, until its user mode takes note of it.
    pub(in crate::kernel) execed: bool,

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
    restart: Option<Restart>,
    /// What it has come to, while its caller is on the way out.
    result: Option<SysReturn>,
}

impl InCall {
    /// The record of a new task, which has yet to take its first steps in the kernel.
    pub(in crate::kernel) fn ret_from_fork() -> Self {
        Self {
            continuation: Some(Continuation::RetFromFork),
            ..Self::default()
        }
    }

    /// The call that has not returned yet.
    pub const fn open(&self) -> Option<OpenCall> {
        self.open
    }

    /// Records the start of a system call.
    pub(in crate::kernel) fn enter(&mut self, nr: u16) {
        self.open = Some(OpenCall {
            nr,
            restart: None,
            result: None,
        });
        // A result that nobody has asked for must not be taken for that of the new call.
        self.returned = None;
        self.entered_handler = false;
    }

    /// Keeps the call, in case a signal causes it to be restarted.
    pub(in crate::kernel) fn keep(&mut self, call: Option<Syscall>) {
        self.again = call;
    }

    /// Records that a signal has interrupted the call, which asks to be restarted.
    pub(in crate::kernel) const fn interrupt(&mut self, restart: Restart) {
        if let Some(call) = &mut self.open {
            call.restart = Some(restart);
        }
    }

    /// How an interrupted call asked to be restarted; that is decided once.
    pub(in crate::kernel) fn take_restart(&mut self) -> Option<Restart> {
        self.open.as_mut()?.restart.take()
    }

    /// The call that a puppet is to repeat.
    pub(in crate::kernel) const fn take_again(&mut self) -> Option<Syscall> {
        self.again.take()
    }

    /// Forgets the call: the task has been moved back to before its `int 0x80`, and enters it anew.
    pub(in crate::kernel) const fn rewind(&mut self) {
        self.open = None;
    }

    /// Records the result of the call, which will not be restarted any more.
    pub(in crate::kernel) fn done(&mut self, result: SysReturn) {
        self.again = None;
        if let Some(call) = &mut self.open {
            call.result = Some(result);
        }
    }

    /// Closes the call with that value in `eax`, and keeps what it returns for the task's user
    /// mode. Returns its number.
    pub(in crate::kernel) fn leave(&mut self, eax: u32) -> Option<u16> {
        let call = self.open.take()?;
        self.returned = Some(call.returns(eax));
        Some(call.nr)
    }

    /// What its latest call has returned, if nobody has asked yet.
    pub(in crate::kernel) const fn take_returned(&mut self) -> Option<SysReturn> {
        self.returned.take()
    }

    /// Sets aside the call that is to be repeated, so that a handler can make calls of its own.
    /// `None` if there is none to repeat.
    pub fn set_aside(&mut self) -> Option<SetAside> {
        if !matches!(self.continuation, Some(Continuation::Again { .. })) {
            return None;
        }
        Some(SetAside {
            continuation: self.continuation.take(),
            open: self.open.take(),
            again: self.again.take(),
        })
    }

    /// Puts back the call that was set aside.
    pub fn put_back(&mut self, call: SetAside) {
        self.continuation = call.continuation;
        self.open = call.open;
        self.again = call.again;
    }

    /// The tick at which its timer wakes it.
    pub const fn timer(&self) -> Option<u64> {
        self.timer
    }

    /// Records the timer that was added for a tick.
    pub(in crate::kernel) const fn set_timer(&mut self, tick: u64) {
        self.timer = Some(tick);
    }

    /// Forgets the timer, and returns its tick.
    pub(in crate::kernel) const fn take_timer(&mut self) -> Option<u64> {
        self.timer.take()
    }
}

/// An interrupted call that is set aside while a puppet is in a handler.
#[derive(Clone, Debug)]
pub struct SetAside {
    continuation: Option<Continuation>,
    open: Option<OpenCall>,
    again: Option<Syscall>,
}

impl OpenCall {
    /// What it returns with that value in `eax`, which a tracer may have changed.
    fn returns(&self, eax: u32) -> SysReturn {
        let own = self.result.filter(|result| eax_of(*result) == eax);
        let changed = || match Errno::from_code((eax as i32).wrapping_neg()) {
            Some(errno) => Err(errno.into()),
            None => Ok(eax),
        };
        own.unwrap_or_else(changed)
    }
}

/// A System V message (`struct msg_msg`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its type, at least 1.
    pub kind: i32,
    /// Its text.
    pub text: Vec<u8>,
}
/// A frame that was put on the stack of a task without code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HandlerFrame {
    /// The signal that is handled.
    pub signal: Signal,
    /// Where it comes from.
    pub info: SigInfo,
    /// Whether it is an `rt_sigframe`.
    pub rt: bool,
    /// The return value of the call that the handler follows; the register holds the signal number
    /// now.
    pub eax: u32,
}
