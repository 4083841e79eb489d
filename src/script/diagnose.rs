//! Rhai's errors in words for a learner: what happened, and what would help.

use super::error::{FailureKind, ScriptError};
use super::words::{Words, closest, signatures};
use rhai::{EvalAltResult, LexError, ParseErrorType};

/// What an error comes to.
pub(super) struct Diagnosis {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Diagnosis {
    fn script(message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            kind: FailureKind::Script,
            message: message.into(),
            help,
        }
    }

    fn limit(message: impl Into<String>, help: &str) -> Self {
        Self {
            kind: FailureKind::Limit,
            message: message.into(),
            help: Some(help.to_owned()),
        }
    }
}

/// A script that cannot be read.
pub(super) fn parse_error(error: &ParseErrorType) -> Diagnosis {
    let message = error.to_string();
    match error {
        ParseErrorType::ExprTooDeep => Diagnosis::limit(
            "the expression is nested too deeply",
            "take it apart with let; a long text can be joined with +=",
        ),
        ParseErrorType::LiteralTooLarge(..) => {
            Diagnosis::limit(message, "longer values can be made while the script runs")
        }
        ParseErrorType::Reserved(word) => Diagnosis::script(
            format!("{word} is a word of the language itself"),
            Some("take another name".to_owned()),
        ),
        ParseErrorType::BadInput(LexError::UnexpectedInput(text)) if !text.is_ascii() => {
            let help = "names are made of a-z, A-Z, 0-9 and _; other letters go into strings";
            Diagnosis::script(message, Some(help.to_owned()))
        }
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            let help = "a string ends on its line, with \"; several lines go between backticks";
            Diagnosis::script(message, Some(help.to_owned()))
        }
        _ => Diagnosis::script(message, None),
    }
}

/// An error while the script ran: the innermost one.
pub(super) fn run_error(error: &EvalAltResult, words: &Words) -> Diagnosis {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => match value.read_lock::<ScriptError>() {
            Some(ours) => Diagnosis::script(&ours.message, ours.help.clone()),
            None => Diagnosis::script(value.to_string(), None),
        },
        EvalAltResult::ErrorTerminated(value, _) => {
            let limit = value.read_lock::<ScriptError>();
            Diagnosis {
                kind: FailureKind::Limit,
                message: limit.as_ref().map_or("stopped", |l| &l.message).to_owned(),
                help: limit.and_then(|l| l.help.clone()),
            }
        }
        EvalAltResult::ErrorFunctionNotFound(call, _) => no_function(call, words),
        EvalAltResult::ErrorVariableNotFound(name, _) => no_variable(name, words),
        EvalAltResult::ErrorDotExpr(text, _) => no_property(text),
        EvalAltResult::ErrorFor(_) => Diagnosis::script(
            "for cannot go through this value",
            Some("it goes through arrays, ranges such as 0..5, traces, and view.rows".to_owned()),
        ),
        EvalAltResult::ErrorTooManyModules(_) => Diagnosis::script(
            "import is not available",
            Some("a script is one file".to_owned()),
        ),
        EvalAltResult::ErrorTooManyOperations(_) => Diagnosis::limit(
            format!(
                "the script has used up its {} operations",
                words.engine.max_operations()
            ),
            "does a loop never end? touch, fill and tick do in one call what loops do in many",
        ),
        EvalAltResult::ErrorStackOverflow(_) => Diagnosis::limit(
            format!(
                "more than {} calls inside one another",
                words.engine.max_call_levels()
            ),
            "does a function call itself without end?",
        ),
        EvalAltResult::ErrorDataTooLarge(what, _) => Diagnosis::limit(
            format!("{}: over the limit", what.to_lowercase()),
            "keep less in one value; of a long view, take a part: trace(mark), trace().only(..), \
             timeline(from, to), ps().rows[0]",
        ),
        EvalAltResult::ErrorTooManyVariables(_) => {
            Diagnosis::limit("too many variables", "keep many values in an array")
        }
        other => {
            // Without its position, which is reported beside it.
            let mut bare = other.to_string();
            if let Some(at) = bare.rfind(" (line ") {
                bare.truncate(at);
            }
            Diagnosis::script(bare, None)
        }
    }
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean {word}?")
}

/// `call` is `name (type, type)`.
fn no_function(call: &str, words: &Words) -> Diagnosis {
    let (name, types) = call.split_once(" (").unwrap_or((call, ")"));
    let types = types.trim_end_matches(')');
    let types = plain_types(if types == "(" { "()" } else { types });
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        let message = format!("{name} does not work on {types}");
        let unit = types.split(", ").any(|part| part == "()");
        let help = unit.then(|| "() is the value of what returns nothing".to_owned());
        return Diagnosis::script(message, help);
    }
    let known = signatures(name);
    if known.is_empty() {
        let help = closest(name, words.functions()).map_or_else(
            || "help() lists all functions".to_owned(),
            |word| did_you_mean(&word),
        );
        return Diagnosis::script(format!("there is no function {name}({types})"), Some(help));
    }
    let help = format!("it is {}; help(\"{name}\") says more", known.join(" or "));
    Diagnosis::script(format!("there is no function {name}({types})"), Some(help))
}

/// Rhai's names of types in the words of our documentation.
fn plain_types(types: &str) -> String {
    types
        .replace("&str | ImmutableString | String", "string")
        .replace("i64", "int")
        .replace("f64", "float")
}

fn no_variable(name: &str, words: &Words) -> Diagnosis {
    let help = if words.is_global(name) {
        Some(format!(
            "a function sees its parameters only: give it {name} as one, or use a closure |..| .."
        ))
    } else {
        closest(name, words.variables()).map(|word| did_you_mean(&word))
    };
    Diagnosis::script(format!("there is no variable {name}"), help)
}

/// `text` is Rhai's sentence: the property is in the first pair of quotes, the type in the second.
fn no_property(text: &str) -> Diagnosis {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    let [name, type_name, ..] = quoted.as_slice() else {
        return Diagnosis::script(text, None);
    };
    let shown = plain_types(type_name);
    if text.starts_with("No writable") {
        let help = "only calls change the machine".to_owned();
        return Diagnosis::script(format!("{name} of a {shown} can only be read"), Some(help));
    }
    let members = Words::members(type_name);
    let help = match members.iter().find(|doc| doc.name == *name) {
        Some(doc) => Some(format!("it is a function: {}", doc.signature)),
        None => closest(name, members.iter().map(|doc| &doc.name)).map(|word| did_you_mean(&word)),
    };
    Diagnosis::script(format!("a {shown} has no {name}"), help)
}
