//! Mappings of a file with its pages in any order.

use super::lab::RW;
use super::mapped_lab::{LOCKED, Mapped, NONBLOCK, PRIVATE, READ, SHARED, page};
use crate::abi::{Errno, MADV_DONTNEED, PAGE_SIZE};
use crate::kernel::mm::VmFlags;
use crate::kernel::syscall::Syscall;

#[test]
fn reclaim_examples_51_and_52_pages_in_any_order() {
    let mut f = Mapped::file(8 * PAGE_SIZE);
    f.read_all();
    let va = f.map(8, RW, SHARED);
    let task = f.task;
    let effect = f.lab.watch(task, |lab| {
        let call = Syscall::RemapFilePages([va.0, 0x2000, 0, 6, 0]);
        lab.call(task, call).unwrap();
    });
    assert_eq!((effect.rss, effect.min_flt, effect.areas), (2, 0, 0));
    assert_eq!((f.bits(va), f.bits(page(va, 1))), (0x027, 0x027));
    assert!(f.lab.area(task, va).has(VmFlags::NONLINEAR));
    assert_eq!(
        (f.read(va), f.read(page(va, 1)), f.read(page(va, 2))),
        (7, 8, 3)
    );

    let child = f.lab.fork(task);
    assert_eq!((f.lab.bits(child, va), f.bits(va)), (0x007, 0x027));
    assert_eq!(f.lab.counts(f.page(6)), (3, 2));
    assert!(f.lab.area(child, va).has(VmFlags::NONLINEAR));
    f.lab.check();
}

/// `mm/memory.c`, `do_file_page()`: the dirty bit comes with the access, not with the page.
#[test]
fn reclaim_example_53_a_write_to_an_entry_that_names_a_page() {
    let mut f = Mapped::file(8 * PAGE_SIZE);
    let va = f.map(8, RW, SHARED);
    f.remap(va, 0x1000, 6, NONBLOCK).unwrap();
    assert_eq!((f.lab.pte(f.task, va).0, f.cached()), (0x4c, vec![]));
    let child = f.lab.fork(f.task);
    assert_eq!(f.lab.pte(child, va).0, 0x4c);
    let effect = f.lab.watch(child, |lab| lab.write(child, va, 9));
    assert_eq!((effect.faults, effect.rss, effect.min_flt), (vec![6], 1, 0));
    assert_eq!(
        (f.lab.bits(child, va), f.lab.k.task(child).maj_flt),
        (0x067, 1)
    );
    assert_eq!(f.read(va), 9, "the parent's entry names the same page");
    f.lab.check();
}

/// `mm/rmap.c`, `try_to_unmap_cluster()`: the first sweep only clears the accessed bits, the second
/// unmaps what was not used meanwhile, whatever page it is. `rss` is right here.
#[test]
fn reclaim_example_53_a_sweep_over_a_nonlinear_mapping() {
    let mut f = Mapped::file(64 * PAGE_SIZE);
    f.read_all();
    let va = f.map(64, RW, SHARED);
    f.remap(va, 2 * PAGE_SIZE, 6, 0).unwrap();
    f.write(page(va, 1), 9);
    f.read(page(va, 40));
    let rss = f.lab.mm(f.task).rss;
    let wanted = f.page(6);
    f.lab.k.try_to_unmap(wanted);
    assert_eq!(
        [0, 1, 40].map(|index| f.bits(page(va, index))),
        [0x007, 0x047, 0x007]
    );
    assert_eq!(f.lab.mm(f.task).rss, rss, "all were used");

    f.read(page(va, 40));
    f.lab.k.try_to_unmap(wanted);
    let entries = [0, 1].map(|index| f.lab.pte(f.task, page(va, index)).0);
    assert_eq!((entries, f.bits(page(va, 40))), ([0x4c, 0x4e], 0x027));
    assert_eq!(f.lab.mm(f.task).rss, rss - 2);
    assert!(f.is_dirty(7) && !f.is_dirty(6));
    assert_eq!((f.read(va), f.read(page(va, 1))), (7, 9));
    f.lab.check();
}

