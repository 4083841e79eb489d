//! Mapped files: private and shared pages, what lies beyond the end, truncation, nonlinear mappings.

use super::lab::{Effect, Lab, RW};
use crate::abi::{
    Errno, InodeId, MADV_DONTNEED, MADV_WILLNEED, MS_ASYNC, MS_INVALIDATE, MS_SYNC, O_CREAT,
    O_RDWR, PAGE_SIZE, POSIX_FADV_DONTNEED, POSIX_FADV_RANDOM, POSIX_FADV_WILLNEED, Pfn, Resource,
    Rlimit, SigAction, Signal, TaskId, VirtAddr,
};
use crate::kernel::mm::{PageFlags, UserFaultKind, VmFlags};
use crate::kernel::syscall::Syscall;

const READ: u32 = 1;
const WRITE: u32 = 2;
const SHARED: u32 = 1;
const PRIVATE: u32 = 2;
const POPULATE: u32 = 0x8000;
const NONBLOCK: u32 = 0x1_0000;
const LOCKED: u32 = 0x2000;

/// A task with a file of so many bytes on the device and nothing cached. Each page begins with its
/// number plus 1.
struct Mapped {
    lab: Lab,
    task: TaskId,
    fd: u32,
    inode: InodeId,
}

impl Mapped {
    fn file(bytes: u32) -> Self {
        let (mut lab, task) = Lab::with_task();
        let fd = lab.open(task, "data", O_CREAT | O_RDWR);
        let inode = lab.k.lookup("data").unwrap();
        let buffer = lab.mmap(task, 1, RW, super::lab::PRIVATE);
        lab.call(task, Syscall::Ftruncate(fd, bytes as i32))
            .unwrap();
        for page in 0..bytes / PAGE_SIZE {
            lab.write(task, buffer, page + 1);
            let offset = (page * PAGE_SIZE) as i32;
            lab.call(task, Syscall::Lseek(fd, offset, 0)).unwrap();
            lab.call(task, Syscall::Write(fd, buffer, 4)).unwrap();
        }
        lab.munmap(task, buffer, 1);
        let mut mapped = Self {
            lab,
            task,
            fd,
            inode,
        };
        mapped.drop_cache();
        mapped
    }

    /// Writes everything to the device and empties the page cache.
    fn drop_cache(&mut self) {
        let k = &mut self.lab.k;
        k.filemap_fdatawrite(self.inode);
        k.timer_interrupt();
        k.truncate_inode_pages(self.inode, 0);
        self.lab.check();
    }

    /// Reads all pages into the cache, in no mapping.
    fn read_all(&mut self) {
        let pages = self.lab.k.inodes[self.inode].pages_of_size();
        self.lab.k.force_page_cache_readahead(self.inode, 0, pages);
    }

    fn map(&mut self, pages: u32, prot: u32, flags: u32) -> VirtAddr {
        self.map_from(0, pages, prot, flags)
    }

    fn map_from(&mut self, pgoff: u32, pages: u32, prot: u32, flags: u32) -> VirtAddr {
        let place = (self.fd, pgoff, pages);
        self.lab
            .try_map_file(self.task, place, prot, flags)
            .unwrap()
    }

    fn truncate(&mut self, length: u32) -> Effect {
        let (task, fd) = (self.task, self.fd);
        self.lab.watch(task, |lab| {
            lab.call(task, Syscall::Ftruncate(fd, length as i32))
                .unwrap();
        })
    }

    fn cached(&self) -> Vec<u32> {
        let pages = self.lab.k.inodes[self.inode].pages();
        pages.keys().copied().collect()
    }

    fn page(&self, index: u32) -> Pfn {
        self.lab.k.inodes[self.inode].pages()[&index]
    }

    fn is_dirty(&self, index: u32) -> bool {
        self.lab.k.mem.page_has(self.page(index), PageFlags::DIRTY)
    }

    fn bits(&self, va: VirtAddr) -> u32 {
        self.lab.bits(self.task, va)
    }

    fn read(&mut self, va: VirtAddr) -> u32 {
        self.lab.read(self.task, va)
    }

    fn write(&mut self, va: VirtAddr, value: u32) {
        self.lab.write(self.task, va, value);
    }

