//! The hot paths of the kernel, each with a peer or a limit in the same run.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on fails"
)]

mod common;

use common::drive::{act, clone, mmap, pages, spawn_spinning};
use common::{boot, exit_and_reap, hogs, spawn_shell, spawn_urgent, written};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use forklab::Session;
use forklab::abi::{CloneFlags, MapFlags, PAGE_SIZE, VirtAddr};
use forklab::hw::Mode;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Action, Command, Machine};
use forklab::script::Limits;
use std::hint::black_box;
use std::time::Duration;

/// Returns the sum of 4096 reads at random places of 128 KiB. Each place is drawn when it is read: a
/// list of them would measure how many reads the host has in flight at once.
fn sum_at_random(mut read: impl FnMut(u32) -> u32) -> u32 {
    let (mut state, mut sum) = (black_box(1u32), 0u32);
    for _ in 0..4096 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sum = sum.wrapping_add(read((state >> 8) & 0x1_fffc));
    }
    sum
}

/// Random 4-byte accesses: through the MMU with TLB hits, and to a bounds-checked array. The places
/// are the same for both, and the compiler knows none of them.
fn memory_access(c: &mut Criterion) {
    let mut group = c.benchmark_group("4096 4-byte accesses");
    let mut machine = boot(Config::default());
    let sh = spawn_spinning(&mut machine, SpawnArgs::new("sh", 0));
    let addr = written(&mut machine, sh, 32);
    let (mmu, ram) = (&mut machine.kernel.cpus[0].mmu, &mut machine.kernel.ram);
    group.bench_function("TLB hit", |b| {
        b.iter(|| {
            sum_at_random(|place| {
                let va = VirtAddr(addr.0 + black_box(place));
                mmu.read_u32(ram, va, Mode::User).unwrap()
            })
        });
    });
    let array = vec![7u32; 32 * 1024];
    group.bench_function("bounds-checked array", |b| {
        b.iter(|| sum_at_random(|place| array[black_box(place) as usize / 4]));
    });
    group.finish();
}

/// Two pages that share a place in the TLB: each access misses it and walks.
fn tlb_misses(c: &mut Criterion) {
    let mut machine = boot(Config::default());
    let sh = spawn_spinning(&mut machine, SpawnArgs::new("sh", 0));
    let far = written(&mut machine, sh, 128);
    let (mmu, ram) = (&mut machine.kernel.cpus[0].mmu, &mut machine.kernel.ram);
    let mut page = 0;
    c.bench_function("4-byte access/TLB miss, walk", |b| {
        b.iter(|| {
            page ^= 64;
            let va = VirtAddr(far.0 + black_box(page) * PAGE_SIZE);
            mmu.read_u32(ram, va, Mode::User).unwrap()
        });
    });
}

