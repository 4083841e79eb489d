//! `sendfile`: only sockets take pages of another file, and there are none; what is left are the
//! checks.

use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;

impl Kernel {
    /// Linux 2.6.12: `fs/read_write.c`, `sys_sendfile()`.
    ///
    /// # Errors
    /// `EFAULT` for the offset; those of [`Kernel::do_sendfile`].
    pub(in crate::kernel) fn sys_sendfile(
        &mut self,
        current: TaskId,
        out: u32,
        from: u32,
        offset: VirtAddr,
        count: u32,
    ) -> Result<u32, Errno> {
        let pos = match offset.0 {
            0 => None,
            _ => Some(i64::from(self.get_user_u32(current, offset)?.cast_signed())),
        };
        self.do_sendfile(current, (out, from), pos, count)
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_sendfile64()`.
    ///
    /// # Errors
    /// `EFAULT` for the offset; those of [`Kernel::do_sendfile`].
    pub(in crate::kernel) fn sys_sendfile64(
        &mut self,
        current: TaskId,
        out: u32,
        from: u32,
        offset: VirtAddr,
        count: u32,
    ) -> Result<u32, Errno> {
        let pos = match offset.0 {
            0 => None,
            _ => {
                let [low, high] = self.get_user_words(current, offset)?;
                Some((u64::from(high) << 32 | u64::from(low)).cast_signed())
            }
        };
        self.do_sendfile(current, (out, from), pos, count)
    }

    /// Linux 2.6.12: `fs/read_write.c`, `do_sendfile()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a source without `sendfile`, a negative offset or count, and a target
    /// without `sendpage`.
    fn do_sendfile(
        &self,
        current: TaskId,
        (out, from): (u32, u32),
        pos: Option<i64>,
        count: u32,
    ) -> Result<u32, Errno> {
        let source = &self.open_files[self.fget(current, from)?];
        if !source.can_read() {
            return Err(Errno::EBADF);
        }
        let kind = &self.inodes[source.inode()].kind;
        if !kind.has_page_cache() || count.cast_signed() < 0 || pos.is_some_and(|pos| pos < 0) {
            return Err(Errno::EINVAL);
        }
        if !self.open_files[self.fget(current, out)?].can_write() {
            return Err(Errno::EBADF);
        }
        Err(Errno::EINVAL)
    }
}
