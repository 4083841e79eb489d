//! Reading and writing open files: the console, the null device, regular files, pipes.

use super::proc_node::{ProcNode, TaskEntry};
use super::vfs::{File, InodeKind};
use crate::abi::{
    Errno, FileId, O_APPEND, PAGE_SIZE, RLIM_INFINITY, Resource, SEEK_CUR, SEEK_END, SEEK_SET,
    Signal, TASK_SIZE, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{PipeMemory, SendInfo};

/// `s_maxbytes`: the largest regular file of this file system, in bytes.
pub(super) const MAX_FILE: u32 = 256 << 20;

/// The largest offset of a regular file.
///
/// Linux 2.6.12: `include/linux/fs.h`, `MAX_LFS_FILESIZE`.
const MAX_OFFSET: i64 = ((PAGE_SIZE as i64) << 31) - 1;

/// An offset as far as files have pages: one beyond 4 GiB is like 4 GiB, because no file reaches so
/// far.
fn in_file(offset: u64) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// The caller's buffer, as far as it has not been transferred yet.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct UserBuffer {
    /// Who calls.
    pub task: TaskId,
    /// Address of the next byte.
    pub addr: VirtAddr,
    /// Bytes from there on.
    pub len: u32,
}

impl UserBuffer {
    /// Takes note that so many bytes have been transferred.
    pub(in crate::kernel) const fn advance(&mut self, bytes: u32) {
        self.addr = VirtAddr(self.addr.0.wrapping_add(bytes));
        self.len -= bytes;
    }
}

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
        Self::check_user_range(addr, len)?;
        Ok(file)
    }

    /// Checks that a buffer is in user space, and then that its length is not negative.
    pub(super) fn check_user_range(addr: VirtAddr, len: u32) -> Result<(), Errno> {
        if addr.0.checked_add(len).is_none_or(|end| end > TASK_SIZE) {
            return Err(Errno::EFAULT);
        }
        if (len as i32) < 0 {
            return Err(Errno::EINVAL);
        }
        Ok(())
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
        match self.file_for(current, fd, File::can_read, (addr, len)) {
            Ok(file) => self.do_read(current, file, addr, len),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Reads from an open file, as its kind does.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `struct file_operations`: `read()`.
    pub(super) fn do_read(
        &mut self,
        current: TaskId,
        file: FileId,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        let inode = self.open_files[file].inode();
        match &self.inodes[inode].kind {
            InodeKind::Tty(_) => self.tty_read(current, file, addr, len),
            InodeKind::Null => SysResult::from(0),
            InodeKind::Zero => self.read_zero(current, addr, len).into(),
            InodeKind::Directory(_) => Err(Errno::EISDIR).into(),
            InodeKind::Proc(node) => {
                let (node, task) = (*node, current);
                self.proc_read(file, node, UserBuffer { task, addr, len })
                    .into()
            }
            InodeKind::Pipe | InodeKind::Fifo if len == 0 => SysResult::from(0),
            InodeKind::Pipe | InodeKind::Fifo => {
                let io = self.begin_pipe_io(current, file, PipeMemory::Buffer(addr), len);
                self.pipe_read(current, io)
            }
            kind if !kind.has_page_cache() => Err(Errno::EINVAL).into(),
            _ => {
                let from = in_file(self.open_files[file].pos);
                let (task, mut pos) = (current, from);
                let read = self.generic_file_read(file, &mut pos, UserBuffer { task, addr, len });
                // Also after an error: what was read before it was read.
                self.open_files[file].pos += u64::from(pos - from);
                if len > 0 {
                    self.file_accessed(file);
                }
                read.into()
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
        match self.file_for(current, fd, File::can_write, (addr, len)) {
            Ok(file) => self.do_write(current, file, addr, len),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Writes to an open file, as its kind does.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `struct file_operations`: `write()`.
    pub(super) fn do_write(
        &mut self,
        current: TaskId,
        file: FileId,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Pipe | InodeKind::Fifo if len == 0 => SysResult::from(0),
            InodeKind::Pipe | InodeKind::Fifo => {
                let io = self.begin_pipe_io(current, file, PipeMemory::Buffer(addr), len);
                self.pipe_write(current, io)
            }
            InodeKind::Tty(_) => self.tty_write(current, file, addr, len),
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
            InodeKind::Null | InodeKind::Zero => Ok(len),
            InodeKind::Printer(number) => self.lp_write(current, number, (addr, len)),
            InodeKind::Proc(node) => {
                let task = current;
                let mut pos = in_file(self.open_files[file].pos);
                let written = self.proc_write(node, &mut pos, UserBuffer { task, addr, len });
                self.open_files[file].pos = pos.into();
                written
            }
            InodeKind::Regular(_) => {
                let (task, before) = (current, in_file(self.open_files[file].pos));
                let mut pos = before;
                let from = UserBuffer { task, addr, len };
                let written = self.generic_file_write(file, &mut pos, from);
                if pos != before {
                    self.open_files[file].pos = pos.into();
                }
                written
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Writes to a regular file. The position moves with what was written, and to the end of the file
    /// before that if the write appends.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `__generic_file_aio_write_nolock()`.
    fn generic_file_write(
        &mut self,
        file: FileId,
        pos: &mut u32,
        mut from: UserBuffer,
    ) -> Result<u32, Errno> {
        let inode = self.open_files[file].inode();
        let mut at = if self.open_files[file].flags() & O_APPEND != 0 {
            self.inodes[inode].size()
        } else {
            *pos
        };
        // The limits before the bytes: SIGXFSZ is sent even if the buffer cannot be read.
        from.len = self.generic_write_checks(from.task, at, from.len)?;
        if from.len == 0 {
            return Ok(0);
        }
        self.remove_suid(from.task, inode);
        self.inode_update_time(inode);
        let written = self.generic_file_buffered_write(inode, &mut at, from);
        *pos = at;
        written
    }

    /// Checks the limits of a write: one that would start beyond a limit fails with SIGXFSZ, one
    /// that would cross it is cut short. Returns how many bytes may be written.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `generic_write_checks()`. The largest file is smaller than what
    /// needs `O_LARGEFILE`.
    fn generic_write_checks(&mut self, task: TaskId, pos: u32, len: u32) -> Result<u32, Errno> {
        let limit = self.rlimit(task, Resource::Fsize);
        let beyond = limit != RLIM_INFINITY && pos >= limit;
        let too_large = pos > MAX_FILE || (pos == MAX_FILE && len > 0);
        if beyond || too_large {
            self.send_sigxfsz(task);
            return Err(Errno::EFBIG);
        }
        Ok(len.min(limit.saturating_sub(pos)).min(MAX_FILE - pos))
    }

    /// Tells a process that its file must not become larger.
    pub(super) fn send_sigxfsz(&mut self, task: TaskId) {
        // A standard signal is always queued.
        let from = SendInfo::From(task);
        let _sent = self.specific_send_sig_info(Signal::SIGXFSZ, from, task);
    }

    /// Reads at a position of its own; the offset of the open file stays.
    ///
    /// Linux 2.6.12: `fs/read_write.c`, `sys_pread64()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative position, before anything else; `EBADF`; `ESPIPE` for a console or a
    /// pipe; as for `read`.
    pub(in crate::kernel) fn sys_pread64(
        &mut self,
        current: TaskId,
        fd: u32,
        addr: VirtAddr,
        len: u32,
        pos: i64,
    ) -> Result<u32, Errno> {
        let mut pos = self.check_position(current, fd, pos)?;
        let file = self.file_for(current, fd, File::can_read, (addr, len))?;
        let inode = self.open_files[file].inode();
        match &self.inodes[inode].kind {
            InodeKind::Null => Ok(0),
            InodeKind::Zero => self.read_zero(current, addr, len),
            InodeKind::Directory(_) => Err(Errno::EISDIR),
            InodeKind::Proc(node) => {
                let (node, task) = (*node, current);
                self.proc_pread(file, node, &mut pos, UserBuffer { task, addr, len })
            }
            kind if kind.has_page_cache() => {
                let task = current;
                let read = self.generic_file_read(file, &mut pos, UserBuffer { task, addr, len });
                if len > 0 {
                    self.file_accessed(file);
                }
                read
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Writes at a position of its own; the offset of the open file stays. A file that appends is
    /// appended to all the same.
    ///
    /// Linux 2.6.12: `fs/read_write.c`, `sys_pwrite64()`.
    ///
    /// # Errors
    /// `EINVAL` for a negative position, before anything else; `EBADF`; `ESPIPE` for a console or a
    /// pipe; as for `write`.
    pub(in crate::kernel) fn sys_pwrite64(
        &mut self,
        current: TaskId,
        fd: u32,
        addr: VirtAddr,
        len: u32,
        pos: i64,
    ) -> Result<u32, Errno> {
        let mut pos = self.check_position(current, fd, pos)?;
        let file = self.file_for(current, fd, File::can_write, (addr, len))?;
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Null | InodeKind::Zero => Ok(len),
            InodeKind::Proc(node) => {
                let task = current;
                self.proc_write(node, &mut pos, UserBuffer { task, addr, len })
            }
            InodeKind::Regular(_) => {
                let task = current;
                self.generic_file_write(file, &mut pos, UserBuffer { task, addr, len })
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Checks a position that a call names itself, and whether the file has positions.
    fn check_position(&self, current: TaskId, fd: u32, pos: i64) -> Result<u32, Errno> {
        if pos < 0 {
            return Err(Errno::EINVAL);
        }
        let file = self.fget(current, fd)?;
        let inode = self.open_files[file].inode();
        let kind = &self.inodes[inode].kind;
        if kind.is_pipe()
            || kind.is_seq_file()
            || matches!(kind, InodeKind::Tty(_) | InodeKind::Printer(_))
        {
            return Err(Errno::ESPIPE);
        }
        Ok(in_file(pos.cast_unsigned()))
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_lseek()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a bad origin; `ESPIPE` for a console or a pipe; `EINVAL` for a
    /// negative offset; `EOVERFLOW` for one of 2 GiB or more, although it is set.
    pub(in crate::kernel) fn sys_lseek(
        &mut self,
        current: TaskId,
        fd: u32,
        offset: i32,
        origin: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        let pos = self.llseek(file, offset.into(), origin)?;
        if self.is_proc_mem(file) {
            return Ok(pos as u32);
        }
        i32::try_from(pos)
            .map(i32::cast_unsigned)
            .map_err(|_| Errno::EOVERFLOW)
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_llseek()`.
    ///
    /// # Errors
    /// As for `lseek`; `EFAULT` if the offset, which is set, cannot be stored.
    pub(in crate::kernel) fn sys_llseek(
        &mut self,
        current: TaskId,
        fd: u32,
        high: u32,
        low: u32,
        result: VirtAddr,
        origin: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        let offset = (u64::from(high) << 32 | u64::from(low)).cast_signed();
        let pos = self.llseek(file, offset, origin)?;
        self.copy_to_user(current, result, &pos.to_le_bytes())?;
        Ok(0)
    }

    /// Sets the offset of an open file.
    ///
    /// Linux 2.6.12: `fs/read_write.c`, `vfs_llseek()` and `generic_file_llseek()`.
    fn llseek(&mut self, file: FileId, offset: i64, origin: u32) -> Result<u64, Errno> {
        if origin > SEEK_END {
            return Err(Errno::EINVAL);
        }
        let inode = self.open_files[file].inode();
        let is_directory = match &self.inodes[inode].kind {
            kind if kind.is_pipe() => return Err(Errno::ESPIPE),
            InodeKind::Tty(_) | InodeKind::Printer(_) => return Err(Errno::ESPIPE),
            InodeKind::Null | InodeKind::Zero => return Ok(0),
            kind => matches!(kind, InodeKind::Directory(_)),
        };
        if is_directory && origin == SEEK_END {
            return Err(Errno::EINVAL);
        }
        let base = match origin {
            SEEK_SET => 0,
            SEEK_CUR => self.open_files[file].pos,
            _ => self.inodes[inode].size().into(),
        };
        let mut pos = base.wrapping_add_signed(offset);
        if self.is_proc_mem(file) {
            // An address of the upper half is a negative offset.
            pos &= u64::from(u32::MAX);
        }
        let most = if is_directory { i64::MAX } else { MAX_OFFSET };
        if pos > most.cast_unsigned() {
            return Err(Errno::EINVAL);
        }
        if let InodeKind::Proc(node) = self.inodes[inode].kind {
            self.proc_lseek(file, node, (origin, pos as u32))?;
        } else if is_directory {
            self.dcache_dir_lseek(file, pos);
        } else {
            self.open_files[file].pos = pos;
        }
        Ok(pos)
    }

    /// Whether an open file is the memory of a task, where an offset is an address.
    fn is_proc_mem(&self, file: FileId) -> bool {
        let kind = &self.inodes[self.open_files[file].inode()].kind;
        matches!(kind, InodeKind::Proc(ProcNode::Task(_, _, TaskEntry::Mem)))
    }

    /// Fills a buffer with zeros.
    ///
    /// Linux 2.6.12: `drivers/char/mem.c`, `read_zero()`.
    fn read_zero(&mut self, current: TaskId, addr: VirtAddr, len: u32) -> Result<u32, Errno> {
        let zeros = [0; PAGE_SIZE as usize];
        let mut done = 0;
        while done < len {
            let at = VirtAddr(addr.0 + done);
            let part = (len - done).min(PAGE_SIZE - at.page_offset());
            if let Err(errno) = self.copy_to_user(current, at, &zeros[..part as usize]) {
                return if done > 0 { Ok(done) } else { Err(errno) };
            }
            done += part;
        }
        Ok(done)
    }
}
