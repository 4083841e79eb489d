//! Sending signals: making them pending for a thread or a process, finding a thread that takes
//! them, and the immediate effects of stop and continue signals.

use super::kill_rules::{Taker, does_nothing, sig_fatal, sig_ignored, wants_signal};
use crate::abi::{
    DefaultAction, Errno, PfFlags, PtFlags, SigAction, SigInfo, SigSet, Signal, TaskId, TaskState,
    si_code,
};
use crate::kernel::Kernel;
use crate::kernel::sched::{ThreadFlags, Waker};
use crate::kernel::task::{Pending, SendInfo, SignalFlags};
use crate::trace::{Cause, TraceEvent};

/// Whom a pending signal wakes: `resume` of `signal_wake_up()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) enum Wakes {
    /// Interruptible sleepers.
    Sleepers,
    /// Stopped tasks, too.
    Stopped,
}

impl Wakes {
    /// Only SIGKILL ends a stop.
    fn of(signal: Signal) -> Self {
        if signal == Signal::SIGKILL {
            Self::Stopped
        } else {
            Self::Sleepers
        }
    }
}

impl Kernel {
    /// Whether a signal would be discarded when it is sent: not blocked, not traced, and ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sig_ignored()`.
    pub(super) fn sig_ignored(&self, task: TaskId, signal: Signal) -> bool {
        let action = self.sigaction_of(task, signal);
        let traced = self.task(task).ptrace().contains(PtFlags::PTRACED);
        sig_ignored(signal, action, self.task(task).blocked(), traced)
    }

    /// Makes a signal from the kernel pending for a whole process.
    pub(in crate::kernel) fn group_send_signal(&mut self, target: TaskId, signal: Signal) {
        // A signal from the kernel never fails.
        let _sent = self.group_send_sig_info(signal, SendInfo::Kernel, target);
    }

    /// Makes a signal pending for a whole process and wakes a thread that can take it. A standard
    /// signal that is already pending is not queued again.
    ///
    /// Init is left alone: when it next ran it would discard every signal without a handler, but
    /// here it never runs.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__group_send_sig_info()`.
    ///
    /// # Errors
    /// As for [`Kernel::send_signal`].
    pub(in crate::kernel) fn group_send_sig_info(
        &mut self,
        signal: Signal,
        info: SendInfo,
        target: TaskId,
    ) -> Result<(), Errno> {
        let shared = self.shared_pending(target);
        // SIGCONT resumes a process and a stop signal discards SIGCONT even if the signal itself is
        // then dropped as ignored.
        self.handle_stop_signal(signal, target);
        if self.is_dropped(signal, target, shared) {
            return Ok(());
        }
        self.send_signal(signal, info, target, shared)?;
        let context = self.trace_generated(target, signal);
        self.group_complete_signal(target, signal);
        if target == self.init {
            self.init_takes_signals();
        }
        self.end_cause(context);
        Ok(())
    }

    /// Makes a signal pending for one thread and wakes it.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `specific_send_sig_info()`.
    ///
    /// # Errors
    /// As for [`Kernel::send_signal`].
    pub(in crate::kernel) fn specific_send_sig_info(
        &mut self,
        signal: Signal,
        info: SendInfo,
        target: TaskId,
    ) -> Result<(), Errno> {
        let private = Pending::Private(target);
        if self.is_dropped(signal, target, private) {
            return Ok(());
        }
        self.send_signal(signal, info, target, private)?;
        let context = self.log.context(self.this_cpu);
        if info != SendInfo::Forced {
            self.trace_generated(target, signal);
        }
        if !self.task(target).blocked().contains(signal) {
            self.signal_wake_up(target, Wakes::of(signal));
        }
        if target == self.init {
            self.init_takes_signals();
        }
        self.end_cause(context);
        Ok(())
    }

    /// Queues the entry of a timer for one thread; returns whether the signal was not ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_sigqueue()`.
    pub(in crate::kernel) fn send_sigqueue(
        &mut self,
        target: TaskId,
        info: SigInfo,
        timer: i32,
    ) -> bool {
        let private = Pending::Private(target);
        if self.pending_mut(private).overruns(timer, info) {
            return true;
        }
        if self.sig_ignored(target, info.signal) {
            return false;
        }
        let sent = self.log.next_event();
        self.pending_mut(private).queue_timer(info, sent);
        let context = self.trace_generated(target, info.signal);
        if !self.task(target).blocked().contains(info.signal) {
            self.signal_wake_up(target, Wakes::of(info.signal));
        }
        self.end_cause(context);
        true
    }

