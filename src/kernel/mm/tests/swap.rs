//! Anonymous pages in swap: the worked examples of `reclaim`, by number. The swap device has slots
//! 1 to 1,022, as in 64 MiB of memory with `mkswap` on 1,024 pages.

use super::lab::{Lab, PRIVATE, RW};
use crate::abi::{PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::Pte;
use crate::kernel::boot::Config;
use crate::kernel::mm::alloc::{Gfp, LruList, PageFlags, PageList, PageState, ZoneIdx};
use crate::kernel::mm::vmscan::{Reclaimer, ScanControl};
use crate::kernel::mm::{PagevecMode, SwapEntry, VmFlags};
use crate::kernel::syscall::Syscall;

const NORMAL: ZoneIdx = ZoneIdx::Normal;

/// A machine with swap and one task.
fn lab() -> (Lab, TaskId) {
    lab_with(PagevecMode::Drained)
}

fn lab_with(pagevec: PagevecMode) -> (Lab, TaskId) {
    Lab::with_task_on(Config {
        swap: 4 << 20,
        pagevec,
        ..Config::default()
    })
}

fn slot(number: u32) -> SwapEntry {
    SwapEntry::new(0, number)
}

fn page(va: VirtAddr, number: u32) -> VirtAddr {
    VirtAddr(va.0 + number * PAGE_SIZE)
}

/// A run of kswapd that looks at every page of a list.
fn scan_control() -> ScanControl {
    let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
    sc.priority = 0;
    sc
}

impl Lab {
    /// Lets nothing seem used of a page.
    fn age(&mut self, pfn: Pfn) {
        self.k.page_referenced(pfn);
    }

    /// What reclaim does with one page whose turn has come.
    fn shrink(&mut self, pfn: Pfn) {
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
    fn swap_out(&mut self, task: TaskId, va: VirtAddr) {
        let pfn = self.pfn(task, va);
        self.age(pfn);
        self.shrink(pfn);
        self.k.blk_congestion_wait();
        self.shrink(pfn);
        assert_eq!(self.counts(pfn).0, 0, "it is freed");
        self.check();
    }

    /// So many pages, written and paged out in order.
    fn swapped(&mut self, task: TaskId, pages: u32) -> VirtAddr {
        let va = self.dirty(task, pages);
        (0..pages).for_each(|number| self.swap_out(task, page(va, number)));
        va
    }

    fn owners(&self, number: u32) -> u16 {
        self.k.swap.count(slot(number))
    }

    fn rss(&self, task: TaskId) -> (u32, u32) {
        (self.mm(task).rss, self.mm(task).anon_rss)
    }

    fn state(&self) -> PageState {
        *self.k.mem.page_state()
    }

    fn flags(&self, pfn: Pfn) -> PageFlags {
        self.k.mem.page(pfn).flags()
    }

    /// The entries of pages side by side, as words.
    fn words(&self, task: TaskId, va: VirtAddr, pages: u32) -> Vec<u32> {
        let pte = |number| self.pte(task, page(va, number)).0;
        (0..pages).map(pte).collect()
    }

    fn free_slots(&self) -> u32 {
        self.k.swap.nr_swap_pages()
    }

    /// Minor and major faults of a task.
    fn faults(&self, task: TaskId) -> (u32, u32) {
        let task = self.k.task(task);
        (task.min_flt, task.maj_flt)
    }
}

/// What `act` adds: frames in use, minor faults, major faults, and pages read from swap.
fn costs(lab: &mut Lab, task: TaskId, act: impl FnOnce(&mut Lab)) -> [i64; 4] {
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

/// Table 18.2: each row of the way of a dirty anonymous page from the active list to slot 1.
#[test]
fn the_way_of_a_dirty_page_to_its_slot() {
    let (mut lab, t) = lab();
    let va = lab.mmap(t, 1, RW, PRIVATE);
    let (rss, anon_rss) = lab.rss(t);
    lab.touch(t, va, 1);
    let pfn = lab.pfn(t, va);
    let (lru, active) = (PageFlags::LRU, PageFlags::ACTIVE);
    let row = |lab: &Lab| {
        let (c, m) = lab.counts(pfn);
        let (now, anon) = lab.rss(t);
        let owners = lab.owners(1);
        (c, m, lab.flags(pfn), owners, (now - rss, anon - anon_rss))
    };
    assert_eq!(lab.bits(t, va), 0x067);
    assert_eq!(
        row(&lab),
        (1, 1, lru | active | PageFlags::REFERENCED, 0, (1, 1))
    );

    // 1: so much trouble that mapped pages are looked at. It was used.
    lab.k.mem.scan_mut(NORMAL).prev_priority = 0;
    lab.k.mem.move_to_tail(pfn);
    lab.k.refill_inactive_zone(NORMAL, 1, &scan_control());
    assert_eq!(lab.bits(t, va), 0x047);
    assert_eq!(row(&lab), (1, 1, lru | active, 0, (1, 1)));
    assert_eq!(lab.k.mem.lru(NORMAL, LruList::Active).next(), Some(pfn));

    // 2: untouched.
    let before = lab.state();
    lab.k.mem.move_to_tail(pfn);
    lab.k.refill_inactive_zone(NORMAL, 1, &scan_control());
    assert_eq!(row(&lab), (1, 1, lru, 0, (1, 1)));
    assert_eq!(lab.state().pgdeactivate, before.pgdeactivate + 1);
    assert_eq!(lab.state().pgrefill[1], before.pgrefill[1] + 2);

    // 3 to 7.
    let (before, cached) = (lab.state(), lab.k.vm.pagecache);
    lab.k.mem.move_to_tail(pfn);
    let inactive = lab.k.mem.zone(NORMAL).nr_inactive();
    lab.k.shrink_cache(NORMAL, 1, &mut scan_control());
    let written = lru
        | PageFlags::SWAPCACHE
        | PageFlags::UPTODATE
        | PageFlags::RECLAIM
        | PageFlags::WRITEBACK;
    assert_eq!(lab.pte(t, va), Pte(0x100));
    assert_eq!(row(&lab), (1, 0, written, 2, (2, 0)));
    assert_eq!((lab.free_slots(), lab.k.vm.pagecache), (1021, cached + 1));
    let after = lab.state();
    assert_eq!(after.pswpout, before.pswpout + 1);
    assert_eq!(after.nr_mapped, before.nr_mapped - 1);
    let scanned = u64::from(inactive + 1);
    assert_eq!(after.pgscan_kswapd[1], before.pgscan_kswapd[1] + scanned);
    assert_eq!(
        (
            lab.k.mem.page_state().nr_dirty,
            lab.k.mem.page_state().nr_writeback
        ),
        (0, 1)
    );

    // 8: the write ends.
    lab.k.blk_congestion_wait();
    let clean = lru | PageFlags::SWAPCACHE | PageFlags::UPTODATE;
    assert_eq!(row(&lab), (1, 0, clean, 2, (2, 0)));
    assert_eq!(lab.state().pgrotated, before.pgrotated + 1);
    assert_eq!(lab.k.mem.lru(NORMAL, LruList::Inactive).last(), Some(pfn));
    lab.check();

    // 9: it is clean and nobody uses it.
    lab.k.shrink_cache(NORMAL, 1, &mut scan_control());
    assert_eq!((lab.counts(pfn), lab.owners(1)), ((0, 0), 1));
    assert_eq!(lab.rss(t), (rss + 2, anon_rss));
    assert_eq!(lab.state().pgsteal[1], before.pgsteal[1] + 1);
    assert_eq!(lab.k.vm.pagecache, cached);
    lab.check();
}

/// Between steps 5 and 9 of table 18.2, also while it is written.
#[test]
fn a_page_on_its_way_out_comes_back_without_being_read() {
    let (mut lab, t) = lab();
    let va = lab.dirty(t, 1);
    lab.write(t, va, 7);
    let pfn = lab.pfn(t, va);
    lab.age(pfn);
    lab.shrink(pfn);
    assert!(lab.flags(pfn).contains(PageFlags::WRITEBACK));
    let cost = costs(&mut lab, t, |lab| assert_eq!(lab.read(t, va), 7));
    assert_eq!(cost, [0, 1, 0, 0]);
    assert_eq!(
        (lab.pfn(t, va), lab.counts(pfn), lab.owners(1)),
        (pfn, (2, 1), 1)
    );
}

/// Somebody holds the page, as `get_user_pages()` does for I/O.
#[test]
fn reclaim_example_22_a_page_that_somebody_holds_is_not_unmapped() {
    let (mut lab, t) = lab();
    let va = lab.dirty(t, 1);
    let pfn = lab.pfn(t, va);
    lab.age(pfn);
    lab.k.mem.get_page(pfn);
    lab.shrink(pfn);
    assert_eq!((lab.bits(t, va), lab.counts(pfn)), (0x047, (3, 1)));
    assert!(
        lab.flags(pfn)
            .contains(PageFlags::ACTIVE | PageFlags::SWAPCACHE)
    );
    assert_eq!(lab.free_slots(), 1021);
}

#[test]
fn reclaim_examples_27_to_30_swap_over_fork_read_first() {
    let (mut lab, p) = lab();
    let va = lab.swapped(p, 3);
    assert_eq!(lab.words(p, va, 3), [0x100, 0x200, 0x300]);
    let tables = lab.mm(p).nr_ptes;

    // 27
    let c = lab.fork(p);
    assert_eq!(lab.words(c, va, 3), [0x100, 0x200, 0x300]);
    assert_eq!([1, 2, 3].map(|slot| lab.owners(slot)), [2, 2, 2]);
    assert_eq!((lab.mm(c).nr_ptes, lab.free_slots()), (tables, 1019));
    lab.check();

    // 28
    let (rss, anon_rss) = lab.rss(p);
    let majors = lab.state().pgmajfault;
    let cost = costs(&mut lab, p, |lab| assert_eq!(lab.read(p, va), 0));
    assert_eq!(cost, [3, 0, 1, 3]);
    assert_eq!(lab.state().pgmajfault, majors + 1);
    assert_eq!([1, 2, 3].map(|slot| lab.owners(slot)), [2, 3, 3]);
    let first = lab.pfn(p, va);
    assert_eq!((lab.bits(p, va), lab.counts(first)), (0x025, (2, 1)));
    assert_eq!(lab.rss(p), (rss + 1, anon_rss + 1));

    // 29
    let cost = costs(&mut lab, c, |lab| {
        lab.read(c, va);
        lab.read(c, page(va, 1));
    });
    assert_eq!(cost, [0, 2, 0, 0]);
    assert_eq!((lab.owners(1), lab.counts(first)), (1, (3, 2)));
    let second = lab.pfn(c, page(va, 1));
    assert_eq!((lab.owners(2), lab.counts(second)), (2, (2, 1)));

    // 30
    let cost = costs(&mut lab, p, |lab| lab.write(p, va, 1));
    assert_eq!((cost[0], lab.counts(first)), (1, (2, 1)));
    let cost = costs(&mut lab, c, |lab| lab.write(c, va, 2));
    assert_eq!(
        (cost[0], lab.pfn(c, va), lab.bits(c, va)),
        (0, first, 0x067)
    );
    assert_eq!(lab.owners(1), 1, "the slot stays taken");
}

#[test]
fn reclaim_example_31_swap_over_fork_written_first() {
    let (mut lab, p) = lab();
    let va = lab.swapped(p, 3);
    let c = lab.fork(p);
    let cost = costs(&mut lab, p, |lab| lab.write(p, va, 1));
    assert_eq!(cost, [4, 0, 1, 3], "one fault: read in, mapped and copied");
    let (own, old) = (lab.pfn(p, va), lab.k.swap.cached(slot(1)).unwrap());
    assert_eq!((lab.bits(p, va), lab.counts(own)), (0x067, (1, 1)));
    assert_eq!((lab.counts(old), lab.owners(1)), ((1, 0), 2));
    let cost = costs(&mut lab, c, |lab| lab.write(c, va, 2));
    assert_eq!(
        cost,
        [0, 1, 0, 0],
        "the last owner of the slot need not copy"
    );
    assert_eq!((lab.pfn(c, va), lab.bits(c, va)), (old, 0x067));
    assert_eq!(lab.owners(1), 1);
}

#[test]
fn reclaim_example_32_the_only_owner_reads_or_writes() {
    let (mut lab, t) = lab();
    // Eight slots apart, so that one is not read along with the other.
    let va = lab.swapped(t, 16);
    let (first, far) = (va, page(va, 15));
    let cost = costs(&mut lab, t, |lab| lab.write(t, first, 1));
    assert_eq!((cost[1], cost[2]), (0, 1));
    let pfn = lab.pfn(t, first);
    assert_eq!(
        (lab.bits(t, first), lab.counts(pfn), lab.owners(1)),
        (0x067, (2, 1), 1)
    );

    lab.read(t, far);
    assert_eq!(lab.bits(t, far), 0x025);
    let cost = costs(&mut lab, t, |lab| lab.write(t, far, 1));
    assert_eq!(cost, [0, 1, 0, 0]);
    assert_eq!((lab.bits(t, far), lab.owners(16)), (0x067, 1));
}

#[test]
fn reclaim_example_33_when_swap_is_half_full_a_slot_is_given_back() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 1);
    for _ in 0..511 {
        lab.k.swap.get_swap_page().unwrap();
    }
    assert_eq!(lab.free_slots(), 510);
    lab.run(t);
    lab.k
        .user_access(t, va, crate::hw::AccessKind::Read)
        .unwrap();
    let pfn = lab.pfn(t, va);
    assert_eq!((lab.free_slots(), lab.counts(pfn)), (511, (1, 1)));
    assert!(lab.flags(pfn).contains(PageFlags::DIRTY));
    assert!(!lab.flags(pfn).contains(PageFlags::SWAPCACHE));
}

#[test]
fn reclaim_example_34_eight_slots_are_read_at_a_time() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 20);
    let at = |slot: u32| page(va, slot - 1);
    let cost = costs(&mut lab, t, |lab| {
        lab.read(t, at(11));
    });
    assert_eq!(cost, [8, 0, 1, 8]);
    let cost = costs(&mut lab, t, |lab| {
        for slot in (8..16).filter(|slot| *slot != 11) {
            lab.read(t, at(slot));
        }
    });
    assert_eq!(cost, [0, 7, 0, 0]);
}

