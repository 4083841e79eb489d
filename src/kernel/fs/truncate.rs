//! `truncate` and `ftruncate`: the length of a regular file.

use super::namei::Found;
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
        let found = self.user_path_walk(current, &path);
        let inode = match found.map_err(FileRefusal::Lookup)? {
            Found::File(inode, _) => inode,
            Found::Directory(_) => return Err(FileRefusal::Directory),
            Found::Nothing(_) => return Err(FileRefusal::Lookup(crate::abi::Errno::ENOENT)),
        };
        if !self.inodes[inode].kind.has_page_cache() {
            return Err(FileRefusal::NotRegular);
        }
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

    /// Sets the length. To the same length nothing happens but a change of times, which files do not
    /// have.
    ///
    /// Linux 2.6.12: `fs/open.c`, `do_truncate()`; `fs/attr.c`, `inode_setattr()`; `mm/memory.c`, the
    /// limits of `vmtruncate()`. Simplified: what is left of a program cannot be executed, and has no
    /// length but 0.
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
        match &self.inodes[inode].kind {
            _ if length == size => {}
            InodeKind::Regular(_) => self.vmtruncate(inode, length),
            _ if length == 0 => self.truncate(inode),
            _ => return Err(FileRefusal::NotRegular),
        }
        Ok(0)
    }
}

/// A length that is not negative. One beyond 4 GiB is like 4 GiB: no file is so long.
fn checked_length(length: i64) -> Result<u32, FileRefusal> {
    if length < 0 {
        return Err(FileRefusal::NegativeLength);
    }
    Ok(u32::try_from(length).unwrap_or(u32::MAX))
}
