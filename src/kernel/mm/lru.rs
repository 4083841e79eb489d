//! Pages on their way to the LRU lists, and what the rest of the kernel does to pages on them.

use super::alloc::LruList;
use crate::abi::Pfn;
use crate::kernel::Kernel;

impl Kernel {
    /// Puts a new page on the active list, or on its way there.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `lru_cache_add_active()`.
    #[inline]
    pub(super) fn lru_cache_add_active(&mut self, pfn: Pfn) {
        self.lru_add(pfn, LruList::Active);
    }

    /// Puts a new page on the inactive list, or on its way there.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `lru_cache_add()`.
    pub(super) fn lru_cache_add(&mut self, pfn: Pfn) {
        self.lru_add(pfn, LruList::Inactive);
    }

    #[inline]
    fn lru_add(&mut self, pfn: Pfn, list: LruList) {
        for freed in self.mem.lru_cache_add(self.this_cpu, pfn, list) {
            self.frames_freed(freed, 0);
        }
    }

    /// Moves the pages that wait in this CPU's vectors to the lists.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `lru_add_drain()`.
    #[inline]
    pub(super) fn lru_add_drain(&mut self) {
        for freed in self.mem.lru_add_drain(self.this_cpu) {
            self.frames_freed(freed, 0);
        }
    }
}