#[test]
fn reclaim_example_35_reading_ahead_stops_at_a_free_slot() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 20);
    lab.munmap(t, page(va, 7), 1);
    assert_eq!(lab.owners(8), 0);
    let cost = costs(&mut lab, t, |lab| {
        lab.read(t, page(va, 10));
    });
    assert_eq!(cost, [1, 0, 1, 1]);
}

#[test]
fn reclaim_example_36_a_page_that_was_only_read_is_dropped() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 1);
    lab.read(t, va);
    let (pfn, before) = (lab.pfn(t, va), lab.state());
    lab.age(pfn);
    lab.shrink(pfn);
    assert_eq!((lab.pte(t, va), lab.owners(1)), (Pte(0x100), 1));
    assert_eq!(
        (lab.counts(pfn).0, lab.state().pswpout),
        (0, before.pswpout)
    );
    lab.check();
}

#[test]
fn reclaim_example_37_a_page_that_was_written_goes_to_the_same_slot() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 1);
    lab.write(t, va, 9);
    let (before, free) = (lab.state(), lab.free_slots());
    lab.swap_out(t, va);
    assert_eq!(lab.state().pswpout, before.pswpout + 1);
    assert_eq!((lab.pte(t, va), lab.free_slots()), (Pte(0x100), free));
    assert_eq!(lab.read(t, va), 9);
}

