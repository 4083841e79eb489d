//! Stopping and continuing, process groups and sessions, what waits report of them.

use super::signals::take;
use crate::lab::{Lab, THREAD, USER, Waited};
use forklab::abi::{
    CloneFlags as F, Errno, ExitState, Resource, SigAction, SigInfo, SigSet, Signal, TaskId,
    TaskState, VirtAddr, si_code,
};
use forklab::kernel::syscall::{InfoTo, Syscall, WaitidArgs};
use forklab::kernel::task::SignalFlags;

const NOHANG: u32 = 1;
const UNTRACED: u32 = 2;
const EXITED: u32 = 4;
const CONTINUED: u32 = 8;
const NOWAIT: u32 = 0x0100_0000;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

fn is_stopped(lab: &Lab, task: TaskId) -> bool {
    lab.sched(task).state == TaskState::STOPPED
}

/// Moves a child to a process group of its own, so that it can be stopped from a terminal.
fn job(lab: &mut Lab, sh: TaskId) -> TaskId {
    let kid = lab.fork(sh);
    let call = Syscall::Setpgid(lab.pid(kid), 0);
    assert_eq!(lab.call(sh, call), 0);
    kid
}

fn waitid(lab: &mut Lab, task: TaskId, options: u32) -> Result<Option<SigInfo>, i32> {
    let args = WaitidArgs {
        which: 0,
        id: 0,
        info: InfoTo::Task,
        options,
        rusage: VirtAddr(0),
    };
    match lab.call(task, Syscall::Waitid(args)) {
        0 => Ok(lab.task(task).in_call.reported),
        value => Err(value),
    }
}

/// Example 10.
#[test]
fn stops_and_continuations_are_reported_once() {
    for (signal, status) in [(19, 0x137f), (20, 0x147f)] {
        let (mut lab, sh) = Lab::with_shell();
        let kid = job(&mut lab, sh);
        let pid = lab.pid(kid);
        assert_eq!(lab.kill(sh, pid, signal), 0);
        assert!(is_stopped(&lab, kid));
        assert_eq!(lab.wait(sh, pid, NOHANG), Waited::Nothing(0));
        let stopped = lab.wait(sh, pid, UNTRACED | NOHANG);
        assert_eq!(stopped, Waited::Reaped(pid, status));
        assert_eq!(lab.wait(sh, pid, UNTRACED | NOHANG), Waited::Nothing(0));
        assert_eq!(lab.kill(sh, pid, 18), 0);
        assert!(!is_stopped(&lab, kid));
        let continued = lab.wait(sh, pid, CONTINUED | NOHANG);
        assert_eq!(continued, Waited::Reaped(pid, 0xffff));
        assert_eq!(lab.wait(sh, pid, CONTINUED | NOHANG), Waited::Nothing(0));
        // A second SIGCONT takes the report of the first away.
        for signal in [signal, 18, 18] {
            assert_eq!(lab.kill(sh, pid, signal), 0);
        }
        assert_eq!(lab.wait(sh, pid, CONTINUED | NOHANG), Waited::Nothing(0));
    }
}

/// A sleeping wait is woken by a stop and by its end, if it asked for them.
#[test]
fn a_sleeping_wait_hears_of_stops() {
    let (mut lab, sh) = Lab::with_shell();
    let sender = lab.spawn("sender");
    let kid = job(&mut lab, sh);
    let pid = lab.pid(kid);
    for (options, signal, status) in [(UNTRACED, 19, 0x137f), (CONTINUED, 18, 0xffff)] {
        let Waited::Sleeps(call) = lab.wait(sh, -1, options) else {
            panic!("there is nothing yet");
        };
        assert_eq!(lab.kill(sender, pid, signal), 0);
        assert_eq!(lab.returned(call), Some((pid, Some(status))));
    }
}

