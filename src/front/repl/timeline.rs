//! The history of a session in words: its lines, its branches, and where the session stands.

use crate::front::style::visible;
use crate::script::{Effect, Input, Left, Session};
use crate::view::{Align, Role, Table, Text, cell};

/// The longest text of an input or an answer in a table, in characters.
const MAX_TEXT: usize = 40;

/// An input in a message: `line 8: sh.write(a, 43)`.
pub(super) fn named(input: &Input) -> String {
    format!("line {}: {}", input.number, first_line(&input.text))
}

/// The message for a branch that has begun.
pub(super) fn branched(left: &Left) -> String {
    let Left { branch, lines } = left;
    let lines = match *lines {
        (first, last) if first == last => format!("line {first} stays"),
        (first, last) => format!("lines {first} to {last} stay"),
    };
    format!("a branch begins here; {lines} as branch {branch}")
}

/// The lines of the present branch.
pub(super) fn history(session: &Session) -> Text {
    let mut table = Table::new(&[
        ("line", Align::Right),
        ("time", Align::Right),
        ("input", Align::Left),
        ("", Align::Left),
        ("answer", Align::Left),
    ]);
    let lines = session.history();
    if lines.is_empty() {
        return Text::from(cell(Role::Dim, "nothing has been typed yet"));
    }
    for (input, done) in lines {
        let role = if done { Role::Plain } else { Role::Dim };
        table.row([
            cell(role, input.number),
            cell(role, format!("{} ms", input.tick)),
            cell(role, cut(&first_line(&input.text))),
            cell(Role::Dim, if done { word(input.effect) } else { "undone" }),
            cell(Role::Dim, cut(&answered(input))),
        ]);
    }
    table.text()
}

/// All branches.
pub(super) fn branches(session: &Session) -> Text {
    let branches = session.branches();
    if branches.len() < 2 {
        let hint = "there is one branch only; another one begins when you undo something and do \
                    something else";
        return Text::from(cell(Role::Dim, hint));
    }
    let mut table = Table::new(&[
        ("branch", Align::Right),
        ("", Align::Left),
        ("lines", Align::Left),
        ("first input", Align::Left),
    ]);
    for branch in branches {
        let after = branch.after.map_or_else(
            || "at the start".to_owned(),
            |line| format!("after line {line}"),
        );
        let lines = match (branch.first.number, branch.last.number) {
            (first, last) if first == last => format!("line {first}"),
            (first, last) => format!("lines {first} to {last}"),
        };
        table.row([
            cell(Role::Plain, branch.number),
            cell(Role::Dim, if branch.present { "here" } else { "" }),
            cell(Role::Plain, format!("{after}: {lines}")),
            cell(Role::Plain, cut(&first_line(&branch.first.text))),
        ]);
    }
    table.text()
}

/// What a line has come to, where that is not the usual.
const fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Changed => "",
        Effect::Looked => "looked",
        Effect::Failed => "failed",
        Effect::FailedHalfway => "failed halfway",
    }
}

/// The first line of what came.
fn answered(input: &Input) -> String {
    input.answer.as_deref().map(first_line).unwrap_or_default()
}

/// The first line of a text that is not empty, and whether there are more.
fn first_line(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = visible(lines.next().unwrap_or_default().trim());
    match lines.next() {
        Some(_) => format!("{first} ..."),
        None => first.to_string(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MAX_TEXT - 3).collect();
    format!("{}...", kept.trim_end())
}
