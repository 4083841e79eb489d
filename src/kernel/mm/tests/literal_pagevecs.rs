//! Pages that wait in vectors for their LRU list, and are copied for it: the worked examples of
//! `reclaim`, by number.

use super::lab::{Lab, PRIVATE, RW};
use super::swap_lab::{NORMAL, costs, lab_with, page, slot};
use crate::abi::{Pfn, TaskId, VirtAddr};
use crate::hw::Pte;
use crate::kernel::mm::PagevecMode;
use crate::kernel::mm::alloc::LruList;

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
