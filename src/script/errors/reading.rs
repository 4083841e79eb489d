//! A text as far as it could be parsed: its words, and the open brackets, around the place of the
//! syntax error.

use crate::script::help::Places;
use rhai::{Engine, Position, Token};

/// A word, number, string or operator of a text.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Word<'a> {
    pub(in crate::script) text: &'a str,
    pub(in crate::script) token: Token,
    /// The position of its first character.
    pub(in crate::script) from: Position,
    /// The position of its last character.
    pub(in crate::script) to: Position,
}

impl Word<'_> {
    pub(in crate::script) fn line(&self) -> usize {
        self.from.line().unwrap_or(1)
    }

    pub(super) fn last_line(&self) -> usize {
        self.to.line().unwrap_or_else(|| self.line())
    }

    /// Whether it is a name; Rhai reserves the names of some of its own functions.
    pub(in crate::script) fn is_name(&self) -> bool {
        let letter = |first: char| first.is_ascii_alphabetic() || first == '_';
        matches!(self.token, Token::Identifier(_) | Token::Reserved(_))
            && self.text.starts_with(letter)
    }

    pub(super) const fn opens(&self) -> bool {
        matches!(
            self.token,
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart
        )
    }

    pub(super) const fn closes(&self) -> bool {
        matches!(
            self.token,
            Token::RightParen | Token::RightBracket | Token::RightBrace
        )
    }

    fn is_closed_by(&self, other: &Token) -> bool {
        matches!(
            (&self.token, other),
            (Token::LeftParen, Token::RightParen)
                | (Token::LeftBracket, Token::RightBracket)
                | (Token::LeftBrace | Token::MapStart, Token::RightBrace)
        )
    }
}

/// The words of a text, and the place of the syntax error.
pub(super) struct Reading<'a> {
    words: Vec<Word<'a>>,
    /// The number of words before the error.
    before: usize,
}

impl<'a> Reading<'a> {
    /// Splits a text with a syntax error at that place into words.
    pub(in crate::script) fn new(engine: &Engine, text: &'a str, wrong: Position) -> Self {
        let words = words(engine, text);
        let place = |position: Position| (position.line(), position.position());
        let before = if wrong.is_none() {
            words.len()
        } else {
            words.partition_point(|word| place(word.from) < place(wrong))
        };
        Self { words, before }
    }

    /// The word at the error; `None` at the end of the text.
    pub(super) fn here(&self) -> Option<&Word<'a>> {
        self.words.get(self.before)
    }

    /// The word `words` places before the last word before the error.
    pub(in crate::script) fn back(&self, words: usize) -> Option<&Word<'a>> {
        self.words.get(self.before.checked_sub(words + 1)?)
    }

    /// The innermost bracket that is open before the error, with the name before it if it holds the
    /// arguments of a call.
    pub(in crate::script) fn open(&self) -> Option<(&Word<'a>, Option<&'a str>)> {
        let at = *open_brackets(&self.words[..self.before]).last()?;
        let bracket = &self.words[at];
        let name = at.checked_sub(1).map(|at| &self.words[at]);
        let called = name.filter(|name| name.is_name() && bracket.token == Token::LeftParen);
        Some((bracket, called.map(|name| name.text)))
    }

    /// Whether that bracket is closed further on.
    pub(super) fn is_closed_later(&self) -> bool {
        let open = open_brackets(&self.words[..self.before]);
        let Some(innermost) = open.last() else {
            return false;
        };
        !open_brackets(&self.words).contains(innermost)
    }

    /// Whether the word before the error begins a statement.
    pub(super) fn begins_statement(&self) -> bool {
        self.back(1).is_none_or(|before| {
            let ends = matches!(
                before.token,
                Token::SemiColon | Token::LeftBrace | Token::RightBrace
            );
            ends || self.back(0).is_some_and(|word| word.line() > before.line())
        })
    }
}

/// The indices of the brackets that are open after some words, outermost first. A bracket that
/// closes nothing is skipped.
fn open_brackets(words: &[Word]) -> Vec<usize> {
    let mut open: Vec<usize> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if word.opens() {
            open.push(at);
        } else if open
            .last()
            .is_some_and(|at| words[*at].is_closed_by(&word.token))
        {
            open.pop();
        }
    }
    open
}

fn words<'a>(engine: &Engine, text: &'a str) -> Vec<Word<'a>> {
    let mut places = Places::new(text);
    let inputs = [text];
    let (mut tokens, control) = engine.lex(&inputs);
    let mut words: Vec<Word> = Vec::new();
    // Braces that hold a value inside of a string in backticks.
    let mut inserted = Vec::new();
    while let Some((token, from)) = tokens.next() {
        if token == Token::EOF {
            break;
        }
        let Some(first) = places.byte_of(from) else {
            continue;
        };
        let last = places.byte_of(tokens.pos).unwrap_or(first);
        let rest = text[last..].chars().next().map_or(0, char::len_utf8);
        let after_text = matches!(
            words.last().map(|word| &word.token),
            Some(Token::InterpolatedString(_))
        );
        match token {
            Token::LeftBrace => inserted.push(after_text),
            Token::MapStart => inserted.push(false),
            // What follows is string again, which only a parser can know.
            Token::RightBrace if inserted.pop() == Some(true) => {
                control.borrow_mut().is_within_text = true;
            }
            _ => {}
        }
        let ends = matches!(token, Token::LexError(_));
        words.push(Word {
            text: &text[first..(last + rest).max(first)],
            token,
            from,
            to: tokens.pos,
        });
        if ends {
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::session::{Limits, engine};

    #[test]
    fn the_innermost_open_bracket_is_found() {
        let engine = engine::parser(&Limits::default());
        for (text, open) in [
            ("print(1;", Some(("(", Some("print")))),
            ("print(\"a\" + (1;", Some(("(", None))),
            ("print(`${f(1)} (`;", Some(("(", Some("print")))),
            ("print(`${#{a: 1}.a}`);", None),
            ("let x = [1, 2;", Some(("[", None))),
            ("f(#{a: \"}\";", Some(("#{", None))),
            ("{ f(1) /* ( */", Some(("{", None))),
            ("f(1));", None),
        ] {
            let reading = Reading::new(&engine, text, Position::NONE);
            let found = reading.open().map(|(word, name)| (word.text, name));
            assert_eq!(found, open, "{text}");
        }
    }

    #[test]
    fn words_around_a_place() {
        let engine = engine::parser(&Limits::default());
        let reading = Reading::new(&engine, "let ü = 1;\nlet x = 2;", Position::new(2, 5));
        assert!(reading.here().is_none(), "nothing is read behind an error");
        let reading = Reading::new(&engine, "let y = 1;\nlet x = 2;", Position::new(2, 5));
        assert_eq!(reading.here().map(|word| word.text), Some("x"));
        assert_eq!(reading.back(0).map(|word| word.text), Some("let"));
        assert!(reading.begins_statement());
    }
}