#[test]
fn reclaim_example_54_truncation_of_a_nonlinear_mapping() {
    let mut f = Mapped::file(8 * PAGE_SIZE);
    f.read_all();
    let va = f.map(8, RW, SHARED);
    f.remap(va, 0x2000, 6, 0).unwrap();
    f.read(page(va, 5));
    let effect = f.truncate(4 * PAGE_SIZE);
    assert_eq!(effect.rss, -3);
    let entries = [0, 1, 5].map(|index| f.lab.pte(f.task, page(va, index)).0);
    assert_eq!(entries, [0x4c, 0x4e, 0], "page 5 was at its linear place");
    f.expect_sigbus(va);
    f.expect_sigbus(page(va, 5));
    f.truncate(8 * PAGE_SIZE);
    let faults = f.maj_flt();
    assert_eq!(
        (f.read(va), f.maj_flt()),
        (0, faults + 1),
        "the entry still names page 6"
    );
    assert_eq!(f.lab.pfn(f.task, va), f.page(6));
    f.lab.check();
}

/// A nonlinear area that is locked keeps its pages.
#[test]
fn a_locked_nonlinear_mapping_is_not_swept() {
    let mut f = Mapped::file(2 * PAGE_SIZE);
    let va = f.map(2, RW, SHARED | LOCKED);
    f.remap(va, PAGE_SIZE, 1, 0).unwrap();
    let wanted = f.page(1);
    for _ in 0..2 {
        assert_eq!(
            f.lab.k.try_to_unmap(wanted),
            crate::kernel::mm::rmap_walk::Unmapped::Fail
        );
    }
    f.lab.check();
}

/// Entries that are not at their linear places keep the numbers of their pages.
#[test]
fn dontneed_of_a_nonlinear_mapping_forgets_no_place() {
    let mut f = Mapped::file(8 * PAGE_SIZE);
    let va = f.map(8, RW, SHARED);
    f.remap(va, PAGE_SIZE, 6, 0).unwrap();
    f.remap(page(va, 7), PAGE_SIZE, 0, NONBLOCK).unwrap();
    f.read(page(va, 2));
    let call = Syscall::Madvise(va.0, 8 * PAGE_SIZE, MADV_DONTNEED);
    f.lab.call(f.task, call).unwrap();
    let entries = [0, 2, 7].map(|index| f.lab.pte(f.task, page(va, index)).0);
    assert_eq!(entries, [0x4c, 0, 0x40]);
    assert_eq!(
        (f.read(va), f.read(page(va, 7)), f.read(page(va, 2))),
        (7, 1, 3)
    );
    f.lab.check();
}

/// `mm/fremap.c`, `sys_remap_file_pages()`, and `mm/filemap.c`, `filemap_populate()`.
#[test]
fn the_order_in_which_remap_file_pages_refuses() {
    let mut f = Mapped::file(8 * PAGE_SIZE);
    let va = f.map(8, RW, SHARED);
    let private = f.map(8, RW, PRIVATE).0;
    let task = f.task;
    let fd = f.lab.open(task, "data", 0);
    let read_only = f
        .lab
        .try_map_file(task, (fd, 0, 8), READ, SHARED)
        .unwrap()
        .0;
    let va = va.0;
    for (what, args, expected) in [
        ("prot", [va, 0x1000, 1, 0, 0], Err(Errno::EINVAL)),
        ("less than a page", [va, 0xfff, 0, 0, 0], Err(Errno::EINVAL)),
        ("wraps", [0xffff_f000, 0x1000, 0, 0, 0], Err(Errno::EINVAL)),
        ("page", [va, 0x1000, 0, 0x1fff_ffff, 0], Err(Errno::EINVAL)),
        (
            "nothing there",
            [0x1000, 0x1000, 0, 0, 0],
            Err(Errno::EINVAL),
        ),
        ("private", [private, 0x1000, 0, 0, 0], Err(Errno::EINVAL)),
        (
            "not for writing",
            [read_only, 0x1000, 0, 0, 0],
            Err(Errno::EINVAL),
        ),
        (
            "beyond the area",
            [va + 0x7000, 0x1001, 0, 0, 0],
            Err(Errno::EINVAL),
        ),
        ("unaligned start", [va + 0xfff, 0x1000, 0, 1, 0], Ok(0)),
        ("unaligned size", [va, 0x1fff, 0, 0, 0], Ok(0)),
    ] {
        let effect = f.lab.call(task, Syscall::RemapFilePages(args));
        assert_eq!(effect, expected, "{what}");
        f.lab.check();
    }
    let fresh = f.map(8, RW, SHARED);
    assert_eq!(
        f.remap(fresh, 0x2000, 7, 0),
        Err(Errno::EINVAL),
        "beyond the file"
    );
    assert_eq!(f.bits(fresh), 0, "the first test refuses the whole range");
    assert!(
        f.lab.area(task, fresh).has(VmFlags::NONLINEAR),
        "but it is nonlinear for ever"
    );
    f.lab.check();
}
