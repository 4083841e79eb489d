//! System V shared memory: segments by id or key, attaching and detaching. A segment is an object
//! of shared memory like that behind `MAP_SHARED | MAP_ANONYMOUS`, with a name that outlives its
//! users.

use super::ids::{IpcIds, IpcObject, IpcPerm};
use crate::abi::{
    Errno, FileId, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, InodeId, PAGE_SIZE, Prot, SHM_DEST, SHM_EXEC,
    SHM_HUGETLB, SHM_RDONLY, SHM_REMAP, SHM_RND, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::fs::ShmemAccount;
use crate::kernel::mm::ShmMap;
use crate::kernel::syscall::{AnswerTo, MapRefusal, ShmatArgs, SysError};
use crate::kernel::sysctl::Sysctl;
use crate::trace::SlabCache;

/// How far a segment stays away from the stack, in pages: room for it to grow.
///
/// Linux 2.6.12: `ipc/shm.c`, `do_shmat()`.
const STACK_ROOM: u32 = 5;

/// A segment (`struct shmid_kernel`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShmSegment {
    pub(super) perm: IpcPerm,
    /// Its size in bytes, as it was asked for.
    pub(super) size: u32,
    /// `shm_nattch`: how many areas map it.
    pub(super) nattch: u32,
    /// The process that has made it.
    pub(super) cprid: i32,
    /// The process that has attached or detached it last; 0 for none.
    pub(super) lprid: i32,
    /// When it was last attached, detached and changed, in seconds; 0 for never.
    pub(super) times: [u32; 3],
    /// The object with its pages. The segment holds a reference.
    pub(super) file: FileId,
    /// The user whom it counts for while it is locked in memory.
    pub(super) mlock_user: Option<u32>,
}

/// All segments (`shm_ids`).
pub type ShmSegments = IpcIds<ShmSegment>;

/// Places in [`ShmSegment::times`].
pub(super) const ATTACHED: usize = 0;
pub(super) const DETACHED: usize = 1;
pub(super) const CHANGED: usize = 2;

impl IpcObject for ShmSegment {
    fn perm(&self) -> &IpcPerm {
        &self.perm
    }

    fn perm_mut(&mut self) -> &mut IpcPerm {
        &mut self.perm
    }
}

impl ShmSegment {
    /// Its size in bytes.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// The object with its pages.
    pub const fn file(&self) -> FileId {
        self.file
    }

    /// How many areas map it.
    pub const fn nattch(&self) -> u32 {
        self.nattch
    }

    /// The process that has made it, and the one that has attached or detached it last.
    pub const fn pids(&self) -> (i32, i32) {
        (self.cprid, self.lprid)
    }

    /// Whether it is removed with the last area that maps it.
    pub const fn is_doomed(&self) -> bool {
        self.perm.mode & SHM_DEST != 0
    }

    /// Its size in whole pages.
    pub(super) const fn pages(&self) -> u32 {
        self.size.div_ceil(PAGE_SIZE)
    }
}

/// What a segment is attached for: the rights of the area, and those that the caller needs.
fn access_of(flags: u32) -> (Prot, u32) {
    let (mut prot, mut mode) = if flags & SHM_RDONLY != 0 {
        (Prot::READ, 0o444)
    } else {
        (Prot::READ | Prot::WRITE, 0o666)
    };
    if flags & SHM_EXEC != 0 {
        prot |= Prot::EXEC;
        mode |= 0o111;
    }
    (prot, mode)
}

/// Where a segment is to be attached; 0 for wherever there is room.
fn attach_address(addr: u32, flags: u32) -> Result<u32, Errno> {
    let offset = addr % PAGE_SIZE;
    if (addr == 0 && flags & SHM_REMAP != 0) || (offset != 0 && flags & SHM_RND == 0) {
        return Err(Errno::EINVAL);
    }
    Ok(addr - offset)
}

