//! What the functions that go to moments have in common: finding events and changes, and telling
//! where the machine has come to.

use super::convert::{Result, look, ranged};
use super::view::{Event, kinds};
use crate::export::Drawing;
use crate::machine::{Clock, Machine, Moment, Side};
use crate::script::errors::ScriptError;
use crate::script::session::{Shared, State, View, same_value, too_long_ago};
use crate::trace::{EventKind, Record};
use crate::view::{EventFields, Role, Text, cell, event_line};
use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

/// Into how many parts a stretch of the past is divided when it is searched for a change.
const PARTS: u64 = 1024;
/// How much work may lie in a stretch that is searched from rest to rest.
const FINE: u64 = 100_000;

/// A moment as its functions answer it: in words, and as data.
fn arrived(ctx: &NativeCallContext, words: String, event: Option<&EventFields>) -> Result<View> {
    let (tick, next) = look(ctx, |machine| {
        (machine.kernel.tick(), machine.kernel.log.event_seq())
    })?;
    let mut data = Map::new();
    data.insert("tick".into(), (tick as i64).into());
    data.insert("next".into(), (next as i64).into());
    if let Some(event) = event {
        data.insert("event".into(), (event.seq as i64).into());
        data.insert("line".into(), i64::from(event.line).into());
    }
    data.insert("text".into(), words.clone().into());
    Ok(View {
        text: words
            .lines()
            .map(|line| cell(Role::Plain, line))
            .collect::<Text>(),
        data: data.into(),
        brief: None,
        drawing: Drawing::Text,
    })
}

/// The event with that number, if the trace has it.
fn recorded(ctx: &NativeCallContext, seq: u64) -> Result<Option<EventFields>> {
    look(ctx, |machine| {
        let log = &machine.kernel.log;
        let record = log
            .records_from(seq)
            .next()
            .filter(|record| record.seq == seq);
        record.map(|record| EventFields::new(&machine.kernel.names, log, record))
    })
}

/// An event in words: `event 41 of line 7: 3:sh cow_copy addr=...`.
fn named(seq: u64, event: Option<&EventFields>) -> String {
    let Some(event) = event else {
        return format!("event {seq}");
    };
    let of = match event.line {
        0 => String::new(),
        line => format!(" of line {line}"),
    };
    let line = event_line(event, 0).to_string();
    // The time and the CPU are those of the prompt.
    let words = line
        .split_once("] ")
        .map_or(line.as_str(), |(_, words)| words);
    format!("event {seq}{of}: {words}")
}

/// Where the machine is, as an answer.
pub(super) fn here(ctx: &NativeCallContext) -> Result<View> {
    let (tick, seq) = look(ctx, |machine| {
        (machine.kernel.tick(), machine.kernel.log.event_seq())
    })?;
    arrived(ctx, format!("at {tick} ms, before event {seq}"), None)
}

/// Goes to a side of the event with that number.
pub(super) fn beside(ctx: &NativeCallContext, seq: u64, side: Side) -> Result<View> {
    let shared = Shared::of(ctx)?;
    let from = shared.with(State::stand)??;
    let come = |clock: Clock| (clock.boots, clock.seq) > (from.now.boots, seq);
    if !shared.with(|state| state.seek(from, come, Side::After))?? {
        let last = shared
            .with(|state| state.visit(from.tip, |machine| machine.kernel.log.event_seq()))??;
        return Err(no_event(seq, last).into());
    }
    let event = recorded(ctx, seq)?;
    let event_words = named(seq, event.as_ref());
    let after = next_event(ctx)?;
    let words = match side {
        Side::After if after > seq + 1 => format!(
            "after {event_words}\nthe step in which it happens ends with event {}",
            after - 1
        ),
        Side::After => format!("after {event_words}"),
        Side::Before => {
            shared.with(|state| state.seek(from, come, Side::Before))??;
            let before = next_event(ctx)?;
            if before < seq {
                format!(
                    "before {event_words}\nevents {before} to {} happen in one step; this is the \
                     moment before them",
                    after - 1
                )
            } else {
                format!("before {event_words}")
            }
        }
    };
    arrived(ctx, words, event.as_ref())
}

/// The number of the event that happens next.
fn next_event(ctx: &NativeCallContext) -> Result<u64> {
    look(ctx, |machine| machine.kernel.log.event_seq())
}

/// The error for an event that cannot be reached, after so many have happened.
pub(super) fn no_event(seq: u64, happened: u64) -> ScriptError {
    if seq < happened {
        return too_long_ago();
    }
    ScriptError::new(format!(
        "there is no event {seq}: {happened} events have happened, and are counted from 0"
    ))
    .with_help("trace() lists them; next(..) lets time pass until one comes")
}

/// The number of the event that is meant.
pub(super) fn event_of(ctx: &NativeCallContext, which: &Dynamic) -> Result<u64> {
    if let Some(event) = which.read_lock::<Event>() {
        return Ok(event.0.seq);
    }
    if let Ok(seq) = which.as_int() {
        return Ok(ranged(seq, "the event number", 0, i64::MAX)? as u64);
    }
    let Ok(tag) = which.clone().into_string() else {
        let message = format!("{which} is no event");
        let help = "an event is named by its number, its kind, or itself: before(41), \
                    before(\"cow_copy\"), before(trace()[0])";
        return Err(ScriptError::new(message).with_help(help).into());
    };
    let kinds = kinds(std::slice::from_ref(&tag))?;
    let (last, dropped) = look(ctx, |machine| {
        let log = &machine.kernel.log;
        let is_it = |record: &&Record| kinds.contains(&record.event.kind());
        (
            log.records().rev().find(is_it).map(|record| record.seq),
            log.dropped(),
        )
    })?;
    last.ok_or_else(|| {
        let error = ScriptError::new(format!("there has been no {tag} up to this moment"));
        match dropped {
            0 => error
                .with_help("next(..) goes on until there is one")
                .into(),
            dropped => error
                .with_note(format!("the trace has dropped its {dropped} oldest events"))
                .with_help("--max-trace keeps more; by its number, an event is found in any case")
                .into(),
        }
    })
}

