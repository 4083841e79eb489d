//! The JSON that Chrome's tracing and Perfetto read: CPUs as the threads of one process, each task a
//! thread of its own process, arrows between them, counters.

use super::spans::{Mark, Spans};
use super::tracer::{Format, Scene, Sink};
use crate::abi::Pid;
use crate::machine::Machine;
use crate::trace::Record;
use serde_json::json;
use std::fmt;
use std::io::Write;

/// The process whose threads are the CPUs: that of the idle tasks.
const CPUS: u32 = 0;

/// Writes the format.
#[derive(Default)]
pub(super) struct Writer {
    spans: Spans,
    /// Whether something stands in the list already.
    begun: bool,
}

/// A moment in microseconds, as the format counts them.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Format for Writer {
    fn begin(&mut self, text: &mut Vec<u8>, machine: &Machine, _sink: &dyn Sink) {
        text.extend_from_slice(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
        self.meta(text, "process_name", CPUS, 0, "CPUs");
        for cpu in 0..machine.kernel.sched.cpus() {
            self.meta(text, "thread_name", CPUS, cpu as i64, &format!("CPU {cpu}"));
        }
        let marks = self.spans.begin(&machine.kernel);
        self.write(text, 0, &marks);
    }

    fn changed(&mut self, text: &mut Vec<u8>, at: u64, mark: &str) {
        self.event(text, 'I', at, CPUS, 0);
        // Writing to memory cannot fail.
        let _ = write!(text, ",\"s\":\"g\",\"name\":{}}}", json!(mark));
    }

    fn record(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
        let marks = self.spans.marks(scene, record);
        self.write(text, scene.at, &marks);
    }

    fn rest(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>) {
        let marks = self.spans.rest(&scene.machine.kernel);
        self.write(text, scene.at, &marks);
    }

    fn end(&mut self, text: &mut Vec<u8>, at: u64) {
        let marks = self.spans.end();
        self.write(text, at, &marks);
        text.extend_from_slice(b"\n]}\n");
    }
}

impl Writer {
    fn write(&mut self, text: &mut Vec<u8>, at: u64, marks: &[Mark]) {
        for mark in marks {
            self.mark(text, at, mark);
        }
    }

    /// Begins an event: its phase, its moment, its process and thread.
    fn event(&mut self, text: &mut Vec<u8>, phase: char, at: u64, pid: u32, tid: i64) {
        let comma = if self.begun { "," } else { "" };
        self.begun = true;
        // Writing to memory cannot fail.
        let _ = write!(
            text,
            "{comma}\n{{\"ph\":\"{phase}\",\"ts\":{},\"pid\":{pid},\"tid\":{tid}",
            Micros(at)
        );
    }

    fn meta(&mut self, text: &mut Vec<u8>, what: &str, pid: u32, tid: i64, name: &str) {
        self.event(text, 'M', 0, pid, tid);
        let _ = write!(
            text,
            ",\"name\":\"{what}\",\"args\":{{\"name\":{}}}}}",
            json!(name)
        );
    }

    fn mark(&mut self, text: &mut Vec<u8>, at: u64, mark: &Mark) {
        // Writing to memory cannot fail.
        match mark {
            Mark::Thread(thread) | Mark::Renamed(thread) => {
                let (process, tid) = (thread.tgid.0 as u32, i64::from(thread.pid.0));
                if thread.tgid == thread.pid {
                    self.meta(text, "process_name", process, tid, &thread.name);
                }
                self.meta(text, "thread_name", process, tid, &thread.name);
            }
            Mark::RunBegin {
                pid,
                cpu,
                name,
                arrow,
            } => self.run_begin(text, at, (*pid, name), *cpu, *arrow),
            Mark::RunEnd {
                cpu, state, why, ..
            } => {
                self.event(text, 'E', at, CPUS, i64::from(*cpu));
                let _ = write!(
                    text,
                    ",\"args\":{{\"state\":\"{state}\",\"why\":\"{why}\"}}}}"
                );
            }
            Mark::SliceBegin { pid, name, line } => {
                let (process, tid) = self.thread(*pid);
                self.event(text, 'B', at, process, tid);
                let _ = write!(
                    text,
                    ",\"name\":{},\"cat\":\"task\",\"args\":{{\"line\":{line}}}}}",
                    json!(name)
                );
            }
            Mark::SliceEnd { pid, result } => {
                let (process, tid) = self.thread(*pid);
                self.event(text, 'E', at, process, tid);
                let _ = match result {
                    Some(result) => write!(text, ",\"args\":{{\"result\":{}}}}}", json!(result)),
                    None => write!(text, "}}"),
                };
            }
            Mark::Instant {
                pid,
                cpu,
                name,
                line,
                arrow,
            } => {
                let (process, tid) = self.thread(*pid);
                self.event(text, 'i', at, process, tid);
                let _ = write!(
                    text,
                    ",\"s\":\"t\",\"name\":{},\"cat\":\"task\",\"args\":{{\"line\":{line}}}}}",
                    json!(name)
                );
                if let Some(arrow) = arrow {
                    self.event(text, 's', at, CPUS, i64::from(*cpu));
                    let _ = write!(
                        text,
                        ",\"id\":{arrow},\"name\":\"wakes\",\"cat\":\"flow\"}}"
                    );
                }
            }
            Mark::Counter { name, value } => self.counter(text, at, name, *value),
        }
    }

    fn counter(&mut self, text: &mut Vec<u8>, at: u64, name: &str, value: i64) {
        self.event(text, 'C', at, CPUS, 0);
        let name = json!(name);
        // Writing to memory cannot fail.
        let _ = write!(text, ",\"name\":{name},\"args\":{{\"value\":{value}}}}}");
    }

    /// A run, and the end of the arrow that leads to it.
    fn run_begin(
        &mut self,
        text: &mut Vec<u8>,
        at: u64,
        (pid, name): (Pid, &str),
        cpu: u8,
        arrow: Option<u64>,
    ) {
        let task = json!(format!("{pid}:{name}"));
        self.event(text, 'B', at, CPUS, i64::from(cpu));
        // Writing to memory cannot fail.
        let _ = write!(text, ",\"name\":{task},\"cat\":\"sched\"}}");
        if let Some(arrow) = arrow {
            self.event(text, 'f', at, CPUS, i64::from(cpu));
            let _ = write!(
                text,
                ",\"id\":{arrow},\"bp\":\"e\",\"name\":\"wakes\",\"cat\":\"flow\"}}"
            );
        }
    }

    fn thread(&self, pid: Pid) -> (u32, i64) {
        let process = self.spans.tgid(pid);
        (process.0 as u32, i64::from(pid.0))
    }
}
