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
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bytes of a section.
type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The most entries of all kinds that are read. A C program of 100,000 lines has fewer.
const MAX_ENTRIES: usize = 1 << 20;
/// The most bytes of a name that are read: as many as a path has.
const MAX_NAME: usize = 4096;

/// Who knows the text of source files.
pub type Sources<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// What one C file was compiled to, within the debug information of the program.
struct InUnit<'d, 'a> {
    dwarf: &'d Dwarf<Bytes<'a>>,
    unit: &'d Unit<Bytes<'a>>,
}

/// An entry: a function, a variable, a type.
type Entry<'a> = DebuggingInformationEntry<Bytes<'a>>;

/// The source files by their names, and who knows their text.
struct SourceFiles<'s> {
    numbers: BTreeMap<Arc<str>, u16>,
    text_of: Sources<'s>,
}

impl SourceFiles<'_> {
    /// The number of a source file, which is added if it is new.
    fn number(&mut self, sources: &mut Vec<Source>, name: &str) -> Option<u16> {
        if let Some(known) = self.numbers.get(name) {
            return Some(*known);
        }
        let number = u16::try_from(sources.len()).ok()?;
        let name: Arc<str> = name.into();
        sources.push(Source {
            name: name.clone(),
            text: (self.text_of)(&name).unwrap_or_default().into(),
        });
        self.numbers.insert(name, number);
        Some(number)
    }
}

/// Counts what is read, so that no file keeps the reader busy for long.
#[derive(Debug)]
struct Allowance(usize);

impl Allowance {
    /// Takes one; `None` if nothing is left.
    fn take(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }

    /// Takes as much as it costs to read a name, and gives the name; nothing if too little is left.
    fn name(&mut self, name: Bytes<'_>) -> Arc<str> {
        const BYTES_OF_AN_ENTRY: usize = 64;
        let left = self.0.checked_sub(name.len() / BYTES_OF_AN_ENTRY);
        self.0 = left.unwrap_or(0);
        left.map(|_| text(name)).unwrap_or_default()
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
    let mut files = SourceFiles {
        numbers: BTreeMap::new(),
        text_of,
    };
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let unit = InUnit { dwarf, unit: &unit };
        if read_unit(&unit, debug, &mut left, &mut files).is_none() {
            return;
        }
    }
}

/// Reads what one C file was compiled to; `None` if there is too much of it.
fn read_unit(
    unit: &InUnit<'_, '_>,
    debug: &mut DebugInfo,
    left: &mut Allowance,
    files: &mut SourceFiles<'_>,
) -> Option<()> {
    left.take()?;
    lines::read(unit, debug, left, files)?;
    let mut types = types::Types::new(&mut debug.types);
    let found = functions::read(unit, &mut types, left)?;
    debug.functions.extend(found.functions);
    // The variables of the C library are nobody's business: its sources are not known.
    let name = unit.unit.name.map(text);
    let number = name.and_then(|name| files.numbers.get(&name).copied());
    if number.is_some_and(|number| !debug.sources[usize::from(number)].text.is_empty()) {
        debug.globals.extend(found.globals);
    }
    Some(())
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
    let bytes = bytes.slice();
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_NAME)]).into()
}

/// The functions and variables of a unit.
#[derive(Debug, Default)]
struct Found {
    functions: Vec<FunctionInfo>,
    globals: Vec<GlobalInfo>,
}
