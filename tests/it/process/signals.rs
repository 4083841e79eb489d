//! Sending signals: whom numbers mean, who may, what is queued, what a process dies of.

use crate::lab::{Lab, THREAD, USER, Waited};
use forklab::abi::{
    CloneFlags as F, Errno, ExitState, Resource, SigAction, SigInfo, SigOrigin, SigSet, Signal,
    TaskId, TaskState, si_code,
};
use forklab::kernel::fail::FailPoint;
use forklab::kernel::syscall::{InfoTo, SigtimedwaitArgs, Syscall};
use forklab::trace::TraceEvent;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

const SIGRTMIN: i32 = 32;

/// Takes one of the signals of a set; the error if there is none.
pub(super) fn take(lab: &mut Lab, task: TaskId, set: SigSet) -> Result<SigInfo, i32> {
    let args = SigtimedwaitArgs {
        set,
        info: InfoTo::Task,
        timeout: Some(0),
    };
    match lab.call(task, Syscall::RtSigtimedwait(args)) {
        value @ ..0 => Err(value),
        _ => Ok(lab.task(task).in_call.reported.unwrap()),
    }
}

#[test]
fn kill_looks_for_the_target_before_it_looks_at_the_number() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let (pid, pgrp) = (lab.pid(kid), lab.kernel().pgrp(sh).0);
    for (target, signal, expected) in [
        (9999, 99, err(Errno::ESRCH)),
        (pid, 65, err(Errno::EINVAL)),
        (pid, -1, err(Errno::EINVAL)),
        (pid, 0, 0),
        (-9999, 15, err(Errno::ESRCH)),
        (i32::MIN, 15, err(Errno::EINVAL)),
        (0, 0, 0),
        (-pgrp.max(2), 0, err(Errno::ESRCH)),
    ] {
        assert_eq!(
            lab.kill(sh, target, signal),
            expected,
            "kill({target}, {signal})"
        );
    }
    assert!(lab.exists(kid));
    for (tgid, tid, expected) in [
        (None, 0, err(Errno::EINVAL)),
        (None, -3, err(Errno::EINVAL)),
        (Some(0), pid, err(Errno::EINVAL)),
        (Some(pid + 1), pid, err(Errno::ESRCH)),
        (None, 9999, err(Errno::ESRCH)),
        (Some(pid), pid, 0),
    ] {
        let call = match tgid {
            None => Syscall::Tkill(tid, 0),
            Some(tgid) => Syscall::Tgkill(tgid, tid, 0),
        };
        assert_eq!(lab.call(sh, call.clone()), expected, "{call:?}");
    }
}

/// kill(-1) spares init and the caller's process, and nobody's refusal counts.
#[test]
fn everybody_is_all_but_init_and_the_caller() {
    let (mut lab, sh) = Lab::with_shell();
    assert_eq!(lab.kill(sh, -1, 15), err(Errno::ESRCH));
    let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
    let kid = lab.fork(sh);
    let stranger = lab.spawn_as("stranger", 0);
    assert_eq!(lab.kill(thread, -1, 15), 0);
    assert!(lab.exists(sh) && lab.exists(thread) && lab.exists(stranger));
    assert_eq!(lab.task(kid).exit_state(), ExitState::Zombie);
    assert!(matches!(lab.wait(sh, -1, 0), Waited::Reaped(_, 15)));
    // Only one is left, and it refuses: that is no error.
    assert_eq!(lab.kill(sh, -1, 15), 0);
}

#[test]
fn a_stranger_is_refused_but_for_sigcont_in_the_session() {
    let mut lab = Lab::boot();
    let (mine, other) = (lab.spawn_as("mine", USER), lab.spawn_as("other", 501));
    let pid = lab.pid(other);
    for signal in [0, 1, 15, 9] {
        assert_eq!(lab.kill(mine, pid, signal), err(Errno::EPERM), "{signal}");
    }
    assert_eq!(lab.kill(mine, pid, 18), 0);
    assert_eq!(lab.call(mine, Syscall::Setsid), lab.pid(mine));
    assert_eq!(lab.kill(mine, pid, 18), err(Errno::EPERM));
    assert_eq!(
        lab.kill(mine, 0, 0),
        0,
        "the own group has a member that may be asked"
    );
    let root = lab.spawn_as("root", 0);
    assert_eq!(lab.kill(root, pid, 9), 0);
    assert!(!lab.exists(other));
}

