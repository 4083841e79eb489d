//! Mapped files: private and shared pages, and what lies beyond the end.

use super::lab::{Lab, RW};
use super::mapped_lab::{LOCKED, Mapped, NONBLOCK, POPULATE, PRIVATE, READ, SHARED, WRITE, page};
use crate::abi::{Errno, MS_ASYNC, O_RDWR, PAGE_SIZE, VirtAddr};
use crate::kernel::mm::VmFlags;
use crate::kernel::syscall::Syscall;

#[test]
fn memory_example_28_private_page_of_a_regular_file() {
    let mut f = Mapped::file(PAGE_SIZE);
    let va = f.map(1, RW, PRIVATE);
    let task = f.task;
    let effect = f.lab.watch(task, |lab| assert_eq!(lab.read(task, va), 1));
    assert_eq!((effect.faults, effect.frames, effect.rss), (vec![4], 1, 1));
    assert_eq!((f.maj_flt(), effect.min_flt), (1, 0));
    let cached = f.page(0);
    assert_eq!((f.bits(va), f.lab.counts(cached)), (0x025, (2, 1)));

    let effect = f.lab.watch(task, |lab| lab.write(task, va, 7));
    assert_eq!(
        (effect.faults, effect.frames, effect.anon_rss),
        (vec![7], 1, 1)
    );
    assert_eq!((f.bits(va), f.lab.counts(cached)), (0x067, (1, 0)));
    assert_eq!(
        f.lab.k.file_bytes(f.inode, 0, 4),
        [1, 0, 0, 0],
        "the file is as it was"
    );
}

#[test]
fn memory_example_29_private_page_of_a_regular_file_written_first() {
    let mut f = Mapped::file(PAGE_SIZE);
    let va = f.map(1, RW, PRIVATE);
    let task = f.task;
    let effect = f.lab.watch(task, |lab| lab.write(task, va, 7));
    assert_eq!((effect.faults, effect.frames), (vec![6], 2));
    assert_eq!((effect.rss, effect.anon_rss), (1, 1));
    assert_eq!((f.bits(va), f.lab.counts(f.page(0))), (0x067, (1, 0)));
}

/// A file of one page, mapped shared, forked: a store is seen at once by the parent and by `read`.
#[test]
fn a_store_of_a_child_is_seen_by_its_parent_and_by_read_at_once() {
    let mut f = Mapped::file(PAGE_SIZE);
    let va = f.map(1, RW, SHARED);
    let (task, fd) = (f.task, f.fd);
    let child = f.lab.fork(task);
    f.lab.write(child, va, 0x11);
    assert_eq!(f.read(va), 0x11);
    assert_eq!((f.bits(va), f.lab.bits(child, va)), (0x027, 0x067));
    assert_eq!(
        (f.lab.pfn(task, va), f.lab.pfn(child, va)),
        (f.page(0), f.page(0))
    );
    assert_eq!(f.lab.counts(f.page(0)), (3, 2));
    let buffer = f.lab.mmap(task, 1, RW, super::lab::PRIVATE);
    f.lab.call(task, Syscall::Lseek(fd, 0, 0)).unwrap();
    assert_eq!(f.lab.call(task, Syscall::Read(fd, buffer, 4)), Ok(4));
    assert_eq!(f.read(buffer), 0x11);
    assert!(!f.is_dirty(0), "only the entry knows of the store");
    f.lab.check();
}

/// Unrelated processes share a file like memory; it outlives them.
#[test]
fn unrelated_processes_share_a_file_by_its_name() {
    let mut f = Mapped::file(PAGE_SIZE);
    let va = f.map(1, RW, SHARED);
    f.write(va, 5);
    let other = f.lab.spawn();
    let fd = f.lab.open(other, "data", O_RDWR);
    let theirs = f.lab.try_map_file(other, (fd, 0, 1), RW, SHARED).unwrap();
    assert_eq!(f.lab.read(other, theirs), 5);
    f.lab.write(other, theirs, 6);
    assert_eq!(f.read(va), 6);
    let (task, fd) = (f.task, f.fd);
    f.lab.exit(other);
    f.lab.munmap(task, va, 1);
    assert!(f.is_dirty(0));
    assert_eq!(f.lab.call(task, Syscall::Close(fd)), Ok(0));
    assert_eq!(f.lab.k.file_bytes(f.inode, 0, 4), [6, 0, 0, 0]);
    f.lab.check();
}

