//! The decisions of clone that need no kernel state beyond the caller's: which combinations of
//! flags are legal, what is shared, which event a tracer gets, how the child begins, and who is
//! refused for want of resources. Pure functions that return their reason, so that the kernel and
//! its explanations cannot differ.

use crate::abi::{CloneFlags, SigSet, Signal};
use crate::kernel::ptrace::PtraceEvent;
use crate::kernel::task::{Caps, Cred, PtFlags, SignalFlags};
use crate::trace::CloneRefusal;
use serde::Serialize;

/// A test of flags: it refuses a call that has all of some flags and none of others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlagTest {
    /// Flags that together are refused,
    pub given: CloneFlags,
    /// unless this one is there too; empty if nothing helps.
    pub needed: CloneFlags,
    /// The refusal.
    pub refusal: CloneRefusal,
}

/// The three tests of flags, in the kernel's order: the first that refuses decides.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const FLAG_TESTS: [FlagTest; 3] = [
    FlagTest {
        given: CloneFlags::CLONE_NEWNS.union(CloneFlags::CLONE_FS),
        needed: CloneFlags::empty(),
        refusal: CloneRefusal::NewnsWithFs,
    },
    FlagTest {
        given: CloneFlags::CLONE_THREAD,
        needed: CloneFlags::CLONE_SIGHAND,
        refusal: CloneRefusal::ThreadWithoutSighand,
    },
    FlagTest {
        given: CloneFlags::CLONE_SIGHAND,
        needed: CloneFlags::CLONE_VM,
        refusal: CloneRefusal::SighandWithoutVm,
    },
];

impl FlagTest {
    /// Whether it refuses the flags.
    pub const fn refuses(&self, flags: CloneFlags) -> bool {
        flags.contains(self.given) && !flags.intersects(self.needed)
    }
}

/// Whether the flags pass [`FLAG_TESTS`].
pub fn check_clone_flags(flags: CloneFlags) -> Result<(), CloneRefusal> {
    let refusing = FLAG_TESTS.iter().find(|test| test.refuses(flags));
    refusing.map_or(Ok(()), |test| Err(test.refusal))
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

/// A new mount namespace is for those who may administer the system. Returns the capability that
/// allowed it.
///
/// Linux 2.6.12: `fs/namespace.c`, `copy_namespace()`.
pub fn check_newns(cred: &Cred) -> Result<Caps, CloneRefusal> {
    if cred.capable(Caps::SYS_ADMIN) {
        Ok(Caps::SYS_ADMIN)
    } else {
        Err(CloneRefusal::NewnsUnprivileged)
    }
}

/// Of the caller's pending signals only a SIGKILL of its own stops the call.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn check_not_killed(pending: SigSet) -> Result<(), CloneRefusal> {
    if pending.contains(Signal::SIGKILL) {
        Err(CloneRefusal::Killed)
    } else {
        Ok(())
    }
}

/// A process that is ending takes in no thread.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn check_group_exit(flags: CloneFlags, group: SignalFlags) -> Result<(), CloneRefusal> {
    if joins_group(flags) && group.contains(SignalFlags::GROUP_EXIT) {
        Err(CloneRefusal::GroupExit)
    } else {
        Ok(())
    }
}

/// What a child gets of something that its creator has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectFate {
    /// The very same: both are its users.
    Shared,
    /// A copy of its own.
    Copied,
    /// One of its own that is set up afresh.
    Fresh,
    /// None at first.
    Absent,
}

impl ObjectFate {
    /// Whether creator and child are users of the same object.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Shared)
    }

    fn shared_if(shared: bool, otherwise: Self) -> Self {
        if shared { Self::Shared } else { otherwise }
    }
}

/// What a child gets of each thing that a flag decides about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CloneSharing {
    /// List of semaphore adjustments.
    pub sem_undo: ObjectFate,
    /// Table of open files.
    pub files: ObjectFate,
    /// Root, working directory, umask.
    pub fs: ObjectFate,
    /// Signal actions.
    pub sighand: ObjectFate,
    /// What belongs to the process: pending signals, limits, group state.
    pub signal: ObjectFate,
    /// Address space.
    pub mm: ObjectFate,
    /// Mount namespace.
    pub namespace: ObjectFate,
    /// TLS descriptors; afresh means that one of the copies is replaced.
    pub tls: ObjectFate,
}

