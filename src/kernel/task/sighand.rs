//! The signal state of tasks: the 64 actions (`sighand_struct`), and what the threads of a process
//! share (`signal_struct`).
//!
//! Sending is in `send.rs` and `kill.rs`, taking in `deliver.rs`, stopping in `stop.rs`.

use super::{Itimers, Rlimits, SigPending, Task, Usage};
use crate::abi::{KSigaction, NSIG, Pid, SigAction, SighandId, Signal, SignalId, TaskId};
use crate::kernel::Kernel;
use bitflags::bitflags;

/// The 64 signal actions (`sighand_struct`).
#[derive(Clone, Debug)]
pub struct Sighand {
    /// Number of tasks that share them.
    count: u32,
    actions: [KSigaction; NSIG as usize],
}

impl Sighand {
    /// All actions default, one user.
    pub fn new() -> Self {
        Self {
            count: 1,
            actions: [KSigaction::default(); NSIG as usize],
        }
    }

    /// Number of tasks that share them.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The action for a signal.
    pub const fn action(&self, signal: Signal) -> SigAction {
        self.k_action(signal).handler
    }

    /// The action for a signal, with its flags and mask.
    const fn k_action(&self, signal: Signal) -> KSigaction {
        self.actions[signal.number() as usize - 1]
    }

    /// Sets the action for a signal, without flags.
    pub fn set_action(&mut self, signal: Signal, action: SigAction) {
        self.set_k_action(signal, action.into());
    }

    /// Sets the action for a signal, with its flags and mask.
    pub(in crate::kernel) const fn set_k_action(&mut self, signal: Signal, action: KSigaction) {
        self.actions[signal.number() as usize - 1] = action;
    }

    /// Resets a signal to its default action and keeps its flags.
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

    /// `flush_signal_handlers` at exec: handlers become the default, ignored signals stay ignored,
    /// flags and masks are cleared.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `flush_signal_handlers()`.
    pub(in crate::kernel) fn flush_handlers(&mut self) {
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
    /// `signal->flags`: the state of a process as a whole.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct SignalFlags: u32 {
        /// The process is stopped.
        const STOP_STOPPED = 1;
        /// A stop signal was dequeued.
        const STOP_DEQUEUED = 2;
        /// The process has continued, and this was not reported yet.
        const STOP_CONTINUED = 4;
        /// The whole process is exiting.
        const GROUP_EXIT = 8;
    }
}

/// What the threads of one process share (`signal_struct`).
#[derive(Clone, Debug)]
pub struct SignalStruct {
    /// Number of tasks that hold it, including zombies.
    count: u32,
    /// Number of tasks of the process that have not begun to exit.
    live: u32,
    /// Whether the process is stopping, has continued, or is exiting.
    pub(super) flags: SignalFlags,
    /// The wait status of a group exit, or the signal of a group stop.
    pub(super) group_exit_code: u32,
    /// The thread that will dump core while the others are stopped.
    pub(super) group_exit_task: Option<TaskId>,
    /// The number of holders with which an exec that waits for its threads continues; 0 if none
    /// waits.
    pub(super) notify_count: u32,
    /// Number of threads that have yet to stop for a group stop.
    pub(super) group_stop_count: u32,
    /// The thread that was last chosen for a signal of the process.
    pub curr_target: Option<TaskId>,
    /// Signals pending for the process.
    pub shared_pending: SigPending,
    /// Process group id.
    pub(super) pgrp: Pid,
    /// Session id.
    pub(super) session: Pid,
    /// Whether it is a session leader.
    pub(super) leader: bool,
    /// Whether the terminal is its controlling terminal.
    tty: bool,
    /// The group that was in the foreground when its terminal was hung up; 0 for none.
    tty_old_pgrp: Pid,
    /// Resource limits; all threads share them, and exec keeps them.
    pub rlimits: Rlimits,
    /// `alarm` and interval timers.
    pub itimers: Itimers,
    /// The resource usage of released threads.
    pub dead: Usage,
    /// The resource usage of reaped children.
    pub reaped: Usage,
}

impl SignalStruct {
    /// The structure of a process that is the only member of its group and session.
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
            shared_pending: SigPending::default(),
            pgrp,
            session,
            leader: false,
            tty: false,
            tty_old_pgrp: Pid(0),
            rlimits,
            itimers: Itimers::default(),
            dead: Usage::default(),
            reaped: Usage::default(),
        }
    }

    /// The structure of a process that leads the session and group with its pid.
    pub(in crate::kernel) fn of_session_leader(pid: Pid, rlimits: Rlimits) -> Self {
        Self {
            leader: true,
            ..Self::new(pid, pid, rlimits)
        }
    }

    /// Number of tasks that hold it, including zombies.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Number of tasks of the process that have not begun to exit.
    pub const fn live(&self) -> u32 {
        self.live
    }

    /// Process group id.
    pub const fn pgrp(&self) -> Pid {
        self.pgrp
    }

    /// Session id.
    pub const fn session(&self) -> Pid {
        self.session
    }

    /// Whether it is a session leader.
    pub const fn leader(&self) -> bool {
        self.leader
    }

    /// Whether the terminal is its controlling terminal.
    pub const fn tty(&self) -> bool {
        self.tty
    }

    /// The group that was in the foreground when its terminal was hung up; 0 for none.
    pub const fn tty_old_pgrp(&self) -> Pid {
        self.tty_old_pgrp
    }

    /// Records that the terminal has become its controlling terminal.
    pub(in crate::kernel) const fn set_tty(&mut self) {
        self.tty = true;
        self.tty_old_pgrp = Pid(0);
    }

    /// Takes its controlling terminal away.
    pub(in crate::kernel) const fn take_tty(&mut self) {
        self.tty = false;
    }

    /// Records which group was in the foreground when the terminal was hung up.
    pub(in crate::kernel) const fn set_tty_old_pgrp(&mut self, pgrp: Pid) {
        self.tty_old_pgrp = pgrp;
    }

    /// The structure of a child: it has the controlling terminal of its parent.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_signal()`.
    pub(in crate::kernel) fn of_child(parent: &Self) -> Self {
        Self {
            tty: parent.tty,
            ..Self::new(parent.pgrp, parent.session, parent.rlimits)
        }
    }

    /// Counts a task of the process that begins to exit; returns whether it is the last one.
    pub(in crate::kernel) const fn dec_live_and_test(&mut self) -> bool {
        self.live -= 1;
        self.live == 0
    }
}

