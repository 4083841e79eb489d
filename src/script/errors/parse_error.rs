//! Explains to a learner why a script cannot be parsed. Rhai says what its parser expected; the
//! words around the place say what was probably meant.

use super::diagnose::{Diagnosis, did_you_mean, limit_of_size};
use super::reading::{Reading, Word};
use super::words::{Words, closest, signatures};
use crate::script::session::Limit;
use rhai::{LexError, ParseError, ParseErrorType, Position, Token};

/// Explains a script that cannot be parsed.
pub(super) fn parse_error(error: &ParseError, text: &str, words: &Words) -> Diagnosis {
    let place = match error.err_type() {
        // An unclosed block extends to the end of the text, and Rhai reports its last word as the
        // place.
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
        ParseErrorType::FnMissingName => unnamed(&reading),
        other => misplaced(other),
    }
}

fn said(message: impl Into<String>) -> Diagnosis {
    Diagnosis::script(message, None)
}

fn helped(message: impl Into<String>, help: impl Into<String>) -> Diagnosis {
    Diagnosis::script(message, Some(help.into()))
}

/// Explains `fn` without a name that a function may have.
fn unnamed(reading: &Reading) -> Diagnosis {
    match reading.here().filter(|word| word.is_name()) {
        Some(word) => helped(
            format!(
                "{} is a reserved word, which no function can be named",
                word.text
            ),
            "choose another name",
        ),
        None => helped("the function has no name", "fn name(parameters) { .. }"),
    }
}

/// Explains the errors that need no look at the text.
fn misplaced(error: &ParseErrorType) -> Diagnosis {
    use ParseErrorType as E;
    match error {
        E::Reserved(word) => reserved(word),
        E::AssignmentToConstant(name) if !name.is_empty() => is_constant(name),
        E::AssignmentToConstant(_) | E::AssignmentToInvalidLHS(_) => helped(
            "cannot assign to this expression",
            "the left side of = must be a variable, a field of a map, or an element of an array",
        ),
        E::MismatchedType(wanted, got) if wanted.contains("boolean") => helped(
            format!("a condition must be true or false, but this is {got}"),
            "a condition is a comparison: x != 0",
        ),
        E::MismatchedType(wanted, got) => said(format!("expected {wanted}, found {got}")),
        E::PropertyExpected => helped(
            "expected a name here",
            "a name must follow a dot, and must precede each : in a map",
        ),
        E::VariableExpected => helped(
            "expected the name of a variable here",
            "names consist of a-z, A-Z, 0-9 and _, and must not be keywords",
        ),
        E::ExprExpected(_) => said("expected an expression here"),
        E::DuplicatedProperty(name) => said(format!("the map has two fields named {name}")),
        E::FnMissingParams(name) => helped(
            format!("the parameters of {name} are missing"),
            format!("fn {name}() {{ .. }} has none"),
        ),
        E::FnMissingBody(name) => helped(
            format!("the body of {name} is missing"),
            "the parameters are followed by a body: { .. }",
        ),
        E::FnDuplicatedDefinition(name, _) => helped(
            format!("there are two functions named {name} with the same number of parameters"),
            "choose another name",
        ),
        E::WrongFnDefinition => helped(
            "functions can only be defined at the top level",
            "a closure can be defined anywhere: let f = |x| { .. };",
        ),
        E::LoopBreak => said("break and continue are only allowed inside a loop"),
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
        format!("{name} is a constant and cannot be changed"),
        format!("let {name} = ..; makes a variable, which can change"),
    )
}

/// Words and operators of other languages, and their equivalents here.
const ELSEWHERE: [(&str, &str); 19] = [
    ("++", "x += 1 adds 1"),
    ("--", "x -= 1 takes 1 away"),
    ("===", "== compares"),
    ("!==", "!= compares"),
    (":=", "= stores: let x = 1;"),
    (
        "->",
        "a method follows a dot: sh.fork(); a function does not declare its return type: fn f(x) { \
         .. }",
    ),
    ("?", "if a { b } else { c } is a value"),
    ("~", "x ^ 0xffffffff inverts the bits of a word"),
    ("var", "variables are declared with let: let x = 1;"),
    ("null", "() is the value for nothing"),
    ("nil", "() is the value for nothing"),
    ("match", "switch x { 1 => .., _ => .. } selects by value"),
    ("case", "switch x { 1 => .., _ => .. } selects by value"),
    ("function", "functions are defined with fn: fn f(x) { .. }"),
    ("def", "functions are defined with fn: fn f(x) { .. }"),
    ("func", "functions are defined with fn: fn f(x) { .. }"),
    ("elif", "write else if"),
    ("elsif", "write else if"),
    (
        "eval",
        "to do something later, keep it in a closure: let f = || spawn(\"sh\");",
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
            format!("the argument of {word} must be in parentheses"),
            format!("write {word}(value)"),
        ),
        None if is_sign => said(format!("there is no operator {word}")),
        None => helped(format!("{word} is a keyword"), "choose another name"),
    }
}

