//! Writes the trace of a machine to a file while it runs, in any of the formats. What is written is
//! forgotten, so that a trace of any length needs little memory.

use super::moment::Clock;
use super::{chrome, ftrace, jsonl, perfetto, tracedat};
use crate::machine::Machine;
use crate::trace::Record;
use crate::view::{OnCpu, changed_kernel, on_cpu_now};
use std::fs::File;
use std::io::{self, Seek, Write};

/// So many bytes are written at a time.
const BLOCK: usize = 1 << 16;

/// A format of trace files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceFormat {
    /// The text of ftrace.
    Ftrace,
    /// The JSON of Chrome's tracing, which Perfetto reads as well.
    Chrome,
    /// Perfetto's own, in protocol buffers.
    Perfetto,
    /// An object of JSON for each event, one a line.
    JsonLines,
    /// The file of trace-cmd.
    TraceDat,
}

impl TraceFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Ftrace,
        Self::Chrome,
        Self::Perfetto,
        Self::JsonLines,
        Self::TraceDat,
    ];

    /// The ending of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Ftrace => ".txt",
            Self::Chrome => ".json",
            Self::Perfetto => ".pftrace",
            Self::JsonLines => ".jsonl",
            Self::TraceDat => ".dat",
        }
    }

    /// What it is, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Ftrace => "the text of ftrace",
            Self::Chrome => "Chrome's JSON",
            Self::Perfetto => "Perfetto's own format",
            Self::JsonLines => "one event in JSON a line",
            Self::TraceDat => "trace-cmd's file",
        }
    }

    /// The format of a file of that name, and its path: `a.txt`, or `txt:a` with another ending.
    ///
    /// # Errors
    /// The endings there are.
    pub fn of_name(name: &str) -> Result<(Self, &str), String> {
        let of_name = |format: Self| {
            let named = name
                .strip_prefix(&format.ending()[1..])
                .and_then(|rest| rest.strip_prefix(':'));
            let ends = name.ends_with(format.ending()).then_some(name);
            named.or(ends).map(|path| (format, path))
        };
        let found = Self::ALL.into_iter().find_map(of_name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(|format| format!("{} ({})", format.ending(), format.about()));
            format!(
                "the ending of the name chooses the format of a trace: {}; a name without one can \
                 follow it, as in jsonl:/dev/stderr",
                known.join(", ")
            )
        })
    }

    fn writer(self) -> Box<dyn Format> {
        match self {
            Self::Ftrace => Box::<ftrace::Writer>::default(),
            Self::Chrome => Box::<chrome::Writer>::default(),
            Self::Perfetto => Box::<perfetto::Writer>::default(),
            Self::JsonLines => Box::<jsonl::Writer>::default(),
            Self::TraceDat => Box::<tracedat::Writer>::default(),
        }
    }
}

/// What a format needs to know besides a record.
pub(super) struct Scene<'a> {
    pub(super) machine: &'a Machine,
    /// The tasks on the CPUs just before the record.
    pub(super) on_cpu: &'a OnCpu,
    /// When the record happened, in ns since boot.
    pub(super) at: u64,
}

