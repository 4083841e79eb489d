//! Faults on pages in swap: the worked examples of `reclaim`, by number.

use super::swap_lab::{costs, lab, page, slot};
use crate::kernel::mm::PageFlags;

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
