//! Explains run-time errors to a learner: what happened, and how to fix it.

use super::error::{FailureKind, ScriptError};
use super::no_function::{ELSEWHERE, no_function, plain_types};
use super::parse_error::{is_constant, plain_sentence};
use super::recursion::{Calling, circle};
use super::words::{Words, closest, free_functions, likeliest, signatures};
use crate::script::session::{Halt, Limit, Limits, thousands};
use rhai::{Dynamic, EvalAltResult, ImmutableString, Position, Scope};

/// An error, explained.
pub(super) struct Diagnosis {
    pub(in crate::script) kind: FailureKind,
    pub(in crate::script) message: String,
    pub(in crate::script) note: Option<String>,
    pub(in crate::script) help: Option<String>,
    /// Where it happened, if not where Rhai says.
    pub(in crate::script) place: Option<Position>,
    /// Other related places, each with a label.
    pub(in crate::script) around: Vec<(String, Position)>,
}

impl Diagnosis {
    pub(in crate::script) fn script(message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            kind: FailureKind::Script,
            message: shortened(message.into()),
            note: None,
            help,
            place: None,
            around: Vec::new(),
        }
    }

    pub(in crate::script) fn panic(message: String, help: String) -> Self {
        Self {
            kind: FailureKind::Panic,
            ..Self::script(message, Some(help))
        }
    }

    pub(in crate::script) fn limit(limit: Limit, limits: &Limits) -> Self {
        let value = limits.get(limit);
        Self {
            kind: FailureKind::Limit,
            note: Some(format!(
                "limit {}: {}; --{} N sets another",
                limit.name(),
                thousands(value),
                limit.flag()
            )),
            ..Self::script(limit.message(value), Some(limit.help().to_owned()))
        }
    }

    fn of_ours(error: &ScriptError) -> Self {
        // Lines count from 1; what has no place in a text is said to be in line 0.
        let at = |(line, column): (usize, usize)| {
            let column = u16::try_from(column).unwrap_or(u16::MAX);
            let line = u16::try_from(line).unwrap_or(u16::MAX);
            (line > 0).then(|| Position::new(line, column))
        };
        let mut places = error.places.iter();
        Self {
            note: error.note.clone(),
            place: places.next().and_then(|(_, place)| at(*place)),
            around: places
                .filter_map(|(what, place)| Some((what.clone(), at(*place)?)))
                .collect(),
            ..Self::script(&error.message, error.help.clone())
        }
    }
}

/// The most characters of a message: a name in it may be as long as the script.
const MAX_MESSAGE: usize = 1_000;

fn shortened(message: String) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message,
    }
}

/// Explains a run that was ended from outside.
pub(in crate::script) fn halt(halt: Halt, limits: &Limits) -> Diagnosis {
    match halt {
        Halt::Limit(limit) => Diagnosis::limit(limit, limits),
        Halt::Output(kind) => Diagnosis {
            kind: FailureKind::Output(kind),
            ..Diagnosis::script(format!("cannot print any more: {kind}"), None)
        },
        Halt::Interrupted => Diagnosis {
            kind: FailureKind::Interrupted,
            ..Diagnosis::script("interrupted; what the script did so far stays", None)
        },
    }
}

/// What a script has thrown, as `print` would show it.
fn thrown_text(value: &Dynamic, words: &Words) -> String {
    let mut scope = Scope::new();
    scope.push_dynamic("value", value.clone());
    let text = words
        .engine
        .eval_with_scope::<ImmutableString>(&mut scope, "value.to_string()");
    text.map_or_else(|_| value.to_string(), |text| text.to_string())
}

/// Explains a run-time error, by its innermost cause.
pub(super) fn run_error(error: &EvalAltResult, words: &Words) -> Diagnosis {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => match value.read_lock::<ScriptError>() {
            Some(ours) => Diagnosis::of_ours(&ours),
            None => Diagnosis::script(
                thrown_text(value, words),
                Some("to go on after this error: try { .. } catch (e) { .. }".to_owned()),
            ),
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
            "for cannot iterate over this value",
            Some("for iterates over arrays, ranges such as 0..5, traces, and view.rows".to_owned()),
        ),
        EvalAltResult::ErrorTooManyModules(_) => Diagnosis::script(
            "import is not available",
            Some("a script is a single file".to_owned()),
        ),
        EvalAltResult::ErrorTooManyOperations(_) => {
            Diagnosis::limit(Limit::Operations, words.limits)
        }
        EvalAltResult::ErrorStackOverflow(place) => too_deep(*place, words),
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            Diagnosis::limit(limit_of_size(what), words.limits)
        }
        EvalAltResult::ErrorTooManyVariables(_) => Diagnosis::limit(Limit::Variables, words.limits),
        EvalAltResult::ErrorDataRace(what, _) => in_use(what),
        other => value_error(other),
    }
}

