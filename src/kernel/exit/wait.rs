//! `wait4` and `waitid`: which children may be reported, in which order, and who is woken when one
//! may be. The contents of reports are in `wait_report.rs`.

use super::rules::{options_mean, reaps_itself};
use super::wait_rules::{Eligible, NotMeant};
use crate::abi::{Errno, ExitState, Pid, TaskId, TaskState, VirtAddr, WaitOptions};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use crate::kernel::syscall::{
    InfoTo, NoChild, Restart, SysError, SysResult, SysReturn, WaitArgs, WaitidArgs,
};
use crate::kernel::task::{Continuation, Seq};
use crate::trace::TraceEvent;

/// The result of looking at one child.
enum Look {
    /// It will never be reported to this wait.
    Skip,
    /// It cannot be reported now, but perhaps later.
    Hope,
    /// It was reported, or the report failed.
    Reported(Result<u32, Errno>),
}

impl Kernel {
    /// Linux 2.6.12: `kernel/exit.c`, `sys_wait4()`.
    ///
    /// # Errors
    /// `EINVAL` for unknown options, `ECHILD`, `EFAULT`.
    pub(in crate::kernel) fn sys_wait4(&mut self, current: TaskId, args: WaitArgs) -> SysResult {
        let options = WaitOptions::from_bits(args.options);
        if options.is_none_or(|options| !WaitOptions::WAIT4.contains(options)) {
            return Err(Errno::EINVAL).into();
        }
        let options = args.options | WaitOptions::EXITED.bits();
        self.begin_wait(current, WaitArgs { options, ..args })
    }

    /// Linux 2.6.12: `kernel/exit.c`, `sys_waitid()`.
    ///
    /// # Errors
    /// `EINVAL`, `ECHILD`, `EFAULT`.
    pub(in crate::kernel) fn sys_waitid(&mut self, current: TaskId, args: WaitidArgs) -> SysResult {
        match args.checked() {
            Ok(args) => self.begin_wait(current, args),
            Err(errno) => Err(errno).into(),
        }
    }

    fn begin_wait(&mut self, current: TaskId, args: WaitArgs) -> SysResult {
        let pid = Pid(args.pid);
        self.trace(current, TraceEvent::SchedProcessWait { pid });
        // What an earlier wait reported must not pass for the result of this one.
        let task = self.task_mut(current);
        (task.in_call.reaped, task.in_call.reported) = (None, None);
        // The place in the wait queue is taken once: a waiter that wakes in vain keeps it.
        let queued = self.pid_hash.next_seq();
        self.do_wait(current, args, queued)
    }

    /// Makes one pass over the children; sleeps if one of them may be reported later.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `do_wait()`.
    pub(in crate::kernel) fn do_wait(
        &mut self,
        current: TaskId,
        args: WaitArgs,
        queued: Seq,
    ) -> SysResult {
        let options = args.flags();
        let mut hope = false;
        for thread in self.waiting_threads(current, options) {
            let children: Vec<TaskId> = self.task(thread).children().values().copied().collect();
            for child in children {
                match self.look_at_child(current, child, &args) {
                    Look::Skip => {}
                    Look::Hope => hope = true,
                    Look::Reported(result) => {
                        let result = result.map_err(SysError::from);
                        return self.end_of_wait(current, &args, result);
                    }
                }
            }
            hope = hope || self.hopes_for_tracees(current, thread, &args);
        }
        if !hope {
            let why = self.why_no_child(current, args);
            return self.end_of_wait(current, &args, Err(why.into()));
        }
        // Only now: with no child to hope for, even WNOHANG gets ECHILD and not 0.
        if options.contains(WaitOptions::NOHANG) {
            return self.end_of_wait(current, &args, Ok(0));
        }
        if self.signal_pending(current) {
            return SysResult::Restart(Restart::Sys);
        }
        self.block(
            current,
            TaskState::INTERRUPTIBLE,
            Continuation::Wait4 { args, queued },
        )
    }

    /// Whether a child matches the arguments and has something to report.
    fn look_at_child(&mut self, current: TaskId, child: TaskId, args: &WaitArgs) -> Look {
        let options = args.flags();
        let eligible = self.eligible_child(current, child, args.pid, options);
        let delayed = match eligible {
            Eligible::No(_) => return Look::Skip,
            Eligible::Yes => false,
            Eligible::Delayed => true,
        };
        let state = self.sched.get(child).state;
        let reported = if state.intersects(TaskState::STOPPED | TaskState::TRACED) {
            let mine = self.is_my_tracee(child);
            if state.contains(TaskState::TRACED) && !mine {
                return Look::Skip;
            }
            let wanted = mine || options.contains(WaitOptions::UNTRACED);
            wanted
                .then(|| self.wait_task_stopped(current, child, args, delayed))
                .flatten()
        } else {
            match self.task(child).exit_state() {
                ExitState::Dead => return Look::Skip,
                ExitState::Zombie if !delayed => {
                    if !options.contains(WaitOptions::EXITED) {
                        return Look::Skip;
                    }
                    Some(self.wait_task_zombie(current, child, args))
                }
                ExitState::Zombie | ExitState::Alive => options
                    .contains(WaitOptions::CONTINUED)
                    .then(|| self.wait_task_continued(current, child, args))
                    .flatten(),
            }
        };
        reported.map_or(Look::Hope, Look::Reported)
    }

