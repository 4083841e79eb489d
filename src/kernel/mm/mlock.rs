//! `mlock` and its like: memory that stays in RAM. Locking faults pages in, as writes where the
//! area is writable, and so ends sharing by copy on write.

use super::area_search::page_align;
use super::vma::{VmFlags, Vma};
use crate::abi::{
    Caps, Errno, MCL_CURRENT, MCL_FUTURE, MmId, PAGE_SHIFT, PAGE_SIZE, Resource, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{AreaRefusal, MapRefusal};

/// What happens to the lock of an area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lock {
    On,
    Off,
}

impl Lock {
    fn applied_to(self, vma: &Vma) -> VmFlags {
        match self {
            Self::On => vma.vm_flags | VmFlags::LOCKED,
            Self::Off => vma.vm_flags - VmFlags::LOCKED,
        }
    }
}

/// The pages that contain `[start, start + len)`: the first one, and their length in bytes, which
/// is 0 if it does not fit in 32 bits.
const fn whole_pages(start: u32, len: u32) -> (u32, u32) {
    let offset = start & (PAGE_SIZE - 1);
    (start - offset, page_align(len.wrapping_add(offset)))
}

impl Kernel {
    /// Locks the pages of a range, and brings them into memory.
    ///
    /// Linux 2.6.12: `mm/mlock.c`, `sys_mlock()`.
    ///
    /// # Errors
    /// `EPERM` without the right to lock, `ENOMEM` beyond `RLIMIT_MEMLOCK` and for a hole, `EINVAL`
    /// for a range that wraps, `EAGAIN` if there is no memory, `EFAULT` and `EPERM` for pages that
    /// cannot be had.
    pub(in crate::kernel) fn sys_mlock(
        &mut self,
        current: TaskId,
        start: u32,
        len: u32,
    ) -> Result<u32, AreaRefusal> {
        if !self.can_do_mlock(current) {
            return Err(MapRefusal::MayNotLock.into());
        }
        let mm = self.mm_id(current);
        let (start, len) = whole_pages(start, len);
        // Pages that are locked already count once more.
        let locked = (len >> PAGE_SHIFT) + self.mms[mm].locked_vm;
        if locked > self.lock_limit(current) && !self.capable(current, Caps::IPC_LOCK) {
            return Err(AreaRefusal::LocksTooMuch);
        }
        self.do_mlock(current, mm, (start, len), Lock::On)?;
        Ok(0)
    }

    /// Unlocks the pages of a range. They stay in memory, and may leave it.
    ///
    /// Linux 2.6.12: `mm/mlock.c`, `sys_munlock()`.
    ///
    /// # Errors
    /// `ENOMEM` for a hole, `EINVAL` for a range that wraps, `EAGAIN` if an area cannot be split.
    pub(in crate::kernel) fn sys_munlock(
        &mut self,
        current: TaskId,
        start: u32,
        len: u32,
    ) -> Result<u32, AreaRefusal> {
        let mm = self.mm_id(current);
        self.do_mlock(current, mm, whole_pages(start, len), Lock::Off)?;
        Ok(0)
    }

    /// Locks all memory, present and future. Each call decides about the future anew.
    ///
    /// Linux 2.6.12: `mm/mlock.c`, `sys_mlockall()`.
    ///
    /// # Errors
    /// `EINVAL` for unknown flags or none, `EPERM` without the right to lock, `ENOMEM` beyond
    /// `RLIMIT_MEMLOCK`. Pages that cannot be had are ignored.
    pub(in crate::kernel) fn sys_mlockall(
        &mut self,
        current: TaskId,
        flags: u32,
    ) -> Result<u32, AreaRefusal> {
        if flags == 0 || flags & !(MCL_CURRENT | MCL_FUTURE) != 0 {
            return Err(AreaRefusal::UnknownLockFlags);
        }
        if !self.can_do_mlock(current) {
            return Err(MapRefusal::MayNotLock.into());
        }
        let mm = self.mm_id(current);
        let too_much = flags & MCL_CURRENT != 0
            && self.mms[mm].total_vm > self.lock_limit(current)
            && !self.capable(current, Caps::IPC_LOCK);
        if too_much {
            return Err(AreaRefusal::LocksTooMuch);
        }
        let future = flags & MCL_FUTURE != 0;
        self.mms[mm].def_flags.set(VmFlags::LOCKED, future);
        if flags & MCL_CURRENT != 0 {
            self.lock_all(current, mm, Lock::On);
        }
        Ok(0)
    }

