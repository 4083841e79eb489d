//! What madvise makes of pages and areas.

use super::lab::{Effect, Lab, PRIVATE, Parts, RW, SHARED, page, parts};
use crate::abi::{
    Errno, MADV_DONTNEED, MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, PAGE_SIZE,
    TaskId, VirtAddr,
};
use crate::kernel::fail::FailPoint;
use crate::kernel::mm::VmFlags;
use crate::kernel::syscall::Syscall;

/// Advice about whole pages.
fn advise(
    lab: &mut Lab,
    task: TaskId,
    va: VirtAddr,
    pages: u32,
    advice: i32,
) -> Result<u32, Errno> {
    lab.call(task, Syscall::Madvise(va.0, pages * PAGE_SIZE, advice))
}

#[test]
fn memory_example_30_the_child_throws_a_page_away() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.dirty(a, 10);
    lab.write(a, va, 5);
    let b = lab.fork(a);
    let frame = lab.pfn(a, va);
    lab.run(b);
    let effect = lab.watch(b, |lab| {
        assert_eq!(advise(lab, b, va, 1, MADV_DONTNEED), Ok(0));
    });
    let thrown = Effect {
        rss: -1,
        anon_rss: -1,
        reloads: 1,
        ..Effect::default()
    };
    assert_eq!(effect, thrown);
    // Besides the ten pages the child has that of its arguments.
    assert_eq!((lab.counts(frame), lab.mm(b).rss), ((1, 1), 10));

    let effect = lab.watch(b, |lab| assert_eq!(lab.read(b, va), 0));
    assert_eq!(
        (effect.faults, effect.frames, lab.bits(b, va)),
        (vec![4], 0, 0x025)
    );
    let effect = lab.watch(b, |lab| lab.write(b, va, 6));
    assert_eq!((effect.faults, effect.frames, effect.rss), (vec![7], 1, 1));
    assert_eq!((lab.read(a, va), lab.read(b, va)), (5, 6));
}

#[test]
fn what_is_thrown_away_and_what_comes_back() {
    let (mut lab, a) = Lab::with_task();
    let private = lab.dirty(a, 2);
    let shared = lab.mmap(a, 2, RW, SHARED);
    lab.write(a, shared, 7);
    let data = VirtAddr(lab.mm(a).start_data);
    let old = lab.read(a, data);
    lab.write(a, data, 8);
    let before = (lab.k.vm.committed, lab.mm(a).nr_ptes, lab.mm(a).total_vm);
    for (va, value) in [(private, 0), (shared, 7), (data, old)] {
        assert_eq!(advise(&mut lab, a, va, 1, MADV_DONTNEED), Ok(0));
        assert_eq!(lab.bits(a, va), 0);
        assert_eq!(lab.read(a, va), value);
    }
    let after = (lab.k.vm.committed, lab.mm(a).nr_ptes, lab.mm(a).total_vm);
    assert_eq!(before, after, "page tables and charges stay");
    lab.check();
    let effect = lab.watch(a, |lab| {
        let hole = lab.mmap(a, 4, RW, PRIVATE);
        advise(lab, a, hole, 4, MADV_DONTNEED).unwrap();
    });
    assert_eq!(effect.reloads, 0, "where nothing was, nothing is flushed");
}

#[test]
fn read_hints_cut_areas_and_never_merge_them() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 4, RW);
    let hints = VmFlags::SEQ_READ | VmFlags::RAND_READ;
    type Step = ((u32, u32), i32, VmFlags, Parts);
    let steps: [Step; 5] = [
        (
            (1, 2),
            MADV_SEQUENTIAL,
            VmFlags::SEQ_READ,
            &[(0, 1), (1, 2), (2, 4)],
        ),
        (
            (1, 2),
            MADV_RANDOM,
            VmFlags::RAND_READ,
            &[(0, 1), (1, 2), (2, 4)],
        ),
        (
            (1, 2),
            MADV_NORMAL,
            VmFlags::empty(),
            &[(0, 1), (1, 2), (2, 4)],
        ),
        // Cut even though nothing changes.
        (
            (3, 4),
            MADV_NORMAL,
            VmFlags::empty(),
            &[(0, 1), (1, 2), (2, 3), (3, 4)],
        ),
        (
            (0, 4),
            MADV_RANDOM,
            VmFlags::RAND_READ,
            &[(0, 1), (1, 2), (2, 3), (3, 4)],
        ),
    ];
    for ((first, end), advice, hint, expected) in steps {
        let at = page(va, first);
        assert_eq!(advise(&mut lab, a, at, end - first, advice), Ok(0));
        assert_eq!(
            lab.area(a, at).vm_flags & hints,
            hint,
            "{advice} {first}..{end}"
        );
        assert_eq!(parts(&lab, a, va, 4), expected, "{advice} {first}..{end}");
        lab.check();
    }
    // The others merge them again.
    lab.mprotect(a, va, 4, 1);
    assert_eq!(parts(&lab, a, va, 4), [(0, 4)]);
}

