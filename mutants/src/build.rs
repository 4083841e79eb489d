//! Builds the tests of the copy, without the changes that do not compile.

use crate::candidate::Candidate;
use crate::tree::{self, Edits, Places};
use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use std::collections::BTreeSet;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program of tests, as cargo names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The unit tests.
    Lib,
    /// The integration tests.
    Integration,
}

impl Target {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Lib => &["test", "--no-run", "--lib"],
            Self::Integration => &["test", "--no-run", "--test", "it"],
        }
    }
}

/// Where copy and builds lie.
pub struct Workshop {
    pub tree: PathBuf,
    folder: PathBuf,
}

impl Workshop {
    /// In that folder.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            tree: folder.join("tree"),
            folder,
        }
    }

    /// A file beside the copy.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Copies the changes that compile. Returns their numbers.
    pub fn prepare(&self, root: &Path, candidates: &[Candidate]) -> Result<BTreeSet<u32>> {
        let mut edits = Edits {
            candidates,
            dropped: self.refused_last_time(candidates),
        };
        loop {
            let places = tree::copy(root, &self.tree, &edits)?;
            let messages = self.cargo(&["check", "--lib"])?;
            let errors = errors(&messages)?;
            if errors.is_empty() {
                break;
            }
            let refused = refused(&errors, &places, candidates);
            let text = errors[0].rendered.clone().unwrap_or_default();
            ensure!(
                !refused.is_empty(),
                "an error that no change explains:\n{text}"
            );
            eprintln!("{} of {} do not compile", refused.len(), candidates.len());
            edits.dropped.extend(refused);
            self.remember_refused(candidates, &edits.dropped)?;
        }
        let numbers = 1..=candidates.len() as u32;
        Ok(numbers
            .filter(|number| !edits.dropped.contains(number))
            .collect())
    }

    fn refused_last_time(&self, candidates: &[Candidate]) -> BTreeSet<u32> {
        let text = fs::read_to_string(self.file("refused")).unwrap_or_default();
        let refused: BTreeSet<&str> = text.lines().collect();
        let numbered = (1..).zip(candidates);
        let again = numbered.filter(|(_, candidate)| refused.contains(&*candidate.to_string()));
        again.map(|(number, _)| number).collect()
    }

    fn remember_refused(&self, candidates: &[Candidate], refused: &BTreeSet<u32>) -> Result<()> {
        let lines = refused
            .iter()
            .map(|number| format!("{}\n", candidates[*number as usize - 1]));
        Ok(fs::write(self.file("refused"), lines.collect::<String>())?)
    }

    /// Builds a program of tests and says where it is.
    pub fn executable(&self, target: Target) -> Result<PathBuf> {
        let messages = self.cargo(target.arguments())?;
        let found = messages.into_iter().find_map(|message| match message {
            Message::CompilerArtifact(artifact) if artifact.profile.test => artifact.executable,
            _ => None,
        });
        let path = found.with_context(|| format!("{target:?}: cargo built no tests"))?;
        Ok(path.into_std_path_buf())
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Vec<Message>> {
        let mut child = Command::new("cargo")
            .args(arguments)
            .args(["--quiet", "--message-format", "json"])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", self.folder.join("build"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run cargo")?;
        let output = child.stdout.take().context("cargo has no output")?;
        let messages = Message::parse_stream(BufReader::new(output)).collect::<Result<_, _>>()?;
        child.wait()?;
        Ok(messages)
    }
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
