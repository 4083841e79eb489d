//! The decisions of clone that need no kernel state besides the caller's: which combinations of
//! flags are legal, what is shared, which event a tracer gets, how the child starts, and who is
//! refused for lack of resources. They are pure functions that return their reason, so that the
//! kernel and its explanations cannot differ.

use crate::abi::{Caps, CloneFlags, PtFlags, PtraceEvent, SigSet, Signal};
use crate::kernel::task::{Cred, SignalFlags};
use crate::trace::CloneRefusal;
use serde::Serialize;

/// A test of the flags: it refuses a call that sets all of `given` without `needed`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlagTest {
    /// Flags that are refused together, ...
    pub given: CloneFlags,
    /// ... unless this one is also set; empty if nothing helps.
    pub needed: CloneFlags,
    /// The refusal that results.
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
    /// Whether this test refuses the flags.
    pub const fn refuses(&self, flags: CloneFlags) -> bool {
        flags.contains(self.given) && !flags.intersects(self.needed)
    }
}

/// Checks the flags against [`FLAG_TESTS`].
pub fn check_clone_flags(flags: CloneFlags) -> Result<(), CloneRefusal> {
    let refusing = FLAG_TESTS.iter().find(|test| test.refuses(flags));
    refusing.map_or(Ok(()), |test| Err(test.refusal))
}

/// `RLIMIT_NPROC`: counts the tasks of the user, including zombies; two capabilities and root are
/// exempt.
///
/// Returns the capability that granted the exemption, if one was needed.
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

/// A new mount namespace requires CAP_SYS_ADMIN. Returns the capability that permitted it.
///
/// Linux 2.6.12: `fs/namespace.c`, `copy_namespace()`.
pub fn check_newns(cred: &Cred) -> Result<Caps, CloneRefusal> {
    if cred.capable(Caps::SYS_ADMIN) {
        Ok(Caps::SYS_ADMIN)
    } else {
        Err(CloneRefusal::NewnsUnprivileged)
    }
}

/// Of the caller's pending signals, only a private SIGKILL stops the call.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn check_not_killed(pending: SigSet) -> Result<(), CloneRefusal> {
    if pending.contains(Signal::SIGKILL) {
        Err(CloneRefusal::Killed)
    } else {
        Ok(())
    }
}

/// A process that is exiting cannot get new threads.
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
    /// The same object: both use it.
    Shared,
    /// A copy of its own.
    Copied,
    /// A new object in its initial state.
    Fresh,
    /// Nothing at first.
    Absent,
}

impl ObjectFate {
    /// Whether creator and child use the same object.
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
    /// List of semaphore undo values.
    pub sem_undo: ObjectFate,
    /// The descriptor table (`files_struct`).
    pub files: ObjectFate,
    /// Root, working directory, umask.
    pub fs: ObjectFate,
    /// The signal actions (`sighand_struct`).
    pub sighand: ObjectFate,
    /// What belongs to the process: pending signals, limits, group state.
    pub signal: ObjectFate,
    /// The address space (`mm_struct`).
    pub mm: ObjectFate,
    /// The mount namespace.
    pub namespace: ObjectFate,
    /// TLS descriptors; fresh means that one of the copies is replaced.
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

/// Whether the child is a thread of its creator's process.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn joins_group(flags: CloneFlags) -> bool {
    flags.contains(CloneFlags::CLONE_THREAD)
}

/// Whether the creator sleeps until the child releases the memory.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn creator_waits(flags: CloneFlags) -> bool {
    flags.contains(CloneFlags::CLONE_VFORK)
}

/// Whether the child is left in `TASK_STOPPED`, on no runqueue.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn begins_stopped(flags: CloneFlags) -> bool {
    flags.contains(CloneFlags::CLONE_STOPPED)
}

/// Whether the child starts with SIGSTOP pending; `ptrace` is the child's own.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn begins_with_sigstop(ptrace: PtFlags, flags: CloneFlags) -> bool {
    begins_stopped(flags) || ptrace.contains(PtFlags::PTRACED)
}

/// The user addresses at which the child's tid is stored or cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TidStores {
    /// Whether the creator stores the tid at `parent_tid`, before the memory is copied.
    pub parent: bool,
    /// Whether the child stores it at `child_tid` when it first runs.
    pub child: bool,
    /// Whether the child clears `child_tid` when it releases the memory, if others still use it.
    pub clear: bool,
}

/// Where the flags ask for the tid to be stored or cleared.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn tid_stores(flags: CloneFlags) -> TidStores {
    TidStores {
        parent: flags.contains(CloneFlags::CLONE_PARENT_SETTID),
        child: flags.contains(CloneFlags::CLONE_CHILD_SETTID),
        clear: flags.contains(CloneFlags::CLONE_CHILD_CLEARTID),
    }
}

/// Whether the child's parent is its creator's parent.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn becomes_sibling(flags: CloneFlags) -> bool {
    flags.intersects(CloneFlags::CLONE_PARENT.union(CloneFlags::CLONE_THREAD))
}

/// The signal sent to the parent at the child's exit; -1 for a thread, which nobody waits for.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn exit_signal(flags: CloneFlags) -> i32 {
    if joins_group(flags) {
        -1
    } else {
        flags.csignal() as i32
    }
}

/// The child's `ptrace` flags: the creator's with CLONE_PTRACE, otherwise none.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()`.
pub const fn child_ptrace(parent: PtFlags, flags: CloneFlags) -> PtFlags {
    if flags.contains(CloneFlags::CLONE_PTRACE) {
        parent
    } else {
        PtFlags::empty()
    }
}

/// The event that the caller's tracer gets. If the event of one class was not requested, no other
/// takes its place.
///
/// Linux 2.6.12: `kernel/fork.c`, `fork_traceflag()`.
pub fn fork_traceflag(ptrace: PtFlags, flags: CloneFlags) -> Option<PtraceEvent> {
    if flags.contains(CloneFlags::CLONE_UNTRACED) {
        return None;
    }
    let (wanted, event) = if flags.contains(CloneFlags::CLONE_VFORK) {
        (PtFlags::TRACE_VFORK, PtraceEvent::Vfork)
    } else if flags.csignal() != Signal::SIGCHLD.number() {
        (PtFlags::TRACE_CLONE, PtraceEvent::Clone)
    } else {
        (PtFlags::TRACE_FORK, PtraceEvent::Fork)
    };
    ptrace.contains(wanted).then_some(event)
}

/// The flags that `copy_process` gets: an event makes the child traced, whether or not requested.
///
/// Linux 2.6.12: `kernel/fork.c`, `do_fork()`.
pub const fn flags_with_event(flags: CloneFlags, event: Option<PtraceEvent>) -> CloneFlags {
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
            (fork_only, 0x11, Some(PtraceEvent::Fork)),
            (all, 0x4111, Some(PtraceEvent::Vfork)),
            (all, 0x003d_0f00, Some(PtraceEvent::Clone)),
            (all, 0x003d_0f11, Some(PtraceEvent::Fork)),
            (all, 0x0080_0011, None),
        ] {
            let flags = CloneFlags::from_bits_retain(bits);
            assert_eq!(fork_traceflag(ptrace, flags), expected, "{bits:#x}");
        }
    }
}
