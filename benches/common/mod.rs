//! Machines and actions that several benchmarks need.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

#[path = "../../tests/common/machine.rs"]
pub mod drive;

use drive::{act, call, mmap, pages, spawn, spawn_workload, workload};
use forklab::abi::{MapFlags, TaskId, VirtAddr};
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::{Syscall, WaitArgs};
use forklab::machine::{Acted, Action, Machine};
use forklab::trace::TraceFilter;

/// A machine that traces nothing.
pub fn boot(config: Config) -> Machine {
    let mut machine = Machine::boot(config).unwrap();
    machine.kernel.log.filter = TraceFilter::NONE;
    machine
}

/// A puppet of root.
pub fn spawn_shell(machine: &mut Machine) -> TaskId {
    spawn(machine, SpawnArgs::new("sh", 0))
}

/// Maps and writes that many pages.
pub fn written(machine: &mut Machine, task: TaskId, count: u32) -> VirtAddr {
    let addr = mmap(machine, task, pages(count, MapFlags::PRIVATE));
    act(machine, task, Action::Touch { addr, pages: count });
    addr
}

/// Ends a child and reaps it.
pub fn exit_and_reap(machine: &mut Machine, child: TaskId, parent: TaskId) -> Acted {
    call(machine, child, Syscall::Exit(0));
    let any = WaitArgs {
        pid: -1,
        ..WaitArgs::default()
    };
    call(machine, parent, Syscall::Wait4(any))
}

/// A machine with that many tasks that only burn CPU.
pub fn hogs(count: u32) -> Machine {
    let config = Config {
        mem: 512 << 20,
        threads_max: Some(32_000),
        ..Config::default()
    };
    let mut machine = boot(config);
    let program = workload(&[("main", &["run 1000000000"])]);
    for _ in 0..count {
        spawn_workload(&mut machine, SpawnArgs::new("hog", 0), program.clone());
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
    spawn(machine, args)
}
