//! `forklab lab`: students work on labs, and teachers make them.

mod export;
mod play;
mod readme;
mod shelf;
mod steps;
mod store;
mod teacher;
mod tell;
mod watch;
mod way;
mod work;

pub(super) use play::{Meant, Next, Play};
pub(super) use readme::{fitted, folded};
pub(super) use shelf::Shelf;
pub(super) use steps::begin_on;
pub(super) use store::Store;
pub(super) use tell::{broken, list, word_for};
pub(super) use way::{next, resume};
pub(super) use work::{Begin, Work, put_missing};

use super::exit_code::{FAILED, FINE, USAGE};
use super::print::{complain, complain_painted, output_failed, print_painted};
use super::process::Process;
use super::repl;
use super::style::{stderr_colors, stdout_colors, visible};
use crate::script::closest;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct LabArgs {
    /// The folder of the labs, or of one lab; without it, those that come with forklab
    #[arg(long, value_name = "DIR", global = true)]
    labs: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What stands behind `forklab lab` if it begins with a lab, and not with a command.
#[derive(Parser)]
#[command(name = "forklab lab", no_binary_name = true)]
struct Direct {
    #[command(flatten)]
    start: StartArgs,
    /// The folder of the labs, or of one lab; without it, those that come with forklab
    #[arg(long, value_name = "DIR")]
    labs: Option<PathBuf>,
}

/// Which lab to begin, and how.
#[derive(Args, Default)]
struct StartArgs {
    /// Number or name of the lab
    lab: Option<String>,
    /// The seed of your variant
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(..=i64::MAX.cast_unsigned()))]
    seed: Option<u64>,
    /// Your name or number, from which the seeds of your variants are made
    #[arg(long, value_name = "NAME", conflicts_with = "seed")]
    student: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// List the labs, and how far you have come
    List,
    /// Begin a lab, or go on with it, at the prompt; without a number, with the one you began last,
    /// or the next one
    Start(StartArgs),
    /// Show the background and the tasks of a lab
    Read {
        /// Number or name of the lab; without it, the one you began last
        lab: Option<String>,
    },
    /// Show the next hint
    Hint {
        /// Number or name of the lab; without it, the one you began last
        lab: Option<String>,
        /// The task; without it, the first that is not finished
        task: Option<String>,
    },
    /// Check your files
    Check {
        /// Number or name of the lab; without it, the one you began last
        lab: Option<String>,
    },
    /// Check your files again whenever you save one, until Ctrl-C
    Watch {
        /// Number or name of the lab; without it, the one you began last
        lab: Option<String>,
    },
    /// Begin the next lab that is not finished, after the one you began last
    Next,
    /// Forget your answers and points; files that you changed are kept as NAME.old
    Reset {
        /// Number or name of the lab
        lab: String,
    },
    /// Show the solution, once you have tried; the list of labs will say so
    Solution {
        /// Number or name of the lab; without it, the one you began last
        lab: Option<String>,
    },
    /// For teachers: find everything that is wrong with labs, and solve every variant
    Verify {
        /// Folders of labs, or of one lab
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
    },
    /// For teachers: make a folder for a new lab, which passes verify
    New {
        /// The name of its folder: 03_first_writer
        name: PathBuf,
    },
    /// For teachers: write what students get of a lab, without checks and solution, into a folder
    Export {
        /// Number or name of the lab
        lab: String,
        /// The folder to write; with --autograder, the zip file
        to: PathBuf,
        /// Write a zip file for Gradescope instead, which grades what is handed in
        #[arg(long)]
        autograder: bool,
    },
    /// A lab, which is begun
    #[command(external_subcommand)]
    Direct(Vec<OsString>),
}

/// Why a command ends: with a message, or with an exit code after everything was said.
enum End {
    Message(String),
    Code(u8),
}

impl From<String> for End {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Self::Message(error.to_string())
    }
}

/// Runs a command; returns the exit code.
pub(super) fn run(process: &Process, args: LabArgs) -> u8 {
    let command = args.command.unwrap_or(Command::List);
    let done = match command {
        Command::Direct(words) => directly(process, args.labs, &words),
        Command::Verify { folders } => teacher::verify(process, &folders),
        Command::New { name } => teacher::scaffold(&name),
        command => of_student(process, args.labs, command),
    };
    finish(done)
}

/// Says how a command ended; returns the exit code.
fn finish(done: Result<String, End>) -> u8 {
    match done {
        Ok(text) if text.is_empty() => FINE,
        Ok(text) => match print_painted(&text) {
            Ok(()) => FINE,
            Err(error) => output_failed(error.kind()),
        },
        Err(End::Code(code)) => code,
        Err(End::Message(why)) => {
            complain(&format!("forklab: {why}"));
            USAGE
        }
    }
}

/// Plays the lab of a folder at the prompt, as `forklab lab start` does.
pub(super) fn play(process: &Process, folder: &Path, seed: Option<u64>) -> u8 {
    let labs = Some(folder.to_owned());
    let how = StartArgs {
        seed,
        ..StartArgs::default()
    };
    finish(of_student(process, labs, Command::Start(how)))
}

