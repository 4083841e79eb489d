//! Moments: going along the line of what has happened, in both directions.

use super::convert::{Result, look, ranged};
use super::machine::pass;
use super::view::{Event, kinds};
use crate::machine::{Clock, Moment, Side, Until};
use crate::script::errors::ScriptError;
use crate::script::session::{EventStop, Shared, State, View, same_value, too_long_ago};
use crate::trace::EventKind;
use crate::view::{EventFields, Text, event_line};
use rhai::plugin::*;
use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

/// Into how many parts a stretch of the past is divided when it is searched for a change.
const PARTS: u64 = 1024;
/// How much work may lie in a stretch that is searched from rest to rest.
const FINE: u64 = 100_000;
/// The most ticks that pass between two looks at the condition of `when`.
const MAX_TICKS: u64 = 64;
/// The most moments that `back` goes back.
const MAX_BACK: i64 = 10_000;

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
            .map(|line| crate::view::cell(crate::view::Role::Plain, line))
            .collect::<Text>(),
        data: data.into(),
        brief: None,
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

/// Goes to a side of the event with that number.
fn beside(ctx: &NativeCallContext, seq: u64, side: Side) -> Result<View> {
    let shared = Shared::of(ctx)?;
    let (ends, now) = shared
        .with(|state| Ok((state.stand()?, state.clock()?)))
        .and_then(|found: std::result::Result<_, ScriptError>| Ok(found?))?;
    let come = |clock: Clock| (clock.boots, clock.seq) > (now.boots, seq);
    let found = shared.with(|state| state.seek(ends, come, Side::After))??;
    if !found {
        return Err(no_event(&shared, ends, now, seq)?);
    }
    let event = recorded(ctx, seq)?;
    let after = shared.with(|state| state.clock())??;
    let mut words = named(seq, event.as_ref());
    words.insert_str(
        0,
        if side == Side::Before {
            "before "
        } else {
            "after "
        },
    );
    if side == Side::Before {
        shared.with(|state| state.seek(ends, come, Side::Before))??;
        let before = shared.with(|state| state.clock())??;
        if before.seq + 1 < after.seq && before.seq < seq {
            words += &format!(
                "\nevents {} to {} happen in one step; this is the moment before them",
                before.seq,
                after.seq - 1
            );
        }
    } else if after.seq > seq + 1 {
        words += &format!(
            "\nthe step in which it happens ends with event {}",
            after.seq - 1
        );
    }
    arrived(ctx, words, event.as_ref())
}

fn no_event(
    shared: &Shared,
    (_, tip): (Moment, Moment),
    now: Clock,
    seq: u64,
) -> Result<Box<EvalAltResult>> {
    let last = if shared.with(|state| state.is_at(tip))? {
        now.seq
    } else {
        return Ok(too_long_ago().into());
    };
    let message =
        format!("there is no event {seq}: {last} events have happened, and are counted from 0");
    let error = if seq < last {
        too_long_ago()
    } else {
        ScriptError::new(message)
            .with_help("trace() lists them; next(..) lets time pass until one comes")
    };
    Ok(error.into())
}

