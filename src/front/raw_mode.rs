//! The host's terminal as a plain keyboard and screen: it passes every key on at once and shows none,
//! because the emulated terminal makes lines, echo and signals of them.

use nix::sys::termios::{InputFlags, LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io;

/// As long as it lives, the terminal is in this mode.
pub(super) struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Changes the mode of the terminal; `None` if it is none, or refuses. Its output stays as it is:
    /// a newline begins a line.
    pub(super) fn start() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.input_flags &= !(InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IXON);
        raw.local_flags &=
            !(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG | LocalFlags::IEXTEN);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that has gone away needs nothing.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}
