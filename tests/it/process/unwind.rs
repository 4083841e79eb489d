//! Clones that fail: the errno, what is undone, and what is not.

use crate::lab::{ALL_SHARED, Lab, THREAD, USER, Waited};
use forklab::abi::{Caps, CloneFlags as F, Errno, PfFlags, Resource, Signal, TaskId, VirtAddr};
use forklab::kernel::fail::FailPoint;
use forklab::kernel::syscall::ForkArgs;

/// An address where nothing is mapped.
const NOWHERE: VirtAddr = VirtAddr(0x10);

/// A way to make a clone fail.
struct Failure {
    name: &'static str,
    flags: F,
    prepare: fn(&mut Lab, TaskId),
    errno: Errno,
    /// `sched_fork` came before the failure: half of the time slice is gone.
    halves_slice: bool,
}

fn nothing(_: &mut Lab, _: TaskId) {}

fn kill_pending(lab: &mut Lab, task: TaskId) {
    let killed = lab.machine.kernel.task_mut(task);
    killed.pending.sigaddset(Signal::SIGKILL);
}

fn group_exits(lab: &mut Lab, task: TaskId) {
    lab.machine.kernel.signal_of_mut(task).begin_group_exit(0);
}

const FAILURES: &[Failure] = &[
    Failure {
        name: "a flag rule",
        flags: F::CLONE_THREAD.union(F::FORK),
        prepare: nothing,
        errno: Errno::EINVAL,
        halves_slice: false,
    },
    Failure {
        name: "no memory for the kernel stack",
        flags: F::CLONE_VM.union(F::FORK),
        prepare: |lab, _| lab.machine.kernel.fail.set(FailPoint::Frame(Some(0))),
        errno: Errno::ENOMEM,
        halves_slice: false,
    },
    Failure {
        name: "RLIMIT_NPROC",
        flags: F::FORK,
        prepare: |lab, task| *lab.rlimit_mut(task, Resource::Nproc) = 1,
        errno: Errno::EAGAIN,
        halves_slice: false,
    },
    Failure {
        name: "max_threads",
        flags: F::FORK,
        prepare: |lab, _| lab.machine.kernel.max_threads = 2,
        errno: Errno::EAGAIN,
        halves_slice: false,
    },
    Failure {
        name: "the store of CLONE_PARENT_SETTID",
        flags: F::CLONE_PARENT_SETTID.union(F::FORK),
        prepare: nothing,
        errno: Errno::EFAULT,
        halves_slice: false,
    },
    Failure {
        name: "copy_namespace",
        flags: F::CLONE_NEWNS.union(F::FORK),
        prepare: nothing,
        errno: Errno::EPERM,
        halves_slice: false,
    },
    Failure {
        name: "the user_desc of CLONE_SETTLS",
        flags: F::CLONE_SETTLS.union(F::FORK),
        prepare: nothing,
        errno: Errno::EFAULT,
        halves_slice: false,
    },
    Failure {
        name: "the user_desc, everything shared",
        flags: ALL_SHARED.union(F::CLONE_SETTLS).union(F::FORK),
        prepare: nothing,
        errno: Errno::EFAULT,
        halves_slice: false,
    },
    Failure {
        name: "SIGKILL pending",
        flags: F::FORK,
        prepare: kill_pending,
        errno: Errno::EINTR,
        halves_slice: true,
    },
    Failure {
        name: "SIGKILL pending, everything shared",
        flags: ALL_SHARED.union(F::CLONE_THREAD).union(F::FORK),
        prepare: kill_pending,
        errno: Errno::EINTR,
        halves_slice: true,
    },
    Failure {
        name: "a thread for a process that exits",
        flags: THREAD.union(F::FORK),
        prepare: group_exits,
        errno: Errno::EAGAIN,
        halves_slice: true,
    },
];

fn bad_addresses() -> ForkArgs {
    ForkArgs {
        parent_tid: NOWHERE,
        tls: NOWHERE,
        ..ForkArgs::default()
    }
}

#[test]
fn a_failed_clone_undoes_everything_but_the_pid_and_the_slice() {
    for failure in FAILURES {
        let name = failure.name;
        let (mut lab, sh) = Lab::with_shell();
        (failure.prepare)(&mut lab, sh);
        let before = lab.footprint();
        let (slice, pid) = (lab.sched(sh).time_slice, lab.last_pid());
        let shares = [
            lab.mm(sh).mm_users(),
            lab.files(sh).count(),
            lab.fs(sh).count(),
        ];
        let result = lab.clone_with(sh, failure.flags, bad_addresses());
        assert_eq!(result, Err(failure.errno), "{name}");
        assert_eq!(lab.footprint(), before, "{name}");
        assert_eq!(lab.last_pid(), pid + 1, "{name}");
        let after = [
            lab.mm(sh).mm_users(),
            lab.files(sh).count(),
            lab.fs(sh).count(),
        ];
        assert_eq!(after, shares, "{name}");
        let expected = if failure.halves_slice {
            slice / 2
        } else {
            slice
        };
        assert_eq!(lab.sched(sh).time_slice, expected, "{name}");
        assert!(lab.task(sh).children().is_empty(), "{name}");
        lab.check();
    }
}

