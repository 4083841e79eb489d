//! How many pages may be dirty, and who writes them: the writer, or pdflush.

use super::lab::{Lab, PRIVATE, RW};
use crate::abi::{O_CREAT, O_RDWR, PAGE_SIZE, TaskId, TaskState, VirtAddr};
use crate::kernel::mm::PageFlags;
use crate::kernel::syscall::Syscall;
use crate::kernel::sysctl::Sysctl;

/// Pages that are written with one call.
const CALL: u32 = 32;

/// A task that writes files, and pages to write.
struct Writer {
    lab: Lab,
    task: TaskId,
    buffer: VirtAddr,
}

impl Writer {
    fn new() -> Self {
        let (mut lab, task) = Lab::with_task();
        let buffer = lab.dirty(task, CALL);
        Self { lab, task, buffer }
    }

    fn open(&mut self, name: &str) -> u32 {
        self.lab.open(self.task, name, O_CREAT | O_RDWR)
    }

    fn write(&mut self, fd: u32, pages: u32) {
        for done in (0..pages).step_by(CALL as usize) {
            let len = CALL.min(pages - done) * PAGE_SIZE;
            let call = Syscall::Write(fd, self.buffer, len);
            assert_eq!(self.lab.call(self.task, call), Ok(len));
        }
    }

    /// Dirty pages, and pages that are being written.
    fn state(&self) -> (u64, u64) {
        let state = self.lab.k.mem.page_state();
        (state.nr_dirty, state.nr_writeback)
    }

    /// The threads of pdflush that have something to do.
    fn woken(&self) -> Vec<TaskId> {
        let threads = self.lab.k.pdflush_tasks();
        let sched = &self.lab.k.sched;
        threads
            .filter(|task| sched.get(*task).state == TaskState::RUNNING)
            .collect()
    }

    /// Lets pdflush have the CPU until it sleeps.
    fn pdflush(&mut self) {
        for task in self.woken() {
            self.lab.run(task);
            while self.lab.k.current() == task {
                assert!(self.lab.k.daemon_round(task));
            }
        }
        self.lab.check();
    }

    fn dirty_pages(&self, name: &str) -> Vec<u32> {
        let inode = self.lab.k.lookup(name).unwrap();
        let pages = self.lab.k.inodes[inode].pages().iter();
        let dirty = pages.filter(|(_, pfn)| self.lab.k.mem.page_has(**pfn, PageFlags::DIRTY));
        dirty.map(|(index, _)| *index).collect()
    }

    fn set(&mut self, sysctl: Sysctl, value: u32) {
        self.lab.k.set_sysctl(sysctl, value);
    }

    /// Lets time pass without anybody having the CPU but pdflush.
    fn pass(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.lab.k.timer_interrupt();
            if !self.woken().is_empty() {
                self.pdflush();
            }
        }
    }
}

/// 64 MiB: the limit in the background is 1,638 pages, and a CPU looks at it every 513 pages.
#[test]
fn beyond_the_background_limit_pdflush_writes() {
    let mut w = Writer::new();
    let fd = w.open("data");
    w.write(fd, 2051);
    assert_eq!((w.state(), w.woken().len()), ((2051, 0), 0));
    w.write(fd, 1);
    assert_eq!(w.woken().len(), 1, "2,052 are more than 1,638");
    w.pdflush();
    assert_eq!(w.state().0, 2052 - 1036, "1,024, and the rest of 14");
    w.lab.k.blk_congestion_wait();
    // It does not sleep: fewer than the limit are dirty.
    assert!(w.woken().is_empty());
    w.write(fd, 512);
    assert!(w.woken().is_empty(), "1,528 are fewer");
}

/// pdflush has to wait for the device if it found less to write than it wanted.
#[test]
fn pdflush_waits_for_what_it_has_written() {
    let mut w = Writer::new();
    w.set(Sysctl::DirtyBackgroundRatio, 1);
    let fd = w.open("data");
    w.write(fd, 513);
    assert_eq!(w.woken().len(), 1);
    let thread = w.woken()[0];
    w.pdflush();
    assert_eq!(w.state(), (0, 513));
    let state = |w: &Writer| w.lab.k.sched.get(thread).state;
    assert_eq!(state(&w), TaskState::UNINTERRUPTIBLE);
    w.pass(1);
    assert_eq!((state(&w), w.state()), (TaskState::INTERRUPTIBLE, (0, 0)));
}

