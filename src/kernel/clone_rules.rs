//! The decisions of clone that need no kernel state beyond the caller's: which combinations of
//! flags are legal, which event a tracer gets, and who is refused for want of resources. Pure
//! functions that return their reason, so that the kernel and its explanations cannot differ.

use super::cred::{Caps, Cred};
use super::task::PtFlags;
use crate::abi::{CloneFlags, Errno};
use std::fmt;

/// Why `copy_process` refuses, by the rule that was tested first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloneRefusal {
    /// Sharing the directory context makes no sense across mount namespaces.
    NewnsWithFs,
    /// Threads share signal actions.
    ThreadWithoutSighand,
    /// Shared signal actions need shared memory: handlers are addresses.
    SighandWithoutVm,
    /// `RLIMIT_NPROC`: tasks of the user, and the limit.
    TooManyOfUser {
        /// Tasks that the user has.
        processes: u32,
        /// The soft limit.
        limit: u32,
    },
    /// `max_threads`, which holds for root too.
    TooManyThreads {
        /// The limit.
        limit: u32,
    },
}

impl CloneRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::NewnsWithFs | Self::ThreadWithoutSighand | Self::SighandWithoutVm => {
                Errno::EINVAL
            }
            Self::TooManyOfUser { .. } | Self::TooManyThreads { .. } => Errno::EAGAIN,
        }
    }
}

impl fmt::Display for CloneRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewnsWithFs => write!(f, "CLONE_NEWNS and CLONE_FS exclude each other"),
            Self::ThreadWithoutSighand => write!(f, "CLONE_THREAD needs CLONE_SIGHAND"),
            Self::SighandWithoutVm => write!(f, "CLONE_SIGHAND needs CLONE_VM"),
            Self::TooManyOfUser { processes, limit } => {
                write!(
                    f,
                    "the user has {processes} tasks and RLIMIT_NPROC is {limit}"
                )
            }
            Self::TooManyThreads { limit } => write!(f, "max_threads ({limit}) is reached"),
        }
    }
}

/// The three tests of flags, in the kernel's order.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn check_clone_flags(flags: CloneFlags) -> Result<(), CloneRefusal> {
    let newns_and_fs = CloneFlags::CLONE_NEWNS.union(CloneFlags::CLONE_FS);
    if flags.contains(newns_and_fs) {
        return Err(CloneRefusal::NewnsWithFs);
    }
    if flags.contains(CloneFlags::CLONE_THREAD) && !flags.contains(CloneFlags::CLONE_SIGHAND) {
        return Err(CloneRefusal::ThreadWithoutSighand);
    }
    if flags.contains(CloneFlags::CLONE_SIGHAND) && !flags.contains(CloneFlags::CLONE_VM) {
        return Err(CloneRefusal::SighandWithoutVm);
    }
    Ok(())
}

/// `RLIMIT_NPROC`: counts tasks of the user, zombies too; waived by two capabilities, and for root.
///
/// Returns the capability that waived it, if one had to.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub fn check_nproc(cred: &Cred, processes: u32, limit: u32) -> Result<Option<Caps>, CloneRefusal> {
    if processes < limit {
        return Ok(None);
    }
    let waivers = [Caps::SYS_ADMIN, Caps::SYS_RESOURCE];
    match waivers.into_iter().find(|caps| cred.capable(*caps)) {
        None if cred.uid != 0 => Err(CloneRefusal::TooManyOfUser { processes, limit }),
        privilege => Ok(privilege),
    }
}

/// `max_threads`: nobody is exempt.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn check_max_threads(nr_threads: u32, limit: u32) -> Result<(), CloneRefusal> {
    if nr_threads >= limit {
        Err(CloneRefusal::TooManyThreads { limit })
    } else {
        Ok(())
    }
}

/// The event that a tracer asked to hear of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkEvent {
    /// `PTRACE_EVENT_FORK`.
    Fork = 1,
    /// `PTRACE_EVENT_VFORK`.
    Vfork = 2,
    /// `PTRACE_EVENT_CLONE`.
    Clone = 3,
}