/// Only `signal.count` is taken back for a thread that failed late; `live` keeps the thread.
#[test]
fn a_failed_thread_leaves_live_too_high() {
    for (flags, live) in [
        (THREAD | F::CLONE_SETTLS | F::FORK, 2),
        (
            F::CLONE_VM | F::CLONE_SIGHAND | F::CLONE_SETTLS | F::FORK,
            1,
        ),
        (F::CLONE_THREAD | F::FORK, 1),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        assert!(lab.clone_with(sh, flags, bad_addresses()).is_err());
        let signal = lab.signal(sh);
        assert_eq!((signal.count(), signal.live()), (1, live), "{flags:#x}");
    }
}

/// The caller's undo list stays, and so does the tid that was stored early.
#[test]
fn what_a_late_failure_leaves_behind_on_purpose() {
    let (mut lab, sh) = Lab::with_shell();
    let word = lab.map(sh, 1);
    let args = ForkArgs {
        parent_tid: word,
        tls: NOWHERE,
        ..ForkArgs::default()
    };
    let result = lab.clone_with(
        sh,
        F::CLONE_SYSVSEM | F::CLONE_SETTLS | F::CLONE_PARENT_SETTID | F::FORK,
        args,
    );
    assert_eq!(result, Err(Errno::EFAULT));
    let undo = lab.task(sh).sem_undo().unwrap();
    assert_eq!(lab.kernel().sem_undos()[undo].refcnt(), 1);
    assert_eq!(lab.read(sh, word), lab.last_pid());
}

/// PF_SUPERPRIV marks a caller whose privilege was needed, even if the clone then fails.
#[test]
fn used_privileges_are_noted() {
    for (uid, caps, flags, nproc, result, marked) in [
        (0, Caps::all(), F::FORK, 100, Ok(()), false),
        (0, Caps::all(), F::CLONE_NEWNS | F::FORK, 100, Ok(()), true),
        (0, Caps::all(), F::FORK, 1, Ok(()), true),
        (0, Caps::empty(), F::FORK, 1, Ok(()), false),
        (USER, Caps::SYS_RESOURCE, F::FORK, 1, Ok(()), true),
        (
            USER,
            Caps::SYS_ADMIN,
            F::CLONE_NEWNS | F::FORK,
            1,
            Ok(()),
            true,
        ),
        (
            USER,
            Caps::SYS_ADMIN,
            F::CLONE_NEWNS | F::CLONE_SETTLS | F::FORK,
            9,
            Err(Errno::EFAULT),
            true,
        ),
        (USER, Caps::KILL, F::FORK, 1, Err(Errno::EAGAIN), false),
    ] {
        let mut lab = Lab::boot();
        let sh = lab.spawn_as("sh", uid);
        lab.machine.kernel.task_mut(sh).set_caps(caps);
        *lab.rlimit_mut(sh, Resource::Nproc) = nproc;
        let child = lab.clone_with(sh, flags, bad_addresses());
        assert_eq!(child.map(|_| ()), result, "{uid} {caps:?} {flags:#x}");
        let marks = lab.task(sh).flags().contains(PfFlags::SUPERPRIV);
        assert_eq!(marks, marked, "{uid} {caps:?} {flags:#x}");
        if let Ok(child) = child {
            assert!(!lab.task(child).flags().contains(PfFlags::SUPERPRIV));
        }
    }
}

/// Example 26: the limit counts zombies, is compared with the user's tasks, and is not for root.
#[test]
fn nproc_counts_zombies_until_they_are_reaped() {
    let (mut lab, sh) = Lab::with_shell();
    *lab.rlimit_mut(sh, Resource::Nproc) = 5;
    let children: Vec<TaskId> = (0..4).map(|_| lab.fork(sh)).collect();
    let first = lab.pid(children[0]);
    assert_eq!(lab.clone(sh, F::FORK), Err(Errno::EAGAIN));
    assert_eq!(lab.clone(sh, THREAD | F::FORK), Err(Errno::EAGAIN));
    lab.exit(children[0], 0);
    assert_eq!(lab.clone(sh, F::FORK), Err(Errno::EAGAIN));
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(first, 0));
    assert!(lab.clone(sh, F::FORK).is_ok());
    let root = lab.spawn_as("root", 0);
    *lab.rlimit_mut(root, Resource::Nproc) = 1;
    assert!(lab.clone(root, F::FORK).is_ok());
}

/// Example 29.
#[test]
fn a_process_that_exits_may_still_fork() {
    let (mut lab, sh) = Lab::with_shell();
    group_exits(&mut lab, sh);
    assert_eq!(lab.clone(sh, THREAD | F::FORK), Err(Errno::EAGAIN));
    assert!(lab.clone(sh, F::FORK).is_ok());
    kill_pending(&mut lab, sh);
    assert_eq!(lab.clone(sh, F::FORK), Err(Errno::EINTR));
}
