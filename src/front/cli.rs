//! The command line.

use super::exit_code::{FINE, USAGE};
use super::run::{self, Source};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Linux 2.6.12 in a box: fork, copy on write and the O(1) scheduler, scripted.
#[derive(Parser)]
#[command(name = "forklab", version, about, after_help = EXIT_CODES)]
struct Cli {
    /// Run this script text on a fresh machine, and print the value of its last expression
    #[arg(short = 'e', value_name = "EXPR")]
    expression: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 fine; 1 the script failed; 2 usage; 3 the emulated kernel \
                          panicked; 4 a limit was hit; 130 interrupted.";

#[derive(Subcommand)]
enum Command {
    /// Run scripts, each on its own fresh machine
    Run(RunArgs),
}

#[derive(Args)]
struct RunArgs {
    /// Script files; - reads a script from standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Does what the command line says; returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    match (cli.command, cli.expression) {
        (Some(Command::Run(args)), None) => {
            let sources = args.files.into_iter().map(Source::of_path);
            run::run_all(sources)
        }
        (None, Some(text)) => run::run_all([Source::Expression(text)]),
        (Some(_), Some(_)) => {
            let error = Cli::command().error(
                ErrorKind::ArgumentConflict,
                "-e and a command exclude each other",
            );
            report_usage(&error)
        }
        (None, None) => {
            let text = Cli::command().render_help().to_string();
            // Who closed the terminal gets the exit code all the same.
            let _ = run::print_line(text.trim_end());
            USAGE
        }
    }
}

/// Help and version are no errors; the rest is.
fn report_usage(error: &clap::Error) -> u8 {
    // A closed terminal is no reason to fail in another way.
    let _ = error.print();
    if error.use_stderr() { USAGE } else { FINE }
}
