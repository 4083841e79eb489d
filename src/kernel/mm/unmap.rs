//! Removing pages and page tables from an address space, with as few TLB flushes as possible.

use super::pagetable::{
    Entries, PGDIR_SIZE, counted_page, entries_of, load_entries, pte_none, pte_present, slots,
    store_entries,
};
use super::swap_entry::SwapEntry;
use super::vma::{VmFlags, Vma};
use crate::abi::{MmId, PAGE_SHIFT, Pfn, TASK_SIZE, VirtAddr};
use crate::hw::{Pde, Pte};
use crate::kernel::Kernel;
use std::ops::Range;

/// Pages that are kept until a flush when there are several CPUs (`FREE_PTE_NR`).
const FREE_PTE_NR: usize = 506;
/// Bytes of areas after which a batch is finished (`ZAP_BLOCK_SIZE`).
const ZAP_BLOCK_SIZE: u32 = 1024 << PAGE_SHIFT;

/// What has been unmapped but not flushed yet: `mmu_gather`. With one CPU, frames are freed at
/// once; with several, another CPU might still reach them, so they are kept until the flush.
#[derive(Debug)]
pub(super) struct MmuGather {
    mm: MmId,
    fast: bool,
    need_flush: bool,
    /// Pages to be subtracted from `rss`.
    freed: u32,
    pages: Vec<Pfn>,
}

impl MmuGather {
    /// The address space that pages are removed from.
    pub(super) const fn mm(&self) -> MmId {
        self.mm
    }

    /// Linux 2.6.12: `include/asm-generic/tlb.h`, `tlb_gather_mmu()`.
    pub(super) fn new(kernel: &Kernel, mm: MmId) -> Self {
        let fast = kernel.cpus.len() == 1;
        Self {
            mm,
            fast,
            need_flush: false,
            freed: 0,
            pages: Vec::new(),
        }
    }
}

impl Kernel {
    /// Linux 2.6.12: `include/asm-generic/tlb.h`, `tlb_remove_page()`.
    fn tlb_remove_page(&mut self, tlb: &mut MmuGather, pfn: Pfn) {
        tlb.need_flush = true;
        if tlb.fast {
            return self.free_page_and_swap_cache(pfn);
        }
        tlb.pages.push(pfn);
        if tlb.pages.len() >= FREE_PTE_NR {
            self.tlb_flush_mmu(tlb);
        }
    }

    /// Linux 2.6.12: `include/asm-generic/tlb.h`, `tlb_flush_mmu()`.
    fn tlb_flush_mmu(&mut self, tlb: &mut MmuGather) {
        if !std::mem::take(&mut tlb.need_flush) {
            return;
        }
        // A frame that is freed may be given to another task at once. No CPU may still reach it by
        // an old translation then.
        self.flush_tlb_mm(tlb.mm);
        if !tlb.fast {
            self.lru_add_drain();
        }
        for pfn in tlb.pages.drain(..) {
            self.free_page_and_swap_cache(pfn);
        }
    }

    /// Finishes what has been gathered so far; more may be gathered afterwards.
    ///
    /// Linux 2.6.12: `include/asm-generic/tlb.h`, `tlb_finish_mmu()`.
    pub(super) fn tlb_finish_mmu(&mut self, tlb: &mut MmuGather) {
        // Reclaim counts wrongly: there may be more pages than `rss` says.
        let space = &mut self.mms[tlb.mm];
        space.rss = space.rss.saturating_sub(std::mem::take(&mut tlb.freed));
        self.tlb_flush_mmu(tlb);
    }

    /// Unmaps all pages of these areas, in ascending order. Returns the number of pages to
    /// uncharge.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `unmap_vmas()`.
    pub(super) fn unmap_vmas(&mut self, tlb: &mut MmuGather, vmas: &[Vma]) -> u32 {
        let mut accounted = 0;
        let mut zap_bytes = ZAP_BLOCK_SIZE;
        for vma in vmas {
            if vma.has(VmFlags::ACCOUNT) {
                accounted += vma.pages();
            }
            let mut start = vma.vm_start;
            while start != vma.vm_end {
                let block = zap_bytes.min(vma.vm_end - start);
                self.unmap_page_range(tlb, start, start + block);
                start += block;
                zap_bytes -= block;
                // Linux gives up the lock of the page tables after each block, and flushes before
                // it does.
                if zap_bytes == 0 {
                    self.tlb_finish_mmu(tlb);
                    zap_bytes = ZAP_BLOCK_SIZE;
                }
            }
        }
        accounted
    }

