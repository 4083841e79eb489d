//! Help: the doc comments of our functions, read from the engine's metadata.

use crate::script::api;
use serde_json::Value;
use std::sync::OnceLock;

/// The documentation of one function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FunctionDoc {
    /// The group, such as `memory`.
    pub group: &'static str,
    /// The name; of a property, the name without `get$`.
    pub name: String,
    /// How it is written in a script: `task.read(addr, len)`, `task.prio`.
    pub signature: String,
    /// The doc comment without its example.
    pub text: String,
    /// The example, a complete script; empty for conversions to a string.
    pub example: String,
}

impl FunctionDoc {
    /// False for conversions to a string, comparisons and indexing, which are used without their
    /// names.
    pub fn is_called_by_name(&self) -> bool {
        let first = self.name.chars().next();
        let operator = first.is_none_or(|first| !first.is_alphanumeric());
        !operator && !["to_string", "to_debug", "index$get$"].contains(&self.name.as_str())
    }
}

/// The documentation of all our functions, sorted by group and name. It never changes, and is built
/// on first use.
pub fn function_docs() -> &'static [FunctionDoc] {
    static DOCS: OnceLock<Vec<FunctionDoc>> = OnceLock::new();
    DOCS.get_or_init(read_docs)
}

fn read_docs() -> Vec<FunctionDoc> {
    let mut docs = Vec::new();
    for (group, json) in api::metadata() {
        let parsed: Value = serde_json::from_str(&json).unwrap_or_default();
        let functions = parsed["functions"].as_array().cloned().unwrap_or_default();
        let first = docs.len();
        docs.extend(
            functions
                .iter()
                .filter_map(|function| function_doc(group, function)),
        );
        // Overloads may have equal signatures; the order must not depend on the engine's tables.
        docs[first..].sort();
    }
    docs
}

fn function_doc(group: &'static str, function: &Value) -> Option<FunctionDoc> {
    let comments = function["docComments"].as_array()?;
    let raw_name = function["name"].as_str()?;
    let params: Vec<&str> = function["params"]
        .as_array()
        .map(|params| {
            params
                .iter()
                .filter_map(|param| param["name"].as_str())
                .collect()
        })
        .unwrap_or_default();
    let comment: Vec<String> = comments
        .iter()
        .filter_map(Value::as_str)
        .map(strip)
        .collect();
    let (text, example) = split_example(&comment.join("\n"));
    let name = raw_name.strip_prefix("get$").unwrap_or(raw_name).to_owned();
    Some(FunctionDoc {
        group,
        signature: signature(raw_name, &name, &params),
        name,
        text,
        example,
    })
}

/// A doc comment without its slashes.
fn strip(comment: &str) -> String {
    let lines = comment.lines().map(|line| {
        let line = line.trim_start().trim_start_matches("///");
        line.strip_prefix(' ').unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn split_example(comment: &str) -> (String, String) {
    match comment.split_once("```rhai\n") {
        None => (comment.trim().to_owned(), String::new()),
        Some((text, rest)) => {
            let example = rest.split("```").next().unwrap_or_default();
            (text.trim().to_owned(), example.trim_end().to_owned())
        }
    }
}

fn signature(raw_name: &str, name: &str, params: &[&str]) -> String {
    const RECEIVERS: [&str; 6] = ["task", "call", "trace", "event", "view", "error"];
    let property = raw_name.starts_with("get$");
    match params {
        [receiver, ..] if property => format!("{receiver}.{name}"),
        [receiver, rest @ ..] if raw_name == "index$get$" => {
            format!("{receiver}[{}]", rest.join(", "))
        }
        [receiver, rest @ ..] if RECEIVERS.contains(receiver) => {
            format!("{receiver}.{name}({})", rest.join(", "))
        }
        _ => format!("{name}({})", params.join(", ")),
    }
}