impl Task {
    /// Its signal actions (`sighand_struct`), until it is released.
    pub const fn sighand(&self) -> Option<SighandId> {
        self.sighand
    }

    /// What the threads of its process share, until it is released.
    pub const fn signal(&self) -> Option<SignalId> {
        self.signal
    }
}

impl Kernel {
    /// The action of a task for a signal.
    pub fn sigaction_of(&self, task: TaskId, signal: Signal) -> SigAction {
        self.k_sigaction_of(task, signal).handler
    }

    /// The action of a task for a signal, with its flags and mask.
    pub(in crate::kernel) fn k_sigaction_of(&self, task: TaskId, signal: Signal) -> KSigaction {
        self.sighand_of(task).k_action(signal)
    }

    /// The signal actions of a task.
    ///
    /// # Panics
    /// As `signal_of`.
    #[track_caller]
    pub(in crate::kernel) fn sighand_of(&self, task: TaskId) -> &Sighand {
        &self.sighands[self.sighand_id(task)]
    }

    /// The same, to change them.
    ///
    /// # Panics
    /// As `signal_of`.
    #[track_caller]
    pub fn sighand_of_mut(&mut self, task: TaskId) -> &mut Sighand {
        let id = self.sighand_id(task);
        &mut self.sighands[id]
    }

    /// The id of the signal actions of a task.
    ///
    /// # Panics
    /// As `signal_of`.
    #[track_caller]
    fn sighand_id(&self, task: TaskId) -> SighandId {
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

    /// What the threads of a task's process share, for modification.
    ///
    /// # Panics
    /// As `signal_of`.
    #[track_caller]
    pub fn signal_of_mut(&mut self, task: TaskId) -> &mut SignalStruct {
        let id = self.signal_id(task);
        &mut self.signals[id]
    }

    /// The id of what the threads of a task's process share.
    ///
    /// # Panics
    /// As `signal_of`.
    #[track_caller]
    pub(in crate::kernel) fn signal_id(&self, task: TaskId) -> SignalId {
        let signal = self.task(task).signal;
        signal.expect("a task has its signal_struct until it is released")
    }

    /// Gives a task signal actions of its own. Those that it shared keep their other users.
    pub(in crate::kernel) fn set_sighand(&mut self, task: TaskId, sighand: Sighand) {
        self.task_mut(task).sighand = Some(self.sighands.insert(sighand));
    }

    /// Gives a task a `signal_struct` of its own.
    pub(in crate::kernel) fn set_signal(&mut self, task: TaskId, signal: SignalStruct) {
        self.task_mut(task).signal = Some(self.signals.insert(signal));
    }

    /// Counts a new task that shares the signal actions that were copied from its parent.
    pub(in crate::kernel) fn get_sighand(&mut self, child: TaskId) {
        self.sighand_of_mut(child).count += 1;
    }

    /// Counts a new thread, which shares the `signal_struct` that was copied from its parent.
    pub(in crate::kernel) fn get_signal(&mut self, child: TaskId) {
        let shared = self.signal_of_mut(child);
        shared.count += 1;
        shared.live += 1;
    }

    /// Copies signal actions that tasks of other processes share.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`.
    pub(in crate::kernel) fn unshare_sighand(&mut self, current: TaskId) {
        let shared = self.sighand_of_mut(current);
        shared.count -= 1;
        let own = shared.duplicate();
        self.set_sighand(current, own);
    }

    /// Drops one reference to the `signal_struct`. `live` is not touched.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__exit_signal()`.
    pub(in crate::kernel) fn put_signal(&mut self, task: TaskId) {
        let signal = self.signal_id(task);
        self.task_mut(task).signal = None;
        self.signals[signal].count -= 1;
        match self.signals[signal].count {
            0 => drop(self.signals.remove(signal)),
            _ => self.wake_waiting_exec(signal),
        }
    }

    /// Drops one reference to the signal actions.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__exit_sighand()`.
    pub(in crate::kernel) fn put_sighand(&mut self, task: TaskId) {
        let sighand = self.sighand_id(task);
        self.task_mut(task).sighand = None;
        self.sighands[sighand].count -= 1;
        if self.sighands[sighand].count == 0 {
            self.sighands.remove(sighand);
        }
    }
}
