//! What reclaim does with each page of a batch from the inactive list: it keeps it, activates it,
//! unmaps it, writes it or frees it.

use super::alloc::{Gfp, LruList, PAGEVEC_SIZE, PageFlags, PageList, PageMapping};
use super::rmap_walk::Unmapped;
use super::swap_cache::slot_of;
use super::vmscan::ScanControl;
use crate::abi::Pfn;
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;

/// What becomes of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It goes back to the inactive list.
    Keep,
    /// It goes to the active list.
    Activate,
    /// It is freed.
    Free,
}

/// How an attempt to write a page ended: `pageout_t`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pageout {
    /// It cannot be written now.
    Keep,
    /// It cannot be written at all.
    Activate,
    /// It is being written, or needs not be.
    Success,
    /// It was clean.
    Clean,
}

impl Kernel {
    /// Works on the pages of a batch, the oldest first. Those that are not freed stay in the list in
    /// their order. Returns how many were freed.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `shrink_list()`.
    pub(super) fn shrink_list(&mut self, pages: &mut PageList, sc: &mut ScanControl) -> u32 {
        let mut kept = PageList::new();
        let mut freed = [Pfn(0); PAGEVEC_SIZE];
        let (mut waiting, mut reclaimed, mut pgactivate) = (0, 0, 0);
        while let Some(pfn) = self.mem.next_isolated(pages) {
            match self.shrink_page(pfn, sc) {
                Fate::Free => {
                    reclaimed += 1;
                    freed[waiting] = pfn;
                    waiting += 1;
                    if waiting == PAGEVEC_SIZE {
                        self.free_reclaimed(&freed[..waiting]);
                        waiting = 0;
                    }
                    continue;
                }
                Fate::Activate => {
                    self.mem.page_mut(pfn).set_active(LruList::Active);
                    self.trace_activation(pfn);
                    pgactivate += 1;
                }
                Fate::Keep => {}
            }
            self.mem.add_isolated(&mut kept, pfn);
        }
        self.free_reclaimed(&freed[..waiting]);
        self.mem.page_state_mut().pgactivate += pgactivate;
        *pages = kept;
        sc.nr_reclaimed += reclaimed;
        reclaimed
    }

    /// Frees pages as a vector does, from the last to the first: so the one reclaimed first is the
    /// first to be used again.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `__pagevec_release_nonlru()`.
    fn free_reclaimed(&mut self, pages: &[Pfn]) {
        for pfn in pages.iter().rev() {
            self.mem.free_reclaimed_page(self.this_cpu, *pfn);
            self.frames_freed(*pfn, 0);
        }
    }

    /// The steps for one page, which has the reference of its isolation.
    fn shrink_page(&mut self, pfn: Pfn, sc: &mut ScanControl) -> Fate {
        let page = self.mem.page(pfn);
        let flags = page.flags();
        if flags.contains(PageFlags::LOCKED) {
            return Fate::Keep;
        }
        let in_memory = page.page_mapped() || flags.contains(PageFlags::SWAPCACHE);
        sc.nr_scanned += 1 + u32::from(in_memory);
        if flags.contains(PageFlags::WRITEBACK) {
            return Fate::Keep;
        }
        let referenced = self.page_referenced(pfn) > 0;
        if referenced && self.page_mapping_inuse(pfn) {
            return Fate::Activate;
        }
        if self.needs_a_slot(pfn) && !self.add_to_swap(pfn) {
            return Fate::Activate;
        }
        if self.mem.page(pfn).page_mapped() && self.has_mapping(pfn) {
            match self.try_to_unmap(pfn) {
                Unmapped::Fail => return Fate::Activate,
                Unmapped::Again => return Fate::Keep,
                Unmapped::Success => {}
            }
        }
        if self.mem.page_has(pfn, PageFlags::DIRTY)
            && let Some(fate) = self.clean(pfn, referenced, sc)
        {
            return fate;
        }
        self.leave_caches(pfn)
    }

    /// Whether an anonymous page has no swap slot yet.
    fn needs_a_slot(&self, pfn: Pfn) -> bool {
        let page = self.mem.page(pfn);
        page.is_anon() && slot_of(page).is_none()
    }