/// Which event the caller's tracer gets. The classes do not fall back on one another.
///
/// Linux 2.6.12: `kernel/fork.c`, `fork_traceflag()`.
pub fn fork_traceflag(ptrace: PtFlags, flags: CloneFlags) -> Option<ForkEvent> {
    const SIGCHLD: u32 = 17;
    if flags.contains(CloneFlags::CLONE_UNTRACED) {
        return None;
    }
    let (wanted, event) = if flags.contains(CloneFlags::CLONE_VFORK) {
        (PtFlags::TRACE_VFORK, ForkEvent::Vfork)
    } else if flags.csignal() != SIGCHLD {
        (PtFlags::TRACE_CLONE, ForkEvent::Clone)
    } else {
        (PtFlags::TRACE_FORK, ForkEvent::Fork)
    };
    ptrace.contains(wanted).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Process examples 1 to 3, and the order of the tests.
    #[test]
    fn illegal_combinations_and_the_rule_that_refuses_them() {
        for (bits, expected) in [
            (0x0001_0011, Err(CloneRefusal::ThreadWithoutSighand)),
            (0x0000_0811, Err(CloneRefusal::SighandWithoutVm)),
            (0x0001_0811, Err(CloneRefusal::SighandWithoutVm)),
            (0x0001_0111, Err(CloneRefusal::ThreadWithoutSighand)),
            (0x0002_0211, Err(CloneRefusal::NewnsWithFs)),
            (0x0003_0211, Err(CloneRefusal::NewnsWithFs)),
            (0x0002_0011, Ok(())),
            (0x0002_0111, Ok(())),
            (0x1000_0011, Ok(())),
            (0x0000_1011, Ok(())),
            (0x0000_0111, Ok(())),
            (0x0000_0911, Ok(())),
            (0x0001_0911, Ok(())),
            (0x003d_0f00, Ok(())),
            (0x007d_0f00, Ok(())),
            (0x0000_4011, Ok(())),
            (0x0001_4911, Ok(())),
            (0x0000_80ff, Ok(())),
        ] {
            assert_eq!(
                check_clone_flags(CloneFlags::from_bits_retain(bits)),
                expected,
                "{bits:#x}"
            );
        }
    }

    #[test]
    fn nproc_is_waived_for_root_and_two_capabilities() {
        let user = Cred::of_user(500);
        let with = |caps| Cred { caps, ..user };
        assert_eq!(
            check_nproc(&user, 5, 5),
            Err(CloneRefusal::TooManyOfUser {
                processes: 5,
                limit: 5
            })
        );
        let powerless_root = Cred { uid: 0, ..user };
        for (cred, processes, waiver) in [
            (user, 4, None),
            (powerless_root, 5, None),
            (Cred::of_user(0), 5, Some(Caps::SYS_ADMIN)),
            (with(Caps::SYS_ADMIN), 5, Some(Caps::SYS_ADMIN)),
            (with(Caps::SYS_RESOURCE), 5, Some(Caps::SYS_RESOURCE)),
        ] {
            assert_eq!(check_nproc(&cred, processes, 5), Ok(waiver), "{cred:?}");
        }
        assert!(check_nproc(&with(Caps::KILL), 5, 5).is_err());
    }

    /// Process example 20.
    #[test]
    fn fork_events_are_classed_by_vfork_then_by_the_exit_signal() {
        let fork_only = PtFlags::PTRACED | PtFlags::TRACE_FORK;
        let all = fork_only | PtFlags::TRACE_VFORK | PtFlags::TRACE_CLONE;
        for (ptrace, bits, expected) in [
            (fork_only, 0x4111, None),
            (fork_only, 0x003d_0f00, None),
            (fork_only, 0x11, Some(ForkEvent::Fork)),
            (all, 0x4111, Some(ForkEvent::Vfork)),
            (all, 0x003d_0f00, Some(ForkEvent::Clone)),
            (all, 0x003d_0f11, Some(ForkEvent::Fork)),
            (all, 0x0080_0011, None),
        ] {
            let flags = CloneFlags::from_bits_retain(bits);
            assert_eq!(fork_traceflag(ptrace, flags), expected, "{bits:#x}");
        }
    }
}
