//! Copies of a scope that share nothing with it. Variables captured by closures are shared cells:
//! two variables that were one cell are one cell in the copy too, but a new one. Values nested
//! deeper than anybody would nest them on purpose stay shared.

use rhai::{Array, Dynamic, FnPtr, Map, Scope};
use std::collections::BTreeMap;

/// A scope, and closures that share variables with it.
pub(super) struct Copied {
    /// The copied scope.
    pub(in crate::script) scope: Scope<'static>,
    /// The copied closures.
    pub(super) closures: Vec<FnPtr>,
    /// The number of values copied.
    pub(in crate::script) values: usize,
}

/// Copies a scope and the closures that share variables with it.
pub(super) fn copy_scope(scope: &Scope<'static>, closures: &[FnPtr]) -> Copied {
    let mut copier = Copier::default();
    let mut copy = Scope::new();
    let variables: Vec<_> = scope.iter_raw().collect();
    // Rhai lists the newest variable first.
    for (name, constant, value) in variables.into_iter().rev() {
        let value = copier.copy(value);
        if constant {
            copy.push_constant_dynamic(name, value);
        } else {
            copy.push_dynamic(name, value);
        }
    }
    let closures = closures.iter().map(|closure| copier.copy_closure(closure));
    Copied {
        closures: closures.collect(),
        scope: copy,
        values: copier.values,
    }
}

/// A copy of a value that shares nothing with it.
pub(in crate::script) fn own_copy(value: &Dynamic) -> Dynamic {
    Copier::default().copy(value)
}

/// How deeply nested values are copied.
const MAX_DEPTH: usize = 1_000;

#[derive(Default)]
struct Copier {
    depth: usize,
    /// The copy of each shared cell, by the address of its content.
    cells: BTreeMap<usize, Dynamic>,
    values: usize,
}

impl Copier {
    fn copy(&mut self, value: &Dynamic) -> Dynamic {
        self.values += 1;
        if self.depth == MAX_DEPTH {
            return value.clone();
        }
        self.depth += 1;
        let copied = if value.is_shared() {
            self.copy_cell(value)
        } else {
            self.copy_content(value)
        };
        self.depth -= 1;
        copied
    }

    fn copy_content(&mut self, value: &Dynamic) -> Dynamic {
        let copied = if let Some(array) = value.read_lock::<Array>() {
            let items = array.iter().map(|item| self.copy(item));
            Dynamic::from(items.collect::<Array>())
        } else if let Some(map) = value.read_lock::<Map>() {
            let entries = map.iter().map(|(key, item)| (key.clone(), self.copy(item)));
            Dynamic::from(entries.collect::<Map>())
        } else if let Some(function) = value.read_lock::<FnPtr>() {
            Dynamic::from(self.copy_closure(&function))
        } else {
            value.clone()
        };
        if value.is_read_only() {
            copied.into_read_only()
        } else {
            copied
        }
    }

    fn copy_closure(&mut self, closure: &FnPtr) -> FnPtr {
        let mut closure = closure.clone();
        for captured in closure.iter_curry_mut() {
            *captured = self.copy(captured);
        }
        closure
    }

    fn copy_cell(&mut self, shared: &Dynamic) -> Dynamic {
        let place = shared
            .read_lock::<Dynamic>()
            .map(|held| std::ptr::from_ref::<Dynamic>(&held) as usize);
        let Some(place) = place else {
            // Cells are locked only while a script runs.
            return shared.flatten_clone();
        };
        if let Some(copied) = self.cells.get(&place) {
            return copied.clone();
        }
        // Registered before its content is copied, because the content may contain the cell itself.
        let cell = Dynamic::UNIT.into_shared();
        self.cells.insert(place, cell.clone());
        let content = shared.read_lock::<Dynamic>().map(|held| self.copy(&held));
        let mut writable = cell.clone();
        if let (Some(content), Some(mut held)) = (content, writable.write_lock::<Dynamic>()) {
            *held = content;
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Limits, Session};

    fn session(script: &str) -> Session {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        session.run(script).unwrap();
        session
    }

    /// The value of an expression before and after the other scope replaces the first.
    fn in_both(session: &mut Session, copy: Scope<'static>, expression: &str) -> (String, String) {
        let in_original = session.eval(expression).unwrap();
        session.scope = copy;
        (in_original, session.eval(expression).unwrap())
    }

    #[test]
    fn a_copy_does_not_follow_its_original() {
        let script =
            "let a = [1, [2]]; let m = #{x: [3]}; let n = 4; let f = || n += 1; const C = 5;";
        let mut session = session(script);
        let Copied {
            scope: copy,
            values,
            ..
        } = copy_scope(&session.scope, &[]);
        assert!(values >= 9, "{values}");
        session.run("a[1][0] = 20; m.x[0] = 30; f.call();").unwrap();
        let sums = in_both(&mut session, copy, "a[1][0] + m.x[0] + n");
        assert_eq!(sums, ("55".to_owned(), "9".to_owned()));
        assert!(session.run("C = 6").is_err());
    }

    #[test]
    fn what_was_one_cell_is_one_cell_in_the_copy() {
        let mut session = session("let n = 0; let f = || n += 1; let g = || n += 10;");
        let copy = copy_scope(&session.scope, &[]).scope;
        let sums = in_both(&mut session, copy, "f.call(); g.call(); n");
        assert_eq!(sums, ("11".to_owned(), "11".to_owned()));
    }

    #[test]
    fn a_cell_that_contains_itself_is_copied() {
        let mut session = session("let a = [1]; let f = || a; a = [1, f];");
        let copy = copy_scope(&session.scope, &[]).scope;
        session.run("a[0] = 2;").unwrap();
        assert_eq!(
            in_both(&mut session, copy, "a[0]"),
            ("2".to_owned(), "1".to_owned())
        );
    }
}
