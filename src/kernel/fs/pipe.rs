//! Pipes: at most sixteen pages between writers and readers, which wait for each other.

use super::vfs::InodeKind;
use crate::abi::{
    Errno, FileId, InodeId, O_NONBLOCK, PAGE_SIZE, Pfn, Signal, TaskId, TaskState, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Continuation, PipeIo, PipeMemory, Segment, SendInfo};
use crate::trace::{FrameUse, NoMemory};
use std::collections::VecDeque;

/// The most pages in a pipe.
///
/// Linux 2.6.12: `include/linux/pipe_fs_i.h`, `PIPE_BUFFERS`.
pub const PIPE_BUFFERS: usize = 16;

/// A page in a pipe, and its unread part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PipeBuffer {
    /// The frame of the page.
    pub pfn: Pfn,
    /// Offset of the unread part.
    pub offset: u32,
    /// Length of the unread part.
    pub len: u32,
}

/// The state of a pipe (`pipe_inode_info`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pipe {
    /// Written data that has not been read yet, oldest first.
    buffers: VecDeque<PipeBuffer>,
    /// A page that has been read completely, kept for the next write.
    spare: Option<Pfn>,
    /// Open file descriptions for reading.
    pub(super) readers: u32,
    /// Open file descriptions for writing.
    pub(super) writers: u32,
    /// `r_counter`: how often it has been opened for reading, from 1.
    pub(super) r_counter: u32,
    /// `w_counter`: how often it has been opened for writing, from 1.
    pub(super) w_counter: u32,
    /// Tasks asleep in a write.
    waiting_writers: u32,
    /// The sleeping tasks, latest first: all are woken in this order.
    pub(super) queue: VecDeque<TaskId>,
}

impl Pipe {
    /// A pipe that nobody has open.
    ///
    /// Linux 2.6.12: `fs/pipe.c`, `pipe_new()`.
    pub(super) fn new() -> Self {
        Self {
            r_counter: 1,
            w_counter: 1,
            ..Self::default()
        }
    }

    /// Number of bytes that can be read.
    pub fn len(&self) -> u32 {
        self.buffers.iter().map(|buffer| buffer.len).sum()
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }

    /// The pages with data that has not been read yet, oldest first.
    pub fn buffers(&self) -> impl ExactSizeIterator<Item = &PipeBuffer> {
        self.buffers.iter()
    }

    /// How many open file descriptions can read it.
    pub const fn readers(&self) -> u32 {
        self.readers
    }

    /// How many open file descriptions can write to it.
    pub const fn writers(&self) -> u32 {
        self.writers
    }

    /// How many tasks sleep in a write.
    pub const fn waiting_writers(&self) -> u32 {
        self.waiting_writers
    }

    /// Whether a write finds an unused page.
    pub(super) fn has_room(&self) -> bool {
        self.buffers.len() < PIPE_BUFFERS
    }

    /// Queues a task that is about to sleep.
    pub(super) fn add_sleeper(&mut self, task: TaskId) {
        self.queue.push_front(task);
    }

    /// Takes a task out of the queue.
    pub(super) fn remove_sleeper(&mut self, task: TaskId) {
        self.queue.retain(|other| *other != task);
    }

    /// The frames that it holds.
    pub fn frames(&self) -> impl Iterator<Item = Pfn> {
        let full = self.buffers.iter().map(|buffer| buffer.pfn);
        full.chain(self.spare)
    }

    /// The tasks asleep in a read or a write.
    pub fn sleepers(&self) -> impl Iterator<Item = TaskId> {
        self.queue.iter().copied()
    }
}

impl PipeIo {
    const fn left(&self) -> u32 {
        self.len - self.done
    }

    /// Bytes already transferred take precedence over the error that stopped the call.
    const fn or(&self, errno: Errno) -> PipeStep {
        match self.done {
            0 => PipeStep::Failed(errno),
            _ => PipeStep::Done,
        }
    }
}

/// The next step of a read or write.
enum PipeStep {
    /// It is finished, with the bytes transferred.
    Done,
    /// It has failed, with no bytes transferred.
    Failed(Errno),
    /// A signal has interrupted it, with no bytes transferred.
    Interrupted,
    /// It has to wait for the other side.
    Wait,
}

