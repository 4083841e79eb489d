//! Who a task is: uids, capabilities, resource limits, and the per-user process counts.

use super::Kernel;
use super::task::PfFlags;
use crate::abi::{Errno, TaskId};
use bitflags::bitflags;
use std::collections::BTreeMap;

bitflags! {
    /// The capabilities that the kernel tests here, with Linux's bit numbers.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Caps: u32 {
        /// Send signals to anyone.
        const KILL = 1 << 5;
        /// Change uids at will.
        const SETUID = 1 << 7;
        /// Change the root directory.
        const SYS_CHROOT = 1 << 18;
        /// Lock memory.
        const IPC_LOCK = 1 << 14;
        /// Trace anyone.
        const SYS_PTRACE = 1 << 19;
        /// System administration.
        const SYS_ADMIN = 1 << 21;
        /// Raise nice and real-time priorities.
        const SYS_NICE = 1 << 23;
        /// Exceed resource limits.
        const SYS_RESOURCE = 1 << 24;
    }
}

/// Credentials of one task. They are per task, not per process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cred {
    /// Real, effective and saved user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Saved user id.
    pub suid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective capabilities.
    pub caps: Caps,
    /// Permitted capabilities: those that can become effective.
    pub permitted: Caps,
}

impl Cred {
    /// The credentials of a user: root has every capability, others none.
    pub fn of_user(uid: u32) -> Self {
        let caps = if uid == 0 { Caps::all() } else { Caps::empty() };
        Self {
            uid,
            euid: uid,
            suid: uid,
            gid: uid,
            caps,
            permitted: caps,
        }
    }

    /// `capable()` for the given capabilities.
    pub fn capable(&self, caps: Caps) -> bool {
        self.caps.contains(caps)
    }
}

impl Kernel {
    /// Whether the current task may; if so, it is marked as having used super-user privileges.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `capable()`.
    pub(super) fn capable(&mut self, current: TaskId, caps: Caps) -> bool {
        let task = self.task_mut(current);
        let may = task.cred.capable(caps);
        if may {
            task.flags |= PfFlags::SUPERPRIV;
        }
        may
    }
}

/// A resource limit that is not set.
pub const RLIM_INFINITY: u32 = u32::MAX;

/// The soft resource limits that the kernel tests; bytes unless said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rlimits {
    /// `RLIMIT_NPROC`: tasks of the user.
    pub nproc: u32,
    /// `RLIMIT_CORE`: size of a core file.
    pub core: u32,
    /// `RLIMIT_SIGPENDING`: queued signals of the user.
    pub sigpending: u32,
    /// `RLIMIT_STACK`.
    pub stack: u32,
    /// `RLIMIT_AS`: address space.
    pub address_space: u32,
    /// `RLIMIT_DATA`.
    pub data: u32,
    /// `RLIMIT_MEMLOCK`.
    pub memlock: u32,
    /// `RLIMIT_NOFILE`: one more than the highest descriptor.
    pub nofile: u32,
}

impl Rlimits {
    /// What `init` starts with: `INIT_RLIMITS`; `nproc` and `sigpending` = `max_threads / 2`.
    ///
    /// Linux 2.6.12: `include/asm-generic/resource.h`, `INIT_RLIMITS`.
    pub const fn initial(max_threads: u32) -> Self {
        Self {
            nproc: max_threads / 2,
            core: 0,
            sigpending: max_threads / 2,
            stack: 8 << 20,
            address_space: RLIM_INFINITY,
            data: RLIM_INFINITY,
            memlock: 32 << 10,
            nofile: 1024,
        }
    }
}

/// `user_struct`s: how many tasks each user has, zombies included, and how many queued signals are
/// charged to it.
#[derive(Clone, Debug, Default)]
pub struct UserTable {
    processes: BTreeMap<u32, u32>,
    sigpending: BTreeMap<u32, u32>,
}

impl UserTable {
    /// `user->processes`: tasks of that user that are not yet released.
    pub fn processes(&self, uid: u32) -> u32 {
        self.processes.get(&uid).copied().unwrap_or(0)
    }

    /// Every user that has tasks, with their number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.processes.iter().map(|(uid, count)| (*uid, *count))
    }

    /// `user->sigpending`: queued signals charged to that user.
    pub fn sigpending(&self, uid: u32) -> u32 {
        self.sigpending.get(&uid).copied().unwrap_or(0)
    }

    /// Every user that queued signals are charged to, with their number.
    pub fn sigpending_of_all(&self) -> impl Iterator<Item = (u32, u32)> {
        self.sigpending.iter().map(|(uid, count)| (*uid, *count))
    }

    /// A queued signal more.
    pub fn get_sigpending(&mut self, uid: u32) {
        *self.sigpending.entry(uid).or_default() += 1;
    }

    /// A queued signal less.
    pub fn put_sigpending(&mut self, uid: u32) {
        put(&mut self.sigpending, uid);
    }

    /// A task more of that user.
    pub fn get(&mut self, uid: u32) {
        *self.processes.entry(uid).or_default() += 1;
    }

    /// A task less of that user.
    pub fn put(&mut self, uid: u32) {
        put(&mut self.processes, uid);
    }
}

/// One less of a user, who is forgotten with the last.
fn put(counts: &mut BTreeMap<u32, u32>, uid: u32) {
    if let Some(count) = counts.get_mut(&uid) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&uid);
        }
    }
}

impl Kernel {
    /// Sets a soft limit.
    ///
    /// Simplified: there are no hard limits, so everyone may raise a limit; limits that nothing
    /// looks at are accepted and forgotten.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setrlimit()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown limit.
    pub(super) fn sys_setrlimit(
        &mut self,
        current: TaskId,
        resource: u32,
        limit: u32,
    ) -> Result<u32, Errno> {
        /// `RLIM_NLIMITS`.
        const RLIM_NLIMITS: u32 = 13;
        if resource >= RLIM_NLIMITS {
            return Err(Errno::EINVAL);
        }
        let Some(id) = self.task(current).signal else {
            return Ok(0);
        };
        let limits = &mut self.signals[id].rlimits;
        match resource {
            2 => limits.data = limit,
            3 => limits.stack = limit,
            4 => limits.core = limit,
            6 => limits.nproc = limit,
            7 => limits.nofile = limit,
            8 => limits.memlock = limit,
            9 => limits.address_space = limit,
            11 => limits.sigpending = limit,
            _ => {}
        }
        Ok(0)
    }
}
