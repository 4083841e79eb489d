//! Random sequences of operations on several tasks, against a plain account of what every byte of
//! memory and every descriptor must be. After each operation all invariants are checked, and at
//! the end of each sequence nothing may be left.
//!
//! The sequences are the same at every run. `PROPTEST_CASES=100000 cargo test --test it model` runs
//! more of them, `PROPTEST_RNG_SEED=7` others.

mod areas;
mod calls;
mod compare;
mod files;
mod memory;
mod op;
mod space;
mod tables;
mod world;

use forklab::kernel::boot::Config;
use op::{Sequence, op};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner, contextualize_config};
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use world::World;

/// Sequences of each kind of machine.
const CASES: u32 = 2_500;
/// Operations in a sequence, at most.
const LENGTH: usize = 40;

fn config() -> Config {
    Config {
        mem: 8 << 20,
        tlb: 16,
        pid_max: 400,
        threads_max: Some(100),
        ..Config::default()
    }
}

/// Runs random sequences, the same at every run unless the environment asks for others.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(contextualize_config(ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(2612),
        ..ProptestConfig::default()
    }))
}

/// Plays random sequences, each on what the one before has left.
pub fn play<World, Sequence: Debug>(
    cases: u32,
    world: World,
    sequences: impl Strategy<Value = Sequence>,
    play: impl Fn(&mut World, &Sequence),
) {
    let world = Mutex::new(world);
    let outcome = runner(cases).run(&sequences, |sequence| {
        // A sequence that failed leaves nothing to the next but the lock.
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        play(&mut world, &sequence);
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
}

fn run(config: Config, cases: u32) {
    run_in(World::boot(config), cases);
}

fn run_in(world: World, cases: u32) {
    let sequences = prop::collection::vec(op(), 1..LENGTH).prop_map(Sequence);
    play(cases, world, sequences, |world, sequence| {
        world.reset();
        sequence.0.iter().for_each(|op| world.step(op));
        world.finish();
    });
}

#[test]
fn the_model_on_one_cpu() {
    run(config(), 2 * CASES);
}

#[test]
fn the_model_on_two_cpus() {
    let cpus = Config {
        cpus: 2,
        ..config()
    };
    run(cpus, CASES);
}

#[test]
fn the_model_with_full_copies() {
    let copies = Config {
        cow: false,
        ..config()
    };
    run(copies, CASES);
}

/// What is in swap is still there: before each operation pages are written to a swap device.
fn run_under_pressure(cpus: u32, cases: u32) {
    let swap = Config {
        swap: 8 << 20,
        cpus,
        ..config()
    };
    run_in(World::short_of_memory(swap), cases);
}

#[test]
fn the_model_under_pressure() {
    run_under_pressure(1, CASES);
}

#[test]
fn the_model_under_pressure_on_two_cpus() {
    run_under_pressure(2, CASES / 2);
}