/// Standard signals wait once, real-time signals as often as they were sent, with what came.
#[test]
fn a_standard_signal_waits_once_and_real_time_signals_queue() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    let set = SigSet(!0);
    lab.block(sh, set);
    for value in 0..3 {
        assert_eq!(lab.kill(sh, pid, 10), 0);
        let info = SigInfo::queued(Signal::SIGRTMIN, pid, USER, value);
        let call = Syscall::RtSigqueueinfo(pid, SIGRTMIN, info);
        assert_eq!(lab.call(sh, call), 0);
    }
    assert_eq!(lab.call(sh, Syscall::Tkill(pid, 10)), 0);
    assert_eq!(lab.kernel().users().sigpending(USER), 5);
    // The thread's own come first, then those of the process, by number and then in order.
    let mut seen = Vec::new();
    while let Ok(info) = take(&mut lab, sh, set) {
        seen.push((info.signal.number(), info.code, info.pid(), info.value()));
    }
    let expected = [
        (10, si_code::SI_TKILL, pid, None),
        (10, si_code::SI_USER, pid, None),
        (32, si_code::SI_QUEUE, pid, Some(0)),
        (32, si_code::SI_QUEUE, pid, Some(1)),
        (32, si_code::SI_QUEUE, pid, Some(2)),
    ];
    assert_eq!(seen, expected);
    assert_eq!(lab.kernel().users().sigpending(USER), 0);
}

/// Beyond the limit only those who want to know are refused; the others are pending all the same.
#[test]
fn what_the_limit_of_queued_signals_refuses() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    lab.block(sh, SigSet(!0));
    lab.setrlimit(sh, Resource::Sigpending, 0);
    let rt = Signal::SIGRTMIN;
    let queued = |signal: i32| {
        let info = SigInfo::queued(rt, pid, USER, 7);
        Syscall::RtSigqueueinfo(pid, signal, info)
    };
    assert_eq!(lab.call(sh, queued(SIGRTMIN)), err(Errno::EAGAIN));
    let tkill = Syscall::Tkill(pid, SIGRTMIN);
    assert_eq!(lab.call(sh, tkill), err(Errno::EAGAIN));
    assert_eq!(lab.kill(sh, pid, SIGRTMIN), 0);
    assert_eq!(lab.kill(sh, pid, 10), 0);
    assert_eq!(lab.call(sh, queued(12)), 0);
    let info = |lab: &mut Lab, signal| take(lab, sh, SigSet::of(&[signal])).unwrap();
    assert_eq!(info(&mut lab, rt), SigInfo::unknown(rt));
    assert_eq!(info(&mut lab, Signal::SIGUSR1).pid(), pid);
    assert_eq!(
        info(&mut lab, Signal::SIGUSR2),
        SigInfo::unknown(Signal::SIGUSR2)
    );
    // Nobody can pretend to be the kernel, whoever is meant.
    let pretender = SigInfo::kernel(rt);
    let call = Syscall::RtSigqueueinfo(9999, 10, pretender);
    assert_eq!(lab.call(sh, call), err(Errno::EPERM));
}

/// Without memory for the entry of a queue it is the same as beyond the limit, and standard signals
/// of the kernel lose what comes with them, too.
#[test]
fn a_signal_that_finds_no_memory_is_pending_all_the_same() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    lab.block(sh, SigSet(!0));
    let rt = Signal::SIGRTMIN;
    let no_memory = |lab: &mut Lab| lab.fail(FailPoint::Slab(Some(0)));
    no_memory(&mut lab);
    let info = SigInfo::queued(rt, pid, USER, 7);
    let call = Syscall::RtSigqueueinfo(pid, SIGRTMIN, info);
    assert_eq!(lab.call(sh, call), err(Errno::EAGAIN));
    no_memory(&mut lab);
    assert_eq!(lab.kill(sh, pid, 10), 0);
    let kid = lab.fork(sh);
    no_memory(&mut lab);
    lab.exit(kid, 3);
    for signal in [Signal::SIGUSR1, Signal::SIGCHLD] {
        let info = take(&mut lab, sh, SigSet::of(&[signal]));
        assert_eq!(info, Ok(SigInfo::unknown(signal)));
    }
    assert_eq!(lab.kernel().users().sigpending(USER), 0);
}

