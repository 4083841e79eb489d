//! Dependencies point one way: a file names only modules to the left of its own in this list.

use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

const LAYERS: [&str; 11] = [
    "abi", "trace", "hw", "kernel", "machine", "view", "export", "compile", "script", "lab",
    "front",
];

/// The Rust files below a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    let paths = entries.map(|entry| entry.unwrap().into_path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// The layers that a source text names by `crate::`.
fn named_layers(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().flat_map(|(number, line)| {
        let code = line.split("//").next().unwrap_or_default();
        code.split("crate::").skip(1).map(move |rest| {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (number + 1, &rest[..end])
        })
    })
}

#[test]
fn a_file_names_only_layers_to_its_left() {
    let mut wrong = Vec::new();
    for (place, layer) in LAYERS.iter().enumerate() {
        for path in rust_files(&Path::new("src").join(layer)) {
            let source = fs::read_to_string(&path).unwrap();
            for (line, named) in named_layers(&source) {
                let allowed = LAYERS.iter().position(|other| *other == named);
                if allowed.is_none_or(|other| other > place) {
                    wrong.push(format!("{}:{line} names {named}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the order {LAYERS:?}:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_crate_has_exactly_these_layers_in_this_order() {
    let root = fs::read_to_string("src/lib.rs").unwrap();
    let modules: Vec<&str> = root
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(modules, LAYERS);
}

#[test]
fn every_file_says_in_its_first_line_what_it_is_about() {
    for path in rust_files(Path::new("src")) {
        let source = fs::read_to_string(&path).unwrap();
        assert!(
            source.starts_with("//! "),
            "{} opens with no //! paragraph",
            path.display()
        );
    }
}
