//! vfork: the parent sleeps until the child gives the memory up.

use crate::lab::{Lab, THREAD, Waited};
use forklab::abi::{CloneFlags as F, Errno, ExitState, TaskId, TaskState, VirtAddr};
use forklab::kernel::syscall::ForkArgs;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, Action, Awaits, Refusal};
use forklab::trace::TraceEvent;

/// Makes a vfork child and returns it with the number of its parent's open call.
fn vfork(lab: &mut Lab, parent: TaskId, call: Syscall) -> (TaskId, u64) {
    match lab.outcome(parent, call) {
        Acted::Forked {
            child,
            call: Some(call),
        } => (child, call),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_parent_sleeps_uninterruptibly_and_says_whom_it_waits_for() {
    let (mut lab, sh) = Lab::with_shell();
    let (child, call) = vfork(&mut lab, sh, Syscall::Vfork);
    assert_eq!(lab.sched(sh).state, TaskState::UNINTERRUPTIBLE);
    assert_eq!(
        (lab.mm(sh).mm_users(), lab.task(sh).mm()),
        (2, lab.task(child).mm())
    );
    assert_ne!(lab.task(sh).files(), lab.task(child).files());
    assert_eq!(lab.returned(call), None);
    let refusal = Refusal::Inside {
        who: lab.machine.who(sh),
        call: "vfork",
        awaits: Some(Awaits::Vfork(lab.machine.who(child))),
    };
    let action = Action::Syscall(Syscall::Getpid);
    assert_eq!(lab.act(sh, action), Err(refusal));
    lab.tick(1000);
    assert_eq!(lab.returned(call), None);
    lab.exit(child, 0);
    assert_eq!(lab.returned(call), Some((lab.pid(child), None)));
    assert_eq!(lab.mm(sh).mm_users(), 1);
}

#[test]
fn an_exec_frees_the_parent_but_a_failed_one_does_not() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 1);
    let (child, call) = vfork(&mut lab, sh, Syscall::Vfork);
    lab.write(child, page, 42);
    let failed = lab.call(child, Syscall::Execve("nobody".into()));
    assert_eq!(failed, -Errno::ENOENT.code());
    assert_eq!(lab.returned(call), None);
    assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
    assert_eq!(lab.returned(call), Some((lab.pid(child), None)));
    assert_ne!(lab.task(sh).mm(), lab.task(child).mm());
    assert_eq!(lab.read(sh, page), 42);
}

/// The order at the child's exit: the parent is freed, the memory given up, the files closed, the
/// parent told.
#[test]
fn the_parent_is_freed_before_it_hears_of_the_end() {
    let (mut lab, sh) = Lab::with_shell();
    let handler = forklab::abi::SigAction::Handler(VirtAddr(4096));
    assert_eq!(lab.call(sh, Syscall::sigaction(17, Some(handler))), 0);
    let (child, _) = vfork(&mut lab, sh, Syscall::Vfork);
    let mark = lab.mark();
    lab.exit(child, 0);
    let order = lab.events(mark, |record| match record.event {
        TraceEvent::SchedProcessExit { .. } => Some("exit"),
        TraceEvent::VforkDone { .. } => Some("free the parent"),
        TraceEvent::SignalGenerate { .. } => Some("SIGCHLD"),
        TraceEvent::SignalDeliver { .. } => Some("handler"),
        TraceEvent::SysExit { nr: 190, .. } => Some("vfork returns"),
        _ => None,
    });
    let expected = [
        "exit",
        "free the parent",
        "SIGCHLD",
        "vfork returns",
        "handler",
    ];
    assert_eq!(order, expected);
}

/// A file of the child's own table is still open when the parent is woken.
#[test]
fn files_are_closed_after_the_wake_up() {
    let (mut lab, sh) = Lab::with_shell();
    let (child, _) = vfork(&mut lab, sh, Syscall::Vfork);
    let fd = lab.call(child, Syscall::Open("f".to_owned(), 0o100, 0o666)) as usize;
    let file = lab.files(child).get(fd).unwrap().file;
    lab.exit(child, 0);
    assert!(!lab.kernel().open_files().contains_key(file));
    assert_eq!(lab.task(child).exit_state(), ExitState::Zombie);
    assert!(lab.task(child).files().is_none());
}

