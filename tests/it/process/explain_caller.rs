//! What the oracle of clone's flags says about a caller and its situation, and what its words mean to
//! a program, checked against the machine.

use super::explain_clone::{block_signals, told};
use crate::lab::{ALL_SHARED, Lab, THREAD, Waited, exit_signal};
use forklab::abi::{CloneFlags as F, Resource, SigAction, Signal, TaskId, WaitOptions};
use forklab::kernel::boot::Config;
use forklab::kernel::syscall::Syscall;
use forklab::trace::{Placement, TraceEvent};
use forklab::view::{CloneObject, EndNotice, ParentOf, Queued, Reaped, RunsNext, explain_clone};

/// What shared and copied mean to a program.
#[test]
fn what_the_oracle_says_that_sharing_means_can_be_seen() {
    for flags in [
        F::FORK,
        F::CLONE_VM | F::FORK,
        F::CLONE_FS | F::FORK,
        F::CLONE_FILES | F::FORK,
        F::CLONE_VM | F::CLONE_SIGHAND | F::FORK,
        THREAD | F::FORK,
        ALL_SHARED | F::CLONE_THREAD | F::FORK,
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let page = lab.map(sh, 1);
        lab.write(sh, page, 1);
        let plan = told(&lab, flags, Some(sh)).child.unwrap();
        let shares = |object| plan.fate(object).unwrap().is_shared();
        let child = lab.clone(sh, flags).unwrap();
        lab.write(child, page, 2);
        assert_eq!(
            lab.read(sh, page) == 2,
            shares(CloneObject::Mm),
            "{flags:?}"
        );
        let mapped = lab.map(child, 1);
        let known = lab
            .mm(sh)
            .find_vma(mapped)
            .is_some_and(|vma| vma.vm_start <= mapped.0);
        assert_eq!(known, shares(CloneObject::PageTables), "{flags:?}");
        let fd = lab.call(child, Syscall::Open("f".to_owned(), 0o100, 0o666)) as usize;
        let open = lab.files(sh).get(fd).is_some();
        assert_eq!(open, shares(CloneObject::Files), "{flags:?}");
        lab.call(child, Syscall::sigaction(10, Some(SigAction::Ignore)));
        let ignored = lab.kernel().sigaction_of(sh, Signal::SIGUSR1) == SigAction::Ignore;
        assert_eq!(ignored, shares(CloneObject::Sighand), "{flags:?}");
        let same = lab.call(child, Syscall::Getpid) == lab.call(sh, Syscall::Getpid);
        assert_eq!(same, shares(CloneObject::Signal), "{flags:?}");
        assert_eq!(lab.call(child, Syscall::Gettid), lab.pid(child));
        let siblings = plan.parent == ParentOf::CallersParent;
        let ppid = match siblings {
            true => lab.call(sh, Syscall::Getppid),
            false => lab.call(sh, Syscall::Getpid),
        };
        assert_eq!(lab.call(child, Syscall::Getppid), ppid, "{flags:?}");
    }
}

/// The end of a thread wakes nobody; any other end wakes a parent in `wait4`, signal or not.
#[test]
fn the_oracle_knows_whose_end_wakes_a_waiting_parent() {
    for flags in [
        F::FORK,
        F::empty(),
        exit_signal(Signal::SIGUSR1.number()),
        exit_signal(200),
        THREAD,
        F::CLONE_VM | F::CLONE_SIGHAND | F::FORK,
    ] {
        let (mut lab, sh) = Lab::with_shell();
        block_signals(&mut lab, sh);
        let parent = lab.fork(sh);
        // It waits for a child that stays.
        let stays = lab.fork(parent);
        let plan = told(&lab, flags, Some(parent)).child.unwrap();
        let child = lab.clone(parent, flags).unwrap();
        let waiter = match plan.parent {
            ParentOf::Caller => parent,
            ParentOf::CallersParent => sh,
        };
        let pid = lab.pid(stays);
        let pid = if waiter == parent {
            pid
        } else {
            lab.pid(parent)
        };
        assert!(matches!(
            lab.wait(waiter, pid, WaitOptions::ALL.bits()),
            Waited::Sleeps(_)
        ));
        let (mark, waiter) = (lab.mark(), lab.pid(waiter));
        lab.exit(child, 0);
        let woken = lab.events(mark, |record| match record.event {
            TraceEvent::SchedWakeup { pid, .. } if pid.0 == waiter => Some(()),
            _ => None,
        });
        let expected = plan.end.notice != EndNotice::Nobody;
        assert_eq!(!woken.is_empty(), expected, "{flags:?}");
    }
}

