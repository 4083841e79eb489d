//! `forklab grade`: marks the hand-ins of a class, in processes of its own, and shows what comes of
//! it.

mod metadata;
mod options;
mod shown;
mod worker;

pub(super) use options::{GradeArgs, WorkerArgs};
pub(super) use worker::run as work;

use super::exit_code::{FAILED, FINE, INTERRUPTED, USAGE};
use super::lab::{Shelf, broken, put_missing};
use super::options::LimitArgs;
use super::print::{complain, output_failed, print_painted, reason};
use super::process::Process;
use super::progress::bar;
use super::reports::{self, Form};
use super::style::{stderr_colors, stdout_colors};
use crate::course::{Lab, Submission};
use crate::grade::{
    Class, Crew, End, Graded, HandIn, Header, Job, Journal, Launch, Merged, digest, hand_ins,
    print_of, read_journals,
};
use crate::lab::{Pool, in_order};
use crate::script::{Limit, Limits};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, thread};

/// The fewest columns that the table is folded to.
const NARROWEST: usize = 60;
/// The stack of a thread that waits for a worker process.
const STACK: usize = 1 << 20;

/// What a hand-in may use unless the command line says otherwise: less than a script of one's own.
pub(super) fn limits(given: &LimitArgs) -> Limits {
    let base = Limits::default()
        .with(Limit::Operations, 1_000_000)
        .with(Limit::Work, 200_000_000)
        .with(Limit::Ticks, 1_000_000)
        .with(Limit::Output, 1 << 20)
        .with(Limit::Memory, 512 << 20);
    given.over(base)
}

/// Grades a class; returns the exit code.
pub(super) fn run(process: &Process, args: &GradeArgs) -> u8 {
    match grade(process, args) {
        Ok(code) => code,
        Err(why) => {
            complain(&format!("forklab: {why}"));
            USAGE
        }
    }
}

fn grade(process: &Process, args: &GradeArgs) -> Result<u8, String> {
    let lab = lab_of(&args.lab)?;
    let reports = reports::wanted(&args.report, reports::OF_MARKS)?;
    let limits = Limit::ALL.map(|limit| process.limits.get(limit));
    let options = format!(
        "{limits:?} {:?} {} {}",
        args.seed, args.timeout, args.compile
    );
    let header = Header::of(&lab, &options);
    let Merged { graded, missing } = match &args.hand_ins {
        Some(folder) => {
            let Some(graded) = grade_all(process, args, &lab, folder, header)? else {
                complain("forklab: interrupted; the same command goes on from here");
                return Ok(INTERRUPTED);
            };
            let missing = Vec::new();
            Merged { graded, missing }
        }
        None => read_journals(&args.merge, &header)?,
    };
    let given = args.similar.then(|| given(&lab));
    let class = Class::new(&lab, graded, given.as_ref()).without(missing);
    let shown = shown::lines(&class, columns(), stdout_colors());
    if let Err(error) = print_painted(&shown.join("\n")) {
        return Ok(output_failed(error.kind()));
    }
    let mut code = FINE;
    if !class.missing.is_empty() {
        complain(
            "forklab: the report is incomplete; grade what is missing with the same --partition, \
             then merge all journals",
        );
        code = FAILED;
    }
    for wanted in reports {
        // One that cannot be written takes no other with it.
        if let Err(why) = wanted.write_class(&class) {
            complain(&format!("forklab: {why}"));
            code = USAGE;
        }
    }
    Ok(code)
}

/// How wide the terminal is, if the output goes to one.
fn columns() -> Option<usize> {
    let size = console::Term::stdout().size_checked();
    size.map(|(_, columns)| usize::from(columns).max(NARROWEST))
}

/// The lab that a word means: a folder, or one of those that the binary contains.
fn lab_of(word: &str) -> Result<Lab, String> {
    let folder = Path::new(word);
    if folder.is_dir() {
        return Lab::load(folder).map_err(|error| broken(&error, stderr_colors()));
    }
    Shelf::open(None)?.find(word).cloned()
}

/// The scripts that everybody was given, whose stretches are nobody's own.
fn given(lab: &Lab) -> Vec<u64> {
    let scripts = lab
        .start
        .values()
        .map(|bytes| String::from_utf8_lossy(bytes));
    scripts.flat_map(|text| print_of(&text)).collect()
}

/// Grades the hand-ins of a folder; `None` if it was interrupted.
fn grade_all(
    process: &Process,
    args: &GradeArgs,
    lab: &Lab,
    folder: &Path,
    header: Header,
) -> Result<Option<Vec<Graded>>, String> {
    if lab.checks.is_empty() && lab.tasks.iter().any(|task| !task.kind.is_asked()) {
        return Err(format!(
            "{} has no {}: this is what students get of it; name the folder of the whole lab with \
             --lab",
            lab.name,
            Lab::CHECKS
        ));
    }
    let all = if args.one {
        vec![HandIn {
            student: name_of(folder)?,
            path: folder.to_owned(),
        }]
    } else {
        hand_ins(folder).map_err(|error| format!("{}: {}", folder.display(), reason(&error)))?
    };
    if all.is_empty() {
        return Err(format!("there are no hand-ins in {}", folder.display()));
    }
    let all = args.partition.of(all);
    let scratch = tempfile::tempdir().map_err(|error| reason(&error))?;
    let path = journal_path(args, folder, scratch.path())?;
    if args.fresh {
        let _ = fs::remove_file(&path);
    }
    let students = all.iter().map(|hand_in| hand_in.student.clone());
    let header = header.for_share(args.partition, students.collect());
    let journal = Mutex::new(Journal::open(&path, &header)?);
    let crew = Crew::new(
        launch(process, args, lab, scratch.path())?,
        process.interrupt.clone(),
    );
    let seed = args.seed.or_else(|| {
        let metadata = args.metadata.as_deref()?;
        Some(metadata::seed(lab, metadata))
    });
    let bar = bar(all.len() as u64);
    let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = Pool {
        threads: args.jobs.map_or_else(cores, std::num::NonZero::get),
        stack: STACK,
    };
    let mut graded = Vec::new();
    let mut trouble = None;
    let work = |hand_in: &HandIn| {
        let result = grade_one(hand_in, lab, seed, &crew, &journal);
        bar.inc(1);
        result
    };
    let done = in_order(pool, &all, work, |_, result| match result {
        Ok(Some(one)) => {
            graded.push(one);
            ControlFlow::Continue(())
        }
        Ok(None) => ControlFlow::Break(()),
        Err(why) => {
            trouble = Some(why);
            process.interrupt.raise();
            ControlFlow::Break(())
        }
    });
    bar.finish_and_clear();
    done.map_err(|error| format!("cannot start a thread ({error})"))?;
    match trouble {
        Some(why) => Err(why),
        None if graded.len() < all.len() => Ok(None),
        None => Ok(Some(graded)),
    }
}

