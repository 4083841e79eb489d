//! `ioctl`: what every file can be asked, and what each kind of file makes of the rest.

use super::vfs::InodeKind;
use crate::abi::{
    Errno, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FileId, O_NONBLOCK, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;

impl Kernel {
    /// Linux 2.6.12: `fs/ioctl.c`, `sys_ioctl()`.
    ///
    /// # Errors
    /// `EBADF`; `EFAULT`; `ENOTTY` and `EINVAL` if the file does not know the request.
    pub(in crate::kernel) fn sys_ioctl(
        &mut self,
        current: TaskId,
        fd: u32,
        cmd: u32,
        arg: u32,
    ) -> SysResult {
        let file = match self.fget(current, fd) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        match cmd {
            FIOCLEX | FIONCLEX => {
                let closes = cmd == FIOCLEX;
                self.set_close_on_exec(current, fd, closes).into()
            }
            FIONBIO => self.fionbio(current, file, VirtAddr(arg)).into(),
            _ => self.ioctl_of_kind(current, file, cmd, arg),
        }
    }

    fn fionbio(&mut self, current: TaskId, file: FileId, addr: VirtAddr) -> Result<u32, Errno> {
        let flags = self.open_files[file].flags();
        let flags = match self.get_user_u32(current, addr)? {
            0 => flags & !O_NONBLOCK,
            _ => flags | O_NONBLOCK,
        };
        self.open_files[file].setfl(flags);
        Ok(0)
    }

    fn ioctl_of_kind(&mut self, current: TaskId, file: FileId, cmd: u32, arg: u32) -> SysResult {
        let inode = self.open_files[file].inode();
        let left = match &self.inodes[inode].kind {
            InodeKind::Tty(_) => return self.tty_ioctl(current, file, cmd, arg),
            InodeKind::Pipe if cmd == FIONREAD => self.pipes[inode].len(),
            InodeKind::Pipe => return Err(Errno::EINVAL).into(),
            kind if kind.is_regular() && cmd == FIONREAD => {
                let pos = self.open_files[file].pos;
                self.inodes[inode].size().wrapping_sub(pos)
            }
            _ => return Err(Errno::ENOTTY).into(),
        };
        self.put_user_u32(current, VirtAddr(arg), left)
            .map(|()| 0)
            .into()
    }
}
