//! The calls that read and change priorities and policies: who may call them, and their errors.
//! Their effect on the runqueues is in `sched/policy.rs`.

use crate::abi::{
    Caps, Errno, MAX_RT_PRIO, PRIO_PGRP, PRIO_PROCESS, PRIO_USER, Pid, Policy, TICK_NSEC, TaskId,
    VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::AnswerTo;
use crate::kernel::task::PidType;

impl Kernel {
    /// Sets the nice value of a task, of the leaders of a process group, or of all threads of a
    /// user; `who` 0 is the caller, its group, its real user. Values out of range are clamped.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setpriority()`, `set_one_prio()`.
    ///
    /// # Errors
    /// `EINVAL` for another `which`; `ESRCH` if no task matches; without CAP_SYS_NICE `EPERM` for
    /// another user's task and `EACCES` for a lower value. With several tasks the last error is
    /// returned, and the others get their value all the same.
    pub fn sys_setpriority(
        &mut self,
        current: TaskId,
        which: i32,
        who: i32,
        nice: i32,
    ) -> Result<u32, Errno> {
        let nice = nice.clamp(-20, 19);
        let mut result = Err(Errno::ESRCH);
        for p in self.prio_set(current, which, who)? {
            match self.set_one_prio(current, p, nice) {
                Err(errno) => result = Err(errno),
                Ok(()) if result == Err(Errno::ESRCH) => result = Ok(0),
                Ok(()) => {}
            }
        }
        result
    }

    fn set_one_prio(&mut self, current: TaskId, p: TaskId, nice: i32) -> Result<(), Errno> {
        let (euid, other) = (self.task(current).cred().euid, self.task(p).cred());
        if other.uid != euid && other.euid != euid && !self.capable(current, Caps::SYS_NICE) {
            return Err(Errno::EPERM);
        }
        if nice < self.nice(p) && !self.capable(current, Caps::SYS_NICE) {
            return Err(Errno::EACCES);
        }
        self.set_user_nice(p, nice);
        Ok(())
    }

    /// The best priority among the tasks selected by `which` and `who`: 20 - nice, 1 to 40.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_getpriority()`.
    ///
    /// # Errors
    /// `EINVAL` for another `which`; `ESRCH` if no task matches.
    pub fn sys_getpriority(&self, current: TaskId, which: i32, who: i32) -> Result<u32, Errno> {
        let tasks = self.prio_set(current, which, who)?;
        let best = tasks.into_iter().map(|p| (20 - self.nice(p)) as u32).max();
        best.ok_or(Errno::ESRCH)
    }

    /// The tasks selected by `which` and `who`.
    fn prio_set(&self, current: TaskId, which: i32, who: i32) -> Result<Vec<TaskId>, Errno> {
        Ok(match (which, who) {
            (PRIO_PROCESS, 0) => vec![current],
            (PRIO_PROCESS, pid) => self.pid_hash.find(Pid(pid)).into_iter().collect(),
            (PRIO_PGRP, 0) => self.group_leaders(self.pgrp(current)),
            (PRIO_PGRP, pgrp) => self.group_leaders(Pid(pgrp)),
            (PRIO_USER, uid) => {
                let uid = match uid {
                    0 => self.task(current).cred().uid,
                    uid => uid as u32,
                };
                let tasks = self.pid_hash.tasks().map(|(_, p)| p);
                tasks.filter(|p| self.task(*p).cred().uid == uid).collect()
            }
            _ => return Err(Errno::EINVAL),
        })
    }

    fn group_leaders(&self, pgrp: Pid) -> Vec<TaskId> {
        self.pid_hash.all(PidType::Pgid, pgrp).collect()
    }

    /// Sets policy and real-time priority of one thread; `pid` 0 is the caller. A negative `policy`
    /// keeps the current one, as `sched_setparam` does.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_setscheduler()`.
    ///
    /// # Errors
    /// In this order: `EINVAL` for a negative pid; `ESRCH`; `EINVAL` for another policy, a priority
    /// outside 0..=99, or one that does not go with the policy; `EPERM` for a real-time policy, or
    /// for another user's task, without CAP_SYS_NICE.
    pub fn sys_sched_setscheduler(
        &mut self,
        current: TaskId,
        pid: i32,
        policy: i32,
        priority: i32,
    ) -> Result<u32, Errno> {
        let p = self.positive_pid(current, pid)?;
        let policy = match policy {
            ..0 => self.sched.get(p).policy,
            _ => policy_of(policy)?,
        };
        self.sched_setscheduler(current, p, policy, priority)
    }

    /// Sets the real-time priority of one thread, which keeps its policy; `pid` 0 is the caller.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_setparam()`.
    ///
    /// # Errors
    /// As [`Kernel::sched_setscheduler`].
    pub(in crate::kernel) fn sys_sched_setparam(
        &mut self,
        current: TaskId,
        pid: i32,
        priority: i32,
    ) -> Result<u32, Errno> {
        let p = self.positive_pid(current, pid)?;
        self.sched_setscheduler(current, p, self.sched.get(p).policy, priority)
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sched_setscheduler()`.
    ///
    /// # Errors
    /// In this order: `EINVAL` for a priority out of 0..=99, or one that does not go with the
    /// policy; `EPERM` for a real-time policy, or for another user's task, without CAP_SYS_NICE.
    fn sched_setscheduler(
        &mut self,
        current: TaskId,
        p: TaskId,
        policy: Policy,
        priority: i32,
    ) -> Result<u32, Errno> {
        let in_range = (0..i32::from(MAX_RT_PRIO)).contains(&priority);
        if !in_range || (policy == Policy::Normal) != (priority == 0) {
            return Err(Errno::EINVAL);
        }
        if policy != Policy::Normal && !self.capable(current, Caps::SYS_NICE) {
            return Err(Errno::EPERM);
        }
        self.may_reschedule(current, p)?;
        let (sched, mut ctx) = self.sched_ctx();
        sched.sched_setscheduler(&mut ctx, p, policy, priority as u8);
        Ok(0)
    }

    /// Checks that the caller may change how `p` is scheduled: same user, or CAP_SYS_NICE.
    pub(super) fn may_reschedule(&mut self, current: TaskId, p: TaskId) -> Result<(), Errno> {
        let (euid, other) = (self.task(current).cred().euid, self.task(p).cred());
        if euid != other.euid && euid != other.uid && !self.capable(current, Caps::SYS_NICE) {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// The policy of one thread; `pid` 0 is the caller.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_getscheduler()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative pid, `ESRCH`.
    pub fn sys_sched_getscheduler(&self, current: TaskId, pid: i32) -> Result<u32, Errno> {
        let p = self.positive_pid(current, pid)?;
        Ok(self.sched.get(p).policy as u32)
    }

    /// The real-time priority of one thread, 0 for an ordinary one; `pid` 0 is the caller.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_getparam()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative pid and for a null pointer, `ESRCH`, `EFAULT`.
    pub fn sys_sched_getparam(
        &mut self,
        current: TaskId,
        pid: i32,
        param: AnswerTo,
    ) -> Result<u32, Errno> {
        if param == AnswerTo::User(VirtAddr(0)) {
            return Err(Errno::EINVAL);
        }
        let p = self.positive_pid(current, pid)?;
        let priority = self.sched.get(p).rt_priority.into();
        match param {
            AnswerTo::Value => Ok(priority),
            AnswerTo::User(addr) => self.put_user_u32(current, addr, priority).map(|()| 0),
        }
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_get_priority_max()`.
    ///
    /// # Errors
    /// `EINVAL` for another policy.
    pub(in crate::kernel) fn sys_sched_get_priority_max(
        &self,
        _current: TaskId,
        policy: i32,
    ) -> Result<u32, Errno> {
        sched_priority_range(policy).map(|(_, max)| max.into())
    }

    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_get_priority_min()`.
    ///
    /// # Errors
    /// `EINVAL` for another policy.
    pub(in crate::kernel) fn sys_sched_get_priority_min(
        &self,
        _current: TaskId,
        policy: i32,
    ) -> Result<u32, Errno> {
        sched_priority_range(policy).map(|(min, _)| min.into())
    }

    /// The full time slice of one thread in ns, whatever its policy, but 0 for FIFO; `pid` 0 is the
    /// caller.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `sys_sched_rr_get_interval()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative pid, `ESRCH`, `EFAULT`.
    pub fn sys_sched_rr_get_interval(
        &mut self,
        current: TaskId,
        pid: i32,
        interval: AnswerTo,
    ) -> Result<u32, Errno> {
        let p = self.sched.get(self.positive_pid(current, pid)?);
        let ns = match p.policy {
            Policy::Fifo => 0,
            Policy::Normal | Policy::RoundRobin => {
                self.sched.predicted_timeslice(p) * TICK_NSEC as u32
            }
        };
        match interval {
            AnswerTo::Value => Ok(ns),
            AnswerTo::User(addr) => self.put_user_words(current, addr, &[0, ns]).map(|()| 0),
        }
    }

    /// A thread by its pid, which must not be negative.
    fn positive_pid(&self, current: TaskId, pid: i32) -> Result<TaskId, Errno> {
        match pid {
            ..0 => Err(Errno::EINVAL),
            _ => self.thread_by_pid(current, pid),
        }
    }

    /// The thread with that pid, or the caller for 0.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `find_process_by_pid()`.
    pub(super) fn thread_by_pid(&self, current: TaskId, pid: i32) -> Result<TaskId, Errno> {
        match pid {
            0 => Ok(current),
            _ => self.pid_hash.find(Pid(pid)).ok_or(Errno::ESRCH),
        }
    }
}

fn policy_of(number: i32) -> Result<Policy, Errno> {
    let policies = [Policy::Normal, Policy::Fifo, Policy::RoundRobin];
    let found = policies.into_iter().find(|p| *p as i32 == number);
    found.ok_or(Errno::EINVAL)
}

/// The least and the greatest real-time priority of a policy.
///
/// Linux 2.6.12: `kernel/sched.c`, `sys_sched_get_priority_min()`, `sys_sched_get_priority_max()`.
///
/// # Errors
/// `EINVAL` for another policy.
pub fn sched_priority_range(policy: i32) -> Result<(u8, u8), Errno> {
    Ok(match policy_of(policy)? {
        Policy::Normal => (0, 0),
        Policy::Fifo | Policy::RoundRobin => (1, MAX_RT_PRIO - 1),
    })
}
