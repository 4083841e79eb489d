//! `capget` and `capset`: what a task is able to do as part of root's power, read and changed.

use super::{Cred, PidType};
use crate::abi::{_LINUX_CAPABILITY_VERSION, Caps, Errno, Pid, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// The three sets in the order in which they lie in user memory.
///
/// Linux 2.6.12: `include/linux/capability.h`, `struct __user_cap_data_struct`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sets {
    effective: Caps,
    permitted: Caps,
    inheritable: Caps,
}

impl Sets {
    /// Whether a caller with these credentials may give a task these sets: what it has not got itself
    /// the task must have had, and only what is permitted can be effective.
    ///
    /// Linux 2.6.12: `security/commoncap.c`, `cap_capset_check()`.
    fn may_replace(self, target: &Cred, current: &Cred) -> bool {
        (target.inheritable | current.permitted).contains(self.inheritable)
            && (target.permitted | current.permitted).contains(self.permitted)
            && self.permitted.contains(self.effective)
    }
}

impl Kernel {
    /// Reads version and pid; the kernel's version is stored if the caller asks for another one.
    fn read_cap_header(&mut self, current: TaskId, header: VirtAddr) -> Result<Pid, Errno> {
        if self.get_user_u32(current, header)? != _LINUX_CAPABILITY_VERSION {
            self.put_user_u32(current, header, _LINUX_CAPABILITY_VERSION)?;
            return Err(Errno::EINVAL);
        }
        let pid = self.get_user_u32(current, VirtAddr(header.0.wrapping_add(4)))?;
        Ok(Pid(pid.cast_signed()))
    }

    /// Stores the capabilities of a task; pid 0 is the caller.
    ///
    /// Linux 2.6.12: `kernel/capability.c`, `sys_capget()`.
    ///
    /// # Errors
    /// `EINVAL` for another version and for a negative pid; `ESRCH`, `EFAULT`.
    pub(in crate::kernel) fn sys_capget(
        &mut self,
        current: TaskId,
        header: VirtAddr,
        data: VirtAddr,
    ) -> Result<u32, Errno> {
        let target = match self.read_cap_header(current, header)? {
            pid if pid < Pid(0) => return Err(Errno::EINVAL),
            Pid(0) => current,
            pid => self.pid_hash.find(pid).ok_or(Errno::ESRCH)?,
        };
        let cred = self.task(target).cred;
        let sets = [cred.caps, cred.permitted, cred.inheritable];
        self.put_user_words(current, data, &sets.map(|caps| caps.bits()))?;
        Ok(0)
    }

    /// Sets the capabilities of a task; pid 0 is the caller, -1 stands for all but the caller and
    /// init, and another negative one for a process group.
    ///
    /// Linux 2.6.12: `kernel/capability.c`, `sys_capset()`.
    ///
    /// # Errors
    /// `EINVAL` for another version; `EPERM` for a task other than the caller without CAP_SETPCAP, and
    /// for sets that may not be given to any of the tasks; `ESRCH`, `EFAULT`.
    pub(in crate::kernel) fn sys_capset(
        &mut self,
        current: TaskId,
        header: VirtAddr,
        data: VirtAddr,
    ) -> Result<u32, Errno> {
        let pid = self.read_cap_header(current, header)?;
        let is_caller = pid == Pid(0) || pid == self.pid(current);
        if !is_caller && !self.capable(current, Caps::SETPCAP) {
            return Err(Errno::EPERM);
        }
        let words: [u32; 3] = self.get_user_words(current, data)?;
        let [effective, permitted, inheritable] = words.map(Caps::from_bits_retain);
        let sets = Sets {
            effective,
            permitted,
            inheritable,
        };
        if is_caller {
            return self.set_caps_of_all(current, &[current], sets);
        }
        let targets: Vec<TaskId> = match pid {
            Pid(-1) => {
                let tasks = self.pid_hash.tasks();
                let others = tasks.filter(|(pid, task)| *task != current && *pid != Pid::INIT);
                others.map(|(_, task)| task).collect()
            }
            Pid(group @ ..0) => self.threads_behind_leaders(Pid(group.wrapping_neg())),
            pid => vec![self.pid_hash.find(pid).ok_or(Errno::ESRCH)?],
        };
        self.set_caps_of_all(current, &targets, sets)
    }

    /// The threads of a process group without those that lead their processes: the loop of 2.6.12
    /// begins after the leader of each.
    ///
    /// Linux 2.6.12: `kernel/capability.c`, `cap_set_pg()`.
    fn threads_behind_leaders(&self, pgrp: Pid) -> Vec<TaskId> {
        let leaders = self.pid_hash.all(PidType::Pgid, pgrp);
        let threads = leaders.flat_map(|leader| self.threads(leader));
        threads
            .filter(|task| self.task(*task).group_leader() != *task)
            .collect()
    }

    /// Gives the sets to each task that may have them; fails if there are tasks and none may.
    fn set_caps_of_all(
        &mut self,
        current: TaskId,
        targets: &[TaskId],
        sets: Sets,
    ) -> Result<u32, Errno> {
        let mut result = if targets.is_empty() {
            Ok(0)
        } else {
            Err(Errno::EPERM)
        };
        for target in targets {
            // The caller may be among them, and its permitted set decides about the next.
            let caller = self.task(current).cred;
            let cred = &mut self.task_mut(*target).cred;
            if sets.may_replace(cred, &caller) {
                cred.caps = sets.effective;
                cred.permitted = sets.permitted;
                cred.inheritable = sets.inheritable;
                result = Ok(0);
            }
        }
        result
    }
}
