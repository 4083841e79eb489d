//! Exit codes, zombies, who is told and who reaps.

use super::puppets::zombie;
use crate::lab::{ALL_SHARED, Lab, THREAD, Waited, exit_signal};
use forklab::abi::{
    CloneFlags as F, Errno, ExitState, SigAction, Signal, TaskId, VirtAddr, WaitOptions,
};
use forklab::kernel::syscall::{Syscall, WaitArgs};
use forklab::machine::{Acted, Refusal};
use forklab::trace::TraceEvent;

const NOHANG: u32 = WaitOptions::NOHANG.bits();
const WCLONE: u32 = WaitOptions::CLONE.bits();
const WALL: u32 = WaitOptions::ALL.bits();
const UNTRACED: u32 = WaitOptions::UNTRACED.bits();
const NOTHREAD: u32 = WaitOptions::NOTHREAD.bits();

const NO_CHILD: Waited = Waited::Nothing(-Errno::ECHILD.code());

fn set_sigchld(lab: &mut Lab, task: TaskId, action: SigAction) {
    let call = Syscall::sigaction(Signal::SIGCHLD.number(), Some(action));
    assert_eq!(lab.call(task, call), 0);
}

/// Example 8, by both exits, the parent coming before and after.
#[test]
fn only_the_low_byte_of_an_exit_code_survives() {
    for (code, status) in [(3, 0x0300), (0x107, 0x0700), (-1, 0xff00), (0, 0)] {
        for group in [false, true] {
            for parent_waits in [false, true] {
                let (mut lab, sh) = Lab::with_shell();
                let child = lab.fork(sh);
                let pid = lab.pid(child);
                let waits = parent_waits.then(|| lab.wait(sh, -1, 0));
                match group {
                    false => lab.exit(child, code),
                    true => lab.exit_group(child, code),
                }
                match waits {
                    None => {
                        assert_eq!(lab.task(child).exit_state(), ExitState::Zombie);
                        assert_eq!(lab.act_exit(child), Err(zombie(&lab, child, sh)));
                        assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, status));
                    }
                    Some(Waited::Sleeps(call)) => {
                        assert_eq!(lab.returned(call), Some((pid, Some(status))));
                    }
                    other => panic!("{other:?}"),
                }
                assert!(!lab.exists(child));
            }
        }
    }
}

/// The trace need not have room for it.
#[test]
fn how_a_task_ended_is_known_after_it_was_reaped() {
    let (mut lab, sh) = Lab::with_shell();
    let (first, second) = (lab.fork(sh), lab.fork(sh));
    lab.machine.kernel.log.set_capacity(1);
    assert_eq!(lab.kernel().ended(first), None);
    lab.exit(first, 3);
    assert_eq!(lab.kernel().ended(first), None, "it is a zombie");
    let (pid, other) = (lab.pid(first), lab.pid(second));
    assert_eq!(lab.kill(sh, other, 15), 0);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0x300));
    assert_eq!(lab.wait(sh, other, 0), Waited::Reaped(other, 15));
    let status = |task| lab.kernel().ended(task).map(|ended| ended.status.0);
    assert_eq!((status(first), status(second)), (Some(0x300), Some(15)));
}

/// Example 15, as far as it is wait4; and which child each `pid` argument means.
#[test]
fn what_wait4_refuses_and_what_it_finds() {
    let (mut lab, sh) = Lab::with_shell();
    let invalid = Waited::Nothing(-Errno::EINVAL.code());
    for options in [4, 0x10, 0x0100_0000] {
        assert_eq!(lab.wait(sh, -1, options), invalid, "{options:#x}");
    }
    assert_eq!(lab.wait(sh, -1, 0), NO_CHILD);
    let child = lab.fork(sh);
    let (mine, pgrp) = (lab.pid(child), lab.signal(sh).pgrp().0);
    for (pid, expected) in [
        (-1, Waited::Nothing(0)),
        (0, Waited::Nothing(0)),
        (mine, Waited::Nothing(0)),
        (mine + 1, NO_CHILD),
        (-pgrp.max(2), NO_CHILD),
    ] {
        assert_eq!(lab.wait(sh, pid, NOHANG), expected, "wait4({pid})");
    }
    lab.exit(child, 0);
    assert_eq!(lab.wait(sh, mine + 1, 0), NO_CHILD);
    assert_eq!(lab.wait(sh, 0, 0), Waited::Reaped(mine, 0));
    assert_eq!(lab.wait(sh, mine, 0), NO_CHILD);
}

