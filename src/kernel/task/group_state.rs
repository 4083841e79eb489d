//! What a process does as a whole: whether it stops, has stopped or continued, or exits, and which of
//! its threads waits for the others. The methods are the transitions; nothing else changes the
//! fields, because flags, count and code must tell of the same stop or exit.

use super::sighand::{SignalFlags, SignalStruct};
use crate::abi::{Signal, TaskId};

impl SignalStruct {
    /// Whether the process is stopping, has continued, or is exiting.
    pub const fn flags(&self) -> SignalFlags {
        self.flags
    }

    /// The wait status of a group exit, or the signal of a group stop.
    pub const fn group_exit_code(&self) -> u32 {
        self.group_exit_code
    }

    /// The thread that will dump core while the others are stopped, or that waits in an exec.
    pub(in crate::kernel) const fn group_exit_task(&self) -> Option<TaskId> {
        self.group_exit_task
    }

    /// Number of threads that have yet to stop for a group stop.
    pub const fn group_stop_count(&self) -> u32 {
        self.group_stop_count
    }

    /// Records that a thread has taken a stop signal from its queue; SIGCONT and SIGKILL undo that.
    pub(in crate::kernel) const fn stop_dequeued(&mut self) {
        self.flags = self.flags.union(SignalFlags::STOP_DEQUEUED);
    }

    /// Records the signal for which the process stops.
    pub(in crate::kernel) const fn set_stop_signal(&mut self, signal: Signal) {
        self.group_exit_code = signal.number();
    }

    /// Begins a stop, for which so many threads have yet to stop.
    pub(in crate::kernel) const fn begin_stop(&mut self, threads: u32) {
        self.group_stop_count = threads;
    }

    /// Counts a thread that stops for the process; returns how many have yet to stop.
    pub(in crate::kernel) const fn count_stopped(&mut self) -> u32 {
        self.group_stop_count -= 1;
        self.group_stop_count
    }

    /// Counts a thread that stops for its tracer, whether the process stops or not.
    pub(in crate::kernel) const fn count_traced_stop(&mut self) {
        self.group_stop_count = self.group_stop_count.saturating_sub(1);
    }

    /// Counts a new thread if the process is about to stop; returns whether it is.
    pub(in crate::kernel) const fn new_thread_joins_stop(&mut self) -> bool {
        let stops = self.group_stop_count > 0;
        if stops {
            self.group_stop_count += 1;
        }
        stops
    }

    /// Records that the last thread has stopped.
    pub(in crate::kernel) const fn all_stopped(&mut self) {
        self.flags = SignalFlags::STOP_STOPPED;
    }

    /// SIGCONT while threads have yet to stop: the stop counts as completed. Returns whether there
    /// was one.
    pub(in crate::kernel) const fn continue_unfinished_stop(&mut self) -> bool {
        if self.group_stop_count == 0 {
            return false;
        }
        self.group_stop_count = 0;
        self.flags = SignalFlags::STOP_CONTINUED;
        true
    }

    /// SIGCONT after the stop signals are discarded. Returns whether the process had stopped, which
    /// has yet to be reported.
    pub(in crate::kernel) const fn continue_stopped(&mut self) -> bool {
        if self.flags.contains(SignalFlags::STOP_STOPPED) {
            self.flags = SignalFlags::STOP_CONTINUED;
            self.group_exit_code = 0;
            return true;
        }
        // A thread may have taken a stop signal off its queue and not have stopped yet; without
        // STOP_DEQUEUED it will not.
        self.clear_flags();
        false
    }

    /// Records that a wait has reported the continuation.
    pub(in crate::kernel) const fn continuation_reported(&mut self) {
        self.flags = self.flags.difference(SignalFlags::STOP_CONTINUED);
    }

    /// Forgets stops and exits: a SIGKILL has come, or an exec has ended the other threads.
    pub(in crate::kernel) const fn clear_flags(&mut self) {
        self.flags = SignalFlags::empty();
    }

    /// Begins the exit of the process with a wait status.
    pub const fn begin_group_exit(&mut self, code: u32) {
        self.flags = SignalFlags::GROUP_EXIT;
        self.group_exit_code = code;
    }

    /// Marks the process as exiting whatever its wait status, as exec does to end the other threads.
    /// Nobody joins a stop any more: a thread that stopped now would not exit.
    pub(in crate::kernel) const fn exit_overrides_stop(&mut self) {
        self.flags = SignalFlags::GROUP_EXIT;
        self.group_stop_count = 0;
    }

    /// The stop of the others for a core dump is over: they have gone.
    pub(in crate::kernel) const fn forget_stop(&mut self) {
        self.group_stop_count = 0;
    }

    /// Records in the wait status that a core file was written.
    pub(in crate::kernel) const fn core_dumped(&mut self) {
        self.group_exit_code |= 0x80;
    }

    /// Makes all threads stop until the chosen one has dumped core.
    pub(in crate::kernel) const fn park_for_core_dump(&mut self, chosen: TaskId, threads: u32) {
        self.group_stop_count = threads;
        self.group_exit_task = Some(chosen);
    }

    /// Whether the others stop for the core dump of this thread, which is told once.
    pub(in crate::kernel) fn take_dumper(&mut self, thread: TaskId) -> bool {
        let chosen = self.group_exit_task == Some(thread);
        if chosen {
            self.group_exit_task = None;
        }
        chosen
    }

    /// Records that an exec waits until so many tasks hold the structure. Both are set together,
    /// because the last thread that goes looks for both.
    pub(in crate::kernel) const fn exec_waits(&mut self, waiter: TaskId, holders: u32) {
        self.group_exit_task = Some(waiter);
        self.notify_count = holders;
    }

    /// The exec that waited has its threads gone.
    pub(in crate::kernel) const fn exec_goes_on(&mut self) {
        self.group_exit_task = None;
        self.notify_count = 0;
    }

    /// The exec to be woken, if the thread that has just gone was the last it waits for.
    pub(in crate::kernel) fn take_waiting_exec(&mut self) -> Option<TaskId> {
        let complete = self.count() == self.notify_count;
        complete.then(|| self.group_exit_task.take()).flatten()
    }

    /// Forgets a thread that goes; signals of the process go to the next one in turn.
    pub(in crate::kernel) fn forget_thread(&mut self, thread: TaskId, next: Option<TaskId>) {
        if self.curr_target == Some(thread) {
            self.curr_target = next;
        }
        if self.group_exit_task == Some(thread) {
            self.group_exit_task = None;
        }
    }
}
