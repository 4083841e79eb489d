//! Programs of the host on the emulated CPU, beside the same files under `qemu-i386` and in unicorn.
//!
//! Both compile the code of a program as it runs, and have no machine around it: qemu passes calls on
//! to the host's kernel, unicorn knows none. What is not installed is left out.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::fs::Stream;
use forklab::kernel::syscall::ExecArgs;
use forklab::machine::{Command, Machine};
use std::fs;
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

/// Rounds in which all run each program; the best time of each counts. They take turns, so that
/// other work on the host meets all of them.
const ROUNDS: usize = 5;
/// As `forklab run` has it.
const CYCLES_PER_TICK: u32 = 1_000_000;
/// The folder of the programs.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/c");
const QEMU: &str = "qemu-i386";
const PYTHON: &str = "python3";

/// A program, and what part of the others' speed forklab reaches at least.
struct Contest {
    name: &'static str,
    qemu: f64,
    unicorn: Option<f64>,
}

const CONTESTS: [Contest; 5] = [
    compute("loop", 0.7),
    compute("sieve", 1.0),
    compute("fib", 1.0),
    compute("sha256", 1.0),
    Contest {
        name: "storm",
        qemu: 3.0,
        unicorn: None,
    },
];

const fn compute(name: &'static str, unicorn: f64) -> Contest {
    Contest {
        name,
        qemu: 0.3,
        unicorn: Some(unicorn),
    }
}

/// Time, and what was printed.
type Outcome = (Duration, String);

/// The programs that execute others are told to execute themselves.
fn arguments(name: &str, path: &str) -> Vec<String> {
    let executed = (name == "storm").then(|| path.to_owned());
    [path.to_owned()].into_iter().chain(executed).collect()
}

fn emulated(name: &str) -> Outcome {
    let mut machine = Machine::boot(Config {
        cycles_per_tick: CYCLES_PER_TICK,
        ..Config::default()
    })
    .unwrap();
    let bytes = fs::read(format!("{FOLDER}/{name}")).unwrap();
    let path = format!("/{name}");
    let put = Command::PutFile {
        path: path.clone(),
        mode: 0o755,
        bytes: bytes.into(),
    };
    machine.apply(put).unwrap();
    let argv = arguments(name, &path);
    let spawn = Command::SpawnFile {
        args: SpawnArgs::new(name, 0),
        exec: ExecArgs {
            path,
            argv: argv.into_iter().map(String::into_bytes).collect(),
            envp: Vec::new(),
        },
        stdio: [const { Stream::Printer(0) }; 3],
    };
    machine.apply(spawn).unwrap();
    let start = Instant::now();
    machine.apply(Command::Run(u64::MAX)).unwrap();
    let time = start.elapsed();
    let printed = machine.kernel.take_printed();
    let bytes = printed.into_iter().flat_map(|(_, bytes)| bytes);
    (time, String::from_utf8(bytes.collect()).unwrap())
}

fn output(command: &mut process::Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// With the time that it takes to start, a few milliseconds.
fn in_qemu(name: &str) -> Outcome {
    let arguments = arguments(name, &format!("{FOLDER}/{name}"));
    let start = Instant::now();
    let printed = output(process::Command::new(QEMU).args(arguments));
    (start.elapsed(), printed)
}

/// Without the time that it takes to start.
fn in_unicorn(name: &str) -> Outcome {
    let script = Path::new(FOLDER).join("unicorn_run.py");
    let output = output(
        process::Command::new(PYTHON)
            .arg(script)
            .arg(format!("{FOLDER}/{name}")),
    );
    let (printed, seconds) = output.trim_end().rsplit_once('\n').unwrap();
    let time = Duration::from_secs_f64(seconds.parse().unwrap());
    (time, format!("{printed}\n"))
}

fn works(command: &mut process::Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs a program, by its name; `None` stands for one that is not to be had here.
type Runner = fn(&str) -> Outcome;

/// The best time of each, for those that take part.
fn race(name: &str, runners: &[Option<Runner>]) -> Vec<Option<Duration>> {
    let mut best = vec![None; runners.len()];
    let mut printed = None;
    for _ in 0..ROUNDS {
        for (best, runner) in best.iter_mut().zip(runners) {
            let Some(runner) = runner else {
                continue;
            };
            let (time, output) = runner(name);
            assert_eq!(*printed.get_or_insert(output.clone()), output, "{name}");
            *best = Some(best.map_or(time, |best: Duration| best.min(time)));
        }
    }
    best
}

/// A column for one of the others; whether its limit is kept.
fn column(ours: Duration, theirs: Option<Duration>, limit: Option<f64>) -> (String, bool) {
    let (Some(theirs), Some(limit)) = (theirs, limit) else {
        return (format!("{:>30}", "-"), true);
    };
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let text = format!(
        "{:>11.1} ms{ratio:>8.2}{limit:>8.1}",
        theirs.as_secs_f64() * 1e3
    );
    (text, ratio >= limit)
}

fn main() {
    let qemu = works(process::Command::new(QEMU).arg("--version"));
    let unicorn = works(process::Command::new(PYTHON).args(["-c", "import unicorn"]));
    for (found, what) in [
        (qemu, "qemu-i386 (Debian's package qemu-user)"),
        (unicorn, "unicorn (pip install unicorn)"),
    ] {
        if !found {
            println!("skipped: {what} is not installed");
        }
    }
    println!(
        "{:<8}{:>14}{QEMU:>14}{:>8}{:>8}{:>14}{:>8}{:>8}",
        "", "forklab", "ratio", "limit", "unicorn", "ratio", "limit"
    );
    let mut missed = Vec::new();
    for contest in CONTESTS {
        let unicorn = unicorn && contest.unicorn.is_some();
        let runners: [Option<Runner>; 3] = [
            Some(emulated),
            qemu.then_some(in_qemu),
            unicorn.then_some(in_unicorn),
        ];
        let times = race(contest.name, &runners);
        let ours = times[0].unwrap();
        let (with_qemu, kept) = column(ours, times[1], Some(contest.qemu));
        let (with_unicorn, kept_too) = column(ours, times[2], contest.unicorn);
        println!(
            "{:<8}{:>11.1} ms{with_qemu}{with_unicorn}",
            contest.name,
            ours.as_secs_f64() * 1e3
        );
        if !(kept && kept_too) {
            missed.push(contest.name);
        }
    }
    assert!(missed.is_empty(), "too slow: {missed:?}");
}
