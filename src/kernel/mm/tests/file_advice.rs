//! What calls say of the pages of a file, or do with them without touching them: `msync`, `mincore`,
//! `madvise`, `fadvise64`, `mlock`.

use super::lab::{Effect, Lab, RW};
use super::mapped_lab::{LOCKED, Mapped, PRIVATE, READ, SHARED, page};
use crate::abi::{
    Errno, MADV_DONTNEED, MADV_WILLNEED, MS_ASYNC, MS_INVALIDATE, MS_SYNC, PAGE_SIZE,
    POSIX_FADV_DONTNEED, POSIX_FADV_RANDOM, POSIX_FADV_WILLNEED, VirtAddr,
};
use crate::kernel::syscall::Syscall;

#[test]
fn reclaim_example_55_msync() {
    let mut f = Mapped::file(100 * PAGE_SIZE);
    let va = f.map(100, RW, SHARED);
    f.lab.touch(f.task, va, 100);
    assert_eq!(f.lab.k.mem.page_state().nr_dirty, 0);
    f.msync(va, 3 * PAGE_SIZE, MS_ASYNC).unwrap();
    assert_eq!((f.bits(va), f.bits(page(va, 3))), (0x027, 0x067));
    assert_eq!(
        (
            f.lab.k.mem.page_state().nr_dirty,
            f.lab.k.mem.page_state().nr_writeback
        ),
        (3, 0)
    );
    let task = f.task;
    let effect = f.lab.watch(task, |lab| lab.write(task, va, 5));
    assert_eq!((effect, f.bits(va)), (Effect::default(), 0x067));
    assert_eq!(
        f.msync(va, PAGE_SIZE, MS_ASYNC | MS_SYNC),
        Err(Errno::EINVAL)
    );
    assert_eq!(f.msync(va, 0xffff_ffff, MS_SYNC), Ok(0));

    f.msync(va, 100 * PAGE_SIZE, 0).unwrap();
    f.write(va, 6);
    f.lab.run(task);
    f.lab
        .k
        .syscall(task, Syscall::Msync(va.0, PAGE_SIZE, MS_SYNC));
    assert_eq!(
        (
            f.lab.k.mem.page_state().nr_dirty,
            f.lab.k.mem.page_state().nr_writeback
        ),
        (0, 100),
        "the whole file"
    );
    f.lab.k.timer_interrupt();
    f.lab.run(task);
    assert_eq!(f.lab.k.take_return(task), Some(Ok(0)));
    f.lab.check();
}

#[test]
fn msync_skips_holes_and_reports_them_at_the_end() {
    let mut f = Mapped::file(3 * PAGE_SIZE);
    let va = f.map(3, RW, SHARED);
    f.lab.touch(f.task, va, 3);
    let task = f.task;
    f.lab.munmap(task, page(va, 1), 1);
    assert_eq!(f.msync(va, 3 * PAGE_SIZE, MS_ASYNC), Err(Errno::ENOMEM));
    assert_eq!(
        (f.bits(va), f.bits(page(va, 2))),
        (0x027, 0x027),
        "both were done"
    );
    assert_eq!(
        f.msync(VirtAddr(0xbfff_f000), 0x2000, MS_ASYNC),
        Err(Errno::ENOMEM)
    );
    let locked = f.map(1, READ, SHARED | LOCKED);
    assert_eq!(f.msync(locked, 1, MS_INVALIDATE), Err(Errno::EBUSY));
    assert_eq!(f.msync(va, 1, MS_INVALIDATE), Ok(0));
}

/// `mm/mincore.c`: the page cache is asked, not the page table.
#[test]
fn reclaim_example_73_mincore() {
    let mut f = Mapped::file(40 * PAGE_SIZE);
    let va = f.map(40, RW, PRIVATE);
    let (task, vec) = (f.task, f.lab.mmap(f.task, 1, RW, super::lab::PRIVATE));
    let mincore = |f: &mut Mapped, at: VirtAddr, pages: u32| {
        let call = Syscall::Mincore(at.0, pages * PAGE_SIZE, vec);
        f.lab.call(task, call).map(|_| {
            let mut bytes = vec![0; pages as usize];
            f.lab.k.user_read(task, vec, &mut bytes).unwrap();
            bytes
        })
    };
    assert_eq!(mincore(&mut f, va, 2), Ok(vec![0, 0]));
    f.write(page(va, 39), 1);
    f.lab.k.truncate_inode_pages(f.inode, 39 * PAGE_SIZE);
    let bytes = mincore(&mut f, page(va, 38), 2);
    assert_eq!(
        bytes,
        Ok(vec![1, 0]),
        "the copy of an evicted page does not count"
    );
    assert_eq!(mincore(&mut f, vec, 1), Err(Errno::ENOMEM), "anonymous");
    f.lab.munmap(task, page(va, 1), 38);
    let call = Syscall::Mincore(va.0, 40 * PAGE_SIZE, vec);
    assert_eq!(f.lab.call(task, call), Err(Errno::ENOMEM), "a hole");
    for (at, len, vector, expected) in [
        (va.0 + 1, 0, vec, Errno::EINVAL),
        (0xc000_0000, 0, vec, Errno::ENOMEM),
        (va.0, PAGE_SIZE, VirtAddr(0xc000_0000), Errno::EFAULT),
        (va.0, PAGE_SIZE, VirtAddr(0x1000), Errno::EFAULT),
    ] {
        let call = Syscall::Mincore(at, len, vector);
        assert_eq!(f.lab.call(task, call), Err(expected));
    }
    f.lab.check();
}

