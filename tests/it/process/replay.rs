//! Workload files on a machine: recorded schedules are reproduced, and what the recordings do not
//! show.

use crate::lab::Lab;
use forklab::export::{Recorder, recording, summary};
use forklab::kernel::boot::Config;
use forklab::kernel::syscall::ForkRefusal;
use forklab::machine::{Command, History, Machine, Refusal, Reply, Stop, WorkloadFile};
use std::fs;
use std::path::Path;

/// Loads a workload file into a machine and returns its horizon.
fn load(machine: &mut Machine, text: &str) -> u64 {
    let cpus = machine.kernel.config.cpus;
    let file = WorkloadFile::parse(text, cpus).unwrap_or_else(|error| panic!("{error}"));
    machine.apply(Command::Accounts(true)).unwrap();
    machine.apply(Command::Load(file.tasks.into())).unwrap();
    file.horizon
}

/// A machine on which a workload file has run to its horizon.
fn run(text: &str) -> Lab {
    run_on(1, text)
}

fn run_on(cpus: u32, text: &str) -> Lab {
    let mut lab = Lab::with(Config {
        cpus,
        ..Config::default()
    });
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
    assert_eq!(compare_all("tests/data", 1), 12);
}

/// The same for the kernel that is built for several CPUs, with two of them.
#[test]
fn recordings_of_two_cpus_are_reproduced_byte_for_byte() {
    assert_eq!(compare_all("tests/data/smp", 2), 8);
}

/// Compares every recording in a folder; returns how many there are.
fn compare_all(folder: &str, cpus: u32) -> u32 {
    let mut compared = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "workload")
        {
            compare(&path, cpus);
            compared += 1;
        }
    }
    compared
}

fn compare(workload: &Path, cpus: u32) {
    let recorded = fs::read_to_string(workload.with_extension("trace")).unwrap();
    let lab = run_on(cpus, &fs::read_to_string(workload).unwrap());
    let ran = recording(&lab.machine);
    let name = workload.display();
    for (nr, (ran, recorded)) in ran.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(ran, recorded, "{name}, line {}", nr + 1);
    }
    assert!(ran == recorded, "{name}: one is longer than the other");
}

/// The lines of a replay that are about one task and say one thing.
fn lines<'a>(recording: &'a str, pid: u32, event: &str) -> Vec<&'a str> {
    let about = |line: &&str| {
        let words: Vec<&str> = line.split(' ').collect();
        words[1] == pid.to_string() && words[3] == event
    };
    recording.lines().filter(about).collect()
}

/// Numbers go to the listed tasks first, whatever their start; forked tasks get the next ones.
#[test]
fn a_listed_task_has_its_number_before_it_appears() {
    let recording = replay(
        "horizon 40
         task early
           run 2
           fork kid kid
           run 3
         task late start=20 nice=-5 psa=500
           run 1
         task never start=41
           run 1
         script kid
           run 1",
    );
    for (pid, event, wanted) in [
        (
            2,
            "fork",
            "2 2 early fork child=5:kid vm=0 cprio=125 cslice=49 pslice=49",
        ),
        (
            3,
            "spawn",
            "20 3 late spawn prio=116 slice=500 sleep_avg=400000000",
        ),
        (3, "exit", "21 3 late exit parent=1"),
    ] {
        assert_eq!(lines(&recording, pid, event), [wanted], "{recording}");
    }
    assert!(!recording.contains("never"), "{recording}");
}

/// At one tick: a sleeper wakes, then a task appears, then the running task's slice ends.
#[test]
fn tasks_appear_between_the_wake_ups_and_scheduler_tick() {
    let recording = replay(
        "horizon 120
         task sleeper
           sleep 100
           run 1
         task hog
           run 1000
         task late start=100 nice=19
           run 1",
    );
    let at_100: Vec<&str> = recording
        .lines()
        .filter_map(|line| line.strip_prefix("100 "))
        .collect();
    assert_eq!(
        at_100[..3],
        [
            "2 sleeper wake prio=115 sleep_avg=1000000000",
            "4 late spawn prio=139 slice=5 sleep_avg=0",
            "3 hog expire to=expired prio=125 slice=100",
        ],
        "{recording}"
    );
}

/// What each task was doing at the end, in the words of the recordings.
#[test]
fn the_summary_tells_how_every_task_stands_or_ended() {
    let recording = replay(
        "horizon 150
         task sleeps
           sleep 1000
         task reads
           io 1000
         task blocks
           block
         task ends
         task spent
           run 1000
         task runs
           run 1000
         task waits nice=19
           run 1",
    );
    let states: Vec<(&str, &str)> = recording
        .lines()
        .filter(|line| line.contains(" summary "))
        .filter_map(|line| Some((line.split(' ').nth(2)?, line.split_once("state=")?.1)))
        .collect();
    assert_eq!(
        states,
        [
            ("sleeps", "sleep"),
            ("reads", "io"),
            ("blocks", "block"),
            ("ends", "exited"),
            ("spent", "expired"),
            ("runs", "running"),
            ("waits", "active"),
        ],
        "{recording}"
    );
}

