//! The way through the history of a session: undo, redo, and to any line that was typed.

use super::library::Library;
use super::limits::Limit;
use super::run::Session;
use super::state::State;
use super::timeline::{Branch, Effect, Input, Inside, Left, Timeline};
use crate::kernel::boot::Config;
use crate::machine::Moment;
use crate::script::errors::Failure;
use rhai::Scope;
use std::iter::successors;

/// What was undone or redone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// The input at which it ended: the earliest undone, or the last redone.
    pub input: Input,
    /// How many changes were undone or redone.
    pub lines: usize,
}

/// The session when an input begins.
pub(super) struct Begun {
    number: usize,
    tick: u64,
    text: String,
    /// The text as a script says it.
    pub(super) script: String,
    changes: u64,
    predictions: usize,
    inside: Option<Inside>,
}

impl Session {
    /// From now on, lines can be undone.
    pub fn remember(&mut self) {
        self.shared.between_runs(State::remember);
        let bytes = self.shared.look(|state| state.limits.size(Limit::History));
        self.timeline = self.snapshot().map(|start| Timeline::new(start, bytes));
    }

    /// The number of the next input.
    pub fn next_number(&self) -> usize {
        self.document.next_line()
    }

    /// Notes how the session is before an input.
    pub(super) fn begin_line(&mut self, text: &str) -> Begun {
        self.defined = false;
        let number = self.next_number();
        let ends = self.branch_ends();
        let inside = self.place_inside();
        let lines = (number, number + text.matches('\n').count());
        self.shared.between_runs(|state| {
            state.heard = self.timeline.is_some().then(String::new);
            state.input = self.timeline.is_some().then_some(lines);
            state.changes_before = state.changes;
            state.moved = false;
            state.branch_ends = ends;
            Begun {
                number,
                tick: state.machine.kernel.tick(),
                text: text.to_owned(),
                script: text.to_owned(),
                inside,
                changes: state.changes,
                predictions: state.predictions.len(),
            }
        })
    }

    /// Adds an input to the history.
    pub(super) fn end_line(&mut self, begun: Begun, failure: Option<&Failure>) {
        let Some(timeline) = &self.timeline else {
            return;
        };
        let stayed = self.shared.look(|state| {
            (state.changes, state.predictions.len()) == (begun.changes, begun.predictions)
        });
        let printed = self.shared.look(|state| {
            let heard = state.heard.as_ref();
            heard.is_some_and(|heard| !heard.is_empty())
        });
        let here = timeline.state(timeline.here());
        // A line that goes to another moment takes its variables from there.
        let moved = self.shared.look(|state| state.moved);
        let same = stayed
            && !self.defined
            && (moved || here.is_some_and(|snapshot| snapshot.has_scope(&self.scope)));
        let after = if same { None } else { self.snapshot() };
        let effect = match (&after, failure) {
            (Some(_), None) => Effect::Changed,
            (Some(_), Some(_)) => Effect::FailedHalfway,
            (None, None) => Effect::Looked,
            (None, Some(_)) => Effect::Failed,
        };
        let input = Input {
            number: begun.number,
            tick: begun.tick,
            text: begun.text,
            script: begun.script,
            printed,
            answer: None,
            effect,
        };
        if let Some(timeline) = &mut self.timeline {
            self.left = timeline.add(input, after, begun.inside);
        }
        if same && moved {
            self.follow_machine();
        }
    }

    /// Where the session stands, if that is inside an input.
    fn place_inside(&self) -> Option<Inside> {
        let timeline = self.timeline.as_ref()?;
        self.inside()?;
        let index = timeline.after(timeline.here())?;
        let place = self.machine(|machine| (machine.kernel.tick(), machine.work()));
        Some(Inside { index, place })
    }

    /// The branches, and where they end.
    fn branch_ends(&self) -> Vec<(usize, Moment)> {
        let Some(timeline) = &self.timeline else {
            return Vec::new();
        };
        let ends = timeline.ends().iter().enumerate();
        let kept = ends.filter_map(|(before, end)| {
            let end = timeline.state(Some(*end))?;
            Some((before + 1, end.moment()))
        });
        kept.collect()
    }

    /// Goes where the machine has gone: variables and functions become those of the last input
    /// before that moment.
    fn follow_machine(&mut self) {
        let Some(timeline) = &self.timeline else {
            return;
        };
        let mut on_line: Vec<Option<usize>> = successors(Some(timeline.end()), |at| {
            at.map(|index| timeline.before(index))
        })
        .collect();
        on_line.reverse();
        // States that are forgotten are the oldest, and so past.
        let is_past = |after: &Option<usize>| {
            let snapshot = timeline.state(*after);
            snapshot.is_none_or(|snapshot| self.is_past(snapshot))
        };
        let past = on_line.partition_point(is_past);
        let Some(after) = past.checked_sub(1).map(|last| on_line[last]) else {
            return;
        };
        self.take_variables(after);
        if let Some(timeline) = &mut self.timeline {
            timeline.stand(after);
        }
    }

