//! Signals, as far as creation and the end of tasks need them: the shared structures, sending, and
//! the default action of a signal that ends its receiver. Handlers, stops and `kill` come later.

use super::Kernel;
use super::cred::Rlimits;
use super::mm::{UserFault, UserFaultKind};
use super::sched::ThreadFlags;
use super::task::PfFlags;
use crate::abi::{DefaultAction, Errno, NSIG, Pid, SigSet, Signal, TaskId, TaskState, VirtAddr};
use crate::trace::TraceEvent;
use bitflags::bitflags;

/// What a signal does: `k_sigaction`.
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

/// The 64 signal actions (`sighand_struct`).
#[derive(Clone, Debug)]
pub struct Sighand {
    /// Tasks that share them.
    pub count: u32,
    actions: [SigAction; NSIG as usize],
}

impl Sighand {
    /// All default, one user.
    pub const fn new() -> Self {
        Self {
            count: 1,
            actions: [SigAction::Default; NSIG as usize],
        }
    }

    /// The action of a signal.
    pub const fn action(&self, signal: Signal) -> SigAction {
        self.actions[signal.number() as usize - 1]
    }

    /// Sets the action of a signal.
    pub const fn set_action(&mut self, signal: Signal, action: SigAction) {
        self.actions[signal.number() as usize - 1] = action;
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

    /// `flush_signal_handlers` at exec: handlers become default, ignored stays ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `flush_signal_handlers()`.
    pub fn flush_handlers(&mut self) {
        for action in &mut self.actions {
            if matches!(action, SigAction::Handler(_)) {
                *action = SigAction::Default;
            }
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
    /// The status word of a group exit.
    pub group_exit_code: u32,
    /// Threads still to stop for a group stop.
    pub group_stop_count: u32,
    /// Which thread was chosen last for a signal of the process.
    pub curr_target: Option<TaskId>,
    /// Signals pending for the process.
    pub shared_pending: SigSet,
    /// Process group.
    pub pgrp: Pid,
    /// Session.
    pub session: Pid,
    /// Session leader.
    pub leader: bool,
    /// Resource limits.
    pub rlimits: Rlimits,
    /// Ticks of released threads.
    pub utime: u32,
    /// Ticks of reaped children.
    pub cutime: u32,
    /// Faults of released threads.
    pub min_flt: u32,
    /// Faults of reaped children.
    pub cmin_flt: u32,
}

impl SignalStruct {
    /// The structure of a process that is alone in its group and session.
    pub fn new(pgrp: Pid, session: Pid, rlimits: Rlimits) -> Self {
        Self {
            count: 1,
            live: 1,
            flags: SignalFlags::empty(),
            group_exit_code: 0,
            group_stop_count: 0,
            curr_target: None,
            shared_pending: SigSet::EMPTY,
            pgrp,
            session,
            leader: false,
            rlimits,
            utime: 0,
            cutime: 0,
            min_flt: 0,
            cmin_flt: 0,
        }
    }
}

impl Kernel {
    /// The resource limits of a task's process.
    pub fn rlimits(&self, task: TaskId) -> Rlimits {
        let signal = self.task(task).signal;
        signal.map_or(Rlimits::initial(self.max_threads), |id| {
            self.signals[id].rlimits
        })
    }

    /// Linux 2.6.12: `kernel/signal.c`, `do_sigaction()`: reads the action and, if `new` is given,
    /// sets it.
    ///
    /// # Errors
    /// `EINVAL` for a bad signal number, or for setting SIGKILL or SIGSTOP.
    pub fn do_sigaction(
        &mut self,
        current: TaskId,
        signal: u32,
        new: Option<SigAction>,
    ) -> Result<SigAction, Errno> {
        let signal = Signal::new(signal).ok_or(Errno::EINVAL)?;
        if new.is_some() && [Signal::SIGKILL, Signal::SIGSTOP].contains(&signal) {
            return Err(Errno::EINVAL);
        }
        let sighand = self.task(current).sighand.ok_or(Errno::EINVAL)?;
        let old = self.sighands[sighand].action(signal);
        if let Some(new) = new {
            self.sighands[sighand].set_action(signal, new);
        }
        Ok(old)
    }

    /// The action of a signal for a task.
    pub fn sigaction_of(&self, task: TaskId, signal: Signal) -> SigAction {
        let sighand = self.task(task).sighand;
        sighand.map_or(SigAction::Default, |id| self.sighands[id].action(signal))
    }

    /// Whether a signal would be dropped where it is made: not blocked, not traced, and ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sig_ignored()`.
    pub fn sig_ignored(&self, task: TaskId, signal: Signal) -> bool {
        if !self.task(task).ptrace.is_empty() || self.task(task).blocked.contains(signal) {
            return false;
        }
        match self.sigaction_of(task, signal) {
            SigAction::Ignore => true,
            SigAction::Handler(_) => false,
            SigAction::Default => signal.default_action() == DefaultAction::Ignore,
        }
    }

    /// Makes a signal pending for a whole process and wakes a thread that can take it.
    ///
    /// Init is left alone: at its next run it would drop every signal that it has no handler for,
    /// and here it has no next run.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__group_send_sig_info()`.
    pub(super) fn group_send_signal(&mut self, target: TaskId, signal: Signal) {
        let Some(shared) = self.task(target).signal else {
            return;
        };
        let pending = self.signals[shared].shared_pending;
        if target == self.init || self.sig_ignored(target, signal) || pending.contains(signal) {
            return;
        }
        self.signals[shared].shared_pending = pending.with(signal);
        let pid = self.pid(target);
        self.trace(target, TraceEvent::SignalGenerate { pid, signal });
        self.group_complete_signal(target, signal);
    }

    /// Finds a thread for a signal of its process. One that will end the process is made the end
    /// of every thread at once.
    ///
    /// Simplified: before a core dump the other threads are not parked.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__group_complete_signal()`.
    fn group_complete_signal(&mut self, target: TaskId, signal: Signal) {
        let (Some(thread), Some(shared)) =
            (self.choose_thread(target, signal), self.task(target).signal)
        else {
            return;
        };
        let fatal = self.sigaction_of(target, signal) == SigAction::Default
            && signal.default_action() == DefaultAction::Terminate;
        let group = &mut self.signals[shared];
        if !fatal || group.flags.contains(SignalFlags::GROUP_EXIT) {
            self.signal_wake_up(thread, signal == Signal::SIGKILL);
            return;
        }
        group.flags = SignalFlags::GROUP_EXIT;
        group.group_exit_code = signal.number();
        group.group_stop_count = 0;
        for thread in self.threads(target) {
            self.send_sigkill(thread);
        }
    }

    /// The addressed thread if it can take the signal, else the next that can, in turn.
    fn choose_thread(&mut self, target: TaskId, signal: Signal) -> Option<TaskId> {
        if self.wants_signal(target, signal) {
            return Some(target);
        }
        let shared = self.task(target).signal?;
        let mut threads = self.threads(target);
        let first = self.signals[shared].curr_target.unwrap_or(target);
        let at = threads
            .iter()
            .position(|thread| *thread == first)
            .unwrap_or(0);
        threads.rotate_left(at);
        let chosen = threads
            .into_iter()
            .find(|thread| self.wants_signal(*thread, signal))?;
        self.signals[shared].curr_target = Some(chosen);
        Some(chosen)
    }

    /// Whether a thread can take a signal of its process now.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `wants_signal()`.
    fn wants_signal(&self, thread: TaskId, signal: Signal) -> bool {
        let task = self.task(thread);
        let sched = self.sched.get(thread);
        let stops = TaskState::STOPPED | TaskState::TRACED;
        let running = self.sched.current(usize::from(sched.cpu)) == thread;
        !task.blocked.contains(signal)
            && !task.flags.contains(PfFlags::EXITING)
            && (signal == Signal::SIGKILL || !sched.state.intersects(stops))
            && (running || !self.signal_pending(thread))
    }

    /// SIGKILL for one task, whatever it does; only an uninterruptible sleep puts it off.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `force_sig_specific()`.
    pub(super) fn send_sigkill(&mut self, task: TaskId) {
        let pending = self.task(task).pending;
        self.task_mut(task).pending = pending.with(Signal::SIGKILL);
        self.signal_wake_up(task, true);
    }

    /// A fault's signal: it cannot be blocked or ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `force_sig_info()`.
    pub(super) fn force_signal(&mut self, task: TaskId, signal: Signal) {
        let blocked = self.task(task).blocked.contains(signal);
        let ignored = self.sigaction_of(task, signal) == SigAction::Ignore;
        if (blocked || ignored)
            && let Some(sighand) = self.task(task).sighand
        {
            self.sighands[sighand].set_action(signal, SigAction::Default);
        }
        let state = self.task_mut(task);
        state.blocked = state.blocked.without(signal);
        state.pending = state.pending.with(signal);
        let pid = self.pid(task);
        self.trace(task, TraceEvent::SignalGenerate { pid, signal });
        self.signal_wake_up(task, false);
    }

    /// Sets TIF_SIGPENDING and wakes an interruptible sleeper; with `resume` stopped ones too.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `signal_wake_up()`.
    pub(super) fn signal_wake_up(&mut self, task: TaskId, resume: bool) {
        // Init has no program here and is never queued: it takes its signals when it gets one.
        if task == self.init {
            return;
        }
        self.sched.get_mut(task).thread_flags |= ThreadFlags::SIGPENDING;
        let stops = TaskState::STOPPED | TaskState::TRACED;
        let mask = if resume {
            TaskState::INTERRUPTIBLE | stops
        } else {
            TaskState::INTERRUPTIBLE
        };
        let (sched, mut ctx) = self.sched_ctx();
        sched.try_to_wake_up(&mut ctx, task, mask, false);
    }

    /// Whether the task has a signal to take on its way back to user mode.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `signal_pending()`.
    pub fn signal_pending(&self, task: TaskId) -> bool {
        self.sched
            .get(task)
            .thread_flags
            .contains(ThreadFlags::SIGPENDING)
    }

    /// What a fault in user mode that could not be mended does to the current task.
    ///
    /// Linux 2.6.12: `arch/i386/mm/fault.c`, the ends of `do_page_fault()`.
    pub fn raise_fault(&mut self, current: TaskId, fault: &UserFault) {
        match fault.kind {
            UserFaultKind::Segv { .. } => self.force_signal(current, Signal::SIGSEGV),
            UserFaultKind::Bus => self.force_signal(current, Signal::SIGBUS),
            UserFaultKind::Oom => self.kill_current(current),
        }
    }

    /// Ends the current task as if by SIGKILL, without a signal: there is no memory for it.
    pub fn kill_current(&mut self, current: TaskId) {
        self.do_exit(current, Signal::SIGKILL.number());
    }
}
