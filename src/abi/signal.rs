//! Signal numbers and sets of signals.

use std::fmt;

/// The highest signal number (`_NSIG`); 32..=64 are the real-time signals.
pub const NSIG: u32 = 64;

/// A valid signal number, 1..=64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signal(u8);

/// The default action of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultAction {
    /// The signal is discarded.
    Ignore,
    /// The process is killed.
    Terminate,
    /// The process is killed, with a core dump if the limits permit one.
    Core,
    /// The process is stopped.
    Stop,
}

macro_rules! signals {
    ($($name:ident = $number:literal,)*) => {
        impl Signal {
            $(#[doc = concat!("Signal ", stringify!($number), ".")]
            pub const $name: Self = Self($number);)*

            /// The signals that have a name of their own, in ascending order.
            pub const NAMED: &[(&'static str, Self)] = &[$((stringify!($name), Self($number)),)*];
        }
    };
}

signals! {
    SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7,
    SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGPIPE = 13,
    SIGALRM = 14, SIGTERM = 15, SIGSTKFLT = 16, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19,
    SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23, SIGXCPU = 24, SIGXFSZ = 25,
    SIGVTALRM = 26, SIGPROF = 27, SIGWINCH = 28, SIGIO = 29, SIGPWR = 30, SIGSYS = 31,
    SIGRTMIN = 32,
}

impl Signal {
    /// The signal with that number, if it is in 1..=64.
    pub const fn new(number: u32) -> Option<Self> {
        if number >= 1 && number <= NSIG {
            Some(Self(number as u8))
        } else {
            None
        }
    }

    /// What SIG_DFL does with it.
    pub const fn default_action(self) -> DefaultAction {
        match self {
            Self::SIGCONT | Self::SIGCHLD | Self::SIGWINCH | Self::SIGURG => DefaultAction::Ignore,
            Self::SIGSTOP | Self::SIGTSTP | Self::SIGTTIN | Self::SIGTTOU => DefaultAction::Stop,
            Self::SIGQUIT
            | Self::SIGILL
            | Self::SIGTRAP
            | Self::SIGABRT
            | Self::SIGFPE
            | Self::SIGSEGV
            | Self::SIGBUS
            | Self::SIGSYS
            | Self::SIGXCPU
            | Self::SIGXFSZ => DefaultAction::Core,
            _ => DefaultAction::Terminate,
        }
    }

    /// Whether it is a real-time signal: each instance is queued.
    pub const fn is_realtime(self) -> bool {
        self.0 >= Self::SIGRTMIN.0
    }

    /// Whether it is one of the four stop signals.
    pub const fn is_stop(self) -> bool {
        matches!(self.default_action(), DefaultAction::Stop)
    }

    /// The number, 1..=64.
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.iter().find(|(_, s)| s == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "SIGRTMIN+{}", self.0 - 32),
        }
    }
}

/// A set of signals (`sigset_t`): bit n-1 stands for signal n.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SigSet(pub u64);

impl SigSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The four stop signals.
    pub const STOPS: Self = Self::EMPTY
        .with(Signal::SIGSTOP)
        .with(Signal::SIGTSTP)
        .with(Signal::SIGTTIN)
        .with(Signal::SIGTTOU);

    /// Converts the words of a `sigset_t`: signals 1 to 32, and 33 to 64.
    pub const fn from_words(words: [u32; 2]) -> Self {
        Self(words[0] as u64 | (words[1] as u64) << 32)
    }

    /// The words of a `sigset_t`.
    pub const fn words(self) -> [u32; 2] {
        [self.0 as u32, (self.0 >> 32) as u32]
    }

    /// This set without SIGKILL and SIGSTOP, which cannot be blocked.
    pub const fn blockable(self) -> Self {
        self.without(Signal::SIGKILL).without(Signal::SIGSTOP)
    }

    /// A set of the given signals.
    pub fn of(signals: &[Signal]) -> Self {
        signals.iter().fold(Self::EMPTY, |set, s| set.with(*s))
    }

    /// This set with one more signal.
    pub const fn with(self, signal: Signal) -> Self {
        Self(self.0 | 1 << (signal.0 - 1))
    }

    /// This set without that signal.
    pub const fn without(self, signal: Signal) -> Self {
        Self(self.0 & !(1 << (signal.0 - 1)))
    }

    /// Whether the signal is in the set.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & (1 << (signal.0 - 1)) != 0
    }

    /// Whether no signal is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lowest signal in the set.
    pub const fn lowest(self) -> Option<Signal> {
        if self.0 == 0 {
            None
        } else {
            Some(Signal(self.0.trailing_zeros() as u8 + 1))
        }
    }

    /// The signals of the set, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        (1..=NSIG as u8)
            .map(Signal)
            .filter(move |s| self.contains(*s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_signals_1_to_64_and_gives_the_lowest_first() {
        let set = SigSet::of(&[Signal::SIGUSR1, Signal::new(64).unwrap(), Signal::SIGHUP]);
        let names: Vec<String> = set.iter().map(|s| s.to_string()).collect();
        assert_eq!(names, ["SIGHUP", "SIGUSR1", "SIGRTMIN+32"]);
        assert_eq!(set.without(Signal::SIGHUP).lowest(), Some(Signal::SIGUSR1));
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
    }
}
