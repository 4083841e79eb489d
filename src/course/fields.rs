//! The keys of a table of TOML, taken one after another. What is wrong with one of them leaves the
//! others alone, so several mistakes are told at once.

use super::lab::Problem;
use crate::script::closest;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

/// A table whose keys are taken.
pub(super) struct Fields<'i> {
    left: DeTable<'i>,
    /// Where the table stands; `None` for that of the whole file.
    at: Option<Range<usize>>,
    /// The keys that were asked for.
    known: Vec<&'static str>,
}

impl<'i> Fields<'i> {
    /// The keys of a whole text.
    ///
    /// # Errors
    /// Everything that keeps it from being TOML.
    pub(super) fn of_text(text: &'i str) -> Result<Self, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| problem(error, None)).collect());
        }
        Ok(Self {
            left: table.into_inner(),
            at: None,
            known: Vec::new(),
        })
    }

    /// The keys of a table within another one; `None` if it is no table.
    fn of_value(value: Spanned<DeValue<'i>>) -> Option<Self> {
        let at = Some(value.span());
        match value.into_inner() {
            DeValue::Table(left) => Some(Self {
                left,
                at,
                known: Vec::new(),
            }),
            _ => None,
        }
    }

    /// The value of a key, if it is there and of the right kind.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Spanned<T>> {
        self.known.push(key);
        let value = self.left.remove(key)?;
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(error) => {
                problems.push(problem(&error, Some(span)));
                None
            }
        }
    }

    /// The value of a key that must be there.
    pub(super) fn need<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Spanned<T>> {
        if !self.left.contains_key(key) {
            let message = format!("missing field `{key}`");
            let help = remedy(&message);
            problems.push(Problem::new(message).at(self.at.clone()).with_help(help));
        }
        self.take(key, problems)
    }

    /// The tables of a key, each `[[KEY]]`.
    pub(super) fn tables(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Vec<Self> {
        self.known.push(key);
        let Some(value) = self.left.remove(key) else {
            return Vec::new();
        };
        let mut wrong = |span| {
            let message = format!("`{key}` is no list of tables");
            let help = format!("write [[{key}]], and its keys below");
            problems.push(Problem::new(message).at(Some(span)).with_help(help));
        };
        let span = value.span();
        let DeValue::Array(all) = value.into_inner() else {
            wrong(span);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in all {
            let span = value.span();
            match Self::of_value(value) {
                Some(table) => tables.push(table),
                None => wrong(span),
            }
        }
        tables
    }

    /// Where the table stands, if it is not that of the whole file.
    pub(super) fn at(&self) -> Option<Range<usize>> {
        self.at.clone()
    }

    /// Tells of the keys that nobody has asked for.
    pub(super) fn end(self, problems: &mut Vec<Problem>) {
        for key in self.left.keys() {
            let known: Vec<String> = self
                .known
                .iter()
                .map(|known| format!("`{known}`"))
                .collect();
            let message = format!(
                "unknown field `{}`, expected one of {}",
                key.get_ref(),
                known.join(", ")
            );
            let help = remedy(&message);
            problems.push(Problem::new(message).at(Some(key.span())).with_help(help));
        }
    }
}

/// What the parser of TOML has found.
fn problem(error: &Error, span: Option<Range<usize>>) -> Problem {
    let message = error.message().trim().replace('\n', "; ");
    let help = remedy(&message);
    let at = error.span().or(span);
    Problem::new(message).at(at).with_help(help)
}

/// The key or kind that was probably meant, by the message's own list of those that there are.
fn meant(message: &str) -> Option<String> {
    let (unknown, known) = message
        .strip_prefix("unknown field ")
        .or_else(|| message.strip_prefix("unknown variant "))?
        .split_once(", expected ")?;
    let known = known.split('`').skip(1).step_by(2);
    let meant = closest(unknown.trim_matches('`'), known)?;
    Some(format!("did you mean {meant}?"))
}

/// How to correct what is wrong.
fn remedy(message: &str) -> String {
    let usual = if message.contains("unknown variant") {
        "the kinds are predict, choice, draw, do, program, bug and kernel"
    } else if message.contains("unknown field") {
        "docs/teaching.md lists the keys of lab.toml and of its tasks"
    } else if message.contains("missing field") {
        "a lab needs title, minutes and objective; each [[task]] needs id and kind"
    } else if message.contains("invalid type") {
        "texts stand in quotes, numbers do not, and lists in brackets"
    } else {
        "lab.toml is TOML: key = value, and [[task]] before each task"
    };
    meant(message).unwrap_or_else(|| usual.to_owned())
}