    fn expect_sigbus(&mut self, va: VirtAddr) {
        let faults = (self.min_flt(), self.maj_flt());
        let fault = self.lab.try_read(self.task, va).unwrap_err();
        assert_eq!(fault.kind, UserFaultKind::Bus, "{va}");
        assert_eq!(
            (self.min_flt(), self.maj_flt()),
            faults,
            "no fault is counted"
        );
    }

    fn min_flt(&self) -> u32 {
        self.lab.k.task(self.task).min_flt
    }

    fn maj_flt(&self) -> u32 {
        self.lab.k.task(self.task).maj_flt
    }

    fn remap(&mut self, start: VirtAddr, size: u32, pgoff: u32, flags: u32) -> Result<u32, Errno> {
        let call = Syscall::RemapFilePages([start.0, size, 0, pgoff, flags]);
        self.lab.call(self.task, call)
    }

    fn msync(&mut self, va: VirtAddr, len: u32, flags: u32) -> Result<u32, Errno> {
        self.lab.call(self.task, Syscall::Msync(va.0, len, flags))
    }
}

const fn page(va: VirtAddr, index: u32) -> VirtAddr {
    VirtAddr(va.0 + index * PAGE_SIZE)
}

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

#[test]
fn reclaim_example_70_sequential_reads() {
    let mut f = Mapped::file(200 * PAGE_SIZE);
    let task = f.task;
    let buffer = f.lab.mmap(task, 1, RW, super::lab::PRIVATE);
    let read = |f: &mut Mapped, fd, index: u32| {
        let offset = (index * PAGE_SIZE) as i32;
        f.lab.call(task, Syscall::Lseek(fd, offset, 0)).unwrap();
        f.lab
            .call(task, Syscall::Read(fd, buffer, PAGE_SIZE))
            .unwrap();
        f.cached().len()
    };
    let fd = f.fd;
    let counts: Vec<usize> = (0..9).map(|index| read(&mut f, fd, index)).collect();
    assert_eq!(counts, [8, 24, 24, 24, 24, 24, 24, 24, 56]);
    f.drop_cache();
    let fd = f.lab.open(task, "data", 0);
    assert_eq!(read(&mut f, fd, 5), 1);
    assert_eq!((read(&mut f, fd, 6), f.cached()), (9, (5..14).collect()));
    f.lab.check();
}

#[test]
fn reclaim_example_71_a_fault_reads_the_pages_around_it() {
    for (touched, cached) in [(16, 0..32), (17, 1..33), (2, 0..32), (99, 83..100)] {
        let mut f = Mapped::file(100 * PAGE_SIZE);
        let va = f.map(100, READ, SHARED);
        assert_eq!(f.read(page(va, touched)), touched + 1);
        assert_eq!(f.cached(), cached.collect::<Vec<u32>>(), "page {touched}");
        assert_eq!(f.maj_flt(), 1);
        let faults = f.min_flt();
        f.read(page(va, touched - 1));
        assert_eq!((f.maj_flt(), f.min_flt()), (1, faults + 1), "a neighbour");
    }
}

/// `mm/filemap.c`, `filemap_nopage()`: with a read that is complete at once the fault is minor.
#[test]
fn reclaim_example_72_random_access_reads_one_page() {
    let mut f = Mapped::file(100 * PAGE_SIZE);
    let va = f.map(100, READ, SHARED);
    f.lab.advise(f.task, va, VmFlags::RAND_READ);
    let faults = f.min_flt();
    f.read(page(va, 50));
    assert_eq!(
        (f.cached(), f.maj_flt(), f.min_flt()),
        (vec![50], 0, faults + 1)
    );
    f.lab.advise(f.task, va, VmFlags::SEQ_READ);
    f.read(page(va, 60));
    assert_eq!(f.cached(), [50, 60], "not sequential yet");
    f.read(page(va, 61));
    assert_eq!(f.cached(), [vec![50], (60..69).collect()].concat());
}

/// `MMAP_LOTSAMISS`: a file that is only missed is read page by page in the end.
#[test]
fn a_file_that_is_never_hit_is_not_read_around_any_more() {
    let mut f = Mapped::file(PAGE_SIZE);
    let fd = f.fd;
    let file = f.lab.k.fget(f.task, fd).unwrap();
    f.lab.k.open_files[file].f_ra.mmap_miss = 100;
    let va = f.map(1, READ, SHARED);
    f.read(va);
    assert_eq!(
        (f.maj_flt(), f.lab.k.open_files[file].f_ra.mmap_hit),
        (0, 1)
    );
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