fn bad_input(error: &LexError, reading: &Reading) -> Diagnosis {
    match error {
        LexError::UnexpectedInput(text) if !text.is_ascii() => helped(
            format!("unexpected {text}"),
            "names consist of a-z, A-Z, 0-9 and _; other letters are only allowed in strings",
        ),
        LexError::UnexpectedInput(text) => unexpected(text, reading),
        LexError::UnterminatedString => helped(
            "the string is not closed",
            "a string must end with \" on the same line; backticks enclose several lines",
        ),
        LexError::ImproperSymbol(sign, why) if sign == "=" && why.contains("==") => helped(
            "= assigns, but a value is expected here; did you mean ==?",
            "= stores, == compares",
        ),
        LexError::ImproperSymbol(word, _) if word == "eval" => {
            helped("eval is not available", elsewhere(word).unwrap_or_default())
        }
        LexError::ImproperSymbol(sign, _) => match elsewhere(sign) {
            Some(help) => helped(format!("there is no {sign}"), help),
            None => said(format!("unexpected {sign}")),
        },
        LexError::MalformedEscapeSequence(text) => helped(
            format!("{text} is not a known escape in a string"),
            "\\n is a new line, \\t a tab, \\\" a quote, \\\\ a backslash",
        ),
        LexError::MalformedNumber(_) => helped(
            "this is not a number",
            "numbers are written 42, 0x2a, 0b101 or 1_000, and must fit in 64 bits",
        ),
        LexError::MalformedChar(text) => helped(
            "single quotes must enclose exactly one character",
            format!("strings are written in double quotes: \"{text}\""),
        ),
        other => said(plain_sentence(&other.to_string())),
    }
}

/// A word where a value should begin.
fn unexpected(text: &str, reading: &Reading) -> Diagnosis {
    let Some(here) = reading.here() else {
        return said(format!("unexpected {text}"));
    };
    let needs_value = |before: &Word| {
        let sign = !before.closes() && before.token.precedence().is_some();
        sign || before.token.is_op_assignment() || before.token == Token::Equals
    };
    match reading.back(0) {
        Some(before) if needs_value(before) || before.token == Token::Comma => helped(
            format!("expected a value between {} and {text}", before.text),
            format!("write a value after {}", before.text),
        ),
        Some(before) if before.opens() && !here.closes() => {
            unclosed(reading).unwrap_or_else(|| said(format!("unexpected {text}")))
        }
        _ => closes_nothing(here, reading).unwrap_or_else(|| said(format!("unexpected {text}"))),
    }
}

/// A closing bracket, though none is open.
fn closes_nothing(here: &Word, reading: &Reading) -> Option<Diagnosis> {
    let opening = match here.token {
        Token::RightParen => "(",
        Token::RightBracket => "[",
        Token::RightBrace => "{",
        _ => return None,
    };
    match reading.open() {
        Some((open, _)) if open.text.ends_with(opening) => None,
        _ => Some(helped(
            format!("this {} has no matching {opening}", here.text),
            format!("remove it, or add {opening} where it begins"),
        )),
    }
}

/// A token that the parser expected, given Rhai's words for it and for its purpose.
fn missing(token: &str, what: &str, reading: &Reading) -> Diagnosis {
    match token {
        ";" => statement_end(reading),
        "in" => for_is_otherwise(),
        "," if what.contains("iteration") => for_is_otherwise(),
        ")" | "]" | "}" | "," => comma(reading)
            .or_else(|| unclosed(reading))
            .unwrap_or_else(|| expected(token, reading)),
        "{" => Diagnosis {
            help: Some("blocks are always enclosed in { and }".to_owned()),
            ..expected(token, reading)
        },
        "catch" => helped("try has no catch", "try { .. } catch (e) { print(e) }"),
        _ => expected(token, reading),
    }
}

