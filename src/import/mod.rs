//! Files of other programs, which become workloads: each is recognised by its content, and whatever
//! is not understood is named with its place. `docs/files.md` describes them.
//!
//! An importer writes a workload file, so that there is one format that the machine reads, and the
//! user can look at what a file has become.

mod compare;
mod ftrace;
mod jobs;
mod recording;
mod rtapp;
mod schedule;
mod strace;

pub use compare::{Figures, Pair, SideBySide, figures_of};
pub(crate) use ftrace::OWN;
pub use strace::{LoggedCall, Returned};

use crate::machine::FileError;

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Our own format.
    Workload,
    /// JSON of rt-app.
    RtApp,
    /// A list of jobs such as `10,20,30`.
    Jobs,
    /// A list of forks such as `a+b,b-`.
    Forks,
    /// Text of ftrace, or what `perf sched script` prints.
    Ftrace,
    /// What `forklab replay` prints.
    Recording,
    /// A log of `strace -f`.
    Strace,
}

impl Kind {
    /// What it is, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "a workload file",
            Self::RtApp => "a workload of rt-app",
            Self::Jobs => "a list of jobs",
            Self::Forks => "a list of forks",
            Self::Ftrace => "a trace of ftrace or perf",
            Self::Recording => "a recording of forklab",
            Self::Strace => "a log of strace",
        }
    }

    /// Recognises a file by its content.
    pub fn of(text: &str) -> Self {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("//"));
        let beginning: Vec<&str> = lines.by_ref().take(LOOKED_AT).collect();
        let telling = |line: &&&str| !line.starts_with('#');
        let first = beginning.iter().find(telling).copied().unwrap_or_default();
        if beginning.iter().any(|line| ftrace::is_line(line)) {
            Self::Ftrace
        } else if first.starts_with('{') || first.starts_with("/*") {
            Self::RtApp
        } else if recording::is_line(first) {
            Self::Recording
        } else if strace::is_line(first) {
            Self::Strace
        } else if jobs::is_forks(text) {
            Self::Forks
        } else if jobs::is_jobs(text) {
            Self::Jobs
        } else {
            Self::Workload
        }
    }
}

/// So many lines are looked at to recognise a file.
const LOOKED_AT: usize = 100;

/// A place that is not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Trouble(FileError);

impl Trouble {
    /// At a byte of a line, both counted from 0.
    fn at(number: usize, line: &str, byte: usize, why: String, expected: &str) -> Self {
        let before = line.get(..byte).unwrap_or(line);
        Self(FileError {
            line: number + 1,
            column: before.chars().count() + 1,
            why,
            expected: expected.to_owned(),
        })
    }

    /// At a byte of the whole text.
    fn at_byte(text: &str, byte: usize, why: String, expected: &str) -> Self {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let number = before.matches('\n').count();
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::at(number, &text[begin..], byte - begin, why, expected)
    }
}

/// A file that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// What it is.
    pub kind: Kind,
    /// What it has become: a workload file.
    pub workload: String,
    /// Number of CPUs that it needs at least.
    pub cpus: u32,
    /// What its tasks got where it comes from, if that is known.
    pub there: Option<Vec<Figures>>,
    /// What is to be said of what is not kept.
    pub notes: Vec<String>,
}

/// The calls of a log of `strace -f`, each where it takes effect.
///
/// # Errors
/// The first line that is not understood.
pub fn strace_calls(text: &str) -> Result<Vec<LoggedCall>, FileError> {
    strace::read(text).map_err(|Trouble(error)| error)
}

/// Reads a file of any kind, for a machine with that many CPUs.
///
/// # Errors
/// The first place that is not understood.
pub fn import(text: &str, cpus: u32) -> Result<Imported, FileError> {
    let kind = Kind::of(text);
    read(kind, text, cpus).map_err(|Trouble(error)| error)
}

fn read(kind: Kind, text: &str, cpus: u32) -> Result<Imported, Trouble> {
    let plain = |workload| Imported {
        kind,
        workload,
        cpus: 1,
        there: None,
        notes: Vec::new(),
    };
    Ok(match kind {
        // A log has calls, and no times; `strace_calls` reads it.
        Kind::Workload | Kind::Strace => plain(text.to_owned()),
        Kind::RtApp => {
            let read = rtapp::read(text, cpus)?;
            Imported {
                notes: read.notes,
                ..plain(read.workload)
            }
        }
        Kind::Jobs => {
            let jobs = jobs::read_jobs(text)?;
            Imported {
                there: jobs.figures(),
                notes: vec![jobs.note()],
                ..plain(jobs.workload())
            }
        }
        Kind::Forks => plain(jobs::read_forks(text)?),
        Kind::Ftrace => {
            let read = ftrace::read(text)?;
            let mut notes = Vec::new();
            if read.others > 0 {
                notes.push(format!(
                    "{} events of other kinds are left out",
                    read.others
                ));
            }
            if read.lost > 0 {
                notes.push(format!("the other machine has lost {} events", read.lost));
            }
            if read.schedule.reordered > 0 {
                notes.push(format!(
                    "{} events are stamped a little before others of the file, and count as if they \
                     happened together with these",
                    read.schedule.reordered
                ));
            }
            Imported {
                cpus: read.schedule.cpus() as u32,
                there: Some(read.schedule.figures()),
                notes,
                ..plain(read.schedule.workload(cpus))
            }
        }
        Kind::Recording => {
            let schedule = recording::read(text)?;
            Imported {
                cpus: schedule.cpus() as u32,
                there: Some(schedule.figures()),
                ..plain(schedule.workload(cpus))
            }
        }
    })
}
