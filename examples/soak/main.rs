//! Runs forklab on random input of many kinds and reports each panic, each hang and each run that
//! differs from the same run made again. `docs/soak.md` describes it.
//!
//! Each case is made from its kind and a seed alone, so that it can be repeated. Cases run in worker
//! processes: an overflow of the stack or an abort ends a worker, not the count.

#![allow(
    clippy::print_stdout,
    reason = "a worker and its supervisor talk by lines"
)]

mod case;
mod code;
mod command_line;
mod dice;
mod elf;
mod process;
mod program;
mod prompt;
mod script;
mod supervise;
mod worker;
mod workload;

use cap::Cap;
use clap::Parser;
use std::alloc::System;
use std::process::ExitCode;

use case::Kind;

/// Counts allocations, as the command's allocator does, for the limit on memory.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// How many bytes this process has allocated.
fn allocated() -> usize {
    ALLOCATOR.allocated()
}

/// Runs forklab on random input and reports panics, hangs and differing second runs.
#[derive(Parser)]
#[command(name = "soak")]
struct Args {
    /// Cases to run, shared out among the kinds
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    cases: u64,
    /// Stop after so many seconds, however many cases are left
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// The seed of the first case; the next case of a kind has the next seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Run cases of this kind only
    #[arg(long, value_name = "KIND")]
    only: Option<Kind>,
    /// Print the case of that seed instead of running it; requires --only
    #[arg(long, requires = "only")]
    show: bool,
    /// Run the cases of --only in this process, as a worker
    #[arg(long, requires = "only", hide = true)]
    worker: bool,
}

/// The first argument that makes this process the forklab command itself: the same function as the
/// real one's, so that no other file has to be built.
const AS_COMMAND: &str = "forklab";

fn main() -> ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|first| first == AS_COMMAND) {
        args.remove(0);
        return ExitCode::from(forklab::front::main(args, Some(allocated)));
    }
    let args = Args::parse_from(args);
    let done = match (args.only, args.show, args.worker) {
        (Some(kind), true, _) => {
            println!("{}", case::make(kind, args.seed));
            Ok(0)
        }
        (Some(kind), false, true) => worker::run(kind, args.seed, args.cases).map(|()| 0),
        _ => supervise::run(&args),
    };
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("soak: {error}");
            ExitCode::from(2)
        }
    }
}
