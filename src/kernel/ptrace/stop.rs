//! Stops for a tracer: how a task stops at a signal, a system call or an event, and where it
//! continues.

use super::rules::{is_traced_by_parent, syscall_stop_code};
use crate::abi::{
    Errno, Pid, PtFlags, PtraceEvent, SigInfo, SigSet, Signal, TaskId, TaskState, WaitStatus,
    si_code,
};
use crate::kernel::Kernel;
use crate::kernel::sched::ThreadFlags;
use crate::kernel::syscall::{SysResult, Syscall};
use crate::kernel::task::{Continuation, SendInfo, SignalFlags, Trap};
use crate::trace::TraceEvent;

impl Kernel {
    /// Whether a task is traced.
    pub(in crate::kernel) fn is_ptraced(&self, task: TaskId) -> bool {
        self.task(task).ptrace().contains(PtFlags::PTRACED)
    }

    /// The tracer of a task, if it has one that is notified of its stops.
    pub fn tracer(&self, task: TaskId) -> Option<TaskId> {
        let t = self.task(task);
        is_traced_by_parent(t.ptrace(), t.parent() == t.real_parent()).then_some(t.parent())
    }

    /// Stops the current task for its tracer, and notifies the tracer. Returns `false` if there is
    /// none; the task then continues with the code `nostop`.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `ptrace_stop()`.
    fn ptrace_stop(
        &mut self,
        current: TaskId,
        code: u32,
        nostop: u32,
        info: SigInfo,
        trap: Trap,
    ) -> bool {
        // The task is stopped as far as a stop of its process is concerned, which would otherwise wait
        // for it.
        let group = self.signal_of_mut(current);
        group.count_traced_stop();
        let ends = group.flags().contains(SignalFlags::GROUP_EXIT);
        // A tracer in the same process that ends with it would never let the task go on.
        let tracer = self
            .tracer(current)
            .filter(|tracer| self.task(*tracer).signal() != self.task(current).signal() || !ends);
        let Some(tracer) = tracer else {
            self.task_mut(current).exit_code = nostop;
            return false;
        };
        let task = self.task_mut(current);
        task.stop_for_tracer(code, info);
        task.in_call.continuation = Some(Continuation::PtraceStop(trap));
        let status = WaitStatus(code << 8 | 0x7f);
        // When the task runs again, it is because it was resumed.
        let _context = self.trace_cause(current, TraceEvent::PtraceStop { status });
        // Before the tracer is notified: its next request is refused unless the task has stopped.
        self.sched.set_task_state(current, TaskState::TRACED);
        self.do_notify_parent_cldstop(current, tracer, si_code::CLD_TRAPPED);
        self.schedule();
        true
    }

    /// Whether the tracer of a task is exiting with its whole process.
    pub(in crate::kernel) fn tracer_is_ending(&self, task: TaskId) -> bool {
        let group = self.signal_of(self.task(task).parent());
        group.flags().contains(SignalFlags::GROUP_EXIT)
    }

    /// A stop that is not for a signal; `false` if there is no tracer to stop for.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `ptrace_notify()`.
    fn ptrace_notify(&mut self, current: TaskId, code: u32, trap: Trap) -> bool {
        let (pid, uid) = (self.pid(current).0, self.task(current).cred().uid);
        let info = SigInfo::sent(Signal::SIGTRAP, code as i32, pid, uid);
        self.ptrace_stop(current, code, 0, info, trap)
    }

    /// Stops at an event if the tracer requested it, and continues after it.
    pub(in crate::kernel) fn ptrace_event(
        &mut self,
        current: TaskId,
        event: PtraceEvent,
        trap: Trap,
    ) -> SysResult {
        if self.ptrace_notify(current, event.stop_code(), trap) {
            SysResult::Blocked
        } else {
            self.after_event(current, trap)
        }
    }

    /// What a task does after the stop at an event, or at once if it does not stop.
    pub(in crate::kernel) fn after_event(&mut self, current: TaskId, trap: Trap) -> SysResult {
        match trap {
            Trap::Fork {
                child,
                vfork: true,
                done: false,
            } => self.wait_for_vfork(current, child),
            Trap::Fork {
                child, vfork: true, ..
            } => self.vfork_is_over(current, child),
            Trap::Fork { child, .. } | Trap::VforkDone { child } => SysResult::from(child.0 as u32),
            Trap::Exec => self.finish_exec(current).into(),
            Trap::Exit { code } => self.exit_for_good(current, code),
            Trap::Signal { .. } | Trap::SyscallEntry | Trap::SyscallExit => SysResult::Blocked,
        }
    }

    /// The child of a vfork has released the memory; the tracer may want to be notified of that as
    /// well.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
    pub(in crate::kernel) fn vfork_is_over(&mut self, current: TaskId, child: Pid) -> SysResult {
        let wanted = PtFlags::TRACE_VFORK_DONE;
        if self.task(current).ptrace().contains(wanted) {
            self.ptrace_event(current, PtraceEvent::VforkDone, Trap::VforkDone { child })
        } else {
            SysResult::from(child.0 as u32)
        }
    }

