//! The copy of the repository with the changes in it.

use crate::candidate::Candidate;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What is not part of the sources.
const LEFT_OUT: [&str; 2] = ["target", ".git"];

/// What the library of the copy allows: a change may make a sum overflow that the compiler can
/// compute, and that is for the tests to notice.
const ALLOWED: &str = "#![allow(arithmetic_overflow, unconditional_panic)]\n";

/// The changes that a copy holds.
pub struct Edits<'a> {
    /// By number, from 1.
    pub candidates: &'a [Candidate],
    /// Those that are not taken.
    pub dropped: BTreeSet<u32>,
}

/// What is written in place of some bytes, and for which number and file, if for any.
type Replacement<'a> = (String, Option<(u32, &'a str)>);

/// Where each number stands in the files of the copy.
pub type Places = BTreeMap<u32, (String, Range<usize>)>;

/// Brings the copy up to date. What is the same stays untouched, and so need not be built again.
pub fn copy(root: &Path, tree: &Path, edits: &Edits) -> Result<Places> {
    let mut places = Places::new();
    let mut files = BTreeSet::new();
    let kept = |entry: &walkdir::DirEntry| !LEFT_OUT.iter().any(|name| entry.file_name() == *name);
    for entry in WalkDir::new(root).into_iter().filter_entry(kept) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let file = entry.path().strip_prefix(root)?;
            write_if_new(&tree.join(file), &content(root, file, edits, &mut places)?)?;
            files.insert(file.to_owned());
        }
    }
    remove_others(tree, &files)?;
    Ok(places)
}

fn content(root: &Path, file: &Path, edits: &Edits, places: &mut Places) -> Result<Vec<u8>> {
    let original = fs::read(root.join(file))?;
    let name = file.to_str().context("a file has no readable name")?;
    if name == "Cargo.toml" {
        let mut manifest = original;
        manifest.extend(b"\n[dependencies.forklab-mutant-switch]\npath = \"mutants/switch\"\n");
        return Ok(manifest);
    }
    if name == "src/lib.rs" {
        let text = String::from_utf8(original)?;
        let (paragraph, modules) = text.split_once("\n\n").context("a library has modules")?;
        return Ok(format!("{paragraph}\n{ALLOWED}\n{modules}").into_bytes());
    }
    let numbered = (1..).zip(edits.candidates);
    let here: Vec<(u32, &Candidate)> = numbered
        .filter(|(number, candidate)| candidate.file == name && !edits.dropped.contains(number))
        .collect();
    if here.is_empty() {
        return Ok(original);
    }
    Ok(changed(&String::from_utf8(original)?, &here, places).into_bytes())
}

/// The text with its changes. A function with one is no longer `const`, as the switch is not.
fn changed(text: &str, here: &[(u32, &Candidate)], places: &mut Places) -> String {
    let mut replacements: BTreeMap<(usize, usize), Replacement> = BTreeMap::new();
    for (number, candidate) in here {
        let Range { start, end } = candidate.range;
        let edit = (
            candidate.edit(*number),
            Some((*number, candidate.file.as_str())),
        );
        replacements.insert((start, end), edit);
        if let Some(const_fn) = &candidate.const_fn {
            let Range { start, end } = const_fn.keyword;
            replacements.insert((start, end), (String::new(), None));
        }
    }
    let (mut result, mut done) = (String::new(), 0);
    for ((start, end), (replacement, of)) in replacements {
        result += &text[done..start];
        let place = result.len()..result.len() + replacement.len();
        result += &replacement;
        done = end;
        if let Some((number, file)) = of {
            places.insert(number, (file.to_owned(), place));
        }
    }
    result + &text[done..]
}

fn write_if_new(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
    Ok(fs::write(path, content)?)
}

/// A file that has moved would be found at both places.
fn remove_others(tree: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in WalkDir::new(tree) {
        let entry = entry?;
        let file = entry.path().strip_prefix(tree)?;
        if entry.file_type().is_file() && !files.contains(file) && file != Path::new("Cargo.lock") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
