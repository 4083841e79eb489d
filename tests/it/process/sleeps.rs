//! Calls that signals interrupt, waiting for signals, timers.

use super::signals::take;
use crate::lab::{Lab, Waited};
use forklab::abi::{
    Errno, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, KSigaction, SaFlags, SigAction, SigSet,
    Signal, TaskId, VirtAddr,
};
use forklab::kernel::syscall::{InfoTo, ItimerVal, SigactionArgs, SigtimedwaitArgs, Syscall};
use forklab::machine::{Acted, Action};
use forklab::trace::TraceEvent;

const HANDLER: VirtAddr = VirtAddr(0x0804_8000);

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

fn handle(lab: &mut Lab, task: TaskId, signal: u32, flags: SaFlags) {
    let args = SigactionArgs {
        signal,
        new: Some(KSigaction {
            flags,
            ..SigAction::Handler(HANDLER).into()
        }),
        old: VirtAddr(0),
    };
    assert_eq!(lab.call(task, Syscall::RtSigaction(args)), 0);
}

fn sleeps(lab: &mut Lab, task: TaskId, call: Syscall) -> u64 {
    match lab.outcome(task, call) {
        Acted::Blocks(call) => call,
        other => panic!("{other:?}"),
    }
}

fn signal_sleeps(lab: &mut Lab, task: TaskId, call: Syscall) -> u64 {
    sleeps(lab, task, call)
}

/// A wait is restarted after a handler with SA_RESTART, after a stop, after an ignored signal;
/// without SA_RESTART it ends.
#[test]
fn which_signals_end_a_wait() {
    for (flags, ends) in [(SaFlags::empty(), true), (SaFlags::RESTART, false)] {
        let (mut lab, sh) = Lab::with_shell();
        let sender = lab.spawn("sender");
        let kid = lab.fork(sh);
        let (pid, child) = (lab.pid(sh), lab.pid(kid));
        handle(&mut lab, sh, 10, flags);
        let Waited::Sleeps(call) = lab.wait(sh, -1, 0) else {
            panic!("the child lives");
        };
        for signal in [17, 19, 18, 28] {
            assert_eq!(lab.kill(sender, pid, signal), 0);
            assert_eq!(lab.returned(call), None, "{signal}");
        }
        assert_eq!(lab.kill(sender, pid, 10), 0);
        if ends {
            assert_eq!(lab.returned(call), Some((err(Errno::EINTR), None)));
        } else {
            assert_eq!(lab.returned(call), None);
            lab.exit(kid, 3);
            assert_eq!(lab.returned(call), Some((child, Some(0x300))));
        }
    }
}

/// A sleep goes on behind a stop up to the same tick, or ends at once if that is past; what is left
/// is stored at each interruption.
#[test]
fn a_sleep_ends_when_it_would_have_ended() {
    for (stopped_for, woken_at) in [(3, 12), (50, 55)] {
        let (mut lab, sh) = Lab::with_shell();
        let sender = lab.spawn("sender");
        let page = lab.map(sh, 1);
        let nsec = VirtAddr(page.0 + 4);
        lab.write(sh, nsec, 10_000_000);
        let (pid, rem) = (lab.pid(sh), VirtAddr(page.0 + 8));
        let call = sleeps(&mut lab, sh, Syscall::Nanosleep(page, rem));
        lab.tick(5);
        assert_eq!(lab.kill(sender, pid, 19), 0);
        lab.tick(stopped_for);
        assert_eq!(lab.kill(sender, pid, 18), 0);
        while lab.returned(call).is_none() {
            lab.tick(1);
        }
        assert_eq!(
            (lab.kernel().tick(), lab.returned(call)),
            (woken_at, Some((0, None)))
        );
        let left = lab.read(sh, VirtAddr(rem.0 + 4));
        assert_eq!(left, 7 * 999_848, "12 ticks were asked for, 5 had passed");
    }
}