/// Example 9.
#[test]
fn status_words_of_deaths_by_signal() {
    for (signal, core, status) in [
        (9, 0, 0x0009),
        (15, 0, 0x000f),
        (11, 0, 0x000b),
        (11, 4096, 0x008b),
        (64, 4096, 0x0040),
        (6, 4095, 0x0006),
    ] {
        for threads in [0, 2] {
            let (mut lab, sh) = Lab::with_shell();
            let kid = lab.fork(sh);
            let pid = lab.pid(kid);
            lab.setrlimit(kid, Resource::Core, core);
            for _ in 0..threads {
                lab.clone(kid, THREAD | F::FORK).unwrap();
            }
            assert_eq!(lab.kill(sh, pid, signal), 0);
            assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, status), "{signal}");
            let files = lab.kernel().file_paths();
            let cores = files
                .iter()
                .filter(|(name, _)| name.starts_with("/core"))
                .count();
            assert_eq!(cores, usize::from(status & 0x80 != 0));
        }
    }
}

/// Example 11, what the signal says: the leader's own code, whatever the process ended with.
#[test]
fn sigchld_tells_the_leaders_code_and_wait_the_groups() {
    let (mut lab, sh) = Lab::with_shell();
    lab.block(sh, SigSet::of(&[Signal::SIGCHLD]));
    let leader = lab.fork(sh);
    let thread = lab.clone(leader, THREAD | F::FORK).unwrap();
    let pid = lab.pid(leader);
    lab.exit(leader, 7);
    lab.exit_group(thread, 3);
    let info = take(&mut lab, sh, SigSet::of(&[Signal::SIGCHLD])).unwrap();
    assert_eq!((info.code, info.pid()), (si_code::CLD_EXITED, pid));
    assert_eq!(info.value(), Some(7));
    assert!(matches!(info.origin, SigOrigin::Child { uid: USER, .. }));
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 0x300));
}

/// Setting a signal to be ignored forgets what is pending of it, blocked or not, in all threads.
#[test]
fn ignoring_a_signal_forgets_what_is_pending_of_it() {
    for (signal, action, forgets) in [
        (10, SigAction::Ignore, true),
        (10, SigAction::Default, false),
        (17, SigAction::Default, true),
        (10, SigAction::Handler(forklab::abi::VirtAddr(4096)), false),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        lab.block(sh, SigSet(!0));
        let thread = lab.clone(sh, THREAD | F::FORK).unwrap();
        let (pid, tid) = (lab.pid(sh), lab.pid(thread));
        assert_eq!(lab.kill(sh, pid, signal), 0);
        assert_eq!(lab.call(sh, Syscall::Tkill(tid, signal)), 0);
        let call = Syscall::sigaction(signal as u32, Some(action));
        assert_eq!(lab.call(sh, call), 0);
        let left = lab.kernel().users().sigpending(USER);
        assert_eq!(left, if forgets { 0 } else { 2 }, "{signal} {action:?}");
    }
}

/// A signal that is discarded when it is sent leaves an event that says why, as a call for a thread
/// does; one that is blocked or pending already does not.
#[test]
fn a_signal_that_is_ignored_leaves_an_event() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    lab.call(kid, Syscall::sigaction(15, Some(SigAction::Ignore)));
    let mark = lab.mark();
    assert_eq!(lab.kill(sh, pid, 15), 0);
    assert_eq!(lab.call(sh, Syscall::Tkill(pid, 28)), 0);
    lab.block(kid, SigSet::of(&[Signal::SIGTERM]));
    assert_eq!(lab.kill(sh, pid, 15), 0);
    assert_eq!(lab.kill(sh, pid, 15), 0);
    lab.exit(kid, 0);
    let ignored = lab.events(mark, |record| match record.event {
        TraceEvent::SignalIgnored {
            pid,
            signal,
            action,
        } => Some((pid, signal.number(), action)),
        _ => None,
    });
    let pid = forklab::abi::Pid(pid);
    let expected = [
        (pid, 15, SigAction::Ignore),
        (pid, 28, SigAction::Default),
        (forklab::abi::Pid(lab.pid(sh)), 17, SigAction::Default),
    ];
    assert_eq!(ignored, expected);
}

