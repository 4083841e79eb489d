//! exec in a process with several threads, and what exec keeps and ends.

use crate::lab::{ALL_SHARED, Lab, THREAD, Waited, errno};
use forklab::abi::{CloneFlags as F, Errno, Resource, TaskId, TaskState};
use forklab::kernel::fail::FailPoint;
use forklab::kernel::syscall::Syscall;
use forklab::machine::Acted;

const NOHANG: u32 = 1;

fn exec(lab: &mut Lab, task: TaskId) -> Acted {
    lab.outcome(task, Syscall::Execve("sh".into()))
}

/// A shell with a child that has two more threads.
fn three_threads() -> (Lab, TaskId, [TaskId; 3]) {
    let (mut lab, sh) = Lab::with_shell();
    let leader = lab.fork(sh);
    let second = lab
        .clone(leader, ALL_SHARED | F::CLONE_THREAD | F::CLONE_SYSVSEM)
        .unwrap();
    let third = lab
        .clone(leader, ALL_SHARED | F::CLONE_THREAD | F::CLONE_SYSVSEM)
        .unwrap();
    (lab, sh, [leader, second, third])
}

/// Process example 23.
#[test]
fn a_thread_that_calls_exec_takes_the_leaders_place() {
    let (mut lab, sh, [leader, second, third]) = three_threads();
    let (pid, tid) = (lab.pid(leader), lab.pid(third));
    assert_eq!(exec(&mut lab, third), Acted::Returned(0));
    assert!(!lab.exists(leader) && !lab.exists(second));
    assert_eq!(lab.pid(third), pid);
    assert_eq!(lab.task(third).tgid().0, pid);
    assert_eq!(lab.task(third).group_leader(), third);
    assert_eq!(lab.task(third).exit_signal(), 17);
    assert_eq!(lab.signal(third).count(), 1);
    assert_eq!(lab.sighand(third).count(), 1);
    assert!(lab.signal(third).flags().is_empty());
    assert_eq!(lab.call(third, Syscall::Gettid), pid);
    assert_eq!(lab.call(third, Syscall::Getpid), pid);
    assert!(!lab.kernel().pidmap().in_use(tid as u32));
    // The parent hears nothing, and can wait for it by the number it knows.
    assert_eq!(lab.wait(sh, -1, NOHANG), Waited::Nothing(0));
    lab.check();
    lab.exit(third, 4);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0x400));
}

#[test]
fn the_leader_ends_the_others_and_stays_itself() {
    let (mut lab, _, [leader, second, third]) = three_threads();
    let pid = lab.pid(leader);
    exec(&mut lab, leader);
    assert!(lab.exists(leader) && !lab.exists(second) && !lab.exists(third));
    assert_eq!(lab.call(leader, Syscall::Gettid), pid);
    assert_eq!(lab.mm(leader).mm_users(), 1);
}

#[test]
fn a_leader_that_has_ended_already_is_replaced() {
    let (mut lab, sh, [leader, second, third]) = three_threads();
    let pid = lab.pid(leader);
    lab.exit(leader, 0);
    lab.exit(second, 0);
    assert_eq!(exec(&mut lab, third), Acted::Returned(0));
    assert_eq!(lab.pid(third), pid);
    assert_eq!(lab.wait(sh, pid, NOHANG), Waited::Nothing(0));
}

#[test]
fn an_exec_that_fails_leaves_the_other_threads() {
    let (mut lab, _, threads) = three_threads();
    let before = lab.footprint();
    let value = lab.call(threads[2], Syscall::Execve("nobody".into()));
    assert_eq!(errno(value), Errno::ENOENT);
    for nr in 0.. {
        lab.fail(FailPoint::Slab(Some(nr)));
        match exec(&mut lab, threads[2]) {
            Acted::Returned(0) => break,
            Acted::Refused(error) => assert_eq!(error.errno(), Errno::ENOMEM),
            other => panic!("{other:?}"),
        }
        assert!(threads.iter().all(|thread| lab.exists(*thread)));
        assert_eq!(lab.footprint(), before, "allocation {nr}");
    }
}

