//! Running scripts and comparing what they print with their snapshots.

use super::collect::{Script, root_of};
use super::transcript::{Draw, Transcript, transcript};
use crate::script::{FailureKind, Host, Limits};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What becomes of output that differs from its snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Update {
    /// Nothing: no file is written or removed.
    Nothing,
    /// It waits beside the snapshot for review.
    Pending,
    /// It becomes the snapshot.
    Accept,
}

/// The outcome of testing a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// It printed what its snapshot contains.
    Same,
    /// It printed something else.
    Differs {
        /// The contents of the snapshot; `None` if there is no snapshot.
        was: Option<String>,
        /// What it printed.
        now: String,
        /// Whether it ended with an error.
        failed: bool,
    },
    /// A merge has left conflicts in its snapshot.
    Conflict {
        /// Where.
        why: String,
        /// What it printed.
        now: String,
    },
    /// It could not be run or compared, with the reason.
    Unusable(String),
    /// It was interrupted by Ctrl-C.
    Interrupted,
}

/// A script and the outcome of testing it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The tested script.
    pub script: Script,
    /// The outcome of the test.
    pub outcome: Comparison,
    /// Whether it was refused memory of the host, which everything in the process shares: alone it
    /// may print something else.
    pub was_refused_memory: bool,
}

impl Verdict {
    /// The verdict on a script that cannot be tested.
    pub const fn unusable(script: Script, why: String) -> Self {
        Self {
            script,
            outcome: Comparison::Unusable(why),
            was_refused_memory: false,
        }
    }

    /// Updates the files of the snapshot.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn settle(&self, update: Update) -> io::Result<()> {
        let Script {
            snapshot, label, ..
        } = &self.script;
        match (&self.outcome, update) {
            (_, Update::Nothing) => Ok(()),
            (Comparison::Same, _) => snapshot.drop_pending(),
            (
                Comparison::Differs { now, .. } | Comparison::Conflict { now, .. },
                Update::Accept,
            ) => snapshot.write(now, label),
            (Comparison::Differs { now, .. }, Update::Pending) => {
                snapshot.write_pending(now, label)
            }
            _ => Ok(()),
        }
    }
}

/// Runs a script with that text and compares its output. No file is written.
pub fn check(script: Script, text: &str, limits: Limits, host: Host, draw: Draw) -> Verdict {
    let run = match transcript(limits, host, &script.label, text, draw) {
        Ok(run) => run,
        Err(why) => return Verdict::unusable(script, why),
    };
    Verdict {
        was_refused_memory: run.was_refused_memory,
        outcome: compare(&script, run),
        script,
    }
}

fn compare(script: &Script, run: Transcript) -> Comparison {
    if run.failure == Some(FailureKind::Interrupted) {
        return Comparison::Interrupted;
    }
    let now = run.text;
    match script.snapshot.contents() {
        Ok(Some(was)) if was.trim_end() == now.trim_end() => Comparison::Same,
        Ok(was) => Comparison::Differs {
            was,
            now,
            failed: run.failure.is_some(),
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Comparison::Conflict {
            why: error.to_string(),
            now,
        },
        Err(error) => Comparison::Unusable(error.to_string()),
    }
}

/// The snapshots of a folder of scripts that belong to none of them, and those that wait for review
/// likewise.
///
/// # Errors
/// If the folder of the snapshots cannot be read.
pub fn stale(folder: &Path, scripts: &[Script]) -> io::Result<Vec<PathBuf>> {
    let folder = fs::canonicalize(folder)?;
    let root = root_of(&folder);
    let (Some(beside), Some(name)) = (root.parent(), root.file_name()) else {
        return Ok(Vec::new());
    };
    let mut prefix = format!("{}@", name.to_string_lossy());
    for part in folder
        .strip_prefix(&root)
        .iter()
        .flat_map(|below| below.iter())
    {
        prefix.push_str(&format!("{}__", part.to_string_lossy()));
    }
    let snapshots = beside.join("snapshots");
    if !folder.is_dir() || !snapshots.is_dir() {
        return Ok(Vec::new());
    }
    let both = |script: &Script| [script.snapshot.path().to_owned(), script.snapshot.pending()];
    let known: BTreeSet<PathBuf> = scripts.iter().flat_map(both).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(snapshots)? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            let is_snapshot = name.ends_with(".snap") || name.ends_with(".snap.new");
            name.starts_with(&prefix) && is_snapshot
        });
        if ours && !known.contains(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
