//! `shmctl`: what is known of segments, who owns them, locking them in memory, and their end.

use super::ids::IpcObject;
use super::layout::{IPC_64, Version, halves, words};
use super::shm::{ATTACHED, CHANGED, DETACHED, ShmSegment};
use crate::abi::{
    Caps, Errno, IPC_INFO, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, PAGE_SHIFT, Resource,
    SHM_DEST, SHM_INFO, SHM_LOCK, SHM_LOCKED, SHM_STAT, SHM_UNLOCK, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::sysctl::Sysctl;

/// The bytes that `IPC_SET` reads: the new structure, and the old one.
const NEW_SHMID_DS: usize = 84;
const OLD_SHMID_DS: usize = 48;

/// What `IPC_STAT` says of a segment.
///
/// Linux 2.6.12: `include/asm-i386/shmbuf.h`, `struct shmid64_ds`; `include/linux/shm.h`,
/// `struct shmid_ds`.
fn shmid_ds(segment: &ShmSegment, version: Version) -> Vec<u8> {
    let perm = segment.perm().bytes(version);
    let [attached, detached, changed] =
        [ATTACHED, DETACHED, CHANGED].map(|which| segment.times[which]);
    let pids = [segment.cprid, segment.lprid].map(i32::cast_unsigned);
    match version {
        Version::New => [
            perm,
            words(&[segment.size, attached, 0, detached, 0, changed, 0]),
            words(&[pids[0], pids[1], segment.nattch, 0, 0]),
        ]
        .concat(),
        Version::Old => [
            perm,
            words(&[segment.size, attached, detached, changed]),
            halves(&[pids[0], pids[1], segment.nattch, 0]),
            words(&[0, 0]),
        ]
        .concat(),
    }
}

impl Kernel {
    /// Linux 2.6.12: `ipc/shm.c`, `sys_shmctl()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown command or segment; `EIDRM`, `EACCES`, `EPERM`, `EFAULT`; `ENOMEM`
    /// for locked memory beyond `RLIMIT_MEMLOCK`.
    pub(super) fn sys_shmctl(
        &mut self,
        current: TaskId,
        id: i32,
        cmd: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        if cmd.cast_signed() < 0 || id < 0 {
            return Err(Errno::EINVAL);
        }
        let version = Version::of(cmd);
        match cmd & !IPC_64 {
            IPC_INFO => self.shm_limits(current, buffer, version),
            SHM_INFO => self.shm_usage(current, buffer),
            SHM_STAT => self.shm_stat(current, id, buffer, version),
            IPC_STAT => self.shm_copy_stat(current, id, buffer, version).map(|()| 0),
            SHM_LOCK => self.shm_lock_memory(current, id),
            SHM_UNLOCK => self.shm_unlock_memory(current, id),
            IPC_RMID => self.shm_remove(current, id),
            IPC_SET => self.shm_set(current, id, buffer, version),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `IPC_INFO`: the limits. Returns the highest slot in use.
    fn shm_limits(
        &mut self,
        current: TaskId,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<u32, Errno> {
        let limit = |sysctl| self.config.sysctls.get(sysctl);
        let (max, segments, all) = (
            limit(Sysctl::Shmmax),
            limit(Sysctl::Shmmni),
            limit(Sysctl::Shmall),
        );
        let bytes = match version {
            Version::New => words(&[max, 1, segments, segments, all, 0, 0, 0, 0]),
            Version::Old => words(&[max.min(i32::MAX as u32), 1, segments, segments, all]),
        };
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(self.shm.max_id().max(0) as u32)
    }

    /// `SHM_INFO`: what is used. Returns the highest slot in use.
    fn shm_usage(&mut self, current: TaskId, buffer: VirtAddr) -> Result<u32, Errno> {
        let inodes = self.shm.iter().map(|(_, segment)| {
            let inode = self.open_files[segment.file].inode();
            &self.inodes[inode]
        });
        let (mut rss, mut swp) = (0, 0);
        for inode in inodes {
            rss += inode.pages().len() as u32;
            swp += inode.i_mapping.slots().len() as u32;
        }
        let used = self.shm.in_use() as u32;
        let bytes = words(&[used, self.shm_tot(), rss, swp, 0, 0]);
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(self.shm.max_id().max(0) as u32)
    }

    /// `SHM_STAT`: what is known of the segment in a slot. Returns its id.
    fn shm_stat(
        &mut self,
        current: TaskId,
        slot: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<u32, Errno> {
        let id = self.shm.id_of_slot(slot).ok_or(Errno::EINVAL)?;
        self.shm_copy_stat(current, id, buffer, version)?;
        Ok(id as u32)
    }

    fn shm_copy_stat(
        &mut self,
        current: TaskId,
        id: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<(), Errno> {
        let segment = self.shm.find(id)?;
        let (perm, bytes) = (*segment.perm(), shmid_ds(segment, version));
        if !self.may_use_ipc(current, perm, 0o444) {
            return Err(Errno::EACCES);
        }
        self.copy_to_user(current, buffer, &bytes)
    }

    /// The checks of `SHM_LOCK` and `SHM_UNLOCK`.
    fn may_lock_segment(&mut self, current: TaskId, id: i32) -> Result<(), Errno> {
        let perm = *self.shm.find(id)?.perm();
        if self.capable(current, Caps::IPC_LOCK) {
            return Ok(());
        }
        let euid = self.task(current).cred().euid;
        if euid == perm.uid || euid == perm.cuid {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// `SHM_LOCK`. The pages are not brought in; those that are in stay.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_lock()`; `mm/mlock.c`, `user_shm_lock()`.
    fn shm_lock_memory(&mut self, current: TaskId, id: i32) -> Result<u32, Errno> {
        self.may_lock_segment(current, id)?;
        let (uid, limit) = (
            self.task(current).cred().uid,
            self.rlimit(current, Resource::Memlock),
        );
        if limit == 0 && !self.capable(current, Caps::IPC_LOCK) {
            return Err(Errno::EPERM);
        }
        let segment = self.shm.find(id)?;
        let (locked, pages) = (segment.mlock_user.is_some(), segment.pages());
        if locked {
            return Ok(0);
        }
        let too_much = self.users.locked_shm(uid) + pages > limit >> PAGE_SHIFT;
        if too_much && !self.capable(current, Caps::IPC_LOCK) {
            return Err(Errno::ENOMEM);
        }
        self.users.get_locked_shm(uid, pages);
        let segment = self.shm.find_mut(id)?;
        segment.mlock_user = Some(uid);
        segment.perm_mut().mode |= SHM_LOCKED;
        Ok(0)
    }

    /// `SHM_UNLOCK`.
    fn shm_unlock_memory(&mut self, current: TaskId, id: i32) -> Result<u32, Errno> {
        self.may_lock_segment(current, id)?;
        let segment = self.shm.find_mut(id)?;
        segment.perm_mut().mode &= !SHM_LOCKED;
        let (user, pages) = (segment.mlock_user.take(), segment.pages());
        if let Some(uid) = user {
            self.users.put_locked_shm(uid, pages);
        }
        Ok(0)
    }

    /// `IPC_RMID`: at once if nobody has attached the segment; else with the last who detaches it,
    /// and no key finds it any more.
    fn shm_remove(&mut self, current: TaskId, id: i32) -> Result<u32, Errno> {
        let segment = self.shm.find(id)?;
        let (perm, attached) = (*segment.perm(), segment.nattch > 0);
        if !self.owns_ipc(current, perm) {
            return Err(Errno::EPERM);
        }
        if attached {
            let perm = self.shm.find_mut(id)?.perm_mut();
            perm.mode |= SHM_DEST;
            perm.key = IPC_PRIVATE;
        } else {
            self.shm_destroy(id);
        }
        Ok(0)
    }

    /// `IPC_SET`: another owner, other permissions.
    fn shm_set(
        &mut self,
        current: TaskId,
        id: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<u32, Errno> {
        let mut bytes = match version {
            Version::New => vec![0; NEW_SHMID_DS],
            Version::Old => vec![0; OLD_SHMID_DS],
        };
        self.copy_from_user(current, buffer, &mut bytes)?;
        let half = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let word = |at: usize| half(at) | half(at + 2) << 16;
        let (uid, gid, mode) = match version {
            Version::New => (word(4), word(8), half(20)),
            Version::Old => (half(4), half(6), half(12)),
        };
        let perm = *self.shm.find(id)?.perm();
        if !self.owns_ipc(current, perm) {
            return Err(Errno::EPERM);
        }
        let now = self.get_seconds();
        let segment = self.shm.find_mut(id)?;
        segment.times[CHANGED] = now;
        let perm = segment.perm_mut();
        (perm.uid, perm.gid) = (uid, gid);
        perm.mode = perm.mode & !0o777 | mode & 0o777;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::FileId;
    use crate::kernel::ipc::IpcPerm;
    use crate::kernel::task::Cred;

    #[test]
    fn the_structures_have_the_sizes_of_the_headers() {
        let segment = ShmSegment {
            perm: IpcPerm::new(7, 0o640, &Cred::of_user(500)),
            size: 5000,
            nattch: 3,
            cprid: 4,
            lprid: 5,
            times: [1, 2, 3],
            file: FileId::default(),
            mlock_user: None,
        };
        let (old, new) = (
            shmid_ds(&segment, Version::Old),
            shmid_ds(&segment, Version::New),
        );
        assert_eq!((old.len(), new.len()), (OLD_SHMID_DS, NEW_SHMID_DS));
        assert_eq!(old[16..20], 5000u32.to_le_bytes());
        assert_eq!(new[36..40], 5000u32.to_le_bytes());
        assert_eq!(new[20..22], 0o640u16.to_le_bytes());
        assert_eq!((old[36], new[72]), (3, 3), "shm_nattch");
    }
}
