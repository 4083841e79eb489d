//! Unmapping pages of nonlinear mappings: where a page is mapped cannot be computed there, so these
//! areas are swept, and whatever is found unused is unmapped, whether it was asked for or not.

use super::file_pte::pgoff_to_pte;
use super::pagetable::{counted_page, pte_none, pte_present};
use super::rmap_walk::Unmapped;
use super::vma::{VmFlags, Vma};
use crate::abi::{InodeId, MmId, PAGE_SIZE, Pfn, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;

/// Bytes that are swept at a time.
const CLUSTER_SIZE: u32 = 32 * PAGE_SIZE;

impl Kernel {
    /// The nonlinear areas of a file, each by address space and start.
    fn nonlinear_areas(&self, inode: InodeId) -> Vec<(MmId, Vma)> {
        let areas = self.areas_of_file(inode);
        let nonlinear = areas.filter(|(_, vma)| vma.has(VmFlags::NONLINEAR));
        nonlinear.map(|(mm, vma)| (mm, *vma)).collect()
    }

    /// Sweeps the nonlinear areas of a page's file until as many pages were unmapped as the page has
    /// mappings, or all was swept.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, the second half of `try_to_unmap_file()`.
    pub(super) fn try_to_unmap_nonlinear(&mut self, pfn: Pfn, inode: InodeId) -> Unmapped {
        let all = self.nonlinear_areas(inode);
        let stays = VmFlags::LOCKED | VmFlags::RESERVED;
        let loose = all
            .iter()
            .filter(|(_, vma)| !vma.vm_flags.intersects(stays));
        let loose: Vec<(MmId, Vma)> = loose.copied().collect();
        let sizes = loose.iter().map(|(_, vma)| vma.vm_end - vma.vm_start);
        let Some(size) = sizes.max() else {
            return if all.is_empty() {
                Unmapped::Again
            } else {
                Unmapped::Fail
            };
        };
        let mut left = self.mem.page(pfn).page_mapcount();
        let cursors = loose.iter().map(|(_, vma)| vma.cursor);
        let mut limit = cursors.max().unwrap_or(0).max(CLUSTER_SIZE);
        while limit <= size.next_multiple_of(CLUSTER_SIZE) {
            for (mm, vma) in &loose {
                self.sweep(*mm, vma.vm_end, limit, &mut left);
                if left <= 0 {
                    return Unmapped::Again;
                }
            }
            limit += CLUSTER_SIZE;
        }
        // All was swept: the next search begins anew.
        for (mm, vma) in &loose {
            self.set_cursor(*mm, vma.vm_end, 0);
        }
        Unmapped::Again
    }

    fn set_cursor(&mut self, mm: MmId, vm_end: u32, cursor: u32) {
        if let Some(vma) = self.mms[mm].vmas.get_mut(&vm_end) {
            vma.cursor = cursor;
        }
    }

    /// Sweeps an area from its cursor up to a limit, in clusters.
    fn sweep(&mut self, mm: MmId, vm_end: u32, limit: u32, left: &mut i32) {
        let Some(vma) = self.mms[mm].vmas.get(&vm_end).copied() else {
            return;
        };
        let mut cursor = vma.cursor;
        let end = limit.min(vma.vm_end - vma.vm_start);
        while self.mms[mm].rss > 0 && cursor < end {
            self.try_to_unmap_cluster(mm, &vma, cursor, left);
            cursor += CLUSTER_SIZE;
            self.set_cursor(mm, vm_end, cursor);
            if *left <= 0 {
                return;
            }
        }
        self.set_cursor(mm, vm_end, limit);
    }

    /// Unmaps the pages of a cluster that were not used since they were last looked at. Unlike
    /// `try_to_unmap_one()` this counts `rss` rightly.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `try_to_unmap_cluster()`.
    fn try_to_unmap_cluster(&mut self, mm: MmId, vma: &Vma, cursor: u32, left: &mut i32) {
        let first = (vma.vm_start + cursor) & !(CLUSTER_SIZE - 1);
        let end = (first + CLUSTER_SIZE).min(vma.vm_end);
        let first = first.max(vma.vm_start);
        let Some(table) = self.page_table(mm, VirtAddr(first)) else {
            return;
        };
        for addr in (first..end).step_by(PAGE_SIZE as usize).map(VirtAddr) {
            let pte = Pte(self.ram.read_u32(pte_phys(table, addr)));
            if pte_none(pte) || !pte_present(pte) {
                continue;
            }
            let Some(pfn) = counted_page(&self.mem, pte) else {
                continue;
            };
            let index = self.mem.page(pfn).index();
            let entry = if pte.contains(Pte::ACCESSED) {
                pte.without(Pte::ACCESSED)
            } else if index == vma.linear_page_index(addr) {
                Pte(0)
            } else {
                pgoff_to_pte(index)
            };
            self.set_pte(table, addr, entry);
            self.flush_tlb_page(mm, addr);
            if pte.contains(Pte::ACCESSED) {
                continue;
            }
            if pte.contains(Pte::DIRTY) {
                self.set_page_dirty(pfn);
            }
            self.mms[mm].rss -= 1;
            *left -= 1;
            self.mem.page_remove_rmap(pfn);
            self.mem.put_page_of_many(pfn);
        }
    }
}