/// Every thread stops; the parent hears of it once, from the last, for the leader.
#[test]
fn a_stop_signal_stops_every_thread_and_is_told_once() {
    let (mut lab, sh) = Lab::with_shell();
    let chld = SigSet::of(&[Signal::SIGCHLD]);
    lab.block(sh, chld);
    let kid = job(&mut lab, sh);
    let threads = [
        kid,
        lab.clone(kid, THREAD | F::FORK).unwrap(),
        lab.clone(kid, THREAD | F::FORK).unwrap(),
    ];
    let (pid, last) = (lab.pid(kid), lab.pid(threads[2]));
    assert_eq!(lab.kill(sh, last, 20), 0);
    assert!(threads.iter().all(|thread| is_stopped(&lab, *thread)));
    assert_eq!(lab.signal(kid).flags(), SignalFlags::STOP_STOPPED);
    assert_eq!(lab.signal(kid).group_stop_count(), 0);
    let info = take(&mut lab, sh, chld).unwrap();
    assert_eq!(
        (info.code, info.pid(), info.value()),
        (si_code::CLD_STOPPED, pid, Some(20))
    );
    assert!(take(&mut lab, sh, chld).is_err());
    assert_eq!(lab.kill(sh, pid, 18), 0);
    assert!(!threads.iter().any(|thread| is_stopped(&lab, *thread)));
    let info = take(&mut lab, sh, chld).unwrap();
    assert_eq!(
        (info.code, info.pid(), info.value()),
        (si_code::CLD_CONTINUED, pid, Some(18))
    );
    assert_eq!(lab.task(kid).exit_code(), 0);
}

/// SA_NOCLDSTOP withholds the signal, not the report.
#[test]
fn who_does_not_want_to_hear_of_stops_can_still_wait_for_them() {
    use forklab::abi::{KSigaction, SaFlags};
    use forklab::kernel::syscall::{SigactionArgs, Syscall};
    let (mut lab, sh) = Lab::with_shell();
    lab.block(sh, SigSet::of(&[Signal::SIGCHLD]));
    let args = SigactionArgs {
        signal: 17,
        new: Some(KSigaction {
            flags: SaFlags::NOCLDSTOP,
            ..SigAction::Handler(VirtAddr(4096)).into()
        }),
        old: VirtAddr(0),
    };
    assert_eq!(lab.call(sh, Syscall::RtSigaction(args)), 0);
    let kid = job(&mut lab, sh);
    let pid = lab.pid(kid);
    assert_eq!(lab.kill(sh, pid, 19), 0);
    assert_eq!(lab.kernel().do_sigpending(sh), SigSet::EMPTY);
    assert_eq!(lab.wait(sh, pid, UNTRACED), Waited::Reaped(pid, 0x137f));
}

/// Stop signals and SIGCONT take each other back where they are sent.
#[test]
fn stop_and_continue_cancel_each_other() {
    let (mut lab, sh) = Lab::with_shell();
    lab.block(sh, SigSet(!0));
    let pid = lab.pid(sh);
    let pending = |lab: &Lab| lab.kernel().do_sigpending(sh);
    for (signal, left) in [(20, 20), (18, 18), (21, 21), (22, 22), (18, 18)] {
        assert_eq!(lab.kill(sh, pid, signal), 0);
        let stops = [21, 22].contains(&left);
        let lowest = pending(&lab).lowest().unwrap().number();
        assert_eq!(lowest, if stops { 21 } else { left as u32 });
    }
    assert_eq!(pending(&lab), SigSet::of(&[Signal::SIGCONT]));
}

/// A stopped process takes other signals only when it goes on, but for SIGKILL.
#[test]
fn a_stopped_process_dies_of_sigkill_at_once_and_of_others_later() {
    let (mut lab, sh) = Lab::with_shell();
    for (signal, at_once) in [(9, true), (15, false)] {
        let kid = job(&mut lab, sh);
        let pid = lab.pid(kid);
        assert_eq!(lab.kill(sh, pid, 19), 0);
        assert_eq!(lab.kill(sh, pid, signal), 0);
        assert_eq!(lab.task(kid).exit_state() == ExitState::Zombie, at_once);
        if !at_once {
            assert!(is_stopped(&lab, kid));
            assert_eq!(lab.kill(sh, pid, 18), 0);
        }
        let status = signal as u32;
        assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, status));
    }
}

