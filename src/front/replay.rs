//! `forklab replay`: runs a workload file on a fresh machine and prints it in the format of the
//! recordings.

use super::diag::draw;
use super::exit_code::{FINE, USAGE};
use super::print::{complain, complain_painted, exit_code, output_failed, print_line};
use super::process::Process;
use super::run::{Outputs, Source, write_named};
use super::strace_log;
use super::style::stderr_colors;
use super::trace_file::TraceFile;
use crate::abi::{Errno, Pid};
use crate::export::{Drawing, Recorder, page, summary};
use crate::import::{Imported, Kind, SideBySide, figures_of, import, strace_calls};
use crate::kernel::boot::Config;
use crate::kernel::syscall::Syscall;
use crate::kernel::task::PID_MAX_LIMIT;
use crate::machine::{Command, FileError, Machine, Progress, Reply, Stop, WorkloadFile};
use crate::script::{Failure, FailureKind, Limit};
use crate::trace::{CloneRefusal, Record, TraceEvent};
use crate::view;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Memory of the machine, enough for it never to run short: the recordings know no such shortage.
const MEM: u32 = 256 << 20;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 30;
/// The most CPUs of a machine.
const MAX_CPUS: u32 = 8;

/// A table that is shown at the end.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Table {
    /// Turnaround, response and waiting time of each task
    Turnaround,
    /// Who had the CPU when
    Timeline,
    /// How long tasks ran and waited
    Latency,
    /// Who got how much of the CPUs
    Fairness,
    /// Every turn of every task
    Timehist,
}

/// What is told of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Every event, as it happens.
    Schedule,
    /// A table at the end.
    Table(Table),
    /// The other machine beside this one.
    Compared,
    /// A document of JSON.
    Json,
    /// The workload alone, without a run.
    Workload,
}

impl Told {
    /// What the options of the command line ask for.
    pub(super) fn of(compare: bool, workload: bool, show: Option<Table>, json: bool) -> Self {
        let choices = [
            (workload, Self::Workload),
            (json, Self::Json),
            (compare, Self::Compared),
        ];
        let chosen = choices.into_iter().find(|(chosen, _)| *chosen);
        let table = show.map_or(Self::Schedule, Self::Table);
        chosen.map_or(table, |(_, told)| told)
    }
}

/// Replays a file; returns the exit code.
pub(super) fn run(
    process: &Process,
    source: &Source,
    cpus: Option<u32>,
    told: Told,
    outputs: &Outputs,
) -> u8 {
    let name = source.name();
    let complain_of = |why: &str| {
        complain(&format!("forklab: {name}: {why}"));
        USAGE
    };
    let text = match source.read_up_to(MAX_FILE) {
        Ok(text) => text,
        Err(why) => return complain_of(&why),
    };
    let draw_error = |error: FileError, text: &str| {
        complain_painted(&draw(&unreadable(error), &name, text, stderr_colors()));
        USAGE
    };
    if Kind::of(&text) == Kind::Strace {
        let calls = match strace_calls(&text) {
            Ok(calls) => calls,
            Err(error) => return draw_error(error, &text),
        };
        if matches!(told, Told::Schedule | Told::Json) {
            return strace_log::run(process, &name, &text, &calls, cpus, outputs);
        }
        return complain_of(&no_times(told));
    }
    let imported = match import(&text, cpus.unwrap_or(MAX_CPUS)) {
        Ok(imported) => imported,
        Err(error) => return draw_error(error, &text),
    };
    let cpus = cpus.unwrap_or(imported.cpus.min(MAX_CPUS));
    for note in &imported.notes {
        complain(&format!("forklab: {name}: {note}"));
    }
    if told == Told::Workload {
        return match print_line(imported.workload.trim_end()) {
            Ok(()) => FINE,
            Err(error) => output_failed(error.kind()),
        };
    }
    if told == Told::Compared && imported.there.is_none() {
        let kind = imported.kind.name();
        return complain_of(&format!(
            "{kind} does not say what its tasks got elsewhere\nhelp: --show turnaround tells what \
             they get here"
        ));
    }
    let file = match WorkloadFile::parse(&imported.workload, cpus) {
        Ok(file) => file,
        Err(error) => return draw_error(error, &imported.workload),
    };
    let trace = outputs.trace_file(&[&name]);
    let Ok(trace) = trace.inspect_err(|why| complain(&format!("forklab: {why}"))) else {
        return USAGE;
    };
    let run = Run {
        name: &name,
        imported: &imported,
        cpus,
        told,
        outputs,
    };
    match play(process, file, &run, trace) {
        Ok(()) => FINE,
        Err(failure) => {
            if failure.kind != FailureKind::Output(io::ErrorKind::BrokenPipe) {
                complain_painted(&draw(&failure, &name, &text, stderr_colors()));
            }
            exit_code(failure.kind)
        }
    }
}

