//! `forklab replay`: what it prints, and its exit codes and messages.

use crate::cli::{flat, forklab, scratch};
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

const HOG: &str = "horizon 3\ntask hog\n  run 2\n";

const HOG_RECORDED: &str = "\
0 2 hog spawn prio=125 slice=100 sleep_avg=0
0 0 idle switch next=2:hog prio=140 nprio=125 nslice=100
2 2 hog exit parent=1
2 2 hog switch next=0:idle prio=125 nprio=140 nslice=0
3 0 idle summary ticks=1 switches=1
3 2 hog summary ticks=2 switches=1 prio=125 static_prio=120 slice=98 sleep_avg=0 state=exited
";

#[test]
fn a_file_and_standard_input_are_replayed() {
    let file = scratch("hog.workload", format!("\u{feff}{HOG}").as_bytes());
    let file = file.to_str().unwrap();
    for (args, stdin) in [
        (&["replay", file][..], ""),
        (&["replay", "--cpus", "1", file], ""),
        (&["replay", "-"], HOG),
    ] {
        let output = forklab(args, stdin.as_bytes());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{args:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), HOG_RECORDED);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

/// The command prints what the machine's trace says, however long the run.
#[test]
fn the_command_prints_a_recording_byte_for_byte() {
    for (args, recording) in [
        (&[][..], "tests/data/h16-setsched"),
        (&["--cpus", "2"], "tests/data/smp/s06-newidle"),
    ] {
        let file = format!("{recording}.workload");
        let output = forklab(&[&["replay", &file], args].concat(), b"");
        let recorded = fs::read(format!("{recording}.trace")).unwrap();
        assert!(output.stdout == recorded, "{recording}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn files_that_cannot_be_replayed_are_named() {
    let not_text = scratch("not_text.workload", b"horizon 1\n\xff\xfe");
    for (path, says) in [
        (
            "no/such.workload",
            "forklab: no/such.workload: no such file",
        ),
        ("tests/data", "tests/data: is a directory"),
        (
            not_text.to_str().unwrap(),
            "not UTF-8 text: byte 10, on line 2",
        ),
    ] {
        let output = forklab(&["replay", path], b"");
        let message = flat(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{path}\n{message}");
        assert!(message.contains(says), "{path}\n{message}");
        assert_eq!(output.stdout, b"");
    }
}

/// Workload, further arguments, exit code, and what the message must say.
#[test]
fn a_run_that_is_not_possible_says_why() {
    // More children than the machine has memory for: each one more makes the kernel kill another.
    let forks = format!(
        "horizon 9\ntask A\n{}script b\nblock",
        "fork B b\n".repeat(22_000)
    );
    for (text, more, code, says) in [
        (
            "horizon 5\ntusk A\n  run 1",
            &[][..],
            2,
            "error: there is no line tusk; did you mean task? [ <stdin>:2:1 ]",
        ),
        ("", &[], 2, "the file does not say when the run ends"),
        (
            "horizon 5\ntask A\n  run x",
            &[],
            2,
            "[ <stdin>:3:7 ] 3 run x ┬ here help: expected run N",
        ),
        (
            "horizon 5\ntask A\n  fork B b",
            &[],
            2,
            "there is no script b",
        ),
        ("horizon 5\ntask A cpu=1", &[], 2, "there is no CPU 1"),
        (
            "horizon 5\ntask A cpu=2",
            &["--cpus", "2"],
            2,
            "there is no CPU 2",
        ),
        (HOG, &["--cpus", "0"], 2, "0 is not in 1..=8"),
        (HOG, &["--cpus", "two"], 2, "invalid value 'two'"),
        (
            "horizon 5\ntask A\n  yield\n  goto 0",
            &[],
            1,
            "error: task 2 (A) loops without ever using time",
        ),
        (HOG, &["--max-ticks", "2"], 4, "limit ticks: 2; --max-ticks"),
        (HOG, &["--max-output", "9"], 4, "limit output: 9"),
        (
            &forks,
            &["--max-work", "1000000"],
            4,
            "limit work: 1,000,000; --max-work",
        ),
    ] {
        let args: Vec<&str> = ["replay", "-"].iter().chain(more).copied().collect();
        let output = forklab(&args, text.as_bytes());
        let message = flat(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{says}\n{message}");
        let says = says.replace('┬', "");
        let says = says.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(message.contains(&says), "{says}\n{message}");
    }
}

#[test]
fn a_wrong_command_line_is_told_so() {
    for args in [
        &["replay"][..],
        &["replay", "a", "b"],
        &["-e", "1", "replay", "-"],
    ] {
        assert_eq!(forklab(args, b"").status.code(), Some(2), "{args:?}");
    }
}

/// `forklab replay x | head -1`: a run without end in sight ends when nobody reads.
#[test]
fn a_reader_that_goes_away_ends_the_replay_quietly() {
    let text = b"horizon 100000000\ntask A\nrun 1\nsleep 1\ngoto 0\n";
    let file = scratch("endless.workload", text);
    let mut child = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(["replay", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 7];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(&first, b"0 2 A s");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}