/// A lone stopped task that a tkill has told of a signal is deaf to kill(SIGKILL), not to tkill.
#[test]
fn a_stopped_task_that_was_told_of_a_signal_is_deaf_to_kill() {
    use forklab::kernel::syscall::Syscall;
    let (mut lab, sh) = Lab::with_shell();
    let kid = job(&mut lab, sh);
    let pid = lab.pid(kid);
    assert_eq!(lab.kill(sh, pid, 19), 0);
    assert_eq!(lab.call(sh, Syscall::Tkill(pid, 10)), 0);
    assert_eq!(lab.kill(sh, pid, 9), 0);
    assert!(is_stopped(&lab, kid));
    assert_eq!(lab.call(sh, Syscall::Tkill(pid, 9)), 0);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 9));
}

/// Through a dead leader's number SIGCONT resumes nobody; through a living thread's it does.
#[test]
fn a_dead_leader_passes_no_sigcont_on() {
    let (mut lab, sh) = Lab::with_shell();
    let leader = job(&mut lab, sh);
    let thread = lab.clone(leader, THREAD | F::FORK).unwrap();
    let (pid, tid) = (lab.pid(leader), lab.pid(thread));
    lab.exit(leader, 0);
    assert_eq!(lab.kill(sh, pid, 19), 0);
    assert!(is_stopped(&lab, thread), "a stop reaches the living thread");
    assert_eq!(lab.kill(sh, pid, 18), 0);
    assert!(is_stopped(&lab, thread));
    assert_eq!(lab.kill(sh, tid, 18), 0);
    assert!(!is_stopped(&lab, thread));
}

/// A process group without a parent outside cannot be stopped from a terminal.
#[test]
fn an_orphaned_group_takes_no_stop_but_sigstop() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    let sender = lab.spawn("sender");
    for signal in [20, 21, 22] {
        assert_eq!(lab.kill(sender, pid, signal), 0);
        assert!(!is_stopped(&lab, sh), "{signal}");
    }
    assert_eq!(lab.kill(sender, pid, 19), 0);
    assert!(is_stopped(&lab, sh));
    assert_eq!(lab.kill(sender, pid, 18), 0);
}

/// A stopped job whose shell dies gets SIGHUP and SIGCONT.
#[test]
fn a_stopped_job_that_is_orphaned_is_hung_up_and_continued() {
    for handles in [false, true] {
        let mut lab = Lab::boot();
        let login = lab.spawn("login");
        let sh = job(&mut lab, login);
        let kid = job(&mut lab, sh);
        if handles {
            let handler = SigAction::Handler(VirtAddr(4096));
            lab.call(kid, Syscall::sigaction(1, Some(handler)));
        }
        let pid = lab.pid(kid);
        assert_eq!(lab.kill(sh, pid, 20), 0);
        assert!(is_stopped(&lab, kid));
        lab.exit(sh, 0);
        assert_eq!(
            lab.exists(kid),
            handles,
            "SIGHUP ends it unless it has a handler"
        );
        if handles {
            assert!(!is_stopped(&lab, kid));
        }
    }
}

/// Case i of 2.6.12: the dying task itself was the connection of its own group.
#[test]
fn the_end_of_a_groups_only_connection_wakes_the_others() {
    let (mut lab, sh) = Lab::with_shell();
    let leader = job(&mut lab, sh);
    let member = lab.fork(leader);
    let pid = lab.pid(member);
    assert_eq!(lab.kill(sh, pid, 20), 0);
    assert!(is_stopped(&lab, member));
    lab.exit(leader, 0);
    assert!(!lab.exists(member), "hung up, and reaped by init");
}

