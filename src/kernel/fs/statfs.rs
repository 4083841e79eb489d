//! `statfs`: what the kernel tells of a whole file system, in the layout of either call.

use super::namei::Goal;
use super::vfs::InodeKind;
use crate::abi::{Errno, InodeId, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// The magic numbers of the file systems.
const RAMFS_MAGIC: u32 = 0x8584_58f6;
const PIPEFS_MAGIC: u32 = 0x5049_5045;
const TMPFS_MAGIC: u32 = 0x0102_1994;
const PROC_SUPER_MAGIC: u32 = 0x9fa0;
/// The longest name of an entry.
const NAMELEN: u32 = 255;
/// Bytes of `struct statfs64`.
const STATFS64: u32 = 84;
/// Bytes of `struct statfs`.
const STATFS: usize = 64;

/// What is told of a file system: its type, and the size of its blocks. Those here have no limits,
/// so that all counts are 0.
///
/// Linux 2.6.12: `fs/libfs.c`, `simple_statfs()`.
struct Figures {
    magic: u32,
    bsize: u32,
}

impl Figures {
    fn of(kind: &InodeKind) -> Self {
        let magic = match kind {
            InodeKind::Pipe => PIPEFS_MAGIC,
            InodeKind::Shmem(_) => TMPFS_MAGIC,
            InodeKind::Proc(_) => PROC_SUPER_MAGIC,
            _ => RAMFS_MAGIC,
        };
        let bsize = PAGE_SIZE;
        Self { magic, bsize }
    }

    /// `struct statfs`: eleven words and a rest.
    fn words(&self) -> [u8; STATFS] {
        let mut bytes = [0; STATFS];
        for (word, value) in [
            (0, self.magic),
            (1, self.bsize),
            (9, NAMELEN),
            (10, self.bsize),
        ] {
            bytes[4 * word..4 * word + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// `struct statfs64`: the counts have 64 bits.
    fn words64(&self) -> [u8; STATFS64 as usize] {
        let mut bytes = [0; STATFS64 as usize];
        for (at, value) in [
            (0, self.magic),
            (4, self.bsize),
            (56, NAMELEN),
            (60, self.bsize),
        ] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

impl Kernel {
    /// Linux 2.6.12: `fs/open.c`, `sys_statfs()`.
    ///
    /// # Errors
    /// Errors of the walk; `EFAULT`.
    pub(in crate::kernel) fn sys_statfs(
        &mut self,
        current: TaskId,
        path: String,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let inode = self.user_path(current, &path, Goal::Follow)?;
        self.store_statfs(current, inode, buffer)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_fstatfs()`.
    ///
    /// # Errors
    /// `EBADF`; `EFAULT`.
    pub(in crate::kernel) fn sys_fstatfs(
        &mut self,
        current: TaskId,
        fd: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.store_statfs(current, self.open_files[file].inode(), buffer)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_statfs64()`.
    ///
    /// # Errors
    /// `EINVAL` for another size of the structure; errors of the walk; `EFAULT`.
    pub(in crate::kernel) fn sys_statfs64(
        &mut self,
        current: TaskId,
        path: String,
        size: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        if size != STATFS64 {
            return Err(Errno::EINVAL);
        }
        let inode = self.user_path(current, &path, Goal::Follow)?;
        self.store_statfs64(current, inode, buffer)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_fstatfs64()`.
    ///
    /// # Errors
    /// `EINVAL` for another size of the structure; `EBADF`; `EFAULT`.
    pub(in crate::kernel) fn sys_fstatfs64(
        &mut self,
        current: TaskId,
        fd: u32,
        size: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        if size != STATFS64 {
            return Err(Errno::EINVAL);
        }
        let file = self.fget(current, fd)?;
        self.store_statfs64(current, self.open_files[file].inode(), buffer)
    }

    fn store_statfs(
        &mut self,
        current: TaskId,
        inode: InodeId,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = Figures::of(&self.inodes[inode].kind).words();
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(0)
    }

    fn store_statfs64(
        &mut self,
        current: TaskId,
        inode: InodeId,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let bytes = Figures::of(&self.inodes[inode].kind).words64();
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(0)
    }
}
