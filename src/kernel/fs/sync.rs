//! The calls that write what is dirty to the device, and wait until it is there.

use super::vfs::InodeKind;
use crate::abi::{Errno, InodeId, TaskId};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::AfterWrites;

impl InodeKind {
    /// Whether its file operations have `fsync`.
    const fn has_fsync(&self) -> bool {
        self.has_page_cache() || matches!(self, Self::Shmem(_))
    }
}

impl Kernel {
    /// Writes the dirty pages of a file to the device, and sleeps until they are there.
    ///
    /// Linux 2.6.12: `fs/buffer.c`, `sys_fsync()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a pipe or a device.
    pub(in crate::kernel) fn sys_fsync(&mut self, current: TaskId, fd: u32) -> SysResult {
        let file = match self.fget(current, fd) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        let inode = self.open_files[file].inode();
        if !self.inodes[inode].kind.has_fsync() {
            return Err(Errno::EINVAL).into();
        }
        self.filemap_fdatawrite(inode);
        self.filemap_fdatawait(current, &[inode], AfterWrites::Return)
    }

    /// The same; there is nothing but data to be written.
    ///
    /// Linux 2.6.12: `fs/buffer.c`, `sys_fdatasync()`.
    ///
    /// # Errors
    /// As for `fsync`.
    pub(in crate::kernel) fn sys_fdatasync(&mut self, current: TaskId, fd: u32) -> SysResult {
        self.sys_fsync(current, fd)
    }

    /// Writes the dirty pages of all files to the device, and sleeps until they are there. A file of
    /// which all pages are on their way already is not waited for.
    ///
    /// Linux 2.6.12: `fs/buffer.c`, `sys_sync()`.
    pub(in crate::kernel) fn sys_sync(&mut self, current: TaskId) -> SysResult {
        self.wakeup_bdflush(0);
        let dirty: Vec<InodeId> = self.dirty_inodes().oldest_first().collect();
        for inode in &dirty {
            self.filemap_fdatawrite(*inode);
        }
        self.filemap_fdatawait(current, &dirty, AfterWrites::Return)
    }
}