/// Writes one of the formats. Each method appends to the text that is to be written next.
pub(super) trait Format: Send {
    /// The beginning of a file.
    fn begin(&mut self, text: &mut Vec<u8>, machine: &Machine, sink: &dyn Sink);
    /// Rules begin or cease to decide in place of Linux's code.
    fn changed(&mut self, text: &mut Vec<u8>, at: u64, mark: &str);
    /// Something happened.
    fn record(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record);
    /// The machine rests after some records; what only it knows can be measured.
    fn rest(&mut self, _text: &mut Vec<u8>, _scene: &Scene<'_>) {}
    /// The end of the file.
    fn end(&mut self, _text: &mut Vec<u8>, _at: u64) {}
    /// What follows the end, if it was kept elsewhere.
    fn tail(&mut self, _sink: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Where a trace goes. It can be begun anew.
pub trait Sink: Write {
    /// Discards what was written.
    ///
    /// # Errors
    /// If that is not possible.
    fn discard(&mut self) -> io::Result<()>;

    /// A file without a name for what can only be written at the end.
    ///
    /// # Errors
    /// If there is none.
    fn scratch(&self) -> io::Result<File> {
        tempfile::tempfile()
    }
}

/// A file that a trace goes to, or a pipe.
pub struct Target {
    file: File,
    /// Whether anything was written to it.
    begun: bool,
}

impl Target {
    /// Nothing was written to it yet.
    pub const fn new(file: File) -> Self {
        Self { file, begun: false }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun = true;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for Target {
    fn discard(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.begun) {
            return Ok(());
        }
        if !self.file.metadata()?.is_file() {
            return Err(io::Error::other(
                "another machine is booted, or time goes back, and what a pipe has got cannot be \
                 taken back; write to a file",
            ));
        }
        self.file.set_len(0)?;
        self.file.rewind()
    }
}

impl Sink for Vec<u8> {
    fn discard(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

/// Follows a machine and writes its trace.
///
/// A machine that is replaced by another, or goes back in time, begins the file anew: it contains
/// what led to the state at the end.
pub struct Tracer<S> {
    kind: TraceFormat,
    format: Box<dyn Format>,
    sink: S,
    text: Vec<u8>,
    clock: Clock,
    on_cpu: OnCpu,
    /// The last record that was written.
    last: Option<Record>,
    /// Number of events that the trace no longer had when they were to be written.
    missed: u64,
    written: u64,
    begun: bool,
    /// The mark of a changed kernel that was written last.
    changed: Option<String>,
}

impl<S: Sink> Tracer<S> {
    /// Begins a trace in that format.
    pub fn new(kind: TraceFormat, sink: S) -> Self {
        Self {
            kind,
            format: kind.writer(),
            sink,
            text: Vec::new(),
            clock: Clock::default(),
            on_cpu: OnCpu::default(),
            last: None,
            missed: 0,
            written: 0,
            begun: false,
            changed: None,
        }
    }

    /// Writes what has happened since the last call.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn follow(&mut self, machine: &Machine) -> io::Result<()> {
        if !self.begun || !self.goes_on(machine) {
            self.begin(machine)?;
        }
        let changed = changed_kernel(machine);
        if changed != self.changed {
            let mark = changed.as_deref().unwrap_or("the kernel of Linux again");
            // Moments never go back, and there may be events that are not written yet.
            let at = if machine.kernel.log.event_seq() == self.next() {
                self.clock.now(machine.kernel.tick())
            } else {
                self.clock.after()
            };
            self.format.changed(&mut self.text, at, mark);
            self.changed = changed;
        }
        let log = &machine.kernel.log;
        let next = self.next();
        if self.last.is_some() && log.event_seq() == next {
            return Ok(());
        }
        let mut expected = next;
        for record in log.records_from(next) {
            self.missed += record.seq - expected;
            expected = record.seq + 1;
            let scene = Scene {
                machine,
                on_cpu: &self.on_cpu,
                at: self.clock.at(record.stamp.tick),
            };
            self.format.record(&mut self.text, &scene, record);
            self.on_cpu.follow(record);
            self.last = Some(*record);
            self.written += 1;
            if self.text.len() >= BLOCK {
                self.sink.write_all(&self.text)?;
                self.text.clear();
            }
        }
        let scene = Scene {
            machine,
            on_cpu: &self.on_cpu,
            at: self.clock.now(machine.kernel.tick()),
        };
        self.format.rest(&mut self.text, &scene);
        Ok(())
    }

    /// Writes the rest, and returns how many events there were and how many are missing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self, machine: &Machine) -> io::Result<(S, Written)> {
        self.follow(machine)?;
        let at = self.clock.now(machine.kernel.tick());
        self.format.end(&mut self.text, at);
        self.sink.write_all(&self.text)?;
        self.format.tail(&mut self.sink)?;
        self.sink.flush()?;
        let (events, missed) = (self.written, self.missed);
        Ok((self.sink, Written { events, missed }))
    }

    /// The number of the event to be written next.
    fn next(&self) -> u64 {
        self.last.map_or(0, |last| last.seq + 1)
    }

    /// Whether the machine is where it was after the last record, or further on.
    fn goes_on(&self, machine: &Machine) -> bool {
        let Some(last) = self.last else {
            return true;
        };
        let log = &machine.kernel.log;
        log.event_seq() > last.seq
            && match log.records_from(last.seq).next() {
                Some(record) if record.seq == last.seq => *record == last,
                // It has been dropped meanwhile.
                Some(_) => true,
                None => false,
            }
    }

    fn begin(&mut self, machine: &Machine) -> io::Result<()> {
        self.text.clear();
        self.sink.discard()?;
        self.format = self.kind.writer();
        self.clock = Clock::default();
        self.on_cpu = OnCpu::before(&machine.kernel.log, &on_cpu_now(&machine.kernel));
        self.last = None;
        self.missed = 0;
        self.written = 0;
        self.begun = true;
        self.changed = None;
        self.format.begin(&mut self.text, machine, &self.sink);
        Ok(())
    }
}

/// What a trace file contains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Number of its events.
    pub events: u64,
    /// Number of events that are missing, because the trace had dropped or filtered them.
    pub missed: u64,
}