impl Kernel {
    /// Finds or creates a segment. Returns its id.
    ///
    /// Linux 2.6.12: `ipc/shm.c`, `sys_shmget()`.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`; `EINVAL` for a size that is out of range or larger than the segment;
    /// `EACCES`; `ENOSPC`, `ENOMEM`, and `ENOSYS` for `SHM_HUGETLB`.
    pub(super) fn sys_shmget(
        &mut self,
        current: TaskId,
        key: i32,
        size: u32,
        flags: u32,
    ) -> Result<u32, SysError> {
        let found = match key {
            IPC_PRIVATE => None,
            key => self.shm.with_key(key),
        };
        let found = found.map(|(id, segment)| (id, segment.size, segment.perm));
        match found {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT.into()),
            None => self.newseg(current, key, flags, size),
            Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => Err(Errno::EEXIST.into()),
            Some((_, existing, _)) if existing < size => Err(Errno::EINVAL.into()),
            Some((_, _, perm)) if !self.may_use_ipc(current, perm, flags) => {
                Err(Errno::EACCES.into())
            }
            Some((id, ..)) => Ok(id as u32),
        }
    }

    /// Linux 2.6.12: `ipc/shm.c`, `newseg()`.
    fn newseg(
        &mut self,
        current: TaskId,
        key: i32,
        flags: u32,
        size: u32,
    ) -> Result<u32, SysError> {
        let limit = |sysctl| self.config.sysctls.get(sysctl);
        let (max, all) = (limit(Sysctl::Shmmax), limit(Sysctl::Shmall));
        let segments = limit(Sysctl::Shmmni).cast_signed();
        if size == 0 || size > max {
            return Err(Errno::EINVAL.into());
        }
        if self.shm_tot() + size.div_ceil(PAGE_SIZE) >= all {
            return Err(Errno::ENOSPC.into());
        }
        self.kmem_cache_alloc(SlabCache::Shm)
            .map_err(|_| Errno::ENOMEM)?;
        if flags & SHM_HUGETLB != 0 {
            return Err(Errno::ENOSYS.into());
        }
        let file = self
            .shmem_file_setup(&format!("SYSV{key:08x}"), size, ShmemAccount::InFull)
            .map_err(MapRefusal::from)?;
        let task = self.task(current);
        let segment = ShmSegment {
            perm: IpcPerm::new(key, flags, &task.cred()),
            size,
            nattch: 0,
            cprid: task.tgid().0,
            lprid: 0,
            times: [0, 0, self.get_seconds()],
            file,
            mlock_user: None,
        };
        let id = self
            .shm
            .add(segment, segments)
            .inspect_err(|_| self.fput(file))?;
        let inode = self.open_files[file].inode();
        self.inodes[inode].ino = id as u32;
        Ok(id as u32)
    }

    /// Pages of all segments.
    pub(super) fn shm_tot(&self) -> u32 {
        self.shm.iter().map(|(_, segment)| segment.pages()).sum()
    }

    /// Maps a segment into the caller's address space. Returns where, or stores it there.
    ///
    /// Linux 2.6.12: `ipc/shm.c`, `do_shmat()`; `arch/i386/kernel/sys_i386.c`, `sys_ipc()`.
    ///
    /// # Errors
    /// `EINVAL` for a bad address or id, and for an address that is in use; `EIDRM`, `EACCES`; those
    /// of `mmap`; `EFAULT` if the address cannot be stored, and then the segment is attached.
    pub(super) fn do_shmat(&mut self, current: TaskId, args: &ShmatArgs) -> Result<u32, SysError> {
        let ShmatArgs {
            id,
            addr,
            flags,
            answer,
        } = *args;
        if id < 0 {
            return Err(Errno::EINVAL.into());
        }
        let at = attach_address(addr, flags)?;
        let (prot, mode) = access_of(flags);
        let segment = self.shm.find(id)?;
        let (perm, size, file) = (segment.perm, segment.size, segment.file);
        if !self.may_use_ipc(current, perm, mode) {
            return Err(Errno::EACCES.into());
        }
        if at != 0 && flags & SHM_REMAP == 0 && !self.has_room_for_segment(current, at, size) {
            return Err(Errno::EINVAL.into());
        }
        let map = ShmMap {
            id,
            file,
            addr: at,
            fixed: addr != 0,
            size,
            prot,
        };
        let mapped = self.mmap_segment(current, &map)?;
        match answer {
            AnswerTo::Value => Ok(mapped),
            AnswerTo::User(to) => Ok(self.put_user_u32(current, to, mapped).map(|()| 0)?),
        }
    }

    /// Whether a segment fits at an address: nothing is mapped there, and the stack can still grow.
    fn has_room_for_segment(&self, current: TaskId, addr: u32, size: u32) -> bool {
        let space = &self.mms[self.mm_id(current)];
        let floor = space
            .start_stack
            .wrapping_sub(size)
            .wrapping_sub(STACK_ROOM * PAGE_SIZE);
        let in_the_way = addr < space.start_stack && addr > floor;
        !space.intersects(addr, addr.wrapping_add(size)) && !in_the_way
    }

    /// Detaches the segment that is attached at an address, with all parts that are left of it.
    ///
    /// Linux 2.6.12: `ipc/shm.c`, `sys_shmdt()`. It looks for an area above the address whose
    /// distance fits, so an address shortly below a segment will do.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub(super) fn sys_shmdt(&mut self, current: TaskId, addr: u32) -> Result<u32, Errno> {
        let mm = self.mm_id(current);
        let parts = self.segment_parts(mm, VirtAddr(addr));
        if parts.is_empty() {
            return Err(Errno::EINVAL);
        }
        for (start, end) in parts {
            // Errors are ignored: whole areas are unmapped, which cannot fail.
            let _ = self.do_munmap(mm, start, end - start);
        }
        Ok(0)
    }

    /// Counts one more area that maps a segment.
    ///
    /// Linux 2.6.12: `ipc/shm.c`, `shm_open()`.
    pub(in crate::kernel) fn shm_open(&mut self, id: i32) {
        let (pid, now) = (self.task(self.current()).tgid().0, self.get_seconds());
        if let Ok(segment) = self.shm.find_mut(id) {
            segment.nattch += 1;
            segment.lprid = pid;
            segment.times[ATTACHED] = now;
        }
    }

    /// Counts one area fewer. The last one takes the segment along, if it is to be removed.
    ///
    /// Linux 2.6.12: `ipc/shm.c`, `shm_close()`.
    pub(in crate::kernel) fn shm_close(&mut self, id: i32) {
        let (pid, now) = (self.task(self.current()).tgid().0, self.get_seconds());
        let Ok(segment) = self.shm.find_mut(id) else {
            return;
        };
        segment.nattch -= 1;
        segment.lprid = pid;
        segment.times[DETACHED] = now;
        if segment.nattch == 0 && segment.is_doomed() {
            self.shm_destroy(id);
        }
    }

    /// Whether an object is a segment that must stay in memory (`SHM_LOCK`).
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_lock()`.
    pub(in crate::kernel) fn is_locked_segment(&self, inode: InodeId) -> bool {
        self.shm.iter().any(|(_, segment)| {
            segment.mlock_user.is_some() && self.open_files[segment.file].inode() == inode
        })
    }

    /// Linux 2.6.12: `ipc/shm.c`, `shm_destroy()`.
    pub(super) fn shm_destroy(&mut self, id: i32) {
        let Some(segment) = self.shm.remove(id) else {
            return;
        };
        if let Some(uid) = segment.mlock_user {
            self.users.put_locked_shm(uid, segment.pages());
        }
        self.fput(segment.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ipc/shm.c`, `do_shmat()`.
    #[test]
    fn where_segments_are_attached() {
        for (addr, flags, expected) in [
            (0, 0, Ok(0)),
            (0, SHM_REMAP, Err(Errno::EINVAL)),
            (0x5000_0000, SHM_REMAP, Ok(0x5000_0000)),
            (0x5000_0004, 0, Err(Errno::EINVAL)),
            (0x5000_0004, SHM_RND, Ok(0x5000_0000)),
            (0x0000_0004, SHM_RND, Ok(0)),
        ] {
            assert_eq!(attach_address(addr, flags), expected, "{addr:#x} {flags:o}");
        }
    }

    #[test]
    fn what_attaching_needs_and_gives() {
        let (rw, r, x) = (Prot::READ | Prot::WRITE, Prot::READ, Prot::EXEC);
        assert_eq!(access_of(0), (rw, 0o666));
        assert_eq!(access_of(SHM_RDONLY), (r, 0o444));
        assert_eq!(access_of(SHM_EXEC), (rw | x, 0o777));
        assert_eq!(access_of(SHM_EXEC | SHM_RDONLY), (r | x, 0o555));
    }
}
