//! Values as text. Rhai replaces a text that is longer than a string may be by the name of the
//! value's type, so whatever can become long is bounded here: such a text ends the run.

use super::convert::{Result, charge};
use crate::script::session::Shared;
use rhai::plugin::*;
use rhai::{Array, Dynamic, FUNC_TO_DEBUG, ImmutableString, NativeCallContext};

/// How many bytes of a text take about as long as an operation of the interpreter.
const BYTES_FOR_OPERATION: usize = 64;

/// A text that is not longer than a string may be.
pub(super) fn bounded(ctx: &NativeCallContext, text: String) -> Result<String> {
    charge(ctx, text.len() / BYTES_FOR_OPERATION)?;
    match Shared::of(ctx)?.with(|state| state.check_length(&text))? {
        Ok(()) => Ok(text),
        Err(halt) => Err(halt.into()),
    }
}

/// A value as a text, by `to_string` or `to_debug`.
pub(super) fn text_of(ctx: &NativeCallContext, function: &str, value: &Dynamic) -> Result<String> {
    let text: ImmutableString = ctx.call_native_fn(function, (value.clone(),))?;
    Ok(text.into())
}

/// The texts of several values, separated by commas.
pub(super) fn list(
    ctx: &NativeCallContext,
    (open, close): (&str, char),
    items: impl Iterator<Item = Result<String>>,
) -> Result<String> {
    let mut text = open.to_owned();
    for (nr, item) in items.enumerate() {
        if nr > 0 {
            text.push_str(", ");
        }
        text.push_str(&item?);
        // No text grows far beyond the limit.
        text = bounded(ctx, text)?;
    }
    text.push(close);
    bounded(ctx, text)
}

#[export_module]
pub mod functions {
    /// An array as a string, with its elements as they are written in a script.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn array_to_string(ctx: NativeCallContext, array: &mut Array) -> Result<String> {
        let elements = array.iter();
        let texts = elements.map(|value| text_of(&ctx, FUNC_TO_DEBUG, value));
        list(&ctx, ("[", ']'), texts)
    }

    /// A string as it is written in a script.
    #[rhai_fn(name = "to_debug", return_raw)]
    pub fn string_to_debug(ctx: NativeCallContext, string: &str) -> Result<String> {
        bounded(&ctx, format!("{string:?}"))
    }
}
