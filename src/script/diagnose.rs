//! Rhai's errors in words for a learner: what happened, and what would help.

use super::error::{FailureKind, ScriptError};
use super::limits::{Limit, Limits, thousands};
use super::state::Halt;
use super::words::{Words, closest, signatures};
use rhai::{EvalAltResult, LexError, ParseErrorType};

/// What an error comes to.
pub(super) struct Diagnosis {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) note: Option<String>,
    pub(super) help: Option<String>,
}

impl Diagnosis {
    fn script(message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            kind: FailureKind::Script,
            message: message.into(),
            note: None,
            help,
        }
    }

    pub(super) fn panic(message: String, help: String) -> Self {
        Self {
            kind: FailureKind::Panic,
            ..Self::script(message, Some(help))
        }
    }

    fn limit(limit: Limit, limits: &Limits) -> Self {
        let value = thousands(limits.get(limit));
        Self {
            kind: FailureKind::Limit,
            message: limit.message().to_owned(),
            note: Some(format!(
                "limit {}: {value}; --{} N sets another",
                limit.name(),
                limit.flag()
            )),
            help: Some(limit.help().to_owned()),
        }
    }

    fn of_ours(error: &ScriptError) -> Self {
        Self {
            note: error.note.clone(),
            ..Self::script(&error.message, error.help.clone())
        }
    }
}

/// A run that ended from outside.
pub(super) fn halt(halt: Halt, limits: &Limits) -> Diagnosis {
    match halt {
        Halt::Limit(limit) => Diagnosis::limit(limit, limits),
        Halt::Output(kind) => Diagnosis {
            kind: FailureKind::Output(kind),
            ..Diagnosis::script(format!("nothing more can be printed: {kind}"), None)
        },
        Halt::Interrupted => Diagnosis {
            kind: FailureKind::Interrupted,
            ..Diagnosis::script("interrupted; the machine stands where it was", None)
        },
    }
}

/// A script that cannot be read.
pub(super) fn parse_error(error: &ParseErrorType, words: &Words) -> Diagnosis {
    let message = error.to_string();
    match error {
        ParseErrorType::ExprTooDeep => Diagnosis::limit(Limit::ExpressionDepth, words.limits),
        ParseErrorType::LiteralTooLarge(what, _) => {
            Diagnosis::limit(limit_of_size(what), words.limits)
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
            Some(ours) => Diagnosis::of_ours(&ours),
            None => Diagnosis::script(value.to_string(), None),
        },
        EvalAltResult::ErrorTerminated(value, _) => {
            let reason = value.read_lock::<Halt>();
            halt(
                reason.map_or(Halt::Interrupted, |reason| *reason),
                words.limits,
            )
        }
        EvalAltResult::ErrorFunctionNotFound(call, _) => no_function(call, words),
        EvalAltResult::ErrorVariableNotFound(name, _) => no_variable(name, words),
        EvalAltResult::ErrorDotExpr(text, _) => no_property(text),
        EvalAltResult::ErrorPropertyNotFound(name, _) => no_field(name, words),
        EvalAltResult::ErrorFor(_) => Diagnosis::script(
            "for cannot go through this value",
            Some("it goes through arrays, ranges such as 0..5, traces, and view.rows".to_owned()),
        ),
        EvalAltResult::ErrorTooManyModules(_) => Diagnosis::script(
            "import is not available",
            Some("a script is one file".to_owned()),
        ),
        EvalAltResult::ErrorTooManyOperations(_) => {
            Diagnosis::limit(Limit::Operations, words.limits)
        }
        EvalAltResult::ErrorStackOverflow(_) => Diagnosis::limit(Limit::CallDepth, words.limits),
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            Diagnosis::limit(limit_of_size(what), words.limits)
        }
        EvalAltResult::ErrorTooManyVariables(_) => Diagnosis::limit(Limit::Variables, words.limits),
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

/// Which limit Rhai speaks of.
fn limit_of_size(what: &str) -> Limit {
    let what = what.to_lowercase();
    if what.contains("string") {
        Limit::String
    } else if what.contains("map") {
        Limit::Map
    } else {
        Limit::Array
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
        match signatures(name).as_slice() {
            [] => closest(name, words.variables()).map(|word| did_you_mean(&word)),
            known => Some(format!("it is a function: {}", known.join(" or "))),
        }
    };
    Diagnosis::script(format!("there is no variable {name}"), help)
}

/// A key that a map does not have.
fn no_field(name: &str, words: &Words) -> Diagnosis {
    let help = match name {
        "errno" | "name" | "help" | "note" => {
            "an error of the language itself, once caught, has a message only: print(e)".to_owned()
        }
        _ => closest(name, words.fields()).map_or_else(
            || "print the map to see its fields".to_owned(),
            |word| did_you_mean(&word),
        ),
    };
    Diagnosis::script(format!("there is no field {name}"), Some(help))
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
