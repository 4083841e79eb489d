//! The wait status that `wait4` stores.

use super::{PtraceEvent, Signal};
use std::fmt;

/// A wait status, as reported by `wait4`: how a child exited, stopped or continued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WaitStatus(pub u32);

impl WaitStatus {
    /// The status of a task that called `exit(code)`; only the low byte of the code survives.
    pub const fn exited(code: i32) -> Self {
        Self((code as u32 & 0xff) << 8)
    }

    /// The event that a traced task has stopped at.
    pub const fn event(self) -> Option<PtraceEvent> {
        PtraceEvent::from_number(self.0 >> 16)
    }

    /// Whether it reports a stop. `WIFSTOPPED`.
    pub const fn is_stop(self) -> bool {
        self.0 & 0xff == 0x7f
    }

    /// The status of a task that was killed by a signal (without a core dump).
    pub const fn killed(signal: Signal) -> Self {
        Self(signal.number())
    }
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (self.0 & 0x7f, self.0 >> 8 & 0xff);
        match (self.0, low) {
            (0xffff, _) => write!(f, "continued"),
            (_, 0x7f) if !self.is_stop() => f.write_str("not a wait status"),
            (_, 0) => write!(f, "exited {high}"),
            (_, 0x7f) => match (self.event(), Signal::new(high)) {
                (Some(event), _) => write!(f, "stopped at {}", event.name()),
                (None, _) if high == 0x85 => f.write_str("stopped at a system call"),
                (None, Some(signal)) => write!(f, "stopped by {signal}"),
                (None, None) => write!(f, "stopped ({high})"),
            },
            _ => match Signal::new(low) {
                Some(signal) if self.0 & 0x80 != 0 => {
                    write!(f, "killed by {signal} (core dumped)")
                }
                Some(signal) => write!(f, "killed by {signal}"),
                None => write!(f, "killed ({low})"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Process example 8, and the statuses of examples 9 and 10.
    #[test]
    fn status_words_of_the_examples() {
        for (code, word) in [(3, 0x0300), (0x107, 0x0700), (-1, 0xff00)] {
            assert_eq!(WaitStatus::exited(code), WaitStatus(word));
        }
        for (word, text) in [
            (0x0009, "killed by SIGKILL"),
            (0x0300, "exited 3"),
            (0x137f, "stopped by SIGSTOP"),
            (0x057f, "stopped by SIGTRAP"),
            (0x857f, "stopped at a system call"),
            (0x2057f, "stopped at PTRACE_EVENT_VFORK"),
            (0xffff, "continued"),
            (0x0083, "killed by SIGQUIT (core dumped)"),
            (0x00ff, "not a wait status"),
        ] {
            assert_eq!(WaitStatus(word).to_string(), text);
        }
    }
}
