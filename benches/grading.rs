//! Grading and testing: a class of 1,000 with one and two workers, and 300 scripts under `forklab
//! test`. Limits are printed beside the figures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "../tests/common/class.rs"]
mod class;

use class::write_class;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use walkdir::WalkDir;

const CLASS: usize = 1_000;
const SCRIPTS: usize = 300;

/// How long a command of forklab takes.
fn time(args: &[&str]) -> Duration {
    let begun = Instant::now();
    Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(args)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    begun.elapsed()
}

/// Copies the scripts of a folder, again and again, until there are enough.
fn copy_scripts(from: &Path, to: &Path) {
    let plain = |path: &Path| {
        !path
            .ancestors()
            .any(|folder| folder.join("lab.toml").is_file())
    };
    let scripts: Vec<_> = WalkDir::new(from)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|end| end == "rhai") && plain(path))
        .collect();
    fs::create_dir_all(to).unwrap();
    for (nr, path) in scripts.iter().cycle().take(SCRIPTS).enumerate() {
        fs::copy(path, to.join(format!("{nr:03}.rhai"))).unwrap();
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let hand_ins = folder.path().join("class");
    write_class(&hand_ins, CLASS);
    let path = hand_ins.to_str().unwrap();
    let grade = |jobs| {
        time(&[
            "grade",
            path,
            "--lab",
            "tests/cheats/lab",
            "--fresh",
            "--jobs",
            jobs,
        ])
        .as_secs_f64()
    };
    let (two, one) = (grade("2"), grade("1"));
    println!("{CLASS} hand-ins, two workers   {two:>7.2} s   at most 30");
    println!("{CLASS} hand-ins, one worker    {one:>7.2} s");
    println!(
        "two workers to one           {:>7.2} x   at least 1.6",
        one / two
    );
    let scripts = folder.path().join("scripts");
    copy_scripts(Path::new("scripts"), &scripts);
    let path = scripts.to_str().unwrap();
    let test = |jobs| time(&["test", path, "--check", "--jobs", jobs]).as_secs_f64();
    let (two, one) = (test("2"), test("1"));
    println!("{SCRIPTS} scripts, two threads      {two:>7.2} s   at most 3");
    println!("{SCRIPTS} scripts, one thread       {one:>7.2} s");
}
