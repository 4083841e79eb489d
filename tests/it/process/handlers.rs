//! Handlers of puppets: the machine stops at their first instruction, and whoever drives it says
//! what they do and when they return.

use crate::lab::{Lab, Waited};
use forklab::abi::{Errno, KSigaction, SaFlags, SigAction, SigSet, Signal, TaskId, VirtAddr};
use forklab::kernel::syscall::{SigactionArgs, Syscall};
use forklab::machine::{Acted, Action, Command, EnteredHandler, Reply, Stop, handler_address};
use forklab::trace::TraceEvent;

const USR1: Signal = Signal::SIGUSR1;
const USR2: Signal = Signal::SIGUSR2;

/// Sets a handler of that number.
fn handle(lab: &mut Lab, task: TaskId, signal: Signal, number: usize, flags: SaFlags) {
    let addr = handler_address(number).unwrap();
    let args = SigactionArgs {
        signal: signal.number(),
        new: Some(KSigaction {
            handler: SigAction::Handler(VirtAddr(addr)),
            flags,
            ..KSigaction::default()
        }),
        old: VirtAddr(0),
    };
    assert_eq!(lab.call(task, Syscall::RtSigaction(args)), 0);
}

fn kill(lab: &mut Lab, from: TaskId, to: TaskId, signal: Signal) {
    let pid = lab.pid(to);
    assert_eq!(lab.kill(from, pid, signal.number() as i32), 0);
}

/// Begins the handler that was entered, and says which it is.
fn begin(lab: &mut Lab) -> Option<EnteredHandler> {
    let entered = lab.machine.entered_handler()?;
    lab.machine
        .apply(Command::BeginHandler(entered.task))
        .unwrap();
    Some(entered)
}

fn end(lab: &mut Lab, task: TaskId) {
    assert_eq!(
        lab.machine.apply(Command::EndHandler(task)),
        Ok(Reply::Done)
    );
}

/// The signals and the order of entering handlers and calling sigreturn.
fn story(lab: &Lab, mark: u64) -> Vec<String> {
    lab.events(mark, |record| match record.event {
        TraceEvent::SignalDeliver { signal, .. } => Some(format!("enters {signal}")),
        TraceEvent::SysEnter { nr: 119 | 173, .. } => Some("returns".to_owned()),
        TraceEvent::SysEnter { nr: 114, .. } => Some("waits".to_owned()),
        _ => None,
    })
}

#[test]
fn a_handler_has_a_real_frame_and_blocks_its_signal() {
    for (flags, blocked) in [
        (SaFlags::empty(), true),
        (SaFlags::SIGINFO, true),
        (SaFlags::NODEFER, false),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        handle(&mut lab, sh, USR1, 7, flags);
        let before = lab.task(sh).thread.regs;
        let mark = lab.mark();
        kill(&mut lab, sh, sh, USR1);
        let entered = begin(&mut lab).unwrap();
        let told = (entered.task, entered.signal, entered.number);
        assert_eq!(told, (sh, USR1, 7));
        let inside = lab.task(sh).thread.regs;
        assert_eq!(inside.eip, handler_address(7).unwrap());
        // Its argument lies above its return address.
        assert_eq!(lab.read(sh, VirtAddr(inside.esp + 4)), USR1.number());
        assert_eq!(lab.task(sh).blocked().contains(USR1), blocked);
        end(&mut lab, sh);
        let after = lab.task(sh).thread.regs;
        assert_eq!((after.eip, after.esp), (before.eip, before.esp));
        assert_eq!(lab.task(sh).blocked(), SigSet::EMPTY);
        assert_eq!(story(&lab, mark), ["enters SIGUSR1", "returns"]);
        assert_eq!(begin(&mut lab), None);
    }
}

#[test]
fn a_wait_is_made_again_after_the_handler_or_fails() {
    for (flags, again) in [(SaFlags::RESTART, true), (SaFlags::empty(), false)] {
        let (mut lab, sh) = Lab::with_shell();
        let kid = lab.fork(sh);
        handle(&mut lab, sh, USR1, 0, flags);
        let Waited::Sleeps(wait) = lab.wait(sh, -1, 0) else {
            panic!("there is a child");
        };
        let mark = lab.mark();
        kill(&mut lab, kid, sh, USR1);
        begin(&mut lab).unwrap();
        let eintr = -Errno::EINTR.code();
        let value = lab.returned(wait).map(|(value, _)| value);
        assert_eq!(value, (!again).then_some(eintr));
        // Inside the handler it can call whatever it likes.
        let pid = lab.pid(sh);
        assert_eq!(lab.call(sh, Syscall::Getpid), pid);
        end(&mut lab, sh);
        let mut expected = vec!["enters SIGUSR1", "returns"];
        if again {
            expected.push("waits");
            assert_eq!(lab.returned(wait), None);
        }
        assert_eq!(story(&lab, mark), expected);
        let pid = lab.pid(kid);
        lab.exit(kid, 3);
        if again {
            assert_eq!(lab.returned(wait), Some((pid, Some(0x300))));
        }
    }
}

/// The second signal is taken at the first handler's next way out of the kernel.
#[test]
fn one_handler_interrupts_another() {
    let (mut lab, sh) = Lab::with_shell();
    handle(&mut lab, sh, USR1, 1, SaFlags::empty());
    handle(&mut lab, sh, USR2, 2, SaFlags::empty());
    let both = SigSet::of(&[USR1, USR2]);
    lab.block(sh, both);
    kill(&mut lab, sh, sh, USR2);
    kill(&mut lab, sh, sh, USR1);
    let mark = lab.mark();
    lab.unblock(sh, both);
    assert_eq!(begin(&mut lab).unwrap().signal, USR1);
    assert_eq!(lab.machine.entered_handler(), None);
    let pid = lab.pid(sh);
    assert_eq!(lab.call(sh, Syscall::Getpid), pid);
    assert_eq!(begin(&mut lab).unwrap().signal, USR2);
    end(&mut lab, sh);
    assert_eq!(lab.task(sh).blocked(), SigSet::of(&[USR1]));
    end(&mut lab, sh);
    assert_eq!(lab.task(sh).blocked(), SigSet::EMPTY);
    let expected = ["enters SIGUSR1", "enters SIGUSR2", "returns", "returns"];
    assert_eq!(story(&lab, mark), expected);
}

