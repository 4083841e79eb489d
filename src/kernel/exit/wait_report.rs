//! The reports of a wait about a child: its exit, its stop, or its continuation; and the effects of
//! a report.

use super::wait_rules::{Report, end_in_siginfo};
use crate::abi::{
    Errno, PtFlags, SigInfo, SigOrigin, Signal, TaskId, VirtAddr, WaitOptions, WaitStatus, si_code,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{InfoTo, WaitArgs};
use crate::kernel::task::{SignalFlags, UsageOf};

/// The wait status of a child that has continued.
const STATUS_CONTINUED: u32 = 0xffff;

impl Kernel {
    /// Reports the exit of a child. The child is released, unless it is to be left waitable or its
    /// status cannot be stored.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_zombie()`.
    pub(super) fn wait_task_zombie(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &WaitArgs,
    ) -> Result<u32, Errno> {
        let mut code = self.task(child).exit_code;
        if args.flags().contains(WaitOptions::NOWAIT) {
            return self.wait_noreap_copyout(current, child, args, report_of_end(code));
        }
        // Dead at once, so that no other thread that waits finds the same zombie.
        self.task_mut(child).become_dead();
        let by_tracer = self.task(child).parent() != self.task(child).real_parent();
        // Only the real parent's reap counts, or the times would be added twice.
        if !by_tracer {
            self.add_child_times(current, child);
        }
        let group = self.signal_of(child);
        if group.flags().contains(SignalFlags::GROUP_EXIT) {
            code = group.group_exit_code();
        }
        if let Err(errno) = self.copy_report(current, child, args, report_of_end(code)) {
            // The times stay added, as in the kernel, and are added again at the next attempt.
            self.task_mut(child).become_zombie();
            return Err(errno);
        }
        let pid = self.pid(child);
        if !by_tracer || self.real_parent_is_deaf(child) {
            self.release_task(child);
        }
        Ok(pid.0 as u32)
    }

    /// After a tracer has waited for a zombie, it is a zombie again, to be reported to its real
    /// parent. Returns whether that parent does not want to know.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_zombie()`.
    fn real_parent_is_deaf(&mut self, child: TaskId) -> bool {
        self.ptrace_unlink(child);
        self.task_mut(child).become_zombie();
        let signal = self.task(child).exit_signal;
        if signal != -1 {
            self.do_notify_parent(child, signal);
        }
        self.task(child).exit_signal == -1
    }

    /// Adds the resource usage of a reaped process to its parent's sums for children.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_zombie()`.
    fn add_child_times(&mut self, current: TaskId, child: TaskId) {
        let mut used = self.task_usage(child);
        let group = self.signal_of(child);
        used += group.dead;
        used += group.reaped;
        self.signal_of_mut(current).reaped += used;
    }

    /// Reports a stop if it was not reported yet. The child moves to the end of the list. A bad
    /// address loses the report.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_stopped()`.
    pub(super) fn wait_task_stopped(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &WaitArgs,
        delayed: bool,
    ) -> Option<Result<u32, Errno>> {
        let task = self.task(child);
        let code = task.exit_code;
        let traced = task.ptrace().contains(PtFlags::PTRACED);
        let stops = self.signal_of(child).group_stop_count() > 0;
        if code == 0 || (delayed && !traced && stops) {
            return None;
        }
        let why = if traced {
            si_code::CLD_TRAPPED
        } else {
            si_code::CLD_STOPPED
        };
        let status = code << 8 | 0x7f;
        let report = |value| Report {
            status: WaitStatus(status),
            why,
            value,
        };
        if args.flags().contains(WaitOptions::NOWAIT) {
            // As in 2.6.12, the value is the wait status in this case.
            return Some(self.wait_noreap_copyout(current, child, args, report(status)));
        }
        // A stop is reported once; 0 says that it was. This precedes the copy, hence a bad address
        // loses the report.
        self.task_mut(child).exit_code = 0;
        self.move_behind_siblings(child);
        let copied = self.copy_report(current, child, args, report(code));
        Some(copied.map(|()| self.pid(child).0 as u32))
    }

    /// Reports the continuation of a child if it was not reported yet.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_continued()`.
    pub(super) fn wait_task_continued(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &WaitArgs,
    ) -> Option<Result<u32, Errno>> {
        let group = self.signal_of_mut(child);
        if !group.flags().contains(SignalFlags::STOP_CONTINUED) {
            return None;
        }
        if !args.flags().contains(WaitOptions::NOWAIT) {
            group.continuation_reported();
        }
        let report = Report {
            status: WaitStatus(STATUS_CONTINUED),
            why: si_code::CLD_CONTINUED,
            value: Signal::SIGCONT.number(),
        };
        let copied = self.copy_report(current, child, args, report);
        Some(copied.map(|()| self.pid(child).0 as u32))
    }

    /// A report that leaves everything unchanged. It requires an address for a `siginfo_t`.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_noreap_copyout()`.
    fn wait_noreap_copyout(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &WaitArgs,
        report: Report,
    ) -> Result<u32, Errno> {
        if matches!(args.info, InfoTo::Nowhere | InfoTo::User(VirtAddr(0))) {
            return Err(Errno::EFAULT);
        }
        self.copy_report(current, child, args, report)?;
        Ok(self.pid(child).0 as u32)
    }

    /// Stores a report where the caller wants it, and records it in the caller.
    fn copy_report(
        &mut self,
        current: TaskId,
        child: TaskId,
        args: &WaitArgs,
        report: Report,
    ) -> Result<(), Errno> {
        if args.rusage != VirtAddr(0) {
            self.put_rusage(current, child, UsageOf::Both, args.rusage)?;
        }
        if args.status != VirtAddr(0) {
            self.put_user_u32(current, args.status, report.status.0)?;
        }
        let origin = SigOrigin::Child {
            pid: self.pid(child).0,
            uid: self.task(child).cred().uid,
            status: report.value as i32,
            utime: 0,
            stime: 0,
        };
        let info = SigInfo {
            signal: Signal::SIGCHLD,
            code: report.why,
            origin,
        };
        if let InfoTo::User(addr @ VirtAddr(1..)) = args.info {
            self.put_user_words(current, addr, &info.words()[..6])?;
        }
        let task = self.task_mut(current);
        task.in_call.reaped = Some(report.status);
        task.in_call.reported = Some(info);
        Ok(())
    }
}

const fn report_of_end(code: u32) -> Report {
    let (why, value) = end_in_siginfo(code);
    Report {
        status: WaitStatus(code),
        why,
        value,
    }
}
