//! `mmap`: new mappings, with the checks in the kernel's order.

use super::area_search::page_align;
use super::map_refusal::MapRefusal;
use super::merge::{MAX_MAP_COUNT, Merge};
use super::vma::{TASK_SIZE, VmFlags, Vma};
use crate::abi::{Errno, MapFlags, MmId, PAGE_SHIFT, Prot, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::{Caps, Resource};
use crate::trace::SlabCache;

/// The arguments of `mmap2`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MmapArgs {
    /// Wanted address, or 0.
    pub addr: u32,
    /// Bytes.
    pub len: u32,
    /// `PROT_*`; unknown bits are ignored.
    pub prot: u32,
    /// `MAP_*`.
    pub flags: u32,
    /// Descriptor, if not anonymous.
    pub fd: Option<u32>,
    /// Offset in pages.
    pub pgoff: u32,
}

impl Kernel {
    /// `mmap2`: maps `len` bytes and returns the address. `pgoff` is in pages.
    ///
    /// Linux 2.6.12: arch/i386/kernel/sys_i386.c, `sys_mmap2()`, and mm/mmap.c,
    /// `do_mmap_pgoff()`. Simplified: no file but a program's own image can be mapped.
    ///
    /// # Errors
    /// `EBADF`, `ENODEV` for a descriptor; `EINVAL` for length 0, an unaligned fixed address or a
    /// bad type; `ENOMEM` for too long, no room, too many areas, a limit or too much promised;
    /// `EOVERFLOW`, `EPERM`, `EAGAIN`, `ENFILE`.
    pub fn sys_mmap(&mut self, current: TaskId, args: &MmapArgs) -> Result<u32, Errno> {
        let result = self.do_mmap(current, args);
        result.map_err(|refusal| self.refused(refusal))
    }

    /// Notes why the system call fails, for whoever explains it.
    pub(super) fn refused(&mut self, refusal: MapRefusal) -> Errno {
        self.map_refusal = Some(refusal);
        refusal.errno()
    }

    fn do_mmap(&mut self, current: TaskId, args: &MmapArgs) -> Result<u32, MapRefusal> {
        let &MmapArgs {
            addr,
            len,
            prot,
            flags,
            fd,
            pgoff,
        } = args;
        let flags = MapFlags::from_bits_retain(flags);
        if !flags.contains(MapFlags::ANONYMOUS) {
            let file = fd.ok_or(Errno::EBADF);
            let errno = file.and_then(|fd| self.fget(current, fd));
            return Err(MapRefusal::NotAnonymous(
                errno.err().unwrap_or(Errno::ENODEV),
            ));
        }
        let mm = self.task(current).mm.ok_or(MapRefusal::NoMm)?;
        let len = checked_length(len, pgoff)?;
        if self.mms[mm].map_count() > MAX_MAP_COUNT {
            return Err(MapRefusal::TooManyAreas);
        }
        let addr = self.mms[mm].get_unmapped_area(addr, len, flags)?;
        let vm_flags = self.mmap_flags(current, mm, len, Prot::from_bits_retain(prot), flags)?;
        let vma = Vma {
            vm_pgoff: pgoff,
            ..Vma::anonymous(addr, addr + len, vm_flags)
        };
        self.map_anonymous(current, mm, vma, flags)?;
        Ok(addr)
    }

    /// The flags of the new area, and the checks that come with them.
    fn mmap_flags(
        &self,
        current: TaskId,
        mm: MmId,
        len: u32,
        prot: Prot,
        flags: MapFlags,
    ) -> Result<VmFlags, MapRefusal> {
        let mut vm_flags = VmFlags::of_prot(prot) | VmFlags::MAY_ACCESS;
        vm_flags.set(VmFlags::GROWSDOWN, flags.contains(MapFlags::GROWSDOWN));
        vm_flags.set(VmFlags::LOCKED, flags.contains(MapFlags::LOCKED));
        if vm_flags.contains(VmFlags::LOCKED) {
            let limit = self.rlimit(current, Resource::Memlock);
            let privileged = self.task(current).cred.capable(Caps::IPC_LOCK);
            if limit == 0 && !privileged {
                return Err(MapRefusal::MayNotLock);
            }
            let locked = u64::from(self.mms[mm].locked_vm) << PAGE_SHIFT;
            if locked + u64::from(len) > u64::from(limit) && !privileged {
                return Err(MapRefusal::LocksTooMuch);
            }
        }
        match MapFlags::from_bits_retain(flags.bits() & MapFlags::TYPE) {
            MapFlags::SHARED => Ok(vm_flags | VmFlags::SHARED | VmFlags::MAYSHARE),
            MapFlags::PRIVATE => Ok(vm_flags),
            _ => Err(MapRefusal::NeitherPrivateNorShared),
        }
    }

    /// The second half of `do_mmap_pgoff()`: what is in the way is unmapped, and stays so
    /// whatever fails after it.
    fn map_anonymous(
        &mut self,
        current: TaskId,
        mm: MmId,
        mut vma: Vma,
        flags: MapFlags,
    ) -> Result<(), MapRefusal> {
        let pages = vma.pages();
        if self.mms[mm].intersects(vma.vm_start, vma.vm_end) {
            self.do_munmap(mm, vma.vm_start, vma.vm_end - vma.vm_start)?;
        }
        self.check_address_space(current, mm, pages)?;
        if vma.has(VmFlags::SHARED) {
            self.kmem_cache_alloc(SlabCache::Vma)?;
            vma.vm_file = Some(self.shmem_zero_setup(pages << PAGE_SHIFT)?);
        } else {
            vma.vm_pgoff = vma.vm_start >> PAGE_SHIFT;
            self.account_private(mm, &mut vma, flags)?;
        }
        self.vma_merge_or_link(mm, vma);
        let space = &mut self.mms[mm];
        space.total_vm += pages;
        space.vm_stat_account(&vma, pages as i32);
        if vma.has(VmFlags::LOCKED) {
            space.locked_vm += pages;
            self.make_pages_present(current, mm, vma.vm_start, vma.vm_end);
        }
        let fills = flags.contains(MapFlags::POPULATE) && !flags.contains(MapFlags::NONBLOCK);
        if fills {
            self.populate_shared(mm, &vma);
        }
        Ok(())
    }

    /// The charge for a private area, if there is one, and its `vm_area_struct`, if it needs one of
    /// its own.
    fn account_private(
        &mut self,
        mm: MmId,
        vma: &mut Vma,
        flags: MapFlags,
    ) -> Result<(), MapRefusal> {
        let accounted = vma.has(VmFlags::WRITE) && !flags.contains(MapFlags::NORESERVE);
        vma.vm_flags.set(VmFlags::ACCOUNT, accounted);
        let charge = if accounted { vma.pages() } else { 0 };
        match self.mms[mm].merge_verdict(vma) {
            Merge::None => self.charge_new_vma(charge),
            _ if accounted => Ok(self.vm_enough_memory(charge)?),
            _ => Ok(()),
        }
    }

    /// `RLIMIT_AS`, for so many pages more.
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
        match wanted > u64::from(self.rlimit(current, Resource::As)) {
            true => Err(MapRefusal::AddressSpaceLimit),
            false => Ok(()),
        }
    }
}

/// The length in whole pages' bytes.
fn checked_length(len: u32, pgoff: u32) -> Result<u32, MapRefusal> {
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
