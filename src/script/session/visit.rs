//! A visit: lines after which the session stands where it stood before, whatever they have done.

use super::run::Session;
use super::snapshot::Snapshot;
use super::state::State;
use super::timeline::Mark;
use crate::machine::Moment;
use crate::view::Since;

/// Where a session stands, to come back to.
pub struct Standpoint {
    snapshot: Snapshot,
    tip: Option<Moment>,
    mark: Mark,
}

impl Session {
    /// Where the session stands; `None` if it has no history.
    pub fn standpoint(&self) -> Option<Standpoint> {
        let mark = self.timeline.as_ref()?.mark();
        Some(Standpoint {
            snapshot: self.snapshot()?,
            tip: self.shared.look(|state| state.tip),
            mark,
        })
    }

    /// Comes back, and forgets the lines that have changed something since. Returns whether the
    /// session had left at all; lines that only looked stay in the history.
    pub fn come_back(&mut self, to: Standpoint) -> bool {
        let Some(timeline) = &mut self.timeline else {
            return false;
        };
        if timeline.has_stayed(&to.mark) && !self.shared.look(|state| state.moved) {
            return false;
        }
        timeline.forget_since(to.mark);
        self.left = None;
        let Standpoint { snapshot, tip, .. } = to;
        self.shared.between_runs(|state: &mut State| {
            if let Some(history) = &mut state.history {
                history.go_to(&mut state.machine, snapshot.moment());
            }
            state.tip = tip;
            state.bound_trace();
            state.told = Since::now(&state.machine);
        });
        self.take(snapshot);
        true
    }
}
