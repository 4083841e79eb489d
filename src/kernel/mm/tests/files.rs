//! Files in memory: the page cache, dirty pages and their way to the device.

use super::lab::{Lab, RW};
use crate::abi::{Errno, InodeId, O_CREAT, O_RDWR, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::kernel::fs::InodeKind;
use crate::kernel::mm::{PageFlags, ZoneIdx};
use crate::kernel::syscall::Syscall;
use crate::trace::{EventKind, TraceEvent};

const O_APPEND: u32 = crate::abi::O_APPEND;

/// A task with a regular file open for reading and writing, and a buffer of four pages.
struct Files {
    lab: Lab,
    task: TaskId,
    fd: u32,
    buffer: VirtAddr,
}

impl Files {
    fn new() -> Self {
        let (mut lab, task) = Lab::with_task();
        let fd = lab.open(task, "data", O_CREAT | O_RDWR);
        let buffer = lab.mmap(task, 4, RW, super::lab::PRIVATE);
        Self {
            lab,
            task,
            fd,
            buffer,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> u32 {
        self.lab.run(self.task);
        self.lab
            .k
            .user_write(self.task, self.buffer, bytes)
            .unwrap();
        let call = Syscall::Write(self.fd, self.buffer, bytes.len() as u32);
        self.lab.call(self.task, call).unwrap()
    }

    fn read(&mut self, len: u32) -> Vec<u8> {
        let call = Syscall::Read(self.fd, self.buffer, len);
        let read = self.lab.call(self.task, call).unwrap();
        let mut bytes = vec![0; read as usize];
        self.lab
            .k
            .user_read(self.task, self.buffer, &mut bytes)
            .unwrap();
        bytes
    }

    fn seek(&mut self, offset: i32) {
        self.lab
            .call(self.task, Syscall::Lseek(self.fd, offset, 0))
            .unwrap();
    }

    fn inode(&self) -> InodeId {
        self.lab.k.lookup("data").unwrap()
    }

    fn contents(&self) -> Vec<u8> {
        self.lab.k.file_bytes(self.inode(), 0, u32::MAX)
    }

    /// How many pages the device holds.
    fn blocks(&self) -> usize {
        match &self.lab.k.inodes[self.inode()].kind {
            InodeKind::Regular(file) => file.blocks(),
            other => panic!("{other:?}"),
        }
    }

    fn cached(&self) -> Vec<u32> {
        let inode = &self.lab.k.inodes[self.inode()];
        inode.pages().keys().copied().collect()
    }

    fn page(&self, index: u32) -> Pfn {
        self.lab.k.inodes[self.inode()].pages()[&index]
    }

    fn has(&self, index: u32, flag: PageFlags) -> bool {
        self.lab.k.mem.page_has(self.page(index), flag)
    }

    /// `nr_dirty` and `nr_writeback`.
    fn counts(&self) -> (u64, u64) {
        (
            self.lab.k.mem.page_state().nr_dirty,
            self.lab.k.mem.page_state().nr_writeback,
        )
    }

    fn size(&self) -> u32 {
        self.lab.k.inodes[self.inode()].size()
    }
}

#[test]
fn what_is_written_is_in_the_page_cache_and_not_on_the_device() {
    let mut files = Files::new();
    assert_eq!(files.write(b"hello"), 5);
    assert_eq!((files.cached(), files.blocks()), (vec![0], 0));
    assert!(files.has(0, PageFlags::DIRTY | PageFlags::UPTODATE));
    assert_eq!(files.counts(), (1, 0));
    assert_eq!(files.contents(), b"hello");
    files.seek(1);
    assert_eq!(files.read(99), b"ello");
    files.lab.check();
}

/// `mm/filemap.c`, `generic_file_buffered_write()`: a page is dirty once, however often it is
/// written.
#[test]
fn each_dirty_page_counts_once() {
    let mut files = Files::new();
    files.write(&[1; 100]);
    files.write(&[2; 100]);
    assert_eq!(files.counts(), (1, 0));
    files.write(&[3; 4096]);
    assert_eq!((files.counts(), files.cached()), ((2, 0), vec![0, 1]));
    let expected = [vec![1; 100], vec![2; 100], vec![3; 4096]].concat();
    assert_eq!(files.contents(), expected);
}

/// `fs/buffer.c`, `sys_fsync()`: the write has begun when the call sleeps, and it ends with the tick.
#[test]
fn fsync_sleeps_until_the_device_has_the_pages() {
    let mut files = Files::new();
    files.write(&[7; 5000]);
    files.lab.run(files.task);
    files.lab.k.syscall(files.task, Syscall::Fsync(files.fd));
    assert_eq!((files.counts(), files.blocks()), ((0, 2), 2));
    assert!(files.has(0, PageFlags::WRITEBACK) && !files.has(0, PageFlags::DIRTY));
    assert_eq!(files.lab.k.next_expiry(), Some(files.lab.k.tick() + 1));
    files.lab.check();

    files.lab.k.timer_interrupt();
    assert_eq!(files.counts(), (0, 0));
    files.lab.run(files.task);
    assert_eq!(files.lab.k.take_return(files.task), Some(Ok(0)));
    assert_eq!(
        files.lab.call(files.task, Syscall::Fsync(files.fd)),
        Ok(0),
        "nothing is left"
    );
    files.lab.check();
}

#[test]
fn a_page_written_again_while_it_is_on_its_way_is_dirty_again() {
    let mut files = Files::new();
    files.write(b"one");
    files.lab.k.filemap_fdatawrite(files.inode());
    files.seek(0);
    files.write(b"two");
    assert_eq!(files.counts(), (1, 1));
    files.lab.k.timer_interrupt();
    assert_eq!(files.counts(), (1, 0));
    files.lab.check();
}

#[test]
fn sync_writes_all_files_and_fsync_knows_only_files() {
    let mut files = Files::new();
    files.write(b"one");
    let (lab, task) = (&mut files.lab, files.task);
    let other = lab.open(task, "other", O_CREAT | O_RDWR);
    lab.call(task, Syscall::Write(other, files.buffer, 3))
        .unwrap();
    lab.run(task);
    lab.k.syscall(task, Syscall::Sync);
    assert_eq!(
        (
            lab.k.mem.page_state().nr_dirty,
            lab.k.mem.page_state().nr_writeback
        ),
        (0, 2)
    );
    lab.k.timer_interrupt();
    lab.run(task);
    assert_eq!(lab.k.take_return(task), Some(Ok(0)));
    for call in [Syscall::Fsync(0), Syscall::Fdatasync(0)] {
        assert_eq!(lab.call(task, call), Err(Errno::EINVAL), "the console");
    }
    assert_eq!(lab.call(task, Syscall::Fsync(99)), Err(Errno::EBADF));
}

/// `mm/filemap.c`, `filemap_copy_from_user()` and `commit_write`: what cannot be read is zero, and
/// the file grows over it.
#[test]
fn a_source_that_ends_in_the_middle_leaves_zeros_behind() {
    let mut files = Files::new();
    let end = VirtAddr(files.buffer.0 + 4 * PAGE_SIZE - 4);
    let (lab, task, fd) = (&mut files.lab, files.task, files.fd);
    lab.munmap(task, VirtAddr(files.buffer.0 + 3 * PAGE_SIZE), 1);
    let last = VirtAddr(end.0 - PAGE_SIZE);
    lab.write(task, last, 0x0403_0201);
    assert_eq!(lab.call(task, Syscall::Write(fd, last, 10)), Ok(4));
    assert_eq!(files.size(), 10);
    assert_eq!(files.contents(), [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
    let bad = VirtAddr(end.0 + 4);
    let (lab, task, fd) = (&mut files.lab, files.task, files.fd);
    assert_eq!(
        lab.call(task, Syscall::Write(fd, bad, 10)),
        Err(Errno::EFAULT)
    );
    assert_eq!(files.size(), 14);
    files.lab.check();
}

/// `mm/filemap.c`, `do_generic_mapping_read()`: an error after some bytes gives the bytes.
#[test]
fn a_read_into_bad_memory_returns_what_came_before() {
    let mut files = Files::new();
    files.write(&[5; 4096]);
    files.seek(0);
    let (lab, task, fd) = (&mut files.lab, files.task, files.fd);
    lab.munmap(task, VirtAddr(files.buffer.0 + PAGE_SIZE), 1);
    let at = VirtAddr(files.buffer.0 + PAGE_SIZE - 6);
    assert_eq!(lab.call(task, Syscall::Read(fd, at, 100)), Ok(6));
    let at = VirtAddr(files.buffer.0 + PAGE_SIZE);
    assert_eq!(
        lab.call(task, Syscall::Read(fd, at, 100)),
        Err(Errno::EFAULT)
    );
    assert_eq!(lab.call(task, Syscall::Lseek(fd, 0, 1)), Ok(6));
}

#[test]
fn appending_and_truncating_see_what_is_only_in_memory() {
    let mut files = Files::new();
    files.write(b"one");
    let (lab, task) = (&mut files.lab, files.task);
    let fd = lab.open(task, "data", O_RDWR | O_APPEND);
    lab.call(task, Syscall::Write(fd, files.buffer, 3)).unwrap();
    assert_eq!(files.contents(), b"oneone");
    let (lab, task) = (&mut files.lab, files.task);
    lab.open(task, "data", O_RDWR | crate::abi::O_TRUNC);
    assert_eq!(
        (files.size(), files.cached(), files.counts()),
        (0, vec![], (0, 0))
    );
    files.lab.check();
}

/// `fs/read_write.c`, `sys_pread64()` and `sys_pwrite64()`.
#[test]
fn reads_and_writes_at_a_position_of_their_own() {
    let mut files = Files::new();
    files.write(b"hello");
    let (lab, task, fd, at) = (&mut files.lab, files.task, files.fd, files.buffer);
    assert_eq!(lab.call(task, Syscall::Pwrite64(fd, at, 2, 8)), Ok(2));
    assert_eq!(lab.call(task, Syscall::Pread64(fd, at, 99, 3)), Ok(7));
    assert_eq!(
        lab.call(task, Syscall::Lseek(fd, 0, 1)),
        Ok(5),
        "the offset stays"
    );
    assert_eq!(files.contents(), b"hello\0\0\0he");
    let (lab, fd) = (&mut files.lab, files.fd);
    let append = lab.open(task, "data", O_RDWR | O_APPEND);
    let write_only = lab.open(task, "data", 1);
    for (what, call, expected) in [
        (
            "negative",
            Syscall::Pread64(99, at, 1, -1),
            Err(Errno::EINVAL),
        ),
        (
            "not open",
            Syscall::Pread64(99, at, 1, 0),
            Err(Errno::EBADF),
        ),
        ("console", Syscall::Pread64(0, at, 1, 0), Err(Errno::ESPIPE)),
        (
            "write-only",
            Syscall::Pread64(write_only, at, 1, 0),
            Err(Errno::EBADF),
        ),
        (
            "far beyond the end",
            Syscall::Pread64(fd, at, 1, 1 << 40),
            Ok(0),
        ),
        (
            "appends all the same",
            Syscall::Pwrite64(append, at, 1, 0),
            Ok(1),
        ),
    ] {
        assert_eq!(lab.call(task, call), expected, "{what}");
    }
    assert_eq!(files.size(), 11);
}

impl Files {
    /// Whether a page is on the active list, and whether it counts as used.
    fn use_of(&self, index: u32) -> (bool, bool) {
        let flags = self.lab.k.mem.page(self.page(index)).flags();
        let has = |flag| flags.contains(flag);
        (has(PageFlags::ACTIVE), has(PageFlags::REFERENCED))
    }

    fn pread(&mut self, index: u32) {
        let call = Syscall::Pread64(self.fd, self.buffer, 100, (index * PAGE_SIZE).into());
        assert_eq!(self.lab.call(self.task, call), Ok(100));
    }
}

/// `mm/filemap.c`, `do_generic_mapping_read()`: a page that is read in pieces was used once.
#[test]
fn reclaim_example_15_the_same_page_twice_in_a_row_is_used_once() {
    let file = || {
        let mut files = Files::new();
        let call = Syscall::Ftruncate(files.fd, 2 * PAGE_SIZE as i32);
        files.lab.call(files.task, call).unwrap();
        files
    };
    for (reads, used) in [
        (&[0, 0][..], (false, true)),
        (&[0, 0, 0, 0][..], (false, true)),
        (&[0, 1, 0][..], (true, false)),
        (&[0, 1, 0, 1, 0][..], (true, true)),
    ] {
        let mut files = file();
        reads.iter().for_each(|index| files.pread(*index));
        assert_eq!(files.use_of(0), used, "{reads:?}");
    }
}

#[test]
fn reclaim_example_16_a_page_that_two_calls_write_is_active() {
    let mut files = Files::new();
    let state = |files: &Files| {
        let state = files.lab.k.mem.page_state();
        (state.pgactivate, state.nr_dirty)
    };
    let before = state(&files);
    files.write(&[1; 100]);
    assert_eq!(files.use_of(0), (false, true));
    assert_eq!(state(&files), (before.0, before.1 + 1));
    files.write(&[2; 100]);
    assert_eq!(files.use_of(0), (true, false));
    assert_eq!(state(&files), (before.0 + 1, before.1 + 1));
    files.lab.check();
}

#[test]
fn the_trace_tells_of_pages_that_become_active_or_are_written() {
    let mut files = Files::new();
    files.write(&[1; PAGE_SIZE as usize + 100]);
    files.write(&[2; 100]);
    let inode = files.inode();
    files.lab.k.filemap_fdatawrite(inode);
    let page = |index| files.lab.k.inodes[inode].pages()[&index];
    let (first, second) = (page(0), page(1));
    let events = files.lab.k.log.records().map(|record| record.event);
    let told: Vec<TraceEvent> = events
        .filter(|event| matches!(event.kind(), EventKind::WritePage | EventKind::LruActivate))
        .collect();
    let written = |pfn, index| TraceEvent::WritePage { pfn, index };
    let active = TraceEvent::LruActivate { pfn: second };
    assert_eq!(told, [active, written(first, 0), written(second, 1)]);
}

/// `mm/filemap.c`: a page that a device fills comes from the cold list of the CPU, one that is written
/// from the hot list, and so does shared memory.
#[test]
fn only_pages_that_a_device_fills_are_cold() {
    let mut files = Files::new();
    let call = Syscall::Ftruncate(files.fd, 2 * PAGE_SIZE as i32);
    files.lab.call(files.task, call).unwrap();
    files.lab.touch(files.task, files.buffer, 1);
    let zone = ZoneIdx::Normal;
    let cold = |lab: &Lab| lab.k.mem.cold_list(0, zone).next();
    let hot = |lab: &Lab| lab.k.mem.pcp_list(0, zone).next();
    // So that both lists have pages.
    files.lab.k.page_cache_read(files.inode(), 9).unwrap();
    let (next_cold, next_hot) = (cold(&files.lab), hot(&files.lab));
    files.pread(0);
    assert_eq!(Some(files.page(0)), next_cold);
    assert_eq!(hot(&files.lab), next_hot);

    files.seek(2 * PAGE_SIZE as i32);
    let next_hot = hot(&files.lab);
    files.write(&[1; 100]);
    assert_eq!(Some(files.page(2)), next_hot);

    let (mut lab, task) = Lab::with_task();
    let va = lab.mmap(task, 1, RW, super::lab::SHARED);
    lab.run(task);
    // The first fault of the area takes a page table as well.
    lab.read(task, VirtAddr(lab.mm(task).start_data));
    let next_cold = cold(&lab);
    lab.read(task, va);
    assert_ne!(Some(lab.pfn(task, va)), next_cold);
}
