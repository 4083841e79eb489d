//! `fcntl`: duplicates descriptors, reads and changes flags, and sets locks on ranges of bytes, in
//! the structures of 32 and of 64 bits.

use super::ioctl::CloseOnExec;
use super::locks::OFFSET_MAX;
use crate::abi::{
    Errno, F_DUPFD, F_GETFD, F_GETFL, F_GETLK, F_GETLK64, F_RDLCK, F_SETFD, F_SETFL, F_SETLK,
    F_SETLK64, F_SETLKW, F_SETLKW64, F_UNLCK, F_WRLCK, FD_CLOEXEC, FileId, O_DIRECT, O_NOATIME,
    Resource, SEEK_CUR, SEEK_END, SEEK_SET, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{LockRequest, PosixRange};

/// The largest offset of 32 bits (`OFFT_OFFSET_MAX`).
const OFFT_OFFSET_MAX: i64 = i32::MAX as i64;

/// The layout of a lock in the caller's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// `struct flock`: 16 bytes.
    Flock,
    /// `struct flock64`: 24 bytes.
    Flock64,
}

/// A lock as the caller names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct UserLock {
    kind: u32,
    whence: u32,
    start: i64,
    len: i64,
}

/// A lock command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LockCommand {
    Get,
    Set,
    /// `F_SETLKW`: set, and wait for it.
    SetWait,
}

impl UserLock {
    fn of_flock([types, start, len]: [u32; 3]) -> Self {
        let [start, len] = [start, len].map(|word| i64::from(word.cast_signed()));
        Self::new(types, start, len)
    }

    fn of_flock64([types, start, high, len, upper]: [u32; 5]) -> Self {
        let long = |low, high| (u64::from(high) << 32 | u64::from(low)).cast_signed();
        Self::new(types, long(start, high), long(len, upper))
    }

    const fn new(types: u32, start: i64, len: i64) -> Self {
        Self {
            kind: types & 0xffff,
            whence: types >> 16,
            start,
            len,
        }
    }

    /// The bytes that the lock is for, counted from `base`. The old layout means the bytes before
    /// the start by a negative length, and computes in 32 bits.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `flock_to_posix_lock()` and `flock64_to_posix_lock()`.
    fn range(&self, base: i64, layout: Layout) -> Result<(i64, i64), Errno> {
        let fit = |value: i64| match layout {
            Layout::Flock => i64::from(value as i32),
            Layout::Flock64 => value,
        };
        let mut start = fit(base.wrapping_add(self.start));
        let mut end = fit(start.wrapping_add(self.len).wrapping_sub(1));
        if layout == Layout::Flock64 && (start < 0 || self.len < 0) {
            return Err(Errno::EINVAL);
        }
        if self.len < 0 {
            end = fit(start.wrapping_sub(1));
            start = fit(start.wrapping_add(self.len));
        }
        if start < 0 {
            return Err(Errno::EINVAL);
        }
        if self.len > 0 && end < 0 {
            return Err(Errno::EOVERFLOW);
        }
        Ok((start, if self.len == 0 { OFFSET_MAX } else { end }))
    }
}

impl Kernel {
    /// Linux 2.6.12: `fs/fcntl.c`, `sys_fcntl()` and `do_fcntl()`, without leases and owners.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`; `EINVAL` for other commands, and for a new descriptor at or above the
    /// limit; those of the lock commands.
    pub(in crate::kernel) fn sys_fcntl(
        &mut self,
        current: TaskId,
        fd: u32,
        command: u32,
        arg: u32,
    ) -> SysResult {
        let file = match self.fget(current, fd) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        let which = match command {
            F_GETLK => LockCommand::Get,
            F_SETLK => LockCommand::Set,
            F_SETLKW => LockCommand::SetWait,
            _ => return self.do_fcntl(current, (fd, file), command, arg).into(),
        };
        self.fcntl_lock(current, file, which, (Layout::Flock, VirtAddr(arg)))
    }

    /// The same with the commands for locks of 64 bits.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `sys_fcntl64()`.
    ///
    /// # Errors
    /// As for `fcntl`.
    pub(in crate::kernel) fn sys_fcntl64(
        &mut self,
        current: TaskId,
        fd: u32,
        command: u32,
        arg: u32,
    ) -> SysResult {
        let which = match command {
            F_GETLK64 => LockCommand::Get,
            F_SETLK64 => LockCommand::Set,
            F_SETLKW64 => LockCommand::SetWait,
            _ => return self.sys_fcntl(current, fd, command, arg),
        };
        match self.fget(current, fd) {
            Ok(file) => self.fcntl_lock(current, file, which, (Layout::Flock64, VirtAddr(arg))),
            Err(errno) => Err(errno).into(),
        }
    }