/// Whether a reader that has found the pipe empty is done, and with which result; `None` if it
/// waits. A sleeping writer has more to come, so the reader waits for it even if it already has
/// something, and even with O_NONBLOCK.
///
/// Linux 2.6.12: `fs/pipe.c`, `pipe_readv()`.
const fn reader_of_empty(pipe: &Pipe, done: u32, nonblock: bool) -> Option<Result<(), Errno>> {
    if pipe.writers == 0 {
        return Some(Ok(()));
    }
    if pipe.waiting_writers > 0 {
        return None;
    }
    match (done, nonblock) {
        (1.., _) => Some(Ok(())),
        (0, true) => Some(Err(Errno::EAGAIN)),
        (0, false) => None,
    }
}

impl Kernel {
    /// Creates a pipe with two descriptors, the first for reading, the second for writing. They are
    /// stored at `addr` last of all; if that fails, both stay open, as in the kernel.
    ///
    /// Linux 2.6.12: `fs/pipe.c`, `do_pipe()`, and `arch/i386/kernel/sys_i386.c`, `sys_pipe()`.
    ///
    /// # Errors
    /// `EMFILE`, `EFAULT`.
    pub(in crate::kernel) fn sys_pipe(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let inode = self.new_inode(InodeKind::Pipe, "");
        let cred = self.task(current).cred();
        let attr = &mut self.inodes[inode].attr;
        (attr.uid, attr.gid) = (cred.fsuid, cred.fsgid);
        let name = format!("pipe:[{}]", self.inodes[inode].ino);
        self.inodes[inode].path = name;
        // Both descriptors are reserved before the pipe has a reader and a writer: without files to
        // close, nothing would ever free it.
        let fds = self.get_unused_fd(current, 0).and_then(|read| {
            let write = self.get_unused_fd(current, 0);
            write
                .inspect_err(|_| self.put_unused_fd(current, read))
                .map(|write| [read, write])
        });
        let [read, write] = match fds {
            Ok(fds) => fds,
            Err(errno) => {
                self.iput(inode);
                return Err(errno);
            }
        };
        let pipe = Pipe {
            readers: 1,
            writers: 1,
            ..Pipe::new()
        };
        self.pipes.insert(inode, pipe);
        for (fd, flags) in [(read, 0), (write, 1)] {
            let file = self.open_inode(inode, flags);
            self.fd_install(current, fd, file);
        }
        // From now on the two files hold the inode.
        self.iput(inode);
        self.put_user_u32(current, addr, read as u32)?;
        self.put_user_u32(current, VirtAddr(addr.0.wrapping_add(4)), write as u32)?;
        Ok(0)
    }

    /// A pipe is opened once more, through a link of `/proc`: its sides count one more each, and nobody
    /// waits.
    ///
    /// Linux 2.6.12: `fs/pipe.c`, `pipe_rdwr_open()`.
    pub(super) fn pipe_open(&mut self, file: FileId) {
        let open = &self.open_files[file];
        let (inode, reads, writes) = (open.inode(), open.can_read(), open.can_write());
        let pipe = &mut self.pipes[inode];
        pipe.readers += u32::from(reads);
        pipe.writers += u32::from(writes);
    }

    /// An open file description of a pipe is closed: the other side may now see the end, or be
    /// refused.
    ///
    /// Linux 2.6.12: `fs/pipe.c`, `pipe_release()`.
    pub(super) fn pipe_release(&mut self, inode: InodeId, reads: bool, writes: bool) {
        let pipe = &mut self.pipes[inode];
        pipe.readers -= u32::from(reads);
        pipe.writers -= u32::from(writes);
        if pipe.readers > 0 || pipe.writers > 0 {
            self.wake_pipe(inode, Waker::GoesOn);
            return;
        }
        if let Some(dead) = self.pipes.remove(inode) {
            for pfn in dead.frames() {
                self.free_frames(pfn, 0);
            }
        }
    }

    /// Starts a read or write of a pipe.
    pub(super) fn begin_pipe_io(
        &mut self,
        current: TaskId,
        file: FileId,
        memory: PipeMemory,
        len: u32,
    ) -> PipeIo {
        PipeIo {
            pinned: self.pin_if_shared(current, file),
            file,
            memory,
            len,
            done: 0,
            wake: false,
        }
    }

