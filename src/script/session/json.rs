//! Values of scripts as JSON, for other programs.

use super::run::Session;
use super::value::{Call, Task, View};
use crate::export::event_json;
use crate::script::api::{Event, Trace};
use crate::script::errors::Failure;
use rhai::{Array, Dynamic, Map};
use serde_json::{Value, json};

/// The value of a script, for other programs.
#[derive(Clone, Debug, Default)]
pub struct ScriptValue(Dynamic);

impl Session {
    /// Runs a script and returns the value of its last expression.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn eval_value(&mut self, source: &str) -> Result<ScriptValue, Failure> {
        self.begin_input();
        self.evaluate(source).map(ScriptValue)
    }

    /// The value of the last line of the prompt.
    pub fn last_value(&self) -> ScriptValue {
        ScriptValue(self.last.clone())
    }
}

impl ScriptValue {
    /// The value as JSON: `null` if there is none, a view as its data, a task as its pid.
    pub fn json(&self) -> Value {
        json_of(&self.0)
    }

    /// The value as a picture in SVG, if it is a view or a trace.
    pub fn svg(&self) -> Option<String> {
        if let Some(view) = self.0.read_lock::<View>() {
            return Some(view.drawing.svg(&view.text));
        }
        let trace = self.0.read_lock::<Trace>()?;
        Some(trace.svg())
    }
}

/// A value as JSON. What has no data, such as a closure, is its type in a string.
pub(in crate::script) fn json_of(value: &Dynamic) -> Value {
    if let Some(view) = value.read_lock::<View>() {
        json_of(&view.data)
    } else if let Some(trace) = value.read_lock::<Trace>() {
        trace
            .clone()
            .into_iter()
            .map(|event| event.json())
            .collect()
    } else if let Some(event) = value.read_lock::<Event>() {
        event.json()
    } else if let Some(task) = value.read_lock::<Task>() {
        json!({ "pid": task.pid.0 })
    } else if let Some(array) = value.read_lock::<Array>() {
        array.iter().map(json_of).collect()
    } else if let Some(map) = value.read_lock::<Map>() {
        let fields = map
            .iter()
            .map(|(key, value)| (key.to_string(), json_of(value)));
        Value::Object(fields.collect())
    } else if value.is::<Call>() {
        json!("call")
    } else {
        serde_json::to_value(value).unwrap_or_else(|_| json!(value.type_name()))
    }
}

impl Event {
    /// The event with its fields on one level.
    pub(in crate::script) fn json(&self) -> Value {
        event_json(self.fields())
    }
}
