//! A task with a file that it maps.

use super::lab::{Effect, Lab, RW};
use crate::abi::{Errno, InodeId, O_CREAT, O_RDWR, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::mm::{PageFlags, UserFaultKind};
use crate::kernel::syscall::Syscall;

pub(super) const READ: u32 = 1;
pub(super) const WRITE: u32 = 2;
pub(super) const SHARED: u32 = 1;
pub(super) const PRIVATE: u32 = 2;
pub(super) const POPULATE: u32 = 0x8000;
pub(super) const NONBLOCK: u32 = 0x1_0000;
pub(super) const LOCKED: u32 = 0x2000;

/// A task with a file of so many bytes on the device and nothing cached. Each page begins with its
/// number plus 1.
pub(super) struct Mapped {
    pub(super) lab: Lab,
    pub(super) task: TaskId,
    pub(super) fd: u32,
    pub(super) inode: InodeId,
}

impl Mapped {
    pub(super) fn file(bytes: u32) -> Self {
        Self::file_on(Config::default(), bytes)
    }

    pub(super) fn file_on(config: Config, bytes: u32) -> Self {
        let (mut lab, task) = Lab::with_task_on(config);
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
    pub(super) fn drop_cache(&mut self) {
        let k = &mut self.lab.k;
        k.filemap_fdatawrite(self.inode);
        k.timer_interrupt();
        k.truncate_inode_pages(self.inode, 0);
        self.lab.check();
    }

    /// Reads all pages into the cache, in no mapping.
    pub(super) fn read_all(&mut self) {
        let pages = self.lab.k.inodes[self.inode].pages_of_size();
        self.lab.k.force_page_cache_readahead(self.inode, 0, pages);
    }

    pub(super) fn map(&mut self, pages: u32, prot: u32, flags: u32) -> VirtAddr {
        self.map_from(0, pages, prot, flags)
    }

    pub(super) fn map_from(&mut self, pgoff: u32, pages: u32, prot: u32, flags: u32) -> VirtAddr {
        let place = (self.fd, pgoff, pages);
        self.lab
            .try_map_file(self.task, place, prot, flags)
            .unwrap()
    }

    pub(super) fn truncate(&mut self, length: u32) -> Effect {
        let (task, fd) = (self.task, self.fd);
        self.lab.watch(task, |lab| {
            lab.call(task, Syscall::Ftruncate(fd, length as i32))
                .unwrap();
        })
    }

    pub(super) fn cached(&self) -> Vec<u32> {
        let pages = self.lab.k.inodes[self.inode].pages();
        pages.keys().copied().collect()
    }

    pub(super) fn page(&self, index: u32) -> Pfn {
        self.lab.k.inodes[self.inode].pages()[&index]
    }

    pub(super) fn is_dirty(&self, index: u32) -> bool {
        self.lab.k.mem.page_has(self.page(index), PageFlags::DIRTY)
    }

    pub(super) fn bits(&self, va: VirtAddr) -> u32 {
        self.lab.bits(self.task, va)
    }

    pub(super) fn read(&mut self, va: VirtAddr) -> u32 {
        self.lab.read(self.task, va)
    }

    pub(super) fn write(&mut self, va: VirtAddr, value: u32) {
        self.lab.write(self.task, va, value);
    }

    pub(super) fn expect_sigbus(&mut self, va: VirtAddr) {
        let faults = (self.min_flt(), self.maj_flt());
        let fault = self.lab.try_read(self.task, va).unwrap_err();
        assert_eq!(fault.kind, UserFaultKind::Bus, "{va}");
        assert_eq!(
            (self.min_flt(), self.maj_flt()),
            faults,
            "no fault is counted"
        );
    }

    pub(super) fn min_flt(&self) -> u32 {
        self.lab.k.task(self.task).min_flt
    }

    pub(super) fn maj_flt(&self) -> u32 {
        self.lab.k.task(self.task).maj_flt
    }

    pub(super) fn remap(
        &mut self,
        start: VirtAddr,
        size: u32,
        pgoff: u32,
        flags: u32,
    ) -> Result<u32, Errno> {
        let call = Syscall::RemapFilePages([start.0, size, 0, pgoff, flags]);
        self.lab.call(self.task, call)
    }

    pub(super) fn msync(&mut self, va: VirtAddr, len: u32, flags: u32) -> Result<u32, Errno> {
        self.lab.call(self.task, Syscall::Msync(va.0, len, flags))
    }
}

pub(super) const fn page(va: VirtAddr, index: u32) -> VirtAddr {
    VirtAddr(va.0 + index * PAGE_SIZE)
}
