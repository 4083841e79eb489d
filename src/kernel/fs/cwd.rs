//! The directory context: `chdir`, `fchdir`, `chroot`, `getcwd`, `umask`; and `access`, which asks
//! what the real user may do.

use super::namei::Goal;
use super::permission::May;
use crate::abi::{Caps, Errno, FsId, InodeId, TaskId, VirtAddr};
use crate::kernel::Kernel;

impl Kernel {
    /// Makes another directory the working directory of everybody with this context.
    ///
    /// Linux 2.6.12: `include/linux/fs_struct.h`, `set_fs_pwd()`.
    fn set_fs_pwd(&mut self, fs: FsId, dir: InodeId) {
        self.iget(dir);
        let old = self.fs[fs].replace_cwd(dir);
        self.iput(old);
    }

    /// The directory that a path leads to, which the task may search.
    fn searched_directory(&mut self, task: TaskId, path: &str) -> Result<InodeId, Errno> {
        let inode = self.user_path(task, path, Goal::Follow)?;
        if !self.inodes[inode].kind.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        self.permission(task, inode, May::EXEC)?;
        Ok(inode)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_chdir()`.
    ///
    /// # Errors
    /// Errors of the walk; `ENOTDIR`; `EACCES`.
    pub(in crate::kernel) fn sys_chdir(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let dir = self.searched_directory(current, &path)?;
        self.set_fs_pwd(self.fs_id(current), dir);
        Ok(0)
    }

    /// The directory that a descriptor stands for.
    ///
    /// # Errors
    /// `EBADF`; `ENOTDIR`.
    pub(in crate::kernel) fn directory_of(&self, task: TaskId, fd: u32) -> Result<InodeId, Errno> {
        let file = self.fget(task, fd)?;
        let dir = self.open_files[file].inode();
        if self.inodes[dir].kind.is_directory() {
            Ok(dir)
        } else {
            Err(Errno::ENOTDIR)
        }
    }

    /// Does something while a task, which keeps its working directory, has another one.
    pub(in crate::kernel) fn with_cwd<T>(
        &mut self,
        task: TaskId,
        dir: InodeId,
        does: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let fs = self.fs_id(task);
        let own = self.fs[fs].replace_cwd(dir);
        let done = does(self);
        self.fs[fs].replace_cwd(own);
        done
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_fchdir()`.
    ///
    /// # Errors
    /// `EBADF`; `ENOTDIR`; `EACCES`.
    pub(in crate::kernel) fn sys_fchdir(&mut self, current: TaskId, fd: u32) -> Result<u32, Errno> {
        let dir = self.directory_of(current, fd)?;
        self.permission(current, dir, May::EXEC)?;
        self.set_fs_pwd(self.fs_id(current), dir);
        Ok(0)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_chroot()`. The working directory does not change.
    ///
    /// # Errors
    /// Errors of the walk; `ENOTDIR`; `EACCES`; `EPERM` without CAP_SYS_CHROOT, tested last.
    pub(in crate::kernel) fn sys_chroot(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let dir = self.searched_directory(current, &path)?;
        if !self.capable(current, Caps::SYS_CHROOT) {
            return Err(Errno::EPERM);
        }
        self.iget(dir);
        let fs = self.fs_id(current);
        let old = self.fs[fs].replace_root(dir);
        self.iput(old);
        Ok(0)
    }

    /// Stores the path of the working directory with a null byte, and returns its length.
    ///
    /// Linux 2.6.12: `fs/dcache.c`, `sys_getcwd()`.
    ///
    /// # Errors
    /// `ENOENT` if the directory has been removed; `ERANGE` if the buffer is too small; `EFAULT`.
    pub(in crate::kernel) fn sys_getcwd(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        size: u32,
    ) -> Result<u32, Errno> {
        let fs = self.fs_id(current);
        if self.is_dead_dir(self.fs[fs].cwd()) {
            return Err(Errno::ENOENT);
        }
        let mut path = self.cwd_seen(fs).into_bytes();
        path.push(0);
        let len = path.len() as u32;
        if len > size {
            return Err(Errno::ERANGE);
        }
        self.copy_to_user(current, addr, &path)?;
        Ok(len)
    }

    /// Sets the mask of permissions that new files do not get, and returns the old one.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_umask()`.
    pub(in crate::kernel) fn sys_umask(&mut self, current: TaskId, mask: u32) -> u32 {
        let fs = self.fs_id(current);
        std::mem::replace(&mut self.fs[fs].umask, mask & 0o777)
    }

    /// Tests what the real user may do with a file.
    ///
    /// Linux 2.6.12: `fs/open.c`, `sys_access()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown bit; errors of the walk; `EACCES`.
    pub(in crate::kernel) fn sys_access(
        &mut self,
        current: TaskId,
        path: String,
        mode: u32,
    ) -> Result<u32, Errno> {
        let wanted = May::from_bits(mode).ok_or(Errno::EINVAL)?;
        let acting = self.act_as_real_user(current);
        let found = self.user_path(current, &path, Goal::Follow);
        let allowed = found.and_then(|inode| self.permission(current, inode, wanted));
        self.act_again_as(current, acting);
        allowed.map(|()| 0)
    }
}
