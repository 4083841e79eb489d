//! The `stat` family: what the kernel knows of a file, in the layout that the caller's C library
//! expects.

use super::vfs::{Inode, InodeKind};
use crate::abi::{Errno, InodeId, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;
use std::collections::BTreeSet;

/// The device that the root file system is on, major number times 256 plus minor number.
const ROOT_DEV: u32 = 1;
/// That of the file system of pipes.
const PIPEFS_DEV: u32 = 6;
/// That of the hidden file system of shared memory.
const SHMFS_DEV: u32 = 5;
/// The sectors of 512 bytes in a page.
const SECTORS_PER_PAGE: u32 = PAGE_SIZE / 512;
/// What stands for an id that does not fit into 16 bits.
const OVERFLOW_ID: u16 = 65534;

/// A structure of the caller, filled field by field at the offsets of its layout.
struct Layout<const N: usize>([u8; N]);

impl<const N: usize> Layout<N> {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn word(&mut self, at: usize, word: u32) {
        self.put(at, &word.to_le_bytes());
    }

    fn half(&mut self, at: usize, half: u16) {
        self.put(at, &half.to_le_bytes());
    }

    /// The three times, each as seconds and nanoseconds.
    fn times(&mut self, at: usize, inode: &Inode) {
        let attr = &inode.attr;
        for (nr, time) in [attr.atime, attr.mtime, attr.ctime].into_iter().enumerate() {
            self.word(at + 8 * nr, time.sec().cast_unsigned());
            self.word(at + 8 * nr + 4, time.nsec().cast_unsigned());
        }
    }
}

/// An id in the 16 bits of the calls of old.
///
/// Linux 2.6.12: `include/linux/highuid.h`, `high2lowuid()`.
fn high2low(id: u32) -> u16 {
    u16::try_from(id).unwrap_or(OVERFLOW_ID)
}

impl Inode {
    /// The number of the device that its file system is on.
    pub(super) const fn dev(&self) -> u32 {
        match self.kind {
            InodeKind::Pipe => PIPEFS_DEV,
            InodeKind::Shmem(_) => SHMFS_DEV,
            _ => ROOT_DEV,
        }
    }

    /// How many sectors its contents take: eight for each page that is in memory or on the device.
    ///
    /// Linux 2.6.12: `fs/libfs.c`, `simple_getattr()`.
    pub(super) fn blocks(&self) -> u32 {
        let pages = match &self.kind {
            InodeKind::Regular(file) => {
                let mut pages: BTreeSet<u32> = file.block_indices().collect();
                pages.extend(self.pages().keys());
                pages.len() as u32
            }
            kind if kind.has_page_cache() => self.pages_of_size(),
            _ => 0,
        };
        pages * SECTORS_PER_PAGE
    }
}

/// `struct stat64`.
///
/// Linux 2.6.12: `fs/stat.c`, `cp_new_stat64()`; `include/asm-i386/stat.h`, `struct stat64`.
fn stat64(inode: &Inode) -> [u8; 96] {
    let mut to = Layout([0; 96]);
    let attr = &inode.attr;
    to.word(0, inode.dev());
    to.word(12, inode.ino);
    to.word(16, attr.mode);
    to.word(20, attr.nlink);
    to.word(24, attr.uid);
    to.word(28, attr.gid);
    to.word(32, attr.rdev);
    to.word(44, inode.size());
    to.word(52, PAGE_SIZE);
    to.word(56, inode.blocks());
    to.times(64, inode);
    to.word(88, inode.ino);
    to.0
}

/// `struct stat`.
///
/// Linux 2.6.12: `fs/stat.c`, `cp_new_stat()`; `include/asm-i386/stat.h`, `struct stat`.
///
/// # Errors
/// `EOVERFLOW` for more links than 16 bits can count, and for a file of 2 GiB or more.
fn stat(inode: &Inode) -> Result<[u8; 64], Errno> {
    let mut to = Layout([0; 64]);
    let attr = &inode.attr;
    let nlink = u16::try_from(attr.nlink).map_err(|_| Errno::EOVERFLOW)?;
    let size = i32::try_from(inode.size()).map_err(|_| Errno::EOVERFLOW)?;
    to.word(0, inode.dev());
    to.word(4, inode.ino);
    to.half(8, attr.mode as u16);
    to.half(10, nlink);
    to.half(12, high2low(attr.uid));
    to.half(14, high2low(attr.gid));
    to.word(16, attr.rdev);
    to.word(20, size.cast_unsigned());
    to.word(24, PAGE_SIZE);
    to.word(28, inode.blocks());
    to.times(32, inode);
    Ok(to.0)
}

impl Kernel {
    /// Linux 2.6.12: `fs/stat.c`, `sys_fstat64()`.
    ///
    /// # Errors
    /// `EBADF`; `EFAULT`.
    pub(in crate::kernel) fn sys_fstat64(
        &mut self,
        current: TaskId,
        fd: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.store_stat64(current, self.open_files[file].inode(), buffer)
    }

    /// Linux 2.6.12: `fs/stat.c`, `sys_newfstat()`.
    ///
    /// # Errors
    /// `EBADF`; `EOVERFLOW`; `EFAULT`.
    pub(in crate::kernel) fn sys_newfstat(
        &mut self,
        current: TaskId,
        fd: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.store_stat(current, self.open_files[file].inode(), buffer)
    }

    fn store_stat64(
        &mut self,
        current: TaskId,
        inode: InodeId,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = stat64(&self.inodes[inode]);
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(0)
    }

    fn store_stat(
        &mut self,
        current: TaskId,
        inode: InodeId,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = stat(&self.inodes[inode])?;
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(0)
    }
}
