//! The proof that grading survives: a class is graded, killed in the middle, resumed and shared among
//! computers, and every report is the same, byte for byte.

use crate::class::write_class;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

const LAB: &str = "tests/cheats/lab";
const FORMS: [&str; 5] = ["csv", "html", "xml", "tap", "json"];

/// What `forklab` prints; it must succeed.
fn said(forklab: &Path, args: &[&str]) -> String {
    let output = Command::new(forklab).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (said, complaints) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{args:?}: {said}{complaints}");
    said
}

/// Grades a class of that size while its journal grows, kills the process in the middle, and lets it
/// go on. Panics where the reports or the known marks differ.
pub fn kill_and_go_on(forklab: &Path, size: usize) {
    let folder = tempfile::tempdir().unwrap();
    let class = folder.path().join("class");
    let known = write_class(&class, size);
    let class = class.to_str().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let reports = |name: &str| FORMS.map(|end| path(&format!("{name}.{end}"))).join(",");
    let graded = |options: &[&str]| {
        let args = [&["grade", class, "--lab", LAB][..], options].concat();
        said(forklab, &args)
    };
    let (journal, list) = (path("whole.journal"), reports("whole"));
    let whole = graded(&["--similar", "--journal", &journal, "--report", &list]);
    let mut table = csv::Reader::from_path(path("whole.csv")).unwrap();
    let given: Vec<(String, String)> = table
        .records()
        .map(|row| {
            let row = row.unwrap();
            (row[0].to_owned(), row[1].to_owned())
        })
        .collect();
    let known: Vec<(String, String)> = known
        .into_iter()
        .map(|(student, points)| (student, points.to_owned()))
        .collect();
    assert_eq!(given, known);

    let (journal, list) = (path("killed.journal"), reports("killed"));
    let options = ["--similar", "--journal", &journal, "--report", &list];
    let mut child = Command::new(forklab)
        .args(["grade", class, "--lab", LAB])
        .args(options)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lines = || {
        let text = fs::read_to_string(&journal).unwrap_or_default();
        text.lines().count()
    };
    while lines() < size / 4 {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines() <= size, "it was too late to kill it");
    // As if it had been killed while it wrote a line.
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, &text[..text.len() - 20]).unwrap();
    assert_eq!(graded(&options), whole);

    // Three computers share the work.
    let journals = ["1/3", "2/3", "3/3"].map(|share| {
        let journal = path(&format!("share{}.journal", &share[..1]));
        graded(&["--partition", share, "--journal", &journal]);
        journal
    });
    let list = reports("merged");
    let merge = [
        "grade",
        "--lab",
        LAB,
        "--similar",
        "--report",
        &list,
        "--merge",
    ];
    let journals = journals.each_ref().map(String::as_str);
    assert_eq!(said(forklab, &[&merge[..], &journals].concat()), whole);

    for end in FORMS {
        let read = |name: &str| fs::read_to_string(path(&format!("{name}.{end}"))).unwrap();
        assert_eq!(read("killed"), read("whole"), "{end}");
        assert_eq!(read("merged"), read("whole"), "{end}");
    }
}
