//! The decisions about signals that depend on only a few facts: who may send one, whether it is
//! discarded at once, what it does by default, who takes it. They are pure functions, so that the
//! kernel and its explanations cannot differ.

use crate::abi::{Caps, DefaultAction, Errno, NSIG, SigAction, SigSet, Signal};
use crate::kernel::task::Cred;

/// Why a sender may send a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaySignal {
    /// The kernel sends it, or requests that permission is not checked.
    Kernel,
    /// SIGCONT within the session.
    ContinueInSession,
    /// The sender's real or effective user id is the receiver's real or saved one.
    SameUser,
    /// The sender has CAP_KILL.
    Capable,
}

/// Why a signal is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KillRefusal {
    /// The signal number is invalid.
    NoSignal,
    /// The sender has no permission.
    NotPermitted,
}

impl KillRefusal {
    /// The errno that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::NoSignal => Errno::EINVAL,
            Self::NotPermitted => Errno::EPERM,
        }
    }
}

/// Whether a sender may send that signal number; 0 only checks.
///
/// Linux 2.6.12: `kernel/signal.c`, `check_kill_permission()`.
///
/// # Errors
/// Why it may not.
pub fn check_kill_permission(
    signal: i32,
    from_user: bool,
    sender: &Cred,
    receiver: &Cred,
    same_session: bool,
) -> Result<MaySignal, KillRefusal> {
    if !(0..=NSIG as i32).contains(&signal) {
        return Err(KillRefusal::NoSignal);
    }
    let same_user = [sender.euid, sender.uid]
        .iter()
        .any(|mine| [receiver.suid, receiver.uid].contains(mine));
    match () {
        () if !from_user => Ok(MaySignal::Kernel),
        () if signal == Signal::SIGCONT.number() as i32 && same_session => {
            Ok(MaySignal::ContinueInSession)
        }
        () if same_user => Ok(MaySignal::SameUser),
        () if sender.capable(Caps::KILL) => Ok(MaySignal::Capable),
        () => Err(KillRefusal::NotPermitted),
    }
}

/// Whether a signal is discarded when it is sent. A tracer wants to see all signals, and a blocked
/// one may be wanted by the time it is unblocked.
///
/// Linux 2.6.12: `kernel/signal.c`, `sig_ignored()`.
pub(super) fn sig_ignored(
    signal: Signal,
    action: SigAction,
    blocked: SigSet,
    traced: bool,
) -> bool {
    !traced && !blocked.contains(signal) && does_nothing(signal, action)
}

/// Whether the action has no effect.
///
/// Linux 2.6.12: `kernel/signal.c`, `sig_kernel_ignore()`.
pub(super) fn does_nothing(signal: Signal, action: SigAction) -> bool {
    match action {
        SigAction::Ignore => true,
        SigAction::Handler(_) => false,
        SigAction::Default => signal.default_action() == DefaultAction::Ignore,
    }
}

/// Whether the action kills the process.
///
/// Linux 2.6.12: `kernel/signal.c`, `sig_fatal()`.
pub(super) fn sig_fatal(signal: Signal, action: SigAction) -> bool {
    let ends = matches!(
        signal.default_action(),
        DefaultAction::Terminate | DefaultAction::Core
    );
    ends && action == SigAction::Default
}

/// The facts that decide whether a thread takes a signal of its process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Taker {
    /// It blocks the signal.
    pub blocks: bool,
    /// It is stopped, by a signal or for its tracer.
    pub stopped: bool,
    /// It is exiting.
    pub exiting: bool,
    /// It is running on a CPU.
    pub on_cpu: bool,
    /// Its TIF_SIGPENDING is set for a signal that it has not taken yet.
    pub told: bool,
}

