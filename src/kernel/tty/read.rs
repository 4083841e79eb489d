//! Reading a terminal: one reader at a time, whole lines or as many bytes as the settings ask for.

use super::Tty;
use super::ring::Taken;
use super::semaphore::{Down, Turn};
use super::wait::Queue;
use crate::abi::{Errno, FileId, HZ, O_NONBLOCK, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Continuation, TtyIo, TtyRead};

/// How a read ends that has transferred nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// With that many bytes, or 0.
    Bytes,
    Failed(Errno),
    Interrupted,
}

impl Tty {
    /// Whether a read could get something. `least` is how many bytes must be there without lines.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `input_available_p()`.
    pub(super) const fn input_available(&self, least: u32) -> bool {
        if self.has_lines() {
            return self.ring.lines() > 0;
        }
        let least = if least == 0 { 1 } else { least };
        self.ring.len() >= least as usize
    }

    fn next_input(&self, room: usize) -> Taken {
        if self.has_lines() {
            self.ring.line(room)
        } else {
            self.ring.raw(room)
        }
    }

    /// What a read without lines waits for: bytes, ticks between them, and ticks in all.
    fn set_out_to_read(&mut self) -> (u32, u32, Option<u32>) {
        if self.has_lines() {
            return (0, 0, None);
        }
        let ticks = HZ / 10 * self.termios.time();
        match (self.termios.min(), ticks) {
            (0, ticks) => {
                self.minimum_to_wake = 1;
                (1, 0, Some(ticks))
            }
            (min, 0) => {
                if self.read_wait.is_empty() || self.minimum_to_wake > min {
                    self.minimum_to_wake = min;
                }
                (min, 0, None)
            }
            (min, ticks) => {
                self.minimum_to_wake = 1;
                (min, ticks, None)
            }
        }
    }
}

impl Kernel {
    /// Starts a read or write of a terminal.
    pub(super) fn begin_tty_io(
        &mut self,
        current: TaskId,
        file: FileId,
        addr: VirtAddr,
        len: u32,
    ) -> TtyIo {
        TtyIo {
            pinned: self.pin_if_shared(current, file),
            file,
            addr,
            len,
            done: 0,
        }
    }