    /// Resumes a task after a stop for its tracer.
    pub(in crate::kernel) fn ptrace_resumes(&mut self, current: TaskId, trap: Trap) -> SysResult {
        let info = self.task_mut(current).take_last_siginfo();
        // Signals of its process have passed the task over while it was stopped.
        self.recalc_sigpending(current);
        match trap {
            Trap::Signal { suspended } => self.after_signal_stop(current, info, suspended),
            Trap::SyscallEntry => {
                self.send_injected(current);
                self.make_traced_call(current)
            }
            Trap::SyscallExit => {
                self.send_injected(current);
                self.leave_call(current);
                SysResult::Blocked
            }
            event => self.after_event(current, event),
        }
    }

    /// Sends the signal with which the tracer resumed a task after a stop at a system call.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `do_syscall_trace()`.
    fn send_injected(&mut self, current: TaskId) {
        let code = std::mem::take(&mut self.task_mut(current).exit_code);
        if let Some(signal) = Signal::new(code) {
            self.send_sig(current, signal);
        }
    }

    /// Whether a task stops at system calls.
    fn stops_at_calls(&self, task: TaskId) -> bool {
        let flags = self.sched.get(task).thread_flags;
        self.is_ptraced(task) && flags.contains(ThreadFlags::SYSCALL_TRACE)
    }

    /// The stop before a system call, which is made when the tracer resumes the task. If `call` is
    /// `None`, the registers contain it. Returns `true` if the task has stopped.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/entry.S`, `syscall_trace_entry`.
    pub(in crate::kernel) fn stops_before_call(
        &mut self,
        current: TaskId,
        call: Option<&Syscall>,
    ) -> bool {
        if !self.stops_at_calls(current) {
            return false;
        }
        let task = self.task_mut(current);
        if let Some(call) = call {
            task.thread.regs.orig_eax = u32::from(call.nr());
            task.thread.regs.ebx = call.first_arg();
            task.in_call.traced = Some(Box::new(call.clone()));
        }
        // What the tracer sees, and the result if it sets a number that does not exist.
        task.thread.regs.eax = -Errno::ENOSYS.code() as u32;
        let code = syscall_stop_code(task.ptrace());
        let stopped = self.ptrace_notify(current, code, Trap::SyscallEntry);
        if !stopped {
            self.task_mut(current).in_call.traced = None;
        }
        stopped
    }

    /// Makes the call before which the task has stopped, or another one if its tracer has changed
    /// the number.
    fn make_traced_call(&mut self, current: TaskId) -> SysResult {
        let task = self.task_mut(current);
        let nr = task.thread.regs.orig_eax;
        match task.in_call.traced.take() {
            Some(call) if u32::from(call.nr()) == nr => self.make_call(current, *call),
            _ => self.call_in_registers(current, nr),
        }
    }

    /// The stop after a system call, whose result is in `eax`. Returns `true` if the task has
    /// stopped. A single-stepped task gets SIGTRAP here, because none of its instructions ran.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `do_syscall_trace()`.
    pub(in crate::kernel) fn stops_after_call(&mut self, current: TaskId) -> bool {
        if !self.is_ptraced(current) {
            return false;
        }
        let flags = self.sched.get(current).thread_flags;
        if flags.contains(ThreadFlags::SINGLESTEP) {
            self.send_sigtrap(current);
        }
        if !flags.contains(ThreadFlags::SYSCALL_TRACE) {
            return false;
        }
        let code = syscall_stop_code(self.task(current).ptrace());
        self.ptrace_notify(current, code, Trap::SyscallExit)
    }

    /// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `send_sigtrap()`.
    fn send_sigtrap(&mut self, task: TaskId) {
        let thread = &mut self.task_mut(task).thread;
        (thread.trap_no, thread.error_code) = (1, 0);
        self.force_signal(task, Signal::SIGTRAP);
    }

    /// Shows a signal to the tracer before the task takes it; `false` if there is no tracer to stop
    /// for.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `get_signal_to_deliver()`.
    pub(in crate::kernel) fn stops_with_signal(
        &mut self,
        current: TaskId,
        info: SigInfo,
        suspended: Option<SigSet>,
    ) -> bool {
        let code = info.signal.number();
        let stopped = self.ptrace_stop(current, code, code, info, Trap::Signal { suspended });
        if !stopped {
            self.task_mut(current).exit_code = 0;
        }
        stopped
    }

    /// The task takes the signal that its tracer has left in `exit_code`, if any, and continues to
    /// take others. If the tracer has replaced the signal, the new one counts as sent by the
    /// tracer; one that is blocked by now is put back.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `get_signal_to_deliver()`.
    fn after_signal_stop(
        &mut self,
        current: TaskId,
        stopped_with: Option<SigInfo>,
        suspended: Option<SigSet>,
    ) -> SysResult {
        let code = std::mem::take(&mut self.task_mut(current).exit_code);
        if let Some(signal) = Signal::new(code) {
            let tracer = self.task(current).parent();
            let (pid, uid) = (self.pid(tracer).0, self.task(tracer).cred().uid);
            let info = stopped_with
                .filter(|info| info.signal == signal)
                .unwrap_or(SigInfo::sent(signal, si_code::SI_USER, pid, uid));
            // The tracer may have chosen another signal, or the mask may have changed meanwhile.
            if self.task(current).blocked().contains(signal) {
                // A signal that finds no room in the queue is pending all the same.
                let _sent = self.specific_send_sig_info(signal, SendInfo::Info(info), current);
            } else {
                self.task_mut(current).in_call.injected = Some(info);
            }
        }
        match suspended {
            Some(saved) => self.sigsuspend_woken(current, saved),
            None => {
                self.do_signal(current);
                SysResult::Blocked
            }
        }
    }
}
