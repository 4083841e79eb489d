//! `answers.toml`: a student's answers to the predictions, by the ids of their tasks.

use std::collections::BTreeMap;
use toml::Value;

/// Answers by the ids of their tasks.
pub type Answers = BTreeMap<String, String>;

/// The most bytes of an answer that count.
const MAX_ANSWER: usize = 4096;

/// Reads answers.
///
/// # Errors
/// Why the text cannot be read, with its line.
pub(super) fn read(text: &str) -> Result<Answers, String> {
    let table: BTreeMap<String, Value> = toml::from_str(text).map_err(|error| {
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
    Ok(table.into_iter().map(short).collect())
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

/// The text of answers, which [`read`] reads.
pub(super) fn written(answers: &Answers) -> String {
    let line = |(id, answer): (&String, &String)| {
        // JSON strings are TOML strings.
        let quoted = Value::String(answer.clone());
        format!("{id} = {quoted}\n")
    };
    answers.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_would_have_been_typed() {
        let answers = read("a = \"copy\"\nb = 7\nc = [1, 2]\nd = true\n").unwrap();
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
        assert_eq!(read(&written(&answers)), Ok(answers));
    }

    #[test]
    fn a_broken_file_says_where() {
        let why = read("a = 1\nb = \n").unwrap_err();
        assert!(why.starts_with("line 2: "), "{why}");
    }
}
