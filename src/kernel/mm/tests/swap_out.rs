//! Anonymous pages on their way to swap: the worked examples of `reclaim`, by number.

use super::lab::{Lab, PRIVATE, RW};
use super::swap_lab::{NORMAL, costs, lab, page, scan_control, slot};
use crate::abi::{TaskId, VirtAddr};
use crate::hw::Pte;
use crate::kernel::mm::alloc::LruList;
use crate::kernel::mm::{PageFlags, VmFlags};

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
