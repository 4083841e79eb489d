//! The console: what programs wrote to it and nobody has fetched yet, and what was typed and nobody
//! has read yet.

use crate::abi::{TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::Continuation;
use std::collections::VecDeque;

/// `/dev/console`.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// Written by programs, in order; taken away by whoever shows it.
    pub output: Vec<u8>,
    /// Typed, in order; taken away by `read`.
    pub input: VecDeque<u8>,
    /// Nothing more will be typed: a reader gets 0 instead of waiting.
    pub end_of_input: bool,
    /// Those who wait for a line, in the order in which they came.
    readers: VecDeque<TaskId>,
}

impl Console {
    /// Those who wait for input.
    pub fn readers(&self) -> impl Iterator<Item = TaskId> {
        self.readers.iter().copied()
    }

    /// A line, or what there is of one before the end of input, of at most that many bytes.
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
    /// Somebody types: every reader is woken, and looks for itself.
    pub fn type_on_console(&mut self, bytes: &[u8]) {
        self.console.input.extend(bytes);
        self.wake_readers();
    }

    /// Nobody will type any more.
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
        self.console.readers.retain(|reader| *reader != current);
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

    /// What programs wrote since this was last asked.
    pub fn take_console_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.console.output)
    }
}
