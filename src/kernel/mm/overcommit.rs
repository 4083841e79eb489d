//! How much memory may be promised: the check that refuses obvious overcommitment, and the count
//! of what has been promised.

use super::map_refusal::{MapRefusal, TooMuchPromised};
use crate::abi::{PAGE_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::Caps;
use crate::trace::SlabCache;

/// Memory counters of the whole machine, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VmStat {
    /// `vm_committed_space`: promised, whether used or not.
    pub committed: u32,
    /// Of that, what no area gives back: growth of stacks that are not charged themselves. 2.6.12
    /// charges all growth, and at the end only areas that were charged from the beginning.
    pub never_returned: u32,
    /// `nr_pagecache`: pages in the page caches of all inodes.
    pub pagecache: u32,
}

/// How many pages could be had if all caches were dropped. A 32nd is kept for the administrator.
pub fn obtainable(pagecache: u32, free: u32, admin: bool) -> u32 {
    let reserve = |amount: u32| if admin { 0 } else { amount / 32 };
    pagecache - reserve(pagecache) + free - reserve(free)
}

/// Whether a request of that many pages is plausible: more than that could be had.
///
/// Linux 2.6.12: mm/mmap.c, `__vm_enough_memory()`, mode 0, without swap.
pub fn enough_memory(pages: u32, pagecache: u32, free: u32, admin: bool) -> bool {
    obtainable(pagecache, free, admin) > pages
}

impl Kernel {
    /// Charges pages to the committed memory.
    ///
    /// Linux 2.6.12: mm/mmap.c, `__vm_enough_memory()`.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is charged then.
    pub(super) fn vm_enough_memory(&mut self, pages: u32) -> Result<(), TooMuchPromised> {
        let current = self.current();
        if !self.may_commit(current, pages) {
            return Err(TooMuchPromised {
                pages,
                obtainable: self.obtainable(current),
            });
        }
        self.vm.committed += pages;
        Ok(())
    }

    fn obtainable(&self, task: TaskId) -> u32 {
        let admin = self.task(task).cred.capable(Caps::SYS_ADMIN);
        obtainable(self.vm.pagecache, self.mem.nr_free_pages(), admin)
    }

    /// A `vm_area_struct`, and the charge for its pages: both or neither.
    ///
    /// Linux 2.6.12: mm/mmap.c, `do_mmap_pgoff()` and `do_brk()`; kernel/fork.c, `dup_mmap()`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn charge_new_vma(&mut self, pages: u32) -> Result<(), MapRefusal> {
        if pages > 0 {
            self.vm_enough_memory(pages)?;
        }
        let allocated = self.kmem_cache_alloc(SlabCache::Vma);
        if allocated.is_err() {
            self.vm_unacct_memory(pages);
        }
        Ok(allocated?)
    }

    /// Whether that many pages may be promised to a task now.
    pub(super) fn may_commit(&self, task: TaskId, pages: u32) -> bool {
        let admin = self.task(task).cred.capable(Caps::SYS_ADMIN);
        enough_memory(pages, self.vm.pagecache, self.mem.nr_free_pages(), admin)
    }

    /// Takes a charge back.
    ///
    /// Linux 2.6.12: include/linux/mman.h, `vm_unacct_memory()`.
    pub(in crate::kernel) fn vm_unacct_memory(&mut self, pages: u32) {
        self.vm.committed -= pages;
    }
}

/// Bytes in pages, rounded up.
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
