//! Checking and measuring.

use super::convert::Result;
use super::view::measured;
use crate::script::errors::ScriptError;
use crate::script::session::{Shared, View};
use rhai::plugin::*;
use rhai::{Dynamic, FnPtr, ImmutableString, NativeCallContext};

fn show(ctx: &NativeCallContext, value: &Dynamic) -> String {
    let text = ctx.call_native_fn::<ImmutableString>("to_debug", (value.clone(),));
    text.map_or_else(|_| value.to_string(), |text| text.to_string())
}

#[export_module]
pub mod functions {
    /// Ends the script with an error if the condition does not hold.
    ///
    /// ```rhai
    /// assert(1 + 1 == 2);
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_that(condition: bool) -> Result<()> {
        match condition {
            true => Ok(()),
            false => Err(ScriptError::new("assertion failed: the condition is false").into()),
        }
    }

    /// Ends the script with that error if the condition does not hold.
    ///
    /// ```rhai
    /// assert(init().pid == 1, "init is task 1");
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_because(condition: bool, why: &str) -> Result<()> {
        if condition {
            return Ok(());
        }
        Err(ScriptError::new(format!("assertion failed: \"{why}\"")).into())
    }

    /// Ends the script with an error that shows both if two values differ.
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
        let text = format!(
            "assertion failed: {} is not {}",
            show(&ctx, &left),
            show(&ctx, &right)
        );
        Err(ScriptError::new(text).into())
    }

    /// Calls a function and counts what it costs: faults, copies, frames, page table entries,
    /// switches, TLB misses. Counts only, no invented times. Counters that stay 0 are not shown.
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
            let error =
                ScriptError::new("boot() inside of measure: what was counted before is gone");
            return Err(error.with_help("call boot() first, then measure").into());
        }
        Ok(measured(&after.since(&before)))
    }
}
