//! What is commonly thought to be otherwise, as far as no other test has it for its topic. Each test
//! cites the function of 2.6.12 that decides.

use crate::lab::{Lab, THREAD, Waited, exit_signal};
use forklab::abi::PtFlags;
use forklab::abi::{
    CloneFlags as F, Errno, KSigaction, SaFlags, SigAction, SigSet, Signal, TaskId, TaskState,
    VirtAddr,
};
use forklab::kernel::syscall::{PtraceArgs, SigactionArgs, Syscall, WaitArgs};
use forklab::kernel::task::{AltStack, SignalFlags};
use forklab::machine::{Command, handler_address};

const NOHANG: u32 = 1;
const UNTRACED: u32 = 2;
const WALL: u32 = 0x4000_0000;

fn ptrace(lab: &mut Lab, tracer: TaskId, request: u32, child: TaskId, data: u32) -> i32 {
    let args = PtraceArgs {
        request,
        pid: lab.pid(child),
        addr: 0,
        data,
    };
    lab.call(tracer, Syscall::Ptrace(args))
}

const TRACEME: u32 = 0;
const CONT: u32 = 7;
const ATTACH: u32 = 16;

fn act_on(lab: &mut Lab, task: TaskId, signal: Signal, action: SigAction) {
    let call = Syscall::sigaction(signal.number(), Some(action));
    assert_eq!(lab.call(task, call), 0);
}

/// CLONE_UNTRACED keeps events away, not an explicit CLONE_PTRACE.
///
/// Linux 2.6.12: `kernel/fork.c`, `fork_traceflag()` and `copy_process()`.
#[test]
fn untraced_does_not_undo_an_explicit_clone_ptrace() {
    const FORK_EVENT: u32 = 2;
    for (flags, traced, event) in [
        (F::FORK, true, true),
        (F::CLONE_UNTRACED | F::FORK, false, false),
        (F::CLONE_PTRACE | F::CLONE_UNTRACED | F::FORK, true, false),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let kid = lab.fork(sh);
        assert_eq!(ptrace(&mut lab, sh, ATTACH, kid, 0), 0);
        let pid = lab.pid(kid);
        assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0x137f));
        assert_eq!(ptrace(&mut lab, sh, 0x4200, kid, FORK_EVENT), 0);
        assert_eq!(ptrace(&mut lab, sh, CONT, kid, 0), 0);
        let child = lab.clone(kid, flags).unwrap();
        let word = lab.task(child).ptrace();
        assert_eq!(
            word,
            if traced {
                lab.task(kid).ptrace()
            } else {
                PtFlags::empty()
            },
            "{flags:#x}"
        );
        let stopped = lab.sched(kid).state == TaskState::TRACED;
        assert_eq!(stopped, event, "{flags:#x}");
    }
}

/// Who ignores SIGCHLD still has to wait for children that end with another signal.
///
/// Linux 2.6.12: `kernel/signal.c`, `do_notify_parent()`.
#[test]
fn ignoring_sigchld_matters_for_sigchld_only() {
    let (mut lab, sh) = Lab::with_shell();
    act_on(&mut lab, sh, Signal::SIGCHLD, SigAction::Ignore);
    act_on(&mut lab, sh, Signal::SIGUSR1, SigAction::Ignore);
    let kid = lab
        .clone(sh, exit_signal(Signal::SIGUSR1.number()))
        .unwrap();
    let pid = lab.pid(kid);
    lab.exit(kid, 2);
    assert!(lab.exists(kid));
    assert_eq!(lab.wait(sh, -1, WALL), Waited::Reaped(pid, 0x200));
}

/// SIGCONT and SIGKILL write over the flags of the process, even that it is exiting.
///
/// Linux 2.6.12: `kernel/signal.c`, `handle_stop_signal()`.
#[test]
fn sigcont_and_sigkill_forget_that_a_process_exits() {
    for signal in [Signal::SIGCONT, Signal::SIGKILL] {
        let (mut lab, sh) = Lab::with_shell();
        let kid = lab.fork(sh);
        let thread = lab.clone(kid, THREAD).unwrap();
        lab.machine.kernel.signal_of_mut(kid).begin_group_exit(0);
        assert_eq!(lab.clone(kid, THREAD), Err(Errno::EAGAIN));
        let pid = lab.pid(thread);
        lab.kill(sh, pid, signal.number() as i32);
        if signal == Signal::SIGCONT {
            assert_eq!(lab.signal(kid).flags(), SignalFlags::empty());
            assert!(lab.clone(kid, THREAD).is_ok());
        } else {
            let pid = lab.pid(kid);
            assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 9));
        }
    }
}

/// The report of a stop is gone if it cannot be stored; that of an end is not.
///
/// Linux 2.6.12: `kernel/exit.c`, `wait_task_stopped()` and `wait_task_zombie()`.
#[test]
fn a_bad_address_loses_the_report_of_a_stop() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    lab.kill(sh, pid, 19);
    let args = WaitArgs {
        pid,
        status: VirtAddr(16),
        options: UNTRACED,
        ..WaitArgs::default()
    };
    assert_eq!(lab.call(sh, Syscall::Wait4(args)), -Errno::EFAULT.code());
    let again = lab.wait(sh, pid, UNTRACED | NOHANG);
    assert_eq!(again, Waited::Nothing(0));
    lab.kill(sh, pid, 9);
    assert_eq!(lab.call(sh, Syscall::Wait4(args)), -Errno::EFAULT.code());
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 9));
}