/// waitid leaves with WNOWAIT what it reports, and clears what it has not got.
#[test]
fn waitid_reports_and_leaves() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = job(&mut lab, sh);
    let pid = lab.pid(kid);
    assert_eq!(waitid(&mut lab, sh, EXITED | NOHANG), Ok(None));
    assert_eq!(lab.kill(sh, pid, 19), 0);
    let told = |info: SigInfo| (info.code, info.pid(), info.uid(), info.value().unwrap());
    let stopped = |status| (si_code::CLD_STOPPED, pid, USER, status);
    for (options, expected) in [
        (UNTRACED | NOWAIT, stopped(0x137f)),
        (UNTRACED | NOWAIT, stopped(0x137f)),
        (UNTRACED, stopped(19)),
    ] {
        let info = waitid(&mut lab, sh, options | NOHANG).unwrap().unwrap();
        assert_eq!(told(info), expected);
    }
    assert_eq!(lab.kill(sh, pid, 18), 0);
    for options in [CONTINUED | NOWAIT, CONTINUED] {
        let info = waitid(&mut lab, sh, options | NOHANG).unwrap().unwrap();
        assert_eq!(told(info), (si_code::CLD_CONTINUED, pid, USER, 18));
    }
    lab.exit(kid, 3);
    assert_eq!(
        waitid(&mut lab, sh, CONTINUED | NOHANG),
        Err(err(Errno::ECHILD))
    );
    for options in [EXITED | NOWAIT, EXITED | NOWAIT, EXITED] {
        let info = waitid(&mut lab, sh, options).unwrap().unwrap();
        assert_eq!(told(info), (si_code::CLD_EXITED, pid, USER, 3));
    }
    assert_eq!(waitid(&mut lab, sh, EXITED), Err(err(Errno::ECHILD)));
}

/// The siginfo and the usage of a waitid go to the caller's memory; without a place the pid is
/// returned, as in 2.6.12.
#[test]
fn waitid_fills_the_callers_memory() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 1);
    let args = |info, options| {
        Syscall::Waitid(WaitidArgs {
            which: 0,
            id: 0,
            info: InfoTo::User(VirtAddr(info)),
            options,
            rusage: VirtAddr(0),
        })
    };
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    lab.write(sh, page, 99);
    assert_eq!(lab.call(sh, args(page.0, EXITED | NOHANG)), 0);
    assert_eq!(lab.read(sh, page), 0, "nothing to report");
    lab.exit(kid, 3);
    assert_eq!(lab.call(sh, args(0, EXITED | NOWAIT)), err(Errno::EFAULT));
    assert_eq!(lab.call(sh, args(page.0, EXITED | NOWAIT)), 0);
    let words: Vec<u32> = (0..6)
        .map(|word| lab.read(sh, VirtAddr(page.0 + 4 * word)))
        .collect();
    assert_eq!(words, [17, 0, 1, pid as u32, USER, 3]);
    assert_eq!(lab.call(sh, args(0, EXITED)), pid);
}

