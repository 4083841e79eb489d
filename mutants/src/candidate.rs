//! A small change of a source text: where, what, and how it is written beside the original.

use std::fmt;
use std::ops::Range;

/// How a change stands in the copy beside the original.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The change or the original, as an expression.
    Choice,
    /// The original, or nothing.
    Skip,
    /// The change first, if at all; the range is empty.
    Entry,
    /// The arm, or those below; the range is empty.
    Arm,
}

/// The keyword that makes a function usable in constants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConstFn {
    /// The function's name, without its type's.
    pub name: String,
    /// The keyword and the blank after it.
    pub keyword: Range<usize>,
}

/// A change that could be made.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Relative to the root of the repository.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// With its type, if it has one.
    pub function: String,
    /// The bytes that are changed.
    pub range: Range<usize>,
    /// What stands there.
    pub original: String,
    /// What would stand there.
    pub mutated: String,
    /// How both are written.
    pub form: Form,
    /// Of the function, if it is one.
    pub const_fn: Option<ConstFn>,
}

impl Candidate {
    /// The text with which the copy replaces the range.
    pub fn edit(&self, number: u32) -> String {
        let (original, mutated) = (&self.original, &self.mutated);
        let on = format!("::mutant_switch::on({number})");
        match self.form {
            Form::Choice => format!("(if {on} {{ {mutated} }} else {{ {original} }})"),
            Form::Skip => format!("if !{on} {{ {original} }}"),
            Form::Entry => format!(" if {on} {{ {mutated} }}"),
            Form::Arm => format!(" if !{on}"),
        }
    }

    /// The folder that the file lies in.
    pub fn folder(&self) -> &str {
        self.file.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether both change some of the same bytes.
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = self.range.end < other.range.start || other.range.end < self.range.start;
        self.file == other.file && !apart
    }
}

/// In one line, at most so many characters.
fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (original, mutated) = (short(&self.original), short(&self.mutated));
        write!(f, "{}:{} {}: ", self.file, self.line, self.function)?;
        match self.form {
            Form::Choice => write!(f, "`{original}` becomes `{mutated}`"),
            Form::Skip => write!(f, "`{original}` dropped"),
            Form::Entry => write!(f, "`{mutated}` at once"),
            Form::Arm => write!(f, "arm `{original}` dropped"),
        }
    }
}
