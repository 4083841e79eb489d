//! Draws small changes of forklab's kernel and hardware, and counts those that its tests notice.
//!
//! All drawn changes go into one copy of the sources, each behind a switch, so that the tests are
//! built once and not once for each change.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a report is its purpose"
)]
#![allow(clippy::disallowed_types, reason = "trials are timed")]

mod build;
mod candidate;
mod draw;
mod finder;
mod tree;
mod trial;

use anyhow::{Result, ensure};
use build::{Target, Workshop};
use candidate::Candidate;
use clap::Parser;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use trial::{Suite, Verdict};

/// Draw small changes of kernel and hardware, and count those that the tests notice.
#[derive(Parser)]
struct Args {
    /// How many to draw
    #[arg(long, default_value_t = 200)]
    sample: usize,
    /// Which draw
    #[arg(long, default_value_t = 2612)]
    seed: u64,
    /// Try only these numbers of the draw
    #[arg(long, value_delimiter = ',', value_name = "NUMBER")]
    only: Vec<u32>,
    /// How many to try at the same time [default: one for each CPU]
    #[arg(long)]
    jobs: Option<usize>,
    /// Fail if fewer than so many of a hundred are noticed
    #[arg(long, default_value_t = 95, value_name = "PERCENT")]
    at_least: usize,
    /// Try only the unit tests
    #[arg(long)]
    lib: bool,
    /// Try only the integration tests
    #[arg(long, conflicts_with = "lib")]
    it: bool,
    /// Print what would be drawn, and stop
    #[arg(long)]
    list: bool,
}

impl Args {
    /// The programs of tests, in the order in which they are run.
    fn targets(&self) -> Vec<Target> {
        match (self.lib, self.it) {
            (true, _) => vec![Target::Lib],
            (_, true) => vec![Target::Integration],
            _ => vec![Target::Lib, Target::Integration],
        }
    }
}

/// A change that compiles, with its number in the draw.
#[derive(Clone)]
struct Mutant {
    number: u32,
    candidate: Candidate,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let candidates = finder::find(&root)?;
    eprintln!("{} candidates", candidates.len());
    let pool = draw::pool(candidates, args.seed, args.sample);
    if args.list {
        pool.drawn
            .iter()
            .enumerate()
            .for_each(|(index, drawn)| println!("{} {drawn}", index + 1));
        return Ok(ExitCode::SUCCESS);
    }
    let workshop = Workshop::new(root.join("target/mutants"));
    let compiling = workshop.prepare(&root, &pool.drawn)?;
    let mut mutants = pool.sample(&compiling);
    if !args.only.is_empty() {
        mutants.retain(|mutant| args.only.contains(&mutant.number));
    }
    ensure!(!mutants.is_empty(), "there is no mutant to try");
    let jobs = args
        .jobs
        .map_or_else(|| thread::available_parallelism().map(usize::from), Ok)?;
    let mut verdicts = vec![Verdict::NeverReached; mutants.len()];
    for target in args.targets() {
        let left: Vec<usize> = (0..mutants.len())
            .filter(|index| !verdicts[*index].noticed())
            .collect();
        let again: Vec<Mutant> = left.iter().map(|index| mutants[*index].clone()).collect();
        let suite = trial::prepare(&workshop, target)?;
        for (index, verdict) in left.into_iter().zip(try_all(&again, &suite, jobs)?) {
            if verdict != Verdict::NeverReached {
                verdicts[index] = verdict;
            }
        }
    }
    Ok(report(&mutants, &verdicts, args.at_least))
}

/// Tries the mutants, several at a time.
fn try_all(mutants: &[Mutant], suite: &Suite, jobs: usize) -> Result<Vec<Verdict>> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(usize, Verdict)>> {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(index) else {
                return Ok(mine);
            };
            let verdict = suite.try_mutant(mutant.number)?;
            eprintln!(
                "{}/{} {} {}: {verdict}",
                index + 1,
                mutants.len(),
                mutant.number,
                mutant.candidate
            );
            mine.push((index, verdict));
        }
    };
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker panicked"));
        joined.collect::<Result<Vec<_>>>()
    })?
    .concat();
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, verdict)| verdict).collect())
}

/// Prints the survivors and the counts.
fn report(mutants: &[Mutant], verdicts: &[Verdict], at_least: usize) -> ExitCode {
    for (mutant, verdict) in mutants.iter().zip(verdicts) {
        if !verdict.noticed() {
            println!("{} {}: {verdict}", mutant.number, mutant.candidate);
        }
    }
    let count = |what: fn(&Verdict) -> bool| verdicts.iter().filter(|v| what(v)).count();
    let noticed = count(Verdict::noticed);
    println!(
        "{noticed} of {} noticed, {} of them by no end in time; {} survived, {} of them reached by no test",
        mutants.len(),
        count(|verdict| matches!(verdict, Verdict::NoEnd(_))),
        mutants.len() - noticed,
        count(|verdict| matches!(verdict, Verdict::NeverReached)),
    );
    if noticed * 100 >= at_least * mutants.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
