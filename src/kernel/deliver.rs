//! Taking signals on the way back to user mode.

use super::Kernel;
use super::sched::ThreadFlags;
use super::signal::{SigAction, SignalFlags};
use super::task::PfFlags;
use crate::abi::{DefaultAction, SigSet, Signal, TaskId, TaskState};
use crate::trace::TraceEvent;

/// What the signals that were taken did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Nothing that the program would notice: a call that they interrupted is restarted.
    Nothing,
    /// A handler was entered.
    Handler,
    /// The task has stopped or ended.
    Gone,
}

impl Kernel {
    /// Takes the pending signals of the current task, up to the first that has a handler: private
    /// ones first, lowest number first.
    ///
    /// Simplified: a handler is noted in the trace as entered, but has no code to run yet; a stop
    /// signal stops this task only, and tells its parent only if that waits.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `get_signal_to_deliver()`.
    pub fn do_signal(&mut self, current: TaskId) -> Taken {
        // A sleep that a signal cut short ends here, with its timer.
        self.del_timer(current);
        while let Some(signal) = self.dequeue_signal(current) {
            let action = self.sigaction_of(current, signal);
            let by_default = signal.default_action();
            if action == SigAction::Ignore
                || (action == SigAction::Default && by_default == DefaultAction::Ignore)
            {
                continue;
            }
            self.trace(current, TraceEvent::SignalDeliver { signal });
            if matches!(action, SigAction::Handler(_)) {
                self.recalc_sigpending(current);
                return Taken::Handler;
            }
            if by_default == DefaultAction::Stop {
                self.do_signal_stop(current, signal);
                return Taken::Gone;
            }
            self.task_mut(current).flags |= PfFlags::SIGNALED;
            if by_default == DefaultAction::Core {
                self.end_mm_users(current, signal);
            }
            self.do_group_exit(current, signal.number());
            return Taken::Gone;
        }
        self.recalc_sigpending(current);
        Taken::Nothing
    }

    /// TIF_SIGPENDING says whether there is a signal to take.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `recalc_sigpending()`.
    fn recalc_sigpending(&mut self, current: TaskId) {
        let task = self.task(current);
        let shared = task
            .signal
            .map_or(SigSet::EMPTY, |id| self.signals[id].shared_pending);
        let pending = (task.pending.0 | shared.0) & !task.blocked.0 != 0;
        self.sched
            .get_mut(current)
            .thread_flags
            .set(ThreadFlags::SIGPENDING, pending);
    }

    /// Linux 2.6.12: `kernel/signal.c`, `dequeue_signal()`.
    fn dequeue_signal(&mut self, current: TaskId) -> Option<Signal> {
        let blocked = self.task(current).blocked;
        let deliverable = |set: SigSet| SigSet(set.0 & !blocked.0).lowest();
        if let Some(signal) = deliverable(self.task(current).pending) {
            let task = self.task_mut(current);
            task.pending = task.pending.without(signal);
            return Some(signal);
        }
        let shared = &mut self.signals[self.tasks[current].signal?].shared_pending;
        let signal = deliverable(*shared)?;
        *shared = shared.without(signal);
        Some(signal)
    }

    /// What an attempt to dump core does even where no file may be written: a waiting vfork parent
    /// goes on, and every other task that uses the memory is killed; so a vfork child that faults
    /// takes its parent with it.
    ///
    /// Simplified: the dumping task does not wait until the others have ended.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `do_coredump()`, `coredump_wait()` and `zap_threads()`.
    fn end_mm_users(&mut self, current: TaskId, signal: Signal) {
        if let Some(shared) = self.task(current).signal {
            self.signals[shared].flags = SignalFlags::GROUP_EXIT;
            self.signals[shared].group_exit_code = signal.number();
        }
        self.complete_vfork(current);
        let mm = self.task(current).mm;
        let users: Vec<TaskId> = self.pid_hash.tasks().map(|(_, task)| task).collect();
        for user in users {
            if user != current && mm.is_some() && self.task(user).mm == mm {
                self.send_sigkill(user);
            }
        }
    }

    /// Linux 2.6.12: `kernel/signal.c`, `do_signal_stop()`, for a process of one task.
    fn do_signal_stop(&mut self, current: TaskId, signal: Signal) {
        self.task_mut(current).exit_code = signal.number();
        let parent = self.task(current).parent;
        self.wake_up_parent(parent);
        self.sched.get_mut(current).state = TaskState::STOPPED;
        self.schedule();
    }
}
