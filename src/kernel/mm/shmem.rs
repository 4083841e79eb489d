//! Pages of shared memory in swap: they move between their object's cache and the swap cache.

use super::memory::MmFault;
use super::swap_entry::SwapEntry;
use crate::abi::{InodeId, Pfn};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, ShmemAccount};
use crate::trace::NoMemory;

impl Kernel {
    /// The swap slot of a page of a shared object that is not in memory.
    pub fn shmem_slot(&self, inode: InodeId, index: u32) -> Option<SwapEntry> {
        let slots = self.inodes[inode].i_mapping().slots();
        slots.get(&index).copied().map(SwapEntry::of_private)
    }

    /// Moves a page to the swap cache, from which it is written when its turn comes again. Returns
    /// whether there was a slot for it, and the page is not in a segment that is locked in memory.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_writepage()`.
    pub(super) fn shmem_writepage(&mut self, inode: InodeId, pfn: Pfn) -> bool {
        let index = self.mem.page(pfn).index();
        let slot = if self.is_locked_segment(inode) {
            None
        } else {
            self.swap.get_swap_page()
        };
        let moved = slot.filter(|slot| self.move_to_swap_cache(inode, index, pfn, *slot));
        if let (Some(slot), None) = (slot, moved) {
            self.swap.swap_free(slot);
        }
        self.set_page_dirty(pfn);
        moved.is_some()
    }

    /// Gives back the memory that was committed for a page of a shared object which reclaim has
    /// dropped: it held only zeros, so that it is neither in memory nor in swap.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_recalc_inode()`. Simplified: there, this is done when the
    /// object is used next.
    pub(super) fn shmem_recalc_inode(&mut self, inode: InodeId) {
        if self.is_charged_by_page(inode) {
            self.vm_unacct_memory(1);
        }
    }

    /// Whether the memory of a shared object is committed page by page.
    pub(super) fn is_charged_by_page(&self, inode: InodeId) -> bool {
        matches!(
            &self.inodes[inode].kind,
            InodeKind::Shmem(object) if object.account == ShmemAccount::ByPage
        )
    }

    /// Linux 2.6.12: `mm/swap_state.c`, `move_to_swap_cache()`, and `mm/shmem.c`, `shmem_swp_set()`.
    fn move_to_swap_cache(
        &mut self,
        inode: InodeId,
        index: u32,
        pfn: Pfn,
        slot: SwapEntry,
    ) -> bool {
        if self.insert_into_swap_cache(pfn, slot).is_err() {
            return false;
        }
        self.remove_from_page_cache(inode, index);
        self.swap.swap_duplicate(slot);
        self.inodes[inode].i_mapping.set_slot(index, slot.private());
        true
    }

    /// Gets a page of a shared object back from its slot. Only the object's cache holds it.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, the branch of `shmem_getpage()` for pages in swap.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn shmem_swapin(
        &mut self,
        inode: InodeId,
        index: u32,
        slot: SwapEntry,
    ) -> Result<(Pfn, MmFault), NoMemory> {
        let (pfn, fault) = match self.lookup_swap_cache(slot) {
            Some(pfn) => (pfn, MmFault::Minor),
            None => {
                let read = self.swapin(slot).ok_or(NoMemory::NoFrame)?;
                (read, MmFault::Major)
            }
        };
        self.shmem_take_back(inode, index, slot, pfn);
        // The caller finds the page in the cache, and has no reference of its own yet.
        self.mem.put_page_of_many(pfn);
        Ok((pfn, fault))
    }

    /// Moves a page from the swap cache to its object's cache. The caller has a reference to it.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `move_from_swap_cache()`, and `mm/shmem.c`,
    /// `shmem_swp_set()`.
    pub(super) fn shmem_take_back(
        &mut self,
        inode: InodeId,
        index: u32,
        slot: SwapEntry,
        pfn: Pfn,
    ) {
        self.wait_on_page_writeback(pfn);
        self.remove_from_swap_cache(pfn, slot);
        // One for the swap cache, whose reference to the page becomes that of the object's cache,
        // and one for the object.
        self.swap.swap_free(slot);
        self.swap.swap_free(slot);
        self.inodes[inode].i_mapping.take_slot(index);
        self.mem.page_mut(pfn).add_to_page_cache(inode, index);
        self.inodes[inode].i_mapping.insert_page(index, pfn);
        self.vm.pagecache += 1;
        self.set_page_dirty(pfn);
    }

    /// Gives back the slots of pages beyond a size.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_truncate()`.
    pub(super) fn shmem_free_slots(&mut self, inode: InodeId, first: u32) {
        let slots = self.inodes[inode].i_mapping.take_slots_from(first);
        for slot in slots.into_values() {
            self.free_swap_and_cache(SwapEntry::of_private(slot));
        }
    }
}
