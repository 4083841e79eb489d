//! The file of trace-cmd, version 6, which `trace-cmd report` and KernelShark read: the formats of
//! the events, and for each CPU the pages of its ring buffer. The events of the scheduler have the
//! fields of the kernel's tracepoints; all others are one event that has a text.

use super::moment::in_interrupt;
use super::tracer::{Format, Scene, Sink};
use crate::abi::{Name, Names, Pid};
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent};
use crate::view::EventFields;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, Write};

/// Size of a page of a ring buffer, and where its data begin.
const PAGE: usize = 4096;
const HEAD: usize = 16;
/// The largest number of bytes of an event whose length its header holds.
const SMALL: usize = 112;
/// Bits of the time since the event before.
const DELTA_BITS: u32 = 27;
/// The type of an event that only lets time pass.
const TIME_EXTEND: u32 = 30;
/// Bytes of a name, with its null byte.
const COMM: usize = 16;
/// Bytes that the fields common to all events take.
const COMMON: usize = 8;

const SWITCH: u16 = 1;
const WAKEUP: u16 = 2;
const WAKEUP_NEW: u16 = 3;
const FORK: u16 = 4;
const OTHER: u16 = 5;

/// A field of an event's format: C declaration and size.
type FieldFormat = (&'static str, usize);

const SWITCH_FIELDS: &[FieldFormat] = &[
    ("char prev_comm[16]", 16),
    ("pid_t prev_pid", 4),
    ("int prev_prio", 4),
    ("long prev_state", 8),
    ("char next_comm[16]", 16),
    ("pid_t next_pid", 4),
    ("int next_prio", 4),
];
const WAKEUP_FIELDS: &[FieldFormat] = &[
    ("char comm[16]", 16),
    ("pid_t pid", 4),
    ("int prio", 4),
    ("int success", 4),
    ("int target_cpu", 4),
];
const FORK_FIELDS: &[FieldFormat] = &[
    ("char parent_comm[16]", 16),
    ("pid_t parent_pid", 4),
    ("char child_comm[16]", 16),
    ("pid_t child_pid", 4),
];
const OTHER_FIELDS: &[FieldFormat] = &[("__data_loc char[] text", 4)];

const SWITCH_PRINT: &str = "\"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> \
     next_comm=%s next_pid=%d next_prio=%d\", REC->prev_comm, REC->prev_pid, REC->prev_prio, \
     REC->prev_state ? __print_flags(REC->prev_state, \"|\", { 1, \"S\"} , { 2, \"D\" }, { 4, \"T\" }, \
     { 8, \"t\" }, { 16, \"X\" }, { 32, \"Z\" }) : \"R\", REC->next_comm, REC->next_pid, REC->next_prio";
const WAKEUP_PRINT: &str = "\"comm=%s pid=%d prio=%d target_cpu=%03d\", REC->comm, REC->pid, \
     REC->prio, REC->target_cpu";
const FORK_PRINT: &str = "\"comm=%s pid=%d child_comm=%s child_pid=%d\", REC->parent_comm, \
     REC->parent_pid, REC->child_comm, REC->child_pid";
const OTHER_PRINT: &str = "\"%s\", __get_str(text)";

/// The ring buffer of a CPU.
struct Buffer {
    /// The pages that are full.
    full: File,
    pages: u64,
    page: Vec<u8>,
    /// When the last event of the page happened.
    last: u64,
}

/// Writes the format.
#[derive(Default)]
pub(super) struct Writer {
    buffers: Vec<Buffer>,
    names: BTreeMap<Pid, String>,
    /// Why pages could not be kept.
    error: Option<io::Error>,
}

impl Format for Writer {
    fn begin(&mut self, _text: &mut Vec<u8>, machine: &Machine, sink: &dyn Sink) {
        for _ in 0..machine.kernel.sched.cpus() {
            match sink.scratch() {
                Ok(full) => self.buffers.push(Buffer {
                    full,
                    pages: 0,
                    page: Vec::new(),
                    last: 0,
                }),
                Err(error) => self.error = Some(error),
            }
        }
    }

    fn changed(&mut self, _text: &mut Vec<u8>, at: u64, mark: &str) {
        let mut event = begun(OTHER, 0, Pid(0));
        push_string(&mut event, mark.as_bytes().to_vec());
        self.push(0, at, event);
    }

    fn record(&mut self, _text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
        let names = &scene.machine.kernel.names;
        let (pid, _) = scene.on_cpu.get(record.stamp.cpu);
        self.names
            .insert(record.stamp.pid, names.get(record.stamp.name).to_owned());
        let irq = if in_interrupt(record) { 0x9 } else { 0 };
        let mut event = begun(kind(&record.event), irq, pid);
        if !push_known(&mut event, names, record) {
            push_text(&mut event, scene, record);
        }
        self.push(usize::from(record.stamp.cpu), scene.at, event);
    }

    fn end(&mut self, text: &mut Vec<u8>, _at: u64) {
        for buffer in &mut self.buffers {
            if let Err(error) = buffer.close() {
                self.error.get_or_insert(error);
            }
        }
        self.push_header(text);
    }

    fn tail(&mut self, sink: &mut dyn Write) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        for buffer in &mut self.buffers {
            buffer.full.rewind()?;
            io::copy(&mut buffer.full, sink)?;
        }
        Ok(())
    }
}

