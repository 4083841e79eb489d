//! Credentials of tasks: user ids, capabilities, and the per-user task counts.

use super::Task;
use crate::abi::{CAP_INIT_EFF_SET, Caps, PfFlags, TaskId};
use crate::kernel::Kernel;
use std::collections::BTreeMap;

/// The credentials of one task. They are per task, not per process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cred {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Saved user id.
    pub suid: u32,
    /// The user id that file systems ask for.
    pub fsuid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Saved group id.
    pub sgid: u32,
    /// The group id that file systems ask for.
    pub fsgid: u32,
    /// Effective capabilities: those that checks ask for.
    pub caps: Caps,
    /// Permitted capabilities: those that can become effective.
    pub permitted: Caps,
    /// Inheritable capabilities: those that a program of root's keeps besides.
    pub inheritable: Caps,
    /// Whether the capabilities outlast the last user id of root: `keep_capabilities`.
    pub keep_capabilities: bool,
}

impl Cred {
    /// The credentials of a user: root has every capability but CAP_SETPCAP, others have none.
    pub fn of_user(uid: u32) -> Self {
        let caps = if uid == 0 {
            CAP_INIT_EFF_SET
        } else {
            Caps::empty()
        };
        Self {
            uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            gid: uid,
            egid: uid,
            sgid: uid,
            fsgid: uid,
            caps,
            permitted: caps,
            inheritable: Caps::empty(),
            keep_capabilities: false,
        }
    }

    /// Whether the given capabilities are effective: `capable()`.
    pub fn capable(&self, caps: Caps) -> bool {
        self.caps.contains(caps)
    }
}

impl Task {
    /// User and group ids, and capabilities.
    pub const fn cred(&self) -> Cred {
        self.cred
    }

    /// The supplementary groups, in ascending order.
    pub fn supplementary_groups(&self) -> &[u32] {
        &self.groups
    }

    /// Sets the effective capabilities; nobody's count depends on them.
    pub const fn set_caps(&mut self, caps: Caps) {
        self.cred.caps = caps;
    }
}

impl Kernel {
    /// The tasks and queued signals of each user.
    pub const fn users(&self) -> &UserTable {
        &self.users
    }

    /// Makes a task one of another user, with that user's capabilities.
    ///
    /// Linux 2.6.12: `kernel/user.c`, `switch_uid()`.
    pub(in crate::kernel) fn switch_uid(&mut self, task: TaskId, uid: u32) {
        self.charge_to(task, uid);
        self.task_mut(task).cred = Cred::of_user(uid);
    }

    /// Lets a task act on files with its real ids, and with the capabilities of the real user.
    /// Returns what it acted with.
    ///
    /// Linux 2.6.12: `fs/open.c`, `sys_access()`.
    pub(in crate::kernel) fn act_as_real_user(&mut self, task: TaskId) -> Cred {
        let cred = &mut self.task_mut(task).cred;
        let acting = *cred;
        (cred.fsuid, cred.fsgid) = (cred.uid, cred.gid);
        cred.caps = if cred.uid == 0 {
            cred.permitted
        } else {
            Caps::empty()
        };
        acting
    }

    /// Lets it act with what it acted with before.
    pub(in crate::kernel) fn act_again_as(&mut self, task: TaskId, acting: Cred) {
        self.task_mut(task).cred = acting;
    }

    /// Counts a task for another user from now on.
    pub(super) fn charge_to(&mut self, task: TaskId, uid: u32) {
        let old = self.task(task).cred.uid;
        self.users.get(uid);
        self.users.put(old);
        self.task_mut(task).cred.uid = uid;
    }

    /// Whether the current task has the capability; if so, it is marked as having used super-user
    /// privileges.
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

/// `user_struct`s: the number of tasks of each user, including zombies, and the number of queued
/// signals charged to it.
#[derive(Clone, Debug, Default)]
pub struct UserTable {
    processes: BTreeMap<u32, u32>,
    sigpending: BTreeMap<u32, u32>,
    locked_shm: BTreeMap<u32, u32>,
}

impl UserTable {
    /// `user->processes`: tasks of that user that have not been released.
    pub fn processes(&self, uid: u32) -> u32 {
        self.processes.get(&uid).copied().unwrap_or(0)
    }

    /// Every user that has tasks, with their number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.processes.iter().map(|(uid, count)| (*uid, *count))
    }

    /// `user->sigpending`: queued signals that count for that user.
    pub fn sigpending(&self, uid: u32) -> u32 {
        self.sigpending.get(&uid).copied().unwrap_or(0)
    }

    /// Every user that queued signals count for, with their number.
    pub(in crate::kernel) fn sigpending_of_all(&self) -> impl Iterator<Item = (u32, u32)> {
        self.sigpending.iter().map(|(uid, count)| (*uid, *count))
    }

    /// Charges one more queued signal.
    pub(in crate::kernel) fn get_sigpending(&mut self, uid: u32) {
        *self.sigpending.entry(uid).or_default() += 1;
    }

    /// Releases the charge for one queued signal.
    pub(in crate::kernel) fn put_sigpending(&mut self, uid: u32) {
        put(&mut self.sigpending, uid);
    }

    /// `user->locked_shm`: pages of segments that the user has locked in memory.
    pub(in crate::kernel) fn locked_shm(&self, uid: u32) -> u32 {
        self.locked_shm.get(&uid).copied().unwrap_or(0)
    }

    /// Charges locked pages.
    pub(in crate::kernel) fn get_locked_shm(&mut self, uid: u32, pages: u32) {
        *self.locked_shm.entry(uid).or_default() += pages;
    }

    /// Releases the charge for locked pages.
    pub(in crate::kernel) fn put_locked_shm(&mut self, uid: u32, pages: u32) {
        if let Some(count) = self.locked_shm.get_mut(&uid) {
            *count -= pages;
            if *count == 0 {
                self.locked_shm.remove(&uid);
            }
        }
    }

    /// Every user that has locked segments, with the number of pages.
    pub(in crate::kernel) fn locked_shm_of_all(&self) -> impl Iterator<Item = (u32, u32)> {
        self.locked_shm.iter().map(|(uid, pages)| (*uid, *pages))
    }

    /// Adds a task of that user.
    pub(in crate::kernel) fn get(&mut self, uid: u32) {
        *self.processes.entry(uid).or_default() += 1;
    }

    /// Removes a task of that user.
    pub(in crate::kernel) fn put(&mut self, uid: u32) {
        put(&mut self.processes, uid);
    }
}

/// Decrements the count of a user, who is dropped at zero.
fn put(counts: &mut BTreeMap<u32, u32>, uid: u32) {
    if let Some(count) = counts.get_mut(&uid) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&uid);
        }
    }
}
