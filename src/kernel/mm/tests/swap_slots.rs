//! When a slot is free again: the worked examples of `reclaim`, by number.

use super::lab::{Lab, PRIVATE, RW};
use super::swap_lab::{lab, page, slot};
use crate::abi::{MADV_DONTNEED, PAGE_SIZE, VirtAddr};
use crate::kernel::syscall::Syscall;

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

#[test]
fn reclaim_example_45_what_is_thrown_away_gives_back_frames_and_slots() {
    let (mut lab, t) = lab();
    let va = lab.mmap(t, 20, RW, PRIVATE);
    let at = |number| page(va, number);
    // Page 2 in a slot, and page 12 in the swap cache, eight slots apart.
    lab.touch(t, at(2), 11);
    (2..13).for_each(|number| lab.swap_out(t, at(number)));
    lab.read(t, at(12));
    lab.touch(t, at(0), 1);
    lab.read(t, at(1));
    (3..12).for_each(|number| lab.munmap(t, at(number), 1));
    let ((rss, anon_rss), free) = (lab.rss(t), lab.free_slots());
    let frames = lab.k.mem.frames_in_use();
    let advise = |lab: &mut Lab, number, pages| {
        let call = Syscall::Madvise(at(number).0, pages * PAGE_SIZE, MADV_DONTNEED);
        lab.call(t, call).unwrap();
    };
    advise(&mut lab, 0, 3);
    advise(&mut lab, 12, 1);
    assert_eq!(lab.words(t, va, 3), [0, 0, 0]);
    assert_eq!(lab.free_slots(), free + 2);
    assert!(lab.k.mem.frames_in_use() <= frames - 2);
    assert_eq!(lab.rss(t), (rss - 2, anon_rss - 2));
    lab.check();
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
