//! Help texts, made from the functions' doc comments.

use super::convert::{Result, charge};
use crate::abi::{LATER, Later, later_than};
use crate::export::Drawing;
use crate::script::errors::{ScriptError, likeliest};
use crate::script::help::{FunctionDoc, constants, function_docs, system_calls};
use crate::script::session::View;
use crate::view::{Align, Role, Table, Text, cell};
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

/// What later kernels do otherwise, indented, after an empty line.
fn later(name: &str) -> String {
    let line = |later: &Later| {
        let Later {
            here,
            version,
            there,
            ..
        } = later;
        let text = format!("{here} Since {version}: {there}");
        let options = textwrap::Options::new(100)
            .initial_indent("  ")
            .subsequent_indent("  ");
        format!("\n{}", textwrap::fill(&text, options))
    };
    later_than(name).map(line).collect()
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

/// Differences of later kernels as a table.
fn since_view(ctx: &NativeCallContext, differences: &[&Later]) -> Result<View> {
    charge(ctx, differences.len() * OPERATIONS_FOR_DOC)?;
    let columns = ["about", "here", "since", "there", "source"];
    let mut table = Table::new(&columns.map(|name| (name, Align::Left)));
    let row = |later: &&Later| {
        let fields = [
            ("about", later.about.join(" ")),
            ("here", later.here.to_owned()),
            ("version", later.version.to_owned()),
            ("there", later.there.to_owned()),
            ("source", later.source.to_owned()),
        ];
        let fields = fields.map(|(key, text)| (key.into(), Dynamic::from(text)));
        Dynamic::from(Map::from_iter(fields))
    };
    for later in differences {
        table.row([
            cell(Role::Name, later.about.join(" ")),
            cell(Role::Plain, later.here),
            cell(Role::Number, later.version),
            cell(Role::Plain, later.there),
            cell(Role::Dim, later.source),
        ]);
    }
    let mut data = Map::new();
    data.insert(
        "rows".into(),
        differences.iter().map(row).collect::<Array>().into(),
    );
    Ok(View {
        text: table.text(),
        data: data.into(),
        brief: None,
        drawing: Drawing::Text,
    })
}

#[export_module]
pub mod functions {
    /// What later kernels do otherwise than 2.6.12, since which version, and where that is written.
    /// `docs/since.md` has the same table.
    ///
    /// ```rhai
    /// assert(since().rows.len() > 60);
    /// ```
    #[rhai_fn(name = "since", return_raw)]
    pub fn since(ctx: NativeCallContext) -> Result<View> {
        let all: Vec<&Later> = LATER.iter().collect();
        since_view(&ctx, &all)
    }

    /// What later kernels do otherwise about a call, a flag, a view or an event.
    ///
    /// ```rhai
    /// print(since("fork"));
    /// assert_eq(since("CLONE_STOPPED").rows[0].version, "2.6.38");
    /// ```
    #[rhai_fn(name = "since", return_raw)]
    pub fn since_of(ctx: NativeCallContext, name: &str) -> Result<View> {
        let found: Vec<&Later> = later_than(name).collect();
        if found.is_empty() {
            let known = LATER.iter().flat_map(|later| later.about);
            let known = known.map(|word| (*word).to_owned());
            let help = likeliest(name, known).map_or_else(
                || "since() lists all that is known".to_owned(),
                |word| format!("did you mean {word}? since() lists all that is known"),
            );
            return Err(ScriptError::new(format!(
                "no difference of later kernels is known for {name}"
            ))
            .with_help(help)
            .into());
        }
        since_view(&ctx, &found)
    }

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
            drawing: Drawing::Text,
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
                    text: plain_text(&format!("{text}{}", later(name))),
                    data: text.into(),
                    brief: None,
                    drawing: Drawing::Text,
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
            text: plain_text(&format!("{}{}", describe(&docs), later(name))),
            data: data(&docs),
            brief: None,
            drawing: Drawing::Text,
        })
    }
}