    /// Whether the child's stops are reported to the caller, as its tracer.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `my_ptrace_child()`.
    fn is_my_tracee(&self, child: TaskId) -> bool {
        self.tracer(child).is_some()
    }

    /// Whether a child that is traced by another task may come back to be reported.
    fn hopes_for_tracees(&self, current: TaskId, thread: TaskId, args: &WaitArgs) -> bool {
        let elsewhere = self.task(thread).ptrace_children().values();
        let meant = |child: &TaskId| {
            let eligible = self.eligible_child(current, *child, args.pid, args.flags());
            !matches!(eligible, Eligible::No(_))
        };
        elsewhere.copied().any(|child| meant(&child))
    }

    /// The return value of the call: `waitid` returns 0 instead of a pid, and clears the fields
    /// that it would have filled in if there is nothing to report.
    fn end_of_wait(&mut self, current: TaskId, args: &WaitArgs, result: SysReturn) -> SysResult {
        match (args.info, result) {
            (InfoTo::User(VirtAddr(0)) | InfoTo::Nowhere, result) => SysResult::Done(result),
            (InfoTo::User(addr), Ok(0)) => {
                let cleared = self.put_user_words(current, addr, &[0; 6]);
                cleared.map(|()| 0).into()
            }
            (_, result) => SysResult::Done(result.map(|_| 0)),
        }
    }

    /// The caller first, then the other threads of its process.
    fn waiting_threads(&self, current: TaskId, options: WaitOptions) -> Vec<TaskId> {
        if options.contains(WaitOptions::NOTHREAD) {
            vec![current]
        } else {
            self.threads_from(current)
        }
    }

    /// Linux 2.6.12: `kernel/exit.c`, `eligible_child()`.
    pub(super) fn eligible_child(
        &self,
        current: TaskId,
        child: TaskId,
        pid: i32,
        options: WaitOptions,
    ) -> Eligible {
        let wanted = match pid {
            1.. => self.pid(child).0 == pid,
            0 => self.pgrp(child) == self.pgrp(current),
            -1 => true,
            _ => self.pgrp(child).0 == -pid,
        };
        let task = self.task(child);
        if !wanted {
            return Eligible::No(NotMeant::Other);
        }
        if reaps_itself(task.exit_signal, task.ptrace()) {
            return Eligible::No(NotMeant::Thread);
        }
        if !options_mean(task.exit_signal, options) {
            return Eligible::No(NotMeant::ExitSignal);
        }
        let leads_others = task.group_leader() == child && !self.thread_group_empty(child);
        if leads_others && task.tgid() != self.task(current).tgid() {
            return Eligible::Delayed;
        }
        Eligible::Yes
    }

    /// Why a wait with these arguments finds no child.
    fn why_no_child(&self, current: TaskId, args: WaitArgs) -> NoChild {
        let options = WaitOptions::from_bits_retain(args.options);
        let threads = self.waiting_threads(current, options);
        let children = threads
            .iter()
            .flat_map(|thread| self.task(*thread).children().values());
        let mut childless = true;
        for child in children {
            childless = false;
            let pid = self.pid(*child);
            match self.eligible_child(current, *child, args.pid, options) {
                Eligible::No(NotMeant::ExitSignal) => {
                    let signal = self.task(*child).exit_signal as u32;
                    return NoChild::ExitSignal { child: pid, signal };
                }
                Eligible::No(NotMeant::Thread) => return NoChild::Thread(pid),
                _ => {}
            }
        }
        let named = Pid(args.pid);
        match self.pid_hash.find(named) {
            _ if named.0 <= 0 && childless => NoChild::Childless,
            _ if named.0 <= 0 => NoChild::NotInGroup,
            None => NoChild::NoSuchTask(named),
            Some(task) if self.task(task).exit_signal == -1 => NoChild::Thread(named),
            Some(task) => NoChild::OfAnother {
                task: named,
                parent: self.pid(self.task(task).parent()),
            },
        }
    }

    /// The children that a wait with these arguments waits for.
    pub fn awaited_children(&self, current: TaskId, args: WaitArgs) -> Vec<TaskId> {
        let options = WaitOptions::from_bits_retain(args.options);
        let threads = self.waiting_threads(current, options);
        let children = threads
            .iter()
            .flat_map(|thread| self.task(*thread).children().values());
        let meant = |child: &&TaskId| {
            let eligible = self.eligible_child(current, **child, args.pid, options);
            eligible == Eligible::Yes
        };
        children.filter(meant).copied().collect()
    }

    /// Wakes the threads of a process that sleep in `wait4`. The wake-up is synchronous: on one CPU
    /// it never preempts.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__wake_up_parent()`.
    pub(in crate::kernel) fn wake_up_parent(&mut self, parent: TaskId) {
        let waits_since = |thread: &TaskId| match self.task(*thread).in_call.continuation {
            Some(Continuation::Wait4 { queued, .. }) => Some((queued, *thread)),
            _ => None,
        };
        let mut waiters: Vec<(Seq, TaskId)> = self
            .threads(parent)
            .iter()
            .filter_map(waits_since)
            .collect();
        // Waiters are added at the head of the queue, so the last one is woken first.
        waiters.sort_unstable_by_key(|(queued, _)| std::cmp::Reverse(*queued));
        for (_, waiter) in waiters {
            let (sched, mut ctx) = self.sched_ctx();
            sched.try_to_wake_up(&mut ctx, waiter, TaskState::INTERRUPTIBLE, Waker::Sleeps);
        }
    }
}