/// The alternate stack goes to every child, to threads on the same memory too; exec drops it.
///
/// Linux 2.6.12: `kernel/fork.c`, `dup_task_struct()`; `fs/exec.c`, `flush_old_exec()`.
#[test]
fn the_alternate_stack_is_inherited_even_by_threads() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 2);
    let stack = [page.0, 0, 8192];
    let call = Syscall::Sigaltstack(Some(stack), VirtAddr(0));
    assert_eq!(lab.call(sh, call), 0);
    let expected = AltStack {
        sp: page.0,
        size: 8192,
    };
    for flags in [F::FORK, THREAD] {
        let child = lab.clone(sh, flags).unwrap();
        assert_eq!(lab.task(child).altstack, expected);
        if flags == F::FORK {
            assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
            assert_eq!(lab.task(child).altstack, AltStack::default());
        }
    }
}

/// A job that its tracer has stopped is no stopped job: nobody hangs it up.
///
/// Linux 2.6.12: `kernel/exit.c`, `has_stopped_jobs()`.
#[test]
fn a_traced_member_does_not_count_as_stopped() {
    for traced in [true, false] {
        let mut lab = Lab::boot();
        let (login, tracer) = (lab.spawn("login"), lab.spawn("tracer"));
        let sh = lab.fork(login);
        let kid = lab.fork(sh);
        for task in [sh, kid] {
            let call = Syscall::Setpgid(0, 0);
            assert_eq!(lab.call(task, call), 0);
        }
        if traced {
            assert_eq!(ptrace(&mut lab, tracer, ATTACH, kid, 0), 0);
            let pid = lab.pid(kid);
            assert_eq!(lab.wait(tracer, pid, 0), Waited::Reaped(pid, 0x137f));
        } else {
            let pid = lab.pid(kid);
            lab.kill(sh, pid, 19);
        }
        lab.exit(sh, 0);
        assert_eq!(lab.exists(kid), traced, "SIGHUP ends a stopped job");
        assert!(!traced || lab.sched(kid).state == TaskState::TRACED);
    }
}

/// A stop signal that the tracer puts in the place of another stops only if one was taken before.
///
/// Linux 2.6.12: `kernel/signal.c`, `do_signal_stop()`.
#[test]
fn a_stop_that_the_tracer_substitutes_may_vanish() {
    for (first, stops) in [(Signal::SIGUSR1, false), (Signal::SIGTSTP, true)] {
        let (mut lab, sh) = Lab::with_shell();
        let kid = lab.fork(sh);
        assert_eq!(ptrace(&mut lab, kid, TRACEME, kid, 0), 0);
        let pid = lab.pid(kid);
        lab.kill(sh, pid, first.number() as i32);
        let status = first.number() << 8 | 0x7f;
        assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, status));
        let stop = Signal::SIGSTOP.number();
        assert_eq!(ptrace(&mut lab, sh, CONT, kid, stop), 0);
        let state = lab.sched(kid).state;
        let stopped = state.intersects(TaskState::STOPPED | TaskState::TRACED);
        assert_eq!(stopped, stops, "{first}: {state:?}");
    }
}

/// SA_NODEFER leaves the signal open, and the action's mask with it.
///
/// Linux 2.6.12: `arch/i386/kernel/signal.c`, `handle_signal()`.
#[test]
fn nodefer_drops_the_mask_as_well() {
    let (usr1, usr2) = (Signal::SIGUSR1, Signal::SIGUSR2);
    for (flags, blocked) in [
        (SaFlags::empty(), SigSet::of(&[usr1, usr2])),
        (SaFlags::NODEFER, SigSet::EMPTY),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let args = SigactionArgs {
            signal: usr1.number(),
            new: Some(KSigaction {
                handler: SigAction::Handler(VirtAddr(handler_address(0).unwrap())),
                flags,
                mask: SigSet::of(&[usr2]),
                restorer: VirtAddr(0),
            }),
            old: VirtAddr(0),
        };
        assert_eq!(lab.call(sh, Syscall::RtSigaction(args)), 0);
        let pid = lab.pid(sh);
        lab.kill(sh, pid, usr1.number() as i32);
        assert_eq!(lab.task(sh).blocked(), blocked);
        lab.machine.apply(Command::BeginHandler(sh)).unwrap();
        lab.machine.apply(Command::EndHandler(sh)).unwrap();
        assert_eq!(lab.task(sh).blocked(), SigSet::EMPTY);
    }
}

/// A signal other than SIGKILL does not disturb a fork: it stays pending for the parent.
///
/// Linux 2.6.12: `kernel/fork.c`, `copy_process()` and `copy_signal()`.
#[test]
fn a_fork_with_signals_pending_succeeds() {
    let (mut lab, sh) = Lab::with_shell();
    let (term, pid) = (Signal::SIGTERM, lab.pid(sh));
    lab.block(sh, SigSet::of(&[term]));
    lab.kill(sh, pid, term.number() as i32);
    let kid = lab.fork(sh);
    let shared = |task| lab.signal(task).shared_pending.set();
    assert_eq!(
        (shared(sh), shared(kid)),
        (SigSet::of(&[term]), SigSet::EMPTY)
    );
    assert!(
        lab.task(kid).blocked().contains(term),
        "the mask is inherited"
    );
}
