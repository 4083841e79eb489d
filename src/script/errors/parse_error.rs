//! Texts that cannot be read, in words for a learner. Rhai says what its reader had expected; the
//! words around the place say what was probably meant.

use super::diagnose::{Diagnosis, did_you_mean, limit_of_size};
use super::reading::{Reading, Word};
use super::words::{Words, closest, signatures};
use crate::script::session::Limit;
use rhai::{LexError, ParseError, ParseErrorType, Position, Token};

/// A script that cannot be read.
pub(super) fn parse_error(error: &ParseError, text: &str, words: &Words) -> Diagnosis {
    let place = match error.err_type() {
        // A block goes on to the end of the text, of which Rhai gives the last word as the place.
        ParseErrorType::MissingToken(_, what) if what.contains("terminate this block") => {
            Position::NONE
        }
        _ => error.position(),
    };
    let reading = Reading::new(words.engine, text, place);
    match error.err_type() {
        ParseErrorType::ExprTooDeep => Diagnosis::limit(Limit::ExpressionDepth, words.limits),
        ParseErrorType::LiteralTooLarge(what, _) => {
            Diagnosis::limit(limit_of_size(what), words.limits)
        }
        ParseErrorType::BadInput(error) => bad_input(error, &reading),
        ParseErrorType::MissingToken(token, what) => missing(token, what, &reading),
        ParseErrorType::UnexpectedEOF => {
            unclosed(&reading).unwrap_or_else(|| said("the script ends before it is complete"))
        }
        ParseErrorType::MismatchedType(wanted, what) if wanted.contains("iterable") => {
            for_over(what, &reading)
        }
        other => misplaced(other),
    }
}

fn said(message: impl Into<String>) -> Diagnosis {
    Diagnosis::script(message, None)
}

fn helped(message: impl Into<String>, help: impl Into<String>) -> Diagnosis {
    Diagnosis::script(message, Some(help.into()))
}

/// What can be said without a look at the text.
fn misplaced(error: &ParseErrorType) -> Diagnosis {
    use ParseErrorType as E;
    match error {
        E::Reserved(word) => reserved(word),
        E::AssignmentToConstant(name) if !name.is_empty() => is_constant(name),
        E::AssignmentToConstant(_) | E::AssignmentToInvalidLHS(_) => helped(
            "nothing can be stored in this",
            "on the left of = stands a variable, a field of a map, or an element of an array",
        ),
        E::MismatchedType(wanted, got) if wanted.contains("boolean") => helped(
            format!("a condition is true or false, and this is {got}"),
            "a condition compares: x != 0",
        ),
        E::MismatchedType(wanted, got) => said(format!("{wanted} is needed here, not {got}")),
        E::PropertyExpected => helped(
            "a name is missing here",
            "behind a dot, and before each : of a map, stands a name",
        ),
        E::VariableExpected => helped(
            "the name of a variable is missing here",
            "names are made of a-z, A-Z, 0-9 and _, and are no words of the language",
        ),
        E::ExprExpected(_) => said("an expression is missing here"),
        E::DuplicatedProperty(name) => said(format!("the map has two fields {name}")),
        E::FnMissingName => helped("the function has no name", "fn name(parameters) { .. }"),
        E::FnMissingParams(name) => helped(
            format!("the parameters of {name} are missing"),
            format!("fn {name}() {{ .. }} has none"),
        ),
        E::FnMissingBody(name) => helped(
            format!("what {name} does is missing"),
            "behind the parameters stand { and }",
        ),
        E::FnDuplicatedDefinition(name, _) => helped(
            format!("there are two functions {name} with as many parameters"),
            "take another name",
        ),
        E::WrongFnDefinition => helped(
            "functions are made outside of blocks and of other functions",
            "a closure can be made anywhere: let f = |x| { .. };",
        ),
        E::LoopBreak => said("break and continue belong into a loop"),
        E::UnknownOperator(sign) => reserved(sign),
        other => said(plain_sentence(&other.to_string())),
    }
}

/// Rhai's sentence without its capital letter and quotes.
pub(super) fn plain_sentence(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    let rest = chars.filter(|c| *c != '\'');
    first.into_iter().chain(rest).collect()
}

pub(super) fn is_constant(name: &str) -> Diagnosis {
    helped(
        format!("{name} is a constant: it keeps its value"),
        format!("let {name} = ..; makes a variable, which can change"),
    )
}

