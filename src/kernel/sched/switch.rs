//! Context switches: `schedule` with the switch of address space and TLS, the first steps of a new
//! task, and completions.

use super::{Switch, Waker};
use crate::abi::{Errno, Pid, TaskId, TaskState, VirtAddr};
use crate::hw::{SegmentDescriptor, UserDesc};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{Continuation, Trap};
use crate::trace::TraceEvent;

impl Kernel {
    /// Linux 2.6.12: `kernel/sched.c`, `schedule()` and `context_switch()`. What the caller does
    /// after it returns is a [`Continuation`].
    pub fn schedule(&mut self) {
        let (sched, mut ctx) = self.sched_ctx();
        let Some(Switch { prev, next }) = sched.schedule(&mut ctx) else {
            return;
        };
        self.stat.switches += 1;
        let (cpu, switched) = (self.this_cpu, self.log.last_event());
        let context = self.log.set_context(cpu, switched);
        self.tasks[next].in_call.entered_handler = false;
        self.context_switch_mm(prev, next);
        self.unlazy_fpu(prev);
        self.load_tls(next);
        self.finish_task_switch(prev);
        self.log.set_context(cpu, context);
    }

    /// Drops the last reference to a task that has exited, once it is off the CPU.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `finish_task_switch()`.
    fn finish_task_switch(&mut self, prev: TaskId) {
        // Not in `do_exit`: until the switch the task ran on the kernel stack that is freed here.
        if self.sched.get(prev).dead {
            self.account_for(prev);
            self.put_task(prev);
        }
    }

    /// Linux 2.6.12: `kernel/sched.c`, `schedule_tail()`, and the rest of `ret_from_fork`: the tid
    /// for CLONE_CHILD_SETTID is stored by the child itself; a fault is ignored.
    pub(in crate::kernel) fn schedule_tail(&mut self, current: TaskId) {
        let addr = self.task(current).set_child_tid;
        if addr == VirtAddr(0) {
            return;
        }
        let pid = self.pid(current);
        let failed = self.put_user_u32(current, addr, pid.0 as u32).is_err();
        self.trace(
            current,
            TraceEvent::TidWrite {
                addr,
                value: pid,
                failed,
            },
        );
    }

    /// Sleeps in TASK_UNINTERRUPTIBLE until [`Kernel::complete`]: no signal ends it.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `wait_for_completion()`, for the completion that `do_fork`
    /// keeps in the frame of a vfork parent.
    pub(in crate::kernel) fn wait_for_completion(
        &mut self,
        current: TaskId,
        child: Pid,
    ) -> SysResult {
        let wait = Continuation::VforkWait { child, done: false };
        self.block(current, TaskState::UNINTERRUPTIBLE, wait)
    }

    /// Completes the vfork that `parent` waits for.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `complete()`.
    pub(in crate::kernel) fn complete(&mut self, parent: TaskId) {
        // It may still be in the stop that reports the fork to its tracer.
        if let Some(
            Continuation::VforkWait { done, .. }
            | Continuation::PtraceStop(Trap::Fork { done, .. }),
        ) = &mut self.task_mut(parent).in_call.continuation
        {
            // Before the wake-up: the parent looks at it, and sleeps on if the child is not done.
            *done = true;
        }
        let (sched, mut ctx) = self.sched_ctx();
        let mask = TaskState::INTERRUPTIBLE | TaskState::UNINTERRUPTIBLE;
        sched.try_to_wake_up(&mut ctx, parent, mask, Waker::GoesOn);
    }

    /// Puts the current task to sleep inside a system call.
    pub(in crate::kernel) fn block(
        &mut self,
        current: TaskId,
        state: TaskState,
        continuation: Continuation,
    ) -> SysResult {
        // Both before `schedule`: others run in it, and a wake-up looks at the state and writes what
        // it has to tell into the continuation.
        self.task_mut(current).in_call.continuation = Some(continuation);
        self.sched.set_task_state(current, state);
        self.schedule();
        SysResult::Blocked
    }

    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `sys_set_thread_area()`.
    ///
    /// # Errors
    /// `EFAULT`; `ESRCH` if entry -1 asks for a free one and there is none; `EINVAL`.
    pub(in crate::kernel) fn sys_set_thread_area(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let mut info = self.read_user_desc(current, addr)?;
        if info.entry_number == -1 {
            let tls = &self.task(current).thread.tls_array;
            let free = tls.iter().position(|d| *d == SegmentDescriptor::default());
            info.entry_number = free.ok_or(Errno::ESRCH)? as i32 + UserDesc::ENTRY_TLS_MIN;
            self.put_user_u32(current, addr, info.entry_number as u32)?;
        }
        let slot = info.tls_slot().ok_or(Errno::EINVAL)?;
        self.task_mut(current).thread.tls_array[slot] = info.descriptor();
        self.load_tls(current);
        Ok(0)
    }

    /// Linux 2.6.12: `arch/i386/kernel/process.c`, `sys_get_thread_area()`.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for another entry than the three.
    pub(in crate::kernel) fn sys_get_thread_area(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let wanted = UserDesc {
            entry_number: self.get_user_u32(current, addr)?.cast_signed(),
            ..UserDesc::default()
        };
        let slot = wanted.tls_slot().ok_or(Errno::EINVAL)?;
        let descriptor = self.task(current).thread.tls_array[slot];
        let info = UserDesc::of_descriptor(wanted.entry_number, descriptor);
        self.copy_to_user(current, addr, &info.to_bytes())?;
        Ok(0)
    }

    /// Linux 2.6.12: `include/asm-i386/desc.h`, `load_TLS()`.
    fn load_tls(&mut self, next: TaskId) {
        self.cpus[self.this_cpu].gdt_tls = self.tasks[next].thread.tls_array;
    }

    /// The current task is queued behind the others; the call itself is complete.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_yield()`.
    pub(in crate::kernel) fn sys_sched_yield(&mut self, _current: TaskId) -> u32 {
        let (sched, mut ctx) = self.sched_ctx();
        sched.sched_yield(&mut ctx);
        self.schedule();
        0
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sys_nice()`.
    ///
    /// # Errors
    /// `EPERM` for a negative increment without CAP_SYS_NICE.
    pub(in crate::kernel) fn sys_nice(
        &mut self,
        current: TaskId,
        increment: i32,
    ) -> Result<u32, Errno> {
        if increment < 0 && !self.capable(current, crate::abi::Caps::SYS_NICE) {
            return Err(Errno::EPERM);
        }
        let nice = self.nice(current) + increment.clamp(-40, 40);
        self.set_user_nice(current, nice.clamp(-20, 19));
        Ok(0)
    }

    /// The nice value of a task.
    pub fn nice(&self, task: TaskId) -> i32 {
        crate::abi::static_prio_to_nice(self.sched.get(task).static_prio)
    }

    /// Linux 2.6.12: `kernel/sched.c`, `set_user_nice()`.
    pub fn set_user_nice(&mut self, task: TaskId, nice: i32) {
        let (sched, mut ctx) = self.sched_ctx();
        sched.set_user_nice(&mut ctx, task, nice);
    }
}
