//! The line table: which source line each instruction comes from.

use super::{Allowance, Bytes, InUnit, SourceFiles, text};
use crate::kernel::fs::{DebugInfo, LineEntry};
use gimli::{ColumnType, LineProgramHeader, LineRow};
use std::num::NonZero;

/// Reads the lines of a unit; `None` if there are too many.
pub(super) fn read<'a>(
    unit: &InUnit<'_, 'a>,
    debug: &mut DebugInfo,
    left: &mut Allowance,
    files: &mut SourceFiles<'_>,
) -> Option<()> {
    let Some(program) = unit.unit.line_program.clone() else {
        return Some(());
    };
    let mut rows = program.rows();
    let mut last: Option<(u64, u16)> = None;
    while let Ok(Some((header, row))) = rows.next_row() {
        left.take()?;
        let Ok(addr) = u32::try_from(row.address()) else {
            continue;
        };
        if row.end_sequence() {
            debug.lines.push(LineEntry {
                addr,
                file: 0,
                line: 0,
                column: 0,
                statement: false,
            });
            last = None;
            continue;
        }
        // The file changes seldom, and finding its name is slow.
        let number = match last {
            Some((index, number)) if index == row.file_index() => number,
            _ => {
                let name = file_name(unit, header, row);
                files.number(&mut debug.sources, &name)?
            }
        };
        last = Some((row.file_index(), number));
        debug.lines.push(entry(row, addr, number));
    }
    Some(())
}

fn entry(row: &LineRow, addr: u32, file: u16) -> LineEntry {
    let line = row.line().map_or(0, NonZero::get);
    LineEntry {
        addr,
        file,
        line: u32::try_from(line).unwrap_or(0),
        column: match row.column() {
            ColumnType::LeftEdge => 1,
            ColumnType::Column(column) => u32::try_from(column.get()).unwrap_or(1),
        },
        statement: row.is_stmt(),
    }
}

/// The name of the file of a row, as the compiler was given it: without the working directory.
fn file_name<'a>(
    unit: &InUnit<'_, 'a>,
    header: &LineProgramHeader<Bytes<'a>>,
    row: &LineRow,
) -> String {
    let Some(file) = row.file(header) else {
        return "?".to_owned();
    };
    let part = |value| {
        let name = unit.dwarf.attr_string(unit.unit, value);
        name.map(text).unwrap_or_default()
    };
    let name = part(file.path_name());
    match file.directory(header).map(part) {
        // The directory of the compilation itself has number 0.
        Some(directory) if file.directory_index() != 0 && !directory.is_empty() => {
            format!("{directory}/{name}")
        }
        _ => name.to_string(),
    }
}