/// Words and signs of other languages, and what stands for them here.
const ELSEWHERE: [(&str, &str); 19] = [
    ("++", "x += 1 adds 1"),
    ("--", "x -= 1 takes 1 away"),
    ("===", "== compares"),
    ("!==", "!= compares"),
    (":=", "= stores: let x = 1;"),
    (
        "->",
        "a method follows a dot: sh.fork(); a function does not say what it returns: fn f(x) { .. }",
    ),
    ("?", "if a { b } else { c } is a value"),
    ("~", "x ^ 0xffffffff turns the bits of a word round"),
    ("var", "variables are made with let: let x = 1;"),
    ("null", "() stands for nothing"),
    ("nil", "() stands for nothing"),
    ("match", "switch x { 1 => .., _ => .. } chooses by value"),
    ("case", "switch x { 1 => .., _ => .. } chooses by value"),
    ("function", "functions are made with fn: fn f(x) { .. }"),
    ("def", "functions are made with fn: fn f(x) { .. }"),
    ("func", "functions are made with fn: fn f(x) { .. }"),
    ("elif", "the word is else if"),
    ("elsif", "the word is else if"),
    (
        "eval",
        "what is to be done later can be kept as a closure: let f = || spawn(\"sh\");",
    ),
];

fn elsewhere(word: &str) -> Option<&'static str> {
    let found = ELSEWHERE.iter().find(|(other, _)| *other == word);
    found.map(|(_, help)| *help)
}

fn reserved(word: &str) -> Diagnosis {
    let is_sign = !word.starts_with(|first: char| first.is_alphabetic());
    match elsewhere(word) {
        Some(help) => helped(format!("there is no {word}"), help),
        None if word == "print" || word == "debug" => helped(
            format!("what {word} prints stands in brackets"),
            format!("it is {word}(value)"),
        ),
        None if is_sign => said(format!("there is no operator {word}")),
        None => helped(
            format!("{word} is a word of the language itself"),
            "take another name",
        ),
    }
}

fn bad_input(error: &LexError, reading: &Reading) -> Diagnosis {
    match error {
        LexError::UnexpectedInput(text) if !text.is_ascii() => helped(
            format!("{text} cannot stand here"),
            "names are made of a-z, A-Z, 0-9 and _; other letters go into strings",
        ),
        LexError::UnexpectedInput(text) => unexpected(text, reading),
        LexError::UnterminatedString => helped(
            "the string is not closed",
            "a string ends on its line, with \"; several lines go between backticks",
        ),
        LexError::ImproperSymbol(sign, why) if sign == "=" && why.contains("==") => helped(
            "= stores a value, and here one is asked for",
            "= stores, == compares",
        ),
        LexError::ImproperSymbol(word, _) if word == "eval" => {
            helped("eval is not available", elsewhere(word).unwrap_or_default())
        }
        LexError::ImproperSymbol(sign, _) => match elsewhere(sign) {
            Some(help) => helped(format!("there is no {sign}"), help),
            None => said(format!("{sign} cannot stand here")),
        },
        LexError::MalformedEscapeSequence(text) => helped(
            format!("{text} means nothing in a string"),
            "\\n is a new line, \\t a tab, \\\" a quote, \\\\ a backslash",
        ),
        LexError::MalformedNumber(_) => helped(
            "this is no number",
            "numbers are written 42, 0x2a, 0b101 or 1_000, and fit into 64 bits",
        ),
        LexError::MalformedChar(text) => helped(
            "between ' and ' stands one character",
            format!("strings stand between double quotes: \"{text}\""),
        ),
        other => said(plain_sentence(&other.to_string())),
    }
}

/// A word where a value should begin.
fn unexpected(text: &str, reading: &Reading) -> Diagnosis {
    let Some(here) = reading.here() else {
        return said(format!("{text} cannot stand here"));
    };
    let needs_value = |before: &Word| {
        let sign = !before.closes() && before.token.precedence().is_some();
        sign || before.token.is_op_assignment() || before.token == Token::Equals
    };
    match reading.back(0) {
        Some(before) if needs_value(before) || before.token == Token::Comma => said(format!(
            "a value is missing between {} and {text}",
            before.text
        )),
        Some(before) if before.opens() && !here.closes() => {
            unclosed(reading).unwrap_or_else(|| said(format!("{text} cannot stand here")))
        }
        _ => closes_nothing(here, reading)
            .unwrap_or_else(|| said(format!("{text} cannot stand here"))),
    }
}

/// A bracket that closes, though none is open.
fn closes_nothing(here: &Word, reading: &Reading) -> Option<Diagnosis> {
    let opening = match here.token {
        Token::RightParen => "(",
        Token::RightBracket => "[",
        Token::RightBrace => "{",
        _ => return None,
    };
    match reading.open() {
        Some((open, _)) if open.text.ends_with(opening) => None,
        _ => Some(said(format!(
            "this {} has no {opening} before it",
            here.text
        ))),
    }
}

