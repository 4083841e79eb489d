//! `mmap`: new mappings, with the checks in the kernel's order.

use super::area_search::page_align;
use super::fremap::Populate;
use super::merge::{MAX_MAP_COUNT, Merge};
use super::vma::{VmFlags, VmOps, Vma};
use crate::abi::{Errno, FileId, MapFlags, MmId, PAGE_SHIFT, Prot, Resource, TASK_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::ShmemAccount;
use crate::kernel::syscall::{MapRefusal, MmapArgs};
use crate::trace::SlabCache;

impl Kernel {
    /// Maps `len` bytes and returns the address. `pgoff` is in pages.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `sys_mmap2()`, and `mm/mmap.c`,
    /// `do_mmap_pgoff()`.
    ///
    /// # Errors
    /// `EBADF`, `ENODEV`, `EACCES` for a descriptor; `EINVAL` for length 0, an unaligned fixed
    /// address or a wrong type; `ENOMEM` if the length is too large, there is no gap, there are too
    /// many areas, a limit is exceeded or the overcommit check refuses; `EOVERFLOW`, `EPERM`,
    /// `EAGAIN`, `ENFILE`.
    pub(in crate::kernel) fn sys_mmap2(
        &mut self,
        current: TaskId,
        args: MmapArgs,
    ) -> Result<u32, MapRefusal> {
        let MmapArgs {
            addr,
            len,
            prot,
            flags,
            fd,
            pgoff,
        } = args;
        let flags = MapFlags::from_bits_retain(flags);
        let file = if flags.contains(MapFlags::ANONYMOUS) {
            None
        } else {
            Some(self.mappable_file(current, fd)?)
        };
        let mm = self.mm_id(current);
        let len = checked_length(len, pgoff)?;
        self.check_map_count(mm)?;
        // The search comes before the checks of the flags: where there is no room, the result is
        // `ENOMEM` even if the flags are wrong, too. It moves `free_area_cache` in any case.
        let addr = self.mms[mm].get_unmapped_area(addr, len, flags)?;
        let rights = self.vm_rights(current, Prot::from_bits_retain(prot));
        let mut vm_flags = self.mmap_flags(current, mm, len, rights, flags)?;
        if let Some(file) = file {
            vm_flags = self.file_flags(file, vm_flags)?;
        }
        let vma = Vma {
            vm_pgoff: pgoff,
            vm_file: file,
            ..Vma::anonymous(addr, addr + len, vm_flags)
        };
        self.mmap_region(current, mm, vma, flags)?;
        Ok(addr)
    }

    /// The file of a descriptor, if it can be mapped.
    fn mappable_file(&self, current: TaskId, fd: Option<u32>) -> Result<FileId, MapRefusal> {
        let file = fd.ok_or(Errno::EBADF);
        let file = file.and_then(|fd| self.fget(current, fd));
        let file = file.map_err(MapRefusal::NotAnonymous)?;
        let kind = &self.inodes[self.open_files[file].inode()].kind;
        if kind.has_page_cache() {
            Ok(file)
        } else {
            Err(MapRefusal::NotAnonymous(Errno::ENODEV))
        }
    }

    /// The flags of an area that maps a file. One that the task cannot write through this descriptor
    /// is not really shared: no store can ever reach it, and `mprotect` cannot change that.
    fn file_flags(&self, file: FileId, vm_flags: VmFlags) -> Result<VmFlags, MapRefusal> {
        let file = &self.open_files[file];
        let shared = vm_flags.contains(VmFlags::SHARED);
        if shared && vm_flags.contains(VmFlags::WRITE) && !file.can_write() {
            return Err(MapRefusal::NotOpenForWriting);
        }
        if !file.can_read() {
            return Err(MapRefusal::NotOpenForReading);
        }
        if shared && !file.can_write() {
            return Ok(vm_flags - (VmFlags::SHARED | VmFlags::MAYWRITE));
        }
        Ok(vm_flags)
    }

    /// The limit may be exceeded by one here and in `brk`, but not by a split: Linux compares
    /// differently there.
    pub(super) fn check_map_count(&self, mm: MmId) -> Result<(), MapRefusal> {
        if self.mms[mm].map_count() > MAX_MAP_COUNT {
            return Err(MapRefusal::TooManyAreas);
        }
        Ok(())
    }

    /// The rights of an area for which a task asks for `prot`.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `do_mmap_pgoff()`, and `mm/mprotect.c`, `sys_mprotect()`.
    pub(super) fn vm_rights(&self, current: TaskId, prot: Prot) -> VmFlags {
        let rights = VmFlags::of_prot(prot);
        if rights.contains(VmFlags::READ) && self.read_implies_exec(current) {
            rights | VmFlags::EXEC
        } else {
            rights
        }
    }

    /// The flags of the new area, after the checks on them.
    pub(super) fn mmap_flags(
        &mut self,
        current: TaskId,
        mm: MmId,
        len: u32,
        rights: VmFlags,
        flags: MapFlags,
    ) -> Result<VmFlags, MapRefusal> {
        let mut vm_flags = rights | VmFlags::MAY_ACCESS;
        vm_flags.set(VmFlags::GROWSDOWN, flags.contains(MapFlags::GROWSDOWN));
        vm_flags |= self.mms[mm].def_flags;
        if flags.contains(MapFlags::LOCKED) {
            if !self.can_do_mlock(current) {
                return Err(MapRefusal::MayNotLock);
            }
            vm_flags |= VmFlags::LOCKED;
        }
        if vm_flags.contains(VmFlags::LOCKED) && !self.may_lock_more(current, mm, len) {
            return Err(MapRefusal::LocksTooMuch);
        }
        match MapFlags::from_bits_retain(flags.bits() & MapFlags::TYPE) {
            MapFlags::SHARED => Ok(vm_flags | VmFlags::SHARED | VmFlags::MAYSHARE),
            MapFlags::PRIVATE => Ok(vm_flags),
            _ => Err(MapRefusal::NeitherPrivateNorShared),
        }
    }

    /// The second half of `do_mmap_pgoff()`. Existing mappings in the range are unmapped first, and
    /// stay unmapped if a later check fails.
    pub(super) fn mmap_region(
        &mut self,
        current: TaskId,
        mm: MmId,
        mut vma: Vma,
        flags: MapFlags,
    ) -> Result<(), MapRefusal> {
        let pages = vma.pages();
        // What is replaced is gone before limits are checked, and so does not count against them.
        if self.mms[mm].intersects(vma.vm_start, vma.vm_end) {
            self.do_munmap(mm, vma.vm_start, vma.vm_end - vma.vm_start)?;
        }
        self.check_address_space(current, mm, pages)?;
        if let Some(file) = vma.vm_file {
            self.account_file(&mut vma, flags)?;
            self.get_file(file);
            if let VmOps::Segment(id) = vma.vm_ops {
                self.shm_open(id);
            }
        } else if vma.has(VmFlags::SHARED) {
            let account = if self.reserves(flags) {
                ShmemAccount::InFull
            } else {
                ShmemAccount::ByPage
            };
            self.kmem_cache_alloc(SlabCache::Vma)?;
            vma.vm_file = Some(self.shmem_zero_setup(pages << PAGE_SHIFT, account)?);
        } else {
            // Its own page number, whatever the caller passed: only then do areas side by side
            // continue each other, and can be merged.
            vma.vm_pgoff = vma.vm_start >> PAGE_SHIFT;
            self.account_private(mm, &mut vma, flags)?;
        }
        self.vma_merge_or_link(mm, vma);
        self.mms[mm].account(&vma, pages as i32);
        if vma.has(VmFlags::LOCKED) {
            // The mapping stands: a page that cannot be had now is asked for when it is touched.
            let _ = self.make_pages_present(current, mm, vma.vm_start, vma.vm_end);
        }
        if flags.contains(MapFlags::POPULATE) {
            // The mapping stands, whatever comes of it.
            let range = (vma.vm_start, pages << PAGE_SHIFT);
            let _ignored = self.remap_file_pages(mm, range, vma.vm_pgoff, Populate::of(flags));
        }
        Ok(())
    }

    /// Whether the memory of a mapping is committed when it is made.
    fn reserves(&self, flags: MapFlags) -> bool {
        !flags.contains(MapFlags::NORESERVE) || self.ignores_noreserve()
    }

    /// Charges a private area of a file that is writable, and allocates its `vm_area_struct`, even if
    /// it will be merged.
    fn account_file(&mut self, vma: &mut Vma, flags: MapFlags) -> Result<(), MapRefusal> {
        let private = vma.has(VmFlags::WRITE) && !vma.has(VmFlags::SHARED);
        let accounted = private && self.reserves(flags);
        vma.vm_flags.set(VmFlags::ACCOUNT, accounted);
        let pages = if accounted { vma.pages() } else { 0 };
        self.account_new_vma(pages)?;
        if vma.has(VmFlags::GROWSDOWN) {
            self.vm_unacct_memory(pages);
            return Err(MapRefusal::FileGrowsDown);
        }
        Ok(())
    }

    /// Charges a private area, and allocates its `vm_area_struct` unless it will be merged.
    fn account_private(
        &mut self,
        mm: MmId,
        vma: &mut Vma,
        flags: MapFlags,
    ) -> Result<(), MapRefusal> {
        let accounted = vma.has(VmFlags::WRITE) && self.reserves(flags);
        vma.vm_flags.set(VmFlags::ACCOUNT, accounted);
        let pages = if accounted { vma.pages() } else { 0 };
        match self.mms[mm].merge_verdict(vma) {
            Merge::None => self.account_new_vma(pages)?,
            _ if accounted => self.vm_enough_memory(pages)?,
            _ => {}
        }
        Ok(())
    }

    /// Checks `RLIMIT_AS` for this many more pages.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn check_address_space(
        &self,
        current: TaskId,
        mm: MmId,
        pages: u32,
    ) -> Result<(), MapRefusal> {
        let wanted = u64::from(self.mms[mm].total_vm + pages) << PAGE_SHIFT;
        if wanted > u64::from(self.rlimit(current, Resource::As)) {
            Err(MapRefusal::AddressSpaceLimit)
        } else {
            Ok(())
        }
    }
}

/// The length rounded up to whole pages, in bytes.
pub(super) fn checked_length(len: u32, pgoff: u32) -> Result<u32, MapRefusal> {
    if len == 0 {
        return Err(MapRefusal::Empty);
    }
    let len = page_align(len);
    if len == 0 || len > TASK_SIZE {
        return Err(MapRefusal::TooLong);
    }
    pgoff
        .checked_add(len >> PAGE_SHIFT)
        .map(|_| len)
        .ok_or(MapRefusal::OffsetTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_anything_else() {
        for (len, pgoff, expected) in [
            (0, u32::MAX, Err(MapRefusal::Empty)),
            (1, 0, Ok(0x1000)),
            (0xffff_f001, u32::MAX, Err(MapRefusal::TooLong)),
            (0xc000_0001, u32::MAX, Err(MapRefusal::TooLong)),
            (0xc000_0000, 0, Ok(0xc000_0000)),
            (0x1001, u32::MAX - 1, Err(MapRefusal::OffsetTooLarge)),
            (0x1001, u32::MAX - 2, Ok(0x2000)),
        ] {
            assert_eq!(
                checked_length(len, pgoff),
                expected,
                "len {len:#x} pgoff {pgoff:#x}"
            );
        }
    }
}
