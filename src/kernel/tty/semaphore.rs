//! The semaphores that let one task at a time read a terminal, and one write to it.

use super::Tty;
use crate::abi::TaskId;
use crate::kernel::Kernel;
use std::collections::VecDeque;

/// A semaphore with one place (`struct semaphore`).
#[derive(Clone, Debug, Default)]
pub(super) struct Semaphore {
    taken: bool,
    /// The tasks that wait for it, in the order of arrival.
    waiters: VecDeque<TaskId>,
}

/// Which of the terminal's semaphores is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Read,
    Write,
}

/// How a task fares that wants a semaphore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Down {
    /// It has it.
    Taken,
    /// It must sleep, and then try again.
    Sleeps,
    /// A signal is pending.
    Interrupted,
}

impl Semaphore {
    pub(super) fn waiters(&self) -> impl Iterator<Item = TaskId> {
        self.waiters.iter().copied()
    }
}

impl Tty {
    const fn semaphore(&mut self, turn: Turn) -> &mut Semaphore {
        match turn {
            Turn::Read => &mut self.atomic_read,
            Turn::Write => &mut self.atomic_write,
        }
    }
}

impl Kernel {
    /// Takes the semaphore if nobody has it.
    ///
    /// Linux 2.6.12: `include/asm-i386/semaphore.h`, `down_trylock()`.
    pub(super) const fn tty_down_trylock(&mut self, turn: Turn) -> bool {
        let semaphore = self.tty.semaphore(turn);
        let free = !semaphore.taken;
        semaphore.taken = true;
        free
    }

    /// Tries to take the semaphore, and queues the task if it has to sleep. To be called again after
    /// each sleep.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/semaphore.c`, `__down_interruptible()`.
    pub(super) fn tty_down(&mut self, current: TaskId, turn: Turn) -> Down {
        let queued = self.tty.semaphore(turn).waiters.contains(&current);
        let down = if queued && self.signal_pending(current) {
            Down::Interrupted
        } else if self.tty_down_trylock(turn) {
            Down::Taken
        } else if !queued && self.signal_pending(current) {
            return Down::Interrupted;
        } else {
            Down::Sleeps
        };
        match (down, queued) {
            (Down::Sleeps, false) => self.tty.semaphore(turn).waiters.push_back(current),
            (Down::Sleeps, true) | (_, false) => {}
            (_, true) => {
                self.tty
                    .semaphore(turn)
                    .waiters
                    .retain(|task| *task != current);
                // Whoever leaves the queue wakes the next, who tries in vain if it came too early.
                self.wake_next(turn);
            }
        }
        down
    }

    /// Linux 2.6.12: `include/asm-i386/semaphore.h`, `up()`.
    pub(super) fn tty_up(&mut self, turn: Turn) {
        self.tty.semaphore(turn).taken = false;
        self.wake_next(turn);
    }

    fn wake_next(&mut self, turn: Turn) {
        let next = self.tty.semaphore(turn).waiters.front().copied();
        if let Some(next) = next {
            self.wake_interruptible(next);
        }
    }
}