/// What the flags make shared.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_files()`, `copy_fs()`, `copy_sighand()`, `copy_signal()`,
/// `copy_mm()`; `ipc/sem.c`, `copy_semundo()`; `fs/namespace.c`, `copy_namespace()`;
/// `arch/i386/kernel/process.c`, `copy_thread()`.
pub fn clone_sharing(flags: CloneFlags) -> CloneSharing {
    use ObjectFate::{Absent, Copied, Fresh};
    let has = |flag| flags.contains(flag);
    CloneSharing {
        sem_undo: ObjectFate::shared_if(has(CloneFlags::CLONE_SYSVSEM), Absent),
        files: ObjectFate::shared_if(has(CloneFlags::CLONE_FILES), Copied),
        fs: ObjectFate::shared_if(has(CloneFlags::CLONE_FS), Copied),
        sighand: ObjectFate::shared_if(
            has(CloneFlags::CLONE_SIGHAND) || joins_group(flags),
            Copied,
        ),
        signal: ObjectFate::shared_if(joins_group(flags), Fresh),
        mm: ObjectFate::shared_if(has(CloneFlags::CLONE_VM), Copied),
        namespace: ObjectFate::shared_if(!has(CloneFlags::CLONE_NEWNS), Copied),
        tls: if has(CloneFlags::CLONE_SETTLS) {
            Fresh
        } else {
            Copied
        },
    }
}

/// The child is a thread of its creator's process.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn joins_group(flags: CloneFlags) -> bool {
    flags.contains(CloneFlags::CLONE_THREAD)
}

/// The creator sleeps until the child gives the memory up.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn creator_waits(flags: CloneFlags) -> bool {
    flags.contains(CloneFlags::CLONE_VFORK)
}

/// The child is put on no runqueue: it begins in `TASK_STOPPED`.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn begins_stopped(flags: CloneFlags) -> bool {
    flags.contains(CloneFlags::CLONE_STOPPED)
}

/// The child begins with SIGSTOP pending; `ptrace` is its own word.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn begins_with_sigstop(ptrace: PtFlags, flags: CloneFlags) -> bool {
    begins_stopped(flags) || ptrace.contains(PtFlags::PTRACED)
}

/// What is to be done with the words of user memory that hold the child's tid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TidWords {
    /// The creator stores the tid at `parent_tid`, before the memory is copied.
    pub parent: bool,
    /// The child stores it at `child_tid` when it first runs.
    pub child: bool,
    /// The child clears `child_tid` when it gives the memory up, if others still use it.
    pub clear: bool,
}

/// What the flags say about tid words.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn tid_words(flags: CloneFlags) -> TidWords {
    TidWords {
        parent: flags.contains(CloneFlags::CLONE_PARENT_SETTID),
        child: flags.contains(CloneFlags::CLONE_CHILD_SETTID),
        clear: flags.contains(CloneFlags::CLONE_CHILD_CLEARTID),
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
    if joins_group(flags) {
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

impl From<ForkEvent> for PtraceEvent {
    fn from(event: ForkEvent) -> Self {
        match event {
            ForkEvent::Fork => Self::Fork,
            ForkEvent::Vfork => Self::Vfork,
            ForkEvent::Clone => Self::Clone,
        }
    }
}

/// Which event the caller's tracer gets. The classes do not fall back on one another.
///
/// Linux 2.6.12: `kernel/fork.c`, `fork_traceflag()`.
pub fn fork_traceflag(ptrace: PtFlags, flags: CloneFlags) -> Option<ForkEvent> {
    if flags.contains(CloneFlags::CLONE_UNTRACED) {
        return None;
    }
    let (wanted, event) = if flags.contains(CloneFlags::CLONE_VFORK) {
        (PtFlags::TRACE_VFORK, ForkEvent::Vfork)
    } else if flags.csignal() != Signal::SIGCHLD.number() {
        (PtFlags::TRACE_CLONE, ForkEvent::Clone)
    } else {
        (PtFlags::TRACE_FORK, ForkEvent::Fork)
    };
    ptrace.contains(wanted).then_some(event)
}

/// The flags that `copy_process` is told: an event makes the child traced, asked for or not.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn flags_with_event(flags: CloneFlags, event: Option<ForkEvent>) -> CloneFlags {
    match event {
        Some(_) => flags.union(CloneFlags::CLONE_PTRACE),
        None => flags,
    }
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
