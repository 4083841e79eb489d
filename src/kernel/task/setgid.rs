//! Changing groups: `setgid`, `setregid`, `setresgid`, the ids for file systems, and the
//! supplementary groups.

use super::cred::Cred;
use super::uid16::high2low;
use crate::abi::{CAP_FS_MASK, Caps, Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{GroupWidth, low2high};
use std::sync::Arc;

/// The group id that means "leave it unchanged".
const SAME: u32 = u32::MAX;
/// The most supplementary groups.
///
/// Linux 2.6.12: `include/linux/limits.h`, `NGROUPS_MAX`.
const NGROUPS_MAX: u32 = 65_536;

/// A group as it lies in memory.
fn stored(gid: u32, width: GroupWidth) -> Vec<u8> {
    match width {
        GroupWidth::Low => high2low(gid).to_le_bytes().to_vec(),
        GroupWidth::High => gid.to_le_bytes().to_vec(),
    }
}

/// The group that lies in two or four bytes.
fn read(bytes: &[u8]) -> u32 {
    match *bytes {
        [a, b] => low2high(u16::from_le_bytes([a, b]).into()),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}

impl Kernel {
    /// Sets the new ids of a task that may change them.
    fn commit_gids(&mut self, current: TaskId, new: Cred) {
        if new.egid != self.task(current).cred.egid {
            self.clear_dumpable(current);
        }
        self.task_mut(current).cred = Cred {
            fsgid: new.egid,
            ..new
        };
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setgid()`.
    ///
    /// # Errors
    /// `EPERM`.
    pub(in crate::kernel) fn sys_setgid(
        &mut self,
        current: TaskId,
        gid: u32,
    ) -> Result<u32, Errno> {
        let mut new = self.task(current).cred;
        // A privileged caller sets all of them and cannot return.
        if self.capable(current, Caps::SETGID) {
            (new.gid, new.sgid) = (gid, gid);
        } else if gid != new.gid && gid != new.sgid {
            return Err(Errno::EPERM);
        }
        new.egid = gid;
        self.commit_gids(current, new);
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setregid()`.
    ///
    /// # Errors
    /// `EPERM`.
    pub(in crate::kernel) fn sys_setregid(
        &mut self,
        current: TaskId,
        rgid: u32,
        egid: u32,
    ) -> Result<u32, Errno> {
        let old = self.task(current).cred;
        let may_real = rgid == SAME || [old.gid, old.egid].contains(&rgid);
        if !may_real && !self.capable(current, Caps::SETGID) {
            return Err(Errno::EPERM);
        }
        let may_effective = egid == SAME || [old.gid, old.egid, old.sgid].contains(&egid);
        if !may_effective && !self.capable(current, Caps::SETGID) {
            return Err(Errno::EPERM);
        }
        let mut new = old;
        if rgid != SAME {
            new.gid = rgid;
        }
        if egid != SAME {
            new.egid = egid;
        }
        if rgid != SAME || (egid != SAME && egid != old.gid) {
            new.sgid = new.egid;
        }
        self.commit_gids(current, new);
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setresgid()`.
    ///
    /// # Errors
    /// `EPERM`.
    pub(in crate::kernel) fn sys_setresgid(
        &mut self,
        current: TaskId,
        [rgid, egid, sgid]: [u32; 3],
    ) -> Result<u32, Errno> {
        let old = self.task(current).cred;
        let own = [SAME, old.gid, old.egid, old.sgid];
        let all_own = [rgid, egid, sgid].iter().all(|id| own.contains(id));
        if !self.capable(current, Caps::SETGID) && !all_own {
            return Err(Errno::EPERM);
        }
        let or_old = |new, old| if new == SAME { old } else { new };
        let new = Cred {
            gid: or_old(rgid, old.gid),
            egid: or_old(egid, old.egid),
            sgid: or_old(sgid, old.sgid),
            ..old
        };
        self.commit_gids(current, new);
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_getresgid()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_getresgid(
        &mut self,
        current: TaskId,
        addrs: [VirtAddr; 3],
    ) -> Result<u32, Errno> {
        let cred = self.task(current).cred;
        for (addr, id) in addrs.into_iter().zip([cred.gid, cred.egid, cred.sgid]) {
            self.put_user_u32(current, addr, id)?;
        }
        Ok(0)
    }

    /// Sets the user id for file systems, if the caller may, and returns the old one in any case.
    ///
    /// The capabilities for files come and go with root.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setfsuid()`; `security/commoncap.c`,
    /// `cap_task_post_setuid()`.
    pub(in crate::kernel) fn sys_setfsuid(&mut self, current: TaskId, uid: u32) -> u32 {
        let old = self.task(current).cred;
        let own = [old.uid, old.euid, old.suid, old.fsuid].contains(&uid);
        if own || self.capable(current, Caps::SETUID) {
            if uid != old.fsuid {
                self.clear_dumpable(current);
            }
            let cred = &mut self.task_mut(current).cred;
            cred.fsuid = uid;
            match (old.fsuid, uid) {
                (0, 1..) => cred.caps -= CAP_FS_MASK,
                (1.., 0) => cred.caps |= cred.permitted & CAP_FS_MASK,
                _ => {}
            }
        }
        old.fsuid
    }

    /// Sets the group id for file systems, if the caller may, and returns the old one in any case.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setfsgid()`.
    pub(in crate::kernel) fn sys_setfsgid(&mut self, current: TaskId, gid: u32) -> u32 {
        let old = self.task(current).cred;
        let own = [old.gid, old.egid, old.sgid, old.fsgid].contains(&gid);
        if own || self.capable(current, Caps::SETGID) {
            if gid != old.fsgid {
                self.clear_dumpable(current);
            }
            self.task_mut(current).cred.fsgid = gid;
        }
        old.fsgid
    }

    /// Stores the supplementary groups, and returns their number; with size 0 only that.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_getgroups()`; `kernel/uid16.c`, `sys_getgroups16()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative size or one that is too small; `EFAULT`.
    pub(in crate::kernel) fn sys_getgroups(
        &mut self,
        current: TaskId,
        size: u32,
        list: VirtAddr,
        width: GroupWidth,
    ) -> Result<u32, Errno> {
        let groups = Arc::clone(&self.task(current).groups);
        let count = groups.len() as u32;
        if size.cast_signed() < 0 || (size != 0 && count > size) {
            return Err(Errno::EINVAL);
        }
        if size != 0 {
            let bytes: Vec<u8> = groups.iter().flat_map(|gid| stored(*gid, width)).collect();
            self.copy_to_user(current, list, &bytes)?;
        }
        Ok(count)
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_setgroups()`; `kernel/uid16.c`, `sys_setgroups16()`.
    ///
    /// # Errors
    /// `EPERM` without CAP_SETGID; `EINVAL` for more than 65,536 groups; `EFAULT`.
    pub(in crate::kernel) fn sys_setgroups(
        &mut self,
        current: TaskId,
        size: u32,
        list: VirtAddr,
        width: GroupWidth,
    ) -> Result<u32, Errno> {
        if !self.capable(current, Caps::SETGID) {
            return Err(Errno::EPERM);
        }
        if size > NGROUPS_MAX {
            return Err(Errno::EINVAL);
        }
        let mut bytes = vec![0; size as usize * width.size()];
        self.copy_from_user(current, list, &mut bytes)?;
        let mut groups: Vec<u32> = bytes.chunks_exact(width.size()).map(read).collect();
        // Sorted, as they are searched.
        groups.sort_unstable();
        self.task_mut(current).groups = groups.into();
        Ok(0)
    }
}
