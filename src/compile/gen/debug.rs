//! Debug information: lines, functions, variables.

use super::super::checked::{Program, Var, VarKind};
use super::super::tree::Pos;
use super::super::types::{Type, Types};
use super::data::Data;
use crate::kernel::fs::{FunctionInfo, GlobalInfo, LineEntry, LocalInfo, Place, ValueKind};
use std::sync::Arc;

/// A function as a range of instruction numbers.
pub(super) struct Marks {
    pub(super) name: Arc<str>,
    pub(super) start: usize,
    pub(super) body: usize,
    pub(super) end: usize,
    pub(super) locals: Vec<LocalMarks>,
}

/// A variable with the range of instruction numbers in which it exists.
pub(super) struct LocalMarks {
    pub(super) name: Arc<str>,
    pub(super) kind: ValueKind,
    pub(super) place: Place,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Marks {
    pub(super) fn resolve(self, address: impl Fn(usize) -> u32) -> FunctionInfo {
        let locals = self.locals.into_iter().map(|local| LocalInfo {
            name: local.name,
            kind: local.kind,
            place: local.place,
            from: address(local.from),
            to: address(local.to),
        });
        FunctionInfo {
            name: self.name,
            start: address(self.start),
            end: address(self.end),
            body: address(self.body),
            locals: locals.collect(),
        }
    }
}

/// What begins at a place of the line table, where a debugger may stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    Statement,
    Nothing,
}

/// The line table. Of several entries for one address the last counts, but a statement remains one.
pub(super) fn lines(
    marks: &[(usize, Pos, Begins)],
    address: impl Fn(usize) -> u32,
) -> Vec<LineEntry> {
    let mut lines: Vec<LineEntry> = Vec::new();
    for (instruction, pos, begins) in marks {
        let mut entry = LineEntry {
            addr: address(*instruction),
            file: 0,
            line: pos.line,
            column: pos.column,
            statement: *begins == Begins::Statement,
        };
        if let Some(last) = lines.last().copied() {
            if last.addr == entry.addr {
                entry.statement |= last.statement && last.line == entry.line;
                lines.pop();
            } else if (last.line, last.column) == (entry.line, entry.column) && !entry.statement {
                continue;
            }
        }
        lines.push(entry);
    }
    lines
}

/// The kind of value that a variable of a function holds.
pub(super) fn kind(var: &Var, types: &Types) -> ValueKind {
    if var.kind == VarKind::Captured {
        return ValueKind::Captured;
    }
    match types.get(var.ty) {
        // A parameter holds the address of the array.
        Type::Array(..) if var.kind == VarKind::Local => ValueKind::Array(var.words),
        what => of_type(what),
    }
}

fn of_type(what: Type) -> ValueKind {
    match what {
        Type::Bool => ValueKind::Bool,
        Type::Char => ValueKind::Char,
        Type::Str => ValueKind::Str,
        Type::Function(_) => ValueKind::Function,
        Type::Unknown | Type::Unit | Type::Int | Type::Array(..) => ValueKind::Int,
    }
}

/// The global variables, by address.
pub(super) fn globals(program: &Program, data: &Data, start: u32) -> Vec<GlobalInfo> {
    let mut globals: Vec<GlobalInfo> = program
        .globals
        .iter()
        .enumerate()
        .map(|(id, global)| GlobalInfo {
            name: global.name.clone(),
            kind: match program.types.get(global.ty) {
                Type::Array(..) => ValueKind::Array(global.init.len() as u32),
                what => of_type(what),
            },
            addr: start + data.offset(id),
        })
        .collect();
    globals.sort_by_key(|global| global.addr);
    globals
}