/// A token that the reader had expected, by Rhai's words for it and for what it is there.
fn missing(token: &str, what: &str, reading: &Reading) -> Diagnosis {
    match token {
        ";" => statement_end(reading),
        "in" => for_is_otherwise(),
        "," if what.contains("iteration") => for_is_otherwise(),
        ")" | "]" | "}" | "," => comma(reading)
            .or_else(|| unclosed(reading))
            .unwrap_or_else(|| expected(token, reading)),
        "{" => Diagnosis {
            help: Some("what belongs together stands between { and }, always".to_owned()),
            ..expected(token, reading)
        },
        "catch" => helped("try has no catch", "try { .. } catch (e) { print(e) }"),
        _ => expected(token, reading),
    }
}

fn expected(token: &str, reading: &Reading) -> Diagnosis {
    said(match reading.here() {
        Some(here) => format!("{token} is missing before {}", here.text),
        None => format!("{token} is missing at the end"),
    })
}

/// A bracket that is still open where the text cannot go on inside of it.
fn unclosed(reading: &Reading) -> Option<Diagnosis> {
    let (open, called) = reading.open()?;
    let of = called.map_or_else(String::new, |name| format!(" of {name}"));
    let before = match reading.here() {
        Some(here) => format!(" before {}", here.text),
        None => String::new(),
    };
    let message = format!(
        "the {}{of} in line {} is not closed{before}",
        open.text,
        open.line()
    );
    Some(Diagnosis {
        around: vec![("it is opened here".to_owned(), open.from)],
        ..said(message)
    })
}

/// A value behind another one, inside of brackets that are closed further on.
fn comma(reading: &Reading) -> Option<Diagnosis> {
    let (before, here) = (reading.back(0)?, reading.here()?);
    let (open, _) = reading.open()?;
    let ends = here.token == Token::SemiColon || here.closes();
    if ends || open.token == Token::LeftBrace || !reading.is_closed_later() {
        return None;
    }
    let (before, here) = (before.text, here.text);
    Some(said(format!("a , is missing between {before} and {here}")))
}

/// Words that begin a declaration in C.
const TYPES_OF_C: [&str; 12] = [
    "int", "long", "short", "char", "unsigned", "void", "float", "double", "auto", "pid_t", "bool",
    "size_t",
];

/// Words that begin a statement.
const KEYWORDS: [&str; 14] = [
    "fn", "let", "const", "if", "else", "for", "while", "loop", "return", "break", "continue",
    "throw", "switch", "do",
];

/// A statement goes on behind its end.
fn statement_end(reading: &Reading) -> Diagnosis {
    let (Some(before), Some(here)) = (reading.back(0), reading.here()) else {
        return unclosed(reading).unwrap_or_else(|| expected(";", reading));
    };
    if let Some(diagnosis) = closes_nothing(here, reading) {
        return diagnosis;
    }
    if elsewhere(here.text).is_some() {
        return reserved(here.text);
    }
    let last = before.last_line();
    if last < here.line() {
        return Diagnosis {
            place: Some(before.to),
            ..said(format!("a ; is missing at the end of line {last}"))
        };
    }
    if before.is_name() && reading.begins_statement() {
        return Diagnosis {
            place: Some(before.from),
            ..first_word(before.text, here.text)
        };
    }
    said(format!(
        "a ; is missing between {} and {}",
        before.text, here.text
    ))
}

/// Two words side by side at the beginning of a statement: the first is no word of the language.
fn first_word(word: &str, next: &str) -> Diagnosis {
    let message = format!("{word} is no word of the language");
    if TYPES_OF_C.contains(&word) {
        return helped(
            message,
            format!("variables are made with let: let {next} = ..;"),
        );
    }
    let meant = closest(word, KEYWORDS).map(|word| did_you_mean(&word));
    let known = signatures(word);
    if !known.is_empty() {
        let message = format!("the arguments of {word} stand in brackets");
        return helped(message, format!("it is {}", known.join(" or ")));
    }
    match elsewhere(word).map(str::to_owned).or(meant) {
        Some(help) => helped(message, help),
        None => said(format!("a ; is missing between {word} and {next}")),
    }
}

fn for_is_otherwise() -> Diagnosis {
    helped(
        "for goes through values: for NAME in VALUES { .. }",
        "for i in 0..3 { .. } counts 0, 1, 2; while n < 3 { .. } goes on as long as that holds",
    )
}

fn for_over(what: &str, reading: &Reading) -> Diagnosis {
    let count = reading.here().map_or("3", |here| here.text);
    let help = if what.contains("number") {
        format!("a range can be gone through: for i in 0..{count} {{ .. }}")
    } else {
        "it goes through arrays, ranges such as 0..5, traces, and view.rows".to_owned()
    };
    helped(format!("for cannot go through {what}"), help)
}