/// A page: demand zero, copy on write, and the bare copy of its bytes.
fn faults(c: &mut Criterion) {
    const PAGES: u32 = 1000;
    let mut group = c.benchmark_group("1000 pages");
    group.bench_function("fork, copy on write, exit, reap", |b| {
        let mut machine = boot(Config::default());
        let sh = spawn_shell(&mut machine);
        let addr = written(&mut machine, sh, PAGES);
        b.iter(|| {
            let child = clone(&mut machine, sh, CloneFlags::FORK);
            act(&mut machine, child, Action::Touch { addr, pages: PAGES });
            exit_and_reap(&mut machine, child, sh)
        });
    });
    group.bench_function("fork, exit, reap", |b| {
        let mut machine = boot(Config::default());
        let sh = spawn_shell(&mut machine);
        written(&mut machine, sh, PAGES);
        b.iter(|| {
            let child = clone(&mut machine, sh, CloneFlags::FORK);
            exit_and_reap(&mut machine, child, sh)
        });
    });
    group.bench_function("1000 demand-zero faults", |b| {
        let mut machine = boot(Config::default());
        let sh = spawn_shell(&mut machine);
        b.iter(|| {
            let addr = written(&mut machine, sh, PAGES);
            let unmap = Syscall::Munmap(addr.0, PAGES * PAGE_SIZE);
            act(&mut machine, sh, Action::Syscall(unmap))
        });
    });
    group.bench_function("1000 reuses behind a fork", |b| {
        let mut machine = boot(Config::default());
        let sh = spawn_shell(&mut machine);
        let addr = written(&mut machine, sh, PAGES);
        b.iter(|| {
            let child = clone(&mut machine, sh, CloneFlags::FORK);
            exit_and_reap(&mut machine, child, sh);
            act(&mut machine, sh, Action::Touch { addr, pages: PAGES })
        });
    });
    for (name, action) in [("fill", None), ("touch", Some(PAGES))] {
        group.bench_function(name, |b| {
            let mut machine = boot(Config::default());
            let sh = spawn_shell(&mut machine);
            let addr = written(&mut machine, sh, PAGES);
            let fill = Action::Fill {
                addr,
                len: PAGES * PAGE_SIZE,
                byte: 7,
            };
            let action = action.map_or(fill, |pages| Action::Touch { addr, pages });
            b.iter(|| act(&mut machine, sh, action.clone()));
        });
    }
    group.bench_function("memset", |b| {
        let mut target = vec![1u8; (PAGES * PAGE_SIZE) as usize];
        b.iter(|| black_box(&mut target).fill(0));
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
        let sleeper = spawn_urgent(&mut machine);
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
    let sh = spawn_shell(&mut machine);
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

/// A call from a script: into the kernel, and to a function that does nothing.
fn scripts(c: &mut Criterion) {
    const CALLS: &str = "for n in 0..1000 { CALL }";
    let mut group = c.benchmark_group("1000 calls from a script");
    for (name, call) in [
        ("empty loop", ""),
        ("a function that does nothing", "hex(1);"),
        ("now()", "now();"),
        ("task.pid", "sh.pid;"),
        ("task.getpid()", "sh.getpid();"),
        ("task.write(addr, value)", "sh.write(a, 1);"),
    ] {
        // Each time a session of its own: one keeps the text of all that it ran.
        let fresh = || {
            let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
            session
                .run("let sh = spawn(\"sh\"); let a = sh.mmap(4*KiB); sh.write(a, 1);")
                .unwrap();
            session
        };
        let script = CALLS.replace("CALL", call);
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                fresh,
                |session| session.run(&script).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Two tasks of 512 MiB each in a machine of 512 MiB, which write their pages in turn: each page
/// that is touched costs another one its frame.
fn swapping(c: &mut Criterion) {
    const BATCH: u32 = 4096;
    const PAGES: u32 = (512 << 20) / PAGE_SIZE;
    let mut group = c.benchmark_group("4096 page-outs");
    group.sample_size(10);
    let config = Config {
        mem: 512 << 20,
        swap: 1 << 30,
        ..Config::default()
    };
    let mut machine = boot(config);
    let tasks = [(); 2].map(|()| {
        let task = spawn_shell(&mut machine);
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        (task, mmap(&mut machine, task, pages(PAGES, flags)))
    });
    let mut next = 0;
    let mut touch = |machine: &mut Machine| {
        let (task, addr) = tasks[(next / PAGES) as usize];
        let addr = VirtAddr(addr.0 + (next % PAGES) * PAGE_SIZE);
        next = (next + BATCH) % (2 * PAGES);
        act(machine, task, Action::Touch { addr, pages: BATCH });
    };
    // Until the frames are used up.
    (0..2 * PAGES / BATCH).for_each(|_| touch(&mut machine));
    let before = machine.kernel.stat.swapped_out;
    touch(&mut machine);
    let written = machine.kernel.stat.swapped_out - before;
    assert!(written > u64::from(BATCH) * 9 / 10, "{written} pages");
    group.bench_function("write, swap out, swap in", |b| {
        b.iter(|| touch(&mut machine));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1)).sample_size(20);
    targets = memory_access, tlb_misses, faults, swapping, switches, ticks, checkpoints, scripts
}
criterion_main!(benches);
