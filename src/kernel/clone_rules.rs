//! The decisions of clone that need no kernel state beyond the caller's: which combinations of
//! flags are legal, what is shared, which event a tracer gets, and who is refused for want of
//! resources. Pure functions that return their reason, so that the kernel and its explanations
//! cannot differ.

use super::cred::{Caps, Cred};
use super::task::PtFlags;
use crate::abi::CloneFlags;
use crate::trace::CloneRefusal;

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

/// What a child has in common with its creator. Of the rest it gets a copy of its own, but for the
/// semaphore undo list: there it begins with none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CloneSharing {
    /// List of semaphore adjustments.
    pub sem_undo: bool,
    /// Table of open files.
    pub files: bool,
    /// Root, working directory, umask.
    pub fs: bool,
    /// Signal actions.
    pub sighand: bool,
    /// What belongs to the process: pending signals, limits, group state.
    pub signal: bool,
    /// Address space.
    pub mm: bool,
    /// Mount namespace.
    pub namespace: bool,
}

/// What the flags make shared.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_files()`, `copy_fs()`, `copy_sighand()`, `copy_signal()`,
/// `copy_mm()`; `ipc/sem.c`, `copy_semundo()`; `fs/namespace.c`, `copy_namespace()`.
pub const fn clone_sharing(flags: CloneFlags) -> CloneSharing {
    let thread = flags.contains(CloneFlags::CLONE_THREAD);
    CloneSharing {
        sem_undo: flags.contains(CloneFlags::CLONE_SYSVSEM),
        files: flags.contains(CloneFlags::CLONE_FILES),
        fs: flags.contains(CloneFlags::CLONE_FS),
        sighand: thread || flags.contains(CloneFlags::CLONE_SIGHAND),
        signal: thread,
        mm: flags.contains(CloneFlags::CLONE_VM),
        namespace: !flags.contains(CloneFlags::CLONE_NEWNS),
    }
}

/// The child's parent is its creator's parent.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn becomes_sibling(flags: CloneFlags) -> bool {
    flags.intersects(CloneFlags::CLONE_PARENT.union(CloneFlags::CLONE_THREAD))
}

/// The signal to the parent when the child ends; -1 for a thread, which nobody waits for.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn exit_signal(flags: CloneFlags) -> i32 {
    if flags.contains(CloneFlags::CLONE_THREAD) {
        -1
    } else {
        flags.csignal() as i32
    }
}

/// The child's `ptrace` word: the creator's with CLONE_PTRACE, else nothing.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn child_ptrace(parent: PtFlags, flags: CloneFlags) -> PtFlags {
    if flags.contains(CloneFlags::CLONE_PTRACE) {
        parent
    } else {
        PtFlags::empty()
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

impl ForkEvent {
    /// The constant of `ptrace.h`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "PTRACE_EVENT_FORK",
            Self::Vfork => "PTRACE_EVENT_VFORK",
            Self::Clone => "PTRACE_EVENT_CLONE",
        }
    }
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