/// Begins the lab that the first word names: `forklab lab 3` is `forklab lab start 3`.
fn directly(process: &Process, labs: Option<PathBuf>, words: &[OsString]) -> Result<String, End> {
    let word = words.first().map(|word| word.to_string_lossy());
    let word = word.unwrap_or_default();
    let known = LabArgs::augment_args(clap::Command::new("lab"));
    let known: Vec<&str> = known
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    if let Some(meant) = closest(&word, known) {
        let word = visible(&word);
        return Err(
            format!("there is no command {word}; did you mean forklab lab {meant}?").into(),
        );
    }
    match Direct::try_parse_from(words) {
        Ok(direct) => of_student(process, direct.labs.or(labs), Command::Start(direct.start)),
        Err(error) => {
            // Nothing can be done about a terminal that is closed.
            let _ = error.print();
            Err(End::Code(if error.use_stderr() { USAGE } else { FINE }))
        }
    }
}

/// Says what keeps labs from being used.
pub(super) fn complain_of(shelf: &Shelf) {
    for error in &shelf.broken {
        complain_painted(&broken(error, stderr_colors()));
    }
    for (one, other) in shelf.twins() {
        complain(&format!(
            "forklab: {} and {} have the same title or number; the full name tells them apart",
            one.name, other.name
        ));
    }
}

fn of_student(process: &Process, labs: Option<PathBuf>, command: Command) -> Result<String, End> {
    let color = stdout_colors();
    let shelf = Shelf::open(labs.as_deref())?;
    complain_of(&shelf);
    let (store, complaint) = Store::open();
    if let Some(complaint) = complaint {
        complain(&format!("forklab: {complaint}"));
    }
    let last = |word: Option<String>, store: &Store| {
        let word = word.or_else(|| store.progress().current.clone());
        word.ok_or_else(|| "no lab was begun yet; begin one: forklab lab start 1".to_owned())
    };
    let go_on = |word: Option<String>, store: Store| -> Result<Work, End> {
        let lab = shelf.find(&last(word, &store)?)?.clone();
        let word = word_for(&lab);
        let work = Work::go_on(lab, store);
        work.ok_or_else(|| End::Message(format!("begin it first: forklab lab start {word}")))
    };
    match command {
        Command::List => Ok(list(&shelf.labs, store.progress(), color)),
        Command::Start(StartArgs { lab, seed, student }) => {
            let how = Begin { seed, student };
            start(process, &shelf, labs, store, lab, &how)
        }
        Command::Read { lab } => {
            let lab = shelf.find(&last(lab, &store)?)?;
            let size = console::Term::stdout().size_checked();
            let columns = size.map_or(usize::MAX, |(_, columns)| columns.into());
            Ok(folded(&lab.readme, columns))
        }
        Command::Next => {
            let lab = next(&shelf.labs, store.progress()).map(|lab| lab.name.clone());
            start(process, &shelf, labs, store, lab, &Begin::default())
        }
        Command::Hint { lab, task } => Ok(go_on(lab, store)?.hint(task.as_deref())?),
        Command::Check { lab } => {
            let mut work = go_on(lab, store)?;
            let mark = work.checked(process, color)?;
            let is_full = work.begun().sum(&work.lab) == work.lab.points();
            print_painted(&mark)?;
            Err(End::Code(if is_full { FINE } else { FAILED }))
        }
        Command::Watch { lab } => watch::run(process, go_on(lab, store)?, color),
        Command::Reset { lab } => {
            go_on(Some(lab), store)?.reset()?;
            Ok("answers, hints and points are forgotten".to_owned())
        }
        Command::Solution { lab } => Ok(go_on(lab, store)?.solution(process)?),
        Command::Export {
            lab,
            to,
            autograder,
        } => {
            let lab = shelf.find(&lab)?;
            if autograder {
                export::autograder(lab, &to)
            } else {
                export::for_students(lab, &to)
            }
        }
        Command::Verify { .. } | Command::New { .. } | Command::Direct(_) => Ok(String::new()),
    }
}

/// Begins a lab at the prompt.
fn start(
    process: &Process,
    shelf: &Shelf,
    labs: Option<PathBuf>,
    store: Store,
    word: Option<String>,
    how: &Begin,
) -> Result<String, End> {
    let lab = match word {
        Some(word) => shelf.find(&word)?.clone(),
        None if shelf.labs.len() == 1 => shelf.labs[0].clone(),
        None => {
            let lab = resume(&shelf.labs, store.progress());
            lab.ok_or_else(|| "every lab is finished".to_owned())?
                .clone()
        }
    };
    let word = lab.name.clone();
    Work::begin(lab, store, how)?;
    Err(End::Code(repl::run(
        process,
        labs,
        Some(&format!(":lab {word}")),
    )))
}
