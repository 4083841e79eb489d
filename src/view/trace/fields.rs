//! Events in readable form: names looked up, numeric codes turned into words, every field by name.
//! Text, scripts and exports all start from here.

use crate::abi::{Names, Pfn, Pid, TaskState, VirtAddr};
use crate::kernel::syscall::{Syscall, SyscallInfo};
use crate::trace::{Cause, FieldValue, FlushScope, ForkStep, Record, TraceEvent, TraceLog};
use crate::view::text::Role;
use serde::Serialize;
use std::fmt;

/// An event with its place in time and its fields.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EventFields {
    /// Position among all events since boot.
    pub seq: u64,
    /// The line of the session or script whose command was being carried out; 0 for none.
    pub line: u16,
    /// The event that it came of; `None` if it came of user mode, of a command or of an interrupt.
    pub cause: Option<u64>,
    /// Ticks since boot.
    pub tick: u64,
    /// CPU on which it happened.
    pub cpu: u8,
    /// Task on that CPU, or the task that the event is about.
    pub pid: Pid,
    /// Name of that task.
    pub name: String,
    /// The name of the event, such as `sched_switch`.
    pub event: &'static str,
    /// The fields, in order.
    pub fields: Vec<(&'static str, Field)>,
}

/// The value of a field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Field {
    /// A number shown in decimal.
    Int(i64),
    /// A condition, shown as yes or no.
    Bool(bool),
    /// A number shown in hexadecimal.
    Code(u32),
    /// The pid of a task.
    Pid(Pid),
    /// A linear address.
    Addr(VirtAddr),
    /// A page frame number.
    Frame(Pfn),
    /// The name of a task or program.
    Name(String),
    /// One of a fixed set of words.
    Word(String),
    /// A list of pids, in order.
    List {
        /// The pids in it.
        pids: Vec<Pid>,
        /// Whether there are more before them.
        cut_before: bool,
        /// Whether there are more behind them.
        cut_after: bool,
    },
}

impl EventFields {
    /// Looks everything up for an event.
    pub fn new(names: &Names, log: &TraceLog, record: &Record) -> Self {
        let stamp = record.stamp;
        Self {
            seq: record.seq,
            line: record.line,
            cause: match record.cause() {
                Cause::Event(seq) => Some(seq),
                _ => None,
            },
            tick: stamp.tick,
            cpu: stamp.cpu,
            pid: stamp.pid,
            name: names.get(stamp.name).to_owned(),
            event: record.event.kind().tag(),
            fields: fields(names, log, record),
        }
    }

    /// The value of the field of that name.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, field)| field)
    }
}

/// The fields of an event by name, in order.
pub fn fields(names: &Names, log: &TraceLog, record: &Record) -> Vec<(&'static str, Field)> {
    let look_up = |(key, value)| match (key, value) {
        ("prev_state", FieldValue::Int(state)) => (key, state_letter(state)),
        ("nr", FieldValue::Int(nr)) => ("call", call_name(nr)),
        ("code", FieldValue::Int(code)) => (key, Field::Code(code as u32)),
        _ => (key, field(names, log, value)),
    };
    let gives_address = |call: &str| ["mmap", "brk"].contains(&call);
    if let TraceEvent::SysExit { nr, ret } = record.event
        && gives_address(Syscall::c_name(nr))
        && !(-4095..0).contains(&ret)
    {
        let addr = Field::Addr(VirtAddr(ret as u32));
        return vec![("call", call_name(nr.into())), ("ret", addr)];
    }
    let mut fields: Vec<_> = record.event.fields().into_iter().map(look_up).collect();
    if let TraceEvent::TlbFlush {
        scope: FlushScope::Mm | FlushScope::Cr3,
        ..
    } = record.event
    {
        fields.retain(|(key, _)| *key != "addr");
    }
    fields
}

fn field(names: &Names, log: &TraceLog, value: FieldValue) -> Field {
    match value {
        FieldValue::Int(value) => Field::Int(value),
        FieldValue::Bool(value) => Field::Bool(value),
        FieldValue::Pid(pid) => Field::Pid(pid),
        FieldValue::Addr(addr) => Field::Addr(addr),
        FieldValue::Frame(pfn) => Field::Frame(pfn),
        FieldValue::Name(name) => Field::Name(names.get(name).to_owned()),
        FieldValue::Word(word) => Field::Word(word.to_owned()),
        FieldValue::Flags(flags) => Field::Word(flags.describe()),
        FieldValue::Status(status) => Field::Word(status.to_string().replace(' ', "_")),
        FieldValue::Signal(signal) => Field::Word(signal.to_string()),
        FieldValue::Text(text) => Field::Word(text.to_string()),
        FieldValue::Step(step) => Field::Word(step_name(step)),
        FieldValue::Pids(list) => Field::List {
            pids: log.pids(list).to_vec(),
            cut_before: list.cut_before,
            cut_after: list.cut_after,
        },
    }
}

fn state_letter(state: i64) -> Field {
    let state = TaskState::from_bits_retain(state as u8);
    Field::Word(state.letter().to_string())
}

fn call_name(nr: i64) -> Field {
    match SyscallInfo::of(nr as u16) {
        Some(info) => Field::Word(info.name.to_owned()),
        None => Field::Int(nr),
    }
}

fn step_name(step: ForkStep) -> String {
    let name = step.name().replace(' ', "_");
    match step {
        ForkStep::AllocPidmap(pid) => format!("{name}({pid})"),
        ForkStep::NoPid => format!("{name}(none)"),
        _ => name,
    }
}

impl Field {
    /// The value as a number, if it is one.
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(*value as i64),
            Self::Code(code) => Some(*code as i64),
            Self::Pid(pid) => Some(pid.0 as i64),
            Self::Addr(addr) => Some(addr.0 as i64),
            Self::Frame(pfn) => Some(pfn.0 as i64),
            Self::Name(_) | Self::Word(_) | Self::List { .. } => None,
        }
    }

    /// The role of its text.
    pub const fn role(&self) -> Role {
        match self {
            Self::Int(_) | Self::Code(_) => Role::Number,
            Self::Bool(_) | Self::Word(_) => Role::Flag,
            Self::Pid(_) | Self::List { .. } => Role::Pid,
            Self::Addr(_) => Role::Address,
            Self::Frame(_) => Role::Frame,
            Self::Name(_) => Role::Name,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Bool(value) => f.write_str(if *value { "yes" } else { "no" }),
            Self::Code(code) => write!(f, "{code:#x}"),
            Self::Pid(pid) => write!(f, "{pid}"),
            Self::Addr(addr) => write!(f, "{addr}"),
            Self::Frame(pfn) => write!(f, "{pfn}"),
            Self::Name(text) | Self::Word(text) => f.write_str(text),
            Self::List {
                pids,
                cut_before,
                cut_after,
            } => {
                let mut words: Vec<String> = pids.iter().map(ToString::to_string).collect();
                if *cut_before {
                    words.insert(0, "...".to_owned());
                }
                if *cut_after {
                    words.push("...".to_owned());
                }
                write!(f, "({})", words.join(" "))
            }
        }
    }
}
