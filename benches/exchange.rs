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

use forklab::Session;
use forklab::export::{Sink, TraceFormat, Tracer};
use forklab::import::import;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::machine::{Command, Machine, Progress};
use forklab::script::{Limit, Limits};
use forklab::view;
use std::fmt::Write as _;
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

/// A machine on which a million things have happened that strace sees.
fn called() -> Session {
    let limits = Limits::default().with(Limit::Operations, u64::MAX);
    let mut session = Session::new(limits, Box::new(|_| Ok(()))).unwrap();
    let script = "fn main() { loop { open(\"/missing\", O_RDONLY); let status = 0; \
                  waitpid(-1, addr(status), WNOHANG); getpid(); } }\n\
                  boot(#{strace: true}); spawn(\"a\", main); spawn(\"b\", main);";
    session.submit(script).unwrap();
    while session.machine(|machine| machine.kernel.calls.iter().count()) < EVENTS as usize {
        session.submit("tick(100)").unwrap();
    }
    session
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

/// Whether figures are within their limits.
struct Verdict(bool);

impl Verdict {
    fn table(&mut self, name: &str, took: Duration) {
        let ms = took.as_secs_f64() * 1e3;
        println!("  {name:14} {ms:6.0} ms");
        self.0 &= ms <= 200.0;
    }

    fn rate(&mut self, what: &str, rate: f64, at_least: f64) {
        println!("  {what:24} {rate:6.2}");
        self.0 &= rate >= at_least;
    }
}

fn tables(verdict: &mut Verdict, machine: &Machine) {
    let end = machine.kernel.tick();
    println!("tables (at most 200 ms each)");
    let mut table = |name, took| verdict.table(name, took);
    table("timeline", best(|| view::timeline(machine, 0, end).text()));
    table("latency", best(|| view::latency(machine, 0, end).text()));
    table(
        "perf_latency",
        best(|| view::perf_latency(machine, 0, end).text()),
    );
    table("turnaround", best(|| view::turnaround(machine).text()));
    table("timehist", best(|| view::timehist(machine, 0, end)));
}

fn strace(verdict: &mut Verdict) {
    println!("system calls of a million events (at most 200 ms)");
    called().machine(|machine| {
        verdict.table("strace", best(|| view::strace(machine, None)));
    });
}

fn traces(verdict: &mut Verdict, machine: &Machine) {
    println!("traces, in millions of events a second (at least 1)");
    let events = machine.kernel.log.records().count();
    for format in TraceFormat::ALL {
        let mut bytes = 0;
        let took = best(|| {
            let tracer = Tracer::new(format, Count::default());
            bytes = tracer.finish(machine).unwrap().0.0;
        });
        let rate = events as f64 / took.as_secs_f64() / 1e6;
        let what = format!("{}, {} MB", format.ending(), bytes / 1_000_000);
        verdict.rate(&what, rate, 1.0);
    }
}

fn reading(verdict: &mut Verdict, machine: &Machine) {
    let (text, _) = Tracer::new(TraceFormat::Ftrace, Vec::new())
        .finish(machine)
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    // A text of 100 MB, of copies whose events happen later and later.
    let end = machine.kernel.tick() / 1000 + 1;
    let mut long = String::new();
    for copy in 0.. {
        if long.len() >= 100_000_000 {
            break;
        }
        for line in text.lines() {
            match line.split_once(". ") {
                Some((head, rest))
                    if rest.trim_start().starts_with(|c: char| c.is_ascii_digit()) =>
                {
                    let (seconds, rest) = rest.trim_start().split_once('.').unwrap();
                    let seconds: u64 = seconds.parse().unwrap();
                    writeln!(long, "{head}. {:>5}.{rest}", seconds + copy * end).unwrap();
                }
                _ => writeln!(long, "{line}").unwrap(),
            }
        }
    }
    let text = long;
    let took = best(|| import(&text, 1).unwrap().workload.len());
    println!("reading, in MB a second (at least 50)");
    let what = format!("ftrace, {} MB", text.len() / 1_000_000);
    verdict.rate(&what, text.len() as f64 / took.as_secs_f64() / 1e6, 50.0);
}

/// All of them, or those whose names contain the argument.
fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|part| name.contains(part));
    let mut verdict = Verdict(true);
    if is_wanted("strace") {
        strace(&mut verdict);
    }
    let machine = busy();
    println!("{} events", machine.kernel.log.records().count());
    for (name, run) in [
        ("tables", tables as fn(&mut Verdict, &Machine)),
        ("traces", traces),
        ("reading", reading),
    ] {
        if is_wanted(name) {
            run(&mut verdict, &machine);
        }
    }
    if !verdict.0 {
        println!("a limit is missed");
        std::process::exit(1);
    }
}