/// The next event of a kind on the recorded way to the present.
pub(super) fn next_recorded(shared: &Shared, kind: EventKind) -> Result<Option<u64>> {
    let found = shared.with(|state| {
        let from = state.stand()?;
        state.visit(from.tip, |machine| next_of(machine, kind, from.now.seq))
    })?;
    Ok(found?)
}

/// The next event of a kind, from a number on.
pub(super) fn next_of(machine: &Machine, kind: EventKind, from: u64) -> Option<u64> {
    let mut records = machine.kernel.log.records_from(from);
    let next = records.find(|record| record.event.kind() == kind);
    next.map(|record| record.seq)
}

/// Ends the present at the moment after an event: what came later was only tried.
pub(super) fn end_after(ctx: &NativeCallContext, seq: u64) -> Result<View> {
    let shared = Shared::of(ctx)?;
    let from = shared.with(State::stand_anyway)??;
    let come = |clock: Clock| (clock.boots, clock.seq) > (from.now.boots, seq);
    shared.with(|state| {
        let found = state.seek(from, come, Side::After);
        state.end_here();
        found
    })??;
    let event = recorded(ctx, seq)?;
    let words = format!("after {}", named(seq, event.as_ref()));
    arrived(ctx, words, event.as_ref())
}

/// The value of a condition.
pub(super) fn truth(value: &Dynamic, example: &str) -> Result<bool> {
    value.as_bool().map_err(|_| {
        let message = format!("the condition must be true or false, not {value}");
        let help = format!("compare something: {example}");
        ScriptError::new(message).with_help(help).into()
    })
}

/// Whether a condition holds now.
pub(super) fn holds(ctx: &NativeCallContext, condition: &FnPtr) -> Result<bool> {
    let value: Dynamic = condition.call_within_context(ctx, ())?;
    truth(&value, "when(|| task.state == \"S\")")
}

/// Goes from rest to rest towards `tip`, until the condition holds.
pub(super) fn walk(ctx: &NativeCallContext, tip: Moment, condition: &FnPtr) -> Result<bool> {
    let shared = Shared::of(ctx)?;
    while shared.with(|state| state.advance(tip, tip, (1, 1)))?? {
        if holds(ctx, condition)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The moment after the last step that changed a value, on the way from one moment of the line to
/// `tip` to another. Without a change, `None`.
pub(super) fn last_step(
    ctx: &NativeCallContext,
    value: &FnPtr,
    (from, to): (Moment, Moment),
    tip: Moment,
) -> Result<Option<Moment>> {
    let shared = Shared::of(ctx)?;
    let clock_at = |at: Moment| -> Result<Clock> {
        let standing = shared.with(|state| {
            state.go_to(at, tip)?;
            state.stand()
        })?;
        Ok(standing?.now)
    };
    let (end, begin) = (clock_at(to)?, clock_at(from)?);
    let (work, ticks) = (end.work - begin.work, end.tick - begin.tick);
    let fine = work + ticks <= FINE;
    let span = if fine {
        (1, 1)
    } else {
        ((work / PARTS).max(1), (ticks / PARTS).max(1))
    };
    let mut before = value_now(ctx, value)?;
    let mut at = from;
    let mut last = None;
    while shared.with(|state| state.advance(to, tip, span))?? {
        let now = value_now(ctx, value)?;
        let here = shared.with(State::stand)??.here;
        if !same_value(&before, &now) {
            last = Some((at, here));
        }
        (before, at) = (now, here);
    }
    match last {
        Some((_, after)) if fine => Ok(Some(after)),
        Some(pair) => last_step(ctx, value, pair, tip),
        None => Ok(None),
    }
}

/// What a function returns at this moment; an error counts as a value.
fn value_now(ctx: &NativeCallContext, value: &FnPtr) -> Result<Dynamic> {
    match value.call_within_context::<Dynamic>(ctx, ()) {
        Ok(value) => Ok(value),
        Err(error) if error.unwrap_inner().is_catchable() => Ok(error.to_string().into()),
        Err(error) => Err(error),
    }
}

/// The answer of `last_change`: the events of the step after which the value was another one, from
/// that number on.
pub(super) fn changed(ctx: &NativeCallContext, before: u64) -> Result<View> {
    let events: Vec<EventFields> = look(ctx, |machine| {
        let log = &machine.kernel.log;
        let names = &machine.kernel.names;
        let since = log.records_from(before);
        since
            .map(|record| EventFields::new(names, log, record))
            .collect()
    })?;
    let words = match (events.first(), events.last()) {
        (Some(first), Some(last)) if first.seq < last.seq => format!(
            "changed in the step of events {} to {}, the last of which is {}",
            first.seq,
            last.seq,
            named(last.seq, Some(last))
        ),
        (Some(only), _) => format!("changed by {}", named(only.seq, Some(only))),
        _ => "changed by user mode, without an event".to_owned(),
    };
    arrived(ctx, words, events.first())
}