/// In the kernel's order.
#[test]
fn the_rules_of_setpgid() {
    let (mut lab, sh) = Lab::with_shell();
    let (kid, execed) = (lab.fork(sh), lab.fork(sh));
    assert_eq!(lab.call(execed, Syscall::Execve("sh".into())), 0);
    let grandchild = lab.fork(kid);
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    let apart = lab.fork(sh);
    assert!(lab.call(apart, Syscall::Setsid) > 0);
    let of = |lab: &Lab, task| lab.pid(task);
    let far = of(&lab, apart);
    for (task, pid, pgid, expected) in [
        (sh, 9999, -1, err(Errno::EINVAL)),
        (sh, 9999, 0, err(Errno::ESRCH)),
        (sh, of(&lab, thread), 0, err(Errno::EINVAL)),
        (thread, 0, 0, err(Errno::EINVAL)),
        (sh, far, 0, err(Errno::EPERM)),
        (sh, of(&lab, execed), 0, err(Errno::EACCES)),
        (sh, of(&lab, grandchild), 0, err(Errno::ESRCH)),
        // A sibling thread's child is not the caller's.
        (thread, of(&lab, kid), 0, err(Errno::ESRCH)),
        (apart, 0, 0, err(Errno::EPERM)),
        (sh, of(&lab, kid), 9999, err(Errno::EPERM)),
        (sh, of(&lab, kid), far, err(Errno::EPERM)),
        (sh, of(&lab, kid), 0, 0),
        (sh, 0, of(&lab, kid), 0),
        (sh, 0, of(&lab, kid), 0),
        (grandchild, 0, of(&lab, kid), 0),
    ] {
        let call = Syscall::Setpgid(pid, pgid);
        assert_eq!(lab.call(task, call), expected, "setpgid({pid}, {pgid})");
    }
    let group = of(&lab, kid);
    for (task, pgrp) in [(sh, group), (thread, group), (apart, far)] {
        assert_eq!(lab.call(task, Syscall::Getpgrp), pgrp);
    }
    assert_eq!(lab.call(sh, Syscall::Getsid(far)), far);
    assert_eq!(lab.call(sh, Syscall::Getpgid(9999)), err(Errno::ESRCH));
    // A group that nobody else knows keeps its number, and its number can be waited for.
    lab.exit(kid, 0);
    assert_eq!(lab.wait(sh, 0, 0), Waited::Reaped(group, 0));
    assert!(lab.kernel().pidmap().in_use(group as u32));
}

#[test]
fn only_who_leads_no_group_begins_a_session() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    assert_eq!(lab.call(thread, Syscall::Setsid), err(Errno::EINVAL));
    assert_eq!(lab.call(sh, Syscall::Setsid), pid);
    assert_eq!(lab.call(sh, Syscall::Setsid), err(Errno::EPERM));
    let kid = lab.fork(sh);
    assert_eq!(lab.call(kid, Syscall::Getsid(0)), pid);
    let signal = lab.signal(sh);
    assert_eq!(
        (signal.leader(), signal.session().0, signal.pgrp().0),
        (true, pid, pid)
    );
    assert!(!lab.signal(kid).leader());
}

/// The dying parent is the sender, and must have the right to.
#[test]
fn the_signal_of_a_parents_death() {
    for (uid, dies) in [(USER, true), (501, false)] {
        let mut lab = Lab::boot();
        let root = lab.spawn_as("root", 0);
        let parent = lab.fork(root);
        let kid = lab.fork(parent);
        for (task, uid) in [(parent, USER), (kid, uid)] {
            assert_eq!(lab.call(task, Syscall::Setuid32(uid)), 0);
        }
        let prctl = |signal| Syscall::Prctl(1, signal);
        assert_eq!(lab.call(kid, prctl(65)), err(Errno::EINVAL));
        assert_eq!(lab.call(kid, prctl(15)), 0);
        let grandchild = lab.fork(kid);
        assert_eq!(lab.task(grandchild).pdeath_signal(), 0);
        lab.exit(parent, 0);
        assert_eq!(lab.exists(kid), !dies, "{uid}");
    }
}

/// Example 25, the end: SIGCONT takes the SIGSTOP back and lets the child run.
#[test]
fn sigcont_lets_a_child_that_began_stopped_run() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.clone(sh, F::CLONE_STOPPED | F::FORK).unwrap();
    let pid = lab.pid(kid);
    assert_eq!(lab.wait(sh, pid, UNTRACED | NOHANG), Waited::Nothing(0));
    assert_eq!(lab.kill(sh, pid, 18), 0);
    assert!(!is_stopped(&lab, kid) && lab.task(kid).pending.set().is_empty());
    assert_eq!(lab.wait(sh, pid, CONTINUED | NOHANG), Waited::Nothing(0));
    lab.exit(kid, 0);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0));
}

