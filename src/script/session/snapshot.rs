//! The whole state of a session at a moment: the machine as a moment of its history, variables and
//! functions as copies.

use super::library::Library;
use super::run::Session;
use super::scope_copy::{Copied, copy_scope};
use super::scope_same::same_scope;
use super::state::{EventStop, Prediction};
use crate::machine::Moment;
use crate::view::Since;
use rhai::{FnPtr, Scope};

/// The state of a session.
pub(super) struct Snapshot {
    moment: Moment,
    boot: u64,
    scope: Scope<'static>,
    library: Library,
    /// The closures that are signal handlers; they share variables with the scope.
    handlers: Vec<FnPtr>,
    /// The events at which time stops; their conditions share variables as well.
    stops: Vec<EventStop>,
    predictions: Vec<Prediction>,
    /// The number of values in the scope.
    weight: usize,
}

impl Snapshot {
    /// How much memory it takes, in values.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// Its moment.
    pub(super) const fn moment(&self) -> Moment {
        self.moment
    }

    /// Whether these are its variables.
    pub(super) fn has_scope(&self, scope: &Scope<'static>) -> bool {
        same_scope(&self.scope, scope)
    }
}

/// Copies of variables and of the closures that share them, and how many values there are.
fn copied(
    scope: &Scope<'static>,
    handlers: &[FnPtr],
    stops: &[EventStop],
) -> (Scope<'static>, Vec<FnPtr>, Vec<EventStop>, usize) {
    let conditions = stops.iter().filter_map(|stop| stop.condition.clone());
    let closures: Vec<FnPtr> = handlers.iter().cloned().chain(conditions).collect();
    let Copied {
        scope,
        mut closures,
        values,
    } = copy_scope(scope, &closures);
    let mut conditions = closures.split_off(handlers.len()).into_iter();
    let copy = |stop: &EventStop| EventStop {
        kind: stop.kind,
        condition: stop.condition.as_ref().and_then(|_| conditions.next()),
    };
    let stops = stops.iter().map(copy).collect();
    (scope, closures, stops, values)
}

impl Session {
    /// The present state, if the session has a history.
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let (moment, boot, predictions, handlers, stops) = self.shared.between_runs(|state| {
            let moment = state.history.as_mut()?.moment(&mut state.machine);
            let predictions = state.predictions.clone();
            let handlers = state.handlers.clone();
            Some((
                moment,
                state.boot,
                predictions,
                handlers,
                state.stops.clone(),
            ))
        })?;
        let (scope, handlers, stops, values) = copied(&self.scope, &handlers, &stops);
        Some(Snapshot {
            moment,
            boot,
            scope,
            library: self.library.clone(),
            handlers,
            stops,
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

    /// Whether the machine has passed through a state on its way here.
    pub(super) fn is_past(&self, snapshot: &Snapshot) -> bool {
        self.shared.look(|state| {
            let history = state.history.as_ref();
            history.is_some_and(|history| history.leads_to(snapshot.moment, history.here()))
        })
    }

    /// Puts the session in the state in which it is to stand.
    pub(super) fn restore(&mut self, after: Option<usize>) {
        let Some(timeline) = &mut self.timeline else {
            return;
        };
        let Some(moment) = timeline.state(after).map(|snapshot| snapshot.moment) else {
            return;
        };
        timeline.stand(after);
        let tip = timeline.state(timeline.end());
        let tip = tip
            .map(|snapshot| snapshot.moment)
            .filter(|tip| *tip != moment);
        self.shared.between_runs(|state| {
            if let Some(history) = &mut state.history {
                history.go_to(&mut state.machine, moment);
            }
            state.tip = tip;
            state.bound_trace();
            state.told = Since::now(&state.machine);
        });
        self.take_variables(after);
    }

    /// Takes variables, functions and predictions from a snapshot that nobody needs any more.
    pub(super) fn take(&mut self, snapshot: Snapshot) {
        self.shared.between_runs(|state| {
            state.boot = snapshot.boot;
            state.predictions = snapshot.predictions;
            state.handlers = snapshot.handlers;
            state.stops = snapshot.stops;
        });
        self.scope = snapshot.scope;
        self.library = snapshot.library;
    }

    /// Takes variables, functions and predictions from a state.
    pub(super) fn take_variables(&mut self, after: Option<usize>) {
        let Some(snapshot) = self.timeline.as_ref().and_then(|line| line.state(after)) else {
            return;
        };
        let (scope, handlers, stops, _) =
            copied(&snapshot.scope, &snapshot.handlers, &snapshot.stops);
        self.shared.between_runs(|state| {
            state.boot = snapshot.boot;
            state.predictions.clone_from(&snapshot.predictions);
            state.handlers = handlers;
            state.stops = stops;
        });
        self.scope = scope;
        self.library = snapshot.library.clone();
    }
}