/// Legal though odd: each of these makes the parent wait as well.
#[test]
fn clone_vfork_waits_whatever_is_shared() {
    for flags in [
        F::CLONE_VFORK | F::FORK,
        F::VFORK,
        F::CLONE_VM | F::CLONE_SIGHAND | F::CLONE_VFORK | F::FORK,
        THREAD | F::CLONE_VFORK | F::FORK,
        F::CLONE_VFORK,
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let args = ForkArgs::with_flags(flags);
        let (child, call) = vfork(&mut lab, sh, Syscall::Clone(args));
        let pid = lab.pid(child);
        assert_eq!(
            lab.sched(sh).state,
            TaskState::UNINTERRUPTIBLE,
            "{flags:#x}"
        );
        lab.exit(child, 0);
        assert_eq!(lab.returned(call), Some((pid, None)), "{flags:#x}");
    }
}

/// A child that begins stopped keeps the parent asleep until it goes on and ends.
#[test]
fn a_stopped_child_keeps_the_parent_asleep() {
    let (mut lab, sh) = Lab::with_shell();
    let args = ForkArgs::with_flags(F::VFORK | F::CLONE_STOPPED);
    let (child, call) = vfork(&mut lab, sh, Syscall::Clone(args));
    lab.tick(500);
    assert_eq!(lab.returned(call), None);
    lab.continue_stopped(child);
    assert_eq!(lab.returned(call), None);
    lab.exit(child, 0);
    assert_eq!(lab.returned(call), Some((lab.pid(child), None)));
}

/// Example 22: not even SIGKILL wakes the parent; it dies when the child lets it go.
#[test]
fn a_killed_parent_dies_only_when_its_child_lets_go() {
    let (mut lab, sh) = Lab::with_shell();
    let leader = lab.fork(sh);
    let thread = lab.clone(leader, THREAD | F::FORK).unwrap();
    let (child, _) = vfork(&mut lab, thread, Syscall::Vfork);
    let pid = lab.pid(leader);
    lab.exit_group(leader, 4);
    assert_eq!(lab.sched(thread).state, TaskState::UNINTERRUPTIBLE);
    assert_eq!(lab.task(leader).exit_state(), ExitState::Zombie);
    let Waited::Sleeps(call) = lab.wait(sh, -1, 0) else {
        panic!("a thread is left");
    };
    assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
    assert!(!lab.exists(thread));
    assert_eq!(lab.returned(call), Some((pid, Some(0x400))));
    let init = lab.kernel().init();
    assert_eq!(lab.task(child).real_parent(), init);
}

/// With CLONE_VM the child is queued last, but the parent sleeps: the child runs next.
#[test]
fn the_child_runs_when_the_parent_sleeps() {
    let (mut lab, sh) = Lab::with_shell();
    let mark = lab.mark();
    let child = lab.vfork(sh);
    let ran = lab.events(mark, crate::lab::switched_to);
    assert_eq!(ran, [lab.pid(sh), lab.pid(child), 0]);
}

/// A vfork inside a vfork child: one after the other is let go.
#[test]
fn vforks_nest() {
    let (mut lab, sh) = Lab::with_shell();
    let (child, outer) = vfork(&mut lab, sh, Syscall::Vfork);
    let (grandchild, inner) = vfork(&mut lab, child, Syscall::Vfork);
    assert_eq!(lab.mm(sh).mm_users(), 3);
    lab.exit(grandchild, 0);
    assert_eq!(lab.returned(inner), Some((lab.pid(grandchild), None)));
    assert_eq!(lab.returned(outer), None);
    lab.exit(child, 0);
    assert_eq!(lab.returned(outer), Some((lab.pid(child), None)));
}

/// The attempt to dump core ends every user of the memory, even where no core file is written.
#[test]
fn a_vfork_child_that_faults_takes_its_parent_with_it() {
    let (mut lab, grandparent) = Lab::with_shell();
    let parent = lab.fork(grandparent);
    let kid = lab.vfork(parent);
    let read = Action::Read {
        addr: VirtAddr(0),
        len: 4,
    };
    assert!(matches!(lab.act(kid, read), Ok(Acted::Fault(_))));
    let pid = lab.pid(parent);
    assert_eq!(lab.wait(grandparent, -1, 0), Waited::Reaped(pid, 9));
    assert!(!lab.exists(kid), "init has reaped it");
}
