//! Fork and copy on write, emulated and by the host's own kernel: the same i386 program is run by
//! both, and what a page costs is the difference between runs with many and with few pages.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "common/session.rs"]
mod common;
#[path = "../src/hw/host_program.rs"]
mod host_program;

use common::session;
use forklab::kernel::fs::{InodeKind, ProgramImage, TEXT_START};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MANY: u32 = 10_000;
const FEW: u32 = 100;
const ROUNDS: u32 = 30;

/// A process that writes `pages` pages and forks `rounds` times; each child writes `written` of
/// them. Where the kernel knows it, large pages are switched off first, by `prctl(41, 1)`.
#[derive(Clone, Copy)]
struct Load {
    pages: u32,
    written: u32,
    rounds: u32,
}

impl Load {
    fn source(self) -> String {
        let Self {
            pages,
            written,
            rounds,
        } = self;
        format!(
            "fn main() {{
                syscall(172, 41, 1, 0, 0, 0);
                let a = mmap(0, {pages} * 4096, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                let i = 0;
                while i < {pages} {{ store(a + i * 4096, 1); i += 1; }}
                let round = 0;
                while round < {rounds} {{
                    if fork() == 0 {{
                        let k = 0;
                        while k < {written} {{ store(a + k * 4096, 2); k += 1; }}
                        _exit(0);
                    }}
                    wait();
                    round += 1;
                }}
                0
            }}
            boot(#{{mem: 128*MiB, cycles_per_tick: 100000}});
            let p = spawn(\"load\", main);"
        )
    }
}

fn emulated(load: Load) -> Option<Duration> {
    let mut session = session();
    session.run(&load.source()).unwrap();
    let start = Instant::now();
    session.run("run();").unwrap();
    let time = start.elapsed();
    assert_eq!(session.eval("p.exit_status").unwrap(), "0");
    Some(time)
}

fn image(load: Load) -> Arc<ProgramImage> {
    let mut session = session();
    session.run(&load.source()).unwrap();
    session.machine(|machine| {
        let inode = machine.kernel.lookup("load").unwrap();
        match &machine.kernel.inodes()[inode].kind {
            InodeKind::Image(image) => Arc::clone(image),
            other => panic!("a program is {other:?}"),
        }
    })
}

fn on_host(load: Load) -> Option<Duration> {
    let image = image(load);
    let elf = host_program::elf(&host_program::Parts {
        entry: image.entry,
        text_addr: TEXT_START,
        text: &image.text,
        data: &image.data,
        zeros: image.bss,
    });
    let start = Instant::now();
    let ended = host_program::run(&elf).ok()?;
    let time = start.elapsed();
    ended.status.success().then_some(time)
}

/// What the rounds of a load take: the rest of the run is in both of two runs. The best of three.
fn rounds(run: fn(Load) -> Option<Duration>, pages: u32, written: u32) -> Option<f64> {
    let best = |rounds| {
        let load = Load {
            pages,
            written,
            rounds,
        };
        let times: Option<Vec<Duration>> = (0..3).map(|_| run(load)).collect();
        times?.into_iter().min()
    };
    let (short, long) = (best(ROUNDS)?, best(3 * ROUNDS)?);
    Some((long.as_secs_f64() - short.as_secs_f64()) / f64::from(2 * ROUNDS))
}

/// Nanoseconds for a page: of fork and the child's exit, and of a copy on write.
fn per_page(run: fn(Load) -> Option<Duration>) -> Option<(f64, f64)> {
    let (many, few) = (rounds(run, MANY, 0)?, rounds(run, FEW, 0)?);
    let written = rounds(run, MANY, MANY)?;
    Some((
        (many - few) * 1e9 / f64::from(MANY - FEW),
        (written - many) * 1e9 / f64::from(MANY),
    ))
}

fn main() {
    let (fork, copy) = per_page(emulated).unwrap();
    let Some((host_fork, host_copy)) = per_page(on_host) else {
        println!("skipped: the host does not run i386 programs");
        println!("emulated: fork {fork:.1} ns a page, copy on write {copy:.0} ns a page");
        return;
    };
    println!(
        "{:<24}{:>10}{:>10}{:>8}{:>8}",
        "ns a page", "emulated", "host", "ratio", "limit"
    );
    for (what, ours, host, limit) in [
        ("fork and exit", fork, host_fork, 0.1),
        ("copy on write", copy, host_copy, 0.3),
    ] {
        println!(
            "{what:<24}{ours:>10.1}{host:>10.1}{:>8.2}{limit:>8}",
            ours / host
        );
    }
}
