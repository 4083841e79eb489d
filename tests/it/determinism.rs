//! The same bytes from every process: whatever its working directory and its environment are, and
//! wherever the host puts its memory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Surroundings that must not matter: the name of a directory, and variables.
const SURROUNDINGS: [(&str, &[(&str, &str)]); 3] = [
    ("first", &[]),
    (
        "second with blanks",
        &[
            ("LANG", "de_DE.UTF-8"),
            ("TZ", "Asia/Tokyo"),
            ("TERM", "dumb"),
            ("RUST_BACKTRACE", "1"),
        ],
    ),
    (
        "third",
        &[("COLUMNS", "20"), ("LC_ALL", "C"), ("HOME", "/nowhere")],
    ),
];

/// Runs the command in a directory of its own, with these variables only.
fn run(surroundings: &(&str, &[(&str, &str)]), args: &[&str], stdin: &[u8]) -> Output {
    let (name, variables) = surroundings;
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&home).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_forklab"))
        .args(args)
        .current_dir(home)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn assert_same_everywhere(args: &[&str], stdin: &[u8], code: i32) {
    let [first, others @ ..] = SURROUNDINGS.map(|place| run(&place, args, stdin));
    let shown = String::from_utf8_lossy(&first.stderr);
    assert_eq!(first.status.code(), Some(code), "{args:?}: {shown}");
    assert!(first.stdout.len() + first.stderr.len() > 100, "{args:?}");
    for other in others {
        assert!(first == other, "{args:?}\n{first:?}\n{other:?}");
    }
}

/// Of each kind one: the kernel's story, schedules of one CPU and of two, programs with races and
/// signals, and an error within closures, which Rhai names at random.
#[test]
fn scripts_print_the_same_in_every_process() {
    for (script, code) in [
        ("scripts/tour.rhai", 0),
        ("scripts/scheduler.rhai", 0),
        ("scripts/ptrace.rhai", 0),
        ("scripts/sched/07_two_cpus.rhai", 0),
        ("scripts/programs/07_lost_update.rhai", 0),
        ("scripts/programs/12_signal_handlers.rhai", 0),
        ("scripts/programs/14_race_of_two_cpus.rhai", 0),
        ("scripts/mistakes/err_nested_closures.rhai", 1),
    ] {
        let source = fs::read(Path::new(script)).unwrap();
        assert_same_everywhere(&["run", "-"], &source, code);
    }
}

#[test]
fn a_session_at_the_prompt_is_the_same_in_every_process() {
    let lines = "let sh = spawn(\"sh\")\nlet a = sh.mmap(8*KiB)\nsh.write(a, 1)\nlet kid = \
                 sh.fork()\nkid.write(a, 2)\nundo\nundo\nps()\nprint(trace())\nfrok()\n";
    assert_same_everywhere(&[], lines.as_bytes(), 1);
}

#[test]
fn the_reference_is_the_same_in_every_process() {
    assert_same_everywhere(&["doc", "--markdown"], b"", 0);
}
