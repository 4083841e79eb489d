//! `wait4`: which children may be reported, in which order, and reaping them.
//!
//! Stops and continuations are reported when signals can cause them.

use super::Kernel;
use super::exit_rules::{options_mean, reaps_itself};
use super::pidmap::Seq;
use super::signal::SignalFlags;
use super::syscall::SysResult;
use super::task::{Continuation, ExitState, PtFlags};
use crate::abi::{Errno, Pid, TaskId, TaskState, VirtAddr, WaitStatus};
use bitflags::bitflags;

bitflags! {
    /// Options of `wait4`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct WaitOptions: u32 {
        /// `WNOHANG`: return 0 at once if there is nothing to report.
        const NOHANG = 1;
        /// `WUNTRACED`: report stopped children too.
        const UNTRACED = 2;
        /// `WCONTINUED`: report children that went on after a stop.
        const CONTINUED = 8;
        /// `__WNOTHREAD`: only children of this thread.
        const NOTHREAD = 0x2000_0000;
        /// `__WALL`: children with any exit signal.
        const ALL = 0x4000_0000;
        /// `__WCLONE`: only children whose exit signal is not SIGCHLD.
        const CLONE = 0x8000_0000;
    }
}

/// The arguments of `wait4`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitArgs {
    /// Above 0: that child; 0: the caller's process group; -1: any; below: that process group.
    pub pid: i32,
    /// Where to store the status word; 0 for nowhere.
    pub status: VirtAddr,
    /// Options as given, with bits that may be unknown.
    pub options: u32,
}

/// Whether a child is one that the caller asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eligible {
    /// It is not.
    No(NotMeant),
    /// It is.
    Yes,
    /// It is a leader whose process still has other threads: it cannot be reaped yet.
    Delayed,
}

/// Why a child is not one that the caller asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMeant {
    /// It has another pid, or is in another process group.
    Other,
    /// It is a thread, whose end is reported to nobody.
    Thread,
    /// Its exit signal is of the kind that the options leave out.
    ExitSignal,
}

/// Why `wait4` finds no child that the arguments could mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoChild {
    /// The caller has no children.
    Childless,
    /// No task has that pid.
    NoSuchTask(Pid),
    /// The task of that pid is a child of another.
    OfAnother {
        /// The task.
        task: Pid,
        /// Its parent.
        parent: Pid,
    },
    /// The options leave this child out, for its exit signal.
    ExitSignal {
        /// The child.
        child: Pid,
        /// Its exit signal; 0 for none.
        signal: u32,
    },
    /// This child is a thread, whose end is reported to nobody.
    Thread(Pid),
    /// There are children, but none in that process group.
    NotInGroup,
}

impl Kernel {
    /// Linux 2.6.12: `kernel/exit.c`, `sys_wait4()`.
    ///
    /// # Errors
    /// `EINVAL` for unknown options, `ECHILD`, `EFAULT`.
    pub(super) fn sys_wait4(&mut self, current: TaskId, args: WaitArgs) -> SysResult {
        if WaitOptions::from_bits(args.options).is_none() {
            return Err(Errno::EINVAL).into();
        }
        self.trace(
            current,
            crate::trace::TraceEvent::SchedProcessWait { pid: Pid(args.pid) },
        );
        self.task_mut(current).reaped = None;
        let queued = self.pid_hash.next_seq();
        self.do_wait(current, args, queued)
    }

    /// One pass over the children; sleeps if one of them may be reported later.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `do_wait()`.
    pub(super) fn do_wait(&mut self, current: TaskId, args: WaitArgs, queued: Seq) -> SysResult {
        let options = WaitOptions::from_bits_retain(args.options);
        let mut hope = false;
        for thread in self.waiting_threads(current, options) {
            let children: Vec<TaskId> = self.task(thread).children.values().copied().collect();
            for child in children {
                let eligible = self.eligible_child(current, child, args.pid, options);
                if matches!(eligible, Eligible::No(_)) {
                    continue;
                }
                match self.task(child).exit_state {
                    ExitState::Dead => {}
                    ExitState::Zombie if eligible == Eligible::Yes => {
                        return self.wait_task_zombie(current, child, args.status).into();
                    }
                    ExitState::Zombie | ExitState::Alive => {
                        hope = true;
                        if options.contains(WaitOptions::UNTRACED)
                            && let Some(code) = self.take_stop_code(child)
                        {
                            return self
                                .wait_task_stopped(current, child, code, args.status)
                                .into();
                        }
                    }
                }
            }
        }
        if !hope {
            return Err(Errno::ECHILD).into();
        }
        if options.contains(WaitOptions::NOHANG) {
            return Ok(0).into();
        }
        if self.signal_pending(current) {
            return self.interrupted(current, Continuation::Wait4 { args, queued }, |kernel| {
                kernel.sys_wait4(current, args)
            });
        }
        self.block(
            current,
            TaskState::INTERRUPTIBLE,
            Continuation::Wait4 { args, queued },
        )
    }

    /// The caller first, then the other threads of its process.
    fn waiting_threads(&self, current: TaskId, options: WaitOptions) -> Vec<TaskId> {
        if options.contains(WaitOptions::NOTHREAD) {
            return vec![current];
        }
        let mut threads = self.threads(current);
        let at = threads
            .iter()
            .position(|thread| *thread == current)
            .unwrap_or(0);
        threads.rotate_left(at);
        threads
    }

