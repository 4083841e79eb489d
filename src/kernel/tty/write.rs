//! Writing to a terminal: in chunks, one writer at a time, and not while the output is stopped.

use super::Tty;
use super::output::From;
use super::semaphore::{Down, Turn};
use super::wait::Queue;
use crate::abi::{Errno, FileId, OLCUC, OPOST, TOSTOP, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Continuation, TtyIo, TtyWrite};

/// The most bytes that are copied from the caller at a time.
///
/// Linux 2.6.12: `drivers/char/tty_io.c`, `do_tty_write()`.
const CHUNK: u32 = 2048;
/// After how many bytes a writer looks whether somebody else is to run.
const BYTES_IN_A_GO: u32 = 16 * CHUNK;

/// How a chunk ends.
enum Chunk {
    /// All of it, or the first part, is put out.
    Written,
    /// It ends the write, with this result if nothing has been put out.
    Ends(SysResult),
    /// The output is stopped.
    Waits,
}

impl Tty {
    /// Puts out bytes of a program.
    pub(super) fn put_out(&mut self, bytes: &[u8]) {
        let plain = self.termios.o(OPOST) && !self.termios.o(OLCUC);
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            let run = rest.iter().take_while(|byte| !byte.is_ascii_control());
            match run.count() {
                run if run > 0 && plain => {
                    self.output.opost_block(&rest[..run]);
                    rest = &rest[run..];
                }
                _ => {
                    self.output.opost(&self.termios, *first, From::Program);
                    rest = after;
                }
            }
        }
    }
}

impl Kernel {
    /// Puts out text of the kernel itself.
    pub(in crate::kernel) fn print_on_console(&mut self, bytes: &[u8]) {
        self.tty.put_out(bytes);
    }

    /// From now on, what the terminal shows of typed characters counts as output, too.
    pub const fn show_echo(&mut self) {
        self.tty.output.show_all();
    }

    /// The output of programs since the last call.
    pub fn take_console_output(&mut self) -> Vec<u8> {
        self.tty.output.take()
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `do_tty_write()` and `hung_up_tty_write()`.
    pub(in crate::kernel) fn tty_write(
        &mut self,
        current: TaskId,
        file: FileId,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        if self.tty_hung_up(file) {
            return Err(Errno::EIO).into();
        }
        let io = self.begin_tty_io(current, file, addr, len);
        let write = TtyWrite {
            io,
            has_turn: false,
            chunk: None,
        };
        self.write_in_turn(current, write)
    }

    /// Goes on with a write after a sleep.
    pub(in crate::kernel) fn tty_write_resumes(
        &mut self,
        current: TaskId,
        write: TtyWrite,
    ) -> SysResult {
        if write.has_turn {
            self.write_on(current, write)
        } else {
            self.write_in_turn(current, write)
        }
    }

    fn write_in_turn(&mut self, current: TaskId, mut write: TtyWrite) -> SysResult {
        match self.tty_down(current, Turn::Write) {
            Down::Taken => {
                write.has_turn = true;
                self.write_on(current, write)
            }
            Down::Sleeps => self.block(
                current,
                TaskState::INTERRUPTIBLE,
                Continuation::TtyWrite(write),
            ),
            Down::Interrupted => {
                self.end_tty_io(&write.io);
                SysResult::Restart(Restart::Sys)
            }
        }
    }

    fn write_on(&mut self, current: TaskId, mut write: TtyWrite) -> SysResult {
        let stop = write.io.done.saturating_add(BYTES_IN_A_GO);
        loop {
            match self.write_chunk(current, &mut write) {
                Chunk::Waits => {
                    let wait = Continuation::TtyWrite(write);
                    return self.block(current, TaskState::INTERRUPTIBLE, wait);
                }
                Chunk::Ends(result) => return self.end_write(&write.io, result),
                Chunk::Written if write.io.left() == 0 => {
                    return self.end_write(&write.io, SysResult::from(0));
                }
                Chunk::Written if self.signal_pending(current) => {
                    return self.end_write(&write.io, SysResult::Restart(Restart::Sys));
                }
                Chunk::Written if write.io.done >= stop => {
                    // `cond_resched()`: it goes on as soon as it has the CPU.
                    let rest = Continuation::TtyWrite(write);
                    self.task_mut(current).in_call.continuation = Some(rest);
                    return SysResult::Blocked;
                }
                Chunk::Written => {}
            }
        }
    }

    fn end_write(&mut self, io: &TtyIo, otherwise: SysResult) -> SysResult {
        self.tty_up(Turn::Write);
        self.end_tty_io(io);
        match io.done {
            0 => otherwise,
            done => SysResult::from(done),
        }
    }

    /// Writes the next chunk, or goes on with one.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `write_chan()`.
    fn write_chunk(&mut self, current: TaskId, write: &mut TtyWrite) -> Chunk {
        let len = match write.chunk.take() {
            Some(len) => len,
            None => {
                let len = write.io.left().min(CHUNK);
                if let Err(result) = self.may_write_chunk(current, &write.io, len) {
                    return Chunk::Ends(result);
                }
                self.tty.add_waiter(Queue::Write, current);
                len
            }
        };
        let ends = if self.signal_pending(current) {
            Some(SysResult::Restart(Restart::Sys))
        } else if self.tty_hung_up(write.io.file) {
            Some(Err(Errno::EIO).into())
        } else if len > 0 && !self.tty.has_room() {
            if !self.is_nonblocking(write.io.file) {
                write.chunk = Some(len);
                return Chunk::Waits;
            }
            Some(Err(Errno::EAGAIN).into())
        } else {
            None
        };
        self.tty.remove_waiter(Queue::Write, current);
        match ends {
            Some(result) => Chunk::Ends(result),
            None => self.put_out_chunk(current, write, len),
        }
    }

    /// What comes before a chunk is put out: it can be read, and a background group may write.
    fn may_write_chunk(&mut self, current: TaskId, io: &TtyIo, len: u32) -> Result<(), SysResult> {
        let mut bytes = vec![0; len as usize];
        if let Err(errno) = self.copy_from_user(current, io.at(), &mut bytes) {
            return Err(Err(errno).into());
        }
        self.tty.write_buf = bytes;
        if self.tty.termios.l(TOSTOP) && !self.is_console_file(io.file) {
            self.tty_check_change(current)?;
        }
        Ok(())
    }

    fn put_out_chunk(&mut self, current: TaskId, write: &mut TtyWrite, len: u32) -> Chunk {
        if len == 0 {
            return Chunk::Ends(SysResult::from(0));
        }
        let bytes = std::mem::take(&mut self.tty.write_buf);
        self.tty.put_out(&bytes);
        self.printed(current, &bytes);
        write.io.done += len;
        Chunk::Written
    }
}
