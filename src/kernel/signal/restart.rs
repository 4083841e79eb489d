//! Restarting system calls that a signal has interrupted: the four ways, and `restart_syscall`.

use crate::abi::{Errno, TaskId};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, RestartBlock, SysResult, Syscall, nr};
use crate::kernel::task::Continuation;
use crate::trace::TraceEvent;

impl Kernel {
    /// Records that the current call of a task asks to be restarted.
    pub(in crate::kernel) fn interrupt_call(&mut self, current: TaskId, restart: Restart) {
        let task = self.task_mut(current);
        task.thread.regs.eax = (-restart.code()) as u32;
        task.in_call.interrupt(restart);
    }

    /// Moves the task back to the start of its system call. Machine code executes its `int 0x80`
    /// once more; a puppet's call is repeated as it was.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `do_signal()`.
    pub(super) fn restart_call(&mut self, current: TaskId, restart: Restart) {
        /// Length of `int $0x80` in bytes.
        const INT_80_BYTES: u32 = 2;
        let Some(call) = self.task(current).in_call.open() else {
            return;
        };
        // User mode never sees this end of the call; the trace does, so that entries and exits pair.
        let ret = -restart.code();
        self.trace(current, TraceEvent::SysExit { nr: call.nr, ret });
        let block = restart == Restart::Block;
        let runs_code = self.runs_code(current);
        let task = self.task_mut(current);
        let regs = &mut task.thread.regs;
        // A puppet has no `int 0x80` to go back to, even if a tracer sees its call in the registers.
        if !runs_code {
            task.in_call.continuation = Some(Continuation::Again { block });
            return;
        }
        // `eax` has held the restart code since the call was interrupted. The other arguments are
        // still in their registers; those of a sleep would start it anew, so what is left of it is in
        // the restart block.
        regs.eax = if block {
            u32::from(nr::restart_syscall)
        } else {
            regs.orig_eax
        };
        regs.eip = regs.eip.wrapping_sub(INT_80_BYTES);
        // The instruction is executed again, and opens the call itself.
        task.in_call.rewind();
    }

    /// Repeats the interrupted call of a puppet.
    pub(in crate::kernel) fn call_again(&mut self, current: TaskId, block: bool) {
        let again = self.task_mut(current).in_call.take_again();
        let call = if block {
            Some(Syscall::RestartSyscall)
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
    /// `EINTR` if there is nothing to continue.
    pub(in crate::kernel) fn sys_restart_syscall(&mut self, current: TaskId) -> SysResult {
        // `restart_call` alone has a use for this call: a program that makes it on its own finds
        // nothing to continue.
        match self.task_mut(current).restart_block {
            RestartBlock::Nothing => Err(Errno::EINTR).into(),
            RestartBlock::Nanosleep { until, rem } => self.nanosleep_restart(current, until, rem),
        }
    }
}
