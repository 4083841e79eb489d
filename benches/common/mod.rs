//! Machines and actions that several benchmarks need.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use forklab::abi::{PAGE_SIZE, TaskId, VirtAddr};
use forklab::kernel::boot::Config;
use forklab::kernel::exit::WaitArgs;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::mm::MmapArgs;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Action, Command, Machine, Outcome, Reply, WorkloadProgram};
use forklab::trace::TraceFilter;
use std::sync::Arc;

/// A machine that traces nothing.
pub fn boot(config: Config) -> Machine {
    let mut machine = Machine::boot(config).unwrap();
    machine.kernel.log.filter = TraceFilter::NONE;
    machine
}

/// A puppet.
pub fn spawn_shell(machine: &mut Machine, spin: bool) -> TaskId {
    let args = SpawnArgs::new("sh", 0);
    match machine
        .apply(Command::Spawn {
            args,
            program: None,
            spin,
        })
        .unwrap()
    {
        Reply::Spawned { task, .. } => task,
        other => panic!("{other:?}"),
    }
}

/// Lets a puppet act.
pub fn act(machine: &mut Machine, task: TaskId, action: Action) -> Outcome {
    match machine.apply(Command::Act { task, action }).unwrap() {
        Reply::Acted(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

/// Maps and writes that many pages.
pub fn written(machine: &mut Machine, task: TaskId, pages: u32) -> VirtAddr {
    let args = MmapArgs {
        len: pages * PAGE_SIZE,
        prot: 3,
        flags: 0x22,
        ..MmapArgs::default()
    };
    let outcome = act(machine, task, Action::Syscall(Syscall::Mmap(args)));
    let Outcome::Returned(addr) = outcome else {
        panic!("{outcome:?}")
    };
    let addr = VirtAddr(addr as u32);
    act(machine, task, Action::Touch { addr, pages });
    addr
}

/// Forks.
pub fn fork(machine: &mut Machine, parent: TaskId) -> TaskId {
    match act(machine, parent, Action::Syscall(Syscall::Fork)) {
        Outcome::Forked { child, .. } => child,
        other => panic!("{other:?}"),
    }
}

/// Ends a child and reaps it.
pub fn exit_and_reap(machine: &mut Machine, child: TaskId, parent: TaskId) -> Outcome {
    act(machine, child, Action::Syscall(Syscall::Exit(0)));
    let any = WaitArgs {
        pid: -1,
        status: VirtAddr(0),
        options: 0,
        ..WaitArgs::default()
    };
    act(machine, parent, Action::Syscall(Syscall::Wait4(any)))
}

/// A machine with that many tasks that only burn CPU.
pub fn hogs(count: u32) -> Machine {
    let config = Config {
        mem: 512 << 20,
        threads_max: Some(32_000),
        ..Config::default()
    };
    let mut machine = boot(config);
    let steps = vec![("main".to_owned(), vec!["run 1000000000"])];
    let program = Arc::new(WorkloadProgram::parse(&steps).unwrap());
    for _ in 0..count {
        let args = SpawnArgs::new("hog", 0);
        let program = program.clone();
        machine
            .apply(Command::SpawnWorkload { args, program })
            .unwrap();
    }
    machine
}

/// A sleeper with a better priority than all hogs: each action of it is a wake-up, a switch, a sleep
/// and a switch back.
pub fn spawn_urgent(machine: &mut Machine) -> TaskId {
    let args = SpawnArgs {
        nice: -20,
        ..SpawnArgs::new("sh", 0)
    };
    let spawn = Command::Spawn {
        args,
        program: None,
        spin: false,
    };
    match machine.apply(spawn).unwrap() {
        Reply::Spawned { task, .. } => task,
        other => panic!("{other:?}"),
    }
}
