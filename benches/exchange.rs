//! Tables, traces and files of a million events: how long the tables take, how fast traces are
//! written in each format and read again. Limits are printed beside the figures.

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

use forklab::export::{Sink, TraceFormat, Tracer};
use forklab::import::import;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::machine::{Command, Machine, Progress};
use forklab::view;
use std::io::{self, Write};
use std::time::{Duration, Instant};

const EVENTS: u64 = 1_000_000;

/// A sink that only counts.
#[derive(Default)]
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Count {
    fn discard(&mut self) -> io::Result<()> {
        self.0 = 0;
        Ok(())
    }
}

/// A machine on which a million events have happened.
fn busy() -> Machine {
    let mut machine = Machine::boot(Config::default()).unwrap();
    machine.kernel.log.set_capacity(2 * EVENTS as usize);
    for nr in 0..20 {
        let program = drive::workload(&[("main", &["run 1", "sleep 3", "goto 0"])]);
        let args = SpawnArgs::new(&format!("t{nr}"), 500);
        drive::spawn_workload(&mut machine, args, program);
    }
    let mut progress = machine.begin(Command::Tick(u64::MAX >> 1));
    while progress == Progress::Paused && machine.kernel.log.event_seq() < EVENTS {
        progress = machine.go_on();
    }
    machine
}

/// The best of three.
fn best<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut once = || {
        let begin = Instant::now();
        let result = run();
        let took = begin.elapsed();
        drop(result);
        took
    };
    [once(), once(), once()]
        .into_iter()
        .min()
        .unwrap_or_default()
}

fn main() {
    let machine = busy();
    let events = machine.kernel.log.records().count();
    println!("{events} events");
    let end = machine.kernel.tick();
    println!("tables (at most 200 ms each)");
    let table =
        |name: &str, took: Duration| println!("  {name:14} {:6.0} ms", took.as_secs_f64() * 1e3);
    table("timeline", best(|| view::timeline(&machine, 0, end).text()));
    table("latency", best(|| view::latency(&machine, 0, end).text()));
    table(
        "perf_latency",
        best(|| view::perf_latency(&machine, 0, end).text()),
    );
    table("turnaround", best(|| view::turnaround(&machine).text()));
    table("timehist", best(|| view::timehist(&machine, 0, end)));
    println!("traces (at least 1 million events a second)");
    for format in TraceFormat::ALL {
        let mut bytes = 0;
        let took = best(|| {
            let tracer = Tracer::new(format, Count::default());
            bytes = tracer.finish(&machine).unwrap().0.0;
        });
        let rate = events as f64 / took.as_secs_f64() / 1e6;
        println!(
            "  {:10} {rate:6.2} million events a second, {} MB",
            format.ending(),
            bytes / 1_000_000
        );
    }
    let (text, _) = Tracer::new(TraceFormat::Ftrace, Vec::new())
        .finish(&machine)
        .unwrap();
    let mut text = String::from_utf8(text).unwrap();
    // A text of 100 MB.
    let lines = text.clone();
    while text.len() < 100_000_000 {
        text.push_str(&lines);
    }
    let took = best(|| import(&text, 1).unwrap().workload.len());
    let rate = text.len() as f64 / took.as_secs_f64() / 1e6;
    println!(
        "reading {} MB of ftrace: {rate:.0} MB a second (at least 50)",
        text.len() / 1_000_000
    );
}
