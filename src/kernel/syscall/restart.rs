//! Restarting system calls that a signal has interrupted: the four ways, and `restart_syscall`.

use super::call::Syscall;
use super::result::SysResult;
use super::signal_calls::SignalCall;
use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::task::{Continuation, SaFlags};
use crate::trace::TraceEvent;

/// How an interrupted call wants to go on. User space never sees these numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    /// `ERESTARTSYS`: again, unless a handler without SA_RESTART was entered.
    Sys,
    /// `ERESTARTNOINTR`: again in any case.
    NoIntr,
    /// `ERESTARTNOHAND`: again, unless a handler was entered.
    NoHand,
    /// `ERESTART_RESTARTBLOCK`: the rest of it, by `restart_syscall`, unless a handler was entered.
    Block,
}

impl Restart {
    /// The number that the call returns inside the kernel, negated.
    pub const fn code(self) -> i32 {
        match self {
            Self::Sys => 512,
            Self::NoIntr => 513,
            Self::NoHand => 514,
            Self::Block => 516,
        }
    }

    /// Whether the call is made again although a handler with these flags was entered.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `handle_signal()`.
    pub const fn after_handler(self, flags: SaFlags) -> bool {
        match self {
            Self::Sys => flags.contains(SaFlags::RESTART),
            Self::NoIntr => true,
            Self::NoHand | Self::Block => false,
        }
    }
}

/// What is left of a call that was interrupted (`struct restart_block`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RestartBlock {
    /// Nothing: `do_no_restart_syscall`.
    #[default]
    Nothing,
    /// `nanosleep_restart`.
    Nanosleep {
        /// Tick at which it ends.
        until: u64,
        /// Where what is left is stored if it is interrupted again; 0 for nowhere.
        rem: VirtAddr,
    },
}

impl Kernel {
    /// Notes that the open call of a task wants to be made again.
    pub(super) fn interrupt_call(&mut self, current: TaskId, restart: Restart) {
        let task = self.task_mut(current);
        task.thread.regs.eax = (-restart.code()) as u32;
        if let Some(call) = &mut task.in_call.open {
            call.restart = Some(restart);
        }
    }

    /// Puts the task back in front of its system call. Machine code executes its `int 0x80` once
    /// more; a puppet's call is made again as it was.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `do_signal()`.
    pub(in crate::kernel) fn restart_call(&mut self, current: TaskId, restart: Restart) {
        /// Bytes of `int $0x80`.
        const INT_80_BYTES: u32 = 2;
        /// `__NR_restart_syscall`.
        const NR_RESTART_SYSCALL: u32 = 0;
        let Some(call) = self.task(current).in_call.open else {
            return;
        };
        let ret = -restart.code();
        self.trace(current, TraceEvent::SysExit { nr: call.nr, ret });
        let block = restart == Restart::Block;
        let task = self.task_mut(current);
        let regs = &mut task.thread.regs;
        if regs.orig_eax == u32::MAX {
            task.in_call.continuation = Some(Continuation::Again { block });
            return;
        }
        regs.eax = if block {
            NR_RESTART_SYSCALL
        } else {
            regs.orig_eax
        };
        regs.eip = regs.eip.wrapping_sub(INT_80_BYTES);
        task.in_call.open = None;
    }

    /// A puppet makes its interrupted call again.
    pub(super) fn call_again(&mut self, current: TaskId, block: bool) {
        let again = self.task_mut(current).in_call.again.take();
        let call = if block {
            Some(Syscall::Signal(SignalCall::Restart))
        } else {
            again
        };
        if let Some(call) = call {
            self.syscall(current, call);
        }
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_restart_syscall()`.
    ///
    /// # Errors
    /// `EINTR` if there is nothing to go on with.
    pub(super) fn sys_restart_syscall(&mut self, current: TaskId) -> SysResult {
        match self.task_mut(current).restart_block {
            RestartBlock::Nothing => Err(Errno::EINTR).into(),
            RestartBlock::Nanosleep { until, rem } => self.nanosleep_restart(current, until, rem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_calls_are_made_again_after_a_handler() {
        let (none, restart) = (SaFlags::empty(), SaFlags::RESTART);
        for (how, without, with) in [
            (Restart::Sys, false, true),
            (Restart::NoIntr, true, true),
            (Restart::NoHand, false, false),
            (Restart::Block, false, false),
        ] {
            assert_eq!(how.after_handler(none), without, "{how:?}");
            assert_eq!(how.after_handler(restart), with, "{how:?}");
        }
    }
}
