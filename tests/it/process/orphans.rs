//! What becomes of the children of a dying task, and of numbers that outlive their task.

use crate::lab::{Lab, THREAD, Waited, exit_signal};
use forklab::abi::{CloneFlags as F, Errno, ExitState, SigAction, TaskId};
use forklab::kernel::boot::Config;
use forklab::kernel::syscall::Syscall;
use forklab::trace::TraceEvent;

/// Example 28: the children go to init and will send SIGCHLD.
#[test]
fn orphans_go_to_init_with_sigchld_as_their_exit_signal() {
    for signal in [0, 10, 17, 255] {
        let (mut lab, sh) = Lab::with_shell();
        let parent = lab.fork(sh);
        let child = lab.clone(parent, exit_signal(signal)).unwrap();
        assert_eq!(lab.task(child).exit_signal(), signal as i32);
        lab.exit(parent, 0);
        assert_eq!(lab.task(child).exit_signal(), 17);
        assert_eq!(lab.call(child, Syscall::Getppid), 1);
        lab.exit(child, 0);
        assert!(!lab.exists(child), "init reaps at once");
    }
}

#[test]
fn orphaned_zombies_are_reaped_by_init() {
    let (mut lab, sh) = Lab::with_shell();
    let parent = lab.fork(sh);
    let zombies: Vec<TaskId> = (0..3).map(|_| lab.fork(parent)).collect();
    let living = lab.fork(parent);
    for zombie in &zombies {
        lab.exit(*zombie, 0);
    }
    let mark = lab.mark();
    lab.exit(parent, 0);
    let moved = lab.events(mark, |record| match record.event {
        TraceEvent::Reparent { child, parent } => Some((child.0, parent.0)),
        _ => None,
    });
    assert_eq!(moved, [(4, 1), (5, 1), (6, 1), (7, 1)]);
    assert!(zombies.iter().all(|zombie| !lab.exists(*zombie)));
    assert_eq!(lab.task(living).real_parent(), lab.kernel().init());
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(3, 0));
}

/// The next living thread of the process inherits; which one, depends on who dies.
#[test]
fn the_children_of_a_thread_go_to_the_next_one() {
    for (dying, adopter) in [(0, 1), (1, 2), (2, 0)] {
        let (mut lab, sh) = Lab::with_shell();
        let leader = lab.fork(sh);
        let mut threads = vec![leader];
        threads.extend((0..2).map(|_| lab.clone(leader, THREAD | F::FORK).unwrap()));
        let child = lab.fork(threads[dying]);
        lab.exit(threads[dying], 0);
        assert_eq!(lab.task(child).real_parent(), threads[adopter]);
        let tgid = lab.pid(leader);
        assert_eq!(lab.call(child, Syscall::Getppid), tgid);
    }
}

/// A dead leader inherits nothing: it is passed over.
#[test]
fn a_zombie_leader_is_no_heir() {
    let (mut lab, sh) = Lab::with_shell();
    let leader = lab.fork(sh);
    let thread = lab.clone(leader, THREAD | F::FORK).unwrap();
    let child = lab.fork(thread);
    lab.exit(leader, 0);
    assert_eq!(lab.task(leader).exit_state(), ExitState::Zombie);
    lab.exit(thread, 0);
    assert_eq!(lab.task(child).real_parent(), lab.kernel().init());
}

/// The wait of a parent that has lost its only child to nobody ends when the child is gone, and a
/// sibling made by the child keeps it going.
#[test]
fn siblings_keep_a_wait_alive() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let sibling = lab.clone(child, F::CLONE_PARENT | F::FORK).unwrap();
    let (first, second) = (lab.pid(child), lab.pid(sibling));
    lab.exit(child, 0);
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(first, 0));
    lab.exit(sibling, 2);
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(second, 0x200));
    assert_eq!(lab.wait(sh, -1, 0), Waited::Nothing(-Errno::ECHILD.code()));
}

/// A thread in the middle ends: its creator stays in its process group and session.
#[test]
fn the_end_of_a_thread_takes_nothing_from_its_creator() {
    let (mut lab, sh) = Lab::with_shell();
    let before = lab.footprint();
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    lab.exit(thread, 0);
    assert_eq!(lab.footprint(), before);
    let child = lab.fork(sh);
    lab.exit(child, 0);
    assert_eq!(lab.wait(sh, 0, 0), Waited::Reaped(lab.last_pid() as i32, 0));
}

/// Example 16: the search wraps to 300. A zombie keeps its number.
#[test]
fn numbers_are_reused_from_300_on_after_the_wrap() {
    let mut lab = Lab::with(Config {
        pid_max: 310,
        ..Config::default()
    });
    let sh = lab.spawn("sh");
    let mut zombies = 0;
    loop {
        let child = lab.fork(sh);
        let pid = lab.pid(child);
        lab.exit(child, 0);
        if pid == 301 && zombies == 3 {
            break;
        }
        // The numbers 300, 302 and 303 stay with zombies.
        if [300, 302, 303].contains(&pid) {
            zombies += 1;
        } else {
            assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0));
        }
    }
    let child = lab.fork(sh);
    assert_eq!(lab.pid(child), 304);
}

/// 2.6.12 releases nothing here: init does in its stead, any other adopter leaves the zombie lying.
#[test]
fn a_thread_that_ignores_sigchld_leaves_an_inherited_zombie_lying() {
    let (mut lab, sh) = Lab::with_shell();
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    let kid = lab.fork(thread);
    lab.exit(kid, 0);
    let ignore = Syscall::sigaction(17, Some(SigAction::Ignore));
    assert_eq!(lab.call(sh, ignore), 0);
    lab.exit(thread, 0);
    assert_eq!(lab.task(kid).real_parent(), sh);
    assert_eq!(lab.task(kid).exit_signal(), -1);
    assert_eq!(
        lab.wait(sh, -1, 1),
        Waited::Nothing(-10),
        "it is nobody's to wait for"
    );
    lab.exit(sh, 0);
    assert!(lab.exists(kid), "nor does init find it");
}
