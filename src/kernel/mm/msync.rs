//! `msync`: what was stored through a mapping becomes known to the file, and reaches the device.

use super::area_search::page_align;
use super::pagetable::{counted_page, pte_present};
use super::vma::{VmFlags, Vma};
use crate::abi::{MS_ASYNC, MS_INVALIDATE, MS_SYNC, MmId, PAGE_SIZE, TaskId, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;
use crate::kernel::syscall::{FileRefusal, SysResult};
use crate::kernel::task::{AfterWrites, MsyncRest};

impl Kernel {
    /// Linux 2.6.12: `mm/msync.c`, `sys_msync()`.
    ///
    /// # Errors
    /// `EINVAL` for unknown flags, an unaligned address, and for `MS_ASYNC` with `MS_SYNC`; `ENOMEM`
    /// for holes; `EBUSY` for locked areas with `MS_INVALIDATE`.
    pub(in crate::kernel) fn sys_msync(
        &mut self,
        current: TaskId,
        start: u32,
        len: u32,
        flags: u32,
    ) -> SysResult {
        match msync_range(start, len, flags) {
            Ok(Some(end)) => self.msync_areas(
                current,
                MsyncRest {
                    start,
                    end,
                    flags,
                    hole: None,
                },
            ),
            Ok(None) => SysResult::from(0),
            Err(refusal) => Err(refusal).into(),
        }
    }

    /// Goes through the rest of the areas; with `MS_SYNC` it sleeps after each that has been written.
    /// Holes are skipped, and reported at the end.
    pub(super) fn msync_areas(&mut self, current: TaskId, mut rest: MsyncRest) -> SysResult {
        let mm = self.mm_id(current);
        while rest.start < rest.end {
            let Some(vma) = self.mms[mm].find_vma(VirtAddr(rest.start)).copied() else {
                return Err(FileRefusal::Hole(VirtAddr(rest.start))).into();
            };
            if rest.start < vma.vm_start {
                rest.hole = rest.hole.or(Some(VirtAddr(rest.start)));
                rest.start = vma.vm_start.min(rest.end);
                continue;
            }
            let (from, to) = (rest.start, vma.vm_end.min(rest.end));
            rest.start = to;
            match self.msync_interval(current, mm, &vma, (from, to), rest) {
                Ok(None) => {}
                Ok(Some(asleep)) => return asleep,
                Err(refusal) => return Err(refusal).into(),
            }
        }
        match rest.hole {
            Some(addr) => Err(FileRefusal::Hole(addr)).into(),
            None => SysResult::from(0),
        }
    }

    /// Linux 2.6.12: `mm/msync.c`, `msync_interval()`. `MS_ASYNC` starts no write: it only lets the
    /// page cache know what is dirty. `MS_SYNC` writes the whole file.
    fn msync_interval(
        &mut self,
        current: TaskId,
        mm: MmId,
        vma: &Vma,
        range: (u32, u32),
        rest: MsyncRest,
    ) -> Result<Option<SysResult>, FileRefusal> {
        if rest.flags & MS_INVALIDATE != 0 && vma.has(VmFlags::LOCKED) {
            return Err(FileRefusal::Locked);
        }
        let (Some(file), true) = (vma.vm_file, vma.has(VmFlags::SHARED)) else {
            return Ok(None);
        };
        self.filemap_sync(mm, range);
        if rest.flags & MS_SYNC == 0 {
            return Ok(None);
        }
        let inode = self.open_files[file].inode();
        self.filemap_fdatawrite(inode);
        if !self.is_being_written(inode) {
            return Ok(None);
        }
        let then = AfterWrites::Msync(rest);
        Ok(Some(self.filemap_fdatawait(current, &[inode], then)))
    }

    /// Moves the dirty bits of a range from the entries to the pages. The pages stay writable, so that
    /// the next store sets the bit anew without a fault.
    ///
    /// Linux 2.6.12: `mm/msync.c`, `filemap_sync()` and `sync_pte_range()`.
    fn filemap_sync(&mut self, mm: MmId, (start, end): (u32, u32)) {
        for addr in (start..end).step_by(PAGE_SIZE as usize).map(VirtAddr) {
            let Some(table) = self.page_table(mm, addr) else {
                continue;
            };
            let pte = Pte(self.ram.read_u32(pte_phys(table, addr)));
            if !pte_present(pte) || !pte.contains(Pte::DIRTY) {
                continue;
            }
            if let Some(pfn) = counted_page(&self.mem, pte) {
                self.set_pte(table, addr, pte.without(Pte::DIRTY));
                self.flush_tlb_page(mm, addr);
                self.set_page_dirty(pfn);
            }
        }
    }
}

/// The end of the range; `None` if it is empty.
fn msync_range(start: u32, len: u32, flags: u32) -> Result<Option<u32>, FileRefusal> {
    if flags & !(MS_ASYNC | MS_INVALIDATE | MS_SYNC) != 0 {
        return Err(FileRefusal::UnknownFlags);
    }
    if !VirtAddr(start).is_page_aligned() {
        return Err(FileRefusal::Unaligned);
    }
    if flags & MS_ASYNC != 0 && flags & MS_SYNC != 0 {
        return Err(FileRefusal::AsyncAndSync);
    }
    // A length that wraps to 0 when it is rounded up is like 0.
    match start.checked_add(page_align(len)) {
        Some(end) => Ok((end > start).then_some(end)),
        None => Err(FileRefusal::Wraps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_msync_refuses() {
        for (start, len, flags, expected) in [
            (1, 1, 8, Err(FileRefusal::UnknownFlags)),
            (1, 1, MS_ASYNC | MS_SYNC, Err(FileRefusal::Unaligned)),
            (0, 1, MS_ASYNC | MS_SYNC, Err(FileRefusal::AsyncAndSync)),
            (0xf000_0000, 0x2000_0000, 0, Err(FileRefusal::Wraps)),
            (0x1000, 0xffff_ffff, MS_SYNC, Ok(None)),
            (0x1000, 0, MS_SYNC, Ok(None)),
            (0x1000, 1, 0, Ok(Some(0x2000))),
        ] {
            assert_eq!(
                msync_range(start, len, flags),
                expected,
                "{start:#x} {len:#x}"
            );
        }
    }
}
