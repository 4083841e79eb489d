//! Shared anonymous memory, which is never copied.

use super::lab::{Effect, Lab, RW, SHARED};
use crate::abi::VirtAddr;
use crate::kernel::mm::{PageFlags, UserFaultKind};
use crate::kernel::syscall::{MmapArgs, Syscall};

#[test]
fn memory_examples_13_and_14_written_before_fork() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, SHARED);
    lab.write(a, va, 1);
    let b = lab.fork(a);
    let frame = lab.pfn(a, va);
    assert_eq!(lab.counts(frame), (3, 2));
    assert_eq!((lab.bits(a, va), lab.bits(b, va)), (0x067, 0x007));
    assert_eq!((lab.mm(b).rss, lab.mm(b).anon_rss), (1 + 1, 1));

    lab.run(b);
    let effect = lab.watch(b, |lab| lab.write(b, va, 2));
    assert_eq!(effect, Effect::default());
    assert_eq!(lab.bits(b, va), 0x067);
    lab.run(a);
    let effect = lab.watch(a, |lab| assert_eq!(lab.read(a, va), 2));
    assert_eq!(effect, Effect::default());
}

#[test]
fn memory_example_15_untouched_before_fork() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, SHARED);
    let b = lab.fork(a);
    lab.run(b);
    let effect = lab.watch(b, |lab| lab.write(b, va, 3));
    let first = Effect {
        faults: vec![6],
        frames: 1,
        tables: 1,
        rss: 1,
        min_flt: 1,
        ..Effect::default()
    };
    assert_eq!(effect, first);
    let frame = lab.pfn(b, va);
    assert_eq!((lab.bits(b, va), lab.counts(frame)), (0x067, (2, 1)));

    lab.run(a);
    let effect = lab.watch(a, |lab| assert_eq!(lab.read(a, va), 3));
    let second = Effect {
        faults: vec![4],
        frames: 0,
        ..first
    };
    assert_eq!(effect, second);
    assert_eq!(
        (lab.pfn(a, va), lab.bits(a, va), lab.counts(frame)),
        (frame, 0x027, (3, 2))
    );
    assert_eq!(lab.watch(a, |lab| lab.write(a, va, 4)), Effect::default());
    assert_eq!((lab.bits(a, va), lab.read(b, va)), (0x067, 4));
}

#[test]
fn shared_pages_outlive_one_sharer_and_go_with_the_last() {
    let (mut lab, a) = Lab::with_task();
    let inodes = lab.k.inodes.len();
    let va = lab.mmap(a, 4, RW, SHARED);
    assert_eq!(lab.k.inodes.len(), inodes + 1);
    let b = lab.fork(a);
    lab.touch(b, va, 4);
    lab.write(b, va, 9);
    let effect = lab.watch(a, |lab| lab.exit(b));
    assert_eq!(effect.frames, 0);
    assert_eq!(lab.read(a, va), 9);
    let effect = lab.watch(a, |lab| lab.munmap(a, va, 4));
    assert_eq!((effect.frames, effect.rss), (-4, -1));
    assert_eq!((lab.k.inodes.len(), lab.k.vm.pagecache), (inodes, 0));
}

#[test]
fn beyond_the_end_of_the_object_is_sigbus() {
    let (mut lab, a) = Lab::with_task();
    let call = Syscall::Mmap2(MmapArgs {
        addr: 0,
        len: 0x2000,
        prot: RW,
        flags: SHARED,
        fd: None,
        pgoff: 1,
    });
    let va = lab.call(a, call).map(VirtAddr).unwrap();
    lab.write(a, va, 1);
    let fault = lab.try_write(a, VirtAddr(va.0 + 0x1000), 1).unwrap_err();
    assert_eq!(fault.kind, UserFaultKind::Bus);
    assert_eq!(lab.k.task(a).thread.cr2, va.0 + 0x1000);
    lab.check();
}

#[test]
fn populate_maps_shared_pages_at_once_and_nothing_else() {
    const POPULATE: u32 = 0x8000;
    const NONBLOCK: u32 = 0x1_0000;
    let (mut lab, a) = Lab::with_task();
    let mut va = VirtAddr(0);
    let effect = lab.watch(a, |lab| va = lab.mmap(a, 3, RW, SHARED | POPULATE));
    assert_eq!((effect.frames, effect.rss, effect.min_flt), (3, 3, 0));
    assert_eq!((lab.bits(a, va), effect.faults), (0x027, vec![]));
    for (what, flags, pgoff) in [
        ("private", super::lab::PRIVATE | POPULATE, 0),
        ("not to block", SHARED | POPULATE | NONBLOCK, 0),
        ("reaches beyond its object", SHARED | POPULATE, 1),
    ] {
        let call = Syscall::Mmap2(MmapArgs {
            addr: 0,
            len: 0x3000,
            prot: RW,
            flags,
            fd: None,
            pgoff,
        });
        let effect = lab.watch(a, |lab| {
            lab.call(a, call).unwrap();
        });
        assert_eq!((effect.frames, effect.rss), (0, 0), "{what}");
    }
}

/// `mm/memory.c`, `zap_pte_range()`: what an entry knew of a page is kept when the entry goes.
#[test]
fn an_unmapped_page_is_dirty_if_it_was_written_through_that_entry() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap(a, 1, RW, SHARED);
    lab.read(a, va);
    let (b, c) = (lab.fork(a), lab.fork(a));
    lab.read(b, va);
    let pfn = lab.pfn(a, va);
    let is_dirty = |lab: &Lab| lab.k.mem.page(pfn).flags().contains(PageFlags::DIRTY);
    assert!(!is_dirty(&lab));
    lab.munmap(b, va, 1);
    assert!(!is_dirty(&lab));
    lab.write(c, va, 1);
    assert!(!is_dirty(&lab), "only the entry knows");
    lab.munmap(c, va, 1);
    assert!(is_dirty(&lab));
}