/// The wait status is stored in the caller's memory; a bad address leaves the zombie.
#[test]
fn a_bad_status_address_keeps_the_zombie() {
    let (mut lab, sh) = Lab::with_shell();
    let word = lab.map(sh, 1);
    let child = lab.fork(sh);
    let pid = lab.pid(child);
    lab.exit(child, 3);
    let wait = |lab: &mut Lab, status| {
        let args = WaitArgs {
            pid: -1,
            status,
            options: 0,
            ..WaitArgs::default()
        };
        lab.call(sh, Syscall::Wait4(args))
    };
    assert_eq!(wait(&mut lab, VirtAddr(0x10)), -Errno::EFAULT.code());
    assert_eq!(lab.task(child).exit_state(), ExitState::Zombie);
    assert_eq!(wait(&mut lab, word), pid);
    assert_eq!(lab.read(sh, word), 0x300);
}

/// Children are scanned in the order of their making, whatever the order of their ends.
#[test]
fn the_oldest_zombie_is_reported_first() {
    let (mut lab, sh) = Lab::with_shell();
    let children: Vec<TaskId> = (0..3).map(|_| lab.fork(sh)).collect();
    let pids: Vec<i32> = children.iter().map(|child| lab.pid(*child)).collect();
    for child in children.iter().rev() {
        lab.exit(*child, 0);
    }
    for pid in pids {
        assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 0));
    }
}

/// Example 12: a parent that ignores SIGCHLD has no zombies, and its wait ends with the last child.
#[test]
fn children_of_a_parent_that_ignores_sigchld_reap_themselves() {
    let (mut lab, sh) = Lab::with_shell();
    set_sigchld(&mut lab, sh, SigAction::Ignore);
    let (first, second) = (lab.fork(sh), lab.fork(sh));
    let Waited::Sleeps(call) = lab.wait(sh, -1, 0) else {
        panic!("there are children to wait for");
    };
    lab.exit(first, 0);
    assert!(!lab.exists(first));
    assert_eq!(lab.returned(call), None);
    lab.exit(second, 0);
    assert_eq!(lab.returned(call), Some((-Errno::ECHILD.code(), None)));
}

/// The default action of SIGCHLD is to ignore it, but that reaps nobody.
#[test]
fn only_an_explicit_ignore_reaps() {
    for action in [
        SigAction::Default,
        SigAction::Handler(VirtAddr(0x0804_8000)),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        set_sigchld(&mut lab, sh, action);
        let child = lab.fork(sh);
        lab.exit(child, 0);
        assert!(lab.exists(child));
        assert_eq!(
            lab.wait(sh, -1, 0),
            Waited::Reaped(lab.last_pid() as i32, 0)
        );
    }
}

/// Example 13: children with another exit signal need `__WCLONE` or `__WALL`.
#[test]
fn clone_children_are_waited_for_with_other_options() {
    for (signal, kills) in [
        (0, false),
        (10, true),
        (17, false),
        (65, false),
        (255, false),
    ] {
        for (options, waits_for_clones) in [(0, false), (WCLONE, true)] {
            let (mut lab, sh) = Lab::with_shell();
            let child = lab.clone(sh, exit_signal(signal)).unwrap();
            let pid = lab.pid(child);
            let fits = (signal != 17) == waits_for_clones;
            let now = if fits { Waited::Nothing(0) } else { NO_CHILD };
            assert_eq!(lab.wait(sh, -1, options | NOHANG), now, "{signal}");
            assert_eq!(lab.wait(sh, -1, WALL | NOHANG), Waited::Nothing(0));
            lab.exit(child, 0);
            if kills {
                assert!(!lab.exists(sh), "SIGUSR1 ends a parent without a handler");
                assert!(!lab.exists(child), "init reaps the orphan");
                continue;
            }
            let then = if fits {
                Waited::Reaped(pid, 0)
            } else {
                NO_CHILD
            };
            assert_eq!(lab.wait(sh, -1, options), then, "{signal}");
            if !fits {
                assert_eq!(lab.wait(sh, -1, WALL), Waited::Reaped(pid, 0));
            }
        }
    }
}

