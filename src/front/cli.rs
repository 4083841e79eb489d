//! The command line.

use super::exit_code::{FINE, USAGE};
use super::grade::{self, GradeArgs, WorkerArgs};
use super::lab::{self, LabArgs};
use super::options::LimitArgs;
use super::process::Process;
use super::program::{self, Program, Told};
use super::run::{self, Given, Outputs, Questions, Source};
use super::test::{self, TestArgs};
use super::{doc, outputs, print, repl, replay};
use crate::script::{Interrupt, Limits};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::thread;

/// A Linux 2.6.12 kernel in a box: fork, copy on write and the O(1) scheduler, scriptable.
///
/// Without a command, starts the interactive prompt.
#[derive(Parser)]
#[command(name = "forklab", bin_name = "forklab", version, about, after_help = EXIT_CODES)]
struct Cli {
    /// Run this script text on a fresh machine, and print the value of its last expression
    #[arg(short = 'e', value_name = "EXPR")]
    expression: Option<String>,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    color: colorchoice_clap::Color,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 success; 1 a script failed, or a snapshot differs; 2 bad \
     usage, or an unusable file; 3 the emulated kernel panicked; 4 a limit was hit; 130 \
     interrupted; 129 and 143 ended by SIGHUP and SIGTERM.";

#[derive(Subcommand)]
enum Command {
    /// Run scripts, each on its own fresh machine, or a program: an ELF file or a C file
    Run(RunArgs),
    /// Run scripts and compare what they print with their snapshots
    Test(TestArgs),
    /// Grade the hand-ins of a class
    Grade(GradeArgs),
    /// Grade what the standard input names
    #[command(hide = true)]
    GradeWorker(WorkerArgs),
    /// Work on labs: list, start, hint, check; for teachers: verify, new, export
    Lab(LabArgs),
    /// Run a workload file, or a file of another program, and print the schedule in the format of the
    /// recordings
    Replay(ReplayArgs),
    /// Explain a script function; without a name, list all functions
    Doc(DocArgs),
}

#[derive(Args)]
struct RunArgs {
    /// Script files; - reads a script from standard input. After a program, its arguments: from the
    /// first that begins with one hyphen, all; those that begin with two after --
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// After --, arguments: of the program, or of the scripts, where args() returns them
    #[arg(last = true, value_name = "ARG")]
    rest: Vec<PathBuf>,
    /// Put this file into the working directory of the program; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// Let programs of a later C library run: uname tells of Linux 3.2, and a few later calls exist
    #[arg(long)]
    compat: bool,
    /// Say which C compiler is used
    #[arg(long)]
    verbose: bool,
    /// Tell the story of a program on standard error: forks, copied pages with the lines that wrote
    /// to them, output, signals, ends
    #[arg(long)]
    story: bool,
    /// Print the system calls of a program on standard error, as strace -f does
    #[arg(long)]
    strace: bool,
    /// Print the processes of a program as a tree at the end, on standard error
    #[arg(long)]
    tree: bool,
    /// Run a program many times with ticks at other moments and one or two CPUs, and print every
    /// output that it has
    #[arg(long = "outputs", conflicts_with_all = ["story", "strace", "tree", "seed", "trace", "html"])]
    every_output: bool,
    /// How many times --outputs runs it
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1000,
        requires = "every_output"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    runs: u64,
    /// Run a program in the interleaving of this seed, which --outputs names; run a script in the
    /// variant of this seed, which lab.seed, vary and pick show
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Ask for each prediction on the terminal, even if the script gives one
    #[arg(long)]
    ask: bool,
    /// Write the scripts and what they print to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    #[command(flatten)]
    outputs: Outputs,
}

#[derive(Args)]
struct ReplayArgs {
    /// Workload file, workload of rt-app, list of jobs or forks, trace of ftrace or perf, or
    /// recording; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Number of CPUs of the machine [default: as many as the file tells of]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=8))]
    cpus: Option<u32>,
    /// Print what the tasks got on the other machine beside what they get here
    #[arg(long)]
    compare: bool,
    /// Print the workload that the file is turned into, and do not run it
    #[arg(long, conflicts_with = "compare")]
    workload: bool,
    /// Print this table at the end instead of the schedule
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["compare", "workload"])]
    show: Option<replay::Table>,
    #[command(flatten)]
    outputs: Outputs,
}

