//! `answers.toml`: a student's answers to the predictions, by the ids of their tasks, and the record
//! of how they came about.

use super::record::Record;
use std::collections::BTreeMap;
use std::fmt::Write;
use toml::Value;

/// Answers by the ids of their tasks.
pub type Answers = BTreeMap<String, String>;

/// The most bytes of an answer that count.
const MAX_ANSWER: usize = 4096;
/// The name of the table that is the record.
const RECORD: &str = "forklab";

/// What a file of answers says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Answered {
    pub(super) answers: Answers,
    pub(super) record: Option<Record>,
    /// Why the record cannot be read, if it cannot.
    pub(super) problem: Option<String>,
}

/// Reads answers.
///
/// # Errors
/// Why the text cannot be read, with its line.
pub(super) fn read(text: &str) -> Result<Answered, String> {
    let mut table: BTreeMap<String, Value> = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().trim().replace('\n', "; ");
        format!("line {line}: {message}; write one answer a line: reader = \"no\"")
    })?;
    let short = |(id, value): (String, Value)| {
        let mut answer = as_answer(&value);
        if answer.len() > MAX_ANSWER {
            answer = answer.chars().take(MAX_ANSWER / 4).collect();
        }
        (id, answer)
    };
    let mut answered = Answered::default();
    if table.get(RECORD).is_some_and(Value::is_table)
        && let Some(value) = table.remove(RECORD)
    {
        match value.try_into() {
            Ok(record) => answered.record = Some(record),
            Err(error) => {
                let why = error.to_string();
                answered.problem = Some(format!("[{RECORD}]: {}", why.trim().replace('\n', "; ")));
            }
        }
    }
    answered.answers = table.into_iter().map(short).collect();
    Ok(answered)
}

/// A value as it would have been typed.
fn as_answer(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Boolean(true) => "yes".to_owned(),
        Value::Boolean(false) => "no".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(as_answer).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// The text of answers and of a record, which [`read`] reads.
pub(super) fn written(answers: &Answers, record: Option<&Record>) -> String {
    let line = |(id, answer): (&String, &String)| {
        // JSON strings are TOML strings.
        let quoted = Value::String(answer.clone());
        format!("{id} = {quoted}\n")
    };
    let mut text: String = answers.iter().map(line).collect();
    // A record has only keys that a table can hold.
    if let Some(record) = record.and_then(|record| toml::to_string(record).ok()) {
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{gap}# How it came about; forklab lab writes it for your teacher.\n[{RECORD}]\n{record}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_would_have_been_typed() {
        let answers = read("a = \"copy\"\nb = 7\nc = [1, 2]\nd = true\n")
            .unwrap()
            .answers;
        assert_eq!(answers["a"], "copy");
        assert_eq!(answers["b"], "7");
        assert_eq!(answers["c"], "[1, 2]");
        assert_eq!(answers["d"], "yes");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut answers = Answers::new();
        for (id, text) in [
            ("a", "copy"),
            ("b", "say \"no\"\\\n\u{1b}[2J\u{7f}"),
            ("c", "ä"),
        ] {
            answers.insert(id.to_owned(), text.to_owned());
        }
        for record in [
            None,
            Some(Record {
                variant: 2,
                student: Some("Ada \"Lovelace\"".to_owned()),
                solution_seen: true,
            }),
        ] {
            let text = written(&answers, record.as_ref());
            let all = Answered {
                answers: answers.clone(),
                record,
                problem: None,
            };
            assert_eq!(read(&text), Ok(all), "{text}");
        }
    }

    #[test]
    fn answers_count_whatever_the_record_is_like() {
        let read = read("a = 1\n[forklab]\nvariant = \"x\"\n").unwrap();
        assert_eq!(read.answers.len(), 1);
        let why = read.problem.unwrap();
        assert!(why.starts_with("[forklab]: "), "{why}");
    }

    #[test]
    fn a_broken_file_says_where() {
        let why = read("a = 1\nb = \n").unwrap_err();
        assert!(why.starts_with("line 2: "), "{why}");
    }
}
