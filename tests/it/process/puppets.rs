//! Puppets: when they may act, why not, and that a refusal changes nothing.

use crate::lab::{Lab, Waited};
use forklab::abi::{CloneFlags as F, Errno, Policy, TaskId};
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::sched::WhyNotKind;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, Action, Awaits, CannotRun, Command, Help, Refusal, Reply, Stop};

const GETPID: Action = Action::Syscall(Syscall::Getpid);

/// A way to be refused: makes it so, and returns the task with the refusal to be expected.
type Situation = fn(&mut Lab) -> (TaskId, Refusal);

pub fn zombie(lab: &Lab, task: TaskId, parent: TaskId) -> Refusal {
    Refusal::Zombie {
        who: lab.machine.who(task),
        parent: lab.machine.who(parent),
    }
}

/// What a task of priority 125 hears while a fresh hog has the CPU.
fn behind_hog(lab: &Lab, task: TaskId, hog: TaskId, kind: WhyNotKind) -> Refusal {
    Refusal::CannotRun(Box::new(CannotRun {
        who: lab.machine.who(task),
        cpu: 0,
        holder: lab.machine.who(hog),
        kind,
        prio: 125,
        holder_prio: 125,
        slice: 100,
        soonest: match kind {
            WhyNotKind::NotInterruptible(_) => None,
            WhyNotKind::Queued => Some((100, Help::Turn)),
            _ => Some((10, Help::Sleep)),
        },
    }))
}

const SITUATIONS: &[(&str, Situation)] = &[
    ("gone", |lab| {
        let sh = lab.spawn("sh");
        lab.exit(sh, 0);
        (sh, Refusal::Gone)
    }),
    ("zombie", |lab| {
        let sh = lab.spawn("sh");
        let child = lab.fork(sh);
        lab.exit(child, 0);
        (child, zombie(lab, child, sh))
    }),
    ("init", |lab| {
        let init = lab.kernel().init();
        (init, Refusal::Init(lab.machine.who(init)))
    }),
    ("a workload", |lab| {
        let hog = lab.workload("hog", &["run 1000"], &[]);
        (hog, Refusal::NotAPuppet(lab.machine.who(hog)))
    }),
    ("inside wait4", |lab| {
        let sh = lab.spawn("sh");
        let child = lab.fork(sh);
        assert!(matches!(lab.wait(sh, -1, 0), Waited::Sleeps(_)));
        let refusal = Refusal::Inside {
            who: lab.machine.who(sh),
            call: "wait4",
            awaits: Some(Awaits::Exit(lab.machine.who(child))),
        };
        (sh, refusal)
    }),
    ("stopped", |lab| {
        let sh = lab.spawn("sh");
        let child = lab.clone(sh, F::CLONE_STOPPED | F::FORK).unwrap();
        (
            child,
            Refusal::Stopped {
                who: lab.machine.who(child),
                signal: None,
                tracer: None,
            },
        )
    }),
    ("computing", |lab| {
        let sh = lab.spawn("sh");
        lab.act(sh, Action::Compute(10)).unwrap();
        lab.tick(3);
        (sh, Refusal::Computing(lab.machine.who(sh), 7))
    }),
    ("a hog of the same priority", |lab| {
        let sh = lab.spawn("sh");
        let hog = lab.workload("hog", &["run 1000"], &[]);
        (sh, behind_hog(lab, sh, hog, WhyNotKind::CurrentHolds))
    }),
    ("not run for the first time yet", |lab| {
        let hog = lab.workload("hog", &["run 1000"], &[]);
        let sh = lab.spawn("sh");
        (sh, behind_hog(lab, sh, hog, WhyNotKind::Queued))
    }),
];

#[test]
fn a_refusal_names_its_reason_and_changes_nothing() {
    for (name, situation) in SITUATIONS {
        let mut lab = Lab::boot();
        let (task, refusal) = situation(&mut lab);
        let before = lab.digest();
        assert_eq!(lab.act(task, GETPID), Err(refusal.clone()), "{name}");
        assert_eq!(lab.digest(), before, "{name}");
        assert!(!refusal.to_string().is_empty() && !refusal.remedy().is_empty());
    }
}

/// A better priority than the hog's brings a puppet on the CPU at once, in the same tick.
#[test]
fn a_better_priority_is_all_it_takes() {
    for (nice, policy, rt_priority, runs) in [
        (0, Policy::Normal, 0, false),
        (-1, Policy::Normal, 0, true),
        (1, Policy::Normal, 0, false),
        (0, Policy::Fifo, 1, true),
    ] {
        let mut lab = Lab::boot();
        let args = SpawnArgs {
            nice,
            policy,
            rt_priority,
            ..SpawnArgs::new("sh", 0)
        };
        let sh = lab.try_spawn(args, false).unwrap();
        lab.workload("hog", &["run 1000"], &[]);
        assert_eq!(lab.act(sh, GETPID).is_ok(), runs, "nice {nice} {policy:?}");
        assert_eq!(lab.kernel().tick(), 0);
    }
}

/// Sleep raises the priority above the hog's in time; patience waits for that.
#[test]
fn patience_lets_time_pass_until_the_call_can_be_made() {
    let mut lab = Lab::boot();
    let sh = lab.spawn("sh");
    lab.workload("hog", &["run 100000"], &[]);
    assert!(lab.act(sh, GETPID).is_err());
    lab.machine.apply(Command::Patience(200)).unwrap();
    let pid = lab.pid(sh);
    assert_eq!(lab.act(sh, GETPID), Ok(Acted::Returned(pid as u32)));
    let waited = lab.kernel().tick();
    assert!((1..200).contains(&waited), "{waited} ticks");
    assert_eq!(lab.machine.patience(), 200);
}