    /// The parts of the caller's memory for the next bytes of a read or write.
    ///
    /// Linux 2.6.12: `fs/pipe.c`, `pipe_iov_copy_from_user()` and `pipe_iov_copy_to_user()`.
    fn pipe_memory(&self, current: TaskId, io: &PipeIo, len: u32) -> Vec<Segment> {
        if let PipeMemory::Buffer(addr) = io.memory {
            let addr = VirtAddr(addr.0.wrapping_add(io.done));
            return vec![Segment { addr, len }];
        }
        let (mut skip, mut left) = (io.done, len);
        let mut parts = Vec::new();
        for segment in &self.task(current).in_call.segments {
            let before = skip.min(segment.len);
            skip -= before;
            let len = left.min(segment.len - before);
            left -= len;
            if len > 0 {
                let addr = VirtAddr(segment.addr.0.wrapping_add(before));
                parts.push(Segment { addr, len });
            }
        }
        parts
    }

    /// Linux 2.6.12: `fs/pipe.c`, `pipe_readv()`.
    pub(in crate::kernel) fn pipe_read(&mut self, current: TaskId, mut io: PipeIo) -> SysResult {
        let inode = self.finish_pipe_wait(current, &io);
        match self.read_pipe_step(current, inode, &mut io) {
            PipeStep::Wait => {
                // The flag is not reset, unlike that of a writer: the kernel wakes the writers again
                // when the read ends.
                if io.wake {
                    self.wake_pipe(inode, Waker::Sleeps);
                }
                self.pipe_wait(current, inode, Continuation::PipeRead(io))
            }
            step => {
                if io.done > 0 {
                    self.file_accessed(io.file);
                }
                self.end_pipe_io(inode, &io, step)
            }
        }
    }

    fn read_pipe_step(&mut self, current: TaskId, inode: InodeId, io: &mut PipeIo) -> PipeStep {
        while io.left() > 0 {
            let Some(buffer) = self.pipes[inode].buffers.front().copied() else {
                break;
            };
            let (start, chars) = (buffer.offset as usize, buffer.len.min(io.left()));
            let bytes = self.ram.frame(buffer.pfn)[start..start + chars as usize].to_vec();
            // Only what has been copied is consumed: after EFAULT the bytes are still there.
            let mut rest = bytes.as_slice();
            for Segment { addr, len } in self.pipe_memory(current, io, chars) {
                let (part, after) = rest.split_at(len as usize);
                if let Err(errno) = self.copy_to_user(current, addr, part) {
                    return io.or(errno);
                }
                rest = after;
            }
            io.done += chars;
            self.consume(inode, chars, io);
        }
        if io.left() == 0 {
            return PipeStep::Done;
        }
        let nonblock = self.open_files[io.file].flags() & O_NONBLOCK != 0;
        match reader_of_empty(&self.pipes[inode], io.done, nonblock) {
            Some(Ok(())) => PipeStep::Done,
            Some(Err(errno)) => PipeStep::Failed(errno),
            None => self.unless_signalled(current, io),
        }
    }

    /// Takes bytes from the oldest page. A page that becomes empty is kept for the next write, or
    /// freed if one is kept already.
    ///
    /// Linux 2.6.12: `fs/pipe.c`, `anon_pipe_buf_release()`.
    fn consume(&mut self, inode: InodeId, chars: u32, io: &mut PipeIo) {
        let pipe = &mut self.pipes[inode];
        let Some(buffer) = pipe.buffers.front_mut() else {
            return;
        };
        buffer.offset += chars;
        buffer.len -= chars;
        if buffer.len > 0 {
            return;
        }
        let empty = buffer.pfn;
        pipe.buffers.pop_front();
        io.wake = true;
        match pipe.spare {
            None => pipe.spare = Some(empty),
            Some(_) => self.free_frames(empty, 0),
        }
    }

    /// Linux 2.6.12: `fs/pipe.c`, `pipe_writev()`.
    pub(super) fn pipe_write(&mut self, current: TaskId, mut io: PipeIo) -> SysResult {
        let inode = self.open_files[io.file].inode();
        match self.merge_into_pipe(current, inode, &mut io) {
            Some(step) => self.end_pipe_write(inode, &io, step),
            None => self.pipe_write_loop(current, inode, io),
        }
    }

