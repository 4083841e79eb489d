//! The trace as data for programs: one object of JSON a line for each event, with the fields that
//! the views show. Where rules begin or cease to decide in place of Linux's code, a line says which.

use super::moment::TICK;
use super::tracer::{Format, Scene, Sink};
use crate::machine::Machine;
use crate::trace::Record;
use crate::view::{EventFields, Field};
use serde_json::{Map, Value, json};
use std::io::Write;

/// Writes the format.
#[derive(Default)]
pub(super) struct Writer;

impl Format for Writer {
    fn begin(&mut self, _text: &mut Vec<u8>, _machine: &Machine, _sink: &dyn Sink) {}

    fn changed(&mut self, text: &mut Vec<u8>, at: u64, mark: &str) {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{}", json!({ "tick": at / TICK, "kernel": mark }));
    }

    fn record(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
        let kernel = &scene.machine.kernel;
        let event = EventFields::new(&kernel.names, &kernel.log, record);
        // Neither writing to memory nor these values can fail.
        let _ = write!(
            text,
            "{{\"seq\":{},\"tick\":{},\"cpu\":{},\"task\":{},\"comm\":",
            event.seq, event.tick, event.cpu, event.pid
        );
        let _ = serde_json::to_writer(&mut *text, &event.name);
        let _ = write!(
            text,
            ",\"event\":\"{}\",\"line\":{}",
            event.event, event.line
        );
        for (key, field) in &event.fields {
            let of = if COMMON.contains(key) { "of_" } else { "" };
            let _ = write!(text, ",\"{of}{key}\":");
            let _ = match field.as_int().filter(|_| !matches!(field, Field::Bool(_))) {
                Some(number) => write!(text, "{number}"),
                None => serde_json::to_writer(&mut *text, &field_json(field)).map_err(Into::into),
            };
        }
        text.extend_from_slice(b"}\n");
    }
}

/// The fields that every event has.
const COMMON: [&str; 7] = ["seq", "tick", "cpu", "task", "comm", "event", "line"];

/// An event with all its fields on one level. A field that has the name of one of the common ones
/// is called `of_pid` and the like.
pub fn event_json(event: &EventFields) -> Value {
    let mut map = Map::new();
    map.insert("seq".to_owned(), event.seq.into());
    map.insert("tick".to_owned(), event.tick.into());
    map.insert("cpu".to_owned(), event.cpu.into());
    map.insert("task".to_owned(), event.pid.0.into());
    map.insert("comm".to_owned(), event.name.as_str().into());
    map.insert("event".to_owned(), event.event.into());
    map.insert("line".to_owned(), event.line.into());
    for (key, field) in &event.fields {
        let key = if COMMON.contains(key) {
            format!("of_{key}")
        } else {
            (*key).to_owned()
        };
        map.insert(key, field_json(field));
    }
    Value::Object(map)
}

fn field_json(field: &Field) -> Value {
    match field {
        Field::Bool(value) => (*value).into(),
        Field::Name(text) | Field::Word(text) => text.as_str().into(),
        Field::List { pids, .. } => pids.iter().map(|pid| Value::from(pid.0)).collect(),
        Field::Int(_) | Field::Code(_) | Field::Pid(_) | Field::Addr(_) | Field::Frame(_) => {
            field.as_int().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{TraceFormat, Tracer};
    use crate::kernel::boot::Config;
    use crate::kernel::fork::SpawnArgs;
    use crate::machine::Command;

    #[test]
    fn a_line_is_what_the_event_is_as_a_value() {
        let mut machine = Machine::boot(Config::default()).unwrap();
        let command = Command::Spawn {
            args: SpawnArgs::new("a \"b\"", 0),
            program: Some("sh".to_owned()),
            spin: false,
        };
        machine.apply(command).unwrap();
        let tracer = Tracer::new(TraceFormat::JsonLines, Vec::new());
        let (bytes, written) = tracer.finish(&machine).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let kernel = &machine.kernel;
        let records = kernel.log.records();
        for (line, record) in text.lines().zip(records) {
            let event = EventFields::new(&kernel.names, &kernel.log, record);
            let read: Value = serde_json::from_str(line).unwrap();
            assert_eq!(read, event_json(&event));
        }
        assert_eq!(text.lines().count() as u64, written.events);
    }
}
