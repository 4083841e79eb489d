//! `readv` and `writev`: one operation on several buffers of the caller. A pipe takes them as one
//! stretch of bytes; every other file is read or written once for each of them.

use crate::abi::{Errno, FileId, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{Direction, PipeMemory, Segment, VectorIo};

/// The most buffers of one call (`UIO_MAXIOV`).
const UIO_MAXIOV: u32 = 1024;

impl Kernel {
    /// Linux 2.6.12: `fs/read_write.c`, `sys_readv()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for more than 1024 buffers and for a negative length; `EFAULT`; as for
    /// `read`.
    pub(in crate::kernel) fn sys_readv(
        &mut self,
        current: TaskId,
        fd: u32,
        vector: VirtAddr,
        count: u32,
    ) -> SysResult {
        self.do_readv_writev(current, fd, Direction::Read, (vector, count))
    }

    /// Linux 2.6.12: `fs/read_write.c`, `sys_writev()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for more than 1024 buffers and for a negative length; `EFAULT`; as for
    /// `write`.
    pub(in crate::kernel) fn sys_writev(
        &mut self,
        current: TaskId,
        fd: u32,
        vector: VirtAddr,
        count: u32,
    ) -> SysResult {
        self.do_readv_writev(current, fd, Direction::Write, (vector, count))
    }

    /// Linux 2.6.12: `fs/read_write.c`, `vfs_readv()` and `do_readv_writev()`.
    fn do_readv_writev(
        &mut self,
        current: TaskId,
        fd: u32,
        direction: Direction,
        (vector, count): (VirtAddr, u32),
    ) -> SysResult {
        let file = match self.file_for_vector(current, fd, direction) {
            Ok(file) => file,
            Err(errno) => return Err(errno).into(),
        };
        let segments = match self.segments(current, vector, count) {
            Ok(segments) => segments,
            Err(errno) => return Err(errno).into(),
        };
        let len = segments.iter().map(|segment| segment.len).sum();
        if len == 0 {
            return SysResult::from(0);
        }
        self.task_mut(current).in_call.segments = segments;
        let inode = self.open_files[file].inode();
        if self.pipes.contains_key(inode) {
            let io = self.begin_pipe_io(current, file, PipeMemory::Segments, len);
            return match direction {
                Direction::Read => self.pipe_read(current, io),
                Direction::Write => self.pipe_write(current, io),
            };
        }
        let pinned = self.pin_if_shared(current, file);
        let io = VectorIo {
            file,
            pinned,
            direction,
            next: 0,
            done: 0,
        };
        self.next_segment(current, io)
    }

    /// The file of a descriptor, if it is open for that and has the operation.
    fn file_for_vector(&self, current: TaskId, fd: u32, to: Direction) -> Result<FileId, Errno> {
        let file = self.fget(current, fd)?;
        let open = &self.open_files[file];
        let kind = &self.inodes[open.inode()].kind;
        let (allowed, possible) = match to {
            Direction::Read => (open.can_read(), kind.has_read()),
            Direction::Write => (open.can_write(), kind.has_write()),
        };
        if !allowed {
            return Err(Errno::EBADF);
        }
        if !possible {
            return Err(Errno::EINVAL);
        }
        Ok(file)
    }

    /// Copies the list of buffers, and checks each: first that it lies in user space, then that its
    /// length is not negative.
    fn segments(
        &mut self,
        current: TaskId,
        vector: VirtAddr,
        count: u32,
    ) -> Result<Vec<Segment>, Errno> {
        if count > UIO_MAXIOV {
            return Err(Errno::EINVAL);
        }
        let mut bytes = vec![0; count as usize * 8];
        self.copy_from_user(current, vector, &mut bytes)?;
        let word = |at: &[u8]| u32::from_le_bytes([at[0], at[1], at[2], at[3]]);
        let mut segments = Vec::with_capacity(count as usize);
        let mut sum = 0_u32;
        for entry in bytes.chunks_exact(8) {
            let (addr, len) = (VirtAddr(word(entry)), word(&entry[4..]));
            Self::check_user_range(addr, len)?;
            // Each length is below 3 GiB, so that a sum that wraps has been negative before.
            sum = sum.wrapping_add(len);
            if sum.cast_signed() < 0 {
                return Err(Errno::EINVAL);
            }
            segments.push(Segment { addr, len });
        }
        Ok(segments)
    }

    /// Reads or writes the buffers one after the other, as long as each is filled or emptied
    /// completely.
    fn next_segment(&mut self, current: TaskId, mut io: VectorIo) -> SysResult {
        loop {
            let segments = &self.task(current).in_call.segments;
            let Some(Segment { addr, len }) = segments.get(io.next).copied() else {
                return self.end_vector(io, SysResult::from(0));
            };
            // Before the operation, which may sleep: whoever is woken goes on from here.
            self.task_mut(current).in_call.vector = Some(io);
            let result = match io.direction {
                Direction::Read => self.do_read(current, io.file, addr, len),
                Direction::Write => self.do_write(current, io.file, addr, len),
            };
            if matches!(result, SysResult::Blocked) {
                return result;
            }
            self.task_mut(current).in_call.vector = None;
            match result {
                SysResult::Done(Ok(done)) if done == len => io.complete(done),
                result => return self.end_vector(io, result),
            }
        }
    }

    /// Goes on with the buffers after the one in which the call has slept, if it has.
    pub(in crate::kernel) fn after_segment(
        &mut self,
        current: TaskId,
        result: SysResult,
    ) -> SysResult {
        if matches!(result, SysResult::Blocked) {
            return result;
        }
        let Some(mut io) = self.task_mut(current).in_call.vector.take() else {
            return result;
        };
        let segment = self.task(current).in_call.segments.get(io.next).copied();
        match (result, segment) {
            (SysResult::Done(Ok(done)), Some(segment)) if done == segment.len => {
                io.complete(done);
                self.next_segment(current, io)
            }
            (result, _) => self.end_vector(io, result),
        }
    }

    /// What the call comes to after the last operation, of which `result` is the outcome: bytes
    /// that were transferred before take precedence over an error.
    fn end_vector(&mut self, io: VectorIo, result: SysResult) -> SysResult {
        if io.pinned {
            self.fput(io.file);
        }
        match result {
            SysResult::Done(Ok(done)) => SysResult::from(io.done + done),
            _ if io.done > 0 => SysResult::from(io.done),
            result => result,
        }
    }
}
