//! Running scripts and comparing what they print with their snapshots.

use super::collect::{Script, root_of};
use super::transcript::{Draw, transcript};
use crate::script::{FailureKind, Host, Limits};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

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
}

/// Runs a script with that text and compares its output. With `accept`, what it prints now becomes
/// the snapshot.
pub fn check(
    script: Script,
    text: &str,
    limits: Limits,
    host: Host,
    draw: Draw,
    accept: bool,
) -> Verdict {
    let outcome = compare(&script, text, limits, host, draw, accept)
        .unwrap_or_else(|error| Comparison::Unusable(error.to_string()));
    Verdict { script, outcome }
}

fn compare(
    script: &Script,
    text: &str,
    limits: Limits,
    host: Host,
    draw: Draw,
    accept: bool,
) -> io::Result<Comparison> {
    let run = transcript(limits, host, &script.label, text, draw);
    let run = run.map_err(io::Error::other)?;
    if run.failure == Some(FailureKind::Interrupted) {
        return Ok(Comparison::Interrupted);
    }
    let was = script.snapshot.contents()?;
    if was.as_deref().map(str::trim_end) == Some(run.text.trim_end()) {
        return Ok(Comparison::Same);
    }
    if accept {
        script.snapshot.write(&run.text, &script.label)?;
    }
    Ok(Comparison::Differs {
        was,
        now: run.text,
        failed: run.failure.is_some(),
    })
}

/// The snapshots of a folder of scripts that belong to none of them.
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
    let known: BTreeSet<&Path> = scripts
        .iter()
        .map(|script| script.snapshot.path())
        .collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(snapshots)? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".snap")
        });
        if ours && !known.contains(path.as_path()) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
