//! `int 0x80`: decodes the system call in the registers, copying its arguments from user memory.

use super::decode::argument_words;
use super::result::SysResult;
use super::table::Syscall;
use super::{SysReturn, eax_of};
use crate::abi::TaskId;
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

impl Kernel {
    /// Performs the system call in the current task's registers. Its value is stored in `eax`, now
    /// or when it finishes.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/entry.S`, `system_call`.
    pub fn int_80(&mut self, current: TaskId) {
        let regs = &mut self.task_mut(current).thread.regs;
        regs.orig_eax = regs.eax;
        let (nr, words) = (regs.eax, argument_words(regs));
        self.enter_call(current, nr as u16, Syscall::first_arg_of(nr, words));
        self.observe_entry(current, nr, words);
        // What the registers ask for is looked at only after this stop, for the tracer may change
        // them.
        if self.stops_before_call(current, None) {
            return;
        }
        let result = self.call_in_registers(current, nr);
        self.return_from_call(current, result);
    }

    /// The same for a task that runs no code, whose user mode says which call it makes.
    pub fn syscall(&mut self, current: TaskId, call: Syscall) {
        self.enter_call(current, call.nr(), call.first_arg());
        self.observe_puppet(current, &call);
        if self.stops_before_call(current, Some(&call)) {
            return;
        }
        let result = self.make_call(current, call);
        self.return_from_call(current, result);
    }

    fn enter_call(&mut self, current: TaskId, nr: u16, arg: u32) {
        self.stat.syscalls += 1;
        self.task_mut(current).in_call.enter(nr);
        self.trace_entry(current, TraceEvent::SysEnter { nr, arg });
    }

    /// Carries out a call that has begun, and saves it if a signal may cause it to be restarted.
    pub(in crate::kernel) fn make_call(&mut self, current: TaskId, call: Syscall) -> SysResult {
        self.task_mut(current).in_call.keep(call.made_again());
        self.dispatch(current, call)
    }

    /// Makes the call of that number with the arguments that are in the registers now.
    pub(in crate::kernel) fn call_in_registers(&mut self, current: TaskId, nr: u32) -> SysResult {
        let words = argument_words(&self.task(current).thread.regs);
        self.call_asked(current, (nr, words))
    }

    /// What the current task does after its call has ended, was interrupted, or blocks.
    pub(in crate::kernel) fn return_from_call(&mut self, current: TaskId, result: SysResult) {
        match result {
            SysResult::Done(result) => self.syscall_exit(current, result),
            SysResult::Restart(restart) => self.interrupt_call(current, restart),
            SysResult::Blocked => {}
        }
    }

    /// The end of a system call: its value goes into `eax`. The task may stop for its tracer yet.
    pub(in crate::kernel) fn syscall_exit(&mut self, current: TaskId, result: SysReturn) {
        let task = self.task_mut(current);
        task.thread.regs.eax = eax_of(result);
        task.in_call.done(result);
        // The value is in `eax` before the stop: the tracer sees it, and may change it.
        if !self.stops_after_call(current) {
            self.leave_call(current);
        }
    }

    /// The task is on its way back to user mode.
    pub(in crate::kernel) fn leave_call(&mut self, current: TaskId) {
        let task = self.task_mut(current);
        let eax = task.thread.regs.eax;
        if let Some(nr) = task.in_call.leave(eax) {
            let ret = eax as i32;
            self.trace(current, TraceEvent::SysExit { nr, ret });
            self.observe_return(current, u32::from(nr), ret);
        }
    }

    /// What the latest system call of a task has returned; `None` if it has not, or if this was
    /// asked before.
    pub fn take_return(&mut self, task: TaskId) -> Option<SysReturn> {
        self.tasks.get_mut(task)?.in_call.take_returned()
    }
}