/// Why something cannot be told of a log of strace.
fn no_times(told: Told) -> String {
    let asked = match told {
        Told::Compared => "--compare",
        Told::Table(_) => "--show",
        Told::Workload => "--workload",
        Told::Schedule | Told::Json => "it",
    };
    format!(
        "{} has calls, but no times, so there is nothing for {asked}\nhelp: without it, each call \
         stands beside what the log has; --json, --trace, --svg and --html are possible",
        Kind::Strace.name()
    )
}

/// What is run, and what is told of it.
struct Run<'a> {
    name: &'a str,
    imported: &'a Imported,
    cpus: u32,
    told: Told,
    outputs: &'a Outputs,
}

impl Outputs {
    /// Writes the picture and the page of a replay, if they are wanted. `source` is what was played.
    ///
    /// # Errors
    /// Why one cannot be written, in words for the user.
    pub(super) fn write_replay(
        &self,
        machine: &Machine,
        name: &str,
        source: &str,
    ) -> Result<(), String> {
        write_named(self.svg.as_deref(), &[name], || {
            let timeline = view::timeline(machine, 0, machine.kernel.tick());
            let text = timeline.text();
            Drawing::Timeline(timeline.into()).svg(&text)
        })?;
        write_named(self.html.as_deref(), &[name], || {
            page(machine, name, source, &[])
        })
    }
}

impl Run<'_> {
    /// What is printed at the end.
    fn ending(&self, machine: &Machine) -> String {
        let end = machine.kernel.tick();
        let text = match self.told {
            Told::Schedule | Told::Workload => return summary(machine),
            Told::Json => self.document(machine).to_string(),
            Told::Compared => self
                .beside(machine)
                .map_or_else(String::new, |beside| beside.text().to_string()),
            Told::Table(Table::Turnaround) => view::turnaround(machine).text().to_string(),
            Told::Table(Table::Timeline) => view::timeline(machine, 0, end).text().to_string(),
            Told::Table(Table::Latency) => view::latency(machine, 0, end).text().to_string(),
            Told::Table(Table::Fairness) => view::fairness(machine, 0, end).text().to_string(),
            Told::Table(Table::Timehist) => view::timehist(machine, 0, end).text().to_string(),
        };
        text + "\n"
    }

    /// The other machine beside this one.
    fn beside(&self, machine: &Machine) -> Option<SideBySide> {
        let there = self.imported.there.as_ref()?;
        let kind = self.imported.kind.name();
        Some(SideBySide::new(kind, there, &figures_of(machine)))
    }

    /// The document of `--json`, whose schema is in `docs/schema/`.
    fn document(&self, machine: &Machine) -> Value {
        let end = machine.kernel.tick();
        json!({
            "forklab": env!("CARGO_PKG_VERSION"),
            "file": self.name,
            "kind": self.imported.kind.name(),
            "notes": self.imported.notes,
            "cpus": self.cpus,
            "tick": end,
            "events": machine.kernel.log.event_seq(),
            "turnaround": view::turnaround(machine),
            "latency": view::latency(machine, 0, end),
            "timeline": view::timeline(machine, 0, end),
            "compared": self.beside(machine),
        })
    }
}

fn unreadable(error: FileError) -> Failure {
    Failure {
        position: Some((error.line, error.column)),
        ..failure(
            FailureKind::Script,
            error.why,
            Some(format!("expected {}", error.expected)),
        )
    }
}

fn unwritable(kind: io::ErrorKind, why: String) -> Failure {
    failure(FailureKind::Output(kind), why, None)
}

/// A failure that has no place in the file.
fn failure(kind: FailureKind, message: String, help: Option<String>) -> Failure {
    Failure {
        kind,
        message,
        note: None,
        help,
        position: None,
        around: Vec::new(),
    }
}

/// Runs a workload to its horizon and prints as it goes.
fn play(
    process: &Process,
    file: WorkloadFile,
    run: &Run,
    trace: Option<TraceFile>,
) -> Result<(), Failure> {
    if file.horizon > process.limits.get(Limit::Ticks) {
        return Err(Failure::of_limit(Limit::Ticks, &process.limits));
    }
    let config = Config {
        cpus: run.cpus,
        mem: MEM,
        threads_max: Some(PID_MAX_LIMIT),
        ..Config::default()
    };
    let script = |why| failure(FailureKind::Script, why, None);
    let mut machine = Machine::boot(config).map_err(script)?;
    let mut player = Player {
        process,
        recorder: Recorder::default(),
        printed: 0,
        seen: 0,
        trace,
        told: run.told,
    };
    machine
        .kernel
        .log
        .set_capacity(process.limits.get(Limit::Trace) as usize);
    apply(&mut machine, Command::Accounts(true))?;
    apply(&mut machine, Command::Load(file.tasks.into()))?;
    loop {
        let left = file.horizon - machine.kernel.tick();
        let mut progress = machine.begin(Command::Tick(left));
        let mut told = machine.kernel.tick();
        while progress == Progress::Paused {
            // A moment that never ends is not told event by event.
            if machine.kernel.tick() > told {
                told = machine.kernel.tick();
                player.tell(&machine)?;
            }
            player.may_go_on(&machine)?;
            progress = machine.go_on();
        }
        if let Progress::Done(Ok(Reply::Stopped(stop))) = progress {
            is_going_on(&machine, stop)?;
        }
        player.tell(&machine)?;
        if machine.kernel.tick() >= file.horizon {
            player.print(&run.ending(&machine))?;
            let source = &run.imported.workload;
            let written = run.outputs.write_replay(&machine, run.name, source);
            written.map_err(|why| unwritable(io::ErrorKind::Other, why))?;
            let finished = player.trace.map_or(Ok(()), |trace| trace.finish(&machine));
            return finished.map_err(|why| unwritable(io::ErrorKind::Other, why));
        }
    }
}