    /// Linux 2.6.12: `mm/memory.c`, `unmap_page_range()`.
    fn unmap_page_range(&mut self, tlb: &mut MmuGather, start: u32, end: u32) {
        for range in slots(start, end) {
            if let Some(table) = self.page_table(tlb.mm, VirtAddr(range.start)) {
                self.zap_pte_range(tlb, table, &range);
            }
        }
    }

    /// Linux 2.6.12: `mm/memory.c`, `zap_pte_range()`.
    fn zap_pte_range(&mut self, tlb: &mut MmuGather, table: Pfn, range: &Range<u32>) {
        let mut buffer: Entries = [0; 1024];
        let places = entries_of(range);
        let first = places.start;
        let entries = load_entries(&self.ram, table, places, &mut buffer);
        if entries.iter().all(|entry| *entry == 0) {
            return;
        }
        // Cleared before the frames are freed, so that a flush in between finds them empty.
        let zeros: Entries = [0; 1024];
        store_entries(&mut self.ram, table, first, &zeros[..entries.len()]);
        for pte in entries.iter().map(|entry| Pte(*entry)) {
            if pte_none(pte) {
                continue;
            }
            if pte_present(pte) {
                self.zap_one_pte(tlb, pte);
            } else if let Some(entry) = SwapEntry::of_pte(pte) {
                self.free_swap_and_cache(entry);
            }
        }
    }

    pub(super) fn zap_one_pte(&mut self, tlb: &mut MmuGather, pte: Pte) {
        tlb.need_flush = true;
        let Some(pfn) = counted_page(&self.mem, pte) else {
            return;
        };
        // Only the entry knows that the page was written, and the entry is gone.
        if pte.contains(Pte::DIRTY) {
            self.set_page_dirty(pfn);
        }
        let page = self.mem.page(pfn);
        if page.is_anon() {
            self.mms[tlb.mm].anon_rss -= 1;
        } else if pte.contains(Pte::ACCESSED) {
            self.mark_page_accessed(pfn);
        }
        self.mem.page_remove_rmap(pfn);
        tlb.freed += 1;
        self.tlb_remove_page(tlb, pfn);
    }

    /// Frees the page tables of an unmapped range: those that lie entirely between the areas below
    /// and above it.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `free_pgtables()`.
    pub(super) fn free_pgtables(&mut self, tlb: &mut MmuGather, start: u32, end: u32) {
        let space = &self.mms[tlb.mm];
        let below = space.find_prev(VirtAddr(start)).map_or(0, |vma| vma.vm_end);
        let above = space
            .find_vma(VirtAddr(start))
            .map_or(TASK_SIZE, |vma| vma.vm_start);
        let first = below.max(start & !(PGDIR_SIZE - 1));
        let last = above.min(end.saturating_add(PGDIR_SIZE - 1)).min(TASK_SIZE);
        self.clear_page_range(tlb, first, last);
    }

    /// Frees the page tables of all slots that lie entirely in `[start, end)`.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `clear_page_range()`. With two levels of tables it asks for a
    /// flush for every such slot, even if there was no table: the missing middle level counts as
    /// freed.
    pub(super) fn clear_page_range(&mut self, tlb: &mut MmuGather, start: u32, end: u32) {
        for range in slots(start, end).filter(|range| range.end - range.start == PGDIR_SIZE) {
            tlb.need_flush = true;
            let addr = VirtAddr(range.start);
            if let Some(table) = self.page_table(tlb.mm, addr) {
                self.set_pde(tlb.mm, addr, Pde(0));
                self.mms[tlb.mm].nr_ptes -= 1;
                self.mem.page_state_mut().nr_page_table_pages -= 1;
                // Like a page, the table waits for the flush: another CPU may walk it until then.
                self.tlb_remove_page(tlb, table);
            }
        }
    }

    /// Unmaps everything in an address space that has no users any more.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `exit_mmap()`.
    pub(super) fn exit_mmap(&mut self, mm: MmId) {
        let vmas: Vec<Vma> = std::mem::take(&mut self.mms[mm].vmas)
            .into_values()
            .collect();
        self.lru_add_drain();
        let mut tlb = MmuGather::new(self, mm);
        let accounted = self.unmap_vmas(&mut tlb, &vmas);
        self.vm_unacct_memory(accounted);
        self.clear_page_range(&mut tlb, 0, TASK_SIZE);
        self.tlb_finish_mmu(&mut tlb);
        let space = &mut self.mms[mm];
        (space.total_vm, space.locked_vm) = (0, 0);
        // Files are released after the pages have been unmapped: the last reference to a shared
        // object frees its pages, and none of them may be mapped then.
        let exe = space.exe.take();
        for vma in &vmas {
            self.remove_vm_struct(mm, vma);
        }
        if let Some(exe) = exe {
            self.iput(exe);
        }
    }
}