/// `mm/fadvise.c`, `sys_fadvise64_64()`.
#[test]
fn fadvise_reads_drops_and_sets_the_window() {
    let mut f = Mapped::file(100 * PAGE_SIZE);
    let (task, fd) = (f.task, f.fd);
    let advise = |f: &mut Mapped, offset: i64, len: u32, advice: i32| {
        f.lab
            .call(task, Syscall::Fadvise64(fd, offset, len, advice))
    };
    // Partial pages are read, but only whole ones dropped.
    assert_eq!(advise(&mut f, 4095, 2, POSIX_FADV_WILLNEED), Ok(0));
    assert_eq!(f.cached(), [0, 1]);
    assert_eq!(
        advise(&mut f, 1, 2 * PAGE_SIZE - 2, POSIX_FADV_DONTNEED),
        Ok(0)
    );
    assert_eq!(f.cached(), [0, 1]);
    let va = f.map(1, READ, SHARED);
    f.read(va);
    assert_eq!(advise(&mut f, 0, 0, POSIX_FADV_DONTNEED), Ok(0));
    assert_eq!(f.cached(), [0], "what is mapped stays");
    assert_eq!(advise(&mut f, 0, 0, POSIX_FADV_RANDOM), Ok(0));
    let far = f.map_from(50, 1, READ, SHARED);
    f.read(far);
    assert_eq!(f.cached(), [0, 50], "no window");
    for (call, expected) in [
        (Syscall::Fadvise64(99, 0, 0, 9), Errno::EBADF),
        (Syscall::Fadvise64(0, 0, 0, 0), Errno::EINVAL),
        (Syscall::Fadvise64(fd, 0, 0, 9), Errno::EINVAL),
        (Syscall::Fadvise64x64(fd, 0, -1, 0), Errno::EINVAL),
        (Syscall::Readahead(99, 0, 1), Errno::EBADF),
    ] {
        assert_eq!(f.lab.call(task, call), Err(expected));
    }
    assert_eq!(
        f.lab.call(task, Syscall::Readahead(fd, 4096 * 70, 4097)),
        Ok(0)
    );
    assert_eq!(f.cached(), [0, 50, 70, 71]);
    f.lab.check();
}

/// A dirty page is written first, and dropped when it is asked for again.
#[test]
fn dirty_pages_are_dropped_at_the_second_try() {
    let mut f = Mapped::file(PAGE_SIZE);
    f.truncate(100);
    let (task, fd) = (f.task, f.fd);
    let call = Syscall::Fadvise64(fd, 0, 0, POSIX_FADV_DONTNEED);
    f.lab.call(task, call.clone()).unwrap();
    assert_eq!(
        (f.cached(), f.lab.k.mem.page_state().nr_writeback),
        (vec![0], 1)
    );
    f.lab.k.timer_interrupt();
    f.lab.call(task, call).unwrap();
    assert_eq!(f.cached(), Vec::<u32>::new());
    f.lab.check();
}

/// `mm/madvise.c`, `madvise_willneed()`.
#[test]
fn madvise_willneed_reads_what_a_range_maps() {
    let mut f = Mapped::file(20 * PAGE_SIZE);
    let va = f.map_from(4, 16, READ, SHARED);
    let (task, at) = (f.task, page(va, 2));
    let advise = |f: &mut Mapped, at: VirtAddr, pages: u32| {
        let call = Syscall::Madvise(at.0, pages * PAGE_SIZE, MADV_WILLNEED);
        f.lab.call(task, call)
    };
    assert_eq!(advise(&mut f, at, 3), Ok(0));
    assert_eq!(f.cached(), [6, 7, 8]);
    let faults = f.maj_flt();
    f.read(at);
    assert_eq!(f.maj_flt(), faults, "the fault is minor");
    let anonymous = f.lab.mmap(task, 1, RW, super::lab::PRIVATE);
    assert_eq!(advise(&mut f, anonymous, 1), Err(Errno::EBADF));
    f.lab.check();
}

#[test]
fn reclaim_example_46_dontneed_of_file_pages() {
    let mut f = Mapped::file(2 * PAGE_SIZE);
    let (mine, shared) = (f.map(1, RW, PRIVATE), f.map_from(1, 1, RW, SHARED));
    f.write(mine, 8);
    f.write(shared, 9);
    let task = f.task;
    let dontneed = |lab: &mut Lab, at: VirtAddr| {
        let call = Syscall::Madvise(at.0, PAGE_SIZE, MADV_DONTNEED);
        lab.call(task, call).unwrap();
    };
    let effect = f.lab.watch(task, |lab| dontneed(lab, mine));
    assert_eq!((effect.rss, effect.anon_rss), (-1, -1));
    assert_eq!(f.read(mine), 1, "the file's data");
    let effect = f.lab.watch(task, |lab| dontneed(lab, shared));
    assert_eq!((effect.rss, f.is_dirty(1)), (-1, true));
    assert_eq!(f.read(shared), 9);
}

/// mlock of shared pages that were only read makes them dirty, without a fault.
#[test]
fn reclaim_example_74_mlock_of_a_shared_file() {
    let mut f = Mapped::file(4 * PAGE_SIZE);
    let va = f.map(4, RW, SHARED);
    for index in 0..4 {
        f.read(page(va, index));
    }
    let task = f.task;
    let effect = f.lab.watch(task, |lab| {
        let call = Syscall::Mlock(va.0, 4 * PAGE_SIZE);
        lab.call(task, call).unwrap();
    });
    assert_eq!((effect.faults, effect.min_flt), (vec![], 0));
    assert_eq!(
        (f.lab.k.mem.page_state().nr_dirty, f.lab.mm(task).locked_vm),
        (4, 4)
    );
    f.lab.check();
}
