//! `swapon` and `swapoff`.

use super::lab::{Lab, PRIVATE, RW, SHARED};
use super::swap_lab::{costs, lab, page, slot};
use crate::abi::{Errno, O_CREAT, O_RDWR, PAGE_SIZE, SWAP_FLAG_PREFER as PREFER, Signal, TaskId};
use crate::hw::Pte;
use crate::kernel::fail::FailPoint;
use crate::kernel::fs::swap_header;
use crate::kernel::mm::{PageFlags, SWAP_DEVICE};
use crate::kernel::syscall::{SysError, Syscall};
use crate::kernel::sysctl::Sysctl;

impl Lab {
    fn swapoff(&mut self, task: TaskId) -> Result<u32, Errno> {
        self.call(task, Syscall::Swapoff(Ok(SWAP_DEVICE.to_owned())))
    }

    fn swapon(&mut self, task: TaskId, path: &str, flags: u32) -> Result<u32, Errno> {
        self.call(task, Syscall::Swapon(Ok(path.to_owned()), flags))
    }

    /// A regular file with a header, and so many pages of data on their way to the device.
    fn swap_file(&mut self, task: TaskId, last_page: u32, pages: u32) -> u32 {
        let fd = self.open(task, "area", O_CREAT | O_RDWR);
        let buffer = self.mmap(task, 1, RW, PRIVATE);
        self.run(task);
        self.k
            .user_write(task, buffer, &swap_header(last_page))
            .unwrap();
        for _ in 0..pages {
            let written = self.call(task, Syscall::Write(fd, buffer, PAGE_SIZE));
            assert_eq!(written, Ok(PAGE_SIZE));
        }
        self.munmap(task, buffer, 1);
        fd
    }
}

#[test]
fn reclaim_example_62_swapoff_gives_the_page_back_to_all_who_have_its_slot() {
    let (mut lab, p) = lab();
    let va = lab.swapped(p, 5);
    let at = page(va, 4);
    let c = lab.fork(p);
    let root = lab.spawn_as(0);
    assert_eq!((lab.owners(5), lab.pte(c, at)), (2, Pte(0x500)));
    let before = [p, c].map(|task| lab.rss(task));

    assert_eq!(lab.swapoff(root), Ok(0));
    let pfn = lab.pfn(p, at);
    assert_eq!((lab.bits(p, at), lab.bits(c, at)), (0x005, 0x005));
    assert_eq!((lab.pfn(c, at), lab.counts(pfn)), (pfn, (2, 2)));
    assert!(
        lab.flags(pfn)
            .contains(PageFlags::DIRTY | PageFlags::ACTIVE)
    );
    assert!(!lab.flags(pfn).contains(PageFlags::SWAPCACHE));
    let more = before.map(|(rss, anon_rss)| (rss + 5, anon_rss + 5));
    assert_eq!([p, c].map(|task| lab.rss(task)), more);
    let swap = &lab.k.swap;
    assert_eq!((swap.total_swap_pages(), swap.nr_swap_pages()), (0, 0));
    lab.check();

    lab.write(c, at, 1);
    assert_ne!(lab.pfn(c, at), pfn);
    lab.write(p, at, 2);
    assert_eq!((lab.pfn(p, at), lab.bits(p, at)), (pfn, 0x067));
    lab.check();
}

/// Mapped pages of the swap cache, pages that were read ahead, and slots without a page.
#[test]
fn swapoff_finds_pages_wherever_they_are() {
    let (mut lab, t) = lab();
    let va = lab.mmap(t, 20, RW, PRIVATE);
    for number in 0..20 {
        lab.write(t, page(va, number), 100 + number);
    }
    (0..20).for_each(|number| lab.swap_out(t, page(va, number)));
    assert_eq!(lab.read(t, page(va, 9)), 109);
    lab.write(t, page(va, 0), 99);
    let root = lab.spawn_as(0);
    assert_eq!(lab.swapoff(root), Ok(0));
    lab.check();
    assert_eq!(lab.bits(t, page(va, 0)), 0x067, "it was mapped");
    let cost = costs(&mut lab, t, |lab| {
        assert_eq!(lab.read(t, va), 99);
        for number in 1..20 {
            assert_eq!(lab.read(t, page(va, number)), 100 + number);
        }
    });
    assert_eq!(cost, [0; 4]);
}

#[test]
fn swapoff_gives_shared_memory_back_to_its_object() {
    let (mut lab, t) = lab();
    let va = lab.mmap(t, 1, RW, SHARED);
    lab.write(t, va, 5);
    let pfn = lab.pfn(t, va);
    lab.age(pfn);
    (0..2).for_each(|_| lab.shrink(pfn));
    lab.k.blk_congestion_wait();
    lab.shrink(pfn);
    assert_eq!((lab.counts(pfn).0, lab.owners(1)), (0, 1));
    let root = lab.spawn_as(0);
    assert_eq!(lab.swapoff(root), Ok(0));
    lab.check();
    let cost = costs(&mut lab, t, |lab| assert_eq!(lab.read(t, va), 5));
    assert_eq!(cost, [0, 1, 0, 0]);
    let pfn = lab.pfn(t, va);
    assert!(lab.flags(pfn).contains(PageFlags::DIRTY));
    assert_eq!(lab.counts(pfn), (2, 1), "its object and the entry");
}

