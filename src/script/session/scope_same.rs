//! Whether two scopes hold the same: a line after which they do has changed no variable.

use super::value::{Call, Task, View};
use crate::script::api;
use rhai::{Array, Blob, Dynamic, FnPtr, ImmutableString, Map, Scope};
use std::collections::BTreeSet;

/// How deeply nested values are compared. A copy shares what is nested deeper.
const MAX_DEPTH: usize = 1_000;

/// Whether two scopes have the same variables with the same values.
pub(super) fn same_scope(a: &Scope<'static>, b: &Scope<'static>) -> bool {
    let mut comparison = Comparison::default();
    let mut pairs = a.iter_raw().zip(b.iter_raw());
    a.len() == b.len()
        && pairs.all(|((a_name, a_constant, a), (b_name, b_constant, b))| {
            (a_name, a_constant) == (b_name, b_constant) && comparison.same(a, b)
        })
}

/// Whether two values are the same.
pub(in crate::script) fn same_value(a: &Dynamic, b: &Dynamic) -> bool {
    Comparison::default().same(a, b)
}

#[derive(Default)]
struct Comparison {
    depth: usize,
    /// The cells that have been compared, by the addresses of their contents. A cell can contain
    /// itself.
    cells: BTreeSet<(usize, usize)>,
}

impl Comparison {
    fn same(&mut self, a: &Dynamic, b: &Dynamic) -> bool {
        if a.is_shared() != b.is_shared() || a.type_id() != b.type_id() {
            return false;
        }
        if let (true, Some(a), Some(b)) = (a.is_shared(), address(a), address(b))
            && !self.cells.insert((a, b))
        {
            return true;
        }
        if self.depth == MAX_DEPTH {
            return true;
        }
        self.depth += 1;
        let same = self.same_content(a, b);
        self.depth -= 1;
        same
    }

    fn same_content(&mut self, a: &Dynamic, b: &Dynamic) -> bool {
        if let (Some(a), Some(b)) = (a.read_lock::<Array>(), b.read_lock::<Array>()) {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| self.same(a, b))
        } else if let (Some(a), Some(b)) = (a.read_lock::<Map>(), b.read_lock::<Map>()) {
            let mut pairs = a.iter().zip(b.iter());
            a.len() == b.len() && pairs.all(|((k, a), (l, b))| k == l && self.same(a, b))
        } else if let (Some(a), Some(b)) = (a.read_lock::<FnPtr>(), b.read_lock::<FnPtr>()) {
            let mut curried = a.iter_curry().zip(b.iter_curry());
            a.fn_name() == b.fn_name()
                && a.iter_curry().count() == b.iter_curry().count()
                && curried.all(|(a, b)| self.same(a, b))
        } else if let (Some(a), Some(b)) = (a.read_lock::<View>(), b.read_lock::<View>()) {
            a.text == b.text && self.same(&a.data, &b.data)
        } else {
            same_word(a, b)
        }
    }
}

/// Compares values without parts. Values of a type that cannot be compared count as different.
fn same_word(a: &Dynamic, b: &Dynamic) -> bool {
    a.is_unit()
        || alike::<i64>(a, b)
        || alike::<bool>(a, b)
        || alike::<char>(a, b)
        || alike::<ImmutableString>(a, b)
        || alike::<Blob>(a, b)
        || alike::<std::ops::Range<i64>>(a, b)
        || alike::<std::ops::RangeInclusive<i64>>(a, b)
        || alike::<Task>(a, b)
        || alike::<Call>(a, b)
        || matches!((a.as_float(), b.as_float()), (Ok(a), Ok(b)) if a.to_bits() == b.to_bits())
        || api::same_object(a, b)
}

/// Whether both are equal values of that type.
pub(in crate::script) fn alike<T: PartialEq + Clone + 'static>(a: &Dynamic, b: &Dynamic) -> bool {
    matches!((a.read_lock::<T>(), b.read_lock::<T>()), (Some(a), Some(b)) if *a == *b)
}

/// The address of what a cell contains. Cells are locked only while a script runs.
fn address(cell: &Dynamic) -> Option<usize> {
    let held = cell.read_lock::<Dynamic>()?;
    Some(std::ptr::from_ref::<Dynamic>(&held) as usize)
}

#[cfg(test)]
mod tests {
    use super::super::scope_copy::copy_scope;
    use super::*;
    use crate::script::{Limits, Session};

    /// Whether a line leaves the variables of a script as they were.
    fn leaves(script: &str, line: &str) -> bool {
        let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
        session.run(script).unwrap();
        let before = copy_scope(&session.scope, &[]).scope;
        session.run(line).unwrap();
        same_scope(&before, &session.scope)
    }

    #[test]
    fn every_change_of_a_variable_is_noticed() {
        let script = "let n = 1; let x = 1.5; let a = [1, [2]]; let m = #{b: [3]}; let f = || n; \
                      let v = ps(); let s = \"s\"; let sh = spawn(\"sh\"); let e = trace()[0]; \
                      let w = workload([\"run 1\"]); let z = blob(2, 1); let c = [1]; \
                      let g = || c; c = [g];";
        for line in [
            "n + a[0]",
            "ps()",
            "v.to_string()",
            "f.call()",
            "sh.pid",
            "e.seq",
        ] {
            assert!(leaves(script, line), "{line}");
        }
        for line in [
            "n = 2",
            "x = 2.5",
            "a[1][0] = 3",
            "m.b.push(1)",
            "m.c = 1",
            "f = || 7",
            "s += 1",
            "v = meminfo()",
            "z[0] = 9",
            "e = trace()[1]",
            "w = workload([\"run 2\"])",
            "let q = 1",
            "c = 7",
            "sh = init()",
            "n = 1.0",
        ] {
            assert!(!leaves(script, line), "{line}");
        }
    }
}
