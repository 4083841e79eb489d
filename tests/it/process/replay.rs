//! Workload files on a machine: recorded schedules are reproduced, and what the recordings do not
//! show.

use crate::lab::Lab;

use forklab::export::recording;
use forklab::machine::{Command, Machine, WorkloadFile};
use std::fs;
use std::path::Path;

/// Loads a workload file into a machine and returns its horizon.
fn load(machine: &mut Machine, text: &str) -> u64 {
    let file = WorkloadFile::parse(text, 1).unwrap_or_else(|error| panic!("{error}"));
    machine.apply(Command::Accounts(true)).unwrap();
    machine.apply(Command::Load(file.tasks.into())).unwrap();
    file.horizon
}

/// A machine on which a workload file has run to its horizon.
fn run(text: &str) -> Lab {
    let mut lab = Lab::boot();
    let horizon = load(&mut lab.machine, text);
    lab.tick(horizon);
    lab
}

fn replay(text: &str) -> String {
    recording(&run(text).machine)
}

/// Every recording in `tests/data`: NAME.workload, and NAME.trace as the scheduler's own source
/// made it.
#[test]
fn recordings_are_reproduced_byte_for_byte() {
    let mut compared = 0;
    for entry in fs::read_dir("tests/data").unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "workload")
        {
            compare(&path);
            compared += 1;
        }
    }
    assert_eq!(compared, 12);
}

fn compare(workload: &Path) {
    let recorded = fs::read_to_string(workload.with_extension("trace")).unwrap();
    let ran = replay(&fs::read_to_string(workload).unwrap());
    let name = workload.display();
    for (nr, (ran, recorded)) in ran.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(ran, recorded, "{name}, line {}", nr + 1);
    }
    assert!(ran == recorded, "{name}: one is longer than the other");
}
