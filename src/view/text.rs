//! Text made of spans, each with a role: what a span means, not how it looks. The front end chooses
//! colours; `Display` gives plain text.

use crate::abi::Pid;
use serde::Serialize;
use std::fmt;
use unicode_width::UnicodeWidthStr;

/// The meaning of a span of text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Words between the things that matter.
    Plain,
    /// The heading of a table, or the title of a part.
    Heading,
    /// The pid of a task.
    Pid,
    /// The name of a task, an event, a kernel object.
    Name,
    /// A linear or physical address.
    Address,
    /// A page frame number.
    Frame,
    /// Any other number.
    Number,
    /// The state of a task.
    State,
    /// A flag, or a set of them.
    Flag,
    /// Something shared, allowed, taken.
    Good,
    /// Something forbidden, failed, ended.
    Bad,
    /// Something of minor importance.
    Dim,
}

/// A piece of a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Span {
    /// The meaning of the text.
    pub role: Role,
    /// Its characters, without newlines.
    pub text: String,
}

/// A line, or a part of one such as a table's cell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Line {
    /// From left to right.
    pub spans: Vec<Span>,
}

/// Lines of text. In plain text they are separated by newlines; none follows the last.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Text {
    /// From top to bottom.
    pub lines: Vec<Line>,
}

/// The alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// Left, for words.
    Left,
    /// Right, for numbers.
    Right,
}

/// A table with a heading line; columns are two blanks apart.
#[derive(Clone, Debug)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<Line>>,
}

/// A line of one span.
pub fn cell(role: Role, text: impl fmt::Display) -> Line {
    Line::default().add(role, text)
}

impl Line {
    /// Appends a span. A span without characters is left out.
    #[must_use]
    pub fn add(mut self, role: Role, text: impl fmt::Display) -> Self {
        let text = text.to_string();
        if !text.is_empty() {
            self.spans.push(Span { role, text });
        }
        self
    }

    /// A line of plain words.
    pub fn of(text: String) -> Self {
        let role = Role::Plain;
        let spans = if text.is_empty() {
            Vec::new()
        } else {
            vec![Span { role, text }]
        };
        Self { spans }
    }

    /// Appends plain words.
    #[must_use]
    pub fn plain(self, text: impl fmt::Display) -> Self {
        self.add(Role::Plain, text)
    }

    /// Appends another line.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// The width of the line in terminal columns.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| span.text.width()).sum()
    }

    /// The line padded to a width.
    fn aligned(self, align: Align, width: usize) -> Self {
        let blanks = " ".repeat(width.saturating_sub(self.width()));
        match align {
            Align::Left => self.plain(blanks),
            Align::Right => Self::default().plain(blanks).join(self),
        }
    }

    /// The line without trailing blanks.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while let Some(last) = self.spans.last_mut() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                break;
            }
            self.spans.pop();
        }
        self
    }
}

impl Text {
    /// Adds a line at the bottom.
    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }
}

impl From<Line> for Text {
    fn from(line: Line) -> Self {
        Self { lines: vec![line] }
    }
}

impl FromIterator<Line> for Text {
    fn from_iter<I: IntoIterator<Item = Line>>(lines: I) -> Self {
        let lines = lines.into_iter().collect();
        Self { lines }
    }
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let heading = |(name, _): &(&str, Align)| cell(Role::Heading, name);
        Self {
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: vec![columns.iter().map(heading).collect()],
        }
    }

    /// Adds a row; missing cells stay empty.
    pub fn row(&mut self, cells: impl Into<Vec<Line>>) {
        self.rows.push(cells.into());
    }

    /// The lines, with every column as wide as its widest cell.
    pub fn text(self) -> Text {
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Line::width).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.aligns.len()).map(width_of).collect();
        let lay_out = |row: Vec<Line>| {
            let cells = row.into_iter().zip(self.aligns.iter().zip(&widths));
            let mut line = Line::default();
            for (column, (cell, (align, width))) in cells.enumerate() {
                let gap = if column > 0 { "  " } else { "" };
                line = line.plain(gap).join(cell.aligned(*align, *width));
            }
            line.trimmed()
        };
        self.rows.into_iter().map(lay_out).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spans
            .iter()
            .try_for_each(|span| f.write_str(&span.text))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nr, line) in self.lines.iter().enumerate() {
            if nr > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{line}")?;
        }
        Ok(())
    }
}

/// `2:sh`
pub fn task_tag(pid: Pid, name: &str) -> Line {
    Line::default()
        .add(Role::Pid, pid)
        .plain(":")
        .add(Role::Name, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_numbers_at_the_right_and_no_blanks_at_the_end() {
        let mut table = Table::new(&[
            ("pid", Align::Right),
            ("name", Align::Left),
            ("", Align::Left),
        ]);
        let name = |name: &str| cell(Role::Name, name);
        table.row([cell(Role::Pid, 7), name("sh"), cell(Role::Dim, "first")]);
        table.row([cell(Role::Pid, 12_345), name("日本"), Line::default()]);
        table.row([cell(Role::Pid, 12), name("hog")]);
        let text = table.text();
        assert_eq!(
            text.to_string(),
            "  pid  name\n    7  sh    first\n12345  日本\n   12  hog"
        );
        assert_eq!(
            text.lines[1].spans[1],
            Span {
                role: Role::Pid,
                text: "7".to_owned()
            }
        );
    }

    #[test]
    fn trimming_removes_blank_spans_and_the_blanks_of_the_last_one() {
        let line = cell(Role::Name, "sh  ").plain("  ").add(Role::Dim, "");
        assert_eq!(line.trimmed().to_string(), "sh");
    }
}
