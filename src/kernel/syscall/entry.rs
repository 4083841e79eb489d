//! The way from `int 0x80` to the function that carries a call out, and back: a program's call is
//! decoded from its registers, with what they point to; puppets and workloads give the call as
//! data.

use super::decode::argument_words;
use super::result::SysResult;
use super::table::Syscall;
use crate::abi::{Errno, TaskId};
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

impl Kernel {
    /// `int 0x80` of a program: the call that the current task's registers ask for.
    ///
    /// Its value goes into `eax`, now or when the call ends. `None` if it blocks (or ended the
    /// task): then another task is current now.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/entry.S`, `system_call`.
    pub fn int_80(&mut self, current: TaskId) -> Option<i32> {
        let regs = &mut self.task_mut(current).thread.regs;
        regs.orig_eax = regs.eax;
        let (nr, words) = (regs.eax, argument_words(regs));
        self.enter_call(current, nr as u16, Syscall::first_arg_of(nr, words));
        // What the registers ask for is looked at only after this stop, for the tracer may change
        // them.
        if self.stops_before_call(current, None) {
            return None;
        }
        let result = self.call_in_registers(current, nr);
        self.return_from_call(current, result)
    }

    /// The same for a task that runs no code, whose user mode says which call it makes.
    pub fn syscall(&mut self, current: TaskId, call: Syscall) -> Option<i32> {
        self.enter_call(current, call.nr(), call.first_arg());
        if self.stops_before_call(current, Some(&call)) {
            return None;
        }
        let result = self.make_call(current, call);
        self.return_from_call(current, result)
    }

    fn enter_call(&mut self, current: TaskId, nr: u16, arg: u32) {
        self.stat.syscalls += 1;
        self.map_refusal = None;
        self.task_mut(current).open_call(nr);
        self.trace(current, TraceEvent::SysEnter { nr, arg });
    }

    /// Carries a call out that has begun, and keeps it if a signal may cause it to be made again.
    pub(in crate::kernel) fn make_call(&mut self, current: TaskId, call: Syscall) -> SysResult {
        self.task_mut(current).in_call.again = call.made_again();
        self.dispatch(current, call)
    }

    /// Makes the call of that number with the arguments that are in the registers now.
    pub(in crate::kernel) fn call_in_registers(&mut self, current: TaskId, nr: u32) -> SysResult {
        match self.decode(current, nr) {
            Ok(call) => self.make_call(current, call),
            Err(errno) => Err(errno).into(),
        }
    }

    /// What becomes of the current task after its call came that far.
    pub(in crate::kernel) fn return_from_call(
        &mut self,
        current: TaskId,
        result: SysResult,
    ) -> Option<i32> {
        match result {
            SysResult::Done(result) => self.syscall_exit(current, result),
            SysResult::Restart(restart) => {
                self.interrupt_call(current, restart);
                None
            }
            SysResult::Blocked => None,
        }
    }

    /// The end of a system call: its value goes into `eax`. `None` if the task has stopped for its
    /// tracer.
    pub(in crate::kernel) fn syscall_exit(
        &mut self,
        current: TaskId,
        result: Result<u32, Errno>,
    ) -> Option<i32> {
        let ret = match result {
            Ok(value) => value as i32,
            Err(errno) => -errno.code(),
        };
        let task = self.task_mut(current);
        task.thread.regs.eax = ret as u32;
        task.in_call.again = None;
        if self.stops_after_call(current) {
            return None;
        }
        self.leave_call(current);
        Some(ret)
    }

    /// The task is on its way back to user mode.
    pub(in crate::kernel) fn leave_call(&mut self, current: TaskId) {
        let task = self.task_mut(current);
        let ret = task.thread.regs.eax as i32;
        if let Some(call) = task.in_call.open.take() {
            self.trace(current, TraceEvent::SysExit { nr: call.nr, ret });
        }
    }
}