/// Whether a thread can take a signal of its process now. SIGKILL also reaches a stopped one.
///
/// Linux 2.6.12: `kernel/signal.c`, `wants_signal()`.
pub(super) fn wants_signal(signal: Signal, taker: Taker) -> bool {
    !taker.blocks
        && (signal == Signal::SIGKILL || !taker.stopped)
        && !taker.exiting
        && (taker.on_cpu || !taker.told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cred(uid: u32, euid: u32, suid: u32) -> Cred {
        Cred {
            euid,
            suid,
            ..Cred::of_user(uid)
        }
    }

    #[test]
    fn who_may_signal_whom() {
        let may = |signal, sender, receiver, session| {
            check_kill_permission(signal, true, &sender, &receiver, session)
        };
        let other = cred(501, 501, 501);
        let same = Ok(MaySignal::SameUser);
        let never = Err(KillRefusal::NotPermitted);
        for (sender, receiver, expected) in [
            (cred(500, 500, 500), cred(500, 500, 500), same),
            (cred(500, 500, 500), other, never),
            // The receiver's effective user id does not count, its saved one does.
            (cred(500, 500, 500), cred(501, 500, 501), never),
            (cred(500, 500, 500), cred(501, 501, 500), same),
            // The sender's saved user id does not count, its effective one does.
            (cred(500, 500, 501), other, never),
            (cred(500, 501, 500), other, same),
            (Cred::of_user(0), other, Ok(MaySignal::Capable)),
        ] {
            assert_eq!(may(15, sender, receiver, true), expected);
            assert_eq!(may(0, sender, receiver, true), expected);
        }
        let mine = cred(500, 500, 500);
        assert_eq!(may(18, mine, other, true), Ok(MaySignal::ContinueInSession));
        assert_eq!(may(18, mine, other, false), never);
        for number in [-1, 65] {
            assert_eq!(may(number, mine, other, true), Err(KillRefusal::NoSignal));
        }
    }

    #[test]
    fn only_what_is_neither_blocked_nor_traced_is_dropped_at_once() {
        let (chld, term) = (Signal::SIGCHLD, Signal::SIGTERM);
        let none = SigSet::EMPTY;
        assert!(sig_ignored(chld, SigAction::Default, none, false));
        assert!(!sig_ignored(chld, SigAction::Default, none, true));
        assert!(!sig_ignored(
            chld,
            SigAction::Ignore,
            none.with(chld),
            false
        ));
        assert!(!sig_ignored(term, SigAction::Default, none, false));
        assert!(sig_ignored(term, SigAction::Ignore, none, false));
    }

    /// `sig_fatal()` and `sig_kernel_ignore()`: only the default action ends a process, and only of
    /// signals that are neither ignored nor about job control.
    #[test]
    fn what_an_action_makes_of_a_signal() {
        let handler = SigAction::Handler(crate::abi::VirtAddr(0x1000));
        for (signal, fatal, ignored) in [
            (Signal::SIGTERM, true, false),
            (Signal::SIGSEGV, true, false),
            (Signal::SIGCHLD, false, true),
            (Signal::SIGCONT, false, true),
            (Signal::SIGTSTP, false, false),
        ] {
            assert_eq!(sig_fatal(signal, SigAction::Default), fatal, "{signal:?}");
            assert_eq!(does_nothing(signal, SigAction::Default), ignored);
            assert!(!sig_fatal(signal, SigAction::Ignore) && !sig_fatal(signal, handler));
            assert!(does_nothing(signal, SigAction::Ignore) && !does_nothing(signal, handler));
        }
    }

    #[test]
    fn a_thread_that_was_told_already_is_passed_over_unless_it_runs() {
        let free = Taker::default();
        let told = Taker { told: true, ..free };
        let running = Taker {
            on_cpu: true,
            ..told
        };
        let stopped = Taker {
            stopped: true,
            ..free
        };
        let deaf = Taker {
            stopped: true,
            ..told
        };
        let (term, kill) = (Signal::SIGTERM, Signal::SIGKILL);
        assert!(wants_signal(term, free) && wants_signal(term, running));
        assert!(!wants_signal(term, told) && !wants_signal(term, stopped));
        assert!(wants_signal(kill, stopped));
        // Nor does it to one that is on its way out.
        let exiting = Taker {
            exiting: true,
            on_cpu: true,
            ..free
        };
        assert!(!wants_signal(term, exiting) && !wants_signal(kill, exiting));
        let deaf_to_it = Taker {
            blocks: true,
            on_cpu: true,
            ..free
        };
        assert!(!wants_signal(term, deaf_to_it));
        // Not even SIGKILL goes to a stopped thread that has been notified of another signal.
        assert!(!wants_signal(kill, deaf));
    }
}
