//! Functions with their variables, and the variables of the whole program.

use super::types::{Types, name_of};
use super::{Allowance, Entry, Found, InUnit, places};
use crate::kernel::fs::{DebugInfo, FunctionInfo, GlobalInfo, LocalInfo, Place, ValueKind};
use gimli::constants as dw;

/// How many instructions of a function are looked at to find where its frame is set up.
const MAX_PROLOGUE: usize = 100;

/// A function or block that is being read.
struct Scope {
    /// How deep its entry stands.
    depth: isize,
    /// The addresses of its instructions.
    range: (u32, u32),
    /// Where its function's variables are counted from.
    frame_base: Option<Place>,
    /// The number of its function; `None` in what is not read, such as a function that was inlined.
    function: Option<usize>,
}

/// Reads a unit's functions and variables; `None` if there are too many.
pub(super) fn read<'a>(
    unit: &InUnit<'_, 'a>,
    types: &mut Types<'_>,
    left: &mut Allowance,
) -> Option<Found> {
    let mut found = Found::default();
    let mut scopes: Vec<Scope> = Vec::new();
    let Ok(mut raw) = unit.unit.header.entries_raw(&unit.unit.abbreviations, None) else {
        return Some(found);
    };
    let mut entry = Entry::null();
    while !raw.is_empty() {
        left.take()?;
        if raw.read_entry(&mut entry).is_err() {
            break;
        }
        let depth = entry.depth();
        while scopes.last().is_some_and(|scope| depth <= scope.depth) {
            scopes.pop();
        }
        match entry.tag() {
            dw::DW_TAG_subprogram | dw::DW_TAG_lexical_block => {
                scopes.push(scope(unit, &entry, scopes.last(), &mut found, left));
            }
            dw::DW_TAG_inlined_subroutine => scopes.push(Scope {
                depth,
                range: (0, 0),
                frame_base: None,
                function: None,
            }),
            dw::DW_TAG_variable | dw::DW_TAG_formal_parameter => {
                let of = types.of(unit, &entry, left);
                variable(unit, &entry, of, scopes.last(), &mut found, left);
            }
            _ => {}
        }
    }
    Some(found)
}

/// The scope that an entry opens. A function with code is added to those found.
fn scope<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    outer: Option<&Scope>,
    found: &mut Found,
    left: &mut Allowance,
) -> Scope {
    let depth = entry.depth();
    let range = code_range(unit, entry, left);
    if entry.tag() == dw::DW_TAG_lexical_block {
        return Scope {
            depth,
            range: range.or(outer.map(|outer| outer.range)).unwrap_or((0, 0)),
            frame_base: outer.and_then(|outer| outer.frame_base),
            function: outer.and_then(|outer| outer.function),
        };
    }
    let function = range.map(|(start, end)| {
        found.functions.push(FunctionInfo {
            name: name_of(unit, entry, left),
            start,
            end,
            body: start,
            locals: Vec::new(),
        });
        found.functions.len() - 1
    });
    Scope {
        depth,
        range: range.unwrap_or((0, 0)),
        frame_base: places::frame_base(unit, entry),
        function,
    }
}

/// The addresses of the instructions of a function or block, which lie in one piece.
fn code_range<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    left: &mut Allowance,
) -> Option<(u32, u32)> {
    let mut ranges = unit.dwarf.die_ranges(unit.unit, entry).ok()?;
    let mut whole: Option<(u32, u32)> = None;
    while let Ok(Some(range)) = ranges.next() {
        left.take()?;
        let begin = u32::try_from(range.begin).ok()?;
        let end = u32::try_from(range.end).ok()?;
        // What the linker has removed begins at 0.
        if begin == 0 || end <= begin {
            continue;
        }
        whole = Some(match whole {
            None => (begin, end),
            Some((from, to)) => (from.min(begin), to.max(end)),
        });
    }
    whole
}

fn variable<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    of: u32,
    scope: Option<&Scope>,
    found: &mut Found,
    left: &mut Allowance,
) {
    let name = name_of(unit, entry, left);
    if name.is_empty() {
        return;
    }
    let kind = ValueKind::C(of);
    let (range, base) = scope.map_or(((0, u32::MAX), None), |scope| {
        (scope.range, scope.frame_base)
    });
    for span in places::of_variable(unit, entry, base, range, left) {
        match (span.place, scope) {
            // A static variable of a function exists all the time.
            // The linker has removed those at 0.
            (Place::At(0), _) => {}
            (Place::At(addr), _) => found.globals.push(GlobalInfo {
                name: name.clone(),
                kind,
                addr,
            }),
            (place, Some(scope)) => {
                let function = scope.function.and_then(|at| found.functions.get_mut(at));
                if let Some(function) = function {
                    function.locals.push(LocalInfo {
                        name: name.clone(),
                        kind,
                        place,
                        from: span.from,
                        to: span.to,
                    });
                }
            }
            (_, None) => {}
        }
    }
}

/// Finds where each function has set up its frame: at the second statement of its line table, as
/// debuggers assume.
pub(super) fn find_bodies(debug: &mut DebugInfo) {
    let DebugInfo {
        lines, functions, ..
    } = debug;
    for function in functions {
        let first = lines.partition_point(|entry| entry.addr < function.start);
        let mut statements = lines[first..]
            .iter()
            .take(MAX_PROLOGUE)
            .take_while(|entry| entry.addr < function.end)
            .filter(|entry| entry.statement && entry.line != 0);
        if let Some(second) = statements.find(|entry| entry.addr != function.start) {
            function.body = second.addr;
        }
    }
}
