//! Overcommit: the check that refuses obvious overcommitment, and the count of pages committed.

use crate::abi::{Caps, PAGE_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::trace::Overcommitted;
use crate::trace::{NoMemory, SlabCache};
use getset::CopyGetters;

/// Memory counters of the whole machine, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, CopyGetters)]
pub struct VmStat {
    /// `vm_committed_space`: pages committed, whether used or not.
    #[getset(get_copy = "pub")]
    pub(super) committed: u32,
    /// Of these, pages that are never uncharged: growth of stacks whose area is not charged itself.
    /// 2.6.12 charges all growth, but uncharges only areas that were charged from the beginning.
    #[getset(get_copy = "pub")]
    pub(super) never_returned: u32,
    /// `nr_pagecache`: pages in the page caches of all inodes.
    #[getset(get_copy = "pub")]
    pub(super) pagecache: u32,
    /// `nr_dirty`: pages of files that are newer than the device.
    #[getset(get_copy = "pub")]
    pub(super) nr_dirty: u32,
    /// `nr_writeback`: pages that are being written to a device.
    #[getset(get_copy = "pub")]
    pub(super) nr_writeback: u32,
}

/// How many pages would be free if all caches were dropped. A 32nd is reserved for the
/// administrator.
fn obtainable(pagecache: u32, free: u32, admin: bool) -> u32 {
    let reserve = |amount: u32| if admin { 0 } else { amount / 32 };
    pagecache - reserve(pagecache) + free - reserve(free)
}

/// Whether a request for that many pages is plausible: fewer than are obtainable.
///
/// Linux 2.6.12: `mm/mmap.c`, `__vm_enough_memory()`, mode 0. Free swap slots count as page cache.
fn enough_memory(pages: u32, pagecache: u32, free: u32, admin: bool) -> bool {
    obtainable(pagecache, free, admin) > pages
}

impl Kernel {
    /// Accounts pages as committed memory.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__vm_enough_memory()`.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is accounted then.
    pub(super) fn vm_enough_memory(&mut self, pages: u32) -> Result<(), Overcommitted> {
        let current = self.current();
        if !self.may_commit(current, pages) {
            return Err(Overcommitted {
                pages,
                obtainable: self.obtainable(current),
            });
        }
        self.vm.committed += pages;
        Ok(())
    }

    /// Pages of caches, which could be dropped, and free swap slots.
    fn caches(&self) -> u32 {
        self.vm.pagecache + self.swap.nr_swap_pages()
    }

    fn obtainable(&self, task: TaskId) -> u32 {
        let admin = self.task(task).cred().capable(Caps::SYS_ADMIN);
        obtainable(self.caches(), self.mem.nr_free_pages(), admin)
    }

    /// Allocates a `vm_area_struct` and charges its pages: both or neither.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `do_mmap_pgoff()` and `do_brk()`; `kernel/fork.c`, `dup_mmap()`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn account_new_vma(&mut self, pages: u32) -> Result<(), NoMemory> {
        if pages > 0 {
            self.vm_enough_memory(pages)?;
        }
        let allocated = self.kmem_cache_alloc(SlabCache::Vma);
        if allocated.is_err() {
            self.vm_unacct_memory(pages);
        }
        allocated
    }

    /// Whether a task may commit that many pages now.
    pub(super) fn may_commit(&self, task: TaskId, pages: u32) -> bool {
        let admin = self.task(task).cred().capable(Caps::SYS_ADMIN);
        enough_memory(pages, self.caches(), self.mem.nr_free_pages(), admin)
    }

    /// Takes pages off the committed memory.
    ///
    /// Linux 2.6.12: `include/linux/mman.h`, `vm_unacct_memory()`.
    pub(in crate::kernel) fn vm_unacct_memory(&mut self, pages: u32) {
        self.vm.committed -= pages;
    }
}

/// A size in bytes as pages, rounded up.
pub(super) const fn pages_of(bytes: u32) -> u32 {
    bytes.div_ceil(PAGE_SIZE)
}

#[cfg(test)]
mod tests {
    use super::enough_memory;

    #[test]
    fn only_the_single_request_is_compared_with_what_could_be_freed() {
        for (pages, pagecache, free, admin, enough) in [
            (99, 0, 100, true, true),
            (100, 0, 100, true, false),
            (96, 0, 100, false, true),
            (97, 0, 100, false, false),
            (63, 64, 0, true, true),
            (62, 64, 0, false, false),
            (158, 64, 100, false, true),
            (159, 64, 100, false, false),
        ] {
            let verdict = enough_memory(pages, pagecache, free, admin);
            assert_eq!(
                verdict, enough,
                "{pages} of {pagecache} + {free}, admin {admin}"
            );
        }
    }
}