    /// Notes how the last input was answered, after what it has printed. Returns the future that it
    /// has left, if it was typed in the past.
    pub fn note_answer(&mut self, answer: &str) -> Option<Left> {
        let heard = self.shared.between_runs(|state| state.heard.take())?;
        if let Some(timeline) = &mut self.timeline {
            timeline.answer(heard + answer);
        }
        self.left.take()
    }

    /// Undoes the last `lines` changes, or as many as there are, and restores machine, variables and
    /// functions. `None` if there is nothing to undo.
    pub fn undo(&mut self, lines: usize) -> Option<Moved> {
        let timeline = self.timeline.as_ref()?;
        let mut to = timeline.here();
        let (mut first, mut count) = (None, 0);
        while let (true, Some(index)) = (count < lines, to) {
            let before = timeline.before(index);
            if !self.can_stand(before) {
                break;
            }
            (to, first, count) = (before, Some(index), count + 1);
        }
        let input = timeline.input(first?).clone();
        self.restore(to);
        Some(Moved {
            input,
            lines: count,
        })
    }

    /// Carries out again what was undone, up to `lines` changes. `None` if there is nothing.
    pub fn redo(&mut self, lines: usize) -> Option<Moved> {
        let timeline = self.timeline.as_ref()?;
        let (mut to, mut count) = (timeline.here(), 0);
        while count < lines
            && let Some(next) = timeline.after(to)
            && self.can_stand(Some(next))
        {
            (to, count) = (Some(next), count + 1);
        }
        let last = to.filter(|_| count > 0)?;
        let input = timeline.input(last).clone();
        self.restore(to);
        Some(Moved {
            input,
            lines: count,
        })
    }

    /// Goes to the state before the input with that number, on whatever branch it is.
    ///
    /// # Errors
    /// If there is no such input, or its state is no longer kept, in words for the user.
    pub fn go_to_line(&mut self, number: usize) -> Result<Input, String> {
        let no_line = || format!("there is no line {number} in the history");
        let timeline = self.timeline.as_ref().ok_or_else(no_line)?;
        let index = timeline.find(number).ok_or_else(no_line)?;
        let before = timeline.before(index);
        if !self.can_stand(before) {
            return Err(format!(
                "line {number} is too long ago: the state before it is no longer kept"
            ));
        }
        let input = timeline.input(index).clone();
        if input.effect.is_change() {
            // The way of redo is to lead to it.
            self.timeline
                .as_mut()
                .ok_or_else(no_line)?
                .stand(Some(index));
        }
        self.restore(before);
        Ok(input)
    }

    /// Goes to the end of a branch.
    ///
    /// # Errors
    /// If there is no such branch, or its last state is no longer kept, in words for the user.
    pub fn go_to_branch(&mut self, branch: usize) -> Result<Input, String> {
        let no_branch = || format!("there is no branch {branch}");
        let timeline = self.timeline.as_ref().ok_or_else(no_branch)?;
        let index = timeline.end_of(branch).ok_or_else(no_branch)?;
        if !self.can_stand(Some(index)) {
            return Err(format!(
                "branch {branch} is too long ago: its last state is no longer kept"
            ));
        }
        let input = timeline.input(index).clone();
        self.restore(Some(index));
        Ok(input)
    }

    fn can_stand(&self, after: Option<usize>) -> bool {
        let state = self.timeline.as_ref().and_then(|line| line.state(after));
        state.is_some_and(|snapshot| self.can_restore(snapshot))
    }

    /// The number of the next event, if the session stands inside the input that comes next.
    pub fn inside(&self) -> Option<u64> {
        self.shared.look(|state| {
            let within = state.history.as_ref()?.here().is_within();
            let in_past = state.tip.is_some();
            (within && in_past).then(|| state.machine.kernel.log.event_seq())
        })
    }

    /// The input before which the session stands, if it is in the past.
    pub fn upcoming(&self) -> Option<&Input> {
        let timeline = self.timeline.as_ref()?;
        Some(timeline.input(timeline.after(timeline.here())?))
    }

    /// The inputs of the present branch, each with whether it is in effect.
    pub fn history(&self) -> Vec<(&Input, bool)> {
        self.timeline
            .as_ref()
            .map_or_else(Vec::new, Timeline::present)
    }

    /// All inputs of all branches, in the order in which they were typed.
    pub fn typed(&self) -> Vec<&Input> {
        let typed = self.timeline.as_ref().map(Timeline::typed);
        typed.into_iter().flatten().collect()
    }

    /// All branches, in the order in which they were begun.
    pub fn branches(&self) -> Vec<Branch> {
        self.timeline
            .as_ref()
            .map_or_else(Vec::new, Timeline::branches)
    }

    /// Starts over: a fresh machine, no variables, no functions. It can be undone.
    ///
    /// # Errors
    /// If the machine cannot be booted, in words for the user.
    pub fn reset(&mut self, line: &str) -> Result<(), String> {
        let mut begun = self.begin_line(line);
        "boot()".clone_into(&mut begun.script);
        self.pass_over(line);
        self.shared
            .between_runs(|state| state.boot(Config::default()))?;
        self.scope = Scope::new();
        self.library = Library::default();
        self.end_line(begun, None);
        Ok(())
    }
}
