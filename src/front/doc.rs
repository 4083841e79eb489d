//! `forklab doc`: the reference of the script functions, made from their doc comments.

use super::exit_code::{FAILED, FINE};
use super::print::{complain, output_failed, print_line};
use crate::abi::LATER;
use crate::script::{FunctionDoc, Limits, Session, function_docs};

/// The form in which the whole reference is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Markdown,
    Json,
    /// The differences of later kernels.
    Since,
}

/// Prints the whole reference, the list of names, or the help for one name.
pub(super) fn run(name: Option<&str>, whole: Option<Form>) -> u8 {
    match whole {
        Some(Form::Markdown) => return said(&reference()),
        Some(Form::Json) => return said(&json()),
        Some(Form::Since) => return said(&since()),
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

/// The differences of later kernels as Markdown: `docs/since.md`.
pub fn since() -> String {
    let mut text = String::from(
        "# What later kernels do otherwise\n\nEach row is a decision of Linux 2.6.12 that a later \
         kernel takes otherwise, with the first version that does and where that is written: a \
         manual page with its section, or a commit of the kernel.\n`since(\"fork\")` shows the rows \
         about one call, flag, view or event, and `help(\"fork\")` ends with them.\nThis page is \
         made from the table in `src/abi/later.rs`: `forklab doc --since > docs/since.md`.\n\n\
         | about | 2.6.12 | since | then | source |\n|---|---|---|---|---|\n",
    );
    for later in LATER {
        let about: Vec<String> = later.about.iter().map(|word| format!("`{word}`")).collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            about.join(" "),
            later.here,
            later.version,
            later.there,
            later.source
        ));
    }
    text
}

/// All script functions as JSON, for tools.
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
