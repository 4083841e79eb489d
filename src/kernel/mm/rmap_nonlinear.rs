//! Unmapping pages of nonlinear areas. Where such an area maps a page stands in its page table only,
//! so nobody looks for one page: the areas are swept part by part, and whatever was not used since
//! the last sweep is unmapped.

use super::file_pte::pgoff_to_pte;
use super::pagetable::{counted_page, pte_present};
use super::rmap_walk::Unmapped;
use super::vma::{VmFlags, Vma};
use crate::abi::{InodeId, MmId, PAGE_SIZE, Pfn, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;

/// Bytes that are swept at a time: 32 pages.
///
/// Linux 2.6.12: `mm/rmap.c`, `CLUSTER_SIZE`.
const CLUSTER_SIZE: u32 = 32 * PAGE_SIZE;

impl Kernel {
    /// Sweeps the nonlinear areas of a file, until as many entries were removed as the page has, or
    /// all areas have been swept.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, the second half of `try_to_unmap_file()`.
    pub(super) fn unmap_nonlinear(&mut self, inode: InodeId, pfn: Pfn) -> Unmapped {
        let areas = self.mapping_areas(inode).into_iter();
        let nonlinear: Vec<(MmId, Vma)> = areas
            .filter(|(_, vma)| vma.has(VmFlags::NONLINEAR))
            .collect();
        if nonlinear.is_empty() {
            return Unmapped::Again;
        }
        let stays = VmFlags::LOCKED | VmFlags::RESERVED;
        let swept: Vec<_> = nonlinear
            .iter()
            .filter(|(_, vma)| !vma.vm_flags.intersects(stays))
            .collect();
        let size = swept.iter().map(|(_, vma)| vma.vm_end - vma.vm_start).max();
        let Some(size) = size.map(|size| size.next_multiple_of(CLUSTER_SIZE)) else {
            return Unmapped::Fail;
        };
        let furthest = swept.iter().map(|(_, vma)| vma.nl_cursor).max();
        let mut limit = furthest.unwrap_or(0).max(CLUSTER_SIZE);
        let mut left = self.mem.page(pfn).page_mapcount();
        while limit <= size {
            for (mm, vma) in &swept {
                left -= self.sweep_up_to(*mm, vma, limit, left);
                if left <= 0 {
                    return Unmapped::Again;
                }
            }
            limit += CLUSTER_SIZE;
        }
        // All is swept: the next time begins at the start.
        for (mm, vma) in &nonlinear {
            self.set_cursor(*mm, vma, 0);
        }
        Unmapped::Again
    }

    /// Sweeps an area from its cursor on, up to an offset in it. Returns how many entries were
    /// removed; it stops after a part if these are enough.
    fn sweep_up_to(&mut self, mm: MmId, vma: &Vma, limit: u32, wanted: i32) -> i32 {
        let mut removed = 0;
        let mut cursor = self.cursor(mm, vma);
        while self.mms[mm].rss > 0 && cursor < limit.min(vma.vm_end - vma.vm_start) {
            removed += self.try_to_unmap_cluster(mm, vma, cursor);
            cursor += CLUSTER_SIZE;
            self.set_cursor(mm, vma, cursor);
            if removed >= wanted {
                return removed;
            }
        }
        self.set_cursor(mm, vma, limit);
        removed
    }

    fn cursor(&self, mm: MmId, vma: &Vma) -> u32 {
        let area = self.mms[mm].vmas.get(&vma.vm_end);
        area.map_or(0, |area| area.nl_cursor)
    }

    fn set_cursor(&mut self, mm: MmId, vma: &Vma, cursor: u32) {
        if let Some(area) = self.mms[mm].vmas.get_mut(&vma.vm_end) {
            area.nl_cursor = cursor;
        }
    }

    /// Unmaps what was not used since the last time in a part of an area, whatever page it is. An
    /// entry that was not at its linear place names its page afterwards. `rss` is right here.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `try_to_unmap_cluster()`.
    fn try_to_unmap_cluster(&mut self, mm: MmId, vma: &Vma, cursor: u32) -> i32 {
        let start = (vma.vm_start + cursor) & !(CLUSTER_SIZE - 1);
        let pages = start.max(vma.vm_start)..(start + CLUSTER_SIZE).min(vma.vm_end);
        let mut removed = 0;
        for addr in pages.step_by(PAGE_SIZE as usize).map(VirtAddr) {
            let Some(table) = self.page_table(mm, addr) else {
                continue;
            };
            let pte = Pte(self.ram.read_u32(pte_phys(table, addr)));
            let (Some(pfn), true) = (counted_page(&self.mem, pte), pte_present(pte)) else {
                continue;
            };
            let young = pte.contains(Pte::ACCESSED);
            let index = self.mem.page(pfn).index();
            let left = match (young, index == vma.linear_page_index(addr)) {
                (true, _) => pte.without(Pte::ACCESSED),
                (false, true) => Pte(0),
                (false, false) => pgoff_to_pte(index),
            };
            self.set_pte(table, addr, left);
            self.flush_tlb_page(mm, addr);
            if young {
                continue;
            }
            if pte.contains(Pte::DIRTY) {
                self.set_page_dirty(pfn);
            }
            self.mem.page_remove_rmap(pfn);
            self.mem.put_page_of_many(pfn);
            self.mms[mm].rss -= 1;
            removed += 1;
        }
        removed
    }
}
