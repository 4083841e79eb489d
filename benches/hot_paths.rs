//! The hot paths of the kernel, each with a peer or a limit in the same run.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on fails"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use forklab::abi::{PAGE_SIZE, TaskId, VirtAddr};
use forklab::hw::Mode;
use forklab::kernel::boot::Config;
use forklab::kernel::mm::MmapArgs;
use forklab::kernel::spawn::SpawnArgs;
use forklab::kernel::syscall::Syscall;
use forklab::kernel::wait::WaitArgs;
use forklab::machine::{Action, Command, Machine, Outcome, Reply, WorkloadProgram};
use forklab::trace::TraceFilter;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

fn boot(config: Config) -> Machine {
    let mut machine = Machine::boot(config).unwrap();
    machine.kernel.log.filter = TraceFilter::NONE;
    machine
}

fn spawn_shell(machine: &mut Machine, spin: bool) -> TaskId {
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

fn act(machine: &mut Machine, task: TaskId, action: Action) -> Outcome {
    match machine.apply(Command::Act { task, action }).unwrap() {
        Reply::Acted(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

/// Maps and writes that many pages.
fn written(machine: &mut Machine, task: TaskId, pages: u32) -> VirtAddr {
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

fn fork(machine: &mut Machine, parent: TaskId) -> TaskId {
    match act(machine, parent, Action::Syscall(Syscall::Fork)) {
        Outcome::Forked { child, .. } => child,
        other => panic!("{other:?}"),
    }
}

fn exit_and_reap(machine: &mut Machine, child: TaskId, parent: TaskId) -> Outcome {
    act(machine, child, Action::Syscall(Syscall::Exit(0)));
    let any = WaitArgs {
        pid: -1,
        status: VirtAddr(0),
        options: 0,
    };
    act(machine, parent, Action::Syscall(Syscall::Wait4(any)))
}

fn hogs(count: u32) -> Machine {
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

/// Random 4-byte accesses: through the MMU with TLB hits, and to a bounds-checked array.
fn memory_access(c: &mut Criterion) {
    let mut group = c.benchmark_group("4-byte access");
    let mut machine = boot(Config::default());
    let sh = spawn_shell(&mut machine, true);
    let addr = written(&mut machine, sh, 32);
    let kernel = &mut machine.kernel;
    let mut offset = 0u32;
    let mut next = move || {
        offset = offset.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (offset >> 8) & 0x1_fffc
    };
    let (mmu, ram) = (&mut kernel.cpus[0].mmu, &mut kernel.ram);
    group.bench_function("TLB hit", |b| {
        b.iter(|| {
            let va = VirtAddr(addr.0 + black_box(next()));
            mmu.read_u32(ram, va, Mode::User).unwrap()
        });
    });
    let array = vec![7u32; 32 * 1024];
    group.bench_function("bounds-checked array", |b| {
        b.iter(|| array[black_box(next()) as usize / 4]);
    });
    group.finish();
}

/// A page: demand zero, copy on write, and the bare copy of its bytes.
fn faults(c: &mut Criterion) {
    const PAGES: u32 = 1000;
    let mut group = c.benchmark_group("1000 pages");
    group.bench_function("fork, copy on write, exit, reap", |b| {
        let mut machine = boot(Config::default());
        let sh = spawn_shell(&mut machine, false);
        let addr = written(&mut machine, sh, PAGES);
        b.iter(|| {
            let child = fork(&mut machine, sh);
            act(&mut machine, child, Action::Touch { addr, pages: PAGES });
            exit_and_reap(&mut machine, child, sh)
        });
    });
    group.bench_function("fork, exit, reap", |b| {
        let mut machine = boot(Config::default());
        let sh = spawn_shell(&mut machine, false);
        written(&mut machine, sh, PAGES);
        b.iter(|| {
            let child = fork(&mut machine, sh);
            exit_and_reap(&mut machine, child, sh)
        });
    });
    group.bench_function("memcpy", |b| {
        let source = vec![1u8; (PAGES * PAGE_SIZE) as usize];
        let mut target = source.clone();
        b.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)));
    });
    group.finish();
}

/// The cost of a switch must not depend on how many tasks wait.
fn switches(c: &mut Criterion) {
    let mut group = c.benchmark_group("wake, switch, sleep, switch");
    for count in [10, 30_000] {
        let mut machine = hogs(count);
        // A sleeper with a better priority than all of them.
        let args = SpawnArgs {
            nice: -20,
            ..SpawnArgs::new("sh", 0)
        };
        let spawn = Command::Spawn {
            args,
            program: None,
            spin: false,
        };
        let Ok(Reply::Spawned { task: sleeper, .. }) = machine.apply(spawn) else {
            panic!()
        };
        group.bench_function(format!("{count} runnable"), |b| {
            b.iter(|| act(&mut machine, sleeper, Action::Compute(0)));
        });
    }
    group.finish();
}

fn ticks(c: &mut Criterion) {
    let mut group = c.benchmark_group("10,000 ticks");
    for count in [10, 1000] {
        let mut machine = hogs(count);
        machine.apply(Command::Tick(200_000)).unwrap();
        group.bench_function(format!("{count} hogs"), |b| {
            b.iter(|| machine.apply(Command::Tick(10_000)).unwrap());
        });
    }
    group.finish();
}

fn checkpoints(c: &mut Criterion) {
    let mut machine = boot(Config::default());
    let sh = spawn_shell(&mut machine, false);
    let addr = written(&mut machine, sh, 1000);
    c.bench_function("checkpoint and restore, one page written", |b| {
        let kept = machine.checkpoint();
        b.iter(|| {
            act(&mut machine, sh, Action::Touch { addr, pages: 1 });
            let here = machine.checkpoint();
            machine.restore(&kept);
            here
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1)).sample_size(20);
    targets = memory_access, faults, switches, ticks, checkpoints
}
criterion_main!(benches);
