//! The `stat` family: what the kernel knows of a file, in the layout that the caller's C library
//! expects.

use super::namei::Goal;
use super::vfs::{Inode, InodeKind};
use crate::abi::{Errno, InodeId, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;
use std::collections::BTreeSet;

/// The device that the root file system is on, major number times 256 plus minor number.
const ROOT_DEV: u32 = 1;
/// That of the file system of pipes.
const PIPEFS_DEV: u32 = 6;
/// That of `/proc`.
const PROC_DEV: u32 = 3;
/// That of the hidden file system of shared memory.
const SHMFS_DEV: u32 = 5;
/// The size of its blocks.
const PROC_BLKSIZE: u32 = 1024;
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
    pub(in crate::kernel) const fn dev(&self) -> u32 {
        match self.kind {
            InodeKind::Pipe => PIPEFS_DEV,
            InodeKind::Shmem(_) => SHMFS_DEV,
            InodeKind::Proc(_) => PROC_DEV,
            _ => ROOT_DEV,
        }
    }

    /// `i_blksize`: the best size of a read or write.
    const fn blksize(&self) -> u32 {
        match self.kind {
            InodeKind::Proc(_) => PROC_BLKSIZE,
            _ => PAGE_SIZE,
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
    to.word(52, inode.blksize());
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
    to.word(24, inode.blksize());
    to.word(28, inode.blocks());
    to.times(32, inode);
    Ok(to.0)
}

/// `struct __old_kernel_stat`: everything but size and times in 16 bits.
///
/// Linux 2.6.12: `fs/stat.c`, `cp_old_stat()`; `include/asm-i386/stat.h`.
///
/// # Errors
/// `EOVERFLOW` for more links than 16 bits can count, and for a file of 2 GiB or more.
fn old_stat(inode: &Inode) -> Result<[u8; 32], Errno> {
    let mut to = Layout([0; 32]);
    let attr = &inode.attr;
    let nlink = u16::try_from(attr.nlink).map_err(|_| Errno::EOVERFLOW)?;
    let size = i32::try_from(inode.size()).map_err(|_| Errno::EOVERFLOW)?;
    let halves = [
        inode.dev() as u16,
        inode.ino as u16,
        attr.mode as u16,
        nlink,
        high2low(attr.uid),
        high2low(attr.gid),
        attr.rdev as u16,
    ];
    for (nr, half) in halves.into_iter().enumerate() {
        to.half(2 * nr, half);
    }
    to.word(16, size.cast_unsigned());
    for (nr, time) in [attr.atime, attr.mtime, attr.ctime].into_iter().enumerate() {
        to.word(20 + 4 * nr, time.sec().cast_unsigned());
    }
    Ok(to.0)
}

/// A layout of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// `struct __old_kernel_stat`.
    Old,
    /// `struct stat`.
    New,
    /// `struct stat64`.
    Wide,
}

/// The calls, each with the goal of its walk and its layout.
macro_rules! stat_calls {
    ($($source:literal $name:ident $goal:ident $form:ident;)*) => {
        impl Kernel {$(
            #[doc = concat!("Linux 2.6.12: `fs/stat.c`, `", $source, "()`.")]
            ///
            /// # Errors
            /// Errors of the walk; `EOVERFLOW` unless the layout is wide; `EFAULT`.
            pub(in crate::kernel) fn $name(
                &mut self,
                current: TaskId,
                path: String,
                buffer: VirtAddr,
            ) -> Result<u32, Errno> {
                let inode = self.user_path(current, &path, Goal::$goal)?;
                self.store_stat(current, inode, Form::$form, buffer)
            }
        )*}
    };
}

stat_calls! {
    "sys_stat" sys_stat Follow Old;
    "sys_lstat" sys_lstat NoFollow Old;
    "sys_newstat" sys_newstat Follow New;
    "sys_newlstat" sys_newlstat NoFollow New;
    "sys_stat64" sys_stat64 Follow Wide;
    "sys_lstat64" sys_lstat64 NoFollow Wide;
}

/// The same for descriptors.
macro_rules! fstat_calls {
    ($($source:literal $name:ident $form:ident;)*) => {
        impl Kernel {$(
            #[doc = concat!("Linux 2.6.12: `fs/stat.c`, `", $source, "()`.")]
            ///
            /// # Errors
            /// `EBADF`; `EOVERFLOW` unless the layout is wide; `EFAULT`.
            pub(in crate::kernel) fn $name(
                &mut self,
                current: TaskId,
                fd: u32,
                buffer: VirtAddr,
            ) -> Result<u32, Errno> {
                let file = self.fget(current, fd)?;
                let inode = self.open_files[file].inode();
                self.store_stat(current, inode, Form::$form, buffer)
            }
        )*}
    };
}

fstat_calls! {
    "sys_fstat" sys_fstat Old;
    "sys_newfstat" sys_newfstat New;
    "sys_fstat64" sys_fstat64 Wide;
}

impl Kernel {
    fn store_stat(
        &mut self,
        current: TaskId,
        inode: InodeId,
        form: Form,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let inode = &self.inodes[inode];
        let bytes = match form {
            Form::Old => old_stat(inode)?.to_vec(),
            Form::New => stat(inode)?.to_vec(),
            Form::Wide => stat64(inode).to_vec(),
        };
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(0)
    }
}
