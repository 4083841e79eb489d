//! Assertions and measurements.

use super::convert::Result;
use super::text::text_of;
use super::view::measured;
use crate::script::errors::ScriptError;
use crate::script::session::{Shared, View};
use rhai::plugin::*;
use rhai::{Dynamic, EvalAltResult, FUNC_TO_DEBUG, FnPtr, NativeCallContext};

fn failed(what: &str) -> Box<EvalAltResult> {
    let error = ScriptError::new(format!("assertion failed: {what}"));
    let help = "add print(trace()) before this line to see what happened until then";
    error.with_help(help).into()
}

#[export_module]
pub mod functions {
    /// Ends the script with an error unless the condition holds.
    ///
    /// ```rhai
    /// assert(1 + 1 == 2);
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_that(condition: bool) -> Result<()> {
        if condition {
            Ok(())
        } else {
            Err(failed("the condition is false"))
        }
    }

    /// Ends the script with an error that shows `why` unless the condition holds.
    ///
    /// ```rhai
    /// assert(init().pid == 1, "init is task 1");
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_because(condition: bool, why: &str) -> Result<()> {
        if condition {
            return Ok(());
        }
        Err(failed(&format!("\"{why}\"")))
    }

    /// Ends the script with an error that shows both values unless they are equal.
    ///
    /// ```rhai
    /// assert_eq(2 * 21, 42);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn assert_eq(ctx: NativeCallContext, left: Dynamic, right: Dynamic) -> Result<()> {
        let same: bool = ctx.call_native_fn("==", (left.clone(), right.clone()))?;
        if same {
            return Ok(());
        }
        let [left, right] = [&left, &right].map(|value| text_of(&ctx, FUNC_TO_DEBUG, value));
        let (left, right) = (left?, right?);
        Err(failed(&format!("{left} is not {right}")))
    }

    /// Calls a function and counts what it costs: faults, copies, frames, page table entries,
    /// context switches, TLB misses. Only counts, no invented times; counters that are 0 are not
    /// shown.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(40*KiB);
    /// let m = measure(|| sh.touch(a, 10));
    /// assert_eq(m.anon_pages, 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn measure(ctx: NativeCallContext, call: FnPtr) -> Result<View> {
        let counters =
            || Shared::of(&ctx)?.with(|state| (state.boot, state.machine.kernel.counters()));
        let (boot, before) = counters()?;
        let _value: Dynamic = call.call_within_context(&ctx, ())?;
        let (boot_after, after) = counters()?;
        if boot != boot_after {
            let error = ScriptError::new(
                "boot() was called inside measure: the counts from before are \
                     gone",
            );
            return Err(error.with_help("call boot() before measure").into());
        }
        Ok(measured(&after.since(&before)))
    }
}
