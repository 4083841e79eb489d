//! `mremap`: a mapping that grows, shrinks or moves. A page that moves keeps its frame and its
//! entry; only the place of the entry changes.

use super::area_search::page_align;
use super::merge::MAX_MAP_COUNT;
use super::pagetable::{pte_none, slots};
use super::vma::{VmFlags, Vma};
use crate::abi::{MapFlags, MmId, PAGE_SHIFT, PAGE_SIZE, RemapFlags, TASK_SIZE, TaskId, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;
use crate::kernel::syscall::{AreaRefusal, MapRefusal, MremapArgs};
use crate::trace::SlabCache;

/// A range of one area that is to become longer, or to be elsewhere. Lengths are whole pages.
#[derive(Clone, Copy)]
struct Remap {
    vma: Vma,
    addr: u32,
    old_len: u32,
    new_len: u32,
    flags: RemapFlags,
    new_addr: u32,
}

impl Remap {
    fn growth(&self) -> u32 {
        self.new_len - self.old_len
    }

    /// Whether the area may simply become longer, if there is room behind it. With `MAYMOVE` and
    /// equal lengths it is moved: that is the way to ask for it.
    fn may_stay(&self) -> bool {
        let elsewhere = self.flags.contains(RemapFlags::FIXED) && self.addr != self.new_addr;
        let to_be_moved = self.old_len == self.new_len && self.flags.contains(RemapFlags::MAYMOVE);
        self.old_len == self.vma.vm_end - self.addr && !elsewhere && !to_be_moved
    }
}

/// Checks the target of `MREMAP_FIXED`.
fn check_target(args: &MremapArgs, old_len: u32, new_len: u32) -> Result<(), AreaRefusal> {
    let MremapArgs { addr, new_addr, .. } = *args;
    if !VirtAddr(new_addr).is_page_aligned() {
        return Err(MapRefusal::FixedUnaligned.into());
    }
    if args.flags & RemapFlags::MAYMOVE.bits() == 0 {
        return Err(AreaRefusal::FixedWithoutMayMove);
    }
    if new_len > TASK_SIZE || new_addr > TASK_SIZE - new_len {
        return Err(AreaRefusal::TargetBeyondUserSpace);
    }
    let over_old = new_addr <= addr && new_addr + new_len > addr;
    let in_old = addr <= new_addr && addr.wrapping_add(old_len) > new_addr;
    if over_old || in_old {
        return Err(AreaRefusal::TargetOverlaps);
    }
    Ok(())
}

impl Kernel {
    /// Changes the length of the mapping at an address, and its place if need be and permitted.
    /// Returns where it is then.
    ///
    /// Linux 2.6.12: `mm/mremap.c`, `do_mremap()`.
    ///
    /// # Errors
    /// `EINVAL` for bad arguments; `EFAULT` if the old range is not part of one area; `EAGAIN` for
    /// locked memory beyond `RLIMIT_MEMLOCK`; `ENOMEM` for other limits, without room, and without
    /// `MREMAP_MAYMOVE` where it cannot stay. What lay in the target of `MREMAP_FIXED` is gone then.
    pub(in crate::kernel) fn sys_mremap(
        &mut self,
        current: TaskId,
        args: MremapArgs,
    ) -> Result<u32, AreaRefusal> {
        let flags = RemapFlags::from_bits(args.flags).ok_or(AreaRefusal::UnknownRemapFlags)?;
        if !VirtAddr(args.addr).is_page_aligned() {
            return Err(MapRefusal::Unaligned.into());
        }
        let (mut old_len, new_len) = (page_align(args.old_len), page_align(args.new_len));
        if new_len == 0 {
            return Err(MapRefusal::Empty.into());
        }
        let mm = self.mm_id(current);
        let fixed = flags.contains(RemapFlags::FIXED);
        if fixed {
            check_target(&args, old_len, new_len)?;
            self.do_munmap(mm, args.new_addr, new_len)?;
        }
        if old_len >= new_len {
            // Nothing asks what is mapped here: a range may shrink over several areas and holes.
            let cut = self.do_munmap(mm, args.addr.wrapping_add(new_len), old_len - new_len);
            if old_len != new_len {
                cut?;
            }
            if !fixed {
                return Ok(args.addr);
            }
            old_len = new_len;
        }
        let remap = Remap {
            vma: self.remapped_area(mm, args.addr, old_len, new_len)?,
            addr: args.addr,
            old_len,
            new_len,
            flags,
            new_addr: args.new_addr,
        };
        self.charge_and_remap(current, mm, &remap)
    }

    /// The one area that the old range lies in.
    fn remapped_area(
        &self,
        mm: MmId,
        addr: u32,
        old_len: u32,
        new_len: u32,
    ) -> Result<Vma, AreaRefusal> {
        let area = self.mms[mm].find_vma(VirtAddr(addr)).copied();
        let vma = area
            .filter(|vma| vma.vm_start <= addr)
            .ok_or(AreaRefusal::NotMapped(VirtAddr(addr)))?;
        if old_len > vma.vm_end - addr {
            return Err(AreaRefusal::SeveralAreas(VirtAddr(vma.vm_end)));
        }
        if vma.has(VmFlags::DONTEXPAND) && new_len > old_len {
            return Err(AreaRefusal::MayNotGrow);
        }
        Ok(vma)
    }

    /// Checks the limits for what is added, charges it, and gives it back if the rest fails.
    fn charge_and_remap(
        &mut self,
        current: TaskId,
        mm: MmId,
        remap: &Remap,
    ) -> Result<u32, AreaRefusal> {
        let growth = remap.growth();
        if remap.vma.has(VmFlags::LOCKED) && !self.may_lock_more(current, mm, growth) {
            return Err(MapRefusal::LocksTooMuch.into());
        }
        self.check_address_space(current, mm, growth >> PAGE_SHIFT)?;
        let accounted = remap.vma.has(VmFlags::ACCOUNT);
        let charged = if accounted { growth >> PAGE_SHIFT } else { 0 };
        if charged > 0 {
            self.vm_enough_memory(charged).map_err(MapRefusal::from)?;
        }
        self.grow_or_move(current, mm, remap)
            .inspect_err(|_| self.vm_unacct_memory(charged))
    }

    fn grow_or_move(
        &mut self,
        current: TaskId,
        mm: MmId,
        remap: &Remap,
    ) -> Result<u32, AreaRefusal> {
        let next = self.mms[mm].find_vma(VirtAddr(remap.vma.vm_end));
        let room = next.map_or(TASK_SIZE, |next| next.vm_start) - remap.addr;
        if remap.may_stay() && room >= remap.new_len {
            self.grow_in_place(current, mm, remap);
            return Ok(remap.addr);
        }
        if !remap.flags.contains(RemapFlags::MAYMOVE) {
            return Err(AreaRefusal::NoRoomToGrow);
        }
        let new_addr = if remap.flags.contains(RemapFlags::FIXED) {
            remap.new_addr
        } else if remap.new_len > TASK_SIZE {
            return Err(MapRefusal::NoRoom.into());
        } else {
            self.mms[mm].get_unmapped_area(0, remap.new_len, MapFlags::empty())?
        };
        self.move_vma(current, mm, remap, new_addr)?;
        Ok(new_addr)
    }

    /// The end of the area moves up. It is not merged with an area that begins there.
    fn grow_in_place(&mut self, current: TaskId, mm: MmId, remap: &Remap) {
        let end = remap.addr + remap.new_len;
        let space = &mut self.mms[mm];
        space.vmas.remove(&remap.vma.vm_end);
        space.insert_vma(Vma {
            vm_end: end,
            ..remap.vma
        });
        space.account(&remap.vma, (remap.growth() >> PAGE_SHIFT) as i32);
        if remap.vma.has(VmFlags::LOCKED) {
            // As in mmap: a page that cannot be had now is asked for when it is touched.
            let _ = self.make_pages_present(current, mm, remap.vma.vm_end, end);
        }
    }

    /// Linux 2.6.12: `mm/mremap.c`, `move_vma()`.
    fn move_vma(
        &mut self,
        current: TaskId,
        mm: MmId,
        remap: &Remap,
        new_addr: u32,
    ) -> Result<(), MapRefusal> {
        let Remap {
            vma,
            addr,
            old_len,
            new_len,
            ..
        } = *remap;
        // The old range is unmapped last, and may be cut out of the middle of its area.
        if self.mms[mm].map_count() >= MAX_MAP_COUNT - 3 {
            return Err(MapRefusal::TooManyAreas);
        }
        let new_vma = self.copy_vma(mm, remap, new_addr)?;
        let absorbed = new_vma.contains(VirtAddr(vma.vm_start));
        let source = if absorbed { new_vma } else { vma };
        let moved = self.move_page_tables(mm, addr, new_addr, old_len);
        let complete = moved == old_len;
        if complete {
            self.unmap_source(mm, &source, addr, old_len);
        } else {
            // Back to where they were: the page tables are still there. Then the target goes.
            self.move_page_tables(mm, new_addr, addr, moved);
            self.unmap_source(mm, &new_vma, new_addr, new_len);
        }
        self.mms[mm].account(&vma, (new_len >> PAGE_SHIFT) as i32);
        if !complete {
            return Err(MapRefusal::NoMemory);
        }
        if vma.has(VmFlags::LOCKED) {
            let _ = self.make_pages_present(current, mm, new_addr + old_len, new_addr + new_len);
        }
        Ok(())
    }

    /// An area like the source, at the new place, and merged there if possible.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `copy_vma()`.
    fn copy_vma(&mut self, mm: MmId, remap: &Remap, new_addr: u32) -> Result<Vma, MapRefusal> {
        let vma = &remap.vma;
        // Pages know their index: only an area that has none yet may take a new one.
        let vm_pgoff = if vma.vm_file.is_none() && vma.anon_vma.is_none() {
            new_addr >> PAGE_SHIFT
        } else {
            vma.linear_page_index(VirtAddr(remap.addr))
        };
        let mut new = Vma {
            vm_start: new_addr,
            vm_end: new_addr + remap.new_len,
            vm_pgoff,
            anon_link: None,
            ..*vma
        };
        if let Some(merged) = self.vma_merge(mm, &new) {
            return Ok(merged);
        }
        self.kmem_cache_alloc(SlabCache::Vma)?;
        self.open_vma(mm, &mut new);
        self.mms[mm].insert_vma(new);
        Ok(new)
    }

    /// Moves the entries of a range, without changing them, and flushes each old place. Returns how
    /// many bytes were moved: fewer if a page table at the new place could not be had.
    ///
    /// Linux 2.6.12: `mm/mremap.c`, `move_page_tables()` and `move_one_page()`.
    fn move_page_tables(&mut self, mm: MmId, from: u32, to: u32, len: u32) -> u32 {
        for range in slots(from, from + len) {
            let Some(table) = self.page_table(mm, VirtAddr(range.start)) else {
                continue;
            };
            for old in range.step_by(PAGE_SIZE as usize) {
                if pte_none(Pte(self.ram.read_u32(pte_phys(table, VirtAddr(old))))) {
                    continue;
                }
                let new = VirtAddr(to + (old - from));
                let Ok(target) = self.pte_alloc(mm, new) else {
                    return old - from;
                };
                // Read now: to find a frame for the table, reclaim may have changed it.
                let pte = Pte(self.ram.read_u32(pte_phys(table, VirtAddr(old))));
                self.set_pte(table, VirtAddr(old), Pte(0));
                self.flush_tlb_page(mm, VirtAddr(old));
                self.set_pte(target, new, pte);
            }
        }
        len
    }

    /// Unmaps the range that the pages have left. Its charge goes along with them, so the area is
    /// not accounted while the range is unmapped; what remains of it is accounted again. A range of
    /// length 0 cannot be unmapped, and then the whole area loses its charge.
    fn unmap_source(&mut self, mm: MmId, source: &Vma, addr: u32, len: u32) {
        let accounted = source.has(VmFlags::ACCOUNT);
        if accounted {
            self.set_accounted(mm, source.vm_start, VmFlags::empty());
        }
        let unmapped = self.do_munmap(mm, addr, len);
        if !accounted {
            return;
        }
        let rest = source.vm_end - source.vm_start - len;
        if unmapped.is_err() {
            return self.vm_unacct_memory(rest >> PAGE_SHIFT);
        }
        if source.vm_start < addr {
            self.set_accounted(mm, source.vm_start, VmFlags::ACCOUNT);
        }
        if addr + len < source.vm_end {
            self.set_accounted(mm, addr + len, VmFlags::ACCOUNT);
        }
    }

    /// Sets or clears `VM_ACCOUNT` of the area at an address.
    fn set_accounted(&mut self, mm: MmId, addr: u32, account: VmFlags) {
        let area = self.mms[mm].find_vma(VirtAddr(addr)).copied();
        if let Some(mut vma) = area {
            vma.vm_flags = (vma.vm_flags - VmFlags::ACCOUNT) | account;
            self.mms[mm].insert_vma(vma);
        }
    }
}
