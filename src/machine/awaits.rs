//! What a task waits for inside a system call, and what could end the wait.

use super::{Giver, Machine, Who};
use crate::abi::TaskId;
use crate::kernel::task::Continuation;
use std::fmt;

/// What a task waits for inside a system call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Awaits {
    /// Its vfork child must release the memory.
    Vfork(Who),
    /// A child must exit; this is the first that it could be.
    Exit(Who),
    /// Data in a pipe.
    Data,
    /// Data in a pipe whose writing end only the task itself holds.
    OwnData,
    /// Room in a pipe.
    Room,
    /// Room in a pipe whose reading end only the task itself holds.
    OwnRoom,
    /// A line on the console.
    Line,
    /// A wake-up on a futex.
    Word,
    /// The semaphores of that set.
    Semaphores(i32),
    /// A signal with a handler, or one of the requested signals.
    Signal,
    /// The other threads of its process must exit.
    Threads,
}

impl Awaits {
    /// How to end the wait, in one sentence.
    pub(super) fn remedy(&self) -> String {
        match self {
            Self::Exit(child) => format!("let a child exit: task({}).exit(0)", child.pid),
            Self::Vfork(child) => format!(
                "let the child continue: task({0}).exit(0) or task({0}).exec(\"true\")",
                child.pid
            ),
            Self::Data => "let a task with the other end sys_write() or close() it".to_owned(),
            Self::OwnData => {
                "nobody else can write to it: let a task kill() it; next time, close the writing \
                 end before reading"
                    .to_owned()
            }
            Self::OwnRoom => {
                "nobody else can read it: let a task kill() it; next time, let a child read"
                    .to_owned()
            }
            Self::Room => "let a task with the other end sys_read() it".to_owned(),
            Self::Line => "type(\"..\\n\") types a line".to_owned(),
            Self::Word => "let a task that shares the memory wake it with futex".to_owned(),
            Self::Semaphores(id) => format!("let another task semop({id}, ..)"),
            Self::Signal => {
                "let another task kill() it with a signal that it does not block".to_owned()
            }
            Self::Threads => {
                "let them leave the calls that no signal can interrupt; see ps()".to_owned()
            }
        }
    }

    /// The kernel rule behind it, with its place in the source.
    pub(super) const fn rule(&self) -> &'static str {
        match self {
            Self::Exit(_) => {
                "do_wait() sleeps until a child that matches the arguments has exited \
                 (kernel/exit.c)"
            }
            Self::Vfork(_) => {
                "with CLONE_VFORK, do_fork() ends in wait_for_completion(&vfork); the child's \
                 mm_release() completes it at exec or exit (kernel/fork.c)"
            }
            Self::Data | Self::OwnData => {
                "pipe_readv() sleeps while the pipe is empty and has a writer (fs/pipe.c)"
            }
            Self::Room | Self::OwnRoom => {
                "pipe_writev() sleeps while all 16 pages are in use (fs/pipe.c)"
            }
            Self::Line => "read_chan() sleeps until a line is typed (drivers/char/n_tty.c)",
            Self::Word => {
                "futex_wait() sleeps until futex_wake() removes it from the queue \
                 (kernel/futex.c)"
            }
            Self::Semaphores(_) => {
                "sys_semtimedop() sleeps until update_queue() finds that all operations can be \
                 done (ipc/sem.c)"
            }
            Self::Signal => {
                "it sleeps in TASK_INTERRUPTIBLE until a signal arrives (kernel/signal.c)"
            }
            Self::Threads => {
                "de_thread() sleeps in TASK_UNINTERRUPTIBLE until no other thread is left \
                 (fs/exec.c)"
            }
        }
    }
}

/// What must happen first, as the words after "until".
impl fmt::Display for Awaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vfork(child) => write!(f, "{child} execs or exits"),
            Self::Exit(child) => write!(f, "a child exits, such as {child}"),
            Self::Data => f.write_str("another task writes to the pipe"),
            Self::OwnData => {
                f.write_str("data comes into the pipe, whose writing end only it holds itself")
            }
            Self::OwnRoom => {
                f.write_str("there is room in the pipe, whose reading end only it holds itself")
            }
            Self::Room => f.write_str("there is room in the pipe"),
            Self::Line => f.write_str("a line is typed"),
            Self::Word => f.write_str("its futex is woken"),
            Self::Semaphores(id) => write!(f, "the semaphores of set {id} allow it"),
            Self::Signal => f.write_str("it gets a signal"),
            Self::Threads => f.write_str("its other threads have exited"),
        }
    }
}

impl Machine {
    /// What a task waits for inside its current system call, if that can be named.
    pub fn awaits(&self, task: TaskId) -> Option<Awaits> {
        Some(match self.kernel.tasks().get(task)?.in_call.continuation? {
            Continuation::VforkWait { child, .. } => Awaits::Vfork(self.who_has(child)),
            Continuation::Wait4 { args, .. } => {
                let children = self.kernel.awaited_children(task, args);
                Awaits::Exit(self.who(*children.first()?))
            }
            Continuation::PipeRead(_) if self.waits_for_itself(task) => Awaits::OwnData,
            Continuation::PipeRead(_) => Awaits::Data,
            Continuation::PipeWrite(_) if self.waits_for_itself(task) => Awaits::OwnRoom,
            Continuation::PipeWrite(_) => Awaits::Room,
            Continuation::TtyRead(_) => Awaits::Line,
            Continuation::Futex { .. } => Awaits::Word,
            Continuation::Semop { id, .. } => Awaits::Semaphores(id),
            Continuation::Pause
            | Continuation::Sigsuspend { .. }
            | Continuation::Sigtimedwait { .. } => Awaits::Signal,
            Continuation::ExecWaitsForThreads | Continuation::ExecWaitsForLeader => Awaits::Threads,
            _ => return None,
        })
    }

    /// Whether only the task itself could end its wait.
    fn waits_for_itself(&self, task: TaskId) -> bool {
        let circle = self.circle(task);
        circle
            .first()
            .is_some_and(|link| link.giver == Giver::Itself)
    }
}