#[test]
fn reclaim_example_38_a_page_of_the_swap_cache_is_shared_like_any_other() {
    let (mut lab, p) = lab();
    let va = lab.swapped(p, 1);
    lab.write(p, va, 1);
    let pfn = lab.pfn(p, va);
    assert_eq!(lab.counts(pfn), (2, 1));
    let c = lab.fork(p);
    assert_eq!((lab.counts(pfn), lab.owners(1)), ((3, 2), 1));
    lab.write(c, va, 2);
    assert_ne!(lab.pfn(c, va), pfn);
    lab.write(p, va, 3);
    assert_eq!((lab.pfn(p, va), lab.bits(p, va)), (pfn, 0x067));
    lab.check();
}

#[test]
fn reclaim_example_39_slots_are_given_back_without_a_frame() {
    let (mut lab, p) = lab();
    let va = lab.swapped(p, 1);
    let c = lab.fork(p);
    lab.exit(c);
    assert_eq!((lab.owners(1), lab.free_slots()), (1, 1021));
    lab.munmap(p, va, 1);
    assert_eq!((lab.owners(1), lab.free_slots()), (0, 1022));
    lab.check();
}

#[test]
fn reclaim_example_40_the_last_owner_takes_the_cached_page_along() {
    let (mut lab, p) = lab();
    let va = lab.swapped(p, 1);
    let c = lab.fork(p);
    let entry = slot(1);
    let pfn = lab.k.read_swap_cache(entry).unwrap().unwrap();
    lab.k.put_page(pfn);
    assert_eq!((lab.owners(1), lab.counts(pfn)), (3, (1, 0)));
    lab.exit(c);
    assert_eq!((lab.owners(1), lab.counts(pfn)), (2, (1, 0)));
    lab.munmap(p, va, 1);
    assert_eq!(
        (lab.owners(1), lab.counts(pfn), lab.free_slots()),
        (0, (0, 0), 1022)
    );
    lab.check();
}

