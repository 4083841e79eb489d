//! `ioctl`: the commands that every file has, those of regular files and pipes, and the one place
//! from which the commands of a device reach its driver.

use super::vfs::InodeKind;
use crate::abi::{
    Errno, FASYNC, FIBMAP, FIGETBSZ, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE,
    FileId, O_NONBLOCK, PAGE_SIZE, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;

impl Kernel {
    /// Linux 2.6.12: `fs/ioctl.c`, `sys_ioctl()`.
    ///
    /// # Errors
    /// `EBADF`; `EFAULT`; `ENOTTY` for a command that the file does not have, `EINVAL` if it is a
    /// pipe or a terminal.
    pub(in crate::kernel) fn sys_ioctl(
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
        let arg = VirtAddr(arg);
        match command {
            FIOCLEX => self.set_close_on_exec(current, fd, CloseOnExec::Set).into(),
            FIONCLEX => self
                .set_close_on_exec(current, fd, CloseOnExec::Clear)
                .into(),
            FIONBIO => self.fionbio(current, file, arg).into(),
            FIOASYNC => self.fioasync(current, file, arg).into(),
            FIOQSIZE => self.fioqsize(current, file, arg).into(),
            _ => self.do_ioctl(current, file, command, arg),
        }
    }

    /// The commands of a kind of file (`f_op->ioctl`).
    ///
    /// Linux 2.6.12: `fs/ioctl.c`, `do_ioctl()` and `file_ioctl()`; `fs/pipe.c`, `pipe_ioctl()`.
    fn do_ioctl(
        &mut self,
        current: TaskId,
        file: FileId,
        command: u32,
        arg: VirtAddr,
    ) -> SysResult {
        let inode = self.open_files[file].inode();
        match &self.inodes[inode].kind {
            InodeKind::Tty(_) => self.tty_ioctl(current, file, command, arg),
            InodeKind::Pipe | InodeKind::Fifo if command == FIONREAD => {
                let readable = self.pipes[inode].len();
                self.answer(current, arg, readable).into()
            }
            InodeKind::Pipe | InodeKind::Fifo => Err(Errno::EINVAL).into(),
            kind if kind.has_page_cache() => match command {
                FIBMAP => Err(Errno::EINVAL).into(),
                FIGETBSZ => self.answer(current, arg, PAGE_SIZE).into(),
                FIONREAD => {
                    let pos = self.open_files[file].pos as u32;
                    let left = self.inodes[inode].size().wrapping_sub(pos);
                    self.answer(current, arg, left).into()
                }
                _ => Err(Errno::ENOTTY).into(),
            },
            _ => Err(Errno::ENOTTY).into(),
        }
    }

    fn answer(&mut self, current: TaskId, to: VirtAddr, word: u32) -> Result<u32, Errno> {
        self.put_user_u32(current, to, word)?;
        Ok(0)
    }

    fn fionbio(&mut self, current: TaskId, file: FileId, arg: VirtAddr) -> Result<u32, Errno> {
        let on = self.get_user_u32(current, arg)? != 0;
        self.change_status_flag(file, O_NONBLOCK, on);
        Ok(0)
    }

    fn fioasync(&mut self, current: TaskId, file: FileId, arg: VirtAddr) -> Result<u32, Errno> {
        let on = self.get_user_u32(current, arg)? != 0;
        let inode = self.open_files[file].inode();
        let is_on = self.open_files[file].flags() & FASYNC != 0;
        if on != is_on && !self.inodes[inode].kind.has_fasync() {
            return Err(Errno::ENOTTY);
        }
        self.change_status_flag(file, FASYNC, on);
        Ok(0)
    }

    fn change_status_flag(&mut self, file: FileId, flag: u32, on: bool) {
        let file = &mut self.open_files[file];
        let flags = file.flags();
        file.setfl(if on { flags | flag } else { flags & !flag });
    }

    /// The bytes that a file takes, as a number of 64 bits.
    fn fioqsize(&mut self, current: TaskId, file: FileId, arg: VirtAddr) -> Result<u32, Errno> {
        let inode = &self.inodes[self.open_files[file].inode()];
        if !inode.kind.has_page_cache() {
            return Err(Errno::ENOTTY);
        }
        let bytes = u64::from(inode.blocks()) * 512;
        self.copy_to_user(current, arg, &bytes.to_le_bytes())?;
        Ok(0)
    }
}

/// What becomes of the mark of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CloseOnExec {
    /// A successful `execve` closes it.
    Set,
    /// It stays open.
    Clear,
}
