//! A machine with swap, and what tests do with its pages. The swap device has slots 1 to 1,022, as in
//! 64 MiB of memory with `mkswap` on 1,024 pages.

use super::lab::Lab;
use crate::abi::{PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::mm::alloc::{Gfp, LruList, PageFlags, PageList, PageState, ZoneIdx};
use crate::kernel::mm::vmscan::{Reclaimer, ScanControl};
use crate::kernel::mm::{PagevecMode, SwapEntry};

pub(super) const NORMAL: ZoneIdx = ZoneIdx::Normal;

/// A machine with swap and one task.
pub(super) fn lab() -> (Lab, TaskId) {
    lab_with(PagevecMode::Drained)
}

pub(super) fn lab_with(pagevec: PagevecMode) -> (Lab, TaskId) {
    Lab::with_task_on(Config {
        swap: 4 << 20,
        pagevec,
        ..Config::default()
    })
}

pub(super) fn slot(number: u32) -> SwapEntry {
    SwapEntry::new(0, number)
}

pub(super) fn page(va: VirtAddr, number: u32) -> VirtAddr {
    VirtAddr(va.0 + number * PAGE_SIZE)
}

/// A run of kswapd that looks at every page of a list.
pub(super) fn scan_control() -> ScanControl {
    let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
    sc.priority = 0;
    sc
}

impl Lab {
    /// Lets nothing seem used of a page.
    pub(super) fn age(&mut self, pfn: Pfn) {
        self.k.page_referenced(pfn);
    }

    /// What reclaim does with one page whose turn has come.
    pub(super) fn shrink(&mut self, pfn: Pfn) {
        let mut pages = PageList::new();
        let list = self.k.mem.page(pfn).lru_list();
        self.k.mem.move_to_tail(pfn);
        self.k.mem.isolate_lru_pages(NORMAL, list, 1, &mut pages);
        self.k.mem.page_mut(pfn).set_active(LruList::Inactive);
        self.k.shrink_list(&mut pages, &mut scan_control());
        while let Some(kept) = self.k.mem.next_isolated(&mut pages) {
            self.k.mem.putback_lru_page(kept);
            self.k.put_page(kept);
        }
    }

    /// Pages the frame at an address out, completely.
    pub(super) fn swap_out(&mut self, task: TaskId, va: VirtAddr) {
        let pfn = self.pfn(task, va);
        self.age(pfn);
        self.shrink(pfn);
        self.k.blk_congestion_wait();
        self.shrink(pfn);
        assert_eq!(self.counts(pfn).0, 0, "it is freed");
        self.check();
    }

    /// So many pages, written and paged out in order.
    pub(super) fn swapped(&mut self, task: TaskId, pages: u32) -> VirtAddr {
        let va = self.dirty(task, pages);
        (0..pages).for_each(|number| self.swap_out(task, page(va, number)));
        va
    }

    pub(super) fn owners(&self, number: u32) -> u16 {
        self.k.swap.count(slot(number))
    }

    pub(super) fn rss(&self, task: TaskId) -> (u32, u32) {
        (self.mm(task).rss, self.mm(task).anon_rss)
    }

    pub(super) fn state(&self) -> PageState {
        *self.k.mem.page_state()
    }

    pub(super) fn flags(&self, pfn: Pfn) -> PageFlags {
        self.k.mem.page(pfn).flags()
    }

    /// The entries of pages side by side, as words.
    pub(super) fn words(&self, task: TaskId, va: VirtAddr, pages: u32) -> Vec<u32> {
        let pte = |number| self.pte(task, page(va, number)).0;
        (0..pages).map(pte).collect()
    }

    pub(super) fn free_slots(&self) -> u32 {
        self.k.swap.nr_swap_pages()
    }

    /// Minor and major faults of a task.
    pub(super) fn faults(&self, task: TaskId) -> (u32, u32) {
        let task = self.k.task(task);
        (task.min_flt, task.maj_flt)
    }
}

/// What `act` adds: frames in use, minor faults, major faults, and pages read from swap.
pub(super) fn costs(lab: &mut Lab, task: TaskId, act: impl FnOnce(&mut Lab)) -> [i64; 4] {
    lab.run(task);
    let count = |lab: &Lab| {
        let (min_flt, maj_flt) = lab.faults(task);
        let frames = lab.k.mem.frames_in_use();
        [frames, min_flt, maj_flt, lab.state().pswpin as u32].map(i64::from)
    };
    let before = count(lab);
    act(lab);
    lab.check();
    let after = count(lab);
    [0, 1, 2, 3].map(|nr| after[nr] - before[nr])
}
