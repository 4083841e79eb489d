//! Colours: how each role of a text looks in a terminal, and whether to use colours at all.

use crate::view::{Role, Text};
use anstream::{AutoStream, ColorChoice};
use owo_colors::{OwoColorize, Style};
use std::io;

/// Whether text is shown in colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colors {
    /// With the colours of its roles.
    On,
    /// As plain text.
    Off,
}

impl Colors {
    const fn of(choice: ColorChoice) -> Self {
        match choice {
            ColorChoice::Never => Self::Off,
            ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => Self::On,
        }
    }
}

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
pub(super) fn paint(text: &Text, color: Colors) -> String {
    if color == Colors::Off {
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
pub(super) fn paint_words(words: &str, role: Role, color: Colors) -> String {
    if color == Colors::On {
        words.style(style(role)).to_string()
    } else {
        words.to_owned()
    }
}

/// Whether to colour standard output: it is a terminal, and nothing forbids colours.
pub(super) fn stdout_colors() -> Colors {
    Colors::of(AutoStream::choice(&io::stdout()))
}

/// Whether to colour standard error.
pub(super) fn stderr_colors() -> Colors {
    Colors::of(AutoStream::choice(&io::stderr()))
}