/// The whole path of a folder, whatever it is called on the command line.
fn whole(folder: &Path) -> Result<PathBuf, String> {
    let whole = folder.canonicalize();
    whole.map_err(|error| format!("{}: {}", folder.display(), reason(&error)))
}

/// The name of a folder or file.
fn name_of(path: &Path) -> Result<String, String> {
    let whole = whole(path)?;
    let name = whole.file_name().unwrap_or_default();
    Ok(name.to_string_lossy().into_owned())
}

/// Where the journal is: beside the hand-ins, one for each share. A single hand-in needs none that
/// stays.
fn journal_path(args: &GradeArgs, folder: &Path, scratch: &Path) -> Result<PathBuf, String> {
    if let Some(path) = &args.journal {
        return Ok(path.clone());
    }
    if args.one {
        return Ok(scratch.join("journal"));
    }
    let whole = whole(folder)?;
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    if args.partition != crate::lab::Share::ALL {
        name.push(format!(
            ".{}",
            args.partition.to_string().replace('/', "of")
        ));
    }
    name.push(".journal");
    Ok(whole.with_file_name(name))
}

/// How a worker process is started: with the limits of this one. It reads the lab from a folder.
fn launch(
    process: &Process,
    args: &GradeArgs,
    lab: &Lab,
    scratch: &Path,
) -> Result<Launch, String> {
    let program = env::current_exe().map_err(|error| format!("cannot find forklab: {error}"))?;
    let mut words: Vec<OsString> = vec!["grade-worker".into()];
    let folder = match &lab.folder {
        Some(folder) if folder.join(Lab::MANIFEST).is_file() => folder.clone(),
        // It is one of the binary.
        _ => {
            let folder = scratch.join(&lab.name);
            put_missing(&folder, &lab.files).map_err(|error| reason(&error))?;
            folder
        }
    };
    words.push(folder.into());
    if args.compile {
        words.push("--compile".into());
    }
    for limit in Limit::ALL {
        words.push(format!("--{}", limit.flag()).into());
        words.push(process.limits.get(limit).to_string().into());
    }
    Ok(Launch {
        program,
        args: words,
        timeout: Duration::from_secs(args.timeout),
    })
}

/// Grades a hand-in, unless the journal knows its result; `None` if that was interrupted.
fn grade_one(
    hand_in: &HandIn,
    lab: &Lab,
    seed: Option<u64>,
    crew: &Crew,
    journal: &Mutex<Journal>,
) -> Result<Option<Graded>, String> {
    let HandIn { student, path } = hand_in;
    let journal = || journal.lock().unwrap_or_else(PoisonError::into_inner);
    let read = Submission::read(path).map_err(|why| why.0);
    let graded = match read.and_then(|submission| named(path).map(|()| digest(&submission))) {
        Err(why) => Graded {
            student: student.clone(),
            digest: String::new(),
            end: End::Unreadable(why),
            print: Vec::new(),
        },
        Ok(digest) => {
            if let Some(known) = journal().find(student, &digest) {
                return Ok(Some(known.clone()));
            }
            let job = Job {
                student: student.clone(),
                path: path.clone(),
                seed: seed.unwrap_or_else(|| lab.seed_of(student)),
            };
            let graded = crew.grade(&job, &digest);
            match graded.map_err(|error| format!("cannot start a process ({error})"))? {
                Some(graded) => graded,
                None => return Ok(None),
            }
        }
    };
    let added = journal().add(&graded);
    added.map_err(|error| format!("the journal cannot be written: {}", reason(&error)))?;
    Ok(Some(graded))
}

/// Whether a worker can be told the name of a file.
fn named(path: &Path) -> Result<(), String> {
    match path.to_str() {
        Some(_) => Ok(()),
        None => Err("the name of its file is not UTF-8; rename it".to_owned()),
    }
}

impl reports::Wanted {
    /// Writes a report on a class.
    ///
    /// # Errors
    /// That it cannot be written, and why.
    fn write_class(&self, class: &Class) -> Result<(), String> {
        match self.form {
            Form::Csv => self.write_text(&crate::grade::csv(class)),
            Form::Html => self.write_text(&crate::grade::html(class)),
            Form::Gradescope => {
                let each = class.graded.iter().map(|graded| {
                    let text = crate::grade::gradescope(graded, class.of);
                    (crate::grade::file_name(&graded.student), text)
                });
                self.write_each(&each.collect::<Vec<_>>())
            }
            Form::Junit | Form::Tap | Form::Json => self.write(&crate::grade::report(class)),
        }
    }
}
