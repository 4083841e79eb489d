//! The console: output of programs that has not been fetched yet, and typed input that has not been
//! read yet.

use crate::abi::{Errno, FileId, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::Continuation;
use std::collections::VecDeque;

/// The state of `/dev/console`.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// Output of programs, in order, until it is shown.
    output: Vec<u8>,
    /// Typed input, in order, until it is read.
    input: VecDeque<u8>,
    /// Whether nothing more will be typed: then a reader gets 0 instead of waiting.
    end_of_input: bool,
    /// The tasks that wait for a line, in the order of arrival.
    readers: VecDeque<TaskId>,
}

impl Console {
    /// Output of programs that nobody has taken yet.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The tasks that wait for input.
    pub fn readers(&self) -> impl Iterator<Item = TaskId> {
        self.readers.iter().copied()
    }

    /// A line, or the rest of the input before its end, of at most `most` bytes.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `input_available_p()`, in canonical mode.
    fn take_line(&mut self, most: usize) -> Option<Vec<u8>> {
        let line = self.input.iter().position(|byte| *byte == b'\n');
        let len = match line {
            Some(newline) => newline + 1,
            None if self.end_of_input => self.input.len(),
            None => return None,
        };
        Some(self.input.drain(..len.min(most)).collect())
    }
}

impl Kernel {
    /// Types on the console: every reader is woken, and checks again.
    pub fn type_on_console(&mut self, bytes: &[u8]) {
        self.console.input.extend(bytes);
        self.wake_readers();
    }

    /// Ends the input.
    pub fn end_console_input(&mut self) {
        self.console.end_of_input = true;
        self.wake_readers();
    }

    fn wake_readers(&mut self) {
        for reader in std::mem::take(&mut self.console.readers) {
            self.wake_from_interrupt(reader);
        }
    }

    /// Linux 2.6.12: `drivers/char/n_tty.c`, `read_chan()`, in canonical mode: a line at a time.
    pub(in crate::kernel) fn read_console(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        // A reader that a signal woke is still queued, and must not be queued twice.
        self.console.readers.retain(|reader| *reader != current);
        // Input before signals: a line that is there is delivered even if a signal is pending.
        if let Some(line) = self.console.take_line(len as usize) {
            let copied = self.copy_to_user(current, addr, &line);
            return copied.map(|()| line.len() as u32).into();
        }
        if self.signal_pending(current) {
            return SysResult::Restart(Restart::Sys);
        }
        self.console.readers.push_back(current);
        self.block(
            current,
            TaskState::INTERRUPTIBLE,
            Continuation::ReadConsole { addr, len },
        )
    }

    /// The commands of a terminal.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_ioctl()`.
    ///
    /// # Errors
    /// `EINVAL` for a command that it does not have.
    pub(super) fn tty_ioctl(
        &mut self,
        _current: TaskId,
        _file: FileId,
        _command: u32,
        _arg: VirtAddr,
    ) -> SysResult {
        Err(Errno::EINVAL).into()
    }

    /// Adds output of a program.
    pub(in crate::kernel) fn print_on_console(&mut self, bytes: &[u8]) {
        self.console.output.extend_from_slice(bytes);
    }

    /// The output of programs since the last call.
    pub fn take_console_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.console.output)
    }
}
