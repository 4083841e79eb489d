//! What a process says about a signal: `struct sigaction`, its flags, and how masks change.

use super::{SigSet, VirtAddr};

constants! {
    /// An action of sigaction: the default action.
    SIG_DFL: u32 = 0;
    /// An action of sigaction: ignore the signal.
    SIG_IGN: u32 = 1;
    /// Sigprocmask: block these signals too.
    SIG_BLOCK: u32 = 0;
    /// Sigprocmask: unblock these signals.
    SIG_UNBLOCK: u32 = 1;
    /// Sigprocmask: block these signals and no others.
    SIG_SETMASK: u32 = 2;
}

flags! {
    /// `sa_flags`.
    pub struct SaFlags {
        /// A flag of sigaction: no SIGCHLD when children stop.
        NOCLDSTOP "SA_NOCLDSTOP" = 1;
        /// A flag of sigaction: children do not become zombies.
        NOCLDWAIT "SA_NOCLDWAIT" = 2;
        /// A flag of sigaction: the handler gets a siginfo.
        SIGINFO "SA_SIGINFO" = 4;
        /// A flag of sigaction: the program supplies its own return trampoline.
        RESTORER "SA_RESTORER" = 0x0400_0000;
        /// A flag of sigaction: the handler runs on the alternate stack.
        ONSTACK "SA_ONSTACK" = 0x0800_0000;
        /// A flag of sigaction: interrupted system calls are restarted.
        RESTART "SA_RESTART" = 0x1000_0000;
        /// A flag of sigaction: the signal is not blocked in its handler.
        NODEFER "SA_NODEFER" = 0x4000_0000;
        /// A flag of sigaction: the handler is reset to the default when it is entered.
        RESETHAND "SA_RESETHAND" = 0x8000_0000;
    }
}

/// The action for a signal: the handler of a `k_sigaction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SigAction {
    /// `SIG_DFL`.
    #[default]
    Default,
    /// `SIG_IGN`.
    Ignore,
    /// A handler at that user address.
    Handler(VirtAddr),
}

impl SigAction {
    /// Converts the word that user space passes.
    pub const fn from_word(word: u32) -> Self {
        match word {
            SIG_DFL => Self::Default,
            SIG_IGN => Self::Ignore,
            addr => Self::Handler(VirtAddr(addr)),
        }
    }

    /// The word that user space sees.
    pub const fn word(self) -> u32 {
        match self {
            Self::Default => SIG_DFL,
            Self::Ignore => SIG_IGN,
            Self::Handler(addr) => addr.0,
        }
    }
}

/// The kernel's `struct k_sigaction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KSigaction {
    /// `sa_handler`.
    pub handler: SigAction,
    /// `sa_flags`, possibly with unknown bits.
    pub flags: SaFlags,
    /// `sa_restorer`.
    pub restorer: VirtAddr,
    /// `sa_mask`: signals blocked while the handler runs.
    pub mask: SigSet,
}

impl From<SigAction> for KSigaction {
    fn from(handler: SigAction) -> Self {
        Self {
            handler,
            ..Self::default()
        }
    }
}
