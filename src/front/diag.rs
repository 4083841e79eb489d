//! Draws failures: the line with the error underlined, the calls that led there, and below them the
//! kernel rule and the remedy.

use super::style::{Colors, visible};
use crate::script::{Failure, FailureKind};
use anstream::adapter::strip_str;
use ariadne::{Color, Config, IndexType, Label, Report, ReportKind, Source};
use std::ops::Range;

/// The longest line that is drawn, in characters.
const MAX_LINE: usize = 300;
/// An upper bound on the number of places around a failure.
const MAX_AROUND: i32 = 16;
/// The width of notes and help, in columns, if there is room.
const WIDTH: usize = 76;
/// Columns of the terminal that the frame of a picture takes.
const FRAME: usize = 16;
/// Narrower text is hard to read.
const MIN_WIDTH: usize = 24;

/// Draws a failure in a text with the given name. There is no newline at the end.
pub fn draw(failure: &Failure, name: &str, text: &str, color: Colors) -> String {
    draw_within(failure, name, text, color, usize::MAX)
}

/// Like [`draw`], for a terminal with that many columns.
pub(super) fn draw_within(
    failure: &Failure,
    name: &str,
    text: &str,
    color: Colors,
    columns: usize,
) -> String {
    let width = columns.saturating_sub(FRAME).clamp(MIN_WIDTH, WIDTH);
    let lines = Lines::around(failure, text);
    let span = failure.position.and_then(|place| lines.word_at(place));
    let drawn = match span {
        Some(span) if failure.kind != FailureKind::Interrupted => {
            picture(failure, name, &lines, span, (color, width))
        }
        _ => None,
    };
    drawn.unwrap_or_else(|| plain(failure, name, width))
}

fn picture(
    failure: &Failure,
    name: &str,
    lines: &Lines,
    span: Range<usize>,
    (color, width): (Colors, usize),
) -> Option<String> {
    let kind = ReportKind::Custom("error", Color::Red);
    let config = Config::new()
        .with_color(color == Colors::On)
        .with_index_type(IndexType::Char)
        .with_tab_width(4);
    let label = Label::new((name, span.clone()))
        .with_color(Color::Red)
        .with_message("here");
    let mut report = Report::build(kind, (name, span))
        .with_config(config)
        .with_message(headline(&failure.message, width))
        .with_label(label);
    let here = failure.position.map_or(1, |(line, _)| line as i32);
    for (nth, (what, place)) in failure.around.iter().enumerate() {
        if let Some(span) = lines.word_at(*place) {
            // Labels that are not in the order of their lines would be drawn as separate pictures.
            let order = (place.0 as i32 - here) * MAX_AROUND + nth as i32 + 1;
            let label = Label::new((name, span))
                .with_color(Color::Yellow)
                .with_order(order)
                .with_message(visible(what));
            report.add_label(label);
        }
    }
    report.with_helps(failure.help.as_deref().map(|text| paragraph(text, width)));
    report.with_notes(failure.note.as_deref().map(|text| paragraph(text, width)));
    let mut bytes = Vec::new();
    // The lines before are left empty: only their number matters.
    let source = Source::from(format!(
        "{}{}",
        "\n".repeat(lines.before),
        visible(lines.text)
    ));
    report.finish().write((name, source), &mut bytes).ok()?;
    let mut drawn = String::from_utf8(bytes).ok()?;
    if color == Colors::Off {
        // The word at the start has its colour even so.
        drawn = strip_str(&drawn).to_string();
    }
    let trimmed = drawn.lines().map(str::trim_end);
    Some(trimmed.collect::<Vec<_>>().join("\n"))
}