/// Example 13, the end: the parent of the parent sees which signal it was.
#[test]
fn an_exit_signal_kills_a_parent_without_a_handler() {
    let (mut lab, sh) = Lab::with_shell();
    let parent = lab.fork(sh);
    let child = lab
        .clone(parent, exit_signal(Signal::SIGUSR1.number()))
        .unwrap();
    let pid = lab.pid(parent);
    lab.exit(child, 0);
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 10));
}

/// Example 14: after an exec the exit signal is SIGCHLD, unless the task may kill anyone.
#[test]
fn an_exec_takes_the_chosen_exit_signal_away() {
    for (uid, killed) in [(500, false), (0, true)] {
        let mut lab = Lab::boot();
        let parent = lab.spawn_as("parent", uid);
        let child = lab
            .clone(parent, exit_signal(Signal::SIGUSR1.number()))
            .unwrap();
        assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
        assert_eq!(lab.wait(parent, -1, WCLONE | NOHANG), Waited::Nothing(0));
        let pid = lab.pid(child);
        lab.exit(child, 0);
        assert_eq!(lab.exists(parent), !killed);
        if !killed {
            assert_eq!(lab.wait(parent, -1, WCLONE), NO_CHILD);
            assert_eq!(lab.wait(parent, -1, 0), Waited::Reaped(pid, 0));
        }
    }
}

/// Example 25: a child that begins stopped has no stop to report.
#[test]
fn a_child_that_begins_stopped_reports_no_stop() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.clone(sh, F::CLONE_STOPPED | F::FORK).unwrap();
    let pid = lab.pid(child);
    assert!(lab.task(child).pending.set().contains(Signal::SIGSTOP));
    assert_eq!(
        lab.act_exit(child),
        Err(Refusal::Stopped {
            who: lab.machine.who(child),
            signal: None,
            tracer: None,
        })
    );
    assert_eq!(lab.wait(sh, pid, UNTRACED | NOHANG), Waited::Nothing(0));
    lab.continue_stopped(child);
    lab.exit(child, 0);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0));
}

/// A child that takes its SIGSTOP stops for good, and is reported once; the report moves it behind
/// its siblings.
#[test]
fn a_stop_is_reported_once_and_moves_the_child_to_the_end() {
    let (mut lab, sh) = Lab::with_shell();
    let word = lab.map(sh, 1);
    let child = lab.clone(sh, F::CLONE_STOPPED | F::FORK).unwrap();
    let sibling = lab.fork(sh);
    // Woken with SIGSTOP still pending it stops again, this time by its own hand.
    assert!(lab.machine.kernel.wake_up_process(child));
    lab.tick(0);
    let pid = lab.pid(child);
    let args = WaitArgs {
        pid: -1,
        status: word,
        options: UNTRACED | NOHANG,
        ..WaitArgs::default()
    };
    assert_eq!(lab.call(sh, Syscall::Wait4(args)), pid);
    assert_eq!(lab.read(sh, word), 0x137f);
    assert_eq!(lab.call(sh, Syscall::Wait4(args)), 0);
    let order: Vec<TaskId> = lab.task(sh).children().values().copied().collect();
    assert_eq!(order, [sibling, child]);
}

