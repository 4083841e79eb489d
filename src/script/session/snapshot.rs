//! The whole state of a session at a moment: the machine as a moment of its history, variables and
//! functions as copies.

use super::run::Session;
use super::scope_copy::{Copied, copy_scope};
use super::scope_same::same_scope;
use super::state::Prediction;
use crate::machine::Moment;
use crate::view::Since;
use rhai::{AST, FnPtr, Scope};

/// The state of a session.
pub(super) struct Snapshot {
    moment: Moment,
    boot: u64,
    scope: Scope<'static>,
    library: AST,
    /// The closures that are signal handlers; they share variables with the scope.
    handlers: Vec<FnPtr>,
    predictions: Vec<Prediction>,
    /// The number of values in the scope.
    weight: usize,
}

impl Snapshot {
    /// How much memory it takes, in values.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// Whether these are its variables.
    pub(super) fn has_scope(&self, scope: &Scope<'static>) -> bool {
        same_scope(&self.scope, scope)
    }
}

impl Session {
    /// The present state, if the session has a history.
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let (moment, boot, predictions, handlers) = self.shared.between_runs(|state| {
            let moment = state.history.as_mut()?.moment(&mut state.machine);
            let predictions = state.predictions.clone();
            Some((moment, state.boot, predictions, state.handlers.clone()))
        })?;
        let Copied {
            scope,
            closures,
            values,
        } = copy_scope(&self.scope, &handlers);
        Some(Snapshot {
            moment,
            boot,
            scope,
            library: self.library.clone(),
            handlers: closures,
            predictions,
            weight: values,
        })
    }

    /// Whether the session can be put in a state.
    pub(super) fn can_restore(&self, snapshot: &Snapshot) -> bool {
        let reaches = |history: &crate::machine::History| history.reaches(snapshot.moment);
        self.shared
            .look(|state| state.history.as_ref().is_some_and(reaches))
    }

    /// Puts the session in the state in which it is to stand.
    pub(super) fn restore(&mut self, after: Option<usize>) {
        let Some(snapshot) = self.timeline.as_ref().and_then(|line| line.state(after)) else {
            return;
        };
        let copied = copy_scope(&snapshot.scope, &snapshot.handlers);
        self.shared.between_runs(|state| {
            if let Some(history) = &mut state.history {
                history.go_to(&mut state.machine, snapshot.moment);
            }
            state.boot = snapshot.boot;
            state.predictions.clone_from(&snapshot.predictions);
            state.handlers = copied.closures;
            state.bound_trace();
            state.told = Since::now(&state.machine);
        });
        self.scope = copied.scope;
        self.library = snapshot.library.clone();
        if let Some(timeline) = &mut self.timeline {
            timeline.stand(after);
        }
    }
}