/// A failure without a place that could be shown.
fn plain(failure: &Failure, name: &str, width: usize) -> String {
    let word = match failure.kind {
        FailureKind::Interrupted => "",
        _ => "error: ",
    };
    let place = match failure.position {
        Some((line, column)) if failure.kind != FailureKind::Interrupted => {
            format!("{name}:{line}:{column}: ")
        }
        _ => String::new(),
    };
    let mut text = format!("{place}{word}{}", visible(&failure.message));
    for (title, words) in [("note", &failure.note), ("help", &failure.help)] {
        if let Some(words) = words {
            text.push_str(&format!(
                "\n{}",
                paragraph(&format!("{title}: {words}"), width)
            ));
        }
    }
    text
}

/// The message, which follows the word `error` at the left edge.
fn headline(text: &str, width: usize) -> String {
    let options = textwrap::Options::new(width + FRAME)
        .initial_indent("error: ")
        .subsequent_indent("       ");
    let filled = textwrap::fill(&visible(text), options);
    filled.trim_start_matches("error: ").to_owned()
}

/// Wraps text to a width that fits beside the frame of the picture.
fn paragraph(text: &str, width: usize) -> String {
    textwrap::fill(&visible(text), width)
}

/// The lines of a text: places are lines and columns in characters, spans are in characters.
struct Lines<'a> {
    /// The lines that matter.
    text: &'a str,
    /// The number of lines before them.
    before: usize,
    /// Where each line begins, in characters.
    starts: Vec<usize>,
    lines: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    /// The lines from the first to the last place of a failure, and one more on either side.
    fn around(failure: &Failure, text: &'a str) -> Self {
        let places = failure.around.iter().map(|(_, place)| *place);
        let places = places.chain(failure.position);
        let numbers: Vec<usize> = places.map(|(line, _)| line).collect();
        let all = text.matches('\n').count() + 1;
        let first = numbers
            .iter()
            .min()
            .map_or(0, |line| line.saturating_sub(2))
            .min(all - 1);
        let last = numbers.iter().max().map_or(0, |line| line + 1);
        let mut starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let from = starts.nth(first).unwrap_or(0);
        let mut ends = text[from..].match_indices('\n').map(|(at, _)| from + at);
        let to = ends.nth(last - first).unwrap_or(text.len());
        Self::of(&text[from..to], first)
    }

    fn of(text: &'a str, before: usize) -> Self {
        let lines: Vec<&str> = text.split('\n').collect();
        let mut starts = Vec::with_capacity(lines.len());
        let mut start = before;
        for line in &lines {
            starts.push(start);
            start += line.chars().count() + 1;
        }
        Self {
            text,
            before,
            starts,
            lines,
        }
    }

    /// The word, number, string or operator at a place, counted from 1. A place past the end of a
    /// line means the last character before it.
    fn word_at(&self, (line, column): (usize, usize)) -> Option<Range<usize>> {
        let mut index = line.checked_sub(self.before + 1)?.min(self.lines.len() - 1);
        let mut column = column.saturating_sub(1);
        while self.lines[index].trim().is_empty() && index > 0 {
            index -= 1;
            column = usize::MAX;
        }
        let chars: Vec<char> = self.lines[index].chars().collect();
        if chars.len() > MAX_LINE || chars.is_empty() {
            return None;
        }
        let last = chars.iter().rposition(|c| !c.is_whitespace()).unwrap_or(0);
        let from = column.min(last);
        let to = from + word_length(&chars[from..]);
        Some(self.starts[index] + from..self.starts[index] + to)
    }
}