#[test]
fn reclaim_example_41_unmapping_gives_back_frame_and_slot() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 1);
    lab.read(t, va);
    let (pfn, (rss, anon_rss)) = (lab.pfn(t, va), lab.rss(t));
    lab.munmap(t, va, 1);
    assert_eq!((lab.counts(pfn).0, lab.free_slots()), (0, 1022));
    assert_eq!(lab.rss(t), (rss - 1, anon_rss - 1));
    lab.check();
}

/// Locks the area of an address in memory, without the system call.
fn lock(lab: &mut Lab, task: TaskId, va: VirtAddr) {
    let mm = lab.mm_id(task);
    let mut vma = lab.area(task, va);
    vma.vm_flags |= VmFlags::LOCKED;
    lab.k.mms[mm].locked_vm += vma.pages();
    lab.k.mms[mm].insert_vma(vma);
}

#[test]
fn reclaim_example_42_a_locked_page_costs_a_slot_and_stays() {
    let (mut lab, t) = lab();
    let va = lab.dirty(t, 1);
    lock(&mut lab, t, va);
    let (pfn, before) = (lab.pfn(t, va), lab.state());
    lab.age(pfn);
    for _ in 0..2 {
        lab.shrink(pfn);
        assert_eq!((lab.counts(pfn), lab.bits(t, va)), ((2, 1), 0x047));
        assert_eq!((lab.owners(1), lab.free_slots()), (1, 1021));
        assert!(
            lab.flags(pfn)
                .contains(PageFlags::DIRTY | PageFlags::ACTIVE)
        );
    }
    assert_eq!(lab.state().pgactivate, before.pgactivate + 2);
    lab.check();
}

