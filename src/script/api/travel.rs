//! Moments: going along the line of what has happened, in both directions.

use super::convert::{Result, look, ranged};
use super::machine::pass;
use super::moments::{
    beside, changed, end_after, event_of, here, holds, last_step, next_of, next_recorded, truth,
    walk,
};
use super::submission::{This, kept};
use super::view::{Event, kinds};
use crate::machine::{Clock, Side, Until};
use crate::script::errors::ScriptError;
use crate::script::session::{EventStop, Shared, State, View};
use crate::view::EventFields;
use rhai::plugin::*;
use rhai::{Dynamic, FnPtr, NativeCallContext};

/// The most ticks that pass between two looks at the condition of `when`.
const MAX_TICKS: u64 = 64;
/// The most moments that `back` goes back.
const MAX_BACK: i64 = 10_000;

/// Whether a machine that has come so far has been at a place of rest.
fn reaches(clock: Clock, place: Clock) -> bool {
    clock.boots > place.boots
        || clock.boots == place.boots && clock.tick >= place.tick && clock.work >= place.work
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
        let from = shared.with(State::stand)??;
        if from.here != from.tip {
            let Some(seq) = next_recorded(&shared, kind)? else {
                let message = format!("there is no {event} between this moment and the present");
                return Err(ScriptError::new(message)
                    .with_help("go to the present, and let time pass there")
                    .into());
            };
            return beside(&ctx, seq, Side::After);
        }
        loop {
            let passed = pass(&ctx, 1, Until::Idle)?;
            let seq = look(&ctx, |machine| next_of(machine, kind, from.now.seq))?;
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
            let from = shared.with(State::stand)??;
            let come = |clock: Clock| reaches(clock, from.now);
            let first = Clock {
                boots: from.now.boots,
                ..Clock::default()
            };
            if come(first) || !shared.with(|state| state.seek(from, come, Side::Before))?? {
                shared.with(|state| state.return_to(start))??;
                let message = format!("the past begins {done} moments ago");
                return Err(ScriptError::new(message).into());
            }
            if let Some(halt) = shared.must_halt() {
                return Err(halt.into());
            }
        }
        here(&ctx)
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
        at_work(ctx, tick, 0)
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
        let from = shared.with(State::stand)??;
        let there = Clock {
            tick,
            work,
            ..from.now
        };
        let come = |clock: Clock| reaches(clock, there);
        if !shared.with(|state| state.seek(from, come, Side::After))?? {
            let message = format!("tick {tick} has not come yet, or is too long ago");
            return Err(ScriptError::new(message)
                .with_help("tick(n) lets n ticks pass")
                .into());
        }
        here(&ctx)
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
        if holds(&ctx, &condition)? {
            return here(&ctx);
        }
        if start.here != start.tip {
            let found = walk(&ctx, start.tip, &condition);
            if matches!(found, Ok(true)) {
                return here(&ctx);
            }
            shared.with(|state| state.return_to(start))??;
            found?;
            return Err(
                ScriptError::new("the condition does not hold up to the present")
                    .with_help("go to the present, and let time pass there")
                    .into(),
            );
        }
        let mut before = start.here;
        let mut ticks = 1;
        loop {
            let passed = pass(&ctx, ticks, Until::Idle)?;
            let now = shared.with(State::stand_anyway)??;
            shared.with(|state| state.go_to(before, now.tip))??;
            match walk(&ctx, now.tip, &condition) {
                Ok(true) => {
                    shared.with(State::end_here)?;
                    return here(&ctx);
                }
                Ok(false) => before = now.tip,
                Err(error) => {
                    shared.with(|state| state.return_to(now))??;
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
        // A mistake in the function is told at once.
        let _now: Dynamic = value.call_within_context(&ctx, ())?;
        let milestones = shared.with(|state| state.milestones(start))??;
        let mut found = Ok(None);
        for pair in milestones.windows(2).rev() {
            found = last_step(&ctx, &value, (pair[0], pair[1]), start.tip);
            if !matches!(found, Ok(None)) {
                break;
            }
        }
        shared.with(|state| state.return_to(start))??;
        if let Some(after) = found? {
            let before = shared.with(|state| {
                state.go_to(after, start.tip)?;
                let there = state.stand()?.now;
                state.seek(start, |clock| reaches(clock, there), Side::Before)?;
                let before = state.stand()?.now.seq;
                state.go_to(after, start.tip)?;
                Ok::<_, ScriptError>(before)
            })??;
            return changed(&ctx, before);
        }
        Err(ScriptError::new("the value has never changed, as far as the past is kept").into())
    }
}

/// Adds an event at which time stops.
fn stop(ctx: &NativeCallContext, event: &str, condition: Option<FnPtr>) -> Result<()> {
    let kind = kinds(&[event.to_owned()])?[0];
    let condition = condition.map(|condition| kept(ctx, condition, This::Absent));
    let condition = condition.transpose()?;
    let shared = Shared::of(ctx)?;
    shared.with(|state| {
        let mut stops = state.stops.clone();
        stops.push(EventStop { kind, condition });
        state.set_stops(stops);
    })
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
