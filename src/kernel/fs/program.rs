//! An executable image: what `execve` maps, and what a debugger knows of it.

use crate::abi::PAGE_SIZE;
use std::sync::Arc;

/// Where the text of every program begins, as the i386 linker has it.
pub const TEXT_START: u32 = 0x0804_8000;

/// A program, linked for [`TEXT_START`]. Its file holds the text, padded to whole pages, and then
/// the data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProgramImage {
    /// Machine code, then data that is only read: mapped shared, not writable, from
    /// [`TEXT_START`] on.
    pub text: Vec<u8>,
    /// Data that the program may change: mapped privately from [`data_start`](Self::data_start) on.
    pub data: Vec<u8>,
    /// Bytes after the data that begin as zeros.
    pub bss: u32,
    /// Address of the first instruction.
    pub entry: u32,
    /// What a debugger knows.
    pub debug: DebugInfo,
}

/// What a debugger knows of a program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DebugInfo {
    /// The source text, whose lines [`LineEntry`] counts.
    pub source: Arc<str>,
    /// Name of the source: that of a script, or `<prompt>`.
    pub source_name: Arc<str>,
    /// Which source position each instruction comes from, in order of address.
    pub lines: Vec<LineEntry>,
    /// The functions, in order of address.
    pub functions: Vec<FunctionInfo>,
    /// Variables that live in data or bss.
    pub globals: Vec<GlobalInfo>,
}

/// From `addr` on, up to the next entry, instructions come from this source position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineEntry {
    /// Address of an instruction.
    pub addr: u32,
    /// Line, from 1; 0 for code that no source line stands for (start-up, library).
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// A statement begins here: where a breakpoint on the line goes, and where `next_line` stops.
    pub statement: bool,
}

/// A function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionInfo {
    /// Its name; `<closure 22:31>` for a closure.
    pub name: Arc<str>,
    /// Address of its first instruction.
    pub start: u32,
    /// Address after its last one.
    pub end: u32,
    /// Address of the first instruction after the frame is set up.
    pub body: u32,
    /// Parameters, then local variables in the order of the source.
    pub locals: Vec<LocalInfo>,
}

/// A parameter or a local variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalInfo {
    /// Its name.
    pub name: Arc<str>,
    /// What it holds.
    pub kind: ValueKind,
    /// Where it is while an instruction from `from` up to but without `to` runs.
    pub place: Place,
    /// It exists from this address on.
    pub from: u32,
    /// It exists no longer from this address on.
    pub to: u32,
}

/// A global variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalInfo {
    /// Its name.
    pub name: Arc<str>,
    /// What it holds.
    pub kind: ValueKind,
    /// Its address.
    pub addr: u32,
}

/// What a variable holds, for showing it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// A signed 32-bit integer.
    Int,
    /// `false` or `true`: 0 or 1.
    Bool,
    /// A character: its code point.
    Char,
    /// The address of bytes that end with a zero.
    Str,
    /// So many words in place.
    Array(u32),
    /// The address of a variable that a closure shares with its maker.
    Captured,
    /// The address of a function.
    Function,
}

/// Where a variable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At `[ebp + n]`.
    Frame(i32),
    /// In a register, by its number in machine code (0 eax, 1 ecx, 2 edx, 3 ebx, 6 esi, 7 edi).
    Register(u8),
}

impl ProgramImage {
    /// Pages of the text.
    pub const fn text_pages(&self) -> u32 {
        (self.text.len() as u32).div_ceil(PAGE_SIZE)
    }

    /// Address of the data: the page after the text.
    pub const fn data_start(&self) -> u32 {
        TEXT_START + self.text_pages() * PAGE_SIZE
    }

    /// Size of its file in bytes.
    pub const fn file_size(&self) -> u32 {
        match self.data.len() {
            0 => self.text.len() as u32,
            data => self.text_pages() * PAGE_SIZE + data as u32,
        }
    }

    /// Pages that data and bss take.
    pub const fn data_pages(&self) -> u32 {
        (self.data.len() as u32 + self.bss).div_ceil(PAGE_SIZE)
    }

    /// The bytes of its file.
    pub fn file(&self) -> Vec<u8> {
        let mut bytes = self.text.clone();
        if !self.data.is_empty() {
            bytes.resize((self.text_pages() * PAGE_SIZE) as usize, 0);
            bytes.extend_from_slice(&self.data);
        }
        bytes
    }
}

impl DebugInfo {
    /// The source position that the instruction at an address comes from.
    pub fn line_at(&self, addr: u32) -> Option<LineEntry> {
        let after = self.lines.partition_point(|entry| entry.addr <= addr);
        let entry = *self.lines.get(after.checked_sub(1)?)?;
        (entry.line != 0).then_some(entry)
    }

    /// The function that an address lies in.
    pub fn function_at(&self, addr: u32) -> Option<&FunctionInfo> {
        let after = self.functions.partition_point(|f| f.start <= addr);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (addr < function.end).then_some(function)
    }

    /// The function of that name.
    pub fn function(&self, name: &str) -> Option<&FunctionInfo> {
        self.functions.iter().find(|f| &*f.name == name)
    }
}
