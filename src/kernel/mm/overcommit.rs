//! Overcommit: how much memory may be committed, and the count of pages that are.

use crate::abi::{Caps, PAGE_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::kernel::sysctl::Sysctl;
use crate::trace::{NoMemory, Overcommitted, SlabCache};
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
    /// Tasks that the out-of-memory killer has looked at, which is work like any other.
    #[getset(get_copy = "pub")]
    pub(super) looked_at: u64,
}

/// What `vm.overcommit_memory` means.
///
/// Linux 2.6.12: `include/linux/mman.h`, `OVERCOMMIT_GUESS` and the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Overcommit {
    /// 0, `OVERCOMMIT_GUESS`: a request is refused if it alone is more than could be freed.
    Guess,
    /// 1, `OVERCOMMIT_ALWAYS`: nothing is refused.
    Always,
    /// 2, `OVERCOMMIT_NEVER`, and any other number: all that is committed stays below a limit.
    Never,
}

impl Overcommit {
    const fn of(number: u32) -> Self {
        match number {
            0 => Self::Guess,
            1 => Self::Always,
            _ => Self::Never,
        }
    }
}

/// How many pages would be free if all caches were dropped and all swap slots filled: `freeable` of
/// caches and slots, and `free` ones. A 32nd of each is reserved for the administrator.
fn obtainable(freeable: u32, free: u32, admin: bool) -> u32 {
    let reserve = |amount: u32| if admin { 0 } else { amount / 32 };
    freeable - reserve(freeable) + free - reserve(free)
}

/// How many pages may be committed when nothing is overcommitted: a part of the RAM, less a 32nd
/// for the administrator; all of swap; less a 32nd of the caller's own size, so that other processes
/// have something left.
///
/// Linux 2.6.12: `mm/mmap.c`, `__vm_enough_memory()`, mode 2.
const fn commit_limit(part_of_ram: u32, swap: u32, total_vm: u32, admin: bool) -> u32 {
    let reserve = if admin { 0 } else { part_of_ram / 32 };
    (part_of_ram - reserve + swap).wrapping_sub(total_vm / 32)
}

impl Kernel {
    /// Accounts pages as committed memory.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__vm_enough_memory()`.
    ///
    /// # Errors
    /// `ENOMEM`; nothing is accounted then.
    pub(super) fn vm_enough_memory(&mut self, pages: u32) -> Result<(), Overcommitted> {
        self.may_commit(self.current(), pages)?;
        self.vm.committed += pages;
        Ok(())
    }

    /// Pages of caches, which could be dropped, and free swap slots.
    fn caches(&self) -> u32 {
        self.vm.pagecache + self.swap.nr_swap_pages()
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
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__vm_enough_memory()`.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn may_commit(&self, task: TaskId, pages: u32) -> Result<(), Overcommitted> {
        let admin = self.task(task).cred().capable(Caps::SYS_ADMIN);
        let number = self.config.sysctls.get(Sysctl::OvercommitMemory);
        let (committed, strict) = match Overcommit::of(number) {
            Overcommit::Always => return Ok(()),
            // Only this request is compared, not what was committed before.
            Overcommit::Guess => (0, false),
            Overcommit::Never => (self.vm.committed, true),
        };
        let limit = if strict {
            self.commit_limit_of(task, admin)
        } else {
            obtainable(self.caches(), self.mem.nr_free_pages(), admin)
        };
        if committed + pages < limit {
            return Ok(());
        }
        Err(Overcommitted {
            pages,
            obtainable: limit.saturating_sub(committed),
            strict,
        })
    }

    /// Whether `MAP_NORESERVE` saves nothing: only with exactly 2, not with other numbers that
    /// mean the same otherwise.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `do_mmap_pgoff()`.
    pub(super) const fn ignores_noreserve(&self) -> bool {
        self.config.sysctls.get(Sysctl::OvercommitMemory) == 2
    }

    /// `CommitLimit`: what may be committed when nothing is overcommitted, without the reserves that
    /// the check subtracts.
    ///
    /// Linux 2.6.12: `fs/proc/proc_misc.c`, `meminfo_read_proc()`.
    pub fn commit_limit(&self) -> u32 {
        self.committable_ram() + self.swap.total_swap_pages()
    }

    /// What may be committed when a task asks, and nothing is overcommitted.
    fn commit_limit_of(&self, task: TaskId, admin: bool) -> u32 {
        let total_vm = self.task(task).mm().map_or(0, |mm| self.mms[mm].total_vm);
        let swap = self.swap.total_swap_pages();
        commit_limit(self.committable_ram(), swap, total_vm, admin)
    }

    /// The part of RAM that may be committed when nothing is overcommitted (`overcommit_ratio`),
    /// in pages.
    fn committable_ram(&self) -> u32 {
        let ratio = self.config.sysctls.get(Sysctl::OvercommitRatio);
        self.totalram_pages.wrapping_mul(ratio) / 100
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
    use super::*;
    use crate::kernel::mm::tests::lab::Lab;

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
            let verdict = pages < obtainable(pagecache, free, admin);
            assert_eq!(
                verdict, enough,
                "{pages} of {pagecache} + {free}, admin {admin}"
            );
        }
    }

    /// The 200 pages of slab caches count like those of the page cache.
    #[test]
    fn reclaim_example_69_what_mode_0_grants() {
        assert_eq!(obtainable(3000 + 200, 10_000, false), 12_788);
        assert_eq!(obtainable(3000 + 200, 10_000, true), 13_200);
        let (mut lab, a) = Lab::with_task();
        for admin in [false, true] {
            let caps = if admin {
                Caps::SYS_ADMIN
            } else {
                Caps::empty()
            };
            lab.k.task_mut(a).set_caps(caps);
            let limit = obtainable(lab.k.caches(), lab.k.mem.nr_free_pages(), admin);
            assert_eq!(lab.k.may_commit(a, limit - 1), Ok(()), "{admin}");
            let refused = Overcommitted {
                pages: limit,
                obtainable: limit,
                strict: false,
            };
            assert_eq!(lab.k.may_commit(a, limit), Err(refused), "{admin}");
        }
    }

    /// `mm/mmap.c`, `__vm_enough_memory()`: the request is granted up to 7925 pages in all.
    #[test]
    fn memory_example_36_strict_overcommit() {
        assert_eq!(commit_limit(8192, 0, 320, false), 7926);
        assert_eq!(commit_limit(8192, 0, 320, true), 8192 - 10);
        assert_eq!(commit_limit(8192, 1022, 320, false), 7926 + 1022);
        assert_eq!(commit_limit(0, 0, 31, false), 0);
        // A process that is larger than what may be committed wraps the limit around.
        assert_eq!(commit_limit(0, 0, 32, false), u32::MAX);
    }

    #[test]
    fn every_other_number_is_the_strict_mode() {
        let modes = [0, 1, 2, 3, u32::MAX].map(Overcommit::of);
        use Overcommit::{Always, Guess, Never};
        assert_eq!(modes, [Guess, Always, Never, Never, Never]);
    }
}