/// Tasks that use one script share it, and children find the others.
#[test]
fn tasks_can_follow_a_script() {
    let recording = replay(
        "horizon 100
         task A script=body   # a comment
         task B script=body
         script kid
           run 1
         script body
           run 2
           fork C kid
           run 1",
    );
    for (pid, child) in [(2, "4:C"), (3, "5:C")] {
        let forks = lines(&recording, pid, "fork");
        assert_eq!(forks.len(), 1);
        assert!(forks[0].contains(child), "{recording}");
    }
    assert_eq!(recording.matches(" exit ").count(), 4, "{recording}");
}

/// Loading is a command like others: a run that goes on after a way back is the same run.
#[test]
fn going_back_brings_tasks_that_were_still_to_come() {
    let file = WorkloadFile::parse(
        "horizon 60
         task A
           run 5
           sleep 5
           goto 0
         task late start=30
           run 3
           sleep 2
           goto 0",
        1,
    )
    .unwrap();
    let mut machine = Machine::boot(Config::default()).unwrap();
    let mut history = History::default();
    history.moment(&mut machine);
    let mut moments = Vec::new();
    let load = Command::Load(file.tasks.into());
    for command in [
        Command::Accounts(true),
        load,
        Command::Tick(20),
        Command::Tick(40),
    ] {
        history.note_command(&mut machine, 0, &command);
        machine.apply(command).unwrap();
        moments.push(history.moment(&mut machine));
    }
    let straight = recording(&machine);
    assert!(history.go_to(&mut machine, moments[2]));
    assert_eq!(machine.kernel.tick(), 20);
    machine.apply(Command::Tick(40)).unwrap();
    assert_eq!(recording(&machine), straight);
    assert!(straight.contains("30 3 late spawn"), "{straight}");
    machine.kernel.check().unwrap();
}

/// A start is counted from the loading; until then the numbers are taken and all is in order.
#[test]
fn a_file_can_be_loaded_into_a_machine_that_runs() {
    let mut lab = Lab::boot();
    lab.tick(70);
    load(
        &mut lab.machine,
        "horizon 0\ntask late start=30\nrun 5\ntask now\nblock",
    );
    assert_eq!(lab.kernel().check(), Ok(()));
    let sh = lab.spawn("sh");
    assert_eq!(lab.pid(sh), 4);
    // Nothing runs, but a task is still to come.
    let stopped = lab.machine.apply(Command::Run(1000)).unwrap();
    assert_eq!(stopped, Reply::Stopped(Stop::Idle));
    assert_eq!(lab.kernel().tick(), 105);
    assert!(recording(&lab.machine).contains("100 2 late spawn"));
}

/// With too few numbers for all its tasks a file is refused, and takes none.
#[test]
fn a_file_with_too_many_tasks_leaves_the_machine_as_it_was() {
    let mut lab = Lab::with(Config {
        pid_max: 301,
        ..Config::default()
    });
    let text = format!("horizon 1\n{}", "task A\nblock\n".repeat(300));
    let file = WorkloadFile::parse(&text, 1).unwrap();
    let refused = lab.machine.apply(Command::Load(file.tasks.into()));
    let no_pid = ForkRefusal::NoPid { pid_max: 301 };
    assert_eq!(refused, Err(Refusal::NoTask(no_pid.into())));
    let sh = lab.spawn("sh");
    assert_eq!(lab.pid(sh), 2);
}

/// Writing piece by piece gives the same text as writing at the end.
#[test]
fn a_recording_can_be_written_while_the_machine_runs() {
    let text = fs::read_to_string("tests/data/10-small-mix.workload").unwrap();
    let mut machine = Machine::boot(Config::default()).unwrap();
    let horizon = load(&mut machine, &text);
    let (mut recorder, mut pieces) = (Recorder::default(), String::new());
    while machine.kernel.tick() < horizon {
        machine
            .apply(Command::Tick(7.min(horizon - machine.kernel.tick())))
            .unwrap();
        pieces.push_str(&recorder.events(&machine));
    }
    pieces.push_str(&summary(&machine));
    assert!(pieces == recording(&machine));
    assert_eq!(recorder.missed(), 0);
}

/// A trace that was not read in time leaves a gap, which is counted.
#[test]
fn events_that_the_trace_has_dropped_are_counted() {
    let mut lab = Lab::boot();
    lab.machine.kernel.log.set_capacity(1024);
    load(
        &mut lab.machine,
        "horizon 9000\ntask A\nrun 1\nsleep 1\ngoto 0",
    );
    lab.tick(9000);
    let mut recorder = Recorder::default();
    recorder.events(&lab.machine);
    assert_eq!(recorder.missed(), lab.kernel().log.dropped());
    assert!(recorder.missed() > 0);
}
