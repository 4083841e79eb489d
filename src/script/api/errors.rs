//! What `catch (e)` receives: an error, whether the kernel, a function of ours or the language itself
//! raised it.

use super::convert::Result;
use super::text::{bounded, list, text_of};
use crate::script::errors::ScriptError;
use rhai::plugin::*;
use rhai::{Dynamic, FUNC_TO_DEBUG, FnPtr, Map, NativeCallContext};

/// A map as it is written in a script.
pub(super) fn map_text(ctx: &NativeCallContext, map: &Map) -> Result<String> {
    let entry = |(key, value): (&_, &Dynamic)| {
        let text = text_of(ctx, FUNC_TO_DEBUG, value)?;
        Ok(format!("{key:?}: {text}"))
    };
    list(ctx, ("#{", '}'), map.iter().map(entry))
}

#[export_module]
pub mod functions {
    /// Prints a value on a line of its own: an int, a string, a handle, a view, a caught error.
    ///
    /// ```rhai
    /// print(#{a: 1});
    /// ```
    #[rhai_fn(name = "print", return_raw)]
    pub fn print_value(ctx: NativeCallContext, value: &mut Map) -> Result<String> {
        map_to_string(ctx, value)
    }

    /// A map as a string.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn map_to_string(ctx: NativeCallContext, map: &mut Map) -> Result<String> {
        map_text(&ctx, map)
    }

    /// A function as a string: its name, or `closure`, since closures have none.
    #[rhai_fn(name = "to_string", name = "to_debug")]
    pub fn function_to_string(function: &mut FnPtr) -> String {
        if function.is_anonymous() {
            "closure".to_owned()
        } else {
            format!("fn {}", function.fn_name())
        }
    }

    /// A function, as `print` shows it.
    ///
    /// ```rhai
    /// print(|x| x + 1);
    /// ```
    #[rhai_fn(name = "print")]
    pub fn print_function(function: &mut FnPtr) -> String {
        function_to_string(function)
    }

    /// The error as a string: its message.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn error_to_string(ctx: NativeCallContext, error: &mut ScriptError) -> Result<String> {
        bounded(&ctx, error.to_string())
    }

    /// What happened.
    ///
    /// ```rhai
    /// try { task(99) } catch (e) { assert_eq(e.message, "there is no task 99"); }
    /// ```
    #[rhai_fn(get = "message")]
    pub fn error_message(error: &mut ScriptError) -> String {
        error.message.clone()
    }

    /// How to fix it, or an empty string.
    ///
    /// ```rhai
    /// try { task(99) } catch (e) { assert_eq(e.help, "ps() lists the tasks"); }
    /// ```
    #[rhai_fn(get = "help")]
    pub fn error_help(error: &mut ScriptError) -> String {
        error.help.clone().unwrap_or_default()
    }

    /// The kernel rule behind it, or an empty string.
    ///
    /// ```rhai
    /// try { spawn("sh").clone(CLONE_THREAD) } catch (e) { print(e.note); }
    /// ```
    #[rhai_fn(get = "note")]
    pub fn error_note(error: &mut ScriptError) -> String {
        error.note.clone().unwrap_or_default()
    }

    /// The error number of a failed system call, such as 22; 0 for other errors, those of the
    /// language as well.
    ///
    /// ```rhai
    /// try { spawn("sh").clone(CLONE_THREAD) } catch (e) { assert_eq(e.errno, 22); }
    /// try { 1 / 0 } catch (e) { assert_eq(e.errno, 0); }
    /// ```
    #[rhai_fn(get = "errno")]
    pub fn error_errno(error: &mut ScriptError) -> i64 {
        i64::from(error.errno)
    }

    /// The name of the error number, such as `EINVAL`, or of the signal that a fault raised;
    /// otherwise empty.
    ///
    /// ```rhai
    /// try { spawn("sh").read(0) } catch (e) { assert_eq(e.name, "SIGSEGV"); }
    /// ```
    #[rhai_fn(get = "name")]
    pub fn error_name(error: &mut ScriptError) -> String {
        error.name.clone()
    }
}
