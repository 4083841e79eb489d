//! The credentials of a new program: which ids and capabilities the file gives to whoever executes
//! it, and when it does not get them.

use super::{Cred, ExecIds};
use crate::abi::{
    CAP_INIT_EFF_SET, Caps, PfFlags, Pid, PtFlags, S_ISGID, S_ISUID, S_IXGRP, TaskId,
};
use crate::kernel::Kernel;

/// The bits of `personality` that would let a caller weaken a set-id program: readable memory is
/// executable, nothing is randomised.
///
/// Linux 2.6.12: `include/linux/personality.h`, `PER_CLEAR_ON_SETID`.
const PER_CLEAR_ON_SETID: u32 = 0x0040_0000 | 0x0004_0000;

/// The capabilities that a program gets at most: the permitted and the effective ones, before it is
/// known whether the exec is safe. Whatever root may pass on includes CAP_SETPCAP only if it was
/// inheritable before.
///
/// Linux 2.6.12: `security/commoncap.c`, `cap_bprm_set_security()`, `cap_bprm_apply_creds()`.
fn candidates(old: &Cred, ids: ExecIds) -> (Caps, Caps) {
    let all_if = |root| if root { Caps::all() } else { Caps::empty() };
    let root = ids.e_uid == 0;
    let of_file = all_if(root || old.uid == 0);
    let permitted = of_file & CAP_INIT_EFF_SET | of_file & old.inheritable;
    (permitted, all_if(root))
}

/// The credentials after exec, and whether the memory of the program stays closed to others.
///
/// Linux 2.6.12: `security/commoncap.c`, `cap_bprm_apply_creds()`.
fn after_exec(old: &Cred, mut ids: ExecIds, is_unsafe: bool) -> (Cred, bool) {
    let (mut permitted, effective) = candidates(old, ids);
    let raised = ids.e_uid != old.uid || ids.e_gid != old.gid || !old.permitted.contains(permitted);
    if raised && is_unsafe {
        if !old.capable(Caps::SETUID) {
            ids = ExecIds {
                e_uid: old.uid,
                e_gid: old.gid,
            };
        }
        if !old.capable(Caps::SETPCAP) {
            permitted &= old.permitted;
        }
    }
    let new = Cred {
        euid: ids.e_uid,
        suid: ids.e_uid,
        fsuid: ids.e_uid,
        egid: ids.e_gid,
        sgid: ids.e_gid,
        fsgid: ids.e_gid,
        permitted,
        caps: permitted & effective,
        keep_capabilities: false,
        ..*old
    };
    (new, raised)
}

impl Kernel {
    /// The ids that a file with this mode and these owners gives to the current task. A set-id bit
    /// clears bits of the personality at once, even if the exec fails later.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `prepare_binprm()`.
    pub(in crate::kernel) fn prepare_ids(
        &mut self,
        current: TaskId,
        mode: u32,
        (owner, group): (u32, u32),
    ) -> ExecIds {
        let cred = self.task(current).cred();
        let mut ids = ExecIds {
            e_uid: cred.euid,
            e_gid: cred.egid,
        };
        let task = self.task_mut(current);
        if mode & S_ISUID != 0 {
            task.personality &= !PER_CLEAR_ON_SETID;
            ids.e_uid = owner;
        }
        // Without the permission of the group the bit stands for mandatory locks.
        if mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP {
            task.personality &= !PER_CLEAR_ON_SETID;
            ids.e_gid = group;
        }
        ids
    }

    /// Gives the current task the credentials of its new program.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `compute_creds()`, `unsafe_exec()`.
    pub(in crate::kernel) fn compute_creds(&mut self, current: TaskId, ids: ExecIds) {
        let (old, is_unsafe) = (self.task(current).cred(), self.unsafe_exec(current));
        let (mut new, raised) = after_exec(&old, ids, is_unsafe);
        if raised {
            self.clear_dumpable(current);
        }
        if self.pid(current) == Pid::INIT {
            (new.permitted, new.caps) = (old.permitted, old.caps);
        }
        let task = self.task_mut(current);
        if raised && is_unsafe && old.capable(Caps::SETUID) {
            task.flags |= PfFlags::SUPERPRIV;
        }
        task.cred = new;
    }

    /// Whether others could make use of what a set-id program may do: a tracer without rights of its
    /// own, or whoever shares directories, descriptors or handlers with it.
    fn unsafe_exec(&self, current: TaskId) -> bool {
        let task = self.task(current);
        let traced = task.ptrace();
        let traced = traced.contains(PtFlags::PTRACED) && !traced.contains(PtFlags::PTRACE_CAP);
        let shares_fs = task.fs.is_some_and(|fs| self.fs[fs].count() > 1);
        let shares_files = task
            .files
            .is_some_and(|files| self.files[files].count() > 1);
        traced || shares_fs || shares_files || self.sighand_of(current).count() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(e_uid: u32, e_gid: u32) -> ExecIds {
        ExecIds { e_uid, e_gid }
    }

    /// Who executes what, whether it is unsafe, and what comes of it: effective user id, permitted
    /// and effective capabilities, closed memory.
    type Case = (&'static str, u32, ExecIds, bool, (u32, Caps, Caps, bool));

    /// Worked examples of `security/commoncap.c`.
    #[test]
    fn who_gets_the_ids_of_a_file() {
        let (none, all) = (Caps::empty(), CAP_INIT_EFF_SET);
        let cases: [Case; 6] = [
            (
                "a plain program",
                500,
                ids(500, 500),
                false,
                (500, none, none, false),
            ),
            (
                "root's set-id program",
                500,
                ids(0, 500),
                false,
                (0, all, all, true),
            ),
            (
                "the same, traced",
                500,
                ids(0, 500),
                true,
                (500, none, none, true),
            ),
            (
                "root runs a user's, traced",
                0,
                ids(500, 0),
                true,
                (500, all, none, true),
            ),
            (
                "root runs a plain program",
                0,
                ids(0, 0),
                true,
                (0, all, all, false),
            ),
            (
                "a set-gid program",
                500,
                ids(500, 8),
                false,
                (500, none, none, true),
            ),
        ];
        for (what, uid, file, is_unsafe, expected) in cases {
            let old = Cred::of_user(uid);
            let (new, closed) = after_exec(&old, file, is_unsafe);
            let found = (new.euid, new.permitted, new.caps, closed);
            assert_eq!(found, expected, "{what}");
            assert_eq!((new.suid, new.fsuid), (new.euid, new.euid), "{what}");
            assert_eq!((new.uid, new.gid), (old.uid, old.gid), "{what}");
        }
    }
}