/// 5 % are 819 pages, and 2 % in the background 327.
#[test]
fn beyond_the_other_limit_the_writer_writes_himself() {
    let mut w = Writer::new();
    w.set(Sysctl::DirtyRatio, 5);
    let limits = w.lab.k.dirty_limits();
    assert_eq!((limits.background, limits.dirty), (327, 819));
    let fd = w.open("data");
    w.write(fd, 1025);
    assert_eq!(w.state(), (1025, 0));
    // Half more than the 512 of the rate limit, and the rest of 14.
    w.write(fd, 1);
    assert_eq!(w.state(), (1026 - 770, 770));
    // Now it looks after nine pages. There are not so many to write: it waits for the device.
    w.write(fd, 8);
    assert_eq!(w.state(), (264, 770));
    w.write(fd, 1);
    assert_eq!(w.state(), (0, 0));
    w.write(fd, 512);
    assert_eq!(w.state(), (512, 0));
    w.lab.check();
}

/// The more memory is mapped, the fewer pages may be dirty.
#[test]
fn mapped_memory_lowers_the_limits() {
    let mut w = Writer::new();
    assert_eq!(w.lab.k.dirty_limits().dirty, 6553);
    let va = w.lab.mmap(w.task, 9000, RW, PRIVATE);
    w.lab.touch(w.task, va, 9000);
    let mapped = w.lab.k.mem.page_state().nr_mapped as u32 * 100 / 16_384;
    let percent = (100 - mapped) / 2;
    assert_eq!(w.lab.k.dirty_limits().dirty, percent * 16_384 / 100);
}

/// Every five seconds pdflush writes files that have been dirty for half a minute.
#[test]
fn what_is_dirty_for_long_is_written() {
    let mut w = Writer::new();
    let (old, new) = (w.open("old"), w.open("new"));
    assert_eq!(w.lab.k.next_write_back(), None);
    w.pass(100);
    w.write(old, 2);
    assert_eq!(w.lab.k.next_write_back(), Some(5000));
    w.pass(9900);
    w.write(new, 3);
    // The time counts from the first page of a file on.
    w.write(old, 1);
    w.pass(20_000);
    assert_eq!((w.lab.k.tick(), w.state()), (30_000, (6, 0)));
    w.pass(5000);
    assert_eq!(w.state(), (3, 3));
    assert_eq!(
        (w.dirty_pages("old"), w.dirty_pages("new")),
        (vec![], vec![0, 1, 2])
    );
    w.pass(5000);
    assert_eq!(w.state(), (0, 3));
    assert_eq!(w.lab.k.next_write_back(), None);
}

#[test]
fn the_interval_can_be_changed_and_turned_off() {
    let mut w = Writer::new();
    let fd = w.open("data");
    w.set(Sysctl::DirtyExpireCentisecs, 100);
    w.set(Sysctl::DirtyWritebackCentisecs, 0);
    w.write(fd, 1);
    assert_eq!(w.lab.k.next_write_back(), None);
    w.pass(10);
    w.set(Sysctl::DirtyWritebackCentisecs, 200);
    assert_eq!(w.lab.k.next_write_back(), Some(2010));
    w.pass(2000);
    assert_eq!(w.state(), (0, 1));
}

/// `fs/mpage.c`: a part of a large file is written, and the next time the part after it.
#[test]
fn large_files_take_turns() {
    let mut w = Writer::new();
    let (large, small) = (w.open("large"), w.open("small"));
    w.write(large, 2000);
    w.write(small, 50);
    w.write(large, 2);
    assert_eq!(w.woken().len(), 1);
    w.pdflush();
    // 1,036 pages of the large file, which then has to wait for the small one.
    assert_eq!(w.dirty_pages("large"), (1036..2002).collect::<Vec<_>>());
    assert_eq!(w.dirty_pages("small").len(), 50);
    let order: Vec<_> = w.lab.k.dirty_inodes().oldest_first().collect();
    let inodes = ["small", "large"].map(|name| w.lab.k.lookup(name).unwrap());
    assert_eq!(order, inodes);
}