#[test]
fn what_write_writes_is_seen_by_mappings_and_not_by_private_copies() {
    let mut f = Mapped::file(PAGE_SIZE);
    let shared = f.map(1, READ, SHARED);
    let untouched = f.map(1, RW, PRIVATE);
    let copied = f.map(1, RW, PRIVATE);
    f.write(copied, 9);
    let buffer = f.lab.mmap(f.task, 1, RW, super::lab::PRIVATE);
    f.write(buffer, 0x22);
    let (task, fd) = (f.task, f.fd);
    f.lab.call(task, Syscall::Lseek(fd, 0, 0)).unwrap();
    f.lab.call(task, Syscall::Write(fd, buffer, 4)).unwrap();
    assert_eq!(
        (f.read(shared), f.read(untouched), f.read(copied)),
        (0x22, 0x22, 9)
    );
}

/// `mm/mmap.c`, `do_mmap_pgoff()`: what each way of opening permits, and what becomes of the flags.
#[test]
fn how_a_file_is_open_decides_how_it_is_mapped() {
    let mut f = Mapped::file(PAGE_SIZE);
    let task = f.task;
    let read_only = f.lab.open(task, "data", 0);
    let write_only = f.lab.open(task, "data", 1);
    for (what, fd, prot, flags, expected) in [
        (
            "shared, writable",
            read_only,
            RW,
            SHARED,
            Err(Errno::EACCES),
        ),
        (
            "not readable, shared",
            write_only,
            WRITE,
            SHARED,
            Err(Errno::EACCES),
        ),
        (
            "not readable, private",
            write_only,
            READ,
            PRIVATE,
            Err(Errno::EACCES),
        ),
        ("no type", f.fd, RW, 0, Err(Errno::EINVAL)),
        ("both types", f.fd, RW, 3, Err(Errno::EINVAL)),
        ("growing", f.fd, RW, PRIVATE | 0x100, Err(Errno::EINVAL)),
        ("private, writable", read_only, RW, PRIVATE, Ok(())),
        ("shared, read-only", read_only, READ, SHARED, Ok(())),
    ] {
        let mapped = f.lab.try_map_file(task, (fd, 0, 1), prot, flags);
        assert_eq!(mapped.map(|_| ()), expected, "{what}");
        f.lab.check();
    }
    let mut flags_of = |fd, prot, flags| {
        let va = f.lab.try_map_file(task, (fd, 0, 1), prot, flags).unwrap();
        f.lab.area(task, va).vm_flags
    };
    let shared = flags_of(read_only, READ, SHARED);
    assert!(shared.contains(VmFlags::MAYSHARE));
    assert!(!shared.intersects(VmFlags::SHARED | VmFlags::MAYWRITE));
    let shared = flags_of(f.fd, RW, SHARED);
    assert!(shared.contains(VmFlags::SHARED | VmFlags::MAYWRITE | VmFlags::WRITE));
    assert!(!shared.contains(VmFlags::ACCOUNT));
    assert!(flags_of(read_only, RW, PRIVATE).contains(VmFlags::ACCOUNT | VmFlags::MAYWRITE));
    assert!(!flags_of(read_only, READ, PRIVATE).contains(VmFlags::ACCOUNT));
}

/// The shared area of a file that is not open for writing is never copied and never written.
#[test]
fn a_read_only_shared_mapping_is_the_same_page_after_fork() {
    let mut f = Mapped::file(PAGE_SIZE);
    let task = f.task;
    let fd = f.lab.open(task, "data", 0);
    let va = f.lab.try_map_file(task, (fd, 0, 1), READ, SHARED).unwrap();
    f.read(va);
    let child = f.lab.fork(task);
    assert_eq!((f.bits(va), f.lab.bits(child, va)), (0x025, 0x005));
    assert_eq!(f.lab.counts(f.page(0)), (3, 2));
    let fault = f.lab.try_write(child, va, 1);
    assert_eq!(super::lab::segv_code(fault), 2);
}

#[test]
fn areas_of_one_description_merge_if_their_pages_follow_each_other() {
    let mut f = Mapped::file(4 * PAGE_SIZE);
    let task = f.task;
    let high = f.map_from(2, 2, READ, SHARED);
    let low = f.map_from(0, 2, READ, SHARED);
    assert_eq!(page(low, 2), high);
    assert_eq!(f.lab.area(task, low).pages(), 4);
    let other = f.lab.open(task, "data", O_RDWR);
    let third = f
        .lab
        .try_map_file(task, (other, 0, 2), READ, SHARED)
        .unwrap();
    assert_eq!(f.lab.area(task, third).pages(), 2, "another struct file");
    let effect = f.lab.watch(task, |lab| lab.munmap(task, page(low, 1), 2));
    assert_eq!(effect.areas, 1);
    assert_eq!(f.read(page(low, 3)), 4, "the upper part keeps its offset");
    f.lab.check();
}

