//! What an event came of, and what came of it.

use super::convert::Result;
use super::moments::{event_of, no_event};
use super::view::as_view;
use crate::abi::Names;
use crate::machine::{Clock, Machine, Side};
use crate::script::session::{Limit, Shared, State, View};
use crate::trace::TraceLog;
use crate::view::causes;
use rhai::plugin::*;
use rhai::{Dynamic, NativeCallContext};

#[export_module]
pub mod functions {
    /// What an event came of: the event that caused it, the cause of that one, and so on, back to
    /// user mode, a tick, or the line that had a task act. The event is named by its number, by its
    /// kind (the last one up to now), or by itself.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.wait();                                // kid has not exited: it sleeps
    /// kid.exit(3);
    /// print(cause("sys_exit"));
    /// let way = cause("sys_exit").links.map(|link| link.event.event);
    /// assert(way.contains("sched_process_exit"));
    /// assert_eq(way[way.len() - 1], "sys_enter");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cause(ctx: NativeCallContext, event: Dynamic) -> Result<View> {
        let seq = event_of(&ctx, &event)?;
        let found = with_event(&ctx, seq, causes)?;
        let text = found.text();
        as_view(&ctx, &found, &text)
    }

    /// What came of an event: everything that happened because of it, each event below the one that
    /// caused it. The event is named as in `cause`. What a task does later, in user mode, does not
    /// come of it.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 1);
    /// let kid = sh.fork();
    /// kid.write(a, 2);
    /// print(effects("page_fault_user"));
    /// let kinds = effects("page_fault_user").events.map(|e| e[1].event);
    /// assert(kinds.contains("cow_copy"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn effects(ctx: NativeCallContext, event: Dynamic) -> Result<View> {
        let seq = event_of(&ctx, &event)?;
        let found = with_event(&ctx, seq, crate::view::effects)?;
        let text = found.text();
        as_view(&ctx, &found, &text)
    }
}

/// What a view makes of an event, from the trace of all that has happened. If the event is gone from
/// it, from the trace as it was some time after the event, with as much of what came later as it
/// holds.
fn with_event<T>(
    ctx: &NativeCallContext,
    seq: u64,
    view: fn(&Names, &TraceLog, u64) -> Option<T>,
) -> Result<T> {
    let view = |machine: &Machine| view(&machine.kernel.names, &machine.kernel.log, seq);
    let shared = Shared::of(ctx)?;
    let from = shared.with(State::stand_anyway)??;
    let (happened, found) = shared.with(|state| {
        let look = |machine: &Machine| (machine.kernel.log.event_seq(), view(machine));
        state.visit(from.tip, look)
    })??;
    if let Some(found) = found {
        return Ok(found);
    }
    shared
        .with(|state| {
            let told = state.told;
            let beyond = state.limits.get(Limit::Trace) / 2;
            let mut found = None;
            for until in [seq.saturating_add(beyond), seq] {
                let come = |clock: Clock| (clock.boots, clock.seq) > (from.now.boots, until);
                if found.is_none() && state.seek(from, come, Side::After)? {
                    found = view(&state.machine);
                }
            }
            state.return_to(from)?;
            state.told = told;
            found.ok_or_else(|| no_event(seq, happened))
        })?
        .map_err(Into::into)
}
