//! What memory costs when there is much of it: faults, forks and copies in small and in large
//! machines and in address spaces with few and with many areas, and pages written to swap. The limits
//! are asserted.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

mod common;

use common::drive::{act, clone, mmap, pages};
use common::{boot, exit_and_reap, spawn_shell, written};
use forklab::abi::{CloneFlags, MapFlags, PAGE_SIZE, TaskId, VirtAddr};
use forklab::kernel::boot::Config;
use forklab::kernel::syscall::{MmapArgs, Syscall};
use forklab::machine::{Action, Machine};
use std::time::{Duration, Instant};

const PAGES: u32 = 1_000;
/// Of each figure the best of so many rounds counts: the host has other work as well.
const ROUNDS: u32 = 40;
/// How much more a large machine may cost than a small one.
const GROWTH: f64 = 1.3;
/// How much more it may cost to find one area of 30,000 than one of 10: 15 steps in a tree, not 3.
const SEARCH: f64 = 3.0;
/// Pages that are written to swap in a second, at least.
const PAGE_OUTS: f64 = 100_000.0;

/// A machine with one task, and what is measured in it.
struct Bed {
    machine: Machine,
    sh: TaskId,
    addr: VirtAddr,
    /// The best time of each kind of work.
    best: [Duration; WORK.len()],
}

type Work = fn(&mut Bed) -> Duration;

const WORK: [(&str, Work); 4] = [
    ("demand-zero fault", Bed::faults),
    ("fork, per page", Bed::fork),
    ("copy on write", Bed::copies),
    ("reuse", Bed::reuses),
];

/// How long something takes.
fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

impl Bed {
    fn new(config: Config) -> Self {
        let mut machine = boot(config);
        let sh = spawn_shell(&mut machine);
        let addr = written(&mut machine, sh, PAGES);
        Self {
            machine,
            sh,
            addr,
            best: [Duration::MAX; WORK.len()],
        }
    }

    /// Maps single pages that do not merge, each with rights other than its neighbours'.
    fn map_areas(&mut self, areas: u32) {
        const START: u32 = 0x5000_0000;
        for nr in 0..areas {
            let args = MmapArgs {
                addr: START + nr * PAGE_SIZE,
                len: PAGE_SIZE,
                prot: 1 + nr % 2 * 4,
                flags: (MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::FIXED).bits(),
                ..MmapArgs::default()
            };
            mmap(&mut self.machine, self.sh, args);
        }
    }

    fn touch(&mut self, task: TaskId, addr: VirtAddr) -> Duration {
        let machine = &mut self.machine;
        time(|| act(machine, task, Action::Touch { addr, pages: PAGES }))
    }

    fn faults(&mut self) -> Duration {
        let addr = mmap(&mut self.machine, self.sh, pages(PAGES, MapFlags::PRIVATE));
        let took = self.touch(self.sh, addr);
        let unmap = Syscall::Munmap(addr.0, PAGES * PAGE_SIZE);
        act(&mut self.machine, self.sh, Action::Syscall(unmap));
        took
    }

    fn with_child<T>(&mut self, look: impl FnOnce(&mut Self, TaskId) -> T) -> T {
        let child = clone(&mut self.machine, self.sh, CloneFlags::FORK);
        let seen = look(self, child);
        exit_and_reap(&mut self.machine, child, self.sh);
        seen
    }

    fn fork(&mut self) -> Duration {
        time(|| self.with_child(|_, _| ()))
    }

    fn copies(&mut self) -> Duration {
        self.with_child(|bed, child| bed.touch(child, bed.addr))
    }

    fn reuses(&mut self) -> Duration {
        self.with_child(|_, _| ());
        self.touch(self.sh, self.addr)
    }

    fn measure(&mut self) {
        for (nr, (_, work)) in WORK.iter().enumerate() {
            self.best[nr] = work(self).min(self.best[nr]);
        }
    }
}

/// Measures two beds in turn, and compares what a page costs in each.
fn compare(what: &str, [mut small, mut large]: [Bed; 2], limit: f64) {
    for _ in 0..ROUNDS {
        small.measure();
        large.measure();
    }
    println!(
        "{what:<40}{:>8}{:>8}{:>8}{:>8}",
        "few", "many", "ratio", "limit"
    );
    for (nr, (name, _)) in WORK.iter().enumerate() {
        let [few, many] = [&small, &large].map(|bed| bed.best[nr].as_secs_f64());
        let ratio = many / few;
        let ns = 1e9 / f64::from(PAGES);
        println!(
            "{name:<40}{:>8.1}{:>8.1}{ratio:>8.2}{limit:>8}",
            few * ns,
            many * ns
        );
        assert!(ratio <= limit, "{what}: {name} grows by {ratio:.2}");
    }
}

fn of_ram() {
    let beds = [64 << 20, 896 << 20].map(|mem| {
        Bed::new(Config {
            mem,
            ..Config::default()
        })
    });
    compare("ns a page, with 64 and with 896 MiB", beds, GROWTH);
}

/// A fork copies the areas, so only what a fault costs is compared.
fn of_areas() {
    let mut beds = [10, 30_000].map(|areas| {
        let mut bed = Bed::new(Config {
            mem: 256 << 20,
            ..Config::default()
        });
        bed.map_areas(areas);
        bed
    });
    for _ in 0..ROUNDS {
        for bed in &mut beds {
            bed.best[0] = bed.faults().min(bed.best[0]);
        }
    }
    let [few, many] = [&beds[0], &beds[1]].map(|bed| bed.best[0].as_secs_f64());
    let ratio = many / few;
    let ns = 1e9 / f64::from(PAGES);
    println!(
        "{:<40}{:>8.1}{:>8.1}{ratio:>8.2}{SEARCH:>8}",
        "demand-zero fault, 10 and 30,000 areas",
        few * ns,
        many * ns
    );
    assert!(
        ratio <= SEARCH,
        "a fault grows by {ratio:.2} with the areas"
    );
}

/// Two tasks that write 512 MiB each in a machine of 512 MiB: each page that is touched costs another
/// one its frame.
fn of_swap() {
    const EACH: u32 = (512 << 20) / PAGE_SIZE;
    let config = Config {
        mem: 512 << 20,
        swap: 1 << 30,
        ..Config::default()
    };
    let mut machine = boot(config);
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    let tasks = [(); 2].map(|()| {
        let task = spawn_shell(&mut machine);
        (task, mmap(&mut machine, task, pages(EACH, flags)))
    });
    let mut round = || {
        let before = machine.kernel.stat.swapped_out;
        let took = time(|| {
            for (task, addr) in tasks {
                act(&mut machine, task, Action::Touch { addr, pages: EACH });
            }
        });
        (machine.kernel.stat.swapped_out - before) as f64 / took.as_secs_f64()
    };
    round();
    let best = (0..3).map(|_| round()).fold(0.0, f64::max);
    println!(
        "{:<40}{best:>16.0}{PAGE_OUTS:>16.0}",
        "page-outs a second, at least"
    );
    assert!(best >= PAGE_OUTS, "{best:.0} page-outs a second");
}

fn main() {
    of_ram();
    of_areas();
    of_swap();
}
