//! Every script in `scripts/` prints what its snapshot says, the picture of its error included.
//! `forklab test` compares with the same snapshots; `cargo insta review` works on them too.

use forklab::lab::{collect, stale};
use forklab::script::{Failure, Host, Limits};
use std::path::Path;

/// A failure as it is drawn without a terminal.
pub fn draw(failure: &Failure, name: &str, text: &str) -> String {
    forklab::front::draw(failure, name, text, forklab::front::Colors::Off)
}

/// What a script prints, and how it ends if it fails.
pub fn transcript(name: &str, source: &str) -> String {
    let mut host = Host::printing(Box::new(|_| Ok(())));
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    host.fetch = Some(forklab::front::fetcher(folder.to_owned()));
    let run = forklab::lab::transcript(Limits::default(), host, name, source, draw);
    run.unwrap().text
}

#[test]
fn scripts_print_what_their_snapshots_say() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!("../../scripts", "**/*.rhai", |path| {
            let scripts = collect(path.parent().unwrap()).unwrap();
            let Some(script) = scripts.iter().find(|script| script.path == path) else {
                return;
            };
            let source = std::fs::read_to_string(path).unwrap();
            insta::assert_snapshot!("scripts", transcript(&script.label, &source));
        });
    });
}

#[test]
fn a_script_prints_the_same_at_every_run() {
    for script in [
        "scripts/tour.rhai",
        "scripts/mistakes/err_nested_closures.rhai",
    ] {
        let source = std::fs::read_to_string(script).unwrap();
        assert_eq!(transcript(script, &source), transcript(script, &source));
    }
}

#[test]
fn every_snapshot_has_its_script() {
    let folder = Path::new("scripts");
    let scripts = collect(folder).unwrap();
    assert_eq!(
        stale(folder, &scripts).unwrap(),
        Vec::<std::path::PathBuf>::new()
    );
}

/// What the picture of an error in a snapshot says would help.
fn remedy(snapshot: &str) -> Option<String> {
    let (_, behind) = snapshot.split_once("Help: ")?;
    let words = behind.lines().map(|line| line.trim_matches(['│', ' ']));
    let lines: Vec<&str> = words
        .take_while(|line| !line.is_empty() && !line.contains("──"))
        .collect();
    Some(lines.join(" "))
}

/// Every lesson on a mistake ends in a picture of an error, and its help is about that mistake:
/// it is more than a pointer to the documentation.
#[test]
fn every_mistake_is_answered_with_help() {
    let mut mistakes = 0;
    for script in collect(Path::new("scripts/mistakes")).unwrap() {
        let source = std::fs::read_to_string(&script.path).unwrap();
        let name = script.path.file_name().unwrap().display();
        let snapshot = format!("snapshots/scripts@mistakes__{name}.snap");
        let snapshot = std::fs::read_to_string(snapshot).unwrap();
        // A mistake that the script catches prints its help itself.
        if !source.contains("catch") {
            assert!(snapshot.contains("error: "), "{name} is no mistake");
        }
        let remedy = remedy(&snapshot).unwrap_or_else(|| panic!("{name}: no help\n{snapshot}"));
        let (remedy, _) = remedy.split_once("help(\"").unwrap_or((&remedy, ""));
        assert!(remedy.split(' ').count() >= 2, "{name}: {remedy}");
        mistakes += 1;
    }
    assert!(mistakes >= 100, "only {mistakes} mistakes");
}
