//! The calls with which a task asks who it is.

use crate::abi::TaskId;
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
        let leader = self.task(current).group_leader;
        self.task(self.task(leader).real_parent).tgid.0 as u32
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_getuid()`.
    pub(in crate::kernel) fn sys_getuid(&self, current: TaskId) -> u32 {
        self.task(current).cred.uid
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_geteuid()`.
    pub(in crate::kernel) fn sys_geteuid(&self, current: TaskId) -> u32 {
        self.task(current).cred.euid
    }

    /// Nothing here changes groups: the effective one is the real one.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_getgid()` and `sys_getegid()`.
    pub(in crate::kernel) fn sys_getgid(&self, current: TaskId) -> u32 {
        self.task(current).cred.gid
    }
}