/// Each line breaks one rule more than the line below it.
#[test]
fn the_order_in_which_madvise_refuses() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 2, RW);
    let shared = lab.mmap(a, 1, RW, SHARED).0;
    let nowhere = 0xbfff_f000 - (64 << 20);
    let top = 0xffff_f000;
    for (start, len, advice, expected) in [
        (va.0 + 1, u32::MAX, 9, Err(Errno::EINVAL)),
        (va.0, u32::MAX, 9, Err(Errno::EINVAL)),
        (top, 0x2000, 9, Err(Errno::EINVAL)),
        (top, 0, 9, Ok(0)),
        (top, 0x0fff, 9, Err(Errno::EINVAL)),
        (0xc000_0000, 0x1000, 9, Err(Errno::ENOMEM)),
        (va.0 + 0x4000, 0x1000, 9, Err(Errno::ENOMEM)),
        (nowhere, 0x1000, MADV_WILLNEED, Err(Errno::ENOMEM)),
        (va.0 - 0x1000, 0x2000, 9, Err(Errno::EINVAL)),
        (va.0 - 0x1000, 0x2000, -1, Err(Errno::EINVAL)),
        (va.0 - 0x1000, 0x2000, MADV_WILLNEED, Err(Errno::EBADF)),
        (va.0 - 0x1000, 0x2000, MADV_DONTNEED, Err(Errno::ENOMEM)),
        (va.0, 0x3000, MADV_DONTNEED, Err(Errno::ENOMEM)),
        (shared, 1, MADV_WILLNEED, Ok(0)),
        (va.0, 1, MADV_DONTNEED, Ok(0)),
    ] {
        let result = lab.call(a, Syscall::Madvise(start, len, advice));
        assert_eq!(result, expected, "{start:#x} {len:#x} {advice}");
        lab.check();
    }
}

/// A hole is reported only when everything around it is done.
#[test]
fn holes_are_skipped() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 5, RW);
    lab.touch(a, va, 5);
    lab.munmap(a, page(va, 2), 1);
    assert_eq!(
        advise(&mut lab, a, va, 5, MADV_DONTNEED),
        Err(Errno::ENOMEM)
    );
    assert_eq!((lab.bits(a, va), lab.bits(a, page(va, 4))), (0, 0));
    lab.check();
}

/// The first area that refuses stops the walk; those below it are done.
#[test]
fn locked_pages_are_not_thrown_away() {
    let (mut lab, a) = Lab::with_task();
    let va = lab.mmap_at(a, 0x5000_0000, 3, RW);
    lab.touch(a, va, 3);
    assert_eq!(lab.call(a, Syscall::Mlock(page(va, 1).0, 1)), Ok(0));
    assert_eq!(
        advise(&mut lab, a, va, 3, MADV_DONTNEED),
        Err(Errno::EINVAL)
    );
    assert_eq!(lab.bits(a, va), 0);
    assert_eq!(
        (lab.bits(a, page(va, 1)), lab.bits(a, page(va, 2))),
        (0x067, 0x067)
    );
}

#[test]
fn a_hint_that_cannot_cut_the_area_says_try_again() {
    for cut in 0..2 {
        let (mut lab, a) = Lab::with_task();
        let va = lab.mmap_at(a, 0x5000_0000, 3, RW);
        lab.k.fail.set(FailPoint::Slab(Some(cut)));
        let hint = advise(&mut lab, a, page(va, 1), 1, MADV_RANDOM);
        assert_eq!(hint, Err(Errno::EAGAIN));
        assert!(!lab.area(a, page(va, 1)).has(VmFlags::RAND_READ));
        lab.check();
    }
}