/// The number of characters of the word at the start.
fn word_length(chars: &[char]) -> usize {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let run = |wanted: &dyn Fn(&char) -> bool| chars.iter().take_while(|c| wanted(c)).count();
    match chars.first() {
        Some(quote @ ('"' | '`' | '\'')) => {
            let inner = chars[1..].iter().position(|c| c == quote);
            inner.map_or(chars.len(), |inner| inner + 2)
        }
        Some(first) if is_word(first) => run(&is_word),
        Some(first) if "+-*/%=<>!&|^.:".contains(*first) => run(&|c| "+-*/%=<>!&|^.:".contains(*c)),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(position: (usize, usize)) -> Failure {
        Failure {
            kind: FailureKind::Script,
            message: "there is no function frok()".to_owned(),
            note: Some("a rule of the kernel".to_owned()),
            help: Some("did you mean fork?".to_owned()),
            position: Some(position),
            around: vec![("in the call of f".to_owned(), (2, 1))],
        }
    }

    #[test]
    fn a_failure_with_its_call_chain() {
        let text = "fn f(sh) { sh.frok() }\nf(spawn(\"sh\"));";
        insta::assert_snapshot!(draw(&failure((1, 15)), "a.rhai", text, Colors::Off), @r#"
        error: there is no function frok()
           ╭─[ a.rhai:1:15 ]
           │
         1 │ fn f(sh) { sh.frok() }
           │               ──┬─
           │                 ╰─── here
         2 │ f(spawn("sh"));
           │ ┬
           │ ╰── in the call of f
           │
           │ Help: did you mean fork?
           │
           │ Note: a rule of the kernel
        ───╯
        "#);
    }

    #[test]
    fn words_are_folded_for_a_narrow_terminal() {
        let failure = Failure {
            message: "a long message that does not fit into a line".to_owned(),
            help: Some("a remedy that takes a few words more than there is room for".to_owned()),
            around: Vec::new(),
            ..failure((1, 1))
        };
        let drawn = draw_within(&failure, "a.rhai", "frok()", Colors::Off, 40);
        let widest = drawn.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(40), "{drawn}");
    }

    #[test]
    fn tabs_and_wide_characters_do_not_move_the_mark() {
        let text = "\tlet ü = \"日本\"; frok();";
        let failure = Failure {
            around: Vec::new(),
            ..failure((1, 16))
        };
        insta::assert_snapshot!(draw(&failure, "a.rhai", text, Colors::Off), @r#"
        error: there is no function frok()
           ╭─[ a.rhai:1:16 ]
           │
         1 │     let ü = "日本"; frok();
           │                     ──┬─
           │                       ╰─── here
           │
           │ Help: did you mean fork?
           │
           │ Note: a rule of the kernel
        ───╯
        "#);
    }

    #[test]
    fn every_place_of_a_text_can_be_drawn() {
        for text in [
            "",
            "\n",
            "a",
            "\n\n  \n",
            "x\ty\u{7}\u{1b}[31m",
            "日本\r\nb",
            "\u{301}",
        ] {
            for line in 1..5 {
                for column in 1..12 {
                    let drawn = draw(&failure((line, column)), "a", text, Colors::Off);
                    assert!(drawn.contains("frok"), "{text:?} {line}:{column}");
                    assert!(!drawn.contains('\u{1b}'));
                }
            }
        }
    }

    #[test]
    fn lines_keep_their_numbers_however_long_the_text_is() {
        let around = "let a = 1;\n".repeat(4_000);
        let text = format!("{around}frok();\n{around}");
        let failure = Failure {
            around: Vec::new(),
            ..failure((4_001, 1))
        };
        let drawn = draw(&failure, "a.rhai", &text, Colors::Off);
        assert!(drawn.contains("[ a.rhai:4001:1 ]"), "{drawn}");
        assert!(drawn.contains(" 4001 │ frok();"), "{drawn}");
    }

    #[test]
    fn a_line_that_is_too_long_is_not_drawn() {
        let text = "1+".repeat(1000) + "frok()";
        let drawn = draw(&failure((1, 2001)), "a.rhai", &text, Colors::Off);
        assert!(drawn.starts_with("a.rhai:1:2001: error: there is no function frok()"));
        assert!(drawn.contains("\nhelp: did you mean fork?"));
    }

    #[test]
    fn words_are_underlined_whole() {
        for (text, length) in [
            ("frok()", 4),
            ("\"a b\" + 1", 5),
            ("\"open", 5),
            ("== 3", 2),
            ("(1)", 1),
            ("0xff;", 4),
        ] {
            let chars: Vec<char> = text.chars().collect();
            assert_eq!(word_length(&chars), length, "{text}");
        }
    }
}
