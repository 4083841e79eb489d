//! The exit codes of the command.

/// Success.
pub(super) const FINE: u8 = 0;
/// A script failed, or a snapshot differs.
pub(super) const FAILED: u8 = 1;
/// The command line, or a file that it names, is unusable.
pub(super) const USAGE: u8 = 2;
/// The emulated kernel panicked.
pub(super) const PANICKED: u8 = 3;
/// A limit of scripts was hit.
pub(super) const LIMIT: u8 = 4;
/// Ended by a signal, as shells count it.
#[cfg(unix)]
pub(super) const fn ended_by(signal: u8) -> u8 {
    128 + signal
}
/// Interrupted by Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;