#[test]
fn a_handler_ends_a_sleep_even_with_sa_restart() {
    let (mut lab, sh) = Lab::with_shell();
    let sender = lab.spawn("sender");
    let page = lab.map(sh, 1);
    lab.write(sh, VirtAddr(page.0 + 4), 10_000_000);
    handle(&mut lab, sh, 10, SaFlags::RESTART);
    let call = sleeps(&mut lab, sh, Syscall::Nanosleep(page, VirtAddr(0)));
    let pid = lab.pid(sh);
    assert_eq!(lab.kill(sender, pid, 10), 0);
    assert_eq!(lab.returned(call), Some((err(Errno::EINTR), None)));
    // The return from the handler has given up the rest.
    assert_eq!(lab.call(sh, Syscall::RestartSyscall), err(Errno::EINTR));
}

/// Only a handler ends pause and sigsuspend, and the mask is the old one then.
#[test]
fn what_ends_pause_and_sigsuspend() {
    let usr1 = SigSet::of(&[Signal::SIGUSR1]);
    for suspend in [false, true] {
        let (mut lab, sh) = Lab::with_shell();
        let sender = lab.spawn("sender");
        let pid = lab.pid(sh);
        handle(&mut lab, sh, 10, SaFlags::RESTART);
        if suspend {
            lab.block(sh, usr1);
        }
        let call = match suspend {
            true => Syscall::RtSigsuspend(SigSet::EMPTY),
            false => Syscall::Pause,
        };
        let call = signal_sleeps(&mut lab, sh, call);
        for signal in [19, 18, 28] {
            assert_eq!(lab.kill(sender, pid, signal), 0);
            assert_eq!(lab.returned(call), None, "{signal}");
        }
        assert_eq!(lab.kill(sender, pid, 10), 0);
        assert_eq!(lab.returned(call), Some((err(Errno::EINTR), None)));
        let mask = if suspend { usr1 } else { SigSet::EMPTY };
        assert_eq!(lab.task(sh).blocked(), mask);
    }
}

/// A signal that is pending already ends sigsuspend at once.
#[test]
fn sigsuspend_takes_what_is_pending() {
    let (mut lab, sh) = Lab::with_shell();
    handle(&mut lab, sh, 10, SaFlags::empty());
    lab.block(sh, SigSet::of(&[Signal::SIGUSR1]));
    let pid = lab.pid(sh);
    assert_eq!(lab.kill(sh, pid, 10), 0);
    let call = Syscall::RtSigsuspend(SigSet::EMPTY);
    let call = signal_sleeps(&mut lab, sh, call);
    assert_eq!(lab.returned(call), Some((err(Errno::EINTR), None)));
}

#[test]
fn what_ends_a_wait_for_signals() {
    let usr1 = SigSet::of(&[Signal::SIGUSR1]);
    let wait = |timeout| {
        Syscall::RtSigtimedwait(SigtimedwaitArgs {
            set: usr1,
            info: InfoTo::Task,
            timeout,
        })
    };
    for (timeout, signal, ticks, expected) in [
        (None, Some(10), 0, 10),
        (Some(20), Some(10), 5, 10),
        (Some(20), None, 20, err(Errno::EAGAIN)),
        (Some(20), Some(12), 5, err(Errno::EINTR)),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let sender = lab.spawn("sender");
        let pid = lab.pid(sh);
        handle(&mut lab, sh, 12, SaFlags::RESTART);
        lab.block(sh, usr1);
        let call = signal_sleeps(&mut lab, sh, wait(timeout));
        lab.tick(ticks);
        if let Some(signal) = signal {
            assert_eq!(lab.kill(sender, pid, signal), 0);
        }
        assert_eq!(lab.returned(call), Some((expected, None)));
        assert_eq!(lab.task(sh).blocked(), usr1);
        assert_eq!(lab.task(sh).real_blocked(), SigSet::EMPTY);
    }
}

