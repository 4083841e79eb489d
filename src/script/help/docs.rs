//! Help: the doc comments of our functions, read back from the engine's metadata.

use crate::script::api;
use serde_json::Value;
use std::sync::OnceLock;

/// What there is to know of a function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FunctionDoc {
    /// Group, such as `memory`.
    pub group: &'static str,
    /// Name; a property has the name that it is read by.
    pub name: String,
    /// How it is written: `task.read(addr, len)`, `task.prio`.
    pub signature: String,
    /// The doc comment without its example.
    pub text: String,
    /// The example, a script of its own; empty for conversions to text.
    pub example: String,
}

impl FunctionDoc {
    /// Conversions to text, comparisons and indexing are used without their name.
    pub fn is_called_by_name(&self) -> bool {
        let first = self.name.chars().next();
        let operator = first.is_none_or(|first| !first.is_alphanumeric());
        !operator && !["to_string", "to_debug", "index$get$"].contains(&self.name.as_str())
    }
}

/// The documentation of every function of ours, group by group, by name. It is always the same,
/// and is made when it is first asked for.
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
        // Overloads may be written alike; the order must not depend on the engine's tables.
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
    const RECEIVERS: [&str; 5] = ["task", "call", "trace", "view", "error"];
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