#[test]
fn the_loader_needs_a_descriptor() {
    let (mut lab, sh) = Lab::with_shell();
    *lab.rlimit_mut(sh, Resource::Nofile) = 3;
    let before = lab.footprint();
    let value = lab.call(sh, Syscall::Execve("sh".into()));
    assert_eq!(errno(value), Errno::EMFILE);
    assert_eq!(lab.footprint(), before);
    *lab.rlimit_mut(sh, Resource::Nofile) = 4;
    assert_eq!(lab.call(sh, Syscall::Execve("sh".into())), 0);
    // The next descriptor is the lowest, as before.
    assert_eq!(lab.call(sh, Syscall::Dup(0)), 3);
}

/// SIGKILL does not end the wait: it is uninterruptible.
#[test]
fn exec_waits_for_a_thread_that_cannot_end_yet() {
    let (mut lab, _, [leader, second, third]) = three_threads();
    lab.exit(third, 0);
    // The second thread sleeps inside vfork, where SIGKILL does not reach it.
    let child = lab.vfork(second);
    let Acted::Blocks(call) = exec(&mut lab, leader) else {
        panic!("it waits for the other");
    };
    assert_eq!(lab.returned(call), None);
    assert_eq!(lab.sched(leader).state, TaskState::UNINTERRUPTIBLE);
    assert!(lab.task(leader).in_call.exec.is_some());
    lab.check();
    lab.exit(child, 0);
    assert_eq!(lab.returned(call), Some((0, None)));
    assert!(!lab.exists(second));
}

/// A vfork child that is a thread waits for its parent, which waits for it: for ever.
#[test]
fn a_vfork_thread_that_calls_exec_waits_for_ever() {
    let (mut lab, sh) = Lab::with_shell();
    let thread = lab.clone(sh, THREAD | F::CLONE_VFORK | F::FORK).unwrap();
    let Acted::Blocks(call) = exec(&mut lab, thread) else {
        panic!("it waits for its leader");
    };
    lab.tick(10);
    assert_eq!(lab.returned(call), None);
    assert_eq!(lab.sched(sh).state, TaskState::UNINTERRUPTIBLE);
    assert_eq!(lab.task(thread).utime, 10);
}

/// Tasks that share signal actions without being threads stay, and keep theirs.
#[test]
fn sharers_of_signal_actions_stay_and_the_new_program_has_its_own() {
    let (mut lab, sh) = Lab::with_shell();
    let sharer = lab
        .clone(sh, F::CLONE_VM | F::CLONE_SIGHAND | F::FORK)
        .unwrap();
    assert_eq!(lab.sighand(sh).count(), 2);
    assert_eq!(lab.call(sharer, Syscall::Execve("sh".into())), 0);
    assert_eq!(lab.sighand(sh).count(), 1);
    assert_ne!(lab.task(sh).sighand(), lab.task(sharer).sighand());
}

#[test]
fn exec_of_a_thread_keeps_what_belongs_to_the_process() {
    let (mut lab, sh, [leader, _, third]) = three_threads();
    let fd = lab.call(leader, Syscall::Open("null".to_owned(), 0, 0o666)) as u32;
    let closed = lab.call(leader, Syscall::Open("null".to_owned(), 0, 0o666)) as u32;
    lab.call(leader, Syscall::Fcntl(closed, 2, 1));
    lab.call(leader, Syscall::Chdir("/tmp".to_owned()));
    lab.outcome(third, Syscall::Execve("/bin/sh".into()));
    let open: Vec<usize> = lab.files(third).open().map(|(fd, _)| fd).collect();
    assert_eq!(open, [0, 1, 2, fd as usize]);
    assert_eq!(lab.kernel().d_path(lab.fs(third).cwd()), "/tmp");
    assert_eq!(lab.fs(third).count(), 1);
    assert_eq!(lab.call(third, Syscall::Getppid), lab.pid(sh));
    assert_eq!(lab.kernel().process_counts(), 3);
}