/// Sums of dead threads and reaped children, down to the grandchildren.
#[test]
fn usage_adds_up_over_threads_and_children() {
    use forklab::kernel::task::UsageOf;
    use forklab::machine::Action;
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let grandchild = lab.fork(kid);
    let thread = lab.clone(kid, THREAD | F::FORK).unwrap();
    for (task, ticks) in [(kid, 5), (grandchild, 7), (thread, 11)] {
        lab.act(task, Action::Compute(ticks)).unwrap();
        lab.tick(ticks);
    }
    let utime = |lab: &Lab, task, of| lab.kernel().k_getrusage(task, of).utime;
    assert_eq!(utime(&lab, kid, UsageOf::Process), 16);
    lab.exit(thread, 0);
    assert_eq!(utime(&lab, kid, UsageOf::Process), 16);
    lab.exit(grandchild, 0);
    assert_eq!(utime(&lab, kid, UsageOf::Children), 0);
    assert!(matches!(lab.wait(kid, -1, 0), Waited::Reaped(..)));
    assert_eq!(utime(&lab, kid, UsageOf::Children), 7);
    assert_eq!(utime(&lab, kid, UsageOf::Both), 23);
    lab.exit(kid, 0);
    assert!(matches!(lab.wait(sh, -1, 0), Waited::Reaped(..)));
    assert_eq!(utime(&lab, sh, UsageOf::Children), 23);
    assert_eq!(utime(&lab, sh, UsageOf::Process), 0);
    // Who reaps itself adds nothing to anybody's sums.
    let ignore = Syscall::sigaction(17, Some(SigAction::Ignore));
    assert_eq!(lab.call(sh, ignore), 0);
    let kid = lab.fork(sh);
    lab.act(kid, Action::Compute(3)).unwrap();
    lab.tick(3);
    lab.exit(kid, 0);
    assert_eq!(utime(&lab, sh, UsageOf::Children), 23);
}

#[test]
fn who_may_become_whom() {
    use Syscall::{Setresuid32 as Setresuid, Setreuid32 as Setreuid, Setuid32 as Setuid};
    const SAME: u32 = u32::MAX;
    let eperm = err(Errno::EPERM);
    for (start, calls) in [
        (
            0,
            vec![(Setuid(500), 0, [500; 3]), (Setuid(0), eperm, [500; 3])],
        ),
        (
            0,
            vec![
                (Setresuid([SAME, 500, SAME]), 0, [0, 500, 0]),
                (Setuid(7), eperm, [0, 500, 0]),
                (Setreuid(SAME, 0), 0, [0, 0, 0]),
                (Setuid(7), 0, [7; 3]),
            ],
        ),
        (
            0,
            vec![
                (Setreuid(500, 501), 0, [500, 501, 501]),
                (Setreuid(501, 500), 0, [501, 500, 500]),
                (Setreuid(502, SAME), eperm, [501, 500, 500]),
                (Setresuid([500, 501, 501]), 0, [500, 501, 501]),
            ],
        ),
        (
            500,
            vec![
                (Setuid(500), 0, [500; 3]),
                (Setresuid([0; 3]), eperm, [500; 3]),
            ],
        ),
    ] {
        let mut lab = Lab::boot();
        let sh = lab.spawn_as("sh", start);
        for (call, value, ids) in calls {
            assert_eq!(lab.call(sh, call.clone()), value, "{call:?}");
            let cred = lab.task(sh).cred();
            assert_eq!([cred.uid, cred.euid, cred.suid], ids, "{call:?}");
        }
    }
    // The limit of the user that root would become counts.
    let mut lab = Lab::boot();
    let (root, _mine) = (lab.spawn_as("root", 0), lab.spawn_as("mine", USER));
    assert_eq!(lab.setrlimit(root, Resource::Nproc, 1), 0);
    assert_eq!(lab.call(root, Setuid(USER)), err(Errno::EAGAIN));
}
