//! Job control: a stop signal stops every thread of a process, and the parent is notified when the
//! last one has stopped.

use super::send::Wakes;
use crate::abi::{
    PtFlags, SaFlags, SigAction, SigInfo, SigOrigin, SigSet, Signal, TaskId, TaskState, si_code,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{Continuation, SendInfo, SignalFlags};

impl Kernel {
    /// The default action of a stop signal. Returns whether the task has stopped: SIGCONT, SIGKILL
    /// or another stop may have come in between.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_signal_stop()`.
    pub(super) fn do_signal_stop(
        &mut self,
        current: TaskId,
        signal: Signal,
        suspended: Option<SigSet>,
    ) -> bool {
        let group = self.signal_of_mut(current);
        // SIGCONT or SIGKILL has come since the stop signal was taken from its queue.
        if !group.flags().contains(SignalFlags::STOP_DEQUEUED) {
            return false;
        }
        if group.group_stop_count() > 0 {
            self.join_group_stop(current, suspended);
            return true;
        }
        group.set_stop_signal(signal);
        let left = if self.thread_group_empty(current) {
            None
        } else {
            Some(self.begin_group_stop(current))
        };
        self.stop_current(current, left, suspended);
        true
    }

    /// Wakes the other threads that are not stopped, and returns their number.
    fn begin_group_stop(&mut self, current: TaskId) -> u32 {
        let mut count = 0;
        for thread in self.threads_from(current).into_iter().skip(1) {
            let sched = self.sched.get(thread);
            let stops = TaskState::STOPPED | TaskState::TRACED;
            // A thread that waits for its tracer is stopped already and will not come by to be
            // counted down.
            if !sched.dead && !sched.state.intersects(stops) {
                count += 1;
                self.signal_wake_up(thread, Wakes::Sleepers);
            }
        }
        self.signal_of_mut(current).begin_stop(count);
        count
    }

    /// Makes a thread join a stop that another has begun.
    fn join_group_stop(&mut self, current: TaskId, suspended: Option<SigSet>) {
        let left = self.signal_of_mut(current).count_stopped();
        self.stop_current(current, Some(left), suspended);
    }

    /// Called before a thread looks for signals while its process is stopping. Returns whether it
    /// has stopped.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `handle_group_stop()`.
    pub(super) fn handle_group_stop(&mut self, current: TaskId, suspended: Option<SigSet>) -> bool {
        let stops = self.takes_part_in_stop(current);
        if stops {
            self.join_group_stop(current, suspended);
        }
        stops
    }

    /// Whether a thread takes part in the stop of its process.
    pub(super) fn takes_part_in_stop(&mut self, current: TaskId) -> bool {
        let group = self.signal_of_mut(current);
        // The group is stopping for the core dump of this thread.
        if group.take_dumper(current) {
            return false;
        }
        // A group exit overrides a stop: a thread that stopped now would never exit.
        !group.flags().contains(SignalFlags::GROUP_EXIT)
    }

    /// Stops the current task; `left` is the number of threads that have yet to stop, if there are
    /// others.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `finish_stop()`.
    fn stop_current(&mut self, current: TaskId, left: Option<u32>, suspended: Option<SigSet>) {
        let group = self.signal_of_mut(current);
        if left.is_none_or(|left| left == 0) {
            group.all_stopped();
        }
        let code = group.group_exit_code();
        let task = self.task_mut(current);
        task.exit_code = code;
        task.in_call.continuation = Some(Continuation::SignalStop { suspended });
        let (parent, leader) = (task.parent(), task.group_leader());
        let traced = task.ptrace().contains(PtFlags::PTRACED);
        // The state is set before the parent is notified: a parent that is woken by this finds the
        // task stopped, or it would sleep again.
        self.sched.set_task_state(current, TaskState::STOPPED);
        if left.is_none() || traced {
            self.do_notify_parent_cldstop(current, parent, si_code::CLD_STOPPED);
        } else if left == Some(0) {
            let parent = self.task(leader).real_parent();
            self.do_notify_parent_cldstop(leader, parent, si_code::CLD_STOPPED);
        }
        self.schedule();
    }

    /// Notifies a parent or tracer that a child has stopped or continued. SIGCHLD is not sent if it
    /// is ignored or the parent does not want to know about stops; waiters are woken in any case.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_notify_parent_cldstop()`.
    pub(in crate::kernel) fn do_notify_parent_cldstop(
        &mut self,
        task: TaskId,
        parent: TaskId,
        why: i32,
    ) {
        let status = match why {
            si_code::CLD_CONTINUED => Signal::SIGCONT.number(),
            si_code::CLD_STOPPED => self.signal_of(task).group_exit_code() & 0x7f,
            _ => self.task(task).exit_code & 0x7f,
        };
        let child = self.task(task);
        let origin = SigOrigin::Child {
            pid: self.pid(task).0,
            uid: child.cred().uid,
            status: status as i32,
            utime: child.utime,
            stime: child.stime,
        };
        let info = SigInfo {
            signal: Signal::SIGCHLD,
            code: why,
            origin,
        };
        let action = self.k_sigaction_of(parent, Signal::SIGCHLD);
        if action.handler != SigAction::Ignore && !action.flags.contains(SaFlags::NOCLDSTOP) {
            // A standard signal from the kernel is always queued.
            let _sent = self.group_send_sig_info(Signal::SIGCHLD, SendInfo::Info(info), parent);
        }
        // Whatever SIGCHLD does, a wait with WUNTRACED must see the change.
        self.wake_up_parent(parent);
    }

    /// Resumes a stopped task: it looks for more signals, and then handles the call that the first
    /// one interrupted. Returns `Some` if that is `sigsuspend`, which has a return value of its
    /// own.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `finish_stop()`, after `schedule()`.
    pub(in crate::kernel) fn continue_stopped(
        &mut self,
        current: TaskId,
        suspended: Option<SigSet>,
    ) -> Option<SysResult> {
        // A wait that comes too late must not report the stop that is over.
        self.task_mut(current).exit_code = 0;
        match suspended {
            Some(saved) => Some(self.sigsuspend_woken(current, saved)),
            None => {
                self.do_signal(current);
                None
            }
        }
    }
}
