//! Grading and testing: a class of 1,000 with one and two workers, and 300 scripts under `forklab
//! test`. Limits are printed beside the figures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "../tests/common/class.rs"]
mod class;

use class::write_class;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
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

/// How long `forklab lab watch` takes to answer a save, the longest of some.
fn watched(home: &Path) -> Duration {
    let forklab = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forklab"));
        command.args(["--color", "never", "lab"]).args(args);
        command
            .current_dir(home)
            .env("XDG_STATE_HOME", home.join("state"))
            .stdin(Stdio::null());
        command
    };
    forklab(&["start", "3"]).output().unwrap();
    let mut watch = forklab(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut answers = BufReader::new(watch.stdout.take().unwrap()).lines();
    // Each answer tells how many points there are.
    let mut answer = || {
        let told = |line: io::Result<String>| line.unwrap().contains("points");
        assert!(answers.by_ref().any(told));
    };
    answer();
    let file = home.join("03_first_writer/answer.rhai");
    let mut longest = Duration::ZERO;
    for nr in 0..10 {
        let begun = Instant::now();
        fs::write(&file, format!("fn two_copies(sh) {{ sh.fork(); {nr} }}\n")).unwrap();
        answer();
        longest = longest.max(begun.elapsed());
        // The clock of the file system may be coarse.
        thread::sleep(Duration::from_millis(30));
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    longest
}

fn main() -> ExitCode {
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
    let mut fine = true;
    let mut say = |what: &str, figure: f64, is: &str, within: bool| {
        println!("{what:32} {figure:>7.2} {is}");
        fine &= within;
    };
    let (two, one) = (grade("2"), grade("1"));
    let class = format!("{CLASS} hand-ins, ");
    say(
        &format!("{class}two workers"),
        two,
        "s   at most 30",
        two <= 30.0,
    );
    say(&format!("{class}one worker"), one, "s", true);
    let ratio = one / two;
    say(
        "two workers to one",
        ratio,
        "x   at least 1.6",
        ratio >= 1.6,
    );
    let scripts = folder.path().join("scripts");
    copy_scripts(Path::new("scripts"), &scripts);
    let path = scripts.to_str().unwrap();
    let test = |jobs| time(&["test", path, "--check", "--jobs", jobs]).as_secs_f64();
    let (two, one) = (test("2"), test("1"));
    let scripts = format!("{SCRIPTS} scripts, ");
    say(
        &format!("{scripts}two threads"),
        two,
        "s   at most 3",
        two <= 3.0,
    );
    say(&format!("{scripts}one thread"), one, "s", true);
    let longest = watched(folder.path()).as_secs_f64() * 1e3;
    say(
        "an answer to a save, the longest",
        longest,
        "ms  at most 100",
        longest <= 100.0,
    );
    if !fine {
        println!("a limit is missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
