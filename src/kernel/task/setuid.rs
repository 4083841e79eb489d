//! Changing users: `setuid`, `setreuid`, `setresuid`, and the effect on capabilities.

use super::cred::Cred;
use crate::abi::{Caps, Errno, Resource, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// The user id that means "leave it unchanged".
const SAME: u32 = u32::MAX;

/// The capabilities after a change of user ids, effective and permitted: a task with no root id left
/// loses all unless it keeps them; one that only changes its effective id keeps the permitted set, to
/// get them back.
///
/// Linux 2.6.12: `security/commoncap.c`, `cap_emulate_setxuid()`.
const fn caps_after_setuid(old: &Cred, new: &Cred) -> (Caps, Caps) {
    let was_root = old.uid == 0 || old.euid == 0 || old.suid == 0;
    let is_root = new.uid == 0 || new.euid == 0 || new.suid == 0;
    let (mut effective, mut permitted) = (old.caps, old.permitted);
    if was_root && !is_root && !old.keep_capabilities {
        permitted = Caps::empty();
        effective = Caps::empty();
    }
    if old.euid == 0 && new.euid != 0 {
        effective = Caps::empty();
    }
    if old.euid != 0 && new.euid == 0 {
        effective = permitted;
    }
    (effective, permitted)
}

impl Kernel {
    /// Charges the task to another user from now on.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `set_user()`.
    ///
    /// # Errors
    /// `EAGAIN` if that user already has as many tasks as the caller's limit permits, unless it is
    /// root.
    fn change_user(&mut self, current: TaskId, uid: u32) -> Result<(), Errno> {
        let old = self.task(current).cred.uid;
        if uid == old {
            return Ok(());
        }
        // The limit is that of the caller, but the tasks are those of the new user. A change to root
        // is never refused.
        if uid != 0 && self.users.processes(uid) >= self.rlimit(current, Resource::Nproc) {
            return Err(Errno::EAGAIN);
        }
        self.charge_to(current, uid);
        Ok(())
    }

    /// Sets the new ids, and the capabilities that result. If the effective id changes, nobody may
    /// look into the memory any more.
    fn commit_ids(&mut self, current: TaskId, old: &Cred, euid: u32, suid: u32) {
        let mut new = self.task(current).cred;
        (new.euid, new.suid, new.fsuid) = (euid, suid, euid);
        if euid != old.euid {
            self.clear_dumpable(current);
        }
        (new.caps, new.permitted) = caps_after_setuid(old, &new);
        self.task_mut(current).cred = new;
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setuid()`.
    ///
    /// # Errors
    /// `EPERM`, `EAGAIN`.
    pub(in crate::kernel) fn sys_setuid(
        &mut self,
        current: TaskId,
        uid: u32,
    ) -> Result<u32, Errno> {
        let old = self.task(current).cred;
        let mut suid = old.suid;
        // A privileged caller sets all three ids and cannot return; any other only the effective one.
        if self.capable(current, Caps::SETUID) {
            self.change_user(current, uid)?;
            suid = uid;
        } else if uid != old.uid && uid != old.suid {
            return Err(Errno::EPERM);
        }
        self.commit_ids(current, &old, uid, suid);
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setreuid()`.
    ///
    /// # Errors
    /// `EPERM`, `EAGAIN`.
    pub(in crate::kernel) fn sys_setreuid(
        &mut self,
        current: TaskId,
        ruid: u32,
        euid: u32,
    ) -> Result<u32, Errno> {
        let old = self.task(current).cred;
        let may_real = ruid == SAME || [old.uid, old.euid].contains(&ruid);
        if !may_real && !self.capable(current, Caps::SETUID) {
            return Err(Errno::EPERM);
        }
        let may_effective = euid == SAME || [old.uid, old.euid, old.suid].contains(&euid);
        if !may_effective && !self.capable(current, Caps::SETUID) {
            return Err(Errno::EPERM);
        }
        let new_euid = if euid == SAME { old.euid } else { euid };
        if ruid != SAME {
            self.change_user(current, ruid)?;
        }
        let saves = ruid != SAME || (euid != SAME && euid != old.uid);
        let suid = if saves { new_euid } else { old.suid };
        self.commit_ids(current, &old, new_euid, suid);
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setresuid()`.
    ///
    /// # Errors
    /// `EPERM`, `EAGAIN`.
    pub(in crate::kernel) fn sys_setresuid(
        &mut self,
        current: TaskId,
        [ruid, euid, suid]: [u32; 3],
    ) -> Result<u32, Errno> {
        let old = self.task(current).cred;
        let own = [SAME, old.uid, old.euid, old.suid];
        let all_own = [ruid, euid, suid].iter().all(|id| own.contains(id));
        if !self.capable(current, Caps::SETUID) && !all_own {
            return Err(Errno::EPERM);
        }
        if ruid != SAME {
            self.change_user(current, ruid)?;
            // The comparison is with the number as given: -1 counts as a change.
            if ruid != old.uid && euid != old.euid {
                self.clear_dumpable(current);
            }
        }
        let or_old = |new, old| if new == SAME { old } else { new };
        self.commit_ids(
            current,
            &old,
            or_old(euid, old.euid),
            or_old(suid, old.suid),
        );
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_getresuid()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_getresuid(
        &mut self,
        current: TaskId,
        addrs: [VirtAddr; 3],
    ) -> Result<u32, Errno> {
        let cred = self.task(current).cred;
        for (addr, id) in addrs.into_iter().zip([cred.uid, cred.euid, cred.suid]) {
            self.put_user_u32(current, addr, id)?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::CAP_INIT_EFF_SET;

    /// `cap_emulate_setxuid()`: any of the three ids makes root, and its last one takes all away.
    #[test]
    fn one_id_of_root_is_enough_to_have_been_and_to_stay_root() {
        let ids = |uid, euid, suid| Cred {
            uid,
            euid,
            suid,
            ..Cred::of_user(0)
        };
        for old in [ids(0, 5, 5), ids(5, 0, 5), ids(5, 5, 0)] {
            let (effective, permitted) = caps_after_setuid(&old, &ids(5, 5, 5));
            assert_eq!((effective, permitted), (Caps::empty(), Caps::empty()));
            for new in [ids(0, 5, 5), ids(5, 5, 0)] {
                let (_, permitted) = caps_after_setuid(&old, &new);
                assert_eq!(permitted, CAP_INIT_EFF_SET);
            }
        }
        // Who was never root keeps what it was given.
        let given = ids(1, 1, 1);
        assert_eq!(
            caps_after_setuid(&given, &ids(5, 5, 5)),
            (CAP_INIT_EFF_SET, CAP_INIT_EFF_SET)
        );
    }

    #[test]
    fn capabilities_come_and_go_with_root() {
        let root = Cred::of_user(0);
        let acting = Cred { euid: 500, ..root };
        let (effective, permitted) = caps_after_setuid(&root, &acting);
        assert_eq!((effective, permitted), (Caps::empty(), CAP_INIT_EFF_SET));
        let acting = Cred {
            caps: effective,
            permitted,
            ..acting
        };
        assert_eq!(
            caps_after_setuid(&acting, &root),
            (CAP_INIT_EFF_SET, CAP_INIT_EFF_SET)
        );
        let gone = Cred::of_user(500);
        let none = (Caps::empty(), Caps::empty());
        assert_eq!(caps_after_setuid(&root, &gone), none);
        assert_eq!(caps_after_setuid(&gone, &gone), none);
        // Whoever keeps them keeps the permitted set alone.
        let keeps = Cred {
            keep_capabilities: true,
            ..root
        };
        let kept = (Caps::empty(), CAP_INIT_EFF_SET);
        assert_eq!(caps_after_setuid(&keeps, &gone), kept);
    }
}
