//! Process groups and sessions: `setpgid` and related calls, and orphaned process groups.

use super::SendInfo;
use super::pidmap::PidType;
use crate::abi::{Errno, ExitState, Pid, Signal, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::syscall::PgrpRefusal;

impl Kernel {
    /// The process group of a task.
    pub fn pgrp(&self, task: TaskId) -> Pid {
        self.job(task).0
    }

    /// The session of a task.
    pub fn session(&self, task: TaskId) -> Pid {
        self.job(task).1
    }

    /// Process group and session; both 0 for the idle tasks, of which one is the parent of init.
    fn job(&self, task: TaskId) -> (Pid, Pid) {
        match self.task(task).signal {
            Some(id) => (self.signals[id].pgrp, self.signals[id].session),
            None => (Pid(0), Pid(0)),
        }
    }

    /// The process and group that `setpgid` would change, if no rule refuses; the rules are tested
    /// in the kernel's order.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setpgid()`.
    ///
    /// # Errors
    /// The first rule that refuses.
    fn check_setpgid(
        &self,
        current: TaskId,
        pid: i32,
        pgid: i32,
    ) -> Result<(TaskId, Pid), PgrpRefusal> {
        let pid = if pid == 0 { self.pid(current).0 } else { pid };
        let pgid = if pgid == 0 { pid } else { pgid };
        if pgid < 0 {
            return Err(PgrpRefusal::NegativeGroup);
        }
        let target = self.pid_hash.find(Pid(pid));
        let target = target.ok_or(PgrpRefusal::NoSuchTask)?;
        let task = self.task(target);
        if task.group_leader != target {
            return Err(PgrpRefusal::NotALeader);
        }
        if task.parent == current || task.real_parent == current {
            if self.session(target) != self.session(current) {
                return Err(PgrpRefusal::OtherSession);
            }
            // The new program may rely on the group that it was started in.
            if task.did_exec {
                return Err(PgrpRefusal::HasExeced);
            }
        } else if target != current {
            return Err(PgrpRefusal::NotAChild);
        }
        if self.signal_of(target).leader {
            return Err(PgrpRefusal::SessionLeader);
        }
        let mut members = self.pid_hash.all(PidType::Pgid, Pid(pgid));
        let known = members.any(|member| self.session(member) == self.session(current));
        if pgid != pid && !known {
            return Err(PgrpRefusal::NoSuchGroup);
        }
        Ok((target, Pid(pgid)))
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_getpgrp()`.
    pub(in crate::kernel) fn sys_getpgrp(&self, current: TaskId) -> u32 {
        self.pgrp(current).0 as u32
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setpgid()`.
    ///
    /// # Errors
    /// See [`PgrpRefusal`].
    pub(in crate::kernel) fn sys_setpgid(
        &mut self,
        current: TaskId,
        pid: i32,
        pgid: i32,
    ) -> Result<u32, PgrpRefusal> {
        let (target, pgid) = self.check_setpgid(current, pid, pgid)?;
        self.set_pgrp(target, pgid);
        Ok(0)
    }

    pub(in crate::kernel) fn set_pgrp(&mut self, leader: TaskId, pgrp: Pid) {
        if self.pgrp(leader) != pgrp {
            self.detach_pid(leader, PidType::Pgid);
            self.signal_of_mut(leader).pgrp = pgrp;
            self.attach_pid(leader, PidType::Pgid, pgrp);
        }
    }

    /// Linux 2.6.12: `kernel/exit.c`, `__set_special_pids()`.
    fn set_special_pids(&mut self, leader: TaskId, number: Pid) {
        if self.session(leader) != number {
            self.detach_pid(leader, PidType::Sid);
            self.signal_of_mut(leader).session = number;
            self.attach_pid(leader, PidType::Sid, number);
        }
        self.set_pgrp(leader, number);
    }

    /// Whether a task may start a session of its own.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setsid()`.
    ///
    /// # Errors
    /// The rule that refuses.
    fn check_setsid(&self, current: TaskId) -> Result<Pid, PgrpRefusal> {
        let pid = self.pid(current);
        if self.task(current).group_leader != current {
            return Err(PgrpRefusal::NotALeader);
        }
        match self.pid_hash.all(PidType::Pgid, pid).next() {
            Some(_) => Err(PgrpRefusal::GroupExists),
            None => Ok(pid),
        }
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setsid()`.
    ///
    /// # Errors
    /// See [`PgrpRefusal`].
    pub(in crate::kernel) fn sys_setsid(&mut self, current: TaskId) -> Result<u32, PgrpRefusal> {
        let pid = self.check_setsid(current)?;
        // A group with the caller's pid would get members of two sessions, hence the check before.
        self.signal_of_mut(current).leader = true;
        self.set_special_pids(current, pid);
        let signal = self.signal_of_mut(current);
        signal.take_tty();
        signal.set_tty_old_pgrp(Pid(0));
        Ok(pid.0 as u32)
    }

    /// The caller for 0, otherwise the task with that pid.
    fn self_or_task(&self, current: TaskId, pid: i32) -> Result<TaskId, Errno> {
        match pid {
            0 => Ok(current),
            pid => self.pid_hash.find(Pid(pid)).ok_or(Errno::ESRCH),
        }
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_getpgid()`.
    ///
    /// # Errors
    /// `ESRCH`.
    pub(in crate::kernel) fn sys_getpgid(&self, current: TaskId, pid: i32) -> Result<u32, Errno> {
        let task = self.self_or_task(current, pid)?;
        Ok(self.pgrp(task).0 as u32)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_getsid()`.
    ///
    /// # Errors
    /// `ESRCH`.
    pub(in crate::kernel) fn sys_getsid(&self, current: TaskId, pid: i32) -> Result<u32, Errno> {
        let task = self.self_or_task(current, pid)?;
        Ok(self.session(task).0 as u32)
    }

    /// Whether a process group has no living member whose parent is in another group of the same
    /// session; init does not count as a parent. One member may be excluded.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `will_become_orphaned_pgrp()`.
    fn will_become_orphaned_pgrp(&self, pgrp: Pid, ignored: Option<TaskId>) -> bool {
        let connects = |member: TaskId| {
            let task = self.task(member);
            let parent = task.real_parent;
            Some(member) != ignored
                && task.exit_state == ExitState::Alive
                && parent != self.init
                && self.pgrp(parent) != pgrp
                && self.session(parent) == self.session(member)
        };
        !self.pid_hash.all(PidType::Pgid, pgrp).any(connects)
    }

    /// Linux 2.6.12: `kernel/exit.c`, `is_orphaned_pgrp()`.
    pub(in crate::kernel) fn is_orphaned_pgrp(&self, pgrp: Pid) -> bool {
        self.will_become_orphaned_pgrp(pgrp, None)
    }

    /// Whether a process group has a stopped member; a traced one counts only if a stop signal
    /// stopped it.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `has_stopped_jobs()`.
    fn has_stopped_jobs(&self, pgrp: Pid) -> bool {
        let is_stopped = |member: TaskId| {
            let task = self.task(member);
            let signal = Signal::new(task.exit_code);
            let by_stop_signal = signal.is_some_and(Signal::is_stop);
            self.sched.get(member).state == TaskState::STOPPED
                && (task.ptrace.is_empty() || by_stop_signal)
        };
        self.pid_hash.all(PidType::Pgid, pgrp).any(is_stopped)
    }

    /// Sends SIGHUP, then SIGCONT, to a group that has become orphaned and has stopped members. The
    /// group is that of `of`, which is about to lose its connection through `parent`.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `exit_notify()` and `reparent_thread()`.
    pub(in crate::kernel) fn wake_orphaned_pgrp(
        &mut self,
        of: TaskId,
        parent: TaskId,
        ignored: Option<TaskId>,
    ) {
        let pgrp = self.pgrp(of);
        if self.pgrp(parent) == pgrp || self.session(parent) != self.session(of) {
            return;
        }
        if self.will_become_orphaned_pgrp(pgrp, ignored) && self.has_stopped_jobs(pgrp) {
            // In this order, the members take SIGHUP as soon as SIGCONT lets them run.
            for signal in [Signal::SIGHUP, Signal::SIGCONT] {
                // The kernel sends them, so they cannot be refused.
                let number = signal.number() as i32;
                let _sent = self.kill_pg_info(of, number, SendInfo::Kernel, pgrp);
            }
        }
    }
}
