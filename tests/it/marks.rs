//! Every marked branch of the kernel is reached by the test that is about it.

use crate::layers::rust_files;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names in all calls of a macro in the kernel's files.
fn names(call: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in rust_files(Path::new("src/kernel")) {
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split(call).skip(1) {
            names.extend(rest.split_once(')').map(|(name, _)| name.to_owned()));
        }
    }
    names
}

#[test]
fn each_marked_branch_has_a_test_that_reaches_it() {
    let marked = names(" hit!(");
    assert!(marked.len() > 30, "the scheduler's branches are marked");
    assert_eq!(marked, names(" check!("));
}
