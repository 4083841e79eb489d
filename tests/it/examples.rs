//! Every function of the script layer has a doc comment with an example, and every example runs.

use crate::markdown::blocks;
use crate::scripts::transcript;
use forklab::script::{FunctionDoc, Host, Limits, Session, function_docs};

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

/// A session that reaches the programs of `scripts/c`.
fn session() -> Session {
    let mut host = Host::printing(Box::new(|_| Ok(())));
    host.fetch = Some(forklab::front::fetcher("scripts/c".into()));
    host.save = Some(Box::new(|_, _| Ok(())));
    Session::with_host(Limits::default(), host).unwrap()
}

#[test]
fn every_example_runs() {
    let mut failed = Vec::new();
    for doc in function_docs() {
        let mut session = session();
        if let Err(failure) = session.run(&doc.example) {
            failed.push(format!("{}: {failure}\n{}", doc.signature, doc.example));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The README and every page in `docs`.
fn documents() -> Vec<(String, String)> {
    let docs = std::fs::read_dir("docs").unwrap();
    let mut paths: Vec<_> = docs.map(|entry| entry.unwrap().path()).collect();
    paths.push("README.md".into());
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    };
    paths.into_iter().map(read).collect()
}

/// A block marked `rhai` runs; one marked `rhai,fails` ends in an error.
#[test]
fn every_script_in_a_document_does_what_it_is_marked_as() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (name, text) in documents() {
        for block in blocks(&text) {
            let fails = match block.language.as_str() {
                "rhai" => false,
                "rhai,fails" => true,
                other => {
                    assert!(!other.starts_with("rhai"), "{name}:{}: {other}", block.line);
                    continue;
                }
            };
            count += 1;
            let mut session = session();
            match session.run(&block.text) {
                Ok(_) if fails => wrong.push(format!("{name}:{}: does not fail", block.line)),
                Err(failure) if !fails => {
                    wrong.push(format!("{name}:{}: {failure}", block.line));
                }
                _ => {}
            }
        }
    }
    assert!(count > 90, "only {count} scripts found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
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
    let said = forklab::front::reference();
    let (written, said) = (written.trim_end(), said.trim_end());
    let stale = written
        .lines()
        .zip(said.lines())
        .find(|(old, new)| old != new);
    assert!(
        written == said,
        "stale: cargo run -- doc --markdown > docs/reference.md; first {stale:?}"
    );
}