#[test]
fn a_mapping_begins_at_any_page_and_reaches_beyond_the_end() {
    let mut f = Mapped::file(3 * PAGE_SIZE + 100);
    let va = f.map_from(2, 4, RW, SHARED);
    assert_eq!(f.read(va), 3);
    assert_eq!(f.read(page(va, 1)), 0);
    f.expect_sigbus(page(va, 2));
    assert_eq!(f.lab.k.task(f.task).thread.cr2, page(va, 2).0);
    // The rest of the last page: others see what is stored there, but it never gets into the file.
    let rest = VirtAddr(page(va, 1).0 + 200);
    f.write(rest, 0x55);
    assert_eq!(f.read(rest), 0x55);
    let len = f.lab.k.file_bytes(f.inode, 0, u32::MAX).len() as u32;
    assert_eq!(len, 3 * PAGE_SIZE + 100);
    f.msync(va, 2 * PAGE_SIZE, MS_ASYNC).unwrap();
    f.lab.k.filemap_fdatawrite(f.inode);
    assert_eq!(f.read(rest), 0, "zeroed on the way to the device");
}

/// `mm/filemap.c`, `filemap_nopage()`: the kernel's own access gets EFAULT instead of a signal.
#[test]
fn a_call_that_reads_beyond_the_end_of_a_file_fails() {
    let mut f = Mapped::file(100);
    let va = f.map(2, RW, SHARED);
    let (task, fd) = (f.task, f.fd);
    let call = Syscall::Write(fd, page(va, 1), 4);
    f.lab.call(task, Syscall::Lseek(fd, 0, 0)).unwrap();
    assert_eq!(f.lab.call(task, call), Err(Errno::EFAULT));
}

#[test]
fn populate_maps_the_pages_of_a_shared_file_at_once() {
    let mut f = Mapped::file(4 * PAGE_SIZE);
    let task = f.task;
    let mut va = VirtAddr(0);
    let fd = f.fd;
    let effect = f.lab.watch(task, |lab| {
        va = lab
            .try_map_file(task, (fd, 0, 4), RW, SHARED | POPULATE)
            .unwrap();
    });
    assert_eq!((effect.rss, effect.faults, effect.min_flt), (4, vec![], 0));
    assert_eq!(f.bits(va), 0x027);
    assert!(!f.lab.area(task, va).has(VmFlags::NONLINEAR));
    let lazy = f.map(4, RW, PRIVATE | POPULATE);
    assert_eq!(f.bits(lazy), 0, "private areas are left out");

    f.lab.munmap(task, va, 4);
    f.drop_cache();
    let va = f.map(4, RW, SHARED | POPULATE | NONBLOCK);
    assert_eq!(
        f.lab.pte(task, page(va, 3)).0,
        0x46,
        "not cached: the entry names it"
    );
    let faults = f.maj_flt();
    assert_eq!((f.read(page(va, 3)), f.maj_flt()), (4, faults + 1));
    f.lab.check();
}

/// MAP_LOCKED reads all pages, and makes shared writable ones dirty only if they are written.
#[test]
fn a_locked_mapping_has_all_its_pages() {
    let mut f = Mapped::file(4 * PAGE_SIZE);
    let va = f.map(4, READ, PRIVATE | LOCKED);
    assert_eq!((f.cached(), f.bits(page(va, 3))), (vec![0, 1, 2, 3], 0x025));
    f.lab.check();
}

/// All who run a program share the pages of its text, and nobody may write to it meanwhile.
#[test]
fn the_text_of_a_program_is_shared_by_all_who_run_it() {
    let (mut lab, a) = Lab::with_task();
    let text = VirtAddr(lab.mm(a).start_code);
    lab.read(a, text);
    let b = lab.spawn();
    lab.read(b, text);
    assert_eq!(lab.pfn(a, text), lab.pfn(b, text));
    assert_eq!(lab.counts(lab.pfn(a, text)).1, 2);
    let open = Syscall::Open("sh".into(), O_RDWR, 0o666);
    assert_eq!(lab.call(a, open), Err(Errno::ETXTBSY));
}
