//! Fifos: pipes with a name. Whoever opens one side waits until the other side has been opened; a
//! counter of opens tells, so that a partner who has gone again counts, too.

use super::pipe::Pipe;
use crate::abi::{Errno, FileId, InodeId, O_NONBLOCK, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Continuation, FifoOpen};

/// The side of a fifo that is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Reader,
    Writer,
    Both,
}

/// What opening a side comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Opening {
    /// It is open.
    Done,
    /// Nobody has the other side open: wait until its counter is no longer this.
    WaitWhile(u32),
}

impl Pipe {
    /// Counts an open of a side, and says whether it has to wait for a partner.
    ///
    /// Linux 2.6.12: `fs/fifo.c`, `fifo_open()`.
    ///
    /// # Errors
    /// `ENXIO` for a writer that does not wait and finds no reader.
    fn open_side(&mut self, side: Side, nonblock: bool) -> Result<Opening, Errno> {
        match side {
            Side::Reader => {
                self.r_counter = self.r_counter.wrapping_add(1);
                self.readers += 1;
                if self.writers > 0 || nonblock {
                    return Ok(Opening::Done);
                }
                Ok(Opening::WaitWhile(self.w_counter))
            }
            Side::Writer if nonblock && self.readers == 0 => Err(Errno::ENXIO),
            Side::Writer => {
                self.w_counter = self.w_counter.wrapping_add(1);
                self.writers += 1;
                if self.readers > 0 {
                    return Ok(Opening::Done);
                }
                Ok(Opening::WaitWhile(self.r_counter))
            }
            Side::Both => {
                self.readers += 1;
                self.writers += 1;
                self.r_counter = self.r_counter.wrapping_add(1);
                self.w_counter = self.w_counter.wrapping_add(1);
                Ok(Opening::Done)
            }
        }
    }

    /// Whether the open that was just counted is the first of its side, which others wait for.
    const fn is_first(&self, side: Side) -> bool {
        match side {
            Side::Reader => self.readers == 1,
            Side::Writer => self.writers == 1,
            Side::Both => self.readers == 1 || self.writers == 1,
        }
    }
}

impl Kernel {
    /// Opens a fifo for a descriptor that is reserved.
    ///
    /// Linux 2.6.12: `fs/fifo.c`, `fifo_open()`.
    pub(super) fn fifo_open(&mut self, current: TaskId, file: FileId, fd: u32) -> SysResult {
        let open = &self.open_files[file];
        let (inode, nonblock) = (open.inode(), open.flags() & O_NONBLOCK != 0);
        let side = match (open.can_read(), open.can_write()) {
            (true, false) => Side::Reader,
            (false, true) => Side::Writer,
            (true, true) => Side::Both,
            (false, false) => return self.finish_open(current, file, fd, Err(Errno::EINVAL)),
        };
        if !self.pipes.contains_key(inode) {
            self.pipes.insert(inode, Pipe::new());
        }
        let opening = match self.pipes[inode].open_side(side, nonblock) {
            Ok(opening) => opening,
            Err(errno) => return self.fail_fifo(current, file, fd, errno),
        };
        let version = self.pipes[inode].w_counter;
        let open = &mut self.open_files[file];
        open.counted = true;
        if side == Side::Reader && nonblock && self.pipes[inode].writers == 0 {
            // `poll` shows no end before a writer has been there.
            open.version = version;
        }
        if self.pipes[inode].is_first(side) {
            self.wake_pipe(inode, Waker::GoesOn);
        }
        match opening {
            Opening::Done => self.finish_open(current, file, fd, Ok(())),
            Opening::WaitWhile(counter) => {
                let wait = FifoOpen { file, fd, counter };
                self.wait_for_partner(current, inode, wait)
            }
        }
    }

    /// Linux 2.6.12: `fs/fifo.c`, `wait_for_partner()`.
    fn wait_for_partner(&mut self, current: TaskId, inode: InodeId, wait: FifoOpen) -> SysResult {
        self.pipes[inode].queue.push_front(current);
        let wait = Continuation::FifoOpen(wait);
        self.block(current, TaskState::INTERRUPTIBLE, wait)
    }

    /// Goes on with an open after its sleep. A signal undoes it, even if the partner has come.
    pub(in crate::kernel) fn fifo_open_resumes(
        &mut self,
        current: TaskId,
        wait: FifoOpen,
    ) -> SysResult {
        let inode = self.open_files[wait.file].inode();
        self.pipes[inode].queue.retain(|task| *task != current);
        if self.signal_pending(current) {
            self.put_unused_fd(current, wait.fd as usize);
            // The count of the side goes with the file; others may wait for that.
            self.fput(wait.file);
            return SysResult::Restart(Restart::Sys);
        }
        let pipe = &self.pipes[inode];
        let counter = if self.open_files[wait.file].can_read() {
            pipe.w_counter
        } else {
            pipe.r_counter
        };
        if counter == wait.counter {
            return self.wait_for_partner(current, inode, wait);
        }
        self.finish_open(current, wait.file, wait.fd, Ok(()))
    }

    /// An open that has counted nothing: a fifo that nobody has open has no state.
    fn fail_fifo(&mut self, current: TaskId, file: FileId, fd: u32, errno: Errno) -> SysResult {
        let inode = self.open_files[file].inode();
        let pipe = &self.pipes[inode];
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.remove(inode);
        }
        self.finish_open(current, file, fd, Err(errno))
    }
}
