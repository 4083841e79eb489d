//! Help texts, made from the functions' doc comments.

use super::convert::{Result, charge};
use crate::script::errors::{ScriptError, likeliest};
use crate::script::help::{FunctionDoc, constants, function_docs, system_calls};
use crate::script::session::View;
use crate::view::{Role, Text, cell};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// What the documentation of a function counts in a list, in operations of the interpreter.
const OPERATIONS_FOR_DOC: usize = 10;

fn doc_map(doc: &FunctionDoc) -> Dynamic {
    let mut map = Map::new();
    map.insert("group".into(), doc.group.into());
    map.insert("signature".into(), doc.signature.clone().into());
    map.insert("text".into(), doc.text.clone().into());
    map.insert("example".into(), doc.example.clone().into());
    map.into()
}

fn data(docs: &[FunctionDoc]) -> Dynamic {
    docs.iter().map(doc_map).collect::<Array>().into()
}

/// The signature, description and example of each function, separated by blank lines.
fn describe(docs: &[FunctionDoc]) -> String {
    let describe_one = |doc: &FunctionDoc| {
        let lines = doc
            .text
            .lines()
            .chain(doc.example.lines())
            .map(|line| format!("  {line}"));
        [doc.signature.clone()]
            .into_iter()
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    };
    docs.iter()
        .map(describe_one)
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The names in each group, one group per line.
fn overview(docs: &[FunctionDoc]) -> String {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for doc in docs.iter().filter(|doc| doc.is_called_by_name()) {
        match lines.last_mut() {
            Some((group, names)) if *group == doc.group => {
                if names.last() != Some(&doc.name.as_str()) {
                    names.push(&doc.name);
                }
            }
            _ => lines.push((doc.group, vec![&doc.name])),
        }
    }
    let width = lines.iter().map(|(group, _)| group.len()).max();
    let width = width.unwrap_or(0);
    let mut text: Vec<String> = lines
        .iter()
        .map(|(group, names)| format!("{group:width$}  {}", wrapped(names, width + 2)))
        .collect();
    text.push(format!(
        "{:width$}  help(\"clone\") says more about clone",
        "more"
    ));
    text.join("\n")
}

/// Wraps words to lines of at most 100 columns; all but the first are indented; the first begins behind the indent.
fn wrapped(words: &[&str], indent: usize) -> String {
    let margin = " ".repeat(indent);
    let options = textwrap::Options::new(100)
        .initial_indent(&margin)
        .subsequent_indent(&margin);
    textwrap::fill(&words.join(" "), options).split_off(indent)
}

fn plain_text(text: &str) -> Text {
    text.lines().map(|line| cell(Role::Plain, line)).collect()
}

#[export_module]
pub mod functions {
    /// Lists the names of all functions by group.
    ///
    /// ```rhai
    /// print(help());
    /// ```
    #[rhai_fn(name = "help", return_raw)]
    pub fn help(ctx: NativeCallContext) -> Result<View> {
        let docs = function_docs();
        charge(&ctx, docs.len() * OPERATIONS_FOR_DOC)?;
        Ok(View {
            text: plain_text(&overview(docs)),
            data: data(docs),
            brief: None,
            drawing: crate::export::Drawing::Text,
        })
    }

    /// What a function or property does, with an example, what a constant means, or who can make
    /// a system call.
    ///
    /// ```rhai
    /// print(help("clone"));
    /// ```
    #[rhai_fn(name = "help", return_raw)]
    pub fn help_about(name: &str) -> Result<View> {
        let docs: Vec<FunctionDoc> = function_docs()
            .iter()
            .filter(|doc| doc.name == name)
            .cloned()
            .collect();
        if docs.is_empty() {
            if let Some(text) = constants::about(name).or_else(|| system_calls::about(name)) {
                return Ok(View {
                    text: plain_text(&text),
                    data: text.into(),
                    brief: None,
                    drawing: crate::export::Drawing::Text,
                });
            }
            let names = function_docs().iter().map(|doc| doc.name.clone());
            let constants = crate::script::api::constants().into_iter();
            let known = names.chain(constants.map(|constant| constant.name.to_owned()));
            let help = likeliest(name, known).map_or_else(
                || "help() lists all functions".to_owned(),
                |word| format!("did you mean {word}?"),
            );
            return Err(ScriptError::new(format!("there is no function {name}"))
                .with_help(help)
                .into());
        }
        Ok(View {
            text: plain_text(&describe(&docs)),
            data: data(&docs),
            brief: None,
            drawing: crate::export::Drawing::Text,
        })
    }
}