#[derive(Args)]
struct DocArgs {
    /// Name of a function, property or constant
    name: Option<String>,
    /// Print the whole reference as Markdown
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
    /// Print the whole reference as JSON
    #[arg(long, conflicts_with_all = ["name", "markdown"])]
    json: bool,
    /// Print what later kernels do otherwise, as Markdown
    #[arg(long, conflicts_with_all = ["name", "markdown", "json"])]
    since: bool,
}

/// Runs the command line; returns the exit code. `memory` returns how many bytes the process has
/// allocated, for the limit on it.
pub fn main(args: impl IntoIterator<Item = OsString>, memory: Option<fn() -> usize>) -> u8 {
    let cli = match Cli::try_parse_from(with_separator(args)) {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    cli.color.write_global();
    #[cfg(unix)]
    super::terminal::restore_when_ended();
    let thread = thread::Builder::new().stack_size(cli.limits.over(Limits::default()).stack());
    let run = thread.spawn(move || dispatch(cli, memory));
    match run.map(thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            print::complain(&format!(
                "forklab: cannot start a thread ({error}); a lower --max-operations needs less \
                 stack"
            ));
            USAGE
        }
    }
}

/// Arguments with `--` before the first option in the style of `-l` after `run` and a program: it is
/// for that program, as all that follow, because `run` has none like it.
fn with_separator(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let is_option = |arg: &OsString| {
        let bytes = arg.as_encoded_bytes();
        bytes.len() > 1 && bytes[0] == b'-' && bytes[1] != b'-'
    };
    let run = args.iter().position(|arg| arg == "run");
    let Some(run) = run.filter(|run| *run > 0) else {
        return args;
    };
    let option = args.iter().skip(run).position(is_option);
    if let Some(at) = option.map(|at| run + at)
        && !args[run..at].iter().any(|arg| arg == "--")
        && args[run + 1..at]
            .iter()
            .any(|arg| program::is_program(arg.as_ref()))
    {
        args.insert(at, "--".into());
    }
    args
}

fn dispatch(cli: Cli, memory: Option<fn() -> usize>) -> u8 {
    let limits = cli.limits.over(Limits::default());
    let process = Process {
        limits,
        interrupt: Interrupt::default(),
        memory,
    };
    let raised = process.interrupt.clone();
    if let Err(error) = ctrlc::set_handler(move || raised.raise()) {
        print::complain(&format!("forklab: Ctrl-C will end the program: {error}"));
    }
    if cli.expression.is_none()
        && let Some(option) = cli.outputs.for_one_run()
    {
        print::complain(&format!(
            "forklab: {option} belongs behind run or replay, or to -e"
        ));
        return USAGE;
    }
    match (cli.command, cli.expression) {
        (Some(Command::Run(args)), None) => run(&process, args),
        (Some(Command::Test(args)), None) => test::run(&process, &args),
        (Some(Command::Grade(args)), None) => {
            let limits = grade::limits(&cli.limits);
            grade::run(&Process { limits, ..process }, &args)
        }
        (Some(Command::GradeWorker(args)), None) => grade::work(&process, &args),
        (Some(Command::Replay(args)), None) => {
            let told = replay::Told::of(args.compare, args.workload, args.show, args.outputs.json);
            replay::run(
                &process,
                &Source::of_path(args.file),
                args.cpus,
                told,
                &args.outputs,
            )
        }
        (Some(Command::Lab(args)), None) => lab::run(&process, args),
        (Some(Command::Doc(args)), None) => doc::run(args.name.as_deref(), args.whole()),
        (None, Some(text)) => {
            let source = [Source::Expression(text)];
            run::run_all(&process, source, &Given::NOTHING, None, &cli.outputs)
        }
        (Some(_), Some(_)) => {
            let error = Cli::command().error(
                ErrorKind::ArgumentConflict,
                "-e and a command cannot be combined",
            );
            report_usage(&error)
        }
        (None, None) => repl::run(&process, None, None),
    }
}

impl DocArgs {
    /// The form in which everything is wanted.
    fn whole(&self) -> Option<doc::Form> {
        let forms = [
            (self.markdown, doc::Form::Markdown),
            (self.json, doc::Form::Json),
            (self.since, doc::Form::Since),
        ];
        let chosen = forms.into_iter().find(|(chosen, _)| *chosen);
        chosen.map(|(_, form)| form)
    }
}

