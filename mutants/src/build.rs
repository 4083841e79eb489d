//! Builds the tests of the copy, without the changes that do not compile.

use crate::candidate::Candidate;
use crate::tree::{self, Edits, Places};
use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A copy whose tests are ready to run.
pub struct Built {
    /// Where it lies.
    pub tree: PathBuf,
    /// The unit tests and the integration tests, in the order in which they are run.
    pub executables: Vec<PathBuf>,
    /// The numbers of the changes in it.
    pub compiling: BTreeSet<u32>,
}

/// Copies, drops what the compiler refuses, and builds.
pub fn build(root: &Path, work: &Path, candidates: &[Candidate]) -> Result<Built> {
    let tree = work.join("tree");
    let mut edits = Edits {
        candidates,
        dropped: BTreeSet::new(),
    };
    let messages = loop {
        let places = tree::copy(root, &tree, &edits)?;
        let messages = cargo(work)?;
        let errors = errors(&messages)?;
        if errors.is_empty() {
            break messages;
        }
        let refused = refused(&errors, &places, candidates);
        let text = errors[0].rendered.clone().unwrap_or_default();
        ensure!(
            !refused.is_empty(),
            "an error that no change explains:\n{text}"
        );
        eprintln!("{} of {} do not compile", refused.len(), candidates.len());
        edits.dropped.extend(refused);
    };
    let numbers = 1..=candidates.len() as u32;
    let compiling = numbers
        .filter(|number| !edits.dropped.contains(number))
        .collect();

    Ok(Built {
        tree,
        executables: executables(messages)?,
        compiling,
    })
}

/// Builds both test programs; errors come before the long part of it.
fn cargo(work: &Path) -> Result<Vec<Message>> {
    let mut child = Command::new("cargo")
        .args(["test", "--no-run", "--lib", "--test", "it"])
        .args(["--quiet", "--message-format", "json"])
        .current_dir(work.join("tree"))
        .env("CARGO_TARGET_DIR", work.join("build"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let messages = Message::parse_stream(BufReader::new(output)).collect::<Result<_, _>>()?;
    child.wait()?;
    Ok(messages)
}

fn errors(messages: &[Message]) -> Result<Vec<&Diagnostic>> {
    let finished = |message: &Message| matches!(message, Message::BuildFinished(_));
    ensure!(
        messages.iter().any(finished),
        "cargo did not build anything"
    );
    let errors = messages.iter().filter_map(|message| match message {
        Message::CompilerMessage(message) => Some(&message.message),
        _ => None,
    });
    let errors = errors.filter(|message| message.level == DiagnosticLevel::Error);
    Ok(errors.collect())
}

/// The changes that explain the errors: those at their places, and those in functions that have to
/// be `const`.
fn refused(errors: &[&Diagnostic], places: &Places, candidates: &[Candidate]) -> BTreeSet<u32> {
    let mut refused = BTreeSet::new();
    for error in errors {
        let before = refused.len();
        for span in &error.spans {
            let (start, end) = (span.byte_start as usize, span.byte_end as usize);
            let there = places.iter().filter(|(_, (file, place))| {
                *file == span.file_name && place.start <= end && start <= place.end
            });
            refused.extend(there.map(|(number, _)| *number));
        }
        if refused.len() == before {
            let const_fns = (1..).zip(candidates).filter(|(_, candidate)| {
                let name = candidate.const_fn.as_ref().map(|const_fn| &const_fn.name);
                name.is_some_and(|name| names(&error.message, name))
            });
            refused.extend(const_fns.map(|(number, _)| number));
        }
    }
    refused
}

/// Whether a message names a function in backquotes, with or without its path.
fn names(message: &str, function: &str) -> bool {
    let mut quoted = message.split('`').skip(1).step_by(2);
    quoted.any(|name| name.rsplit("::").next() == Some(function))
}

fn executables(messages: Vec<Message>) -> Result<Vec<PathBuf>> {
    let tests = messages.into_iter().filter_map(|message| match message {
        Message::CompilerArtifact(artifact) if artifact.profile.test => {
            let path = artifact.executable?.into_std_path_buf();
            Some((artifact.target.is_test(), path))
        }
        _ => None,
    });
    let mut tests: Vec<(bool, PathBuf)> = tests.collect();
    ensure!(
        tests.len() == 2,
        "cargo built {} test programs",
        tests.len()
    );
    tests.sort();
    Ok(tests.into_iter().map(|(_, path)| path).collect())
}