#[test]
fn impatience_gives_up_after_the_ticks_allowed() {
    let mut lab = Lab::boot();
    let sh = lab.spawn("sh");
    lab.workload("hog", &["setsched fifo 50", "run 100000"], &[]);
    lab.machine.apply(Command::Patience(30)).unwrap();
    assert!(matches!(lab.act(sh, GETPID), Err(Refusal::CannotRun(_))));
    assert_eq!(lab.kernel().tick(), 30);
}

/// Between its actions a spinning puppet uses CPU, another one sleeps.
#[test]
fn spinning_puppets_stay_on_the_runqueue() {
    let mut lab = Lab::boot();
    let (sleeps, spins) = (lab.spawn("a"), lab.spawn_spinning("b"));
    lab.tick(10);
    assert_eq!([sleeps, spins].map(|t| lab.task(t).utime), [0, 10]);
    let kid = lab.fork(spins);
    lab.tick(10);
    assert_eq!(lab.task(spins).utime + lab.task(kid).utime, 20);
    // A puppet that was spawned behind a busy CPU spins as well, once it runs.
    let late = lab.spawn_spinning("c");
    lab.tick(300);
    assert!(lab.task(late).utime > 0);
}

/// Computing takes exactly the ticks asked for, then the puppet is free again.
#[test]
fn computing_takes_ticks_of_cpu() {
    let (mut lab, sh) = Lab::with_shell();
    lab.act(sh, Action::Compute(7)).unwrap();
    lab.tick(6);
    assert!(lab.act(sh, GETPID).is_err());
    lab.tick(1);
    assert!(lab.act(sh, GETPID).is_ok());
    lab.tick(5);
    assert_eq!(lab.task(sh).utime, 7);
}

/// A wild access is a signal, and the end.
#[test]
fn a_wild_write_kills_with_sigsegv() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let pid = lab.pid(child);
    let write = Action::Write {
        addr: forklab::abi::VirtAddr(16),
        bytes: vec![1],
    };
    assert!(matches!(lab.act(child, write), Ok(Acted::Fault(_))));
    assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 11));
}

/// More actions within one moment than any settling takes: nothing gets stuck.
#[test]
fn a_moment_may_be_as_long_as_it_likes() {
    let (mut lab, sh) = Lab::with_shell();
    lab.machine.kernel.log.filter = forklab::trace::TraceFilter::NONE;
    let pid = lab.pid(sh);
    for _ in 0..400_000 {
        assert_eq!(lab.call(sh, Syscall::Getpid), pid);
    }
    assert_eq!(lab.kernel().tick(), 0);
}

/// Tasks that go round in circles without using time are noticed.
#[test]
fn circles_are_noticed() {
    let mut lab = Lab::boot();
    lab.machine.kernel.log.filter = forklab::trace::TraceFilter::NONE;
    lab.workload("circle", &["nice 0", "goto 0"], &[]);
    let stop = lab.machine.apply(Command::Tick(1)).unwrap();
    assert_eq!(stop, Reply::Stopped(Stop::Stuck));
}

/// What can be run at all.
#[test]
fn only_programs_can_be_spawned() {
    let mut lab = Lab::boot();
    for (program, errno) in [("nobody", Errno::ENOENT), ("null", Errno::EACCES)] {
        let command = Command::Spawn {
            args: SpawnArgs::new("x", 0),
            program: Some(program.to_owned()),
            spin: false,
        };
        let before = lab.digest();
        let refusal = lab.machine.apply(command).unwrap_err();
        let path = program.to_owned();
        assert_eq!(refusal, Refusal::NoProgram { path, errno });
        assert_eq!(lab.digest(), before);
    }
}

/// Back at a checkpoint the same commands do the same, to the last event.
#[test]
fn a_restored_machine_repeats_itself() {
    let mut lab = Lab::boot();
    let sh = lab.spawn("sh");
    let page = lab.map(sh, 2);
    lab.write(sh, page, 1);
    lab.workload("hog", &["run 5", "sleep 3", "goto 0"], &[]);
    lab.machine.apply(Command::Patience(100)).unwrap();
    let checkpoint = lab.machine.checkpoint();
    let mark = lab.mark();
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        lab.machine.restore(&checkpoint);
        let first = lab.fork(sh);
        lab.write(first, page, 2);
        let vforked = lab.vfork(sh);
        lab.tick(20);
        lab.exit(vforked, 3);
        lab.write(sh, page, 3);
        let seen = (lab.read(sh, page), lab.read(first, page));
        lab.exit(first, 4);
        let waits = [lab.wait(sh, -1, 0), lab.wait(sh, -1, 0)];
        lab.check();
        outcomes.push((seen, waits, lab.since(mark), lab.digest()));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].0, (3, 2));
    lab.machine.restore(&checkpoint);
    assert_eq!(lab.read(sh, page), 1);
}

#[test]
fn after_a_kernel_panic_every_command_is_refused() {
    let (mut lab, sh) = Lab::with_shell();
    lab.machine.kernel.panic("a test");
    let why = Refusal::Panicked("a test".to_owned());
    assert_eq!(
        lab.act(sh, Action::Syscall(Syscall::Getpid)),
        Err(why.clone())
    );
    assert_eq!(lab.machine.apply(Command::Tick(1)), Err(why));
}