    /// Ends a read or write of a terminal.
    pub(super) fn end_tty_io(&mut self, io: &TtyIo) {
        if io.pinned {
            self.fput(io.file);
        }
    }

    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_read()` and `hung_up_tty_read()`.
    pub(in crate::kernel) fn tty_read(
        &mut self,
        current: TaskId,
        file: FileId,
        addr: VirtAddr,
        len: u32,
    ) -> SysResult {
        if self.tty_hung_up(file) {
            return SysResult::from(0);
        }
        let io = self.begin_tty_io(current, file, addr, len);
        self.read_chan(current, io)
    }

    /// Linux 2.6.12: `drivers/char/n_tty.c`, `read_chan()`.
    fn read_chan(&mut self, current: TaskId, io: TtyIo) -> SysResult {
        if let Err(refused) = self.tty_job_control(current, io.file) {
            self.end_tty_io(&io);
            return refused;
        }
        let (minimum, pause, most) = self.tty.set_out_to_read();
        let read = TtyRead {
            io,
            has_turn: false,
            minimum,
            pause,
            until: most.map(|ticks| self.tick + u64::from(ticks)),
        };
        if !self.is_nonblocking(io.file) {
            return self.read_in_turn(current, read);
        }
        if self.tty_down_trylock(Turn::Read) {
            return self.begin_to_read(current, read);
        }
        self.end_tty_io(&io);
        Err(Errno::EAGAIN).into()
    }

    /// Goes on with a read after a sleep.
    pub(in crate::kernel) fn tty_read_resumes(
        &mut self,
        current: TaskId,
        read: TtyRead,
    ) -> SysResult {
        self.del_timer(current);
        if read.has_turn {
            self.read_on(current, read)
        } else {
            self.read_in_turn(current, read)
        }
    }

    fn read_in_turn(&mut self, current: TaskId, read: TtyRead) -> SysResult {
        match self.tty_down(current, Turn::Read) {
            Down::Taken => self.begin_to_read(current, read),
            Down::Sleeps => self.block(
                current,
                TaskState::INTERRUPTIBLE,
                Continuation::TtyRead(read),
            ),
            Down::Interrupted => {
                self.end_tty_io(&read.io);
                SysResult::Restart(Restart::Sys)
            }
        }
    }

    fn begin_to_read(&mut self, current: TaskId, mut read: TtyRead) -> SysResult {
        read.has_turn = true;
        self.tty.add_waiter(Queue::Read, current);
        self.read_on(current, read)
    }

    /// The loop of a reader that has its turn.
    fn read_on(&mut self, current: TaskId, mut read: TtyRead) -> SysResult {
        while read.io.left() > 0 {
            // Fewer bytes are missing now than when the read began.
            let missing = read.minimum.saturating_sub(read.io.done);
            if missing >= 1 {
                self.tty.minimum_to_wake = self.tty.minimum_to_wake.min(missing);
            }
            if !self.tty.input_available(0) {
                if let Some(end) = self.why_no_wait(current, &read) {
                    return self.end_read(current, read, end);
                }
                let wait = Continuation::TtyRead(read);
                return self.block_until(current, TaskState::INTERRUPTIBLE, wait, read.until);
            }
            if let Err(errno) = self.copy_input(current, &mut read.io) {
                return self.end_read(current, read, End::Failed(errno));
            }
            if read.io.done >= read.minimum {
                break;
            }
            if read.pause > 0 {
                read.until = Some(self.tick + u64::from(read.pause));
            }
        }
        self.end_read(current, read, End::Bytes)
    }

    /// Why a reader that finds nothing does not wait.
    fn why_no_wait(&self, current: TaskId, read: &TtyRead) -> Option<End> {
        let too_late = read.until.is_some_and(|until| until <= self.tick);
        if self.tty_hung_up(read.io.file) || self.tty.end_of_input || too_late {
            Some(End::Bytes)
        } else if self.is_nonblocking(read.io.file) {
            Some(End::Failed(Errno::EAGAIN))
        } else if self.signal_pending(current) {
            Some(End::Interrupted)
        } else {
            None
        }
    }

    fn copy_input(&mut self, current: TaskId, io: &mut TtyIo) -> Result<(), Errno> {
        let taken = self.tty.next_input(io.left() as usize);
        if self.copy_to_user(current, io.at(), &taken.bytes).is_ok() {
            self.tty.ring.consume(&taken);
            io.done += taken.bytes.len() as u32;
            return Ok(());
        }
        // Only as far as the buffer can be written; of a line the next byte is lost as well.
        let mut fits = |byte: &u8| {
            let copied = self.copy_to_user(current, io.at(), &[*byte]);
            io.done += u32::from(copied.is_ok());
            copied.is_ok()
        };
        let copied = taken.bytes.iter().take_while(|byte| fits(byte)).count();
        let lost = usize::from(self.tty.has_lines());
        let taken = self.tty.next_input(copied + lost);
        self.tty.ring.consume(&taken);
        Err(Errno::EFAULT)
    }

    fn end_read(&mut self, current: TaskId, read: TtyRead, end: End) -> SysResult {
        self.tty_up(Turn::Read);
        self.tty.remove_waiter(Queue::Read, current);
        if self.tty.read_wait.is_empty() {
            self.tty.minimum_to_wake = read.minimum;
        }
        let io = read.io;
        if io.done > 0 {
            self.tty.push &= io.left() == 0;
        } else if std::mem::take(&mut self.tty.push) {
            // Only the end of the input was left of a line of which the rest was read before.
            return self.read_chan(current, io);
        }
        self.end_tty_io(&io);
        match end {
            _ if io.done > 0 => SysResult::from(io.done),
            End::Bytes => SysResult::from(0),
            End::Failed(errno) => Err(errno).into(),
            End::Interrupted => SysResult::Restart(Restart::Sys),
        }
    }

    /// Whether an open file has `O_NONBLOCK`.
    pub(super) fn is_nonblocking(&self, file: FileId) -> bool {
        self.open_files[file].flags() & O_NONBLOCK != 0
    }
}