/// `mm/swapfile.c`, `sys_swapoff()`: what it refuses, and that the area is as before then.
#[test]
fn what_swapoff_refuses() {
    let (mut lab, t) = lab();
    let va = lab.swapped(t, 2);
    let root = lab.spawn_as(0);
    let path = |path: &str| Syscall::Swapoff(Ok(path.to_owned()));
    let bad = Syscall::Swapoff(Err(Errno::EFAULT));
    for (task, call, errno) in [
        (t, bad.clone(), Errno::EPERM),
        (root, bad, Errno::EFAULT),
        (root, path("nothing"), Errno::ENOENT),
        (root, path("/tmp"), Errno::EISDIR),
        (root, path("null"), Errno::EINVAL),
    ] {
        assert_eq!(lab.call(task, call), Err(errno));
    }
    let untouched = |lab: &Lab| {
        let swap = &lab.k.swap;
        assert_eq!(
            (swap.total_swap_pages(), swap.nr_swap_pages()),
            (1022, 1020)
        );
        assert_eq!(lab.words(t, va, 2), [0x100, 0x200]);
        lab.check();
    };
    // Nothing may be overcommitted, and only swap may be committed.
    lab.k.config.sysctls.set(Sysctl::OvercommitMemory, 2);
    lab.k.config.sysctls.set(Sysctl::OvercommitRatio, 0);
    assert_eq!(lab.swapoff(root), Err(Errno::ENOMEM));
    lab.k.config.sysctls.set(Sysctl::OvercommitMemory, 0);
    untouched(&lab);
    lab.run(root);
    lab.k.fail.set(FailPoint::Frame(Some(0)));
    assert_eq!(lab.swapoff(root), Err(Errno::ENOMEM));
    untouched(&lab);
    lab.run(root);
    lab.k.force_signal(root, Signal::SIGTERM);
    lab.k
        .syscall(root, Syscall::Swapoff(Ok(SWAP_DEVICE.to_owned())));
    let returned = lab.k.take_return(root).unwrap();
    assert_eq!(returned.map_err(SysError::errno), Err(Errno::EINTR));
    untouched(&lab);
}

#[test]
fn an_area_that_was_turned_off_can_be_turned_on_again() {
    let (mut lab, t) = lab();
    let root = lab.spawn_as(0);
    assert_eq!(lab.swapon(root, SWAP_DEVICE, 0), Err(Errno::EBUSY));
    assert_eq!(lab.swapoff(root), Ok(0));
    assert_eq!(lab.swapoff(root), Err(Errno::EINVAL));
    assert_eq!(lab.swapon(t, SWAP_DEVICE, 0), Err(Errno::EPERM));
    assert_eq!(lab.swapon(root, SWAP_DEVICE, PREFER | 7), Ok(0));
    let areas: Vec<_> = lab
        .k
        .swap
        .areas()
        .map(|(nr, area)| (nr, area.prio()))
        .collect();
    assert_eq!((areas, lab.free_slots()), (vec![(0, 7)], 1022));
    lab.swapped(t, 3);
    assert_eq!(lab.owners(3), 1);
}

/// `mm/swapfile.c`, `sys_swapon()` on regular files.
#[test]
fn a_regular_file_becomes_a_swap_area() {
    let (mut lab, t) = lab();
    let root = lab.spawn_as(0);
    for (what, last_page, pages) in [
        ("too short", 64, 32),
        ("no good page", 1, 64),
        ("no signature", 0, 0),
    ] {
        lab.swap_file(root, last_page, pages);
        let refused = lab.swapon(root, "area", 0);
        assert_eq!(refused, Err(Errno::EINVAL), "{what}");
        lab.call(root, Syscall::Unlink("area".into())).unwrap();
    }
    assert_eq!(lab.swapon(root, "console", 0), Err(Errno::EINVAL));
    let fd = lab.swap_file(root, 31, 31);
    let longer = |lab: &mut Lab| lab.call(root, Syscall::Ftruncate(fd, 64 << 12));
    longer(&mut lab).unwrap();
    assert_eq!(lab.swapon(root, "area", PREFER), Ok(0));
    assert_eq!(lab.free_slots(), 1022 + 30);
    let shorter = lab.call(root, Syscall::Truncate("area".into(), 0));
    assert_eq!(shorter, Err(Errno::ETXTBSY));

    // Its priority is 0, and that of the device -1.
    let va = lab.swapped(t, 31);
    assert_eq!(lab.pte(t, page(va, 29)).0, 30 << 8 | 1 << 1);
    assert_eq!(lab.pte(t, page(va, 30)).0, 1 << 8);
    let off = lab.call(root, Syscall::Swapoff(Ok("area".into())));
    assert_eq!((off, lab.owners(1)), (Ok(0), 1));
    assert_eq!(lab.bits(t, va), 0x005);
    lab.call(root, Syscall::Truncate("area".into(), 0)).unwrap();
    assert_eq!(lab.k.swap.count(slot(1)), 1);
    lab.check();
}

/// A file that was made long without being written.
#[test]
fn a_file_with_holes_is_no_swap_area() {
    let (mut lab, _) = lab();
    let root = lab.spawn_as(0);
    let fd = lab.swap_file(root, 31, 16);
    lab.call(root, Syscall::Ftruncate(fd, 32 << 12)).unwrap();
    assert_eq!(lab.swapon(root, "area", 0), Err(Errno::EINVAL));
    lab.check();
}
