//! Instructions of the host for operations whose cost must not depend on the number of tasks,
//! counted by callgrind: a figure that repeats itself, whatever else the host does. Without valgrind
//! it says so and does nothing.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails, and prints what it counts"
)]

mod common;

use common::drive::act;
use common::{hogs, spawn_urgent};
use forklab::machine::{Action, Command};
use std::process::Command as Process;

/// Operation, and the most that it may cost with the larger number of tasks in terms of the smaller.
const LIMITS: [(&str, f64); 2] = [("switch", 1.05), ("tick", 1.05)];
const FEW: u32 = 10;
const MANY: u32 = 30_000;
/// Operations in the short and in the long run: their difference has no set-up in it.
const RUNS: [u32; 2] = [100, 1_100];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, operation, tasks, times] = args.as_slice()
        && flag == "--count"
    {
        perform(operation, tasks.parse().unwrap(), times.parse().unwrap());
        return;
    }
    if Process::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: skipped, there is no valgrind here");
        return;
    }
    println!(
        "{:<10}{:>12}{:>12}{:>8}{:>8}",
        "operation", "10 tasks", "30,000", "ratio", "limit"
    );
    let mut fine = true;
    for (operation, limit) in LIMITS {
        let [few, many] = [FEW, MANY].map(|tasks| per_operation(operation, tasks));
        let ratio = many / few;
        fine &= ratio <= limit;
        println!("{operation:<10}{few:>12.0}{many:>12.0}{ratio:>8.3}{limit:>8.2}");
    }
    assert!(
        fine,
        "an operation costs more with many tasks than with few"
    );
}

/// What is counted.
fn perform(operation: &str, tasks: u32, times: u32) {
    let mut machine = hogs(tasks);
    let urgent = spawn_urgent(&mut machine);
    for _ in 0..times {
        match operation {
            "switch" => {
                act(&mut machine, urgent, Action::Compute(0));
            }
            _ => {
                machine.apply(Command::Tick(1)).unwrap();
            }
        }
    }
}

fn per_operation(operation: &str, tasks: u32) -> f64 {
    let [short, long] = RUNS.map(|times| count(operation, tasks, times));
    (long - short) as f64 / f64::from(RUNS[1] - RUNS[0])
}

/// Instructions of a whole run, as callgrind counts them.
fn count(operation: &str, tasks: u32, times: u32) -> u64 {
    let output = Process::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--count", operation, &tasks.to_string(), &times.to_string()])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log
        .lines()
        .find_map(|line| line.split("Collected :").nth(1));
    collected
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or_else(|| panic!("callgrind counted nothing:\n{log}"))
}
