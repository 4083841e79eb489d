//! The lines of workload files as words with positions, and errors that name a position.

use std::fmt;

/// An error in a workload file, with its position. Lines and columns are counted from 1, columns in
/// characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// Line number.
    pub line: usize,
    /// Column number.
    pub column: usize,
    /// What is wrong.
    pub why: String,
    /// What is expected there.
    pub expected: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            why,
            expected,
        } = self;
        write!(
            f,
            "line {line}, column {column}: {why}; expected {expected}"
        )
    }
}

impl std::error::Error for FileError {}

/// A word and the column in which it begins.
#[derive(Clone, Copy, Debug)]
pub(in crate::machine) struct Word<'a> {
    pub(super) column: usize,
    pub(super) text: &'a str,
}

impl<'a> Word<'a> {
    /// The words before and after the first `=`.
    pub(super) fn split_at_equals(self) -> Option<(Self, Self)> {
        let (key, value) = self.text.split_once('=')?;
        let column = self.column + key.chars().count() + 1;
        Some((
            Self { text: key, ..self },
            Self {
                column,
                text: value,
            },
        ))
    }
}

/// A line without its comment.
#[derive(Debug)]
pub(in crate::machine) struct Line<'a> {
    pub(in crate::machine) number: usize,
    pub(in crate::machine) words: Vec<Word<'a>>,
    /// The column after the last word.
    end: usize,
}

impl<'a> Line<'a> {
    /// Splits a line into words.
    ///
    /// # Errors
    /// If it contains a control character, since the file is then not a text file.
    pub(in crate::machine) fn of(number: usize, text: &'a str) -> Result<Self, FileError> {
        let text = text.split('#').next().unwrap_or_default();
        let mut words = Vec::new();
        let (mut column, mut begun) = (0, None);
        for (at, c) in text.char_indices() {
            column += 1;
            if c.is_whitespace() {
                push_word(&mut words, text, begun.take(), at);
            } else if c.is_control() {
                return Err(FileError {
                    line: number,
                    column,
                    why: format!("the control character U+{:04X}", u32::from(c)),
                    expected: "plain text".to_owned(),
                });
            } else if begun.is_none() {
                begun = Some((at, column));
            }
        }
        push_word(&mut words, text, begun, text.len());
        let end = words
            .last()
            .map_or(1, |word: &Word| word.column + word.text.chars().count());
        Ok(Self { number, words, end })
    }

    /// An error at a word, or after the last word if there is no such word.
    pub(super) fn error(&self, word: usize, why: String, expected: &str) -> FileError {
        let column = self.words.get(word).map_or(self.end, |word| word.column);
        self.error_at(column, why, expected)
    }

    pub(super) fn error_at(&self, column: usize, why: String, expected: &str) -> FileError {
        FileError {
            line: self.number,
            column,
            why,
            expected: expected.to_owned(),
        }
    }

    /// The word at an index, which must exist.
    pub(in crate::machine) fn word(
        &self,
        place: usize,
        of: &str,
        expected: &str,
    ) -> Result<Word<'a>, FileError> {
        let found = self.words.get(place).copied();
        found.ok_or_else(|| self.error(place, format!("too few words for {of}"), expected))
    }

    /// The word at an index, which must exist and be the last.
    pub(super) fn only_word(
        &self,
        place: usize,
        of: &str,
        expected: &str,
    ) -> Result<Word<'a>, FileError> {
        let word = self.word(place, of, expected)?;
        if self.words.len() > place + 1 {
            return Err(self.error(place + 1, format!("too many words for {of}"), expected));
        }
        Ok(word)
    }
}

/// Adds the word that began at a byte and a column, and ends before a byte.
fn push_word<'a>(
    words: &mut Vec<Word<'a>>,
    line: &'a str,
    begun: Option<(usize, usize)>,
    end: usize,
) {
    if let Some((from, column)) = begun {
        let text = &line[from..end];
        words.push(Word { column, text });
    }
}