#[test]
fn reclaim_example_43_the_youngest_is_asked_first_and_the_locked_one_keeps_the_page() {
    let (mut lab, p) = lab();
    let va = lab.dirty(p, 1);
    lock(&mut lab, p, va);
    let c = lab.fork(p);
    let (pfn, (rss, anon_rss)) = (lab.pfn(p, va), lab.rss(c));
    lab.age(pfn);
    lab.shrink(pfn);
    assert_eq!((lab.pte(c, va), lab.owners(1)), (Pte(0x100), 2));
    assert_eq!(lab.rss(c), (rss + 1, anon_rss - 1));
    assert_eq!((lab.pfn(p, va), lab.counts(pfn)), (pfn, (2, 1)));
    let cost = costs(&mut lab, c, |lab| {
        lab.read(c, va);
    });
    assert_eq!(cost, [0, 1, 0, 0]);
}

#[test]
fn reclaim_example_61_rss_counts_wrongly() {
    let (mut lab, t) = lab();
    let (rss, anon_rss) = lab.rss(t);
    let more = |lab: &Lab| {
        let (now, anon) = lab.rss(t);
        (now - rss, anon - anon_rss)
    };
    let va = lab.dirty(t, 10);
    assert_eq!(more(&lab), (10, 10));
    (0..10).for_each(|number| lab.swap_out(t, page(va, number)));
    assert_eq!(more(&lab), (20, 0));
    (0..10).for_each(|number| {
        lab.read(t, page(va, number));
    });
    assert_eq!(more(&lab), (30, 10));
    lab.munmap(t, va, 10);
    assert_eq!(more(&lab), (20, 0));
    lab.exit(t);
    lab.check();
}