    /// Unlocks all memory, present and future.
    ///
    /// Linux 2.6.12: `mm/mlock.c`, `sys_munlockall()`.
    pub(in crate::kernel) fn sys_munlockall(&mut self, current: TaskId) -> u32 {
        let mm = self.mm_id(current);
        self.mms[mm].def_flags -= VmFlags::LOCKED;
        self.lock_all(current, mm, Lock::Off);
        0
    }

    /// Whether a task may lock memory at all.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `can_do_mlock()`.
    pub(super) fn can_do_mlock(&mut self, current: TaskId) -> bool {
        self.capable(current, Caps::IPC_LOCK) || self.rlimit(current, Resource::Memlock) != 0
    }

    /// `RLIMIT_MEMLOCK` in pages.
    fn lock_limit(&self, current: TaskId) -> u32 {
        self.rlimit(current, Resource::Memlock) >> PAGE_SHIFT
    }

    /// Whether a task may lock that many bytes more.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `do_mmap_pgoff()` and `do_brk()`; `mm/mremap.c`, `do_mremap()`.
    pub(super) fn may_lock_more(&mut self, current: TaskId, mm: MmId, bytes: u32) -> bool {
        let locked = u64::from(self.mms[mm].locked_vm) << PAGE_SHIFT;
        let limit = self.rlimit(current, Resource::Memlock);
        locked + u64::from(bytes) <= u64::from(limit) || self.capable(current, Caps::IPC_LOCK)
    }

    /// Linux 2.6.12: `mm/mlock.c`, `do_mlock()`.
    fn do_mlock(
        &mut self,
        current: TaskId,
        mm: MmId,
        (start, len): (u32, u32),
        lock: Lock,
    ) -> Result<(), AreaRefusal> {
        let end = start.wrapping_add(len);
        if end < start {
            return Err(AreaRefusal::Wraps(Errno::EINVAL));
        }
        if end == start {
            return Ok(());
        }
        let vma = self.mms[mm].find_vma(VirtAddr(start)).copied();
        let vma = vma
            .filter(|vma| vma.vm_start <= start)
            .ok_or(AreaRefusal::Hole(VirtAddr(start)))?;
        self.change_areas(mm, vma, (start, end), |kernel, vma, part| {
            kernel.mlock_fixup(current, mm, vma, part, lock)
        })
    }

    /// Every area of an address space. Errors are ignored.
    ///
    /// Linux 2.6.12: `mm/mlock.c`, `do_mlockall()`.
    fn lock_all(&mut self, current: TaskId, mm: MmId, lock: Lock) {
        let mut at = 0;
        while let Some(vma) = self.mms[mm].find_vma(VirtAddr(at)).copied() {
            // A whole area is never split, and the lock holds even if its pages cannot be had.
            let _ = self.mlock_fixup(current, mm, &vma, (vma.vm_start, vma.vm_end), lock);
            let merged = self.mms[mm].find_vma(VirtAddr(vma.vm_start));
            at = merged.map_or(vma.vm_end, |merged| merged.vm_end);
        }
    }

    /// Locks or unlocks a part of an area, and returns the area that it is then in. The lock holds
    /// even if not all pages can be brought in.
    ///
    /// Linux 2.6.12: `mm/mlock.c`, `mlock_fixup()`.
    fn mlock_fixup(
        &mut self,
        current: TaskId,
        mm: MmId,
        vma: &Vma,
        (start, end): (u32, u32),
        lock: Lock,
    ) -> Result<Vma, AreaRefusal> {
        let vm_flags = lock.applied_to(vma);
        if vm_flags == vma.vm_flags {
            return Ok(*vma);
        }
        let changed = self.vma_modify(mm, vma, (start, end), vm_flags);
        let changed = changed.map_err(|_| AreaRefusal::NotNow)?;
        let pages = (end - start) >> PAGE_SHIFT;
        if lock == Lock::Off {
            self.mms[mm].locked_vm -= pages;
            return Ok(changed);
        }
        self.mms[mm].locked_vm += pages;
        self.make_pages_present(current, mm, start, end)
            .map_err(AreaRefusal::NotPresent)?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mm/mlock.c`, `sys_mlock()`: the offset in the page is added before the length is rounded.
    #[test]
    fn a_lock_covers_whole_pages() {
        for (start, len, pages) in [
            (0x4000_0000, 0, (0x4000_0000, 0)),
            (0x4000_0010, 0, (0x4000_0000, 0x1000)),
            (0x4000_0ff0, 0x11, (0x4000_0000, 0x2000)),
            (0x4000_0000, u32::MAX, (0x4000_0000, 0)),
            (0x4000_0001, u32::MAX, (0x4000_0000, 0)),
            (0x4000_0002, u32::MAX, (0x4000_0000, 0x1000)),
        ] {
            assert_eq!(whole_pages(start, len), pages, "{start:#x} {len:#x}");
        }
    }
}