impl Writer {
    fn push(&mut self, cpu: usize, at: u64, mut event: Vec<u8>) {
        event.resize(event.len().next_multiple_of(4), 0);
        let Some(buffer) = self.buffers.get_mut(cpu) else {
            return;
        };
        if let Err(error) = buffer.push(at, &event) {
            self.error.get_or_insert(error);
        }
    }

    fn push_header(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"\x17\x08\x44tracing6\0");
        // Little-endian, with a `long` of 8 bytes.
        text.extend_from_slice(&[0, 8]);
        text.extend_from_slice(&(PAGE as u32).to_le_bytes());
        push_part(text, "header_page", HEADER_PAGE);
        push_part(text, "header_event", HEADER_EVENT);
        // No events of ftrace itself, then two systems.
        text.extend_from_slice(&0_u32.to_le_bytes());
        text.extend_from_slice(&2_u32.to_le_bytes());
        push_system(
            text,
            "sched",
            &[
                format("sched_switch", SWITCH, SWITCH_FIELDS, SWITCH_PRINT),
                format("sched_wakeup", WAKEUP, WAKEUP_FIELDS, WAKEUP_PRINT),
                format("sched_wakeup_new", WAKEUP_NEW, WAKEUP_FIELDS, WAKEUP_PRINT),
                format("sched_process_fork", FORK, FORK_FIELDS, FORK_PRINT),
            ],
        );
        push_system(
            text,
            "forklab",
            &[format("event", OTHER, OTHER_FIELDS, OTHER_PRINT)],
        );
        // Neither symbols nor formats of printk.
        text.extend_from_slice(&[0; 8]);
        let line = |(pid, name): (&Pid, &String)| {
            format!("{pid} {}\n", name.replace(char::is_control, "?"))
        };
        let names: String = self.names.iter().map(line).collect();
        text.extend_from_slice(&(names.len() as u64).to_le_bytes());
        text.extend_from_slice(names.as_bytes());
        text.extend_from_slice(&(self.buffers.len() as u32).to_le_bytes());
        text.extend_from_slice(b"options  \0\0\0flyrecord\0");
        let data = (text.len() + 16 * self.buffers.len()).next_multiple_of(PAGE);
        let mut offset = data as u64;
        for buffer in &self.buffers {
            let size = buffer.pages * PAGE as u64;
            text.extend_from_slice(&offset.to_le_bytes());
            text.extend_from_slice(&size.to_le_bytes());
            offset += size;
        }
        text.resize(data, 0);
    }
}

const HEADER_PAGE: &str = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\
     \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n\
     \tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\
     \tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";
const HEADER_EVENT: &str = "# compressed entry header\n\ttype_len    :    5 bits\n\
     \ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == 29\n\
     \ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";

fn push_part(text: &mut Vec<u8>, name: &str, content: &str) {
    text.extend_from_slice(name.as_bytes());
    text.push(0);
    text.extend_from_slice(&(content.len() as u64).to_le_bytes());
    text.extend_from_slice(content.as_bytes());
}

fn push_system(text: &mut Vec<u8>, name: &str, formats: &[String]) {
    text.extend_from_slice(name.as_bytes());
    text.push(0);
    text.extend_from_slice(&(formats.len() as u32).to_le_bytes());
    for format in formats {
        text.extend_from_slice(&(format.len() as u64).to_le_bytes());
        text.extend_from_slice(format.as_bytes());
    }
}

/// The format of an event, as the kernel describes its own.
fn format(name: &str, id: u16, fields: &[FieldFormat], print: &str) -> String {
    let begin = format!("name: {name}\nID: {id}\nformat:\n");
    let common = [
        ("unsigned short common_type", 2),
        ("unsigned char common_flags", 1),
        ("unsigned char common_preempt_count", 1),
        ("int common_pid", 4),
    ];
    let mut offset = 0;
    let mut line = |(declared, size): &FieldFormat| {
        let signed = u8::from(!declared.starts_with("unsigned"));
        let line =
            format!("\tfield:{declared};\toffset:{offset};\tsize:{size};\tsigned:{signed};\n");
        offset += size;
        line
    };
    let common: String = common.iter().map(&mut line).collect();
    let fields: String = fields.iter().map(&mut line).collect();
    // An empty line separates the common fields from the others.
    format!("{begin}{common}\n{fields}\nprint fmt: {print}\n")
}