/// A closure uses a variable on which a call is being made. Rhai names the variable, or the
/// argument that is such a closure.
fn in_use(what: &str) -> Diagnosis {
    let message = if what.starts_with("argument") {
        "the closure uses the variable on which this call is made".to_owned()
    } else {
        "a variable that the closure uses is busy: a call on it has not returned".to_owned()
    };
    let help = "in a sigaction handler, this is the task: |sig| this.write(a, 1); elsewhere, \
         copy it to another variable first";
    Diagnosis::script(message, Some(help.to_owned()))
}

/// Explains an error that is due to the values themselves.
fn value_error(error: &EvalAltResult) -> Diagnosis {
    match error {
        EvalAltResult::ErrorArithmetic(text, _) => arithmetic(text),
        EvalAltResult::ErrorArrayBounds(len, at, _) => beyond("array", "element", *len, *at),
        EvalAltResult::ErrorStringBounds(len, at, _) => beyond("string", "character", *len, *at),
        EvalAltResult::ErrorBitFieldBounds(len, at, _) => beyond("int", "bit", *len, *at),
        EvalAltResult::ErrorAssignmentToConstant(name, _) => is_constant(name),
        EvalAltResult::ErrorMismatchDataType(wanted, got, _) => {
            let (wanted, got) = (with_article(wanted), with_article(got));
            let help = wanted
                .ends_with("bool")
                .then(|| "a condition is a comparison: x != 0".to_owned());
            Diagnosis::script(format!("expected {wanted}, found {got}"), help)
        }
        EvalAltResult::ErrorIndexingType(name, _) => {
            let shown = with_article(name.split(' ').next().unwrap_or(name));
            Diagnosis::script(format!("{shown} cannot be indexed with [ ]"), None)
        }
        other => {
            // The position is reported separately.
            let mut bare = other.to_string();
            if let Some(at) = bare.rfind(" (line ") {
                bare.truncate(at);
            }
            Diagnosis::script(plain_sentence(&bare), None)
        }
    }
}

/// A type in our terms: `an int`, `a string`.
fn with_article(name: &str) -> String {
    let name = plain_types(name);
    let article = if name.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// `text` is Rhai's `Division by zero: 100 / 0`.
pub(super) fn arithmetic(text: &str) -> Diagnosis {
    let (kind, sum) = text.split_once(": ").unwrap_or((text, ""));
    let kind = kind.to_lowercase();
    if kind.contains("by zero") {
        let help = "check the divisor first: if n != 0 { .. }";
        let message = format!("{sum}: division by zero");
        return Diagnosis::script(message, Some(help.to_owned()));
    }
    if kind.contains("overflow") {
        let message = format!("{sum} does not fit in 64 bits");
        return Diagnosis::script(message, None);
    }
    Diagnosis::script(plain_sentence(text), None)
}

/// An index out of bounds.
fn beyond(what: &str, parts: &str, len: usize, at: i64) -> Diagnosis {
    let message = match len {
        0 => format!("the {what} is empty: it has no [{at}]"),
        1 => format!("the {what} has 1 {parts} and no [{at}]"),
        _ => format!("the {what} has {len} {parts}s and no [{at}]"),
    };
    let help = match len {
        0 => None,
        _ => Some(format!(
            "the first is [0], the last [{}] or [-1]",
            len.saturating_sub(1)
        )),
    };
    Diagnosis::script(message, help)
}

/// Explains calls nested deeper than the limit. Rhai says where the outermost of them is.
fn too_deep(outermost: Position, words: &Words) -> Diagnosis {
    let limit = Diagnosis::limit(Limit::CallDepth, words.limits);
    let name = words.name_at(outermost).unwrap_or_default();
    let circle = circle(words.library, &name);
    let Some(first) = circle.first() else {
        return limit;
    };
    let message = match circle.as_slice() {
        [_] => format!("{} calls itself endlessly", first.caller),
        calls => {
            let calls = calls
                .iter()
                .map(|Calling { caller, called, .. }| format!("{caller} calls {called}"));
            format!("{}, endlessly", calls.collect::<Vec<_>>().join(", "))
        }
    };
    // Otherwise one of our functions, or Rhai's, calls one of the script's.
    let mut functions = words.library.iter_functions();
    let scripted = functions.any(|function| function.name == name);
    let help = "a recursive function needs a case in which it does not call itself: if n == 0 { \
         return }";
    Diagnosis {
        message,
        help: Some(help.to_owned()),
        place: Some(first.place),
        around: scripted
            .then(|| (format!("in the call of {name}"), outermost))
            .into_iter()
            .collect(),
        ..limit
    }
}

/// The size limit that Rhai's message speaks of.
pub(super) fn limit_of_size(what: &str) -> Limit {
    let what = what.to_lowercase();
    if what.contains("string") {
        Limit::String
    } else if what.contains("map") {
        Limit::Map
    } else {
        Limit::Array
    }
}

pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean {word}?")
}

