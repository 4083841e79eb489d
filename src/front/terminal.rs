//! Leaves the terminal as it was when a signal ends the process: the editor of lines changes how
//! the terminal reads keys.

use super::exit_code::ended_by;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};
use std::fs::File;
use std::io::{self, Stdin, Write};
use std::os::fd::AsFd;
use std::{process, thread};

/// Ends the mode in which a terminal marks what is pasted.
const END_BRACKETED_PASTE: &[u8] = b"\x1b[?2004l";

/// From now on, SIGHUP and SIGTERM restore the terminal before they end the process.
///
/// Called before other threads start: they inherit that both signals are blocked, so that only the
/// thread that waits for them takes them.
#[expect(
    clippy::disallowed_methods,
    reason = "a signal ends the process whatever its other threads do"
)]
pub(super) fn restore_when_ended() {
    let stdin = io::stdin();
    // Without a terminal, the signals keep their default action.
    let Ok(mode) = tcgetattr(&stdin) else {
        return;
    };
    let signals = SigSet::from_iter([Signal::SIGHUP, Signal::SIGTERM]);
    if signals.thread_block().is_err() {
        return;
    }
    let waits = thread::Builder::new().spawn(move || {
        if let Ok(signal) = signals.wait() {
            // A terminal that has gone away needs nothing.
            let _ = restore(&stdin, &mode);
            process::exit(ended_by(signal as u8).into());
        }
    });
    if waits.is_err() {
        let _ = signals.thread_unblock();
    }
}

/// Gives the terminal its mode back. In the background it belongs to somebody else.
fn restore(terminal: &Stdin, mode: &Termios) -> io::Result<()> {
    let is_ours = tcgetpgrp(terminal)? == getpgrp();
    if !is_ours || tcgetattr(terminal)? == *mode {
        return Ok(());
    }
    // Not standard output, which a thread that waits for the terminal may have locked.
    let mut screen = File::from(terminal.as_fd().try_clone_to_owned()?);
    screen.write_all(END_BRACKETED_PASTE)?;
    Ok(tcsetattr(terminal, SetArg::TCSANOW, mode)?)
}