fn expected(token: &str, reading: &Reading) -> Diagnosis {
    let place = match reading.here() {
        Some(here) => format!("before {}", here.text),
        None => "at the end".to_owned(),
    };
    helped(
        format!("missing {token} {place}"),
        format!("add {token} {place}"),
    )
}

/// A bracket that is still open where the text cannot go on inside of it.
fn unclosed(reading: &Reading) -> Option<Diagnosis> {
    let (open, called) = reading.open()?;
    let of = called.map_or_else(String::new, |name| format!(" of {name}"));
    let before = reading.here().map(|here| format!(" before {}", here.text));
    let message = format!(
        "the {}{of} on line {} is not closed{}",
        open.text,
        open.line(),
        before.as_deref().unwrap_or_default()
    );
    let closing = match open.token {
        Token::LeftParen => ")",
        Token::LeftBracket => "]",
        _ => "}",
    };
    let place = before.unwrap_or_else(|| " where it ends".to_owned());
    Some(Diagnosis {
        around: vec![("opened here".to_owned(), open.from)],
        ..helped(message, format!("add {closing}{place}"))
    })
}

/// A value right after another one, inside of brackets that are closed further on.
fn comma(reading: &Reading) -> Option<Diagnosis> {
    let (before, here) = (reading.back(0)?, reading.here()?);
    let (open, _) = reading.open()?;
    let ends = here.token == Token::SemiColon || here.closes();
    if ends || open.token == Token::LeftBrace || !reading.is_closed_later() {
        return None;
    }
    let (before, here) = (before.text, here.text);
    Some(helped(
        format!("missing , between {before} and {here}"),
        format!("add a comma after {before}"),
    ))
}

/// Words that begin a declaration in C.
const TYPES_OF_C: [&str; 12] = [
    "int", "long", "short", "char", "unsigned", "void", "float", "double", "auto", "pid_t", "bool",
    "size_t",
];

/// Keywords that begin a statement.
const KEYWORDS: [&str; 14] = [
    "fn", "let", "const", "if", "else", "for", "while", "loop", "return", "break", "continue",
    "throw", "switch", "do",
];

/// A statement that continues where it should have ended.
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
            ..helped(
                format!("missing ; at the end of line {last}"),
                format!("add ; after {}", before.text),
            )
        };
    }
    if before.is_name() && reading.begins_statement() {
        return Diagnosis {
            place: Some(before.from),
            ..first_word(before.text, here.text)
        };
    }
    no_semicolon(before.text, here.text)
}

/// Two words side by side at the start of a statement, of which the first is not a keyword.
fn first_word(word: &str, next: &str) -> Diagnosis {
    let message = format!("{word} is not a keyword");
    if TYPES_OF_C.contains(&word) {
        return helped(
            message,
            format!("variables are declared with let: let {next} = ..;"),
        );
    }
    let meant = closest(word, KEYWORDS).map(|word| did_you_mean(&word));
    let known = signatures(word);
    if !known.is_empty() {
        let message = format!("the arguments of {word} must be in parentheses");
        return helped(message, format!("it is {}", known.join(" or ")));
    }
    match elsewhere(word).map(str::to_owned).or(meant) {
        Some(help) => helped(message, help),
        None => no_semicolon(word, next),
    }
}

fn no_semicolon(before: &str, here: &str) -> Diagnosis {
    helped(
        format!("missing ; between {before} and {here}"),
        format!("add ; after {before}"),
    )
}

fn for_is_otherwise() -> Diagnosis {
    helped(
        "for iterates over values: for NAME in VALUES { .. }",
        "for i in 0..3 { .. } counts 0, 1, 2; while n < 3 { .. } repeats while the condition holds",
    )
}

fn for_over(what: &str, reading: &Reading) -> Diagnosis {
    let count = reading.here().map_or("3", |here| here.text);
    let help = if what.contains("number") {
        format!("a range can be iterated over: for i in 0..{count} {{ .. }}")
    } else {
        "for iterates over arrays, ranges such as 0..5, traces, and view.rows".to_owned()
    };
    helped(format!("for cannot iterate over {what}"), help)
}
