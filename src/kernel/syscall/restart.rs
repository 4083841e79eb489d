//! How a system call that a signal has interrupted wants to go on, and what is left of it.

use crate::abi::{SaFlags, VirtAddr};

/// How an interrupted call asks to continue. User space never sees these numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    /// `ERESTARTSYS`: restart, unless a handler without SA_RESTART was entered.
    Sys,
    /// `ERESTARTNOINTR`: always restart.
    NoIntr,
    /// `ERESTARTNOHAND`: restart, unless a handler was entered.
    NoHand,
    /// `ERESTART_RESTARTBLOCK`: continue by `restart_syscall`, unless a handler was entered.
    Block,
}

impl Restart {
    /// The number that the call returns inside the kernel, negated.
    pub const fn code(self) -> i32 {
        match self {
            Self::Sys => 512,
            Self::NoIntr => 513,
            Self::NoHand => 514,
            Self::Block => 516,
        }
    }

    /// Whether the call is restarted although a handler with these flags was entered.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `handle_signal()`.
    pub(in crate::kernel) const fn after_handler(self, flags: SaFlags) -> bool {
        match self {
            Self::Sys => flags.contains(SaFlags::RESTART),
            Self::NoIntr => true,
            Self::NoHand | Self::Block => false,
        }
    }
}

/// What is left of an interrupted call (`struct restart_block`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RestartBlock {
    /// Nothing is left: `restart_syscall` returns EINTR (`do_no_restart_syscall`).
    #[default]
    Nothing,
    /// A sleep, continued by `nanosleep_restart`.
    Nanosleep {
        /// Tick at which the sleep ends.
        until: u64,
        /// Where the remaining time is stored if it is interrupted again; 0 for nowhere.
        rem: VirtAddr,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_calls_are_made_again_after_a_handler() {
        let (none, restart) = (SaFlags::empty(), SaFlags::RESTART);
        for (how, without, with) in [
            (Restart::Sys, false, true),
            (Restart::NoIntr, true, true),
            (Restart::NoHand, false, false),
            (Restart::Block, false, false),
        ] {
            assert_eq!(how.after_handler(none), without, "{how:?}");
            assert_eq!(how.after_handler(restart), with, "{how:?}");
        }
    }
}