    fn do_fcntl(
        &mut self,
        current: TaskId,
        (fd, file): (u32, FileId),
        command: u32,
        arg: u32,
    ) -> Result<u32, Errno> {
        match command {
            F_DUPFD if arg >= self.rlimit(current, Resource::Nofile) => Err(Errno::EINVAL),
            F_DUPFD => self.dupfd(current, file, arg as usize),
            F_GETFD => Ok(u32::from(self.fd_mut(current, fd)?.close_on_exec)),
            F_SETFD if arg & FD_CLOEXEC != 0 => {
                self.set_close_on_exec(current, fd, CloseOnExec::Set)
            }
            F_SETFD => self.set_close_on_exec(current, fd, CloseOnExec::Clear),
            F_GETFL => Ok(self.open_files[file].flags()),
            F_SETFL => self.setfl(current, file, arg),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Changes the status flags of an open file.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `setfl()`.
    ///
    /// # Errors
    /// `EPERM` for a stranger's O_NOATIME; `EINVAL` for O_DIRECT, which no file here has.
    fn setfl(&mut self, current: TaskId, file: FileId, arg: u32) -> Result<u32, Errno> {
        let open = &self.open_files[file];
        let (inode, new) = (open.inode(), arg & !open.flags());
        if new & O_NOATIME != 0 && !self.is_owner_or_capable(current, inode) {
            return Err(Errno::EPERM);
        }
        if arg & O_DIRECT != 0 {
            return Err(Errno::EINVAL);
        }
        self.open_files[file].setfl(arg);
        Ok(0)
    }

    fn fcntl_lock(
        &mut self,
        current: TaskId,
        file: FileId,
        command: LockCommand,
        (layout, addr): (Layout, VirtAddr),
    ) -> SysResult {
        let (lock, range) = match self.get_lock(current, file, command, (layout, addr)) {
            Ok(found) => found,
            Err(errno) => return Err(errno).into(),
        };
        match command {
            LockCommand::Get => self.getlk(current, file, range, (layout, addr)).into(),
            _ if lock.kind == F_UNLCK => {
                self.posix_unlock(current, file, range);
                SysResult::from(0)
            }
            set => {
                let waits = set == LockCommand::SetWait;
                self.lock_or_wait(current, file, LockRequest::Posix(range), waits)
            }
        }
    }

    /// Copies a lock from the caller, and checks it.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `fcntl_setlk()` and `fcntl_getlk()`.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL`; `EOVERFLOW`; `EBADF` for a lock that the file is not open for.
    fn get_lock(
        &mut self,
        current: TaskId,
        file: FileId,
        command: LockCommand,
        (layout, addr): (Layout, VirtAddr),
    ) -> Result<(UserLock, PosixRange), Errno> {
        let lock = match layout {
            Layout::Flock => UserLock::of_flock(self.get_user_words(current, addr)?),
            Layout::Flock64 => UserLock::of_flock64(self.get_user_words(current, addr)?),
        };
        let locks = [F_RDLCK, F_WRLCK].contains(&lock.kind);
        if command == LockCommand::Get && !locks {
            return Err(Errno::EINVAL);
        }
        let open = &self.open_files[file];
        let base = match lock.whence {
            SEEK_SET => 0,
            SEEK_CUR => open.pos.cast_signed(),
            SEEK_END => self.inodes[open.inode()].size().into(),
            _ => return Err(Errno::EINVAL),
        };
        let (start, end) = lock.range(base, layout)?;
        if !locks && lock.kind != F_UNLCK {
            return Err(Errno::EINVAL);
        }
        let refused = match lock.kind {
            F_RDLCK => !open.can_read(),
            F_WRLCK => !open.can_write(),
            _ => false,
        };
        if refused && command != LockCommand::Get {
            return Err(Errno::EBADF);
        }
        let exclusive = lock.kind == F_WRLCK;
        let range = PosixRange {
            exclusive,
            start,
            end,
        };
        Ok((lock, range))
    }

    /// Tells which lock would be in the way. If none is, the rest of the structure stays.
    ///
    /// Linux 2.6.12: `fs/locks.c`, `fcntl_getlk()`.
    ///
    /// # Errors
    /// `EOVERFLOW` for a lock that does not fit into the structure; `EFAULT`.
    fn getlk(
        &mut self,
        current: TaskId,
        file: FileId,
        range: PosixRange,
        (layout, addr): (Layout, VirtAddr),
    ) -> Result<u32, Errno> {
        let inode = self.open_files[file].inode();
        let Some(lock) = self.posix_test_lock(inode, self.files_id(current), &range) else {
            self.copy_to_user(current, addr, &(F_UNLCK as u16).to_le_bytes())?;
            return Ok(0);
        };
        let PosixRange {
            exclusive,
            start,
            end,
        } = lock.range;
        let too_large = start > OFFT_OFFSET_MAX || end != OFFSET_MAX && end > OFFT_OFFSET_MAX;
        if layout == Layout::Flock && too_large {
            return Err(Errno::EOVERFLOW);
        }
        let len = if end == OFFSET_MAX {
            0
        } else {
            end - start + 1
        };
        let kind = if exclusive { F_WRLCK } else { F_RDLCK };
        let mut bytes = kind.to_le_bytes().to_vec();
        match layout {
            Layout::Flock => {
                bytes.extend((start as u32).to_le_bytes());
                bytes.extend((len as u32).to_le_bytes());
            }
            Layout::Flock64 => {
                bytes.extend(start.to_le_bytes());
                bytes.extend(len.to_le_bytes());
            }
        }
        bytes.extend(lock.pid.to_le_bytes());
        self.copy_to_user(current, addr, &bytes)?;
        Ok(0)
    }
}
