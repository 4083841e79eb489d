//! Colours: how each role of a text looks in a terminal, and whether to use colours at all.

use crate::view::{Role, Text};
use anstream::AutoStream;
use owo_colors::{OwoColorize, Style};
use std::io;

/// The style of a role.
const fn style(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Plain | Role::Number => style,
        Role::Heading => style.bold(),
        Role::Pid => style.cyan(),
        Role::Name => style.bold(),
        Role::Address => style.yellow(),
        Role::Frame => style.magenta(),
        Role::State => style.blue(),
        Role::Flag => style.bright_blue(),
        Role::Good => style.green(),
        Role::Bad => style.red(),
        Role::Dim => style.dimmed(),
    }
}

/// A text as it is to be printed.
pub(super) fn paint(text: &Text, color: bool) -> String {
    if !color {
        return text.to_string();
    }
    let line = |line: &crate::view::Line| {
        let spans = line.spans.iter();
        spans
            .map(|span| span.text.style(style(span.role)).to_string())
            .collect::<String>()
    };
    text.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Words in the colour of a role.
pub(super) fn paint_words(words: &str, role: Role, color: bool) -> String {
    if color {
        words.style(style(role)).to_string()
    } else {
        words.to_owned()
    }
}

/// Whether to colour standard output: it is a terminal, and nothing forbids colours.
pub(super) fn stdout_has_color() -> bool {
    AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Whether to colour standard error.
pub(super) fn stderr_has_color() -> bool {
    AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}
