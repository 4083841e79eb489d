//! Moments of the machine: going to one of them, in either direction, while a script runs. Whatever
//! is done at an earlier moment begins a branch.

use super::limits::Limit;
use super::state::State;
use crate::kernel::boot::Config;
use crate::machine::{Clock, History, Machine, Moment, Side};
use crate::script::errors::ScriptError;
use crate::view::Since;

/// The functions that go to other moments. A script that names none of them needs no past.
const FUNCTIONS: [&str; 14] = [
    "before",
    "after",
    "next",
    "back",
    "at",
    "when",
    "last_change",
    "goto",
    "branch",
    "diff",
    "compare",
    "stop_at",
    "cause",
    "effects",
];

/// Whether a text may go to other moments.
pub(super) fn goes_to_moments(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let before = rest[..at].trim_end();
        let is_part = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let word = before.rsplit(is_part).next().unwrap_or_default();
        if FUNCTIONS.contains(&word) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// The boots of one machine of a session are counted in so many bits.
const BOOTS_OF_ONE: u32 = 32;

/// Where a machine stands on the line of moments.
#[derive(Clone, Copy, Debug)]
pub(in crate::script) struct Standing {
    /// The moment.
    pub(in crate::script) here: Moment,
    /// The end of the line: the present, if the machine does not stand before it.
    pub(in crate::script) tip: Moment,
    /// How far it has come.
    pub(in crate::script) now: Clock,
    /// Whether the input has gone to another moment by then.
    moved: bool,
}

/// A machine that was put aside, with its past.
pub(in crate::script) struct Aside {
    machine: Machine,
    history: Option<History>,
    tip: Option<Moment>,
    boot: u64,
    changes: u64,
}

impl State {
    /// Keeps the past from now on.
    pub(super) fn remember(&mut self) {
        let bytes = self.limits.size(Limit::History);
        let history = self.history.get_or_insert_with(|| History::within(bytes));
        history.moment(&mut self.machine);
    }

    /// Where the machine stands.
    ///
    /// # Errors
    /// If no past is kept, or the input has changed the machine already.
    pub(in crate::script) fn stand(&mut self) -> Result<Standing, ScriptError> {
        if self.input.is_some() && self.changes != self.changes_before {
            return Err(ScriptError::new(
                "this line has already changed the machine, and cannot go to another moment as well",
            )
            .with_help("go there in a line of its own"));
        }
        self.stand_anyway()
    }

    /// The same, even if the input has changed the machine.
    ///
    /// # Errors
    /// If no past is kept.
    pub(in crate::script) fn stand_anyway(&mut self) -> Result<Standing, ScriptError> {
        let history = self.history.as_mut().ok_or_else(no_past)?;
        let here = history.moment(&mut self.machine);
        Ok(Standing {
            here,
            tip: self.tip.unwrap_or(here),
            now: history.clock(&self.machine),
            moved: self.moved,
        })
    }

    /// Goes to a moment of the line to `tip`.
    ///
    /// # Errors
    /// If it is too long ago.
    pub(in crate::script) fn go_to(
        &mut self,
        moment: Moment,
        tip: Moment,
    ) -> Result<(), ScriptError> {
        let history = self.history.as_mut().ok_or_else(no_past)?;
        if !history.go_to(&mut self.machine, moment) {
            return Err(too_long_ago());
        }
        self.arrive(moment, tip);
        Ok(())
    }

    /// Goes back to where it stood, as if it had never left.
    ///
    /// # Errors
    /// If that is too long ago.
    pub(in crate::script) fn return_to(&mut self, from: Standing) -> Result<(), ScriptError> {
        self.go_to(from.here, from.tip)?;
        self.moved = from.moved;
        Ok(())
    }

    /// Goes to the moment at which something has come, or the last one before it. Returns whether
    /// there is one on the line; if not, the machine stays where it stood.
    ///
    /// # Errors
    /// If no past is kept.
    pub(in crate::script) fn seek(
        &mut self,
        from: Standing,
        has_come: impl Fn(Clock) -> bool,
        side: Side,
    ) -> Result<bool, ScriptError> {
        let history = self.history.as_mut().ok_or_else(no_past)?;
        if !history.seek(&mut self.machine, from.tip, has_come, side) {
            self.return_to(from)?;
            return Ok(false);
        }
        let at = history.here();
        self.arrive(at, from.tip);
        Ok(true)
    }

    /// Goes on to a place of rest on the way to a moment of the line to `tip`, as far away as `span`
    /// says. Returns `false` if it is there.
    ///
    /// # Errors
    /// If no past is kept.
    pub(in crate::script) fn advance(
        &mut self,
        to: Moment,
        tip: Moment,
        span: (u64, u64),
    ) -> Result<bool, ScriptError> {
        let history = self.history.as_mut().ok_or_else(no_past)?;
        let went_on = history.advance(&mut self.machine, to, span);
        let at = history.here();
        self.arrive(at, tip);
        Ok(went_on)
    }

    /// Looks at the machine as it is at some moment, and comes back.
    ///
    /// # Errors
    /// If that moment, or this one, is too long ago.
    pub(in crate::script) fn visit<R>(
        &mut self,
        moment: Moment,
        look: impl FnOnce(&Machine) -> R,
    ) -> Result<R, ScriptError> {
        let (from, told) = (self.stand_anyway()?, self.told);
        let there = self.go_to(moment, from.tip).map(|()| look(&self.machine));
        self.return_to(from)?;
        self.told = told;
        there
    }

    /// Which of the machines of the session this is: the moments of one are none of another.
    pub(in crate::script) const fn home(&self) -> u64 {
        self.boot >> BOOTS_OF_ONE
    }

    /// Puts the machine aside and boots another one, with a past of its own if this one has one.
    ///
    /// # Errors
    /// If it cannot be booted, in words for the user.
    pub(in crate::script) fn step_aside(&mut self, config: Config) -> Result<Aside, ScriptError> {
        let machine = Machine::boot(config).map_err(ScriptError::new)?;
        let aside = Aside {
            machine: std::mem::replace(&mut self.machine, machine),
            history: self.history.take(),
            tip: self.tip.take(),
            boot: self.boot,
            changes: self.changes,
        };
        // Handles of one machine are none of another, however often that one is booted.
        self.boots_apart += 1;
        self.boot = self.boots_apart << BOOTS_OF_ONE;
        if aside.history.is_some() {
            self.remember();
        }
        self.bound_trace();
        Ok(aside)
    }

    /// Takes up again the machine that was put aside.
    pub(in crate::script) fn step_back(&mut self, aside: Aside) {
        self.machine = aside.machine;
        self.history = aside.history;
        self.tip = aside.tip;
        self.boot = aside.boot;
        self.changes = aside.changes;
        self.told = Since::now(&self.machine);
    }

    /// The end of a branch of the session.
    pub(in crate::script) fn branch_end(&self, number: i64) -> Option<Moment> {
        let number = usize::try_from(number).ok()?;
        let mut ends = self.branch_ends.iter();
        ends.find(|(branch, _)| *branch == number)
            .map(|(_, end)| *end)
    }

    /// The moments from which the way to here can be repeated.
    ///
    /// # Errors
    /// If no past is kept.
    pub(in crate::script) fn milestones(&self, from: Standing) -> Result<Vec<Moment>, ScriptError> {
        let history = self.history.as_ref().ok_or_else(no_past)?;
        Ok(history.milestones(from.here, from.now.boots))
    }

    /// The present moment becomes the end of the line: what lies behind it was only tried.
    pub(in crate::script) fn end_here(&mut self) {
        self.tip = None;
    }

    fn arrive(&mut self, at: Moment, tip: Moment) {
        self.tip = (at != tip).then_some(tip);
        self.moved = true;
        self.told = Since::now(&self.machine);
        self.bound_trace();
    }
}

/// The error of a session without a past.
fn no_past() -> ScriptError {
    ScriptError::new("nothing of the past is kept here")
        .with_help("call the function by its name in the script itself")
}

/// The error for a moment that can no longer be reached.
pub(in crate::script) fn too_long_ago() -> ScriptError {
    ScriptError::new("that moment is too long ago: the way there is no longer kept")
        .with_help("history lists the lines; boot() begins a new machine")
}

#[cfg(test)]
mod tests {
    use super::goes_to_moments;

    #[test]
    fn a_past_is_kept_for_scripts_that_can_go_there() {
        for text in [
            "before(3)",
            "let x = 1; next (\"cow_copy\")",
            "if f(before(1)) {}",
        ] {
            assert!(goes_to_moments(text), "{text}");
        }
        for text in [
            "f(before)",
            "not_before(3)",
            "list.len()",
            "let next = 3; (next)",
        ] {
            assert!(!goes_to_moments(text), "{text}");
        }
    }
}