#[test]
fn reclaim_examples_56_and_57_pages_wait_in_fourteens_and_are_copied() {
    let (mut lab, t) = lab_with(PagevecMode::Literal);
    lab.k.lru_add_drain();
    let active = |lab: &Lab| lab.k.mem.zone(NORMAL).nr_active();
    let before = active(&lab);
    let va = lab.mmap(t, 20, RW, PRIVATE);
    lab.touch(t, va, 5);
    let pfns: Vec<Pfn> = (0..5).map(|number| lab.pfn(t, page(va, number))).collect();
    assert!(pfns.iter().all(|pfn| lab.counts(*pfn) == (2, 1)));
    assert_eq!(active(&lab), before);
    lab.touch(t, page(va, 5), 9);
    assert_eq!(active(&lab), before + 14);
    assert!(pfns.iter().all(|pfn| lab.counts(*pfn) == (1, 1)));

    // 57: read-only for a while, as by mprotect, which leaves the page to the next write fault.
    lab.touch(t, page(va, 14), 5);
    let pending = page(va, 14);
    let old = lab.pfn(t, pending);
    protect(&mut lab, t, pending);
    let cost = costs(&mut lab, t, |lab| lab.write(t, pending, 1));
    assert_eq!(cost, [1, 1, 0, 0]);
    assert_eq!(lab.counts(old), (1, 0), "not free until a drain");
    assert_eq!(lab.k.mem.pagevec(0, LruList::Active).len(), 6);
    lab.k.lru_add_drain();
    assert_eq!(lab.counts(old), (0, 0));
    lab.check();
}

/// Makes a page read-only, so that the next write faults.
fn protect(lab: &mut Lab, task: TaskId, va: VirtAddr) {
    let (mm, pte) = (lab.mm_id(task), lab.pte(task, va));
    let table = lab.k.page_table(mm, va).unwrap();
    lab.k.set_pte(table, va, pte.without(Pte::RW));
    lab.k.flush_tlb_page(mm, va);
}

#[test]
fn reclaim_example_58_after_a_fork_both_copy() {
    for (pagevec, copies) in [(PagevecMode::Literal, 2), (PagevecMode::Drained, 1)] {
        let (mut lab, p) = lab_with(pagevec);
        lab.k.lru_add_drain();
        let va = lab.dirty(p, 5);
        let old = lab.pfn(p, va);
        let c = lab.fork(p);
        lab.write(c, va, 1);
        lab.write(p, va, 2);
        assert_eq!(lab.k.stat.cow_copies, copies, "{pagevec:?}");
        let still_used = pagevec == PagevecMode::Literal;
        assert!(lab.counts(old).0 > 0);
        lab.k.lru_add_drain();
        assert_eq!(lab.counts(old).0 > 0, !still_used, "{pagevec:?}");
        lab.check();
    }
}

#[test]
fn reclaim_example_59_the_exit_of_the_child_drains() {
    let (mut lab, p) = lab_with(PagevecMode::Literal);
    lab.k.lru_add_drain();
    let va = lab.dirty(p, 5);
    let old = lab.pfn(p, va);
    let c = lab.fork(p);
    lab.exit(c);
    lab.write(p, va, 1);
    assert_eq!((lab.pfn(p, va), lab.k.stat.cow_copies), (old, 0));
    lab.check();
}

#[test]
fn reclaim_example_60_a_page_read_alone_is_copied_at_once() {
    let (mut lab, t) = lab_with(PagevecMode::Literal);
    lab.k.lru_add_drain();
    let va = lab.dirty(t, 20);
    lab.k.lru_add_drain();
    (0..20).for_each(|number| lab.swap_out(t, page(va, number)));
    lab.munmap(t, page(va, 7), 1);
    let verdict = lab.k.swap_in_verdict(slot(11));
    assert_eq!((verdict.owners, verdict.exclusive), (1, false));
    let cost = costs(&mut lab, t, |lab| lab.write(t, page(va, 10), 1));
    assert_eq!(cost, [2, 0, 1, 1]);
    let cached = lab.k.swap.cached(slot(11)).unwrap();
    assert_eq!(lab.counts(cached), (2, 0), "the swap cache and the vector");
    lab.k.lru_add_drain();
    assert_eq!((lab.counts(cached), lab.owners(11)), ((1, 0), 1));
}