/// The number of the event that is meant.
fn event_of(ctx: &NativeCallContext, which: &Dynamic) -> Result<u64> {
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
        let is_it = |record: &&crate::trace::Record| kinds.contains(&record.event.kind());
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
fn next_recorded(shared: &Shared, kind: EventKind) -> Result<Option<u64>> {
    let found = shared.with(|state| {
        let (here, tip) = state.stand()?;
        let from = state.clock()?.seq;
        state.go_to(tip, tip)?;
        let seq = {
            let mut records = state.machine.kernel.log.records_from(from);
            let next = records.find(|record| record.event.kind() == kind);
            next.map(|record| record.seq)
        };
        state.go_to(here, tip)?;
        Ok::<_, ScriptError>(seq)
    })?;
    Ok(found?)
}

/// Ends the present at the moment after an event: what came later was only tried.
fn end_after(ctx: &NativeCallContext, seq: u64) -> Result<View> {
    let shared = Shared::of(ctx)?;
    let ends = shared.with(State::stand_anyway)??;
    let boots = shared.with(|state| state.clock())??.boots;
    let come = |clock: Clock| (clock.boots, clock.seq) > (boots, seq);
    shared.with(|state| {
        let found = state.seek(ends, come, Side::After);
        state.end_here();
        found
    })??;
    let event = recorded(ctx, seq)?;
    let words = format!("after {}", named(seq, event.as_ref()));
    arrived(ctx, words, event.as_ref())
}

/// Stops time at the first event from a number on that somebody waits for, and says so. Returns
/// whether there was one.
pub(super) fn stop_at_event(ctx: &NativeCallContext, from: u64) -> Result<bool> {
    let shared = Shared::of(ctx)?;
    let stops = shared.with(|state| state.stops.clone())?;
    let events: Vec<EventFields> = look(ctx, |machine| {
        let log = &machine.kernel.log;
        let records = log.records_from(from);
        let wanted =
            records.filter(|record| stops.iter().any(|stop| stop.kind == record.event.kind()));
        wanted
            .map(|record| EventFields::new(&machine.kernel.names, log, record))
            .collect()
    })?;
    for event in events {
        for stop in stops.iter().filter(|stop| stop.kind.tag() == event.event) {
            let stops_here = match &stop.condition {
                None => true,
                Some(condition) => {
                    let value: Dynamic =
                        condition.call_within_context(ctx, (Event(event.clone()),))?;
                    truth(&value, "stop_at(\"cow_copy\", |e| e.pid == 3)")?
                }
            };
            if stops_here {
                let stopped = end_after(ctx, event.seq)?;
                shared.print(&format!("stopped {stopped}"));
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The value of a condition.
fn truth(value: &Dynamic, example: &str) -> Result<bool> {
    value.as_bool().map_err(|_| {
        let message = format!("the condition must be true or false, not {value}");
        let help = format!("compare something: {example}");
        ScriptError::new(message).with_help(help).into()
    })
}

/// Whether a condition holds now.
fn holds(ctx: &NativeCallContext, condition: &FnPtr) -> Result<bool> {
    let value: Dynamic = condition.call_within_context(ctx, ())?;
    truth(&value, "when(|| task.state == \"S\")")
}

/// Goes from rest to rest towards `tip`, until the condition holds.
fn walk(ctx: &NativeCallContext, tip: Moment, condition: &FnPtr) -> Result<bool> {
    let shared = Shared::of(ctx)?;
    while shared.with(|state| state.advance(tip, (1, 1)))?? {
        if holds(ctx, condition)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Goes back to where it was, whatever has happened.
fn return_to(shared: &Shared, (here, tip): (Moment, Moment)) -> Result<()> {
    shared.with(|state| state.go_to(here, tip))??;
    Ok(())
}

/// The last pair of moments between which the value has changed, on the way from one moment to
/// another. Without a change, `None`.
fn last_pair(
    ctx: &NativeCallContext,
    value: &FnPtr,
    (from, to): (Moment, Moment),
    tip: Moment,
) -> Result<Option<Moment>> {
    let shared = Shared::of(ctx)?;
    let place = |shared: &Shared, at: Moment| -> Result<Clock> {
        shared
            .with(|state| {
                state.go_to(at, tip)?;
                state.clock()
            })?
            .map_err(Into::into)
    };
    let end = place(&shared, to)?;
    let begin = place(&shared, from)?;
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
    while shared.with(|state| state.advance_to(to, tip, span))?? {
        let now = value_now(ctx, value)?;
        let here = shared.with(State::stand)??.0;
        if !same_value(&before, &now) {
            last = Some((at, here));
        }
        (before, at) = (now, here);
    }
    match last {
        Some((_, after)) if fine => Ok(Some(after)),
        Some(pair) => last_pair(ctx, value, pair, tip),
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

#[export_module]
pub mod functions {
    /// Goes back to the moment before an event, which is named by its number, by its kind (the last
    /// one up to now), or by itself. A moment is a place where the kernel is at rest, so if several
    /// events happen in one step, this is the moment before all of them. Views show the past now;
    /// what is done there begins a branch.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 42);
    /// let kid = sh.fork();
    /// kid.write(a, 7);
    /// print(before("cow_copy"));
    /// assert_eq(why(kid, a).write.verdict, "copy");
    /// sh.write(a, 9);                           // and if the parent had been the first?
    /// assert_eq(why(kid, a).write.verdict, "reuse");
    /// ```
    #[rhai_fn(name = "before", return_raw)]
    pub fn before(ctx: NativeCallContext, event: Dynamic) -> Result<View> {
        let seq = event_of(&ctx, &event)?;
        beside(&ctx, seq, Side::Before)
    }

    /// Goes to the moment before an event of the trace: the same as `before(event)`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.getpid();
    /// goto(trace().only("sys_enter")[0]);
    /// ```
    #[rhai_fn(name = "goto", return_raw)]
    pub fn go_to(ctx: NativeCallContext, event: Event) -> Result<View> {
        beside(&ctx, event.0.seq, Side::Before)
    }

    /// Goes to the first moment after an event, which is named as in `before`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// sh.fork();
    /// after(trace().only("sched_process_fork")[1]);
    /// assert_eq(tasks().len(), 3);              // init, sh and its first child
    /// ```
    #[rhai_fn(name = "after", return_raw)]
    pub fn after(ctx: NativeCallContext, event: Dynamic) -> Result<View> {
        let seq = event_of(&ctx, &event)?;
        beside(&ctx, seq, Side::After)
    }

    /// Goes on to the moment after the next event of a kind: towards the present, or, from there on,
    /// by letting time pass.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// tick(1);
    /// next("sched_wakeup");
    /// assert_eq(now(), 25);
    /// ```
    #[rhai_fn(name = "next", return_raw)]
    pub fn next(ctx: NativeCallContext, event: &str) -> Result<View> {
        let kind = kinds(&[event.to_owned()])?[0];
        let shared = Shared::of(&ctx)?;
        let ends = shared.with(State::stand)??;
        if ends.0 != ends.1 {
            let Some(seq) = next_recorded(&shared, kind)? else {
                let message = format!("there is no {event} between this moment and the present");
                return Err(ScriptError::new(message)
                    .with_help("go to the present, and let time pass there")
                    .into());
            };
            return beside(&ctx, seq, Side::After);
        }
        let from = shared.with(|state| state.clock())??.seq;
        loop {
            let passed = pass(&ctx, 1, Until::Idle)?;
            let seq = look(&ctx, |machine| {
                let mut records = machine.kernel.log.records_from(from);
                records
                    .find(|record| record.event.kind() == kind)
                    .map(|record| record.seq)
            })?;
            if let Some(seq) = seq {
                return end_after(&ctx, seq);
            }
            if passed == 0 {
                let message = format!("nothing is left to happen, and there was no {event}");
                return Err(ScriptError::new(message)
                    .with_help("ps() shows what the tasks are waiting for")
                    .into());
            }
        }
    }

    /// Makes time stop after each event of a kind, whatever lets it pass: `tick`, `run`, `next`, ...
    /// `unbreak()` ends this.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// tick(1);
    /// stop_at("sched_wakeup");
    /// run();
    /// assert_eq(now(), 25);
    /// ```
    #[rhai_fn(name = "stop_at", return_raw)]
    pub fn stop_at(ctx: NativeCallContext, event: &str) -> Result<()> {
        stop(&ctx, event, None)
    }

    /// Makes time stop after each event of a kind for which a condition holds.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// stop_at("sched_switch", |e| e.next == hog.pid && e.tick > 30);
    /// run();
    /// assert_eq(now(), 50);
    /// ```
    #[rhai_fn(name = "stop_at", return_raw)]
    pub fn stop_at_if(ctx: NativeCallContext, event: &str, condition: FnPtr) -> Result<()> {
        stop(&ctx, event, Some(condition))
    }

    /// Goes back by so many moments: places where the kernel is at rest.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.getpid();
    /// back(1);
    /// back(3);
    /// ```
    #[rhai_fn(name = "back", return_raw)]
    pub fn back(ctx: NativeCallContext, moments: i64) -> Result<View> {
        let moments = ranged(moments, "the number of moments", 1, MAX_BACK)?;
        let shared = Shared::of(&ctx)?;
        let start = shared.with(State::stand)??;
        for done in 0..moments {
            let (ends, now) =
                shared.with(|state| Ok::<_, ScriptError>((state.stand()?, state.clock()?)))??;
            let come = |clock: Clock| {
                clock.boots > now.boots
                    || clock.boots == now.boots && clock.tick >= now.tick && clock.work >= now.work
            };
            let first = Clock {
                seq: 0,
                work: 0,
                tick: 0,
                ..now
            };
            if come(first) || !shared.with(|state| state.seek(ends, come, Side::Before))?? {
                return_to(&shared, start)?;
                let message = format!("the past begins {done} moments ago");
                return Err(ScriptError::new(message).into());
            }
            if let Some(halt) = shared.must_halt() {
                return Err(halt.into());
            }
        }
        let seq = shared.with(|state| state.clock())??.seq;
        arrived(&ctx, format!("before event {seq}"), None)
    }

    /// Goes to the first moment of a tick that has already come.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// tick(100);
    /// at(30);
    /// assert_eq(now(), 30);
    /// ```
    #[rhai_fn(name = "at", return_raw)]
    pub fn at(ctx: NativeCallContext, tick: i64) -> Result<View> {
        let tick = ranged(tick, "the tick", 0, i64::MAX)? as u64;
        let shared = Shared::of(&ctx)?;
        let (ends, now) =
            shared.with(|state| Ok::<_, ScriptError>((state.stand()?, state.clock()?)))??;
        let come = |clock: Clock| (clock.boots, clock.tick) >= (now.boots, tick);
        if !shared.with(|state| state.seek(ends, come, Side::After))?? {
            let message = format!("tick {tick} has not come yet, or is too long ago");
            return Err(ScriptError::new(message)
                .with_help("tick(n) lets n ticks pass")
                .into());
        }
        let seq = shared.with(|state| state.clock())??.seq;
        arrived(&ctx, format!("at {tick} ms, before event {seq}"), None)
    }

    /// Goes to the first moment of a tick by which the machine has done so much work. A saved session
    /// uses it for a moment inside a line.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 5", "goto 0"]));
    /// tick(100);
    /// at(30, 0);
    /// ```
    #[rhai_fn(name = "at", return_raw)]
    pub fn at_work(ctx: NativeCallContext, tick: i64, work: i64) -> Result<View> {
        let tick = ranged(tick, "the tick", 0, i64::MAX)? as u64;
        let work = ranged(work, "the work", 0, i64::MAX)? as u64;
        let shared = Shared::of(&ctx)?;
        let (ends, now) =
            shared.with(|state| Ok::<_, ScriptError>((state.stand()?, state.clock()?)))??;
        let come = |clock: Clock| {
            clock.boots > now.boots
                || clock.boots == now.boots && clock.tick >= tick && clock.work >= work
        };
        if !shared.with(|state| state.seek(ends, come, Side::After))?? {
            let message = format!("tick {tick} has not come yet, or is too long ago");
            return Err(ScriptError::new(message).into());
        }
        let seq = shared.with(|state| state.clock())??.seq;
        arrived(&ctx, format!("at {tick} ms, before event {seq}"), None)
    }

    /// Goes on to the first moment at which a condition holds: towards the present, or, from there
    /// on, by letting time pass. It is looked at between any two steps of the kernel, two
    /// instructions and two ticks.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 200"]));
    /// when(|| hog.time_slice < 90);
    /// assert_eq(hog.time_slice, 89);
    /// ```
    #[rhai_fn(name = "when", return_raw)]
    pub fn when(ctx: NativeCallContext, condition: FnPtr) -> Result<View> {
        let shared = Shared::of(&ctx)?;
        let start = shared.with(State::stand)??;
        let found = |ctx: &NativeCallContext| {
            let seq = shared.with(|state| state.clock())??.seq;
            let tick = look(ctx, |machine| machine.kernel.tick())?;
            arrived(ctx, format!("at {tick} ms, before event {seq}"), None)
        };
        if holds(&ctx, &condition)? {
            return found(&ctx);
        }
        let (mut here, tip) = start;
        if here != tip {
            return match walk(&ctx, tip, &condition) {
                Ok(true) => found(&ctx),
                Ok(false) => {
                    return_to(&shared, start)?;
                    Err(
                        ScriptError::new("the condition does not hold up to the present")
                            .with_help("go to the present, and let time pass there")
                            .into(),
                    )
                }
                Err(error) => {
                    return_to(&shared, start)?;
                    Err(error)
                }
            };
        }
        let mut ticks = 1;
        loop {
            let passed = pass(&ctx, ticks, Until::Idle)?;
            let (_, tip) = shared.with(State::stand_anyway)??;
            shared.with(|state| state.go_to(here, tip))??;
            match walk(&ctx, tip, &condition) {
                Ok(true) => {
                    shared.with(State::end_here)?;
                    return found(&ctx);
                }
                Ok(false) => here = tip,
                Err(error) => {
                    shared.with(|state| state.go_to(tip, tip))??;
                    return Err(error);
                }
            }
            if passed == 0 {
                return Err(ScriptError::new(
                    "nothing is left to happen, and the condition does not hold",
                )
                .with_help("ps() shows what the tasks are waiting for")
                .into());
            }
            ticks = (2 * ticks).min(MAX_TICKS);
        }
    }

    /// Goes back to the first moment since which a value is what it is now: just after the step that
    /// changed it last. In a long past the value is compared at 1,024 moments of each stretch first,
    /// so that a change which was taken back soon may be missed.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 42);
    /// let kid = sh.fork();
    /// kid.write(a, 7);
    /// sh.getpid();
    /// print(last_change(|| why(sh, a).write.verdict));
    /// assert_eq(trace()[-1].event, "tlb_flush");
    /// ```
    #[rhai_fn(name = "last_change", return_raw)]
    pub fn last_change(ctx: NativeCallContext, value: FnPtr) -> Result<View> {
        let shared = Shared::of(&ctx)?;
        let start = shared.with(State::stand)??;
        let (here, tip) = start;
        // A mistake in the function is told at once.
        let _now: Dynamic = value.call_within_context(&ctx, ())?;
        let milestones = shared.with(|state| state.milestones(here))??;
        for pair in milestones.windows(2).rev() {
            match last_pair(&ctx, &value, (pair[0], pair[1]), tip) {
                Ok(Some(after)) => {
                    let before = shared.with(|state| {
                        state.go_to(after, tip)?;
                        let after = state.clock()?;
                        let come = |clock: Clock| clock >= after;
                        state.seek((here, tip), come, Side::Before)?;
                        let before = state.clock()?;
                        Ok::<_, ScriptError>(before)
                    })??;
                    shared.with(|state| state.go_to(after, tip))??;
                    return changed(&ctx, before);
                }
                Ok(None) => {}
                Err(error) => {
                    return_to(&shared, start)?;
                    return Err(error);
                }
            }
        }
        return_to(&shared, start)?;
        Err(ScriptError::new("the value has never changed, as far as the past is kept").into())
    }
}

/// Adds an event at which time stops.
fn stop(ctx: &NativeCallContext, event: &str, condition: Option<FnPtr>) -> Result<()> {
    let kind = kinds(&[event.to_owned()])?[0];
    let shared = Shared::of(ctx)?;
    shared.with(|state| {
        let mut stops = state.stops.clone();
        stops.push(EventStop { kind, condition });
        state.set_stops(stops);
    })
}

/// The answer of `last_change`: the events of the step after which the value was another one.
fn changed(ctx: &NativeCallContext, before: Clock) -> Result<View> {
    let events: Vec<EventFields> = look(ctx, |machine| {
        let log = &machine.kernel.log;
        let names = &machine.kernel.names;
        let since = log.records_from(before.seq);
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
