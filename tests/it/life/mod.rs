//! Random lives of processes: forks, threads, ends, waits, signals with handlers, stops and
//! continuations, tracers, pipes, words and semaphores that tasks meet at, programs, memory that is
//! full, and allocations that fail. After each operation every invariant of the kernel must hold, nobody may sleep who could
//! go on, and every zombie must have somebody to reap it; at the end all can be killed, and nothing
//! is left.
//!
//! `PROPTEST_CASES=100000 cargo test --test it life` runs more, `PROPTEST_RNG_SEED=7` others.

mod op;
mod programs;
mod rules;
mod world;

use crate::model::play;
use forklab::kernel::boot::Config;
use op::{Sequence, op};
use proptest::prelude::*;
use world::World;

/// Sequences of each kind of machine.
const CASES: u32 = 1_500;
/// Operations in a sequence, at most.
const LENGTH: usize = 60;

fn run(cpus: u32) {
    let world = World::boot(Config {
        cpus,
        mem: 8 << 20,
        tlb: 16,
        pid_max: 400,
        threads_max: Some(100),
        ..Config::default()
    });
    let sequences = prop::collection::vec(op(), 1..LENGTH).prop_map(Sequence);
    play(CASES, world, sequences, |world, sequence| {
        world.reset();
        sequence.0.iter().for_each(|op| world.step(op));
        world.finish();
    });
}

#[test]
fn lives_on_one_cpu() {
    run(1);
}

#[test]
fn lives_on_two_cpus() {
    run(2);
}
