//! Who a task is: uids, capabilities, and the per-user process counts.

use super::task_struct::PfFlags;
use crate::abi::TaskId;
use crate::kernel::Kernel;
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
        /// Use the semaphores of anyone.
        const IPC_OWNER = 1 << 15;
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
    pub(in crate::kernel) fn capable(&mut self, current: TaskId, caps: Caps) -> bool {
        let task = self.task_mut(current);
        let may = task.cred.capable(caps);
        if may {
            task.flags |= PfFlags::SUPERPRIV;
        }
        may
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
