//! The queues of tasks that wait for input, or for the output to go on.

use super::Tty;
use crate::abi::{TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use std::collections::VecDeque;

/// Which queue is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queue {
    /// For input.
    Read,
    /// For room.
    Write,
}

impl Tty {
    const fn queue(&mut self, queue: Queue) -> &mut VecDeque<TaskId> {
        match queue {
            Queue::Read => &mut self.read_wait,
            Queue::Write => &mut self.write_wait,
        }
    }

    /// Linux 2.6.12: `kernel/wait.c`, `add_wait_queue()`: the latest comes first.
    pub(super) fn add_waiter(&mut self, queue: Queue, task: TaskId) {
        self.queue(queue).push_front(task);
    }

    /// Takes a task out of a queue.
    pub(super) fn remove_waiter(&mut self, queue: Queue, task: TaskId) {
        self.queue(queue).retain(|other| *other != task);
    }
}

impl Kernel {
    /// Wakes a task from an interruptible sleep.
    pub(in crate::kernel) fn wake_interruptible(&mut self, task: TaskId) {
        let (sched, mut ctx) = self.sched_ctx();
        sched.try_to_wake_up(&mut ctx, task, TaskState::INTERRUPTIBLE, Waker::GoesOn);
    }

    /// Wakes all tasks of a queue. They leave it by themselves.
    pub(super) fn wake_tty(&mut self, queue: Queue) {
        let tasks: Vec<TaskId> = self.tty.queue(queue).iter().copied().collect();
        for task in tasks {
            self.wake_interruptible(task);
        }
    }
}
