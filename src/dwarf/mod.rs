//! The debug information of C programs: DWARF in an ELF file becomes a [`DebugInfo`], as the
//! compiler of scripts makes one. Files may be damaged or hostile: what cannot be read is left out.

mod functions;
mod lines;
mod places;
mod types;

#[cfg(test)]
mod tests;

use crate::kernel::fs::{DebugInfo, FunctionInfo, GlobalInfo, ObjectInfo, Source};
use gimli::{DebuggingInformationEntry, Dwarf, EndianSlice, LittleEndian, Unit};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::sync::Arc;

/// The bytes of a section.
type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The most entries of all kinds that are read. A C program of 100,000 lines has fewer.
const MAX_ENTRIES: usize = 1 << 20;

/// Who knows the text of source files.
pub type Sources<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// What one C file was compiled to, within the debug information of the program.
struct InUnit<'d, 'a> {
    dwarf: &'d Dwarf<Bytes<'a>>,
    unit: &'d Unit<Bytes<'a>>,
}

/// An entry: a function, a variable, a type.
type Entry<'a> = DebuggingInformationEntry<Bytes<'a>>;

/// Counts what is read, so that no file keeps the reader busy for long.
#[derive(Debug)]
struct Allowance(usize);

impl Allowance {
    /// Takes one; `None` if nothing is left.
    fn take(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// What is known about a program: from its DWARF, or else from its symbols. `text_of` gives the
/// text of a source file by the name that the compiler was given.
pub fn debug_info(elf: &[u8], text_of: Sources<'_>) -> DebugInfo {
    let Ok(file) = object::File::parse(elf) else {
        return DebugInfo::default();
    };
    let mut debug = DebugInfo::default();
    if let Ok(dwarf) = load(&file) {
        read_units(&dwarf, &mut debug, text_of);
    }
    debug.frames = places::frames(&file);
    add_symbols(&file, &mut debug);
    debug.lines.sort_by_key(|entry| entry.addr);
    debug.functions.sort_by_key(|function| function.start);
    functions::find_bodies(&mut debug);
    debug.globals.sort_by_key(|global| global.addr);
    debug.objects.sort_by_key(|object| object.addr);
    debug
}

fn load<'a>(file: &object::File<'a>) -> Result<Dwarf<Bytes<'a>>, gimli::Error> {
    Dwarf::load(|id| {
        let section = file.section_by_name(id.name());
        // A section that is compressed or damaged counts as empty.
        let data = section.and_then(|section| section.data().ok());
        Ok(EndianSlice::new(data.unwrap_or_default(), LittleEndian))
    })
}

fn read_units(dwarf: &Dwarf<Bytes<'_>>, debug: &mut DebugInfo, text_of: Sources<'_>) {
    let mut left = Allowance(MAX_ENTRIES);
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let unit = InUnit { dwarf, unit: &unit };
        if read_unit(&unit, debug, &mut left, text_of).is_none() {
            return;
        }
    }
}

/// Reads what one C file was compiled to; `None` if there is too much of it.
fn read_unit(
    unit: &InUnit<'_, '_>,
    debug: &mut DebugInfo,
    left: &mut Allowance,
    text_of: Sources<'_>,
) -> Option<()> {
    lines::read(unit, debug, left, text_of)?;
    let mut types = types::Types::new(&mut debug.types);
    let found = functions::read(unit, &mut types, left)?;
    debug.functions.extend(found.functions);
    // The variables of the C library are nobody's business: its sources are not known.
    let name = unit.unit.name.map(text);
    let own = debug
        .sources
        .iter()
        .any(|source| Some(&source.name) == name.as_ref() && !source.text.is_empty());
    if own {
        debug.globals.extend(found.globals);
    }
    Some(())
}

/// The number of a source file, which is added if it is new.
fn source_number(sources: &mut Vec<Source>, name: &str, text_of: Sources<'_>) -> Option<u16> {
    if let Some(known) = sources.iter().position(|source| &*source.name == name) {
        return u16::try_from(known).ok();
    }
    let number = u16::try_from(sources.len()).ok()?;
    sources.push(Source {
        name: name.into(),
        text: text_of(name).unwrap_or_default().into(),
    });
    Some(number)
}

/// Functions and variables without debug information have symbols still.
fn add_symbols(file: &object::File<'_>, debug: &mut DebugInfo) {
    let known: std::collections::BTreeSet<u32> = debug
        .functions
        .iter()
        .map(|function| function.start)
        .collect();
    // The symbols that are private to a file stand behind the symbol of the file.
    let mut source: Arc<str> = Arc::default();
    for symbol in file.symbols().take(MAX_ENTRIES) {
        if symbol.kind() == SymbolKind::File {
            source = symbol.name().unwrap_or_default().into();
        }
        let (Ok(name), Ok(start)) = (symbol.name(), u32::try_from(symbol.address())) else {
            continue;
        };
        let size = u32::try_from(symbol.size()).unwrap_or(0);
        if symbol.kind() == SymbolKind::Data && size > 0 {
            let file = if symbol.is_local() {
                source.clone()
            } else {
                Arc::default()
            };
            debug.objects.push(ObjectInfo {
                name: name.into(),
                file,
                addr: start,
                size,
            });
        }
        if symbol.kind() == SymbolKind::Text && size > 0 && !known.contains(&start) {
            debug.functions.push(FunctionInfo {
                name: name.into(),
                start,
                end: start.saturating_add(size),
                body: start,
                locals: Vec::new(),
            });
        }
    }
}

/// A name of the file, made printable.
fn text(bytes: Bytes<'_>) -> Arc<str> {
    bytes.to_string_lossy().into()
}

/// The functions and variables of a unit.
#[derive(Debug, Default)]
struct Found {
    functions: Vec<FunctionInfo>,
    globals: Vec<GlobalInfo>,
}