impl RunArgs {
    /// The first of the given options that only programs have, and what a script does instead.
    fn for_programs(&self) -> Option<(&'static str, &'static str)> {
        let told = "a script says boot(#{strace: true}), and later strace(), story() or family()";
        let seeds = "a script chooses another interleaving with jitter(seed)";
        let options = [
            (self.story, "--story", told),
            (self.strace, "--strace", told),
            (self.tree, "--tree", told),
            (self.every_output, "--outputs", seeds),
            (
                self.compat,
                "--compat",
                "a script says boot(#{compat: true})",
            ),
            (
                !self.inputs.is_empty(),
                "--file",
                "a script reads a file with file(name)",
            ),
            (
                self.verbose,
                "--verbose",
                "forklab run --verbose with the C file says it",
            ),
        ];
        let given = options.into_iter().find(|(given, ..)| *given);
        given.map(|(_, option, instead)| (option, instead))
    }
}

/// Runs scripts, or a program with its arguments.
fn run(process: &Process, args: RunArgs) -> u8 {
    if let Some(path) = args.files.first()
        && program::is_program(path)
    {
        return run_program(process, args);
    }
    // Of a file that is not there something else is to be said.
    let is_there = |path: &PathBuf| path.exists() || path.as_os_str() == "-";
    if let Some((option, instead)) = args.for_programs()
        && args.files.first().is_some_and(is_there)
    {
        print::complain(&format!(
            "forklab: {option} is for programs, but this is a script"
        ));
        print::complain(&format!("help: {instead}"));
        return USAGE;
    }
    if let Some(option) = args.outputs.for_one_run()
        && args.files.len() > 1
    {
        print::complain(&format!(
            "forklab: {option} is for a single script, but these are {}",
            args.files.len()
        ));
        return USAGE;
    }
    let sources: Vec<Source> = args.files.into_iter().map(Source::of_path).collect();
    let is_plain = !args.ask
        && args.transcript.is_none()
        && args.rest.is_empty()
        && args.outputs.is_empty()
        && io::stdin().is_terminal()
        && io::stdout().is_terminal();
    if is_plain
        && let [source] = sources.as_slice()
        && let Some(folder) = source.lab_folder()
    {
        return lab::play(process, folder, args.seed);
    }
    let given = Given {
        questions: if args.ask {
            Questions::Asked
        } else {
            Questions::AtTerminal
        },
        seed: args.seed.unwrap_or(0),
        args: args.rest.iter().map(|arg| text(arg)).collect(),
    };
    let transcript = args.transcript.as_deref();
    run::run_all(process, sources, &given, transcript, &args.outputs)
}

fn text(arg: &Path) -> String {
    arg.to_string_lossy().into_owned()
}

/// Runs a program, the first of the files, with what follows as its arguments.
fn run_program(process: &Process, args: RunArgs) -> u8 {
    let for_scripts = [
        (args.ask, "--ask"),
        (args.transcript.is_some(), "--transcript"),
        (args.outputs.json, "--json"),
        (args.outputs.svg.is_some(), "--svg"),
    ];
    if let Some((_, option)) = for_scripts.into_iter().find(|(given, _)| *given) {
        print::complain(&format!(
            "forklab: {option} is for scripts, but this is a program"
        ));
        return USAGE;
    }
    let mut files = args.files.into_iter();
    let wanted = Program {
        path: files.next().unwrap_or_default(),
        args: files.chain(args.rest).map(|arg| text(&arg)).collect(),
        files: args.inputs,
        compat: args.compat,
        verbose: args.verbose,
        told: [
            (args.strace, Told::Strace),
            (args.story, Told::Story),
            (args.tree, Told::Tree),
        ]
        .into_iter()
        .filter_map(|(wanted, told)| wanted.then_some(told))
        .collect(),
        seed: args.seed,
        outputs: args.outputs,
    };
    if args.every_output {
        return outputs::run(process, &wanted, args.runs);
    }
    program::run(process, &wanted)
}

/// Help and version are not errors; everything else is.
fn report_usage(error: &clap::Error) -> u8 {
    match error.print() {
        // A closed terminal must not cause another failure.
        _ if error.use_stderr() => USAGE,
        Ok(()) => FINE,
        Err(error) => print::output_failed(error.kind()),
    }
}
