//! The swap cache: pages that have a swap slot, from the moment that the slot is chosen until the
//! page or the slot is needed no more.

use super::alloc::{Page, PageFlags};
use super::swap_entry::SwapEntry;
use super::swapfile::{PageBytes, SwapInfo};
use crate::abi::Pfn;
use crate::kernel::Kernel;
use crate::trace::{FrameUse, NoMemory, SlabCache};

/// Whether a page has no owner but its one user and, if it has a slot, the swap cache.
///
/// Linux 2.6.12: `mm/swapfile.c`, `can_share_swap_page()` and `exclusive_swap_page()`.
pub(super) fn can_share_swap_page(page: &Page, swap: &SwapInfo) -> bool {
    match page.page_count() {
        1 => !page.is_reserved(),
        2 => slot_of(page).is_some_and(|entry| swap.count(entry) == 1),
        _ => false,
    }
}

/// The slot of a page of the swap cache.
pub fn slot_of(page: &Page) -> Option<SwapEntry> {
    page.swap_entry().map(SwapEntry::of_private)
}

impl Kernel {
    /// The swap areas.
    pub const fn swap(&self) -> &SwapInfo {
        &self.swap
    }

    /// What a swap slot holds: the page that caches it, or else what was written to it.
    pub fn swapped_bytes(&self, entry: SwapEntry) -> Option<&PageBytes> {
        match self.swap.cached(entry) {
            Some(pfn) => Some(self.ram.frame(pfn)),
            None => self.swap.read(entry),
        }
    }

    /// Gives an anonymous page a swap slot. Returns whether it has one now.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `add_to_swap()`.
    pub(super) fn add_to_swap(&mut self, pfn: Pfn) -> bool {
        let Some(entry) = self.swap.get_swap_page() else {
            return false;
        };
        if self.insert_into_swap_cache(pfn, entry).is_err() {
            self.swap.swap_free(entry);
            return false;
        }
        let flags = PageFlags::UPTODATE | PageFlags::DIRTY;
        self.mem.page_mut(pfn).test_and_set(flags);
        true
    }

    /// Linux 2.6.12: `mm/swap_state.c`, `__add_to_swap_cache()`.
    ///
    /// # Errors
    /// No memory for a node of the radix tree.
    pub(super) fn insert_into_swap_cache(
        &mut self,
        pfn: Pfn,
        entry: SwapEntry,
    ) -> Result<(), NoMemory> {
        if self.swap.needs_a_node(entry) {
            self.kmem_cache_alloc(SlabCache::RadixTreeNode)?;
        }
        self.swap.insert(entry, pfn);
        self.mem.get_page(pfn);
        self.mem.page_mut(pfn).add_to_swap_cache(entry.private());
        self.vm.pagecache += 1;
        Ok(())
    }

    /// Takes a page out of the swap cache; both references, to the slot and to the page, stay.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `__delete_from_swap_cache()`.
    pub(super) fn remove_from_swap_cache(&mut self, pfn: Pfn, entry: SwapEntry) {
        self.swap.remove(entry);
        self.mem.page_mut(pfn).delete_from_swap_cache();
        self.vm.pagecache -= 1;
    }

    /// Takes a page out of the swap cache, and gives back the slot. The page has other users.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `delete_from_swap_cache()`.
    pub(super) fn delete_from_swap_cache(&mut self, pfn: Pfn, entry: SwapEntry) {
        self.remove_from_swap_cache(pfn, entry);
        self.swap.swap_free(entry);
        self.mem.put_page_of_many(pfn);
        self.mem.page_mut(pfn).test_and_set(PageFlags::DIRTY);
    }

    /// Gives back the slot of a page whose only users are the caller and the swap cache, if nobody
    /// else owns the slot. Returns whether it did.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `remove_exclusive_swap_page()`.
    pub(super) fn remove_exclusive_swap_page(&mut self, pfn: Pfn) -> bool {
        let page = self.mem.page(pfn);
        let written = page.flags().contains(PageFlags::WRITEBACK);
        let Some(entry) = slot_of(page).filter(|_| !written && page.page_count() == 2) else {
            return false;
        };
        let exclusive = self.swap.count(entry) == 1;
        if exclusive {
            self.delete_from_swap_cache(pfn, entry);
        }
        exclusive
    }

    /// Drops the reference of an entry to its page, and gives back the page's slot if the entry was
    /// the last to need it.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `free_page_and_swap_cache()`.
    #[inline]
    pub(super) fn free_page_and_swap_cache(&mut self, pfn: Pfn) {
        if self.mem.page(pfn).flags().contains(PageFlags::SWAPCACHE) {
            self.remove_exclusive_swap_page(pfn);
        }
        self.put_page(pfn);
    }

    /// Drops a page table entry's ownership of a slot, and the page that caches the slot if only
    /// the cache is left.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `free_swap_and_cache()`.
    pub(super) fn free_swap_and_cache(&mut self, entry: SwapEntry) {
        if self.swap.swap_free(entry) != 1 {
            return;
        }
        let Some(pfn) = self.swap.cached(entry) else {
            return;
        };
        let page = self.mem.page(pfn);
        let written = page.flags().contains(PageFlags::WRITEBACK);
        let one_user = page.page_count() == 1;
        if !written && (one_user || self.swap.vm_swap_full()) {
            self.mem.get_page(pfn);
            self.delete_from_swap_cache(pfn, entry);
            self.put_page(pfn);
        }
    }

    /// The page that caches a slot, with a reference for the caller.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `lookup_swap_cache()`.
    pub(super) fn lookup_swap_cache(&mut self, entry: SwapEntry) -> Option<Pfn> {
        let pfn = self.swap.cached(entry)?;
        self.mem.get_page(pfn);
        Some(pfn)
    }

    /// The page that caches a slot, read from the slot if need be, with a reference for the caller.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `read_swap_cache_async()`.
    ///
    /// # Errors
    /// No memory. If nobody owns the slot any more there is no page either.
    pub(super) fn read_swap_cache(&mut self, entry: SwapEntry) -> Result<Option<Pfn>, NoMemory> {
        if let Some(pfn) = self.lookup_swap_cache(entry) {
            return Ok(Some(pfn));
        }
        let pfn = self.alloc_frame(0, FrameUse::User)?;
        // To find the frame, reclaim may have given back the slot.
        if !self.swap.swap_duplicate(entry) {
            self.put_page(pfn);
            return Ok(None);
        }
        if let Err(why) = self.insert_into_swap_cache(pfn, entry) {
            self.swap.swap_free(entry);
            self.put_page(pfn);
            return Err(why);
        }
        self.lru_cache_add_active(pfn);
        self.swap_readpage(pfn, entry);
        Ok(Some(pfn))
    }
}