/// Signals with handlers are taken one after the other, the lowest first; SA_RESETHAND makes a
/// handler good for one.
#[test]
fn a_puppet_enters_and_leaves_its_handlers_one_by_one() {
    let (mut lab, sh) = Lab::with_shell();
    let sender = lab.spawn("sender");
    let pid = lab.pid(sh);
    lab.block(sh, SigSet(!0));
    for signal in [12, 10, 34] {
        handle(&mut lab, sh, signal, SaFlags::RESETHAND);
        assert_eq!(lab.kill(sender, pid, signal as i32), 0);
    }
    let mark = lab.mark();
    lab.unblock(sh, SigSet(!0));
    let entered = lab.events(mark, |record| match record.event {
        TraceEvent::SignalDeliver { signal, handler } => Some((signal.number(), handler.unwrap())),
        _ => None,
    });
    assert_eq!(entered, [10, 12, 34].map(|signal| (signal, HANDLER)));
    let usr1 = lab.kernel().sigaction_of(sh, Signal::SIGUSR1);
    assert_eq!(usr1, SigAction::Default);
}

/// alarm and the three timers, their signals and periods.
#[test]
fn timers_send_their_signals() {
    let (mut lab, sh) = Lab::with_shell();
    lab.block(sh, SigSet(!0));
    let all = SigSet(!0);
    assert_eq!(lab.call(sh, Syscall::Alarm(2)), 0);
    lab.tick(1000);
    assert_eq!(lab.call(sh, Syscall::Alarm(1)), 1);
    lab.tick(1000);
    assert_eq!(lab.kernel().do_sigpending(sh), SigSet::EMPTY);
    lab.tick(1);
    let info = take(&mut lab, sh, all).unwrap();
    assert_eq!((info.signal, info.pid()), (Signal::SIGALRM, 0));
    assert_eq!(lab.call(sh, Syscall::Alarm(0)), 0);
    let value = ItimerVal {
        interval: 10,
        value: 5,
    };
    for (which, signal, first) in [
        (ITIMER_REAL, Signal::SIGALRM, 5),
        (ITIMER_VIRTUAL, Signal::SIGVTALRM, 6),
        (ITIMER_PROF, Signal::SIGPROF, 6),
    ] {
        let set = |value| Syscall::Setitimer(which, value, VirtAddr(0));
        assert_eq!(lab.call(sh, set(value)), 0);
        let begin = lab.kernel().tick();
        lab.act(sh, Action::Compute(100)).unwrap();
        let mut fired = Vec::new();
        while lab.kernel().tick() < begin + 30 {
            lab.tick(1);
            let shared = lab.signal(sh).shared_pending.set();
            if shared.contains(signal) {
                let id = lab.task(sh).signal().unwrap();
                let whose = forklab::kernel::task::Pending::Shared(id);
                lab.machine.kernel.flush_sigqueue(whose);
                fired.push(lab.kernel().tick() - begin);
            }
        }
        assert_eq!(fired, [first, first + 10, first + 20], "{signal}");
        lab.tick(70);
        assert_eq!(lab.call(sh, set(ItimerVal::default())), 0);
        let id = lab.task(sh).signal().unwrap();
        let whose = forklab::kernel::task::Pending::Shared(id);
        lab.machine.kernel.flush_sigqueue(whose);
    }
    let bad = Syscall::Setitimer(3, value, VirtAddr(0));
    assert_eq!(lab.call(sh, bad), err(Errno::EINVAL));
}

/// alarm is not inherited, survives exec, and ends with the process.
#[test]
fn an_alarm_belongs_to_its_process() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    assert_eq!(lab.call(kid, Syscall::Alarm(10)), 0);
    let grandchild = lab.fork(kid);
    assert_eq!(lab.call(grandchild, Syscall::Alarm(0)), 0);
    assert_eq!(lab.call(kid, Syscall::Execve("sh".into())), 0);
    assert_eq!(lab.call(kid, Syscall::Alarm(10)), 10);
    lab.exit(kid, 0);
    assert_eq!(lab.kernel().real_timers().next_expiry(), None);
}