    /// Continues a writer after its sleep.
    pub(in crate::kernel) fn pipe_write_resumes(
        &mut self,
        current: TaskId,
        io: PipeIo,
    ) -> SysResult {
        let inode = self.finish_pipe_wait(current, &io);
        self.pipes[inode].waiting_writers -= 1;
        self.pipe_write_loop(current, inode, io)
    }

    fn pipe_write_loop(&mut self, current: TaskId, inode: InodeId, mut io: PipeIo) -> SysResult {
        match self.write_pipe_step(current, inode, &mut io) {
            PipeStep::Wait => {
                if std::mem::take(&mut io.wake) {
                    self.wake_pipe(inode, Waker::Sleeps);
                }
                // Counted only while it sleeps, because readers wait for the data of such a writer
                // even with O_NONBLOCK.
                self.pipes[inode].waiting_writers += 1;
                self.pipe_wait(current, inode, Continuation::PipeWrite(io))
            }
            step => self.end_pipe_write(inode, &io, step),
        }
    }

    fn end_pipe_write(&mut self, inode: InodeId, io: &PipeIo, step: PipeStep) -> SysResult {
        if io.done > 0 {
            self.inode_update_time(inode);
        }
        self.end_pipe_io(inode, io, step)
    }

    /// Appends the bytes of a write that do not fill a page to the last page, if they fit.
    fn merge_into_pipe(
        &mut self,
        current: TaskId,
        inode: InodeId,
        io: &mut PipeIo,
    ) -> Option<PipeStep> {
        if self.pipes[inode].readers == 0 {
            return Some(self.broken_pipe(current, io));
        }
        // What fills no page goes first, so that the rest fills whole pages.
        let chars = io.len % PAGE_SIZE;
        let last = self.pipes[inode].buffers.back().copied()?;
        let end = last.offset + last.len;
        if chars == 0 || end + chars > PAGE_SIZE {
            return None;
        }
        io.wake = true;
        if let Err(errno) = self.fill_pipe_page(current, last.pfn, end, io, chars) {
            return Some(PipeStep::Failed(errno));
        }
        if let Some(last) = self.pipes[inode].buffers.back_mut() {
            last.len += chars;
        }
        (io.left() == 0).then_some(PipeStep::Done)
    }

    fn write_pipe_step(&mut self, current: TaskId, inode: InodeId, io: &mut PipeIo) -> PipeStep {
        if self.pipes[inode].readers == 0 {
            return self.broken_pipe(current, io);
        }
        while self.pipes[inode].buffers.len() < PIPE_BUFFERS {
            let Ok(pfn) = self.page_for_pipe(inode) else {
                return io.or(Errno::ENOMEM);
            };
            // Even if the copy fails: a reader that sleeps because it expects data of a waiting
            // writer would otherwise sleep on.
            io.wake = true;
            let chars = io.left().min(PAGE_SIZE);
            if let Err(errno) = self.fill_pipe_page(current, pfn, 0, io, chars) {
                return io.or(errno);
            }
            let pipe = &mut self.pipes[inode];
            pipe.spare = None;
            pipe.buffers.push_back(PipeBuffer {
                pfn,
                offset: 0,
                len: chars,
            });
            if io.left() == 0 {
                return PipeStep::Done;
            }
        }
        if self.open_files[io.file].flags() & O_NONBLOCK != 0 {
            return io.or(Errno::EAGAIN);
        }
        self.unless_signalled(current, io)
    }

    /// The page for the next bytes; it stays the spare one until they are in it.
    fn page_for_pipe(&mut self, inode: InodeId) -> Result<Pfn, NoMemory> {
        if let Some(spare) = self.pipes[inode].spare {
            return Ok(spare);
        }
        let fresh = self.alloc_frame(0, FrameUse::Pipe)?;
        self.pipes[inode].spare = Some(fresh);
        Ok(fresh)
    }

