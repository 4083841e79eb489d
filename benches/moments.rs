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

use forklab::Session;
use forklab::abi::MapFlags;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::machine::{Action, Clock, Command, History, Machine, Progress, Side};
use forklab::script::{Limit, Limits};
use std::process::Command as Process;
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

/// A session that keeps its past, as the prompt does.
fn session() -> Session {
    let limits = Limits::default().with(Limit::Operations, u64::MAX);
    let mut session = Session::new(limits, Box::new(|_| Ok(()))).unwrap();
    session.remember();
    session
}

/// Runs a line as the prompt does.
fn line(session: &mut Session, text: &str) -> Duration {
    let begun = Instant::now();
    session.submit(text).unwrap();
    begun.elapsed()
}

/// How long it takes to find the last change of a value in a run of a million events.
fn searches() -> bool {
    let mut session = session();
    let tasks =
        "for i in 0..20 { spawn(`t${i}`, workload([\"run 1\", \"sleep 3\", \"goto 0\"])); }";
    line(&mut session, tasks);
    while session.machine(|machine| machine.kernel.log.event_seq()) < EVENTS / 2 {
        line(&mut session, "tick(10000)");
    }
    line(&mut session, "let sh = spawn(\"sh\")");
    while session.machine(|machine| machine.kernel.log.event_seq()) < EVENTS {
        line(&mut session, "tick(10000)");
    }
    let time = line(&mut session, "last_change(|| tasks().len())");
    line(&mut session, "assert_eq(tasks().len(), 22)");
    say("last_change(|| ..) over a million events", time, 500.0)
}

/// A hundred settings on all cores, against one core.
fn comparisons() -> bool {
    const SCENARIO: &str = "let c = compare(sweep(\"child_penalty\", 1..=100), || { for i in 0..10 { \
                            spawn(`t${i}`, workload([\"run 7\", \"sleep 3\", \"goto 0\"])); } \
                            tick(20000); })";
    if std::env::args().any(|arg| arg == "--one-core") {
        println!("{}", line(&mut session(), SCENARIO).as_secs_f64());
        return true;
    }
    let all = line(&mut session(), SCENARIO).as_secs_f64();
    let this = std::env::current_exe().unwrap();
    let one = Process::new("taskset")
        .args(["-c", "0"])
        .arg(this)
        .arg("--one-core")
        .output();
    let one = one
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.trim().parse::<f64>().ok());
    let Some(one) = one else {
        println!("compare on one core: skipped, because there is no taskset");
        return true;
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (ratio, limit) = (one / all, if cores < 2 { 0.9 } else { 1.8 });
    println!(
        "{:52} {ratio:>9.2}      limit {limit}",
        format!("compare of 100 settings on {cores} cores, ratio")
    );
    ratio >= limit
}

/// How much memory ten thousand steps take that can be undone.
fn undo_steps() -> bool {
    let mut session = session();
    line(&mut session, "let sh = spawn(\"sh\")");
    line(&mut session, "let a = sh.mmap(64*KiB)");
    let before = resident();
    for step in 0..10_000 {
        line(
            &mut session,
            &format!("sh.write(a + {} % 64*KiB, {step})", step * 4096),
        );
    }
    let steps = std::iter::repeat_with(|| session.undo(1)).take_while(Option::is_some);
    let steps = steps.count();
    let mib = resident().saturating_sub(before) as f64 / f64::from(1 << 20);
    println!(
        "{:52} {mib:>9.1} MiB  limit 256 MiB",
        format!("{steps} steps that can be undone")
    );
    mib <= 256.0 && steps >= 10_000
}

/// The memory that this process uses, in bytes; 0 where the host does not say.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}

/// A checkpoint of a machine with as many tasks as there are pids.
fn many_tasks() -> bool {
    let config = Config {
        mem: 896 << 20,
        threads_max: Some(33_000),
        ..Config::default()
    };
    let mut machine = Machine::boot(config).unwrap();
    let program = drive::workload(&[("main", &["run 1000000000"])]);
    for _ in 0..32_000 {
        drive::spawn_workload(&mut machine, SpawnArgs::new("hog", 0), program.clone());
    }
    let _first = machine.checkpoint();
    let time = best(20, || {
        machine.apply(Command::Tick(3)).unwrap();
        let begun = Instant::now();
        let _checkpoint = machine.checkpoint();
        begun.elapsed()
    });
    say("a checkpoint with 32,000 tasks", time, 5.0)
}

/// How long it takes to find events, and to go to moments that are known.
fn moments() -> bool {
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
    fine & say("going to a known moment, worst", worst, 50.0)
}

/// What recording costs, on the same work; run in turn, the best of some.
fn recording() -> bool {
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
    ratio <= 1.05
}

/// A checkpoint of a machine in which a little has changed.
fn dirty_pages() -> bool {
    let mut machine = Machine::boot(Config::default()).unwrap();
    let sh = drive::spawn(&mut machine, SpawnArgs::new("sh", 500));
    let addr = drive::mmap(&mut machine, sh, drive::pages(10, MapFlags::PRIVATE));
    let time = best(50, || {
        drive::act(&mut machine, sh, Action::Touch { addr, pages: 10 });
        let begun = Instant::now();
        let _checkpoint = machine.checkpoint();
        begun.elapsed()
    });
    say("a checkpoint of 64 MiB with 10 dirty pages", time, 0.1)
}

/// All of them, or those whose names contain the argument.
fn main() {
    if std::env::args().any(|arg| arg == "--one-core") {
        comparisons();
        return;
    }
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let mut fine = true;
    // Memory first: later it would be that which the others have left.
    for (name, run) in [
        ("undo_steps", undo_steps as fn() -> bool),
        ("moments", moments),
        ("recording", recording),
        ("searches", searches),
        ("comparisons", comparisons),
        ("many_tasks", many_tasks),
        ("dirty_pages", dirty_pages),
    ] {
        if wanted.as_ref().is_none_or(|part| name.contains(part)) {
            fine &= run();
        }
    }
    if !fine {
        println!("a limit is missed");
        std::process::exit(1);
    }
}