/// Every allocation on the way to swap and back can fail.
#[test]
fn failures_on_the_way_to_swap_and_back() {
    use crate::kernel::fail::FailPoint;
    let (mut lab, t) = lab();
    let va = lab.dirty(t, 1);
    let pfn = lab.pfn(t, va);
    lab.age(pfn);
    lab.k.fail.set(FailPoint::Slab(Some(0)));
    lab.shrink(pfn);
    assert_eq!((lab.bits(t, va), lab.free_slots()), (0x047, 1022));
    assert!(
        lab.flags(pfn).contains(PageFlags::ACTIVE),
        "no node: activated"
    );
    lab.check();

    lab.swap_out(t, va);
    for point in [FailPoint::Frame(Some(0)), FailPoint::Slab(Some(0))] {
        // The first failure ends reading ahead, and the slot is then read alone.
        lab.k.fail.set(point);
        let entry = slot(2);
        assert!(lab.k.read_swap_cache(entry).is_err());
        assert_eq!(lab.owners(2), 1);
        lab.check();
    }
    assert_eq!(lab.read(t, va), 0);
}

#[test]
fn swap_that_is_full_sends_pages_back() {
    let (mut lab, t) = lab();
    while lab.k.swap.get_swap_page().is_some() {}
    let va = lab.dirty(t, 1);
    let pfn = lab.pfn(t, va);
    lab.age(pfn);
    let before = lab.state();
    lab.shrink(pfn);
    assert_eq!((lab.counts(pfn), lab.bits(t, va)), ((1, 1), 0x047));
    assert_eq!(lab.state().pgactivate, before.pgactivate + 1);
}

/// The call that a program makes to give memory back reaches pages in swap, too.
#[test]
fn a_heap_that_shrinks_gives_back_its_slots() {
    let (mut lab, t) = lab();
    let brk = lab.mm(t).brk;
    lab.call(t, Syscall::Brk(brk + 2 * PAGE_SIZE)).unwrap();
    lab.touch(t, VirtAddr(brk), 2);
    lab.swap_out(t, VirtAddr(brk));
    assert_eq!(lab.free_slots(), 1021);
    lab.call(t, Syscall::Brk(brk)).unwrap();
    assert_eq!(lab.free_slots(), 1022);
    lab.check();
}

/// A page of shared memory goes first to the swap cache, and a round later to its slot.
#[test]
fn reclaim_example_63_shared_memory_takes_a_round_more() {
    let (mut lab, p) = lab();
    let va = lab.mmap(p, 1, RW, super::lab::SHARED);
    lab.write(p, va, 5);
    let c = lab.fork(p);
    assert_eq!(lab.read(c, va), 5);
    let pfn = lab.pfn(p, va);
    assert_eq!(lab.counts(pfn), (3, 2));
    lab.age(pfn);
    let before = lab.state();
    lab.shrink(pfn);
    assert_eq!([p, c].map(|task| lab.pte(task, va)), [Pte(0); 2]);
    assert_eq!((lab.owners(1), lab.counts(pfn)), (2, (1, 0)));
    assert!(
        lab.flags(pfn)
            .contains(PageFlags::SWAPCACHE | PageFlags::DIRTY)
    );
    assert_eq!(lab.state().pswpout, before.pswpout);
    lab.check();

    // Touched now, it moves back and no slot is left.
    let cost = costs(&mut lab, p, |lab| assert_eq!(lab.read(p, va), 5));
    assert_eq!((cost, lab.free_slots()), ([0, 1, 0, 0], 1022));

    lab.age(pfn);
    lab.shrink(pfn);
    lab.shrink(pfn);
    assert_eq!(lab.state().pswpout, before.pswpout + 1);
    lab.k.blk_congestion_wait();
    lab.shrink(pfn);
    assert_eq!((lab.owners(2), lab.counts(pfn).0), (1, 0));
    lab.check();
    let majors = lab.state().pgmajfault;
    let cost = costs(&mut lab, c, |lab| assert_eq!(lab.read(c, va), 5));
    assert_eq!((cost, lab.free_slots()), ([1, 0, 1, 1], 1022));
    assert_eq!(lab.state().pgmajfault, majors + 1);
    // The last who maps it takes what is in swap along.
    let pfn = lab.pfn(c, va);
    lab.age(pfn);
    (0..2).for_each(|_| lab.shrink(pfn));
    lab.k.blk_congestion_wait();
    lab.shrink(pfn);
    assert_eq!(lab.free_slots(), 1021);
    lab.exit(p);
    lab.exit(c);
    assert_eq!(lab.free_slots(), 1022);
    lab.check();
}
