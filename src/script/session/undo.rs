//! Undo: the state of a session before each of its last lines. The machine goes back through
//! checkpoints and commands; variables and functions are kept as copies.

use super::document::Document;
use super::run::Session;
use super::scope_copy::{Copied, copy_scope};
use crate::kernel::boot::Config;
use crate::machine::{History, Moment};
use crate::view::Since;
use rhai::{AST, FnPtr, Scope};
use std::collections::VecDeque;

/// How many lines can be undone.
const MAX_MARKS: usize = 10_000;
/// The most values in the variables of all marks together; beyond it, the oldest lines can no
/// longer be undone.
const MAX_WEIGHT: usize = 4_000_000;

/// The states that the session can go back to.
#[derive(Default)]
pub(super) struct Undo {
    marks: VecDeque<Mark>,
    weight: usize,
}

/// The session before a line.
struct Mark {
    line: String,
    moment: Moment,
    boot: u64,
    scope: Scope<'static>,
    library: AST,
    /// The closures that are signal handlers; they share variables with the scope.
    handlers: Vec<FnPtr>,
    predictions: usize,
    /// The document that the next one has replaced, if the line has reset the session.
    document: Option<Document>,
    /// The number of values in the scope.
    weight: usize,
}

/// What was undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undone {
    /// The earliest of the undone lines; the session is as before it.
    pub line: String,
    /// How many lines were undone.
    pub lines: usize,
}

impl Undo {
    fn push(&mut self, mark: Mark) {
        self.weight += mark.weight;
        self.marks.push_back(mark);
        while self.marks.len() > MAX_MARKS || self.weight > MAX_WEIGHT {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        self.weight -= self.marks.pop_front().map_or(0, |mark| mark.weight);
    }

    /// Keeps a document that was replaced after the last line.
    pub(super) fn keep_document(&mut self, document: Document) {
        if let Some(mark) = self.marks.back_mut() {
            mark.document = Some(document);
        }
    }

    fn pop(&mut self) -> Option<Mark> {
        let mark = self.marks.pop_back()?;
        self.weight -= mark.weight;
        Some(mark)
    }
}

impl Session {
    /// From now on, lines can be undone.
    pub fn remember(&mut self) {
        self.undo = Some(Undo::default());
        self.shared
            .between_runs(|state| state.history = Some(History::default()));
    }

    /// Saves the session as it is before a line.
    pub(in crate::script) fn mark(&mut self, line: &str) {
        let Some(undo) = &mut self.undo else {
            return;
        };
        let noted = self.shared.between_runs(|state| {
            let history = state.history.as_mut()?;
            let predictions = state.predictions.len();
            let moment = history.moment(&mut state.machine);
            Some((moment, state.boot, predictions, state.handlers.clone()))
        });
        let Some((moment, boot, predictions, handlers)) = noted else {
            return;
        };
        let Copied {
            scope,
            closures,
            values,
        } = copy_scope(&self.scope, &handlers);
        undo.push(Mark {
            line: line.trim().to_owned(),
            moment,
            boot,
            scope,
            library: self.library.clone(),
            handlers: closures,
            predictions,
            document: None,
            weight: values,
        });
    }

    /// Undoes the last `lines` lines, or as many as there are, and restores machine, variables and
    /// functions. `None` if there is nothing to undo.
    pub fn undo(&mut self, lines: usize) -> Option<Undone> {
        let undo = self.undo.as_mut()?;
        let mut undone: Option<Mark> = None;
        let mut count = 0;
        for _ in 0..lines {
            let reachable = |mark: &Mark| {
                self.shared.look(|state| {
                    state
                        .history
                        .as_ref()
                        .is_some_and(|h| h.reaches(mark.moment))
                })
            };
            if !undo.marks.back().is_some_and(reachable) {
                break;
            }
            undone = undo.pop();
            let document = undone.as_mut().and_then(|mark| mark.document.take());
            if let Some(document) = document {
                self.document = document;
            }
            count += 1;
        }
        let mark = undone?;
        self.document.resume();
        self.shared.between_runs(|state| {
            if let Some(history) = &mut state.history {
                history.go_back(&mut state.machine, mark.moment);
            }
            state.boot = mark.boot;
            state.predictions.truncate(mark.predictions);
            state.handlers = mark.handlers;
            state.bound_trace();
            state.told = Since::now(&state.machine);
        });
        self.scope = mark.scope;
        self.library = mark.library;
        Some(Undone {
            line: mark.line,
            lines: count,
        })
    }

    /// Starts over: a fresh machine, no variables, no functions. It can be undone.
    ///
    /// # Errors
    /// If the machine cannot be booted, in words for the user.
    pub fn reset(&mut self, line: &str) -> Result<(), String> {
        self.mark(line);
        self.shared
            .between_runs(|state| state.boot(Config::default()))?;
        self.scope = Scope::new();
        self.library = AST::empty();
        self.document.end();
        Ok(())
    }
}