/// Whoever is blocked or stopped is passed over; nobody is woken twice.
#[test]
fn a_thread_that_blocks_is_passed_over() {
    let (mut lab, sh) = Lab::with_shell();
    let threads = [
        sh,
        lab.clone(sh, THREAD | F::FORK).unwrap(),
        lab.clone(sh, THREAD | F::FORK).unwrap(),
    ];
    let handler = SigAction::Handler(forklab::abi::VirtAddr(0x0804_8000));
    lab.call(sh, Syscall::sigaction(10, Some(handler)));
    let sender = lab.spawn("sender");
    let usr1 = SigSet::of(&[Signal::SIGUSR1]);
    let pid = lab.pid(sh);
    let mut takers = Vec::new();
    for blocked in [vec![], vec![0], vec![0, 1]] {
        for thread in blocked {
            lab.block(threads[thread], usr1);
        }
        let mark = lab.mark();
        assert_eq!(lab.kill(sender, pid, 10), 0);
        takers.extend(lab.events(mark, |record| match record.event {
            TraceEvent::SignalDeliver { handler, .. } => {
                Some((record.stamp.pid.0, handler.unwrap().0))
            }
            _ => None,
        }));
    }
    let expected = threads.map(|thread| (lab.pid(thread), 0x0804_8000));
    assert_eq!(takers, expected);
}

/// Example 22: a vfork parent does not hear of SIGKILL before its child lets it go.
#[test]
fn a_vfork_parent_that_is_killed_dies_later() {
    let (mut lab, sh) = Lab::with_shell();
    let parent = lab.fork(sh);
    let kid = lab.vfork(parent);
    let pid = lab.pid(parent);
    assert_eq!(lab.kill(sh, pid, 9), 0);
    assert_eq!(lab.sched(parent).state, TaskState::UNINTERRUPTIBLE);
    assert_eq!(lab.wait(sh, -1, 1), Waited::Nothing(0));
    assert_eq!(lab.call(kid, Syscall::Execve("sh".into())), 0);
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 9));
    assert_eq!(lab.pid(lab.task(kid).real_parent()), 1);
}

/// Example 12, the second half: handler and SA_NOCLDWAIT.
#[test]
fn a_parent_that_wants_no_zombies_hears_of_its_children_all_the_same() {
    use forklab::abi::{KSigaction, SaFlags};
    use forklab::kernel::syscall::SigactionArgs;
    let (mut lab, sh) = Lab::with_shell();
    let handler = forklab::abi::VirtAddr(0x0804_8000);
    let args = SigactionArgs {
        signal: 17,
        new: Some(KSigaction {
            flags: SaFlags::NOCLDWAIT,
            ..SigAction::Handler(handler).into()
        }),
        old: forklab::abi::VirtAddr(0),
    };
    assert_eq!(lab.call(sh, Syscall::RtSigaction(args)), 0);
    let kid = lab.fork(sh);
    let mark = lab.mark();
    lab.exit(kid, 0);
    assert!(!lab.exists(kid));
    let entered = lab.events(mark, |record| match record.event {
        TraceEvent::SignalDeliver { signal, handler } => Some((signal.number(), handler.unwrap())),
        _ => None,
    });
    assert_eq!(entered, [(17, handler)]);
    assert_eq!(lab.wait(sh, -1, 0), Waited::Nothing(err(Errno::ECHILD)));
}

/// Init has no program here, and takes nothing.
#[test]
fn init_survives_everything() {
    let mut lab = Lab::boot();
    let root = lab.spawn_as("root", 0);
    for signal in [9, 15, 11, 19] {
        assert_eq!(lab.kill(root, 1, signal), 0);
    }
    let init = lab.kernel().init();
    assert_eq!(lab.task(init).exit_state(), ExitState::Alive);
    let mine = lab.spawn("mine");
    assert_eq!(lab.kill(mine, 1, 15), err(Errno::EPERM));
}