/// Examples 6 and 27: nobody waits for threads; any thread may wait for a sibling's children.
#[test]
fn threads_are_never_waited_for_and_share_their_children() {
    let (mut lab, sh) = Lab::with_shell();
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    let child = lab.fork(thread);
    let (tid, pid, tgid) = (lab.pid(thread), lab.pid(child), lab.pid(sh));
    assert_eq!(lab.call(child, Syscall::Getppid), tgid);
    assert_eq!(lab.wait(sh, tid, WALL), NO_CHILD);
    assert_eq!(lab.wait(sh, pid, NOTHREAD), NO_CHILD);
    assert_eq!(lab.wait(thread, pid, NOTHREAD | NOHANG), Waited::Nothing(0));
    lab.exit(thread, 5);
    assert!(!lab.exists(thread));
    assert_eq!(lab.task(child).real_parent(), sh);
    lab.exit(child, 1);
    assert_eq!(lab.wait(sh, pid, NOTHREAD), Waited::Reaped(pid, 0x100));
}

/// Example 11, the statuses: a dead leader waits for its threads in silence.
#[test]
fn a_leader_that_ends_first_is_reported_with_its_last_thread() {
    for (group_exit, status) in [(true, 0x0300), (false, 0x0700)] {
        let (mut lab, sh) = Lab::with_shell();
        let leader = lab.fork(sh);
        let thread = lab.clone(leader, THREAD | F::FORK).unwrap();
        let pid = lab.pid(leader);
        lab.exit(leader, 7);
        assert_eq!(lab.task(leader).exit_state(), ExitState::Zombie);
        assert_eq!(lab.wait(sh, -1, NOHANG), Waited::Nothing(0));
        let Waited::Sleeps(call) = lab.wait(sh, -1, 0) else {
            panic!("the leader is not to be reaped yet");
        };
        match group_exit {
            true => lab.exit_group(thread, 3),
            false => lab.exit(thread, 3),
        }
        assert_eq!(lab.returned(call), Some((pid, Some(status))));
        assert!(!lab.exists(leader));
    }
}

/// With nobody to be told, the last thread takes the silent leader with it.
#[test]
fn the_last_thread_releases_a_leader_that_nobody_waits_for() {
    let (mut lab, other) = Lab::with_shell();
    let before = lab.footprint();
    let leader = lab.spawn("sh");
    let thread = lab.clone(leader, THREAD | F::FORK).unwrap();
    lab.exit(leader, 0);
    assert!(lab.exists(leader));
    lab.exit(thread, 0);
    assert!(!lab.exists(leader));
    // The idle task borrows the dead address space until another one is loaded.
    lab.call(other, Syscall::Getpid);
    assert_eq!(lab.footprint(), before);
}

/// `exit_group` by any thread ends all of them, with one status.
#[test]
fn exit_group_ends_every_thread() {
    for caller in 0..3 {
        let (mut lab, sh) = Lab::with_shell();
        let before = lab.footprint();
        let leader = lab.fork(sh);
        let pid = lab.pid(leader);
        let mut threads = vec![leader];
        threads.extend((0..2).map(|_| {
            lab.clone(leader, ALL_SHARED | F::CLONE_THREAD | F::FORK)
                .unwrap()
        }));
        lab.exit_group(threads[caller], 9);
        assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 0x900));
        for thread in threads {
            assert!(!lab.exists(thread));
        }
        assert_eq!(lab.footprint(), before);
    }
}

/// A thread that begins stopped, or sleeps in wait4, hears of the end of its process too.
#[test]
fn exit_group_ends_stopped_and_waiting_threads() {
    let (mut lab, sh) = Lab::with_shell();
    let leader = lab.fork(sh);
    let stopped = lab
        .clone(leader, THREAD | F::CLONE_STOPPED | F::FORK)
        .unwrap();
    let waiting = lab.clone(leader, THREAD | F::FORK).unwrap();
    let child = lab.fork(waiting);
    assert!(matches!(lab.wait(waiting, -1, 0), Waited::Sleeps(_)));
    lab.exit_group(leader, 1);
    for thread in [stopped, waiting] {
        assert!(!lab.exists(thread));
    }
    assert_eq!(lab.kernel().pid(lab.task(child).real_parent()).0, 1);
    assert!(matches!(lab.wait(sh, -1, 0), Waited::Reaped(_, 0x100)));
}