    /// Linux 2.6.12: `kernel/exit.c`, `eligible_child()`.
    pub fn eligible_child(
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
        if reaps_itself(task.exit_signal, task.ptrace) {
            return Eligible::No(NotMeant::Thread);
        }
        if !options_mean(task.exit_signal, options) {
            return Eligible::No(NotMeant::ExitSignal);
        }
        let leads_others = task.group_leader == child && !self.thread_group_empty(child);
        if leads_others && task.tgid != self.task(current).tgid {
            return Eligible::Delayed;
        }
        Eligible::Yes
    }

    /// Why a wait with these arguments finds no child; to be asked after it failed with `ECHILD`.
    pub fn why_no_child(&self, current: TaskId, args: WaitArgs) -> NoChild {
        let options = WaitOptions::from_bits_retain(args.options);
        let threads = self.waiting_threads(current, options);
        let children = threads
            .iter()
            .flat_map(|thread| self.task(*thread).children.values());
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
                parent: self.pid(self.task(task).parent),
            },
        }
    }

    /// The first child that a wait with these arguments waits for.
    pub fn awaited_child(&self, current: TaskId, args: WaitArgs) -> Option<TaskId> {
        let options = WaitOptions::from_bits_retain(args.options);
        let threads = self.waiting_threads(current, options);
        let mut children = threads
            .iter()
            .flat_map(|thread| self.task(*thread).children.values());
        let meant = |child: &&TaskId| {
            let eligible = self.eligible_child(current, **child, args.pid, options);
            eligible == Eligible::Yes
        };
        children.find(meant).copied()
    }

    /// The process group of a task.
    pub fn pgrp(&self, task: TaskId) -> Pid {
        self.task(task)
            .signal
            .map_or(Pid(0), |signal| self.signals[signal].pgrp)
    }

    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_zombie()`.
    fn wait_task_zombie(
        &mut self,
        current: TaskId,
        child: TaskId,
        status_addr: VirtAddr,
    ) -> Result<u32, Errno> {
        self.task_mut(child).exit_state = ExitState::Dead;
        self.add_child_times(current, child);
        let mut status = self.task(child).exit_code;
        if let Some(signal) = self.task(child).signal {
            let shared = &self.signals[signal];
            if shared.flags.contains(SignalFlags::GROUP_EXIT) {
                status = shared.group_exit_code;
            }
        }
        if status_addr != VirtAddr(0)
            && let Err(errno) = self.put_user_u32(current, status_addr, status)
        {
            self.task_mut(child).exit_state = ExitState::Zombie;
            return Err(errno);
        }
        let pid = self.pid(child);
        self.task_mut(current).reaped = Some(WaitStatus(status));
        self.release_task(child);
        Ok(pid.0 as u32)
    }

    /// The times of a reaped process are added to its parent's sums for children.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_zombie()`.
    fn add_child_times(&mut self, current: TaskId, child: TaskId) {
        let (Some(mine), Some(its)) = (self.task(current).signal, self.task(child).signal) else {
            return;
        };
        let theirs = &self.signals[its];
        let utime = self.task(child).utime + theirs.utime + theirs.cutime;
        let min_flt = self.task(child).min_flt + theirs.min_flt + theirs.cmin_flt;
        let sums = &mut self.signals[mine];
        sums.cutime += utime;
        sums.cmin_flt += min_flt;
    }

    /// The code of a stop that was not reported yet; from now on it is.
    fn take_stop_code(&mut self, child: TaskId) -> Option<u32> {
        let stopped = self
            .sched
            .get(child)
            .state
            .intersects(TaskState::STOPPED | TaskState::TRACED);
        let task = self.task_mut(child);
        if !stopped || task.exit_code == 0 || task.ptrace.contains(PtFlags::PTRACED) {
            return None;
        }
        Some(std::mem::take(&mut task.exit_code))
    }

    /// The child goes to the end of the list. A bad address loses the report.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `wait_task_stopped()`.
    fn wait_task_stopped(
        &mut self,
        current: TaskId,
        child: TaskId,
        code: u32,
        status_addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let (parent, seq) = (self.task(child).parent, self.task(child).sibling);
        self.task_mut(parent).children.remove(&seq);
        self.add_child(parent, child);
        let status = code << 8 | 0x7f;
        if status_addr != VirtAddr(0) {
            self.put_user_u32(current, status_addr, status)?;
        }
        self.task_mut(current).reaped = Some(WaitStatus(status));
        Ok(self.pid(child).0 as u32)
    }

    /// Wakes the threads of a process that sleep in `wait4`. The wake-up is a synchronous one: on
    /// one CPU it never preempts.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__wake_up_parent()`.
    pub(super) fn wake_up_parent(&mut self, parent: TaskId) {
        let waits_since = |thread: &TaskId| match self.task(*thread).continuation {
            Some(Continuation::Wait4 { queued, .. }) => Some((queued, *thread)),
            _ => None,
        };
        let mut waiters: Vec<(Seq, TaskId)> = self
            .threads(parent)
            .iter()
            .filter_map(waits_since)
            .collect();
        // Waiters join the head of the queue, so the one that came last is woken first.
        waiters.sort_unstable_by_key(|(queued, _)| std::cmp::Reverse(*queued));
        for (_, waiter) in waiters {
            let (sched, mut ctx) = self.sched_ctx();
            sched.try_to_wake_up(&mut ctx, waiter, TaskState::INTERRUPTIBLE, true);
        }
    }
}