fn no_variable(name: &str, words: &Words) -> Diagnosis {
    let help = if words.is_global(name) {
        Some(format!(
            "a function sees only its parameters: pass {name} as one, or use a closure |..| .."
        ))
    } else {
        match signatures(name).as_slice() {
            [] => closest(name, words.variables())
                .map(|word| did_you_mean(&word))
                .or_else(|| meant_function(name)),
            known => Some(format!("it is a function: {}", known.join(" or "))),
        }
    };
    Diagnosis::script(format!("there is no variable {name}"), help)
}

/// A function whose name starts like that, or that is called differently here.
fn meant_function(name: &str) -> Option<String> {
    let elsewhere = ELSEWHERE.iter().find(|(word, _)| *word == name);
    if let Some((_, help)) = elsewhere {
        return Some((*help).to_owned());
    }
    let word = likeliest(name, free_functions().collect::<Vec<_>>())?;
    Some(format!("did you mean {}?", signatures(&word).join(" or ")))
}

/// A key that a map does not have.
fn no_field(name: &str, words: &Words) -> Diagnosis {
    let help = closest(name, words.fields()).map_or_else(
        || "print the map to see its fields".to_owned(),
        |word| did_you_mean(&word),
    );
    Diagnosis::script(format!("there is no field {name}"), Some(help))
}

/// The fields of the value that `waitid` returns, without those that a call has itself.
const VALUE_OF_WAITID: [&str; 3] = ["signo", "code", "uid"];

/// `text` is Rhai's sentence, with the property in the first pair of quotes and the type in the
/// second.
pub(super) fn no_property(text: &str) -> Diagnosis {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    let [name, type_name, ..] = quoted.as_slice() else {
        return Diagnosis::script(text, None);
    };
    let shown = with_article(type_name);
    if text.starts_with("No writable") {
        let help = "only calls change the machine".to_owned();
        return Diagnosis::script(format!("{name} of {shown} is read-only"), Some(help));
    }
    let members = Words::members(type_name);
    let help = match members.iter().find(|doc| doc.name == *name) {
        Some(doc) => Some(format!("it is a function: {}", doc.signature)),
        None if *type_name == "Call" && VALUE_OF_WAITID.contains(name) => Some(format!(
            "the call has not returned yet: once its `done` is true, its `value.{name}` says so"
        )),
        None => closest(name, members.iter().map(|doc| &doc.name)).map(|word| did_you_mean(&word)),
    };
    Diagnosis::script(format!("{shown} has no {name}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_line_has_no_place() {
        let mut error = ScriptError::new("no such thing");
        error.places = [(0, 0), (0, 1), (2, 1)]
            .map(|place| (String::new(), place))
            .to_vec();
        let diagnosis = Diagnosis::of_ours(&error);
        assert_eq!(diagnosis.place, None);
        assert_eq!(diagnosis.around, [(String::new(), Position::new(2, 1))]);
    }
}
