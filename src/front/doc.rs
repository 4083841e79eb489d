//! `forklab doc`: the reference of the script functions, made from their doc comments.

use super::exit_code::{FAILED, FINE};
use super::print::{complain, output_failed, print_line};
use crate::script::{FunctionDoc, Limits, Session, function_docs};

/// The form in which the whole reference is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Markdown,
    Json,
}

/// Prints the whole reference, the list of names, or the help for one name.
pub(super) fn run(name: Option<&str>, whole: Option<Form>) -> u8 {
    match whole {
        Some(Form::Markdown) => return said(&reference()),
        Some(Form::Json) => return said(&json()),
        None => {}
    }
    // Uses the words of `help()`, so that they are in one place only.
    let call = name.map_or_else(|| "help()".to_owned(), |name| format!("help({name:?})"));
    let text = Session::new(Limits::default(), Box::new(|_| Ok(())))
        .and_then(|mut session| session.eval(&call).map_err(|failure| words(&failure)));
    match text {
        Ok(text) => said(&text),
        Err(why) => {
            complain(&format!("forklab: {why}"));
            FAILED
        }
    }
}

fn words(failure: &crate::script::Failure) -> String {
    match &failure.help {
        Some(help) => format!("{failure}; {help}"),
        None => failure.to_string(),
    }
}

fn said(text: &str) -> u8 {
    match print_line(text.trim_end()) {
        Ok(()) => FINE,
        Err(error) => output_failed(error.kind()),
    }
}

/// All script functions as JSON, for tools: `docs/json.md` describes it.
fn json() -> String {
    let functions = function_docs();
    let functions = functions.iter().filter(|doc| doc.is_called_by_name());
    let functions: Vec<serde_json::Value> = functions
        .map(|doc| {
            serde_json::json!({
                "group": doc.group,
                "signature": doc.signature,
                "text": doc.text,
                "example": doc.example,
            })
        })
        .collect();
    let reference = serde_json::json!({
        "forklab": env!("CARGO_PKG_VERSION"),
        "functions": functions,
    });
    reference.to_string()
}

/// The reference of all script functions as Markdown: `docs/reference.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Reference\n\nEvery function and property that scripts can use, by group. \
         `help(\"clone\")` shows the same at the prompt, `forklab doc clone` on the command line.\n\
         This page is made from the doc comments of the functions: \
         `forklab doc --markdown > docs/reference.md`.\n",
    );
    let mut group = "";
    for doc in function_docs().iter().filter(|doc| doc.is_called_by_name()) {
        if doc.group != group {
            group = doc.group;
            text.push_str(&format!("\n## {}\n", title(group)));
        }
        text.push_str(&entry(doc));
    }
    text
}

fn title(group: &str) -> String {
    let mut letters = group.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn entry(doc: &FunctionDoc) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n", doc.signature, doc.text);
    if !doc.example.is_empty() {
        text.push_str(&format!("\n```rhai\n{}\n```\n", doc.example));
    }
    text
}
