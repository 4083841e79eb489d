//! How text looks in a terminal: the colour of each role, whether to use colours at all, and control
//! characters, which are made visible so that nothing that a script names or prints controls the
//! terminal. Whatever is painted here may be printed as it is.

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
    let line = |line: &crate::view::Line| {
        let spans = line.spans.iter();
        spans
            .map(|span| paint_words(&span.text, span.role, color))
            .collect::<String>()
    };
    text.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Words in the colour of a role.
pub(super) fn paint_words(words: &str, role: Role, color: Colors) -> String {
    let words = visible(words);
    if color == Colors::On {
        words.style(style(role)).to_string()
    } else {
        words
    }
}

/// Replaces each control character by one visible character, so that columns stay the same.
pub(super) fn visible(text: &str) -> String {
    let picture = |c: char| match c {
        '\n' | '\t' => c,
        '\u{7f}' => '\u{2421}',
        c if (c as u32) < 0x20 => char::from_u32(0x2400 + c as u32).unwrap_or(' '),
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(picture).collect()
}

/// Whether to colour standard output: it is a terminal, and nothing forbids colours.
pub(super) fn stdout_colors() -> Colors {
    Colors::of(AutoStream::choice(&io::stdout()))
}

/// Whether to colour standard error.
pub(super) fn stderr_colors() -> Colors {
    Colors::of(AutoStream::choice(&io::stderr()))
}
