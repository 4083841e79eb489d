//! The device files of the terminal, and what an open file of one stands for.

use super::Tty;
use crate::abi::{Errno, FileId, O_NOCTTY, Pid, TaskId};
use crate::kernel::Kernel;

/// A device file of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TtyDevice {
    /// `/dev/tty`: the caller's controlling terminal.
    Own,
    /// `/dev/console`.
    Console,
    /// `/dev/tty0`: the terminal that the screen shows.
    Shown,
    /// `/dev/tty1`: the terminal itself.
    First,
}

impl TtyDevice {
    const ALL: [Self; 4] = [Self::Own, Self::Console, Self::Shown, Self::First];

    /// The number of the device: major number times 256 plus minor number.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_open()`.
    pub const fn number(self) -> u32 {
        match self {
            Self::Own => 5 << 8,
            Self::Console => 5 << 8 | 1,
            Self::Shown => 4 << 8,
            Self::First => 4 << 8 | 1,
        }
    }

    /// The device of that number, if it is one of the terminal's.
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|device| device.number() == number)
    }
}

/// An open file of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TtyFile {
    /// Opened as `/dev/console` or `/dev/tty0`: job control and hang-ups do not concern it.
    Console,
    /// Opened as the terminal.
    Terminal,
    /// The terminal was hung up since.
    HungUp,
}

impl Tty {
    /// What a file stands for.
    fn file(&self, file: FileId) -> TtyFile {
        self.opened.get(file).copied().unwrap_or(TtyFile::Console)
    }

    pub(super) fn hang_up_files(&mut self) {
        for file in self.opened.values_mut() {
            if *file == TtyFile::Terminal {
                *file = TtyFile::HungUp;
            }
        }
    }
}

impl Kernel {
    /// Opens a device file of the terminal. A session leader without controlling terminal may get
    /// one.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_open()`.
    ///
    /// # Errors
    /// `ENXIO` for `/dev/tty` without controlling terminal.
    pub(in crate::kernel) fn tty_open(
        &mut self,
        current: TaskId,
        file: FileId,
        device: TtyDevice,
        flags: u32,
    ) -> Result<(), Errno> {
        let signal = self.signal_of(current);
        let (leader, has_one) = (signal.leader(), signal.tty());
        let kind = match device {
            TtyDevice::Own if !has_one => return Err(Errno::ENXIO),
            TtyDevice::Console | TtyDevice::Shown => TtyFile::Console,
            TtyDevice::Own | TtyDevice::First => TtyFile::Terminal,
        };
        self.tty.opened.insert(file, kind);
        let wanted = kind == TtyFile::Terminal && flags & O_NOCTTY == 0;
        if wanted && leader && !has_one && self.tty.session == Pid(0) {
            self.tty_becomes_controlling(current);
        }
        Ok(())
    }

    /// Notes a file that leads to the terminal from the start.
    pub(in crate::kernel) fn open_terminal(&mut self, file: FileId) {
        self.tty.opened.insert(file, TtyFile::Terminal);
    }

    /// Forgets a file that is closed.
    ///
    /// Simplified: it is never the last one, because init has the console open.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `release_dev()`.
    pub(in crate::kernel) fn tty_release(&mut self, file: FileId) {
        self.tty.opened.remove(file);
    }

    /// Whether the terminal was hung up since the file was opened.
    ///
    /// Linux 2.6.12: `drivers/char/tty_io.c`, `tty_hung_up_p()`.
    pub(in crate::kernel) fn tty_hung_up(&self, file: FileId) -> bool {
        self.tty.file(file) == TtyFile::HungUp
    }

    /// Whether a file was opened as the console.
    pub(super) fn is_console_file(&self, file: FileId) -> bool {
        self.tty.file(file) == TtyFile::Console
    }
}
