//! The process that a command runs in: its limits, Ctrl-C, and the memory it uses.

use crate::script::{Host, Interrupt, Limit, Limits, Output};

/// What every command needs to know about the process that it runs in.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) limits: Limits,
    pub(super) interrupt: Interrupt,
    pub(super) memory: Option<fn() -> usize>,
}

impl Process {
    /// Whether the process uses more of the host's memory than it may.
    pub(super) fn is_over_memory(&self) -> bool {
        let used = self.memory.map_or(0, |memory| memory() as u64);
        used > self.limits.get(Limit::Memory)
    }

    /// The host of a session that prints to `out`.
    pub(super) fn host(&self, out: Output) -> Host {
        Host {
            out,
            warn: None,
            ask: None,
            ask_all: false,
            interrupt: self.interrupt.clone(),
            memory: self.memory,
        }
    }
}
