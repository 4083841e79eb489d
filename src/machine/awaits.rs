//! What a task waits for inside a call, and who could end that.

use super::{Machine, Who};
use crate::abi::TaskId;
use crate::kernel::task::Continuation;
use std::fmt;

/// What a task waits for inside a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Awaits {
    /// That its vfork child gives the memory up.
    Vfork(Who),
    /// That a child ends; this is the first that it could be.
    Exit(Who),
    /// Bytes in a pipe.
    Data,
    /// Room in a pipe.
    Room,
    /// A line on the console.
    Line,
    /// That it is woken at a word of its memory.
    Word,
    /// Semaphores of that set.
    Semaphores(i32),
    /// A signal.
    Signal,
    /// That the other threads of its process have ended.
    Threads,
}

impl Awaits {
    /// What would help, in one sentence.
    pub(super) fn remedy(&self) -> String {
        match self {
            Self::Exit(child) => format!("let a child end: task({}).exit(0)", child.pid),
            Self::Vfork(child) => format!(
                "let the child go on: task({0}).exit(0) or task({0}).exec(\"true\")",
                child.pid
            ),
            Self::Data => "let a task that has the other end sys_write() or close() it".to_owned(),
            Self::Room => "let a task that has the other end sys_read() it".to_owned(),
            Self::Line => "type(\"..\\n\") types a line".to_owned(),
            Self::Word => "let a task that shares the word wake it with futex".to_owned(),
            Self::Semaphores(id) => format!("let another task semop({id}, ..)"),
            Self::Signal => {
                "let another task kill() it with a signal that it does not block".to_owned()
            }
            Self::Threads => "let them leave the calls that no signal ends; see ps()".to_owned(),
        }
    }

    /// The kernel's rule behind it, with its place in the source.
    pub(super) const fn rule(&self) -> &'static str {
        match self {
            Self::Exit(_) => {
                "do_wait() sleeps until a child that the arguments mean has ended (kernel/exit.c)"
            }
            Self::Vfork(_) => {
                "with CLONE_VFORK do_fork() ends in wait_for_completion(&vfork); mm_release() of \
                 the child completes it, at exec or exit (kernel/fork.c)"
            }
            Self::Data => {
                "pipe_readv() sleeps while the pipe is empty and has a writer (fs/pipe.c)"
            }
            Self::Room => "pipe_writev() sleeps while all 16 pages are in use (fs/pipe.c)",
            Self::Line => "read_chan() sleeps until a line was typed (drivers/char/n_tty.c)",
            Self::Word => "futex_wait() sleeps until futex_wake() takes it out (kernel/futex.c)",
            Self::Semaphores(_) => {
                "sys_semtimedop() sleeps until update_queue() finds that all can be done (ipc/sem.c)"
            }
            Self::Signal => {
                "it sleeps in TASK_INTERRUPTIBLE until a signal comes (kernel/signal.c)"
            }
            Self::Threads => {
                "de_thread() sleeps in TASK_UNINTERRUPTIBLE until it is alone (fs/exec.c)"
            }
        }
    }
}

/// What has to happen first, after "until".
impl fmt::Display for Awaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vfork(child) => write!(f, "{child} execs or exits"),
            Self::Exit(child) => write!(f, "a child ends, {child} perhaps"),
            Self::Data => f.write_str("somebody writes to the pipe"),
            Self::Room => f.write_str("there is room in the pipe"),
            Self::Line => f.write_str("a line is typed"),
            Self::Word => f.write_str("it is woken at its word"),
            Self::Semaphores(id) => write!(f, "the semaphores of set {id} allow it"),
            Self::Signal => f.write_str("it gets a signal"),
            Self::Threads => f.write_str("its other threads have ended"),
        }
    }
}

impl Machine {
    /// What a task waits for inside the call that it is in, if that is something to be named.
    pub fn awaits(&self, task: TaskId) -> Option<Awaits> {
        Some(match self.kernel.tasks.get(task)?.in_call.continuation? {
            Continuation::VforkWait { child, .. } => Awaits::Vfork(self.who_has(child)),
            Continuation::Wait4 { args, .. } => {
                Awaits::Exit(self.who(self.kernel.awaited_child(task, args)?))
            }
            Continuation::PipeRead(_) => Awaits::Data,
            Continuation::PipeWrite(_) => Awaits::Room,
            Continuation::ReadConsole { .. } => Awaits::Line,
            Continuation::Futex { .. } => Awaits::Word,
            Continuation::Semop { id, .. } => Awaits::Semaphores(id),
            Continuation::Pause
            | Continuation::Sigsuspend { .. }
            | Continuation::Sigtimedwait { .. } => Awaits::Signal,
            Continuation::ExecWaitsForThreads | Continuation::ExecWaitsForLeader => Awaits::Threads,
            _ => return None,
        })
    }
}