    fn fill_pipe_page(
        &mut self,
        current: TaskId,
        pfn: Pfn,
        offset: u32,
        io: &mut PipeIo,
        chars: u32,
    ) -> Result<(), Errno> {
        let mut bytes = vec![0; chars as usize];
        let mut at = 0;
        for Segment { addr, len } in self.pipe_memory(current, io, chars) {
            let end = at + len as usize;
            self.copy_from_user(current, addr, &mut bytes[at..end])?;
            at = end;
        }
        let offset = offset as usize;
        self.ram.frame_mut(pfn)[offset..offset + bytes.len()].copy_from_slice(&bytes);
        io.done += chars;
        Ok(())
    }

    /// Nobody can read any more what is written.
    fn broken_pipe(&mut self, current: TaskId, io: &PipeIo) -> PipeStep {
        // A standard signal is always queued.
        let _sent = self.specific_send_sig_info(Signal::SIGPIPE, SendInfo::From(current), current);
        io.or(Errno::EPIPE)
    }

    fn unless_signalled(&self, current: TaskId, io: &PipeIo) -> PipeStep {
        match (self.signal_pending(current), io.done) {
            (false, _) => PipeStep::Wait,
            (true, 0) => PipeStep::Interrupted,
            (true, _) => PipeStep::Done,
        }
    }

    /// Ends a read or write: wakes the other side, and drops the reference to the open file
    /// description.
    fn end_pipe_io(&mut self, inode: InodeId, io: &PipeIo, step: PipeStep) -> SysResult {
        if io.wake {
            self.wake_pipe(inode, Waker::GoesOn);
        }
        if io.pinned {
            self.fput(io.file);
        }
        match step {
            PipeStep::Failed(errno) => Err(errno).into(),
            PipeStep::Interrupted => SysResult::Restart(Restart::Sys),
            PipeStep::Done | PipeStep::Wait => SysResult::from(io.done),
        }
    }

    /// Linux 2.6.12: `fs/pipe.c`, `pipe_wait()`.
    fn pipe_wait(&mut self, current: TaskId, inode: InodeId, wait: Continuation) -> SysResult {
        // Queued before it sleeps: `block` lets others run, whose wake-ups must find it.
        self.pipes[inode].add_sleeper(current);
        self.block(current, TaskState::INTERRUPTIBLE, wait)
    }

    /// Called when the task is awake: it leaves the queue, unless its waker has already removed it.
    fn finish_pipe_wait(&mut self, current: TaskId, io: &PipeIo) -> InodeId {
        let inode = self.open_files[io.file].inode();
        self.pipes[inode].remove_sleeper(current);
        inode
    }

    /// Linux 2.6.12: `fs/pipe.c`, the wake-ups of `PIPE_WAIT`: readers and writers sleep in one
    /// queue, and all are woken. A synchronous wake-up never preempts on one CPU.
    pub(super) fn wake_pipe(&mut self, inode: InodeId, waker: Waker) {
        // The whole queue is taken: whoever has to wait on queues again. Only those who wait for
        // several files stay until one of them is ready.
        let (mut stays, queue) = (
            VecDeque::new(),
            std::mem::take(&mut self.pipes[inode].queue),
        );
        for task in queue {
            if self.task(task).in_call.continuation == Some(Continuation::Polling) {
                stays.push_back(task);
            }
            let (sched, mut ctx) = self.sched_ctx();
            sched.try_to_wake_up(&mut ctx, task, TaskState::INTERRUPTIBLE, waker);
        }
        self.pipes[inode].queue = stays;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_of_an_empty_pipe_gets() {
        let pipe = |writers, waiting_writers| Pipe {
            writers,
            waiting_writers,
            ..Pipe::default()
        };
        let again = Some(Err(Errno::EAGAIN));
        for (writers, waiting, done, nonblock, expected) in [
            (0, 0, 0, false, Some(Ok(()))),
            (0, 0, 5, true, Some(Ok(()))),
            (1, 0, 0, false, None),
            (1, 0, 5, false, Some(Ok(()))),
            (1, 0, 0, true, again),
            // A sleeping writer has more to come.
            (1, 1, 5, false, None),
            (1, 1, 0, true, None),
        ] {
            let verdict = reader_of_empty(&pipe(writers, waiting), done, nonblock);
            assert_eq!(verdict, expected, "{writers} {waiting} {done} {nonblock}");
        }
    }
}