    /// Queues the entry of a timer for a process; returns whether the signal was not ignored.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_group_sigqueue()`.
    pub(in crate::kernel) fn send_group_sigqueue(
        &mut self,
        target: TaskId,
        info: SigInfo,
        timer: i32,
    ) -> bool {
        self.handle_stop_signal(info.signal, target);
        if self.sig_ignored(target, info.signal) {
            return false;
        }
        let shared = self.shared_pending(target);
        if self.pending_mut(shared).overruns(timer, info) {
            return true;
        }
        let sent = self.log.next_event();
        self.pending_mut(shared).queue_timer(info, sent);
        let context = self.trace_generated(target, info.signal);
        self.group_complete_signal(target, info.signal);
        self.end_cause(context);
        true
    }

    /// Traces that a signal was sent, as the cause of what follows; returns the context until now.
    fn trace_generated(&mut self, target: TaskId, signal: Signal) -> Cause {
        let pid = self.pid(target);
        self.trace_cause(target, TraceEvent::SignalGenerate { pid, signal })
    }

    /// Sends a signal from the kernel to one thread.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_sig()` with `priv`.
    pub(in crate::kernel) fn send_sig(&mut self, target: TaskId, signal: Signal) {
        // A standard signal from the kernel is always queued.
        let _sent = self.specific_send_sig_info(signal, SendInfo::Kernel, target);
    }

