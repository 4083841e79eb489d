//! `truncate` and `ftruncate`: the length of a regular file.

use super::namei::Goal;
use super::permission::May;
use super::read_write::MAX_FILE;
use super::vfs::InodeKind;
use crate::abi::{InodeId, RLIM_INFINITY, Resource, TaskId};
use crate::kernel::Kernel;
use crate::kernel::syscall::FileRefusal;

impl Kernel {
    /// Linux 2.6.12: `fs/open.c`, `sys_truncate()` and `do_sys_truncate()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative length and for what is not a regular file; errors of the lookup;
    /// `EISDIR`; `ETXTBSY`; `EFBIG`.
    pub(in crate::kernel) fn sys_truncate(
        &mut self,
        current: TaskId,
        path: String,
        length: i32,
    ) -> Result<u32, FileRefusal> {
        self.sys_truncate64(current, path, length.into())
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_truncate64()`.
    ///
    /// # Errors
    /// As for `truncate`.
    pub(in crate::kernel) fn sys_truncate64(
        &mut self,
        current: TaskId,
        path: String,
        length: i64,
    ) -> Result<u32, FileRefusal> {
        let length = checked_length(length)?;
        let found = self.user_path(current, &path, Goal::Follow);
        let inode = found.map_err(FileRefusal::Lookup)?;
        if self.inodes[inode].kind.is_directory() {
            return Err(FileRefusal::Directory);
        }
        if !self.inodes[inode].kind.has_page_cache() {
            return Err(FileRefusal::NotRegular);
        }
        let allowed = self.permission(current, inode, May::WRITE);
        allowed.map_err(FileRefusal::Lookup)?;
        if self.is_executed(inode) {
            return Err(FileRefusal::Executed);
        }
        self.do_truncate(current, inode, length)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_ftruncate()` and `do_sys_ftruncate()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative length, and if the descriptor is not that of a regular file open for
    /// writing; `EBADF`; `EFBIG`.
    pub(in crate::kernel) fn sys_ftruncate(
        &mut self,
        current: TaskId,
        fd: u32,
        length: i32,
    ) -> Result<u32, FileRefusal> {
        self.sys_ftruncate64(current, fd, length.into())
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_ftruncate64()`.
    ///
    /// # Errors
    /// As for `ftruncate`.
    pub(in crate::kernel) fn sys_ftruncate64(
        &mut self,
        current: TaskId,
        fd: u32,
        length: i64,
    ) -> Result<u32, FileRefusal> {
        let length = checked_length(length)?;
        let file = self.fget(current, fd).map_err(FileRefusal::Lookup)?;
        let inode = self.open_files[file].inode();
        let regular = self.inodes[inode].kind.has_page_cache();
        if !regular || !self.open_files[file].can_write() {
            return Err(FileRefusal::NotWritable);
        }
        self.do_truncate(current, inode, length)
    }

    /// Sets the length, if it is within all limits.
    ///
    /// Linux 2.6.12: `fs/open.c`, `do_truncate()`; `mm/memory.c`, the limits of `vmtruncate()`.
    /// Simplified: what is left of a program has no length but 0.
    fn do_truncate(
        &mut self,
        current: TaskId,
        inode: InodeId,
        length: u32,
    ) -> Result<u32, FileRefusal> {
        let size = self.inodes[inode].size();
        if length > size {
            let limit = self.rlimit(current, Resource::Fsize);
            if limit != RLIM_INFINITY && length > limit {
                self.send_sigxfsz(current);
                return Err(FileRefusal::AboveLimit);
            }
            if length > MAX_FILE {
                return Err(FileRefusal::TooLarge);
            }
        }
        if length < size && self.is_swapfile(inode) {
            return Err(FileRefusal::SwapArea);
        }
        let regular = matches!(self.inodes[inode].kind, InodeKind::Regular(_));
        if !regular && length != size && length != 0 {
            return Err(FileRefusal::NotRegular);
        }
        self.set_size(inode, length);
        Ok(0)
    }

    /// Sets the length, with the cached pages. To the same length, the file counts as written; to
    /// another one it only changes. What is left of a program can still be executed as far as its
    /// permissions go, but no format accepts it.
    ///
    /// Linux 2.6.12: `fs/attr.c`, `inode_setattr()`; `fs/open.c`, `do_truncate()`.
    pub(in crate::kernel) fn set_size(&mut self, inode: InodeId, length: u32) {
        if self.inodes[inode].size() == length {
            return self.inode_update_time(inode);
        }
        self.stamp_change(inode);
        match &mut self.inodes[inode].kind {
            InodeKind::Regular(_) => return self.vmtruncate(inode, length),
            program if program.is_executable() => *program = InodeKind::NoImage(String::new()),
            _ => return,
        }
        self.truncate_inode_pages(inode, 0);
    }
}

/// A length that is not negative. One beyond 4 GiB is like 4 GiB: no file is so long.
fn checked_length(length: i64) -> Result<u32, FileRefusal> {
    if length < 0 {
        return Err(FileRefusal::NegativeLength);
    }
    Ok(u32::try_from(length).unwrap_or(u32::MAX))
}