    /// Whether a page has an object that it can be written to or read from again.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `page_mapping()`.
    fn has_mapping(&self, pfn: Pfn) -> bool {
        let page = self.mem.page(pfn);
        slot_of(page).is_some() || matches!(page.mapping(), PageMapping::Cache(_))
    }

    /// Whether somebody has use for a page that was referenced.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `page_mapping_inuse()`.
    fn page_mapping_inuse(&self, pfn: Pfn) -> bool {
        let page = self.mem.page(pfn);
        page.page_mapped()
            || slot_of(page).is_some()
            || match page.mapping() {
                PageMapping::Cache(inode) => self.inodes[inode].i_mapping().mapping_mapped(),
                PageMapping::None | PageMapping::Anon(_) => false,
            }
    }

    /// Writes a dirty page. Returns what becomes of it, unless it is clean now.
    fn clean(&mut self, pfn: Pfn, referenced: bool, sc: &ScanControl) -> Option<Fate> {
        let in_swap = slot_of(self.mem.page(pfn)).is_some();
        let may_write = sc.gfp.contains(Gfp::FS) || (in_swap && sc.gfp.contains(Gfp::IO));
        if referenced || !may_write {
            return Some(Fate::Keep);
        }
        match self.pageout(pfn) {
            Pageout::Keep => Some(Fate::Keep),
            Pageout::Activate => Some(Fate::Activate),
            Pageout::Clean => None,
            Pageout::Success => {
                let flags = self.mem.page(pfn).flags();
                let busy = PageFlags::WRITEBACK | PageFlags::DIRTY;
                flags.intersects(busy).then_some(Fate::Keep)
            }
        }
    }

    /// Linux 2.6.12: `mm/vmscan.c`, `pageout()`. The queue of a device is never congested.
    fn pageout(&mut self, pfn: Pfn) -> Pageout {
        let page = self.mem.page(pfn);
        if page.page_count() != 2 {
            return Pageout::Keep;
        }
        let (slot, mapping) = (slot_of(page), page.mapping());
        let inode = match mapping {
            PageMapping::Cache(inode) => Some(inode),
            _ if slot.is_some() => None,
            PageMapping::None | PageMapping::Anon(_) => return Pageout::Keep,
        };
        let kind = inode.map(|inode| &self.inodes[inode].kind);
        let in_shared_memory = kind.is_some_and(|kind| matches!(kind, InodeKind::Shmem(_)));
        if !in_shared_memory && kind.is_some_and(|kind| !kind.is_written_back()) {
            return Pageout::Activate;
        }
        if !self.clear_page_dirty(pfn) {
            return Pageout::Clean;
        }
        self.mem.page_mut(pfn).test_and_set(PageFlags::RECLAIM);
        match inode {
            Some(inode) if in_shared_memory => {
                if !self.shmem_writepage(inode, pfn) {
                    self.mem.page_mut(pfn).test_and_clear(PageFlags::RECLAIM);
                    return Pageout::Activate;
                }
            }
            Some(inode) => self.writepage(inode, pfn),
            None => self.swap_writepage(pfn),
        }
        if !self.mem.page_has(pfn, PageFlags::WRITEBACK) {
            self.mem.page_mut(pfn).test_and_clear(PageFlags::RECLAIM);
        }
        Pageout::Success
    }

    /// Takes a page that nobody uses out of its cache.
    fn leave_caches(&mut self, pfn: Pfn) -> Fate {
        let page = self.mem.page(pfn);
        if !self.has_mapping(pfn)
            || page.page_count() != 2
            || page.flags().contains(PageFlags::DIRTY)
        {
            return Fate::Keep;
        }
        match (slot_of(page), page.mapping()) {
            (Some(slot), _) => {
                self.remove_from_swap_cache(pfn, slot);
                self.swap.swap_free(slot);
                self.mem.put_page_of_many(pfn);
            }
            (None, PageMapping::Cache(inode)) => {
                self.remove_from_page_cache(inode, page.index());
                self.shmem_recalc_inode(inode);
            }
            (None, PageMapping::None | PageMapping::Anon(_)) => {}
        }
        Fate::Free
    }
}
