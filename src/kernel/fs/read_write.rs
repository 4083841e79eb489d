//! Reading and writing open files: the console, the null device, regular files, pipes.

use super::vfs::{File, InodeKind};
use crate::abi::{
    Errno, FileId, InodeId, O_APPEND, PAGE_SHIFT, PAGE_SIZE, RLIM_INFINITY, Resource, Signal,
    TASK_SIZE, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::SendInfo;
use crate::trace::{Text, TraceEvent};

/// The most bytes that the console takes at a time; a longer write is cut short.
const MAX_CONSOLE_WRITE: u32 = 4096;
/// The largest regular file of this file system, in bytes.
const MAX_FILE: u32 = 16 << 20;

impl Kernel {
    /// The file of a descriptor, if it is open for that access, `len` is not negative and the
    /// buffer is in user space. This is checked before the kind of file is looked at, and even if
    /// nothing is transferred.
    ///
    /// Linux 2.6.12: `fs/read_write.c`, `vfs_read()` and `vfs_write()`: the mode, `access_ok()`,
    /// `rw_verify_area()`.
    fn file_for(
        &self,
        current: TaskId,
        fd: u32,
        allows: fn(&File) -> bool,
        (addr, len): (VirtAddr, u32),
    ) -> Result<FileId, Errno> {
        let file = self.fget(current, fd)?;
        if !allows(&self.open_files[file]) {
            return Err(Errno::EBADF);
        }
        if addr.0.checked_add(len).is_none_or(|end| end > TASK_SIZE) {
            return Err(Errno::EFAULT);
        }
        if (len as i32) < 0 {
            return Err(Errno::EINVAL);
        }
        Ok(file)
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_read()`.
    ///
    /// # Errors
    /// `EBADF`; `EFAULT`; `EINVAL` for a negative length, and for a program or another object that
    /// cannot be read like this.
    pub(in crate::kernel) fn sys_read(
        &mut self,
        current: TaskId,
        fd: u32,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        let file = match self.file_for(current, fd, File::can_read, (addr, len)) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        let inode = self.open_files[file].inode();
        match &self.inodes[inode].kind {
            InodeKind::Console if len == 0 => SysResult::from(0),
            InodeKind::Console => self.read_console(current, addr, len),
            InodeKind::Null => SysResult::from(0),
            InodeKind::Pipe if len == 0 => SysResult::from(0),
            InodeKind::Pipe => {
                let io = self.begin_pipe_io(current, file, addr, len);
                self.pipe_read(current, io)
            }
            InodeKind::Shmem(_) => Err(Errno::EINVAL).into(),
            kind => {
                let pos = self.open_files[file].pos;
                let bytes = kind.bytes_at(pos, len);
                let read = self.copy_to_user(current, addr, &bytes);
                // After EFAULT the offset is where it was.
                read.map(|()| {
                    self.open_files[file].pos = pos + bytes.len() as u32;
                    bytes.len() as u32
                })
                .into()
            }
        }
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_write()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a negative length, and for an object that cannot be written like this;
    /// `EFAULT`; `EFBIG`; for a pipe also `EPIPE`, `EAGAIN` and `ENOMEM`.
    pub(in crate::kernel) fn sys_write(
        &mut self,
        current: TaskId,
        fd: u32,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        let file = match self.file_for(current, fd, File::can_write, (addr, len)) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Pipe if len == 0 => SysResult::from(0),
            InodeKind::Pipe => {
                let io = self.begin_pipe_io(current, file, addr, len);
                self.pipe_write(current, io)
            }
            _ => self.write_at_once(current, file, addr, len).into(),
        }
    }

    /// A write that never waits.
    fn write_at_once(
        &mut self,
        current: TaskId,
        file: FileId,
        addr: VirtAddr,
        len: u32,
    ) -> Result<u32, Errno> {
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Null => Ok(len),
            InodeKind::Console => {
                let len = len.min(MAX_CONSOLE_WRITE);
                let bytes = self.bytes_from_user(current, addr, len)?;
                self.write_console(current, &bytes);
                Ok(len)
            }
            InodeKind::Regular(_) => {
                // The limit before the bytes: SIGXFSZ is sent even if the buffer cannot be read.
                let pos = self.write_position(file, inode);
                let len = self.check_fsize(current, pos, len)?;
                let bytes = self.bytes_from_user(current, addr, len)?;
                self.write_regular(file, inode, pos, &bytes)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn bytes_from_user(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        len: u32,
    ) -> Result<Vec<u8>, Errno> {
        if len > MAX_FILE {
            return Err(Errno::EFBIG);
        }
        let mut bytes = vec![0; len as usize];
        self.copy_from_user(current, addr, &mut bytes)?;
        Ok(bytes)
    }

    fn write_console(&mut self, current: TaskId, bytes: &[u8]) {
        self.print_on_console(bytes);
        let text = Text::new(bytes);
        self.trace(current, TraceEvent::ConsoleWrite { text });
    }

    /// The offset at which a write to a regular file starts.
    fn write_position(&self, file: FileId, inode: InodeId) -> u32 {
        if self.open_files[file].flags() & O_APPEND != 0 {
            self.inodes[inode].size()
        } else {
            self.open_files[file].pos
        }
    }

    /// `RLIMIT_FSIZE`: a write that would start beyond the limit fails with SIGXFSZ, one that would
    /// cross it is cut short. Returns how many bytes may be written.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `generic_write_checks()`.
    fn check_fsize(&mut self, current: TaskId, pos: u32, len: u32) -> Result<u32, Errno> {
        let limit = self.rlimit(current, Resource::Fsize);
        if limit == RLIM_INFINITY {
            return Ok(len);
        }
        if pos >= limit {
            // A standard signal is always queued.
            let from = SendInfo::From(current);
            let _sent = self.specific_send_sig_info(Signal::SIGXFSZ, from, current);
            return Err(Errno::EFBIG);
        }
        Ok(len.min(limit - pos))
    }

    /// Writes to a regular file and to its cached pages.
    fn write_regular(
        &mut self,
        file: FileId,
        inode: InodeId,
        pos: u32,
        new: &[u8],
    ) -> Result<u32, Errno> {
        let end = pos
            .checked_add(new.len() as u32)
            .filter(|end| *end <= MAX_FILE)
            .ok_or(Errno::EFBIG)?;
        if let InodeKind::Regular(bytes) = &mut self.inodes[inode].kind {
            if bytes.len() < end as usize {
                bytes.resize(end as usize, 0);
            }
            bytes[pos as usize..end as usize].copy_from_slice(new);
        }
        // Shared mappings map the cached pages, so these must show what was written.
        let cached: Vec<_> = self.inodes[inode]
            .pages()
            .range(pos >> PAGE_SHIFT..=end >> PAGE_SHIFT)
            .map(|(index, pfn)| (*index, *pfn))
            .collect();
        for (index, pfn) in cached {
            let page = self.inodes[inode]
                .kind
                .bytes_at(index << PAGE_SHIFT, PAGE_SIZE);
            self.ram.frame_mut(pfn)[..page.len()].copy_from_slice(&page);
        }
        self.open_files[file].pos = end;
        Ok(new.len() as u32)
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_lseek()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a bad origin; `ESPIPE` for a console or a pipe; `EINVAL` for a
    /// negative offset.
    pub(in crate::kernel) fn sys_lseek(
        &mut self,
        current: TaskId,
        fd: u32,
        offset: i32,
        origin: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        if origin > 2 {
            return Err(Errno::EINVAL);
        }
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Console | InodeKind::Pipe => return Err(Errno::ESPIPE),
            InodeKind::Null => return Ok(0),
            _ => {}
        }
        let base = match origin {
            0 => 0,
            1 => self.open_files[file].pos,
            _ => self.inodes[inode].size(),
        };
        let pos = i64::from(base) + i64::from(offset);
        let pos = u32::try_from(pos).map_err(|_| Errno::EINVAL)?;
        self.open_files[file].pos = pos;
        Ok(pos)
    }
}
