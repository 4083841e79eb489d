//! The trace as data for programs: one object of JSON a line for each event, with the fields that
//! the views show.

use super::tracer::{Format, Scene};
use crate::machine::Machine;
use crate::trace::Record;
use crate::view::{EventFields, Field};
use serde_json::{Map, Value};

/// Writes the format.
#[derive(Default)]
pub(super) struct Writer;

impl Format for Writer {
    fn begin(&mut self, _text: &mut Vec<u8>, _machine: &Machine) {}

    fn record(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
        let kernel = &scene.machine.kernel;
        let event = EventFields::new(&kernel.names, &kernel.log, record);
        // Neither writing to memory nor these values can fail.
        let _ = serde_json::to_writer(&mut *text, &event_json(&event));
        text.push(b'\n');
    }
}

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
        let key = if map.contains_key(*key) {
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
