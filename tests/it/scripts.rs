//! Every script in `scripts/` prints what its snapshot says. `cargo insta review` shows
//! differences; a snapshot without a script fails.

use forklab::script::{Limits, Session};
use std::fs;
use std::path::Path;
use std::sync::mpsc;

/// What a script prints, and how it ends if it fails.
pub fn transcript(source: &str) -> String {
    let (sink, printed) = mpsc::channel();
    let out = move |line: &str| {
        sink.send(line.to_owned()).unwrap();
        Ok(())
    };
    let mut session = Session::new(Limits::default(), Box::new(out)).unwrap();
    let result = session.run(source);
    let mut text: String = printed.try_iter().map(|line| line + "\n").collect();
    if let Err(failure) = result {
        let at = failure
            .position
            .map_or(String::new(), |(line, column)| format!("{line}:{column}: "));
        text.push_str(&format!("--- {at}{failure}\n"));
    }
    text
}

#[test]
fn scripts_print_what_their_snapshots_say() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!("../../scripts", "**/*.rhai", |path| {
            let source = fs::read_to_string(path).unwrap();
            insta::assert_snapshot!("scripts", transcript(&source));
        });
    });
}

#[test]
fn a_script_prints_the_same_at_every_run() {
    let source = fs::read_to_string("scripts/tour.rhai").unwrap();
    assert_eq!(transcript(&source), transcript(&source));
}

#[test]
fn every_snapshot_has_its_script() {
    for entry in fs::read_dir("snapshots").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".snap.new") {
            continue;
        }
        let script = name
            .strip_prefix("scripts@")
            .and_then(|name| name.strip_suffix(".snap"));
        let script =
            script.unwrap_or_else(|| panic!("snapshots/{name} is no snapshot of a script"));
        let path = Path::new("scripts").join(script.replace("__", "/"));
        assert!(
            path.exists(),
            "snapshots/{name} is stale: there is no {}",
            path.display()
        );
    }
}