/// A handler that is done, but inside a call, returns when the call does.
#[test]
fn a_handler_returns_after_the_call_that_it_is_inside_of() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    handle(&mut lab, sh, USR1, 0, SaFlags::empty());
    kill(&mut lab, kid, sh, USR1);
    begin(&mut lab).unwrap();
    let Waited::Sleeps(wait) = lab.wait(sh, -1, 0) else {
        panic!("there is a child");
    };
    end(&mut lab, sh);
    assert!(lab.task(sh).blocked().contains(USR1), "not yet");
    let pid = lab.pid(kid);
    lab.exit(kid, 0);
    assert_eq!(lab.returned(wait), Some((pid, Some(0))));
    assert_eq!(lab.task(sh).blocked(), SigSet::EMPTY);
}

#[test]
fn a_computation_goes_on_after_the_handler() {
    let (mut lab, sh) = Lab::with_shell();
    handle(&mut lab, sh, Signal::SIGALRM, 0, SaFlags::empty());
    lab.call(sh, Syscall::Alarm(1));
    lab.act(sh, Action::Compute(2000)).unwrap();
    let stop = lab.machine.apply(Command::Tick(3000));
    assert_eq!(stop, Ok(Reply::Stopped(Stop::Handler)));
    let tick = lab.kernel().tick();
    begin(&mut lab).unwrap();
    let pid = lab.pid(sh);
    assert_eq!(lab.call(sh, Syscall::Getpid), pid);
    end(&mut lab, sh);
    assert_eq!(lab.kernel().tick(), tick, "no time has passed");
    lab.tick(2001 - tick);
    assert_eq!(lab.task(sh).utime, 2000);
    assert_eq!(lab.call(sh, Syscall::Getpid), pid);
}

/// The child of a fork inside a handler returns from it at once; an exec forgets it; a task that
/// dies inside leaves nothing behind.
#[test]
fn fork_exec_and_death_inside_a_handler() {
    let (mut lab, sh) = Lab::with_shell();
    handle(&mut lab, sh, USR1, 0, SaFlags::empty());
    kill(&mut lab, sh, sh, USR1);
    begin(&mut lab).unwrap();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    assert_eq!(lab.call(kid, Syscall::Getpid), pid);
    assert_eq!(lab.task(kid).blocked(), SigSet::EMPTY);
    assert!(lab.task(sh).blocked().contains(USR1));
    // The child has inherited the handler, too.
    kill(&mut lab, sh, kid, USR1);
    assert_eq!(begin(&mut lab).unwrap().task, kid);
    assert_eq!(lab.call(kid, Syscall::Execve("sh".into())), 0);
    end(&mut lab, kid);
    assert_eq!(lab.call(kid, Syscall::Getpid), pid);
    assert!(
        lab.task(kid).blocked().contains(USR1),
        "exec keeps the mask"
    );
    kill(&mut lab, kid, sh, Signal::SIGKILL);
    assert!(!lab.exists(sh));
    assert_eq!(lab.machine.apply(Command::EndHandler(sh)), Ok(Reply::Done));
    assert_eq!(lab.machine.entered_handler(), None);
    lab.check();
}

/// Without a stack that can be written there is no frame, but SIGSEGV. The handler's signal is
/// blocked all the same: if that is SIGSEGV itself, it waits.
#[test]
fn a_handler_without_a_stack_is_a_segv() {
    for (signal, dies) in [(USR1, true), (Signal::SIGSEGV, false)] {
        let (mut lab, sh) = Lab::with_shell();
        handle(&mut lab, sh, signal, 0, SaFlags::empty());
        lab.machine.kernel.task_mut(sh).thread.regs.esp = 0x1000;
        kill(&mut lab, sh, sh, signal);
        assert_eq!(lab.exists(sh), !dies);
        assert_eq!(lab.machine.entered_handler(), None);
        if !dies {
            let segv = SigSet::of(&[Signal::SIGSEGV]);
            assert_eq!(
                (lab.task(sh).pending.set(), lab.task(sh).blocked()),
                (segv, segv)
            );
        }
    }
}

/// A call that has to wait for the CPU is not made before a handler that was entered meanwhile.
#[test]
fn a_call_that_waits_for_its_turn_lets_a_handler_run_first() {
    let mut lab = Lab::boot();
    lab.machine.apply(Command::Patience(500)).unwrap();
    let hog = lab.spawn_spinning("hog");
    let sh = lab.spawn("sh");
    handle(&mut lab, sh, USR1, 0, SaFlags::empty());
    kill(&mut lab, hog, sh, USR1);
    let action = Action::Syscall(Syscall::Getpid);
    let command = Command::Act { task: sh, action };
    let reply = match lab.machine.entered_handler() {
        Some(_) => Reply::Stopped(Stop::Handler),
        None => lab.machine.apply(command.clone()).unwrap(),
    };
    assert_eq!(reply, Reply::Stopped(Stop::Handler));
    let entered = begin(&mut lab).unwrap();
    end(&mut lab, entered.task);
    let pid = lab.pid(sh);
    let reply = lab.machine.apply(command).unwrap();
    assert_eq!(reply, Reply::Acted(Acted::Returned(pid as u32)));
}
