//! The grammar alone, without a machine: whether a text is complete, and of what kind its words
//! are. The prompt asks while the user is still typing.

use crate::script::session::{Limits, engine};
use rhai::{Engine, LexError, ParseErrorType, Position, Token};

/// A parser of script text.
pub struct Syntax {
    engine: Engine,
}

/// The kind of a word, for highlighting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordKind {
    /// A keyword of the language.
    Keyword,
    /// A number, a string, `true` or `false`.
    Literal,
    /// Anything else.
    Other,
}

impl Syntax {
    /// Creates a parser with these limits.
    pub fn new(limits: &Limits) -> Self {
        Self {
            engine: engine::parser(limits),
        }
    }

    /// Whether more must follow: a bracket, a comment or a string of several lines is open.
    pub fn is_unfinished(&self, text: &str) -> bool {
        let (comment, open) = self.left_open(text);
        if comment {
            return true;
        }
        let Err(error) = self.engine.compile(text) else {
            return false;
        };
        match error.err_type() {
            // A string in quotes ends on its line; only one in backticks goes on.
            ParseErrorType::BadInput(LexError::UnterminatedString) => {
                opens_back_ticks(text, error.position())
            }
            // It is an error whatever follows, but it ends where its brackets close.
            ParseErrorType::LiteralTooLarge(..) | ParseErrorType::ExprTooDeep => open,
            // A dot waits for a name, but a user who typed it and Enter has most likely slipped.
            _ if text.trim_end().ends_with('.') => false,
            _ => is_behind(text, error.position()),
        }
    }

    /// Whether a comment is open at the end of a text, and whether a bracket is.
    fn left_open(&self, text: &str) -> (bool, bool) {
        let inputs = [text];
        let (mut tokens, _) = self.engine.lex(&inputs);
        let mut brackets = 0_i64;
        // At the end, Rhai returns the end token forever.
        while let Some((token, _)) = tokens.next()
            && token != Token::EOF
        {
            brackets += match token {
                Token::LeftBracket | Token::LeftParen | Token::LeftBrace | Token::MapStart => 1,
                Token::RightBracket | Token::RightParen | Token::RightBrace => -1,
                _ => 0,
            };
        }
        (tokens.state.comment_level > 0, brackets > 0)
    }

    /// The words of a text with their kinds and byte ranges.
    pub fn words(&self, text: &str) -> Vec<(std::ops::Range<usize>, WordKind)> {
        let mut places = Places::new(text);
        let inputs = [text];
        let (mut tokens, _) = self.engine.lex(&inputs);
        let mut words = Vec::new();
        while let Some((token, at)) = tokens.next() {
            if token == Token::EOF {
                break;
            }
            let (Some(from), Some(to)) = (places.byte_of(at), places.byte_of(tokens.pos)) else {
                continue;
            };
            let to = text[to..]
                .chars()
                .next()
                .map_or(to, |last| to + last.len_utf8());
            words.push((from..to.max(from), kind_of(&token)));
        }
        words
    }
}

fn kind_of(token: &Token) -> WordKind {
    match token {
        Token::IntegerConstant(_)
        | Token::FloatConstant(_)
        | Token::CharConstant(_)
        | Token::StringConstant(_)
        | Token::InterpolatedString(_)
        | Token::True
        | Token::False => WordKind::Literal,
        token if token.is_standard_keyword() => WordKind::Keyword,
        _ => WordKind::Other,
    }
}

/// Where the lines and columns of a text are in its bytes.
pub(in crate::script) struct Places<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    /// The line, column and byte that were asked for last. Positions come in order, and a line may
    /// be the whole text, so the search goes on from there.
    last: (usize, usize, usize),
}

impl<'a> Places<'a> {
    pub(in crate::script) fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            line_starts: std::iter::once(0).chain(breaks).collect(),
            last: (0, 0, 0),
        }
    }

    /// The byte at a position; the end of the text for one past the end of its line.
    pub(in crate::script) fn byte_of(&mut self, position: Position) -> Option<usize> {
        let line = position.line()?.checked_sub(1)?;
        let column = position.position()?.checked_sub(1)?;
        let start = *self.line_starts.get(line)?;
        let (from_column, from) = match self.last {
            (last_line, last_column, byte) if last_line == line && last_column <= column => {
                (last_column, byte)
            }
            _ => (0, start),
        };
        let mut ahead = self.text[from..].char_indices();
        let Some((at, _)) = ahead.nth(column - from_column) else {
            return Some(self.text.len());
        };
        self.last = (line, column, from + at);
        Some(from + at)
    }
}

/// Whether a position is past the last character that is not blank.
fn is_behind(text: &str, position: Position) -> bool {
    let mut places = Places::new(text);
    match places.byte_of(position) {
        Some(at) => text[at..].trim().is_empty(),
        None => {
            let lines = places.line_starts.len();
            position.is_none() || position.line().is_none_or(|line| line > lines)
        }
    }
}

fn opens_back_ticks(text: &str, position: Position) -> bool {
    let at = Places::new(text).byte_of(position);
    at.is_some_and(|at| text[at..].starts_with('`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_unfinished() {
        let syntax = Syntax::new(&Limits::default());
        for (text, unfinished) in [
            ("", false),
            ("ps()", false),
            ("let x = 1;", false),
            ("let x =", true),
            ("fn f() {", true),
            ("fn f() {\n  1\n", true),
            ("fn f() {\n  1\n}", false),
            ("[1, 2,", true),
            ("sh.fork(", true),
            ("if true {", true),
            ("1 +", true),
            ("/* a comment", true),
            ("/* a comment */ 1", false),
            ("`several\nlines", true),
            ("`several\nlines`", false),
            ("\"not closed", false),
            ("let = 3", false),
            ("let x = ;", false),
            ("sh.fork))", false),
            ("// ü {", false),
            ("#{a: 1,", true),
            ("|x| {", true),
            ("let x = \"ü\" +", true),
            ("sh.", false),
        ] {
            assert_eq!(syntax.is_unfinished(text), unfinished, "{text:?}");
        }
    }

    #[test]
    fn words_have_their_places_and_kinds() {
        let syntax = Syntax::new(&Limits::default());
        let text = "let ü = \"ä\" + 12;";
        let text = text.replace("ü =", "x =");
        let words: Vec<(&str, WordKind)> = syntax
            .words(&text)
            .into_iter()
            .map(|(range, kind)| (&text[range], kind))
            .filter(|(_, kind)| *kind != WordKind::Other)
            .collect();
        assert_eq!(words[0], ("let", WordKind::Keyword));
        assert_eq!(words[1].1, WordKind::Literal);
        assert_eq!(words[2].1, WordKind::Literal);
    }
}
