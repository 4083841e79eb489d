//! `munmap`: removes areas, or parts of them, from an address space.

use super::area_search::page_align;
use super::unmap::MmuGather;
use super::vma::{VmOps, Vma};
use crate::abi::{MmId, TASK_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::MapRefusal;

impl Kernel {
    /// Linux 2.6.12: `mm/mmap.c`, `sys_munmap()`. Returns 0 even if nothing was mapped there.
    ///
    /// # Errors
    /// `EINVAL` for an unaligned start, length 0, or a range beyond user space; `ENOMEM` if an area
    /// cannot be split.
    pub(in crate::kernel) fn sys_munmap(
        &mut self,
        current: TaskId,
        addr: u32,
        len: u32,
    ) -> Result<u32, MapRefusal> {
        let mm = self.mm_id(current);
        self.do_munmap(mm, addr, len).map(|()| 0)
    }

    /// Linux 2.6.12: `mm/mmap.c`, `do_munmap()`.
    ///
    /// # Errors
    /// As for [`Kernel::sys_munmap`]. Every page stays mapped then.
    pub(in crate::kernel) fn do_munmap(
        &mut self,
        mm: MmId,
        start: u32,
        len: u32,
    ) -> Result<(), MapRefusal> {
        let end = checked_range(start, len)?;
        if !self.mms[mm].intersects(start, end) {
            return Ok(());
        }
        // Both cuts come before anything is unmapped, because a cut can fail. An area that has been
        // cut in two means the same as before.
        for cut in [start, end] {
            let cut_vma = self.mms[mm].find_vma(VirtAddr(cut)).copied();
            if let Some(vma) = cut_vma.filter(|vma| vma.vm_start < cut) {
                self.split_vma(mm, &vma, cut)?;
            }
        }
        // The areas leave the tree first, so that `free_pgtables` finds those that remain around
        // the gap. Their files go last: the last reference to a shared object frees its pages.
        let detached = self.detach_vmas(mm, start, end);
        self.unmap_region(mm, &detached, start, end);
        for vma in &detached {
            self.unmap_vma(mm, vma);
        }
        Ok(())
    }

    /// Linux 2.6.12: `mm/mmap.c`, `detach_vmas_to_be_unmapped()`.
    fn detach_vmas(&mut self, mm: MmId, start: u32, end: u32) -> Vec<Vma> {
        let vmas = &mut self.mms[mm].vmas;
        // After the splits every area that ends in (start, end] lies entirely inside.
        let ends: Vec<u32> = vmas.range(start + 1..=end).map(|(end, _)| *end).collect();
        ends.iter().filter_map(|end| vmas.remove(end)).collect()
    }

    /// Linux 2.6.12: `mm/mmap.c`, `unmap_region()`.
    fn unmap_region(&mut self, mm: MmId, detached: &[Vma], start: u32, end: u32) {
        self.lru_add_drain();
        let mut tlb = MmuGather::new(self, mm);
        let accounted = self.unmap_vmas(&mut tlb, detached);
        self.vm_unacct_memory(accounted);
        self.free_pgtables(&mut tlb, start, end);
        self.tlb_finish_mmu(&mut tlb);
    }

    /// Updates counters and references for an area that has been removed.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `unmap_vma()`.
    fn unmap_vma(&mut self, mm: MmId, vma: &Vma) {
        let space = &mut self.mms[mm];
        space.account(vma, -(vma.pages() as i32));
        space.unmap_area(vma.vm_start, vma.vm_end);
        self.remove_vm_struct(mm, vma);
    }

    /// Linux 2.6.12: `mm/mmap.c`, `remove_vm_struct()`.
    pub(super) fn remove_vm_struct(&mut self, mm: MmId, vma: &Vma) {
        self.close_file_of(mm, vma);
        self.anon_vma_unlink(vma);
    }

    /// Drops what an area holds of its file.
    pub(super) fn close_file_of(&mut self, mm: MmId, vma: &Vma) {
        self.remove_shared_vm_struct(mm, vma);
        if let VmOps::Segment(id) = vma.vm_ops {
            self.shm_close(id);
        }
        vma.vm_file.into_iter().for_each(|file| self.fput(file));
    }
}

/// Checks a range to be unmapped, and returns its end, rounded up to whole pages.
fn checked_range(start: u32, len: u32) -> Result<u32, MapRefusal> {
    if !VirtAddr(start).is_page_aligned() {
        return Err(MapRefusal::Unaligned);
    }
    if start > TASK_SIZE || len > TASK_SIZE - start {
        return Err(MapRefusal::BeyondUserSpace);
    }
    match page_align(len) {
        0 => Err(MapRefusal::Empty),
        len => Ok(start + len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mm/mmap.c`, `do_munmap()`.
    #[test]
    fn which_ranges_can_be_unmapped() {
        for (start, len, expected) in [
            (0, TASK_SIZE, Ok(TASK_SIZE)),
            (0x1000, 1, Ok(0x2000)),
            (TASK_SIZE - 0x1000, 0x1000, Ok(TASK_SIZE)),
            (TASK_SIZE - 0x1000, 0x1001, Err(MapRefusal::BeyondUserSpace)),
            (TASK_SIZE + 0x1000, 0, Err(MapRefusal::BeyondUserSpace)),
            (TASK_SIZE, 0, Err(MapRefusal::Empty)),
            (0x1000, 0, Err(MapRefusal::Empty)),
            (0x1001, 0, Err(MapRefusal::Unaligned)),
        ] {
            assert_eq!(checked_range(start, len), expected, "{start:#x} {len:#x}");
        }
    }
}
