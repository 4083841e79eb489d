//! Errors of the language that a script catches. Rhai hands them over as maps with a sentence in them;
//! here they become errors like ours, so that one handler does for all.

use super::diagnose::{Diagnosis, arithmetic, no_property};
use super::error::ScriptError;
use super::no_function::written_call;
use super::parse_error::plain_sentence;
use rhai::{Dynamic, Map};

/// Turns what `catch (e)` has received into an error of ours, if it is one of Rhai's.
pub(in crate::script) fn make_ours(value: &mut Dynamic) {
    let error = value.read_lock::<Map>().and_then(|map| of_language(&map));
    if let Some(error) = error
        && let Some(mut value) = value.write_lock::<Dynamic>()
    {
        *value = Dynamic::from(error);
    }
}

/// Whether a value looks like an error of Rhai's that was caught.
pub(in crate::script) fn is_of_language(value: &Dynamic) -> bool {
    value
        .read_lock::<Map>()
        .is_some_and(|map| sentence(&map).is_some())
}

/// The sentence of an error of Rhai's. It says in `error` which of its own errors it is.
fn sentence(map: &Map) -> Option<String> {
    let kind = map.get("error")?.clone().into_string().ok()?;
    let rest = kind.strip_prefix("Error")?;
    rest.starts_with(char::is_uppercase).then_some(())?;
    map.get("message")?.clone().into_string().ok()
}

/// The sentence is all that is left of an error inside a function.
fn of_language(map: &Map) -> Option<ScriptError> {
    let message = sentence(map)?;
    let bare = message.split(" (line ").next().unwrap_or_default();
    let (kind, what) = bare.split_once(": ").unwrap_or((bare, ""));
    Some(match kind {
        "Division by zero" => of_diagnosis(arithmetic(bare)),
        "Variable not found" => ScriptError::new(format!("there is no variable {what}")),
        "Property not found" => ScriptError::new(format!("there is no field {what}")),
        "Function not found" => {
            ScriptError::new(format!("there is no function {}", written_call(what)))
        }
        _ if bare.starts_with("Unknown property '") => of_diagnosis(no_property(bare)),
        _ => ScriptError::new(plain_sentence(bare)),
    })
}

fn of_diagnosis(diagnosis: Diagnosis) -> ScriptError {
    ScriptError {
        note: diagnosis.note,
        help: diagnosis.help,
        ..ScriptError::new(diagnosis.message)
    }
}
