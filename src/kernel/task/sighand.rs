//! What tasks hold of signals: the 64 actions (`sighand_struct`) and what the threads of a process
//! share (`signal_struct`).
//!
//! Sending is in `send.rs` and `kill.rs`, taking in `deliver.rs`, stopping in `stop.rs`.

use super::{Itimers, Rlimits, SigQueue, Usage};
use crate::abi::{NSIG, Pid, SigSet, SighandId, Signal, SignalId, TaskId, VirtAddr};
use crate::kernel::Kernel;
use bitflags::bitflags;

/// What a signal does: the handler of a `k_sigaction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SigAction {
    /// `SIG_DFL`.
    #[default]
    Default,
    /// `SIG_IGN`.
    Ignore,
    /// A handler at that user address.
    Handler(VirtAddr),
}

impl SigAction {
    /// From the word that user space gives.
    pub const fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Default,
            1 => Self::Ignore,
            addr => Self::Handler(VirtAddr(addr)),
        }
    }

    /// The word that user space sees.
    pub const fn word(self) -> u32 {
        match self {
            Self::Default => 0,
            Self::Ignore => 1,
            Self::Handler(addr) => addr.0,
        }
    }
}

bitflags! {
    /// `sa_flags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct SaFlags: u32 {
        /// No SIGCHLD when children stop or go on.
        const NOCLDSTOP = 1;
        /// Children that end leave no zombies.
        const NOCLDWAIT = 2;
        /// The handler gets three arguments.
        const SIGINFO = 4;
        /// `sa_restorer` is where the handler returns to.
        const RESTORER = 0x0400_0000;
        /// The handler runs on the alternate stack.
        const ONSTACK = 0x0800_0000;
        /// Calls that the handler interrupts are made again.
        const RESTART = 0x1000_0000;
        /// The handler does not block its own signal, nor `sa_mask`.
        const NODEFER = 0x4000_0000;
        /// The action is the default again when the handler is entered.
        const RESETHAND = 0x8000_0000;
    }
}

/// `struct k_sigaction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KSigaction {
    /// `sa_handler`.
    pub handler: SigAction,
    /// `sa_flags`, with bits that may be unknown.
    pub flags: SaFlags,
    /// `sa_restorer`.
    pub restorer: VirtAddr,
    /// `sa_mask`: what is blocked while the handler runs.
    pub mask: SigSet,
}

impl From<SigAction> for KSigaction {
    fn from(handler: SigAction) -> Self {
        Self {
            handler,
            ..Self::default()
        }
    }
}

/// The 64 signal actions (`sighand_struct`).
#[derive(Clone, Debug)]
pub struct Sighand {
    /// Tasks that share them.
    pub count: u32,
    actions: [KSigaction; NSIG as usize],
}

impl Sighand {
    /// All default, one user.
    pub fn new() -> Self {
        Self {
            count: 1,
            actions: [KSigaction::default(); NSIG as usize],
        }
    }

    /// What a signal does.
    pub const fn action(&self, signal: Signal) -> SigAction {
        self.k_action(signal).handler
    }

    /// What a signal does, with all that was said about it.
    pub const fn k_action(&self, signal: Signal) -> KSigaction {
        self.actions[signal.number() as usize - 1]
    }

    /// Sets what a signal does, without flags.
    pub fn set_action(&mut self, signal: Signal, action: SigAction) {
        self.set_k_action(signal, action.into());
    }

    /// Sets what a signal does and all that is said about it.
    pub const fn set_k_action(&mut self, signal: Signal, action: KSigaction) {
        self.actions[signal.number() as usize - 1] = action;
    }

    /// Makes the action of a signal the default one and keeps its flags.
    pub(in crate::kernel) const fn reset_handler(&mut self, signal: Signal) {
        self.actions[signal.number() as usize - 1].handler = SigAction::Default;
    }

    /// A copy for one task (`copy_sighand`).
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_sighand()`.
    pub fn duplicate(&self) -> Self {
        Self {
            count: 1,
            ..self.clone()
        }
    }

    /// `flush_signal_handlers` at exec: handlers become default, ignored stays ignored, flags and
    /// masks are forgotten.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `flush_signal_handlers()`.
    pub fn flush_handlers(&mut self) {
        for action in &mut self.actions {
            let kept = match action.handler {
                SigAction::Ignore => SigAction::Ignore,
                SigAction::Default | SigAction::Handler(_) => SigAction::Default,
            };
            *action = kept.into();
        }
    }
}

impl Default for Sighand {
    fn default() -> Self {
        Self::new()
    }
}

bitflags! {
    /// `signal->flags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct SignalFlags: u32 {
        /// The process is stopped.
        const STOP_STOPPED = 1;
        /// A stop signal was dequeued.
        const STOP_DEQUEUED = 2;
        /// The process went on, not yet reported.
        const STOP_CONTINUED = 4;
        /// The whole process is ending.
        const GROUP_EXIT = 8;
    }
}

