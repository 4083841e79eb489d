//! What tests and benchmarks do to a machine, by short names: commands, and the one reply that is
//! expected of each. Included by the tests of the library, by `tests/it` and by the benchmarks.

#![allow(dead_code, reason = "each of its users needs a part of it")]

use forklab::abi::{CloneFlags, MapFlags, PAGE_SIZE, Prot, TaskId, VirtAddr};
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::ForkArgs;
use forklab::kernel::syscall::MmapArgs;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, Action, Command, Machine, Refusal, Reply, WorkloadProgram};
use std::sync::Arc;

/// A task by one of the commands that make one.
pub fn try_spawn(machine: &mut Machine, command: Command) -> Result<TaskId, Refusal> {
    match machine.apply(command)? {
        Reply::Spawned { task, .. } => Ok(task),
        other => panic!("{other:?}"),
    }
}

/// A puppet that sleeps on the console.
pub fn spawn(machine: &mut Machine, args: SpawnArgs) -> TaskId {
    let command = Command::Spawn {
        args,
        program: None,
        spin: false,
    };
    try_spawn(machine, command).unwrap()
}

/// A puppet that burns CPU while it waits for you.
pub fn spawn_spinning(machine: &mut Machine, args: SpawnArgs) -> TaskId {
    let command = Command::Spawn {
        args,
        program: None,
        spin: true,
    };
    try_spawn(machine, command).unwrap()
}

/// The scripts of a workload by name, the main one first.
pub fn workload(scripts: &[(&str, &[&str])]) -> Arc<WorkloadProgram> {
    let scripts: Vec<(String, Vec<&str>)> = scripts
        .iter()
        .map(|(name, steps)| ((*name).to_owned(), steps.to_vec()))
        .collect();
    Arc::new(WorkloadProgram::parse(&scripts).unwrap())
}

/// A task that follows a workload.
pub fn spawn_workload(
    machine: &mut Machine,
    args: SpawnArgs,
    program: Arc<WorkloadProgram>,
) -> TaskId {
    try_spawn(machine, Command::SpawnWorkload { args, program }).unwrap()
}

/// What a puppet does, or why it cannot.
pub fn try_act(machine: &mut Machine, task: TaskId, action: Action) -> Result<Acted, Refusal> {
    match machine.apply(Command::Act { task, action })? {
        Reply::Acted(outcome) => Ok(outcome),
        other => panic!("{other:?}"),
    }
}

/// What a puppet does.
pub fn act(machine: &mut Machine, task: TaskId, action: Action) -> Acted {
    try_act(machine, task, action).unwrap()
}

/// What a system call of a puppet comes to.
pub fn call(machine: &mut Machine, task: TaskId, call: Syscall) -> Acted {
    act(machine, task, Action::Syscall(call))
}

/// The child of a call that succeeds.
pub fn child_of(outcome: Acted) -> TaskId {
    match outcome {
        Acted::Forked { child, .. } => child,
        other => panic!("{other:?}"),
    }
}

/// A clone that succeeds.
pub fn clone(machine: &mut Machine, task: TaskId, flags: CloneFlags) -> TaskId {
    child_of(call(
        machine,
        task,
        Syscall::Clone(ForkArgs::with_flags(flags)),
    ))
}

/// Maps memory; the call must succeed.
pub fn mmap(machine: &mut Machine, task: TaskId, args: MmapArgs) -> VirtAddr {
    match call(machine, task, Syscall::Mmap2(args)) {
        Acted::Returned(addr) => VirtAddr(addr),
        other => panic!("{other:?}"),
    }
}

/// So many anonymous pages to read and write, private or shared.
pub fn pages(count: u32, kind: MapFlags) -> MmapArgs {
    MmapArgs {
        len: count * PAGE_SIZE,
        prot: (Prot::READ | Prot::WRITE).bits(),
        flags: (kind | MapFlags::ANONYMOUS).bits(),
        ..MmapArgs::default()
    }
}

/// Writes where a write must succeed.
pub fn write(machine: &mut Machine, task: TaskId, addr: VirtAddr, bytes: Vec<u8>) {
    let outcome = act(machine, task, Action::Write { addr, bytes });
    assert_eq!(outcome, Acted::Done);
}