/// Init ignores SIGCHLD, and a parent can choose to: then its children reap themselves.
#[test]
fn the_oracle_knows_parents_that_ignore_sigchld() {
    for (flags, ignores, itself) in [
        (F::FORK, false, false),
        (F::FORK, true, true),
        (exit_signal(Signal::SIGUSR1.number()), true, false),
        // The parent is init. Only a child of the same program could choose its signal.
        (F::CLONE_PARENT | F::FORK, false, true),
        (
            F::CLONE_PARENT | exit_signal(Signal::SIGUSR1.number()),
            false,
            true,
        ),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        block_signals(&mut lab, sh);
        if ignores {
            lab.call(sh, Syscall::sigaction(17, Some(SigAction::Ignore)));
        }
        let end = told(&lab, flags, Some(sh)).child.unwrap().end;
        assert_eq!(end.reaped == Reaped::ByItself, itself, "{flags:?}");
        assert_eq!(end.notice == EndNotice::Ignored, itself, "{flags:?}");
        let child = lab.clone(sh, flags).unwrap();
        lab.exit(child, 0);
        assert_eq!(lab.exists(child), !itself, "{flags:?}");
    }
}

/// The overrides, another CPU and a slice at exit: where the child goes and who runs.
#[test]
fn the_oracle_knows_overrides_and_the_last_tick() {
    let tail = Config {
        child_runs_first: false,
        ..Config::default()
    };
    let forced = Config {
        parent_not_on_array: true,
        ..Config::default()
    };
    let elsewhere = Config {
        cpus: 2,
        fork_cpu: Some(1),
        ..Config::default()
    };
    let plain = Config::default;
    for (config, flags, used) in [
        (plain(), F::FORK, 0),
        (plain(), F::CLONE_VM | F::FORK, 0),
        (plain(), F::VFORK, 0),
        (plain(), F::CLONE_VFORK | F::FORK, 0),
        (plain(), F::FORK, 99),
        (plain(), F::CLONE_VM | F::FORK, 99),
        (plain(), F::CLONE_STOPPED | F::FORK, 99),
        (tail.clone(), F::FORK, 0),
        (tail, F::CLONE_VM | F::FORK, 0),
        (forced.clone(), F::FORK, 0),
        (forced, F::VFORK, 0),
        (elsewhere.clone(), F::FORK, 0),
        (elsewhere, F::VFORK, 0),
    ] {
        let mut lab = Lab::with(config);
        let caller = lab.spawn_spinning("a");
        let first = if lab.kernel().cpus.len() == 1 {
            lab.spawn_spinning("b")
        } else {
            caller
        };
        lab.tick(used);
        let plan = told(&lab, flags, Some(caller)).child.unwrap();
        let mark = lab.mark();
        let child = lab.clone(caller, flags).unwrap();
        let placed = lab.events(mark, |record| match record.event {
            TraceEvent::SchedWakeupNew {
                placement, forced, ..
            } => Some((placement, forced)),
            _ => None,
        });
        let queued = match placed.first() {
            None => Queued::Nowhere,
            Some((Placement::BeforeParent, _)) => Queued::BeforeCaller,
            Some((Placement::OtherCpu, _)) => Queued::TailElsewhere,
            Some(_) => Queued::Tail,
        };
        assert_eq!(queued, plan.queued, "{flags:?}");
        let forced = placed.first().is_some_and(|(_, forced)| *forced);
        assert_eq!(forced, plan.forced, "{flags:?}");
        let now = lab.kernel().sched.current(0);
        let expected = match plan.runs_next {
            RunsNext::Child => child,
            RunsNext::Caller => caller,
            RunsNext::FirstInLine if first == caller => continue,
            // Asked to give way, it is still the first itself.
            RunsNext::FirstInLine if plan.forced && !plan.caller_waits => caller,
            RunsNext::FirstInLine => first,
        };
        assert_eq!(now, expected, "{flags:?} {used} {:?}", plan.runs_next);
    }
}

/// Refusals that come from the caller, not from the flags.
#[test]
fn the_oracle_knows_limits_of_the_caller() {
    type Prepare = fn(&mut Lab, TaskId);
    let killed: Prepare = |lab, sh| {
        let task = lab.machine.kernel.task_mut(sh);
        task.pending.sigaddset(Signal::SIGKILL);
    };
    let ending: Prepare = |lab, sh| {
        lab.machine.kernel.signal_of_mut(sh).begin_group_exit(0);
    };
    let cases: [(F, Prepare); 6] = [
        (F::FORK, |lab, sh| *lab.rlimit_mut(sh, Resource::Nproc) = 1),
        (F::FORK, |lab, _| lab.machine.kernel.max_threads = 2),
        (F::CLONE_NEWNS | F::FORK, |_, _| ()),
        (F::CLONE_VM | F::CLONE_NEWNS | F::FORK, |lab, sh| {
            *lab.rlimit_mut(sh, Resource::Nproc) = 1;
        }),
        (F::FORK, killed),
        (THREAD, ending),
    ];
    for (flags, prepare) in cases {
        let (mut lab, sh) = Lab::with_shell();
        prepare(&mut lab, sh);
        let told = told(&lab, flags, Some(sh));
        let errno = lab.clone(sh, flags).unwrap_err();
        assert_eq!(told.error, Some(errno.name()), "{flags:#x}");
        assert_eq!((told.corrected, told.child), (None, None), "{flags:#x}");
    }
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    lab.exit(kid, 0);
    assert_eq!(explain_clone(&lab.machine, F::FORK, Some(kid)), None);
}
