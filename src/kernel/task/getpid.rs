//! The calls with which a task asks who it is.

use crate::abi::{Pid, TaskId};
use crate::kernel::Kernel;

impl Kernel {
    /// Linux 2.6.12: `kernel/timer.c`, `sys_getpid()`.
    pub(in crate::kernel) fn sys_getpid(&self, current: TaskId) -> u32 {
        self.task(current).tgid.0 as u32
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_gettid()`.
    pub(in crate::kernel) fn sys_gettid(&self, current: TaskId) -> u32 {
        self.pid(current).0 as u32
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_getppid()`.
    pub(in crate::kernel) fn sys_getppid(&self, current: TaskId) -> u32 {
        self.ppid(self.task(current).group_leader).0 as u32
    }

    /// The pid of the process that made a task. That of init is 0, for the idle task has made it.
    pub fn ppid(&self, task: TaskId) -> Pid {
        if task == self.init {
            return Pid(0);
        }
        self.task(self.task(task).real_parent).tgid
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_getuid()`.
    pub(in crate::kernel) fn sys_getuid(&self, current: TaskId) -> u32 {
        self.task(current).cred.uid
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_geteuid()`.
    pub(in crate::kernel) fn sys_geteuid(&self, current: TaskId) -> u32 {
        self.task(current).cred.euid
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_getegid()`.
    pub(in crate::kernel) fn sys_getegid(&self, current: TaskId) -> u32 {
        self.task(current).cred.egid
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_getgid()`.
    pub(in crate::kernel) fn sys_getgid(&self, current: TaskId) -> u32 {
        self.task(current).cred.gid
    }
}
