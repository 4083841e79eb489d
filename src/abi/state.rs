//! The `state` of a task: running, or the kind of its sleep or stop.

use bitflags::bitflags;

bitflags! {
    /// The kernel's `state`, or a mask of states that a wake-up may end.
    ///
    /// Zombies have no bit here: `EXIT_ZOMBIE` belongs to `exit_state`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct TaskState: u8 {
        /// `TASK_INTERRUPTIBLE`: sleeps until woken or signalled.
        const INTERRUPTIBLE = 1;
        /// `TASK_UNINTERRUPTIBLE`: sleeps until woken; signals do not end the sleep.
        const UNINTERRUPTIBLE = 2;
        /// `TASK_STOPPED`: stopped by a signal.
        const STOPPED = 4;
        /// `TASK_TRACED`: stopped for its tracer.
        const TRACED = 8;
        /// `EXIT_DEAD`: has called `schedule` for the last time.
        const DEAD = 32;
    }
}

impl TaskState {
    /// `TASK_RUNNING`: runs, or waits on a runqueue for its turn.
    pub const RUNNING: Self = Self::empty();

    /// The states that `wake_up_process` ends.
    pub const ANY_SLEEP: Self = Self::INTERRUPTIBLE
        .union(Self::UNINTERRUPTIBLE)
        .union(Self::STOPPED)
        .union(Self::TRACED);

    /// The name in `/proc/PID/status`; that of the lowest bit if several are set.
    pub const fn name(self) -> &'static str {
        match self.bits().trailing_zeros() {
            8 => "running",
            0 => "sleeping",
            1 => "disk sleep",
            2 => "stopped",
            3 => "tracing stop",
            _ => "dead",
        }
    }

    /// The letter that `ps` shows.
    ///
    /// Deviation: 2.6.12 shows `T` for a tracing stop too; `t` is what later kernels show.
    pub const fn letter(self) -> char {
        match self.bits().trailing_zeros() {
            8 => 'R',
            0 => 'S',
            1 => 'D',
            2 => 'T',
            3 => 't',
            _ => 'X',
        }
    }
}

bitflags! {
    /// `PF_*`: what a task is doing.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PfFlags: u32 {
        /// It is in `do_exit`.
        const EXITING = 0x4;
        /// It was forked and has not called exec.
        const FORKNOEXEC = 0x40;
        /// It has used super-user privileges.
        const SUPERPRIV = 0x100;
        /// It was killed by a signal.
        const SIGNALED = 0x400;
        /// It frees memory, and may take the last frames to do so.
        const MEMALLOC = 0x800;
        /// It is pdflush.
        const FLUSHER = 0x1000;
        /// It has an FPU state.
        const USED_MATH = 0x2000;
        /// It is kswapd.
        const KSWAPD = 0x4_0000;
        /// It turns a swap area off.
        const SWAPOFF = 0x8_0000;
    }
}

/// `exit_state`: how far the exit of a task has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum ExitState {
    /// It has not exited.
    #[default]
    Alive = 0,
    /// `EXIT_ZOMBIE`: it has exited and waits to be reaped.
    Zombie = 16,
    /// `EXIT_DEAD`: it is being released.
    Dead = 32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_and_a_letter() {
        for (state, name, letter) in [
            (TaskState::RUNNING, "running", 'R'),
            (TaskState::INTERRUPTIBLE, "sleeping", 'S'),
            (TaskState::UNINTERRUPTIBLE, "disk sleep", 'D'),
            (TaskState::STOPPED, "stopped", 'T'),
            (TaskState::TRACED, "tracing stop", 't'),
            (TaskState::DEAD, "dead", 'X'),
        ] {
            assert_eq!((state.name(), state.letter()), (name, letter));
        }
    }
}
