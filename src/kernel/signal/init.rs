//! Init's signals. Init has no program here and is never queued: what its way back to user mode would
//! do with a signal happens when the signal is sent.

use crate::abi::{SigSet, TaskState};
use crate::kernel::Kernel;

impl Kernel {
    /// Takes the pending signals of init. Each is dropped, for init wants none; but the group exit
    /// that a fatal one has begun stays begun, and one that would dump core leaves the stop that was
    /// meant for the other threads to init itself.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `get_signal_to_deliver()`.
    pub(super) fn init_takes_signals(&mut self) {
        let init = self.init;
        while self.sched.get(init).state != TaskState::STOPPED {
            if self.signal_of(init).group_stop_count() > 0 && self.init_joins_stop() {
                return;
            }
            if self.dequeue_signal(init, SigSet::EMPTY).is_none() {
                return;
            }
        }
    }

    /// Linux 2.6.12: `kernel/signal.c`, `handle_group_stop()`. Nobody is told: the parent of init is
    /// the idle task.
    fn init_joins_stop(&mut self) -> bool {
        let init = self.init;
        if !self.takes_part_in_stop(init) {
            return false;
        }
        let group = self.signal_of_mut(init);
        let _left = group.count_stopped();
        group.all_stopped();
        let code = group.group_exit_code();
        self.task_mut(init).exit_code = code;
        self.sched.set_task_state(init, TaskState::STOPPED);
        true
    }

    /// Ends a stop of init, which then takes what has been sent meanwhile.
    pub(super) fn wake_init(&mut self, mask: TaskState) {
        let init = self.init;
        let stopped = self.sched.get(init).state == TaskState::STOPPED;
        if stopped && mask.contains(TaskState::STOPPED) {
            self.task_mut(init).exit_code = 0;
            self.sched.set_task_state(init, TaskState::INTERRUPTIBLE);
            self.init_takes_signals();
        }
    }
}