/// A wait that a signal with a handler interrupts gives EINTR.
#[test]
fn a_signal_interrupts_a_wait() {
    let (mut lab, sh) = Lab::with_shell();
    let handler = SigAction::Handler(VirtAddr(0x0804_8000));
    assert_eq!(lab.call(sh, Syscall::sigaction(10, Some(handler))), 0);
    let _other = lab.fork(sh);
    let signals = lab
        .clone(sh, exit_signal(Signal::SIGUSR1.number()))
        .unwrap();
    let Waited::Sleeps(call) = lab.wait(sh, -1, 0) else {
        panic!("there is a child to wait for");
    };
    lab.exit(signals, 0);
    assert_eq!(lab.returned(call), Some((-Errno::EINTR.code(), None)));
}

impl Lab {
    /// An exit that is expected to be refused.
    fn act_exit(&mut self, task: TaskId) -> Result<Acted, Refusal> {
        use forklab::machine::Action;
        self.act(task, Action::Syscall(Syscall::Exit(0)))
    }
}

/// A wait queue takes waiters in at its head, whatever thread they are of.
#[test]
fn the_thread_that_waits_last_is_woken_first() {
    let thread = THREAD | F::FORK;
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let (mut lab, sh) = Lab::with_shell();
        let threads = [
            sh,
            lab.clone(sh, thread).unwrap(),
            lab.clone(sh, thread).unwrap(),
        ];
        let kid = lab.fork(sh);
        for waiter in order {
            assert!(matches!(
                lab.wait(threads[waiter], -1, 0),
                Waited::Sleeps(_)
            ));
        }
        let mark = lab.mark();
        lab.exit(kid, 0);
        let woken = lab.events(mark, |record| match record.event {
            TraceEvent::SchedWakeup { pid, .. } => Some(pid.0),
            _ => None,
        });
        let expected = order.map(|waiter| lab.pid(threads[waiter]));
        let woken: Vec<i32> = woken
            .into_iter()
            .filter(|pid| expected.contains(pid))
            .collect();
        let last_first: Vec<i32> = expected.into_iter().rev().collect();
        assert_eq!(woken, last_first);
    }
}

/// The signal of a thread's child goes to the process, but to that very thread if it can take it.
#[test]
fn an_exit_signal_is_taken_by_the_addressed_thread() {
    let (mut lab, sh) = Lab::with_shell();
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    let handler = SigAction::Handler(VirtAddr(0x0804_8000));
    let call = Syscall::sigaction(10, Some(handler));
    assert_eq!(lab.call(sh, call), 0);
    let kid = lab.fork(sh);
    let sender = lab
        .clone(thread, exit_signal(Signal::SIGUSR1.number()))
        .unwrap();
    let waiting = lab.wait(sh, lab.pid(kid), 0);
    let Waited::Sleeps(call) = waiting else {
        panic!("{waiting:?}")
    };
    // The real parent of a thread's child is the thread.
    let mark = lab.mark();
    lab.exit(sender, 0);
    let takers = lab.events(mark, |record| match record.event {
        TraceEvent::SignalDeliver { .. } => Some(record.stamp.pid.0),
        _ => None,
    });
    assert_eq!(takers, [lab.pid(thread)]);
    assert_eq!(lab.returned(call), None, "the leader still waits");
}

/// A fatal signal ends the whole process at once: every thread has SIGKILL before any runs.
#[test]
fn a_fatal_signal_to_a_process_is_the_end_of_every_thread() {
    let (mut lab, sh) = Lab::with_shell();
    let parent = lab.fork(sh);
    let thread = lab.clone(parent, THREAD | F::FORK).unwrap();
    let stopped = lab
        .clone(parent, THREAD | F::CLONE_STOPPED | F::FORK)
        .unwrap();
    let sender = lab
        .clone(thread, exit_signal(Signal::SIGUSR2.number()))
        .unwrap();
    let pid = lab.pid(parent);
    lab.exit(sender, 0);
    assert!(!lab.exists(thread) && !lab.exists(stopped));
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 12));
}