const fn kind(event: &TraceEvent) -> u16 {
    match event {
        TraceEvent::SchedSwitch { .. } => SWITCH,
        TraceEvent::SchedWakeup { .. } => WAKEUP,
        TraceEvent::SchedWakeupNew { .. } => WAKEUP_NEW,
        TraceEvent::SchedProcessFork { .. } => FORK,
        _ => OTHER,
    }
}

/// An event with the fields that all of them have.
fn begun(kind: u16, flags: u8, pid: Pid) -> Vec<u8> {
    let mut event = Vec::with_capacity(SMALL);
    event.extend_from_slice(&kind.to_le_bytes());
    event.extend_from_slice(&[flags, 0]);
    event.extend_from_slice(&pid.0.to_le_bytes());
    event
}

fn push_comm(event: &mut Vec<u8>, names: &Names, name: Name) {
    let bytes = names.get(name).as_bytes();
    let kept = &bytes[..bytes.len().min(COMM - 1)];
    event.extend_from_slice(kept);
    event.resize(event.len() + COMM - kept.len(), 0);
}

fn push_int(event: &mut Vec<u8>, number: i32) {
    event.extend_from_slice(&number.to_le_bytes());
}

/// Writes the fields of an event that has a format of its own.
fn push_known(event: &mut Vec<u8>, names: &Names, record: &Record) -> bool {
    match record.event {
        TraceEvent::SchedSwitch {
            prev,
            prev_name,
            prev_prio,
            prev_state,
            next,
            next_name,
            next_prio,
            ..
        } => {
            push_comm(event, names, prev_name);
            push_int(event, prev.0);
            push_int(event, prev_prio.into());
            event.extend_from_slice(&super::perfetto::state_bits(prev_state).to_le_bytes());
            push_comm(event, names, next_name);
            push_int(event, next.0);
            push_int(event, next_prio.into());
        }
        TraceEvent::SchedWakeup {
            pid,
            name,
            prio,
            target_cpu,
            ..
        }
        | TraceEvent::SchedWakeupNew {
            pid,
            name,
            prio,
            target_cpu,
            ..
        } => {
            push_comm(event, names, name);
            for number in [pid.0, prio.into(), 1, target_cpu.into()] {
                push_int(event, number);
            }
        }
        TraceEvent::SchedProcessFork {
            child, child_name, ..
        } => {
            push_comm(event, names, record.stamp.name);
            push_int(event, record.stamp.pid.0);
            push_comm(event, names, child_name);
            push_int(event, child.0);
        }
        _ => return false,
    }
    true
}

/// Writes any other event as a text: its name and its fields.
fn push_text(event: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
    let kernel = &scene.machine.kernel;
    let fields = EventFields::new(&kernel.names, &kernel.log, record);
    let mut text = fields.event.as_bytes().to_vec();
    for (key, value) in &fields.fields {
        // Writing to memory cannot fail.
        let _ = write!(text, " {key}={value}");
    }
    push_string(event, text);
}

/// Writes the text of an event, as much of it as a small one has room for.
fn push_string(event: &mut Vec<u8>, mut text: Vec<u8>) {
    text.truncate(SMALL - COMMON - 5);
    text.push(0);
    let place = (text.len() as u32) << 16 | (COMMON + 4) as u32;
    event.extend_from_slice(&place.to_le_bytes());
    event.extend_from_slice(&text);
}

impl Buffer {
    fn push(&mut self, at: u64, event: &[u8]) -> io::Result<()> {
        // Room for the time, the header and the event.
        if !self.page.is_empty() && self.page.len() + 8 + 4 + event.len() > PAGE {
            self.close()?;
        }
        if self.page.is_empty() {
            self.page.extend_from_slice(&at.to_le_bytes());
            self.page.resize(HEAD, 0);
            self.last = at;
        }
        let delta = at - self.last;
        self.last = at;
        let mask = (1 << DELTA_BITS) - 1;
        let mut short = delta as u32;
        if delta > mask {
            let head = TIME_EXTEND | ((delta & mask) as u32) << 5;
            self.page.extend_from_slice(&head.to_le_bytes());
            self.page
                .extend_from_slice(&((delta >> DELTA_BITS) as u32).to_le_bytes());
            short = 0;
        }
        let head = (event.len() / 4) as u32 | short << 5;
        self.page.extend_from_slice(&head.to_le_bytes());
        self.page.extend_from_slice(event);
        Ok(())
    }

    /// Ends the page.
    fn close(&mut self) -> io::Result<()> {
        if self.page.is_empty() {
            return Ok(());
        }
        let data = (self.page.len() - HEAD) as u64;
        self.page[8..HEAD].copy_from_slice(&data.to_le_bytes());
        self.page.resize(PAGE, 0);
        self.full.write_all(&self.page)?;
        self.pages += 1;
        self.page.clear();
        Ok(())
    }
}
