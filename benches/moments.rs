//! The line of moments: how long it takes to go to any moment of a run of a million events, to find
//! an event, to keep a checkpoint, and what recording costs. Limits are printed beside the figures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock, prints what it finds, and fails if it cannot go on"
)]

#[path = "../tests/common/machine.rs"]
mod drive;

use forklab::abi::MapFlags;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::machine::{Action, Clock, Command, History, Machine, Progress, Side};
use std::time::{Duration, Instant};

const EVENTS: u64 = 1_000_000;

/// A machine on which tasks alternate between CPU and I/O.
fn busy() -> Machine {
    let mut machine = Machine::boot(Config::default()).unwrap();
    for nr in 0..20 {
        let steps = ["run 1", "sleep 3", "goto 0"];
        let program = drive::workload(&[("main", &steps)]);
        drive::spawn_workload(
            &mut machine,
            SpawnArgs::new(&format!("t{nr}"), 500),
            program,
        );
    }
    machine
}

/// Lets time pass as a session does, with a history or without.
fn pass(machine: &mut Machine, mut history: Option<&mut History>, events: u64) {
    let command = Command::Tick(u64::MAX >> 1);
    if let Some(history) = &mut history {
        history.note_command(machine, 1, &command);
    }
    let mut progress = machine.begin(command);
    while progress == Progress::Paused && machine.kernel.log.event_seq() < events {
        if let Some(history) = &mut history {
            history.note_slice(machine);
        }
        progress = machine.go_on();
    }
}

fn best(times: u32, run: impl FnMut() -> Duration) -> Duration {
    std::iter::repeat_with(run)
        .take(times as usize)
        .min()
        .unwrap_or_default()
}

/// Prints a time beside its limit, both in ms. Returns whether it is within.
fn say(what: &str, time: Duration, limit: f64) -> bool {
    let time = time.as_secs_f64() * 1e3;
    println!("{what:52} {time:>9.2} ms   limit {limit} ms");
    time <= limit
}

fn main() {
    let mut fine = true;
    let mut machine = busy();
    let mut history = History::default();
    history.moment(&mut machine);
    pass(&mut machine, Some(&mut history), EVENTS);
    let tip = history.moment(&mut machine);
    let last = machine.kernel.log.event_seq();
    println!("a run of {last} events, {} ms", machine.kernel.tick());

    let mut dice = fastrand::Rng::with_seed(1);
    let mut worst = Duration::ZERO;
    let mut sum = Duration::ZERO;
    let mut moments = Vec::new();
    for _ in 0..40 {
        let seq = dice.u64(100..last);
        let begun = Instant::now();
        assert!(history.seek(
            &mut machine,
            tip,
            |clock: Clock| clock.seq > seq,
            Side::Before
        ));
        let time = begun.elapsed();
        (worst, sum) = (worst.max(time), sum + time);
        moments.push(history.here());
    }
    fine &= say("before(event), any of them, mean", sum / 40, 500.0);
    fine &= say("before(event), any of them, worst", worst, 500.0);
    let mut worst = Duration::ZERO;
    for moment in moments {
        let begun = Instant::now();
        assert!(history.go_to(&mut machine, moment));
        worst = worst.max(begun.elapsed());
    }
    fine &= say("going to a known moment, worst", worst, 50.0);

    // What recording costs, on the same work; run in turn, the best of some.
    let run = |recorded: bool| {
        let mut machine = busy();
        let mut history = History::default();
        history.moment(&mut machine);
        let begun = Instant::now();
        pass(&mut machine, recorded.then_some(&mut history), EVENTS / 4);
        begun.elapsed()
    };
    let (mut without, mut with) = (Duration::MAX, Duration::MAX);
    for _ in 0..7 {
        without = without.min(run(false));
        with = with.min(run(true));
    }
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!("{:52} {ratio:>9.3}      limit 1.05", "recording, ratio");
    fine &= ratio <= 1.05;

    let mut machine = Machine::boot(Config::default()).unwrap();
    let sh = drive::spawn(&mut machine, SpawnArgs::new("sh", 500));
    let addr = drive::mmap(&mut machine, sh, drive::pages(10, MapFlags::PRIVATE));
    let time = best(50, || {
        drive::act(&mut machine, sh, Action::Touch { addr, pages: 10 });
        let begun = Instant::now();
        let _checkpoint = machine.checkpoint();
        begun.elapsed()
    });
    fine &= say("a checkpoint of 64 MiB with 10 dirty pages", time, 0.1);
    if !fine {
        println!("a limit is missed");
        std::process::exit(1);
    }
}
