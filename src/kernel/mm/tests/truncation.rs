//! Files that are cut short or made longer while they are mapped.

use super::lab::RW;
use super::mapped_lab::{Mapped, PRIVATE, SHARED, page};
use crate::abi::{Errno, PAGE_SIZE, Resource, Rlimit, SigAction, Signal, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::mm::UserFaultKind;
use crate::kernel::syscall::Syscall;

#[test]
fn reclaim_example_47_truncation_of_shared_pages() {
    let mut f = Mapped::file(10_000);
    let va = f.map(3, RW, SHARED);
    f.lab.touch(f.task, va, 3);
    let last = VirtAddr(page(va, 1).0 + 1000);
    f.write(last, 0xdead);
    for index in 0..3 {
        assert_eq!(
            (f.bits(page(va, index)), f.lab.counts(f.page(index))),
            (0x067, (2, 1))
        );
    }
    let effect = f.truncate(5000);
    assert_eq!((effect.rss, effect.frames, effect.total_vm), (-1, -1, 0));
    assert_eq!(f.cached(), [0, 1]);
    assert_eq!((f.bits(page(va, 1)), f.bits(page(va, 2))), (0x067, 0));
    assert_eq!((f.read(last), f.read(page(va, 1))), (0, 2));
    f.expect_sigbus(page(va, 2));
    f.lab.check();
}

#[test]
fn reclaim_example_48_truncation_of_private_copies() {
    let mut f = Mapped::file(10_000);
    let va = f.map(3, RW, PRIVATE);
    let rest = VirtAddr(page(va, 1).0 + 1000);
    f.write(rest, 0xdead);
    f.write(page(va, 2), 0xbeef);
    let effect = f.truncate(5000);
    assert_eq!((effect.rss, effect.anon_rss), (-1, -1));
    f.expect_sigbus(page(va, 2));
    assert_eq!(f.read(rest), 0xdead, "the copy keeps its old bytes");

    // Example 50: the file grows again, the private data is gone.
    f.truncate(12_288);
    let faults = f.maj_flt();
    assert_eq!((f.read(page(va, 2)), f.maj_flt()), (0, faults + 1));
    f.lab.check();
}

/// The last page of example 48 is in swap, at slot 9.
#[test]
fn reclaim_example_49_truncation_gives_back_the_slot_of_a_copy() {
    let mut f = Mapped::file_on(
        Config {
            swap: 4 << 20,
            ..Config::default()
        },
        10_000,
    );
    f.lab.swapped(f.task, 8);
    let va = f.map(3, RW, PRIVATE);
    f.write(page(va, 2), 0xbeef);
    f.lab.swap_out(f.task, page(va, 2));
    assert_eq!(f.lab.words(f.task, page(va, 2), 1), [0x900]);
    let slots = f.lab.free_slots();
    f.truncate(5000);
    assert_eq!(f.lab.words(f.task, page(va, 2), 1), [0]);
    assert_eq!((f.lab.owners(9), f.lab.free_slots()), (0, slots + 1));
    f.expect_sigbus(page(va, 2));
    f.lab.check();
}

#[test]
fn truncation_reaches_every_address_space_and_leaves_the_areas() {
    let mut f = Mapped::file(2 * PAGE_SIZE);
    let va = f.map(2, RW, SHARED);
    f.lab.touch(f.task, va, 2);
    let task = f.task;
    let child = f.lab.fork(task);
    let areas = f.lab.areas(child);
    let effect = f.lab.watch(child, |lab| {
        lab.call(task, Syscall::Truncate("data".into(), 0)).unwrap();
    });
    assert_eq!(effect.rss, -2);
    assert_eq!(f.lab.areas(child), areas);
    assert_eq!((f.cached(), f.lab.k.mem.page_state().nr_dirty), (vec![], 0));
    let fault = f.lab.try_read(child, va).unwrap_err();
    assert_eq!(fault.kind, UserFaultKind::Bus);
}

/// `fs/buffer.c`, `nobh_truncate_page()`: the new last page is read, cleared and dirty.
#[test]
fn the_last_page_of_a_truncated_file_is_dirty() {
    let mut f = Mapped::file(2 * PAGE_SIZE);
    f.truncate(PAGE_SIZE + 2);
    assert_eq!((f.cached(), f.is_dirty(1)), (vec![1], true));
    assert_eq!(f.lab.k.file_bytes(f.inode, PAGE_SIZE, 99), [2, 0]);
    f.truncate(PAGE_SIZE);
    assert_eq!((f.cached(), f.lab.k.mem.page_state().nr_dirty), (vec![], 0));
}

/// `fs/open.c`, `do_sys_truncate()` and `do_sys_ftruncate()`; `mm/memory.c`, `vmtruncate()`.
#[test]
fn the_order_in_which_truncate_refuses() {
    let mut f = Mapped::file(100);
    let task = f.task;
    let read_only = f.lab.open(task, "data", 0);
    let path = |path: &str, length| Syscall::Truncate(path.to_owned(), length);
    for (what, call, expected) in [
        ("negative, no file", path("none", -1), Err(Errno::EINVAL)),
        ("no file", path("none", 0), Err(Errno::ENOENT)),
        ("directory", path("/tmp", 0), Err(Errno::EISDIR)),
        ("device", path("null", 0), Err(Errno::EINVAL)),
        ("executed", path("sh", 0), Err(Errno::ETXTBSY)),
        ("too large", path("data", i32::MAX), Err(Errno::EFBIG)),
        ("same length", path("data", 100), Ok(0)),
        ("negative", Syscall::Ftruncate(99, -1), Err(Errno::EINVAL)),
        ("not open", Syscall::Ftruncate(99, 0), Err(Errno::EBADF)),
        (
            "read-only",
            Syscall::Ftruncate(read_only, 0),
            Err(Errno::EINVAL),
        ),
        ("console", Syscall::Ftruncate(0, 0), Err(Errno::EINVAL)),
        ("shorter", Syscall::Ftruncate(f.fd, 99), Ok(0)),
    ] {
        assert_eq!(f.lab.call(task, call), expected, "{what}");
    }
    let limit = Rlimit { cur: 101, max: 101 };
    let call = Syscall::Setrlimit(Resource::Fsize as u32, limit);
    f.lab.call(task, call).unwrap();
    let ignore = Syscall::sigaction(Signal::SIGXFSZ.number(), Some(SigAction::Ignore));
    f.lab.call(task, ignore).unwrap();
    assert_eq!(f.lab.call(task, Syscall::Ftruncate(f.fd, 101)), Ok(0));
    assert_eq!(
        f.lab.call(task, Syscall::Ftruncate(f.fd, 102)),
        Err(Errno::EFBIG)
    );
}

/// `fs/open.c`, `sys_truncate64()`: a length of two words.
#[test]
fn lengths_of_two_words() {
    let mut f = Mapped::file(PAGE_SIZE);
    let (task, fd) = (f.task, f.fd);
    for (length, expected) in [
        (-1, Err(Errno::EINVAL)),
        (1 << 40, Err(Errno::EFBIG)),
        (5, Ok(0)),
    ] {
        let calls = [
            Syscall::Truncate64("data".into(), length),
            Syscall::Ftruncate64(fd, length),
        ];
        for call in calls {
            assert_eq!(f.lab.call(task, call), expected, "{length}");
        }
    }
    let words = [fd, 0xffff_ffff, 0xffff_ffff];
    assert_eq!(f.lab.int_80(task, 194, words), Err(Errno::EINVAL));
}
