//! What each kind of file answers to `select` and `poll`, and in whose queues they wait.

use super::vfs::InodeKind;
use crate::abi::{FileId, POLLERR, POLLHUP, TaskId, poll_mask};
use crate::kernel::Kernel;

impl Kernel {
    /// What can be done with a file without waiting.
    pub(super) fn file_poll(&mut self, file: FileId) -> u32 {
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Tty(_) => self.tty_poll(file),
            InodeKind::Pipe | InodeKind::Fifo => self.pipe_poll(file),
            _ => poll_mask::DEFAULT,
        }
    }

    /// Linux 2.6.12: `fs/pipe.c`, `pipe_poll()`.
    fn pipe_poll(&self, file: FileId) -> u32 {
        let file = &self.open_files[file];
        let pipe = &self.pipes[file.inode()];
        let mut mask = 0;
        if file.can_read() {
            if !pipe.is_empty() {
                mask |= poll_mask::READABLE;
            }
            // A reader that did not wait for a writer sees no end before there was one.
            if pipe.writers() == 0 && file.version() != pipe.w_counter {
                mask |= POLLHUP;
            }
        }
        if file.can_write() {
            if pipe.has_room() {
                mask |= poll_mask::WRITABLE;
            }
            if pipe.readers() == 0 {
                mask |= POLLERR;
            }
        }
        mask
    }

    /// Lets a task wait in the queues of a file.
    ///
    /// Linux 2.6.12: `fs/select.c`, `__pollwait()`.
    pub(super) fn add_poller(&mut self, file: FileId, task: TaskId) {
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Tty(_) => self.tty_poll_wait(task),
            InodeKind::Pipe | InodeKind::Fifo => self.pipes[inode].add_sleeper(task),
            _ => {}
        }
    }

    /// Takes it out of them.
    ///
    /// Linux 2.6.12: `fs/select.c`, `poll_freewait()`.
    pub(super) fn remove_poller(&mut self, file: FileId, task: TaskId) {
        let inode = self.open_files[file].inode();
        match self.inodes[inode].kind {
            InodeKind::Tty(_) => self.tty_poll_ends(task),
            InodeKind::Pipe | InodeKind::Fifo => self.pipes[inode].remove_sleeper(task),
            _ => {}
        }
    }
}