    /// Whether a signal ends here: it is ignored, or pending already.
    fn is_dropped(&mut self, signal: Signal, target: TaskId, whose: Pending) -> bool {
        if self.sig_ignored(target, signal) {
            let (pid, action) = (self.pid(target), self.sigaction_of(target, signal));
            let event = TraceEvent::SignalIgnored {
                pid,
                signal,
                action,
            };
            self.trace(target, event);
            return true;
        }
        self.is_queued_already(signal, whose)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `LEGACY_QUEUE()`.
    fn is_queued_already(&self, signal: Signal, whose: Pending) -> bool {
        !signal.is_realtime() && self.pending_set(whose).contains(signal)
    }

    /// The immediate effects of stop signals, SIGCONT and SIGKILL on a process, whether they are
    /// blocked, ignored or handled.
    ///
    /// A task that has exited is skipped. The kernel means to skip processes that are exiting, but
    /// tests the flag in the flags of the task, where the same bit means that the task is dead.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `handle_stop_signal()`.
    pub(super) fn handle_stop_signal(&mut self, signal: Signal, target: TaskId) {
        if self.sched.get(target).dead {
            return;
        }
        match signal {
            Signal::SIGCONT => self.continue_group(target),
            Signal::SIGKILL => self.signal_of_mut(target).clear_flags(),
            _ if signal.default_action() == DefaultAction::Stop => {
                self.rm_from_group(SigSet::of(&[Signal::SIGCONT]), target);
            }
            _ => {}
        }
    }

    /// SIGCONT: cancels stop signals, resumes stopped threads, and notifies the parent.
    fn continue_group(&mut self, target: TaskId) {
        if self.signal_of_mut(target).continue_unfinished_stop() {
            self.notify_of_group(target, si_code::CLD_STOPPED);
        }
        // Discarded before anybody runs: a resumed thread would take the old stop signal, and stop.
        self.rm_from_group(SigSet::STOPS, target);
        for thread in self.threads_from(target) {
            self.wake_for_sigcont(thread);
        }
        if self.signal_of_mut(target).continue_stopped() {
            self.notify_of_group(target, si_code::CLD_CONTINUED);
        }
    }

    /// Resumes a thread for SIGCONT. If it handles the signal, it must enter the handler before
    /// anything else happens in user mode.
    fn wake_for_sigcont(&mut self, thread: TaskId) {
        let handled = matches!(
            self.sigaction_of(thread, Signal::SIGCONT),
            SigAction::Handler(_)
        );
        let mut mask = TaskState::STOPPED;
        if handled && !self.task(thread).blocked().contains(Signal::SIGCONT) {
            // SIGCONT itself becomes pending only later. The flag must be set before the thread
            // wakes, so that it looks for signals on its way out.
            self.set_sigpending(thread);
            mask |= TaskState::INTERRUPTIBLE;
        }
        if thread == self.init {
            self.wake_init(mask);
            return;
        }
        let (sched, mut ctx) = self.sched_ctx();
        sched.try_to_wake_up(&mut ctx, thread, mask, Waker::GoesOn);
    }

    /// Notifies the parent of a process, or the tracer of the addressed thread, of a stop or its
    /// end.
    fn notify_of_group(&mut self, target: TaskId, why: i32) {
        // The parent of init is the idle task, which waits for nobody.
        if target == self.init {
            return;
        }
        let task = self.task(target);
        if task.ptrace().contains(PtFlags::PTRACED) {
            let tracer = task.parent();
            self.do_notify_parent_cldstop(target, tracer, why);
        } else {
            let leader = task.group_leader();
            let parent = self.task(leader).real_parent();
            self.do_notify_parent_cldstop(leader, parent, why);
        }
    }

    /// Finds a thread for a signal of its process. A signal that will kill the process kills every
    /// thread at once; before a core dump, the other threads are parked.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__group_complete_signal()`.
    fn group_complete_signal(&mut self, target: TaskId, signal: Signal) {
        let Some(thread) = self.choose_thread(target, signal) else {
            return;
        };
        let chosen = self.task(thread);
        let traced = chosen.ptrace().contains(PtFlags::PTRACED);
        let ends_group = sig_fatal(signal, self.sigaction_of(target, signal))
            && !self
                .signal_of(target)
                .flags()
                .contains(SignalFlags::GROUP_EXIT)
            && !chosen.real_blocked().contains(signal)
            && (signal == Signal::SIGKILL || !traced);
        if !ends_group {
            self.signal_wake_up(thread, Wakes::of(signal));
        } else if signal.default_action() == DefaultAction::Core {
            self.park_for_core_dump(target, thread);
        } else {
            let group = self.signal_of_mut(target);
            group.begin_group_exit(signal.number());
            group.exit_overrides_stop();
            // All are killed now, not when the first has taken the signal: until then the others
            // would go on in user mode.
            for thread in self.threads_from(target) {
                self.kill_thread(thread);
            }
        }
    }

    /// Makes all threads but the chosen one stop until it has dumped core.
    fn park_for_core_dump(&mut self, target: TaskId, chosen: TaskId) {
        // The chosen thread would otherwise take a stop signal before the fatal one, whose number may
        // be higher.
        self.rm_from_queue(SigSet::STOPS, Pending::Private(chosen));
        self.rm_from_queue(SigSet::STOPS, self.shared_pending(target));
        let threads = self.threads_from(target);
        let group = self.signal_of_mut(target);
        group.park_for_core_dump(chosen, threads.len() as u32);
        for thread in threads {
            self.signal_wake_up(thread, Wakes::Sleepers);
        }
        // The chosen thread runs whatever it sleeps in: the others wait for it. Init is never queued.
        if chosen != self.init {
            self.wake_up_process(chosen);
        }
    }

    /// The addressed thread if it can take the signal, otherwise the next one that can, in turn.
    fn choose_thread(&mut self, target: TaskId, signal: Signal) -> Option<TaskId> {
        if self.wants_signal(target, signal) {
            return Some(target);
        }
        if self.thread_group_empty(target) {
            return None;
        }
        // The search starts where the last one ended, so that the threads share the signals.
        let group = self.signal_of_mut(target);
        let first = *group.curr_target.get_or_insert(target);
        let chosen = self
            .threads_from(first)
            .into_iter()
            .find(|thread| self.wants_signal(*thread, signal))?;
        self.signal_of_mut(target).curr_target = Some(chosen);
        Some(chosen)
    }

    /// Whether a thread can take a signal of its process now.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `wants_signal()`.
    fn wants_signal(&self, thread: TaskId, signal: Signal) -> bool {
        let (task, sched) = (self.task(thread), self.sched.get(thread));
        let stops = TaskState::STOPPED | TaskState::TRACED;
        let taker = Taker {
            blocks: task.blocked().contains(signal),
            stopped: sched.state.intersects(stops),
            exiting: task.flags.contains(PfFlags::EXITING),
            on_cpu: self.sched.current(usize::from(sched.cpu)) == thread,
            told: self.signal_pending(thread),
        };
        wants_signal(signal, taker)
    }

    /// Adds SIGKILL to a thread's private signals without queueing an entry. Only an
    /// uninterruptible sleep delays its effect.
    pub(in crate::kernel) fn kill_thread(&mut self, task: TaskId) {
        self.task_mut(task).pending.sigaddset(Signal::SIGKILL);
        self.signal_wake_up(task, Wakes::Stopped);
    }

    /// Sends a private signal that the task can neither block nor ignore, and that needs no queue
    /// entry.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `force_sig_specific()`.
    pub(in crate::kernel) fn force_sig_specific(&mut self, task: TaskId, signal: Signal) {
        if self.sigaction_of(task, signal) == SigAction::Ignore {
            self.reset_handler(task, signal);
        }
        self.unblock(task, signal);
        // Nothing is queued, so nothing can fail.
        let _sent = self.specific_send_sig_info(signal, SendInfo::Forced, task);
    }

    /// Sends a signal that the task cannot block or ignore: if it is blocked or ignored, it is
    /// unblocked and its action reset to the default.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `force_sig_info()`.
    pub(in crate::kernel) fn force_sig_info(
        &mut self,
        task: TaskId,
        signal: Signal,
        info: SendInfo,
    ) {
        let blocked = self.task(task).blocked().contains(signal);
        let ignored = self.sigaction_of(task, signal) == SigAction::Ignore;
        if blocked || ignored {
            // A fault that the task cannot take would come back at the same instruction for ever, so
            // even a handler is given up, not only the mask.
            self.reset_handler(task, signal);
            self.unblock(task, signal);
        }
        // A standard signal from the kernel is always queued.
        let _sent = self.specific_send_sig_info(signal, info, task);
    }

    /// Forces a signal from the kernel.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `force_sig()`.
    pub(in crate::kernel) fn force_signal(&mut self, task: TaskId, signal: Signal) {
        self.force_sig_info(task, signal, SendInfo::Kernel);
    }

    /// Forces SIGSEGV because a handler of `signal` cannot be entered or left.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `force_sigsegv()`.
    pub(super) fn force_sigsegv(&mut self, task: TaskId, signal: Signal) {
        // Its own handler would fail in the same way again and again.
        if signal == Signal::SIGSEGV {
            self.reset_handler(task, signal);
        }
        self.force_signal(task, Signal::SIGSEGV);
    }

    /// Resets a signal to its default action.
    pub(in crate::kernel) fn reset_handler(&mut self, task: TaskId, signal: Signal) {
        self.sighand_of_mut(task).reset_handler(signal);
    }

    /// Sets TIF_SIGPENDING and wakes an interruptible sleeper; for [`Wakes::Stopped`] stopped tasks,
    /// too.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `signal_wake_up()`.
    pub(in crate::kernel) fn signal_wake_up(&mut self, task: TaskId, wakes: Wakes) {
        let stops = TaskState::STOPPED | TaskState::TRACED;
        let mask = match wakes {
            Wakes::Sleepers => TaskState::INTERRUPTIBLE,
            Wakes::Stopped => TaskState::INTERRUPTIBLE | stops,
        };
        if task == self.init {
            self.wake_init(mask);
            return;
        }
        self.set_sigpending(task);
        let (sched, mut ctx) = self.sched_ctx();
        sched.try_to_wake_up(&mut ctx, task, mask, Waker::GoesOn);
    }

    /// Sets TIF_SIGPENDING: the task looks for signals before it goes back to user mode.
    pub(in crate::kernel) fn set_sigpending(&mut self, task: TaskId) {
        let flag = ThreadFlags::SIGPENDING;
        self.sched.set_tsk_thread_flag(task, flag);
    }

    /// Clears TIF_SIGPENDING: nothing disturbs the task until the flag is set again.
    pub(in crate::kernel) fn clear_sigpending(&mut self, task: TaskId) {
        let flag = ThreadFlags::SIGPENDING;
        self.sched.clear_tsk_thread_flag(task, flag);
    }

    /// Whether the task has a signal to take on its way back to user mode.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `signal_pending()`.
    #[inline]
    pub fn signal_pending(&self, task: TaskId) -> bool {
        self.sched
            .get(task)
            .thread_flags
            .contains(ThreadFlags::SIGPENDING)
    }

    /// Sets TIF_SIGPENDING if there is a signal to take or a group stop to join, and clears it
    /// otherwise.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `recalc_sigpending_tsk()`.
    pub(in crate::kernel) fn recalc_sigpending(&mut self, task: TaskId) {
        let group = self.signal_of(task);
        let stops = group.group_stop_count() > 0;
        let shared = group.shared_pending.set();
        let set = (self.task(task).pending.set().0 | shared.0) & !self.task(task).blocked().0;
        if stops || set != 0 {
            self.set_sigpending(task);
        } else {
            self.clear_sigpending(task);
        }
    }

    /// Discards the pending instances of a signal that now has no effect.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigaction()`.
    pub(super) fn purge_ignored(&mut self, task: TaskId, signal: Signal) {
        if !does_nothing(signal, self.sigaction_of(task, signal)) {
            return;
        }
        self.rm_from_group(SigSet::of(&[signal]), task);
        // What has just been discarded may have been all that a thread was told about.
        for thread in self.threads(task) {
            self.recalc_sigpending(thread);
        }
    }

    /// Kills the current task as if by SIGKILL, but without a signal, because there is no memory
    /// for it.
    pub fn kill_current(&mut self, current: TaskId) {
        self.do_exit(current, Signal::SIGKILL.number());
    }
}
