//! What can be an answer to a question at all. A line that cannot be one is not a wrong answer, and
//! what is expected never tells which answer is right.

use super::outcome::{is_possible, items, means, number};
use super::rule::Rule;
use super::state::Prediction;
use std::fmt;

/// The form that an answer must have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Yes or no.
    YesNo,
    /// A number, or the name of an error or signal.
    Number,
    /// Several numbers.
    Numbers,
    /// One of these, or its letter.
    Choice(Vec<String>),
    /// One of these words, or the name of an error or signal.
    OneOf(&'static [&'static str]),
    /// Any words.
    Words,
}

impl Prediction {
    /// The form that an answer must have.
    pub fn expected(&self, rule: &Rule) -> Expected {
        if !rule.choices.is_empty() {
            return Expected::Choice(rule.choices.clone());
        }
        if !self.possible.is_empty() {
            return Expected::OneOf(self.possible);
        }
        let right = self.answer.as_str();
        let inner = right.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        match inner {
            Some(inner) if items(inner).iter().all(|item| number(item).is_some()) => {
                Expected::Numbers
            }
            Some(_) => Expected::Words,
            None if is_yes_or_no(right) => Expected::YesNo,
            None if number(right).is_some() => Expected::Number,
            None => Expected::Words,
        }
    }
}

impl Expected {
    /// Whether a line can be an answer.
    pub fn fits(&self, given: &str) -> bool {
        match self {
            Self::YesNo => is_yes_or_no(given),
            Self::Number => is_number_or_name(given),
            Self::Numbers => items(given).iter().all(|item| is_number_or_name(item)),
            Self::Choice(choices) => {
                let rule = Rule {
                    choices: choices.clone(),
                    ..Rule::default()
                };
                let chosen = rule.chosen(given);
                choices.iter().any(|choice| means(chosen, choice))
            }
            Self::OneOf(words) => is_possible(given, words),
            Self::Words => true,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::YesNo => f.write_str("yes or no"),
            Self::Number => f.write_str("a number"),
            Self::Numbers => f.write_str("a list of numbers, such as 5 2 3"),
            Self::Choice(choices) => {
                let letters = ('a'..='z').zip(choices);
                let letters: Vec<String> = letters.map(|(letter, _)| letter.to_string()).collect();
                write!(f, "one of the letters {}", letters.join(", "))
            }
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::Words => f.write_str("words"),
        }
    }
}

fn is_yes_or_no(text: &str) -> bool {
    means(text, "yes") || means(text, "no")
}

/// Whether a text is a number, or the name of an error or signal, which a call may end with instead.
fn is_number_or_name(text: &str) -> bool {
    number(text).is_some() || is_possible(text, &["nothing", "error"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_answer_is_known_by_its_form() {
        let choice = Rule {
            choices: vec!["the parent".to_owned(), "the child".to_owned()],
            ..Rule::default()
        };
        let plain = Rule::default();
        let words: &[&str] = &["copy", "no fault"];
        for (right, possible, rule, given, fits) in [
            ("yes", &[][..], &plain, "no", true),
            ("no", &[], &plain, "maybe", false),
            ("7", &[], &plain, "0x10", true),
            ("7", &[], &plain, "EAGAIN", true),
            ("7", &[], &plain, "sh", false),
            ("[1, 2]", &[], &plain, "5 3", true),
            ("[1, 2]", &[], &plain, "[]", true),
            ("[1, 2]", &[], &plain, "why did that happen", false),
            ("[sh, kid]", &[], &plain, "kid sh", true),
            ("EAGAIN", &[], &plain, "7", true),
            ("sh", &[], &plain, "kid", true),
            ("the child", &[], &choice, "A", true),
            ("the child", &[], &choice, "the parent", true),
            ("the child", &[], &choice, "c", false),
            ("the child", &[], &choice, "neither", false),
            ("copy", words, &plain, "cow", true),
            ("copy", words, &plain, "SIGSEGV", true),
            ("copy", words, &plain, "sh", false),
        ] {
            let prediction = Prediction {
                question: String::new(),
                given: None,
                answer: right.to_owned(),
                right: false,
                possible,
            };
            let expected = prediction.expected(rule);
            assert_eq!(expected.fits(given), fits, "{expected}: {given:?}");
        }
    }
}
