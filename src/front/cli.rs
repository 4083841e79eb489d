//! The command line.

use super::exit_code::{FINE, USAGE};
use super::options::LimitArgs;
use super::print;
use super::process::Process;
use super::run::{self, Source};
use super::{doc, repl, replay, test};
use crate::script::{Interrupt, Limit};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;

/// The least stack of the thread that everything runs on.
const MIN_STACK: usize = 64 << 20;
/// The most: an address space is not without end either.
const MAX_STACK: usize = 16 << 30;
/// Stack for each operation that a script may use: a script can nest values, one level for seven
/// operations or so, and they are dropped one inside the other, at 250 bytes a level.
const STACK_FOR_OPERATION: usize = 56;

/// Linux 2.6.12 in a box: fork, copy on write and the O(1) scheduler, scripted.
///
/// Without a command: the interactive prompt.
#[derive(Parser)]
#[command(name = "forklab", bin_name = "forklab", version, about, after_help = EXIT_CODES)]
struct Cli {
    /// Run this script text on a fresh machine, and print the value of its last expression
    #[arg(short = 'e', value_name = "EXPR")]
    expression: Option<String>,
    #[command(flatten)]
    color: colorchoice_clap::Color,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 fine; 1 the script failed, or a snapshot differs; 2 usage, \
                          or an unusable file; 3 the emulated kernel panicked; 4 a limit was hit; \
                          130 interrupted.";

#[derive(Subcommand)]
enum Command {
    /// Run scripts, each on its own fresh machine
    Run(RunArgs),
    /// Run scripts and compare what they print with their snapshots
    Test(TestArgs),
    /// Run a workload file and print the schedule in the format of the recordings
    Replay(ReplayArgs),
    /// Explain a script function; without a name, list them all
    Doc(DocArgs),
}

#[derive(Args)]
struct RunArgs {
    /// Script files; - reads a script from standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Put each prediction to you, on the terminal, whatever the script predicts
    #[arg(long)]
    ask: bool,
}

#[derive(Args)]
struct TestArgs {
    /// Scripts, or folders of scripts
    #[arg(value_name = "PATH", default_value = "scripts")]
    paths: Vec<PathBuf>,
    /// Take what the scripts print now as right
    #[arg(long)]
    accept: bool,
}

#[derive(Args)]
struct ReplayArgs {
    /// Workload file; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Processors of the machine
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=8))]
    cpus: u32,
}

#[derive(Args)]
struct DocArgs {
    /// Name of a function or property
    name: Option<String>,
    /// Print the whole reference as Markdown
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

/// Does what the command line says; returns the exit code. `memory` tells how many bytes the
/// process has allocated, for the limit on it.
pub fn main(args: impl IntoIterator<Item = OsString>, memory: Option<fn() -> usize>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    cli.color.write_global();
    let operations = cli.limits.0.get(Limit::Operations);
    let wanted = usize::try_from(operations).map_or(usize::MAX, |operations| {
        operations.saturating_mul(STACK_FOR_OPERATION)
    });
    let thread = thread::Builder::new().stack_size(wanted.clamp(MIN_STACK, MAX_STACK));
    let run = thread.spawn(move || dispatch(cli, memory));
    match run.map(thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            print::complain(&format!(
                "forklab: no thread can be started ({error}); fewer --max-operations need less \
                 stack"
            ));
            USAGE
        }
    }
}

fn dispatch(cli: Cli, memory: Option<fn() -> usize>) -> u8 {
    let process = Process {
        limits: cli.limits.0,
        interrupt: Interrupt::default(),
        memory,
    };
    let raised = process.interrupt.clone();
    if let Err(error) = ctrlc::set_handler(move || raised.raise()) {
        print::complain(&format!("forklab: Ctrl-C will end the program: {error}"));
    }
    match (cli.command, cli.expression) {
        (Some(Command::Run(args)), None) => {
            let sources = args.files.into_iter().map(Source::of_path);
            run::run_all(&process, sources, args.ask)
        }
        (Some(Command::Test(args)), None) => test::run(&process, &args.paths, args.accept),
        (Some(Command::Replay(args)), None) => {
            replay::run(&process, &Source::of_path(args.file), args.cpus)
        }
        (Some(Command::Doc(args)), None) => doc::run(args.name.as_deref(), args.markdown),
        (None, Some(text)) => run::run_all(&process, [Source::Expression(text)], false),
        (Some(_), Some(_)) => {
            let error = Cli::command().error(
                ErrorKind::ArgumentConflict,
                "-e and a command exclude each other",
            );
            report_usage(&error)
        }
        (None, None) => repl::run(&process),
    }
}

/// Help and version are no errors; the rest is.
fn report_usage(error: &clap::Error) -> u8 {
    match error.print() {
        // A closed terminal is no reason to fail in another way.
        _ if error.use_stderr() => USAGE,
        Ok(()) => FINE,
        Err(error) => print::output_failed(error.kind()),
    }
}