/// Fails if the machine is stuck: a million events at one tick would say less than one message.
fn is_going_on(machine: &Machine, stop: Stop) -> Result<(), Failure> {
    match stop {
        // There are no programs in a workload file.
        Stop::Budget | Stop::Idle | Stop::Console | Stop::Handler | Stop::Halted(_) => Ok(()),
        Stop::Stuck => {
            let (message, help) = machine.why_stuck();
            let help = Some(help.to_owned());
            Err(failure(FailureKind::Script, message, help))
        }
        Stop::Panic => {
            let why = machine.kernel.panicked().unwrap_or_default();
            let message = format!("Kernel panic - not syncing: {why}");
            Err(failure(FailureKind::Panic, message, None))
        }
    }
}

fn apply(machine: &mut Machine, command: Command) -> Result<Reply, Failure> {
    let refused = machine.apply(command);
    refused.map_err(|refusal| failure(FailureKind::Limit, refusal.to_string(), None))
}

/// Prints what happens on a machine.
struct Player<'a> {
    process: &'a Process,
    recorder: Recorder,
    /// Bytes printed so far.
    printed: u64,
    /// Sequence number of the next event to check for failures.
    seen: u64,
    /// Where the trace goes besides.
    trace: Option<TraceFile>,
    told: Told,
}

impl Player<'_> {
    /// Prints what has happened since the last call, and checks whether the run may go on.
    fn tell(&mut self, machine: &Machine) -> Result<(), Failure> {
        if let Some(trace) = &mut self.trace {
            let followed = trace.follow(machine);
            followed.map_err(|error| {
                unwritable(
                    error.kind(),
                    format!("the trace cannot be written: {error}"),
                )
            })?;
        }
        let lines = self.recorder.events(machine);
        if self.told == Told::Schedule {
            self.print(&lines)?;
        }
        if self.recorder.missed() > 0 {
            return Err(Failure::of_limit(Limit::Trace, &self.process.limits));
        }
        let log = &machine.kernel.log;
        if let Some(record) = log.records_from(self.seen).find(|record| is_short(record)) {
            return Err(no_room(machine, record));
        }
        self.seen = log.event_seq();
        self.may_go_on(machine)
    }

    /// Checks Ctrl-C and the limits of memory and work.
    fn may_go_on(&self, machine: &Machine) -> Result<(), Failure> {
        if machine.work() > self.process.limits.get(Limit::Work) {
            return Err(Failure::of_limit(Limit::Work, &self.process.limits));
        }
        if self.process.is_over_memory() {
            return Err(Failure::of_limit(Limit::Memory, &self.process.limits));
        }
        if self.process.interrupt.is_raised() {
            let message = "interrupted".to_owned();
            return Err(failure(FailureKind::Interrupted, message, None));
        }
        Ok(())
    }

    fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.printed += text.len() as u64;
        if self.printed > self.process.limits.get(Limit::Output) {
            return Err(Failure::of_limit(Limit::Output, &self.process.limits));
        }
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| {
            let message = format!("cannot print any more: {error}");
            failure(FailureKind::Output(error.kind()), message, None)
        })
    }
}

/// Whether a task could not be created, either by a fork or from the list.
fn is_short(record: &Record) -> bool {
    match record.event {
        TraceEvent::SysExit { nr, ret } => ret < 0 && Syscall::name_of(nr) == "clone",
        TraceEvent::CopyProcess { refusal, .. } => {
            refusal.is_some() && record.stamp.pid == Pid::INIT
        }
        _ => false,
    }
}

/// The failure for a fork that failed. The recordings contain no failing fork, so such a run cannot
/// be one.
fn no_room(machine: &Machine, record: &Record) -> Failure {
    let errno = match record.event {
        TraceEvent::SysExit { ret, .. } => Errno::from_code(-ret),
        TraceEvent::CopyProcess { refusal, .. } => refusal.map(CloneRefusal::errno),
        _ => None,
    };
    let errno = errno.map_or("", Errno::name);
    let stamp = record.stamp;
    let name = machine.kernel.names.get(stamp.name);
    let message = format!(
        "task {} ({name}) could not create a task at tick {}: {errno}",
        stamp.pid, stamp.tick
    );
    let help = format!(
        "the machine has {} MiB and {PID_MAX_LIMIT} pids; let tasks exit",
        MEM >> 20
    );
    failure(FailureKind::Limit, message, Some(help))
}