/// What the threads of one process share (`signal_struct`).
#[derive(Clone, Debug)]
pub struct SignalStruct {
    /// Tasks that hold it, zombies included.
    pub count: u32,
    /// Tasks of the process that have not begun to exit.
    pub live: u32,
    /// See [`SignalFlags`].
    pub flags: SignalFlags,
    /// The status word of a group exit, or the signal of a group stop.
    pub group_exit_code: u32,
    /// The thread that will dump core while the others are stopped.
    pub group_exit_task: Option<TaskId>,
    /// With how many holders left an exec that waits for its threads goes on; 0 if none waits.
    pub notify_count: u32,
    /// Threads still to stop for a group stop.
    pub group_stop_count: u32,
    /// Which thread was chosen last for a signal of the process.
    pub curr_target: Option<TaskId>,
    /// Signals pending for the process.
    pub shared_pending: SigSet,
    /// What comes with them.
    pub shared_queue: SigQueue,
    /// Process group.
    pub pgrp: Pid,
    /// Session.
    pub session: Pid,
    /// Session leader.
    pub leader: bool,
    /// Resource limits.
    pub rlimits: Rlimits,
    /// `alarm` and interval timers.
    pub itimers: Itimers,
    /// What released threads have used.
    pub dead: Usage,
    /// What reaped children have used.
    pub reaped: Usage,
}

impl SignalStruct {
    /// The structure of a process that is alone in its group and session.
    pub fn new(pgrp: Pid, session: Pid, rlimits: Rlimits) -> Self {
        Self {
            count: 1,
            live: 1,
            flags: SignalFlags::empty(),
            group_exit_code: 0,
            group_exit_task: None,
            notify_count: 0,
            group_stop_count: 0,
            curr_target: None,
            shared_pending: SigSet::EMPTY,
            shared_queue: SigQueue::default(),
            pgrp,
            session,
            leader: false,
            rlimits,
            itimers: Itimers::default(),
            dead: Usage::default(),
            reaped: Usage::default(),
        }
    }
}

impl Kernel {
    /// What a signal does to a task.
    pub fn sigaction_of(&self, task: TaskId, signal: Signal) -> SigAction {
        self.k_sigaction_of(task, signal).handler
    }

    /// What a signal does to a task, with all that was said about it.
    pub fn k_sigaction_of(&self, task: TaskId, signal: Signal) -> KSigaction {
        self.sighand_of(task).k_action(signal)
    }

    /// The signal actions of a task.
    ///
    /// # Panics
    /// As [`Kernel::signal_of`].
    #[track_caller]
    pub fn sighand_of(&self, task: TaskId) -> &Sighand {
        &self.sighands[self.sighand_id(task)]
    }

    /// The same, to change them.
    ///
    /// # Panics
    /// As [`Kernel::signal_of`].
    #[track_caller]
    pub fn sighand_of_mut(&mut self, task: TaskId) -> &mut Sighand {
        let id = self.sighand_id(task);
        &mut self.sighands[id]
    }

    /// The id of the signal actions of a task.
    ///
    /// # Panics
    /// As [`Kernel::signal_of`].
    #[track_caller]
    pub(in crate::kernel) fn sighand_id(&self, task: TaskId) -> SighandId {
        let sighand = self.task(task).sighand;
        sighand.expect("a task has its signal actions until it is released")
    }

    /// What the threads of a task's process share.
    ///
    /// # Panics
    /// If the task has none, which is a bug of ours: every process has one, zombies included, until
    /// `release_task()`. The idle tasks and the migration threads have none, nor does a released
    /// task that still has the CPU.
    #[track_caller]
    pub(in crate::kernel) fn signal_of(&self, task: TaskId) -> &SignalStruct {
        &self.signals[self.signal_id(task)]
    }

    /// The same, to change it.
    ///
    /// # Panics
    /// As [`Kernel::signal_of`].
    #[track_caller]
    pub(in crate::kernel) fn signal_of_mut(&mut self, task: TaskId) -> &mut SignalStruct {
        let id = self.signal_id(task);
        &mut self.signals[id]
    }

    /// The id of what the threads of a task's process share.
    ///
    /// # Panics
    /// As [`Kernel::signal_of`].
    #[track_caller]
    pub(in crate::kernel) fn signal_id(&self, task: TaskId) -> SignalId {
        let signal = self.task(task).signal;
        signal.expect("a task has its signal_struct until it is released")
    }
}
