//! Every function of the script layer has a doc comment with an example, and every example runs.

use crate::scripts::transcript;
use forklab::script::{FunctionDoc, Limits, Session, function_docs};

/// Conversions to text and comparisons have no example of their own.
fn needs_example(doc: &FunctionDoc) -> bool {
    !["to_string", "to_debug"].contains(&doc.name.as_str())
}

#[test]
fn every_function_is_documented_with_an_example() {
    let docs = function_docs();
    assert!(docs.len() > 90, "only {} functions found", docs.len());
    for doc in docs {
        assert!(!doc.text.is_empty(), "{} has no doc comment", doc.signature);
        assert!(
            !needs_example(doc) || !doc.example.is_empty(),
            "{}: no example",
            doc.signature
        );
    }
}

#[test]
fn every_example_runs() {
    let mut failed = Vec::new();
    for doc in function_docs() {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        if let Err(failure) = session.run(&doc.example) {
            failed.push(format!("{}: {failure}\n{}", doc.signature, doc.example));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The README's first script, and what it says that it prints.
#[test]
fn the_readme_shows_what_its_script_prints() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let (_, from_script) = readme.split_once("```rhai\n").unwrap();
    let (script, behind) = from_script.split_once("```").unwrap();
    let (_, from_output) = behind.split_once("prints\n\n```\n").unwrap();
    let (output, _) = from_output.split_once("```").unwrap();
    assert_eq!(transcript("README", script), output);
}

#[test]
fn the_reference_is_what_the_doc_comments_say() {
    let written = std::fs::read_to_string("docs/reference.md").unwrap();
    assert!(
        written.trim_end() == forklab::front::reference().trim_end(),
        "stale: cargo run -- doc --markdown > docs/reference.md"
    );
}
