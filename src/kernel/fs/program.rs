//! An executable image: what `execve` maps, and its debug information.

use crate::abi::PAGE_SIZE;
use std::sync::Arc;

/// Where the text of every program starts, as with the i386 linker.
pub const TEXT_START: u32 = 0x0804_8000;

/// A program, linked for [`TEXT_START`]. Its file contains the text, padded to whole pages,
/// followed by the data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProgramImage {
    /// Machine code, followed by read-only data: mapped shared and not writable at [`TEXT_START`].
    pub text: Vec<u8>,
    /// Data that the program may change: mapped privately at [`data_start`](Self::data_start).
    pub data: Vec<u8>,
    /// Bytes after the data that are initially zero.
    pub bss: u32,
    /// Address of the first instruction.
    pub entry: u32,
    /// Debug information.
    pub debug: DebugInfo,
}

/// The debug information of a program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DebugInfo {
    /// The source text, to whose lines [`LineEntry`] refers.
    pub source: Arc<str>,
    /// Name of the source: that of a script, or `<prompt>`.
    pub source_name: Arc<str>,
    /// The source position of each instruction, in order of address.
    pub lines: Vec<LineEntry>,
    /// The functions, in order of address.
    pub functions: Vec<FunctionInfo>,
    /// Variables in data or bss.
    pub globals: Vec<GlobalInfo>,
}

/// From `addr` up to the next entry, instructions come from this source position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineEntry {
    /// Address of an instruction.
    pub addr: u32,
    /// Line, from 1; 0 for code without a source line (start-up, library).
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Whether a statement begins here: breakpoints on the line go here, and `next_line` stops
    /// here.
    pub statement: bool,
}

/// A function of a program.
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
    /// Name of the variable.
    pub name: Arc<str>,
    /// The kind of value it holds.
    pub kind: ValueKind,
    /// Where it is while an instruction in `from..to` runs.
    pub place: Place,
    /// First address where it exists.
    pub from: u32,
    /// First address where it no longer exists.
    pub to: u32,
}

/// A global variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalInfo {
    /// Name of the variable.
    pub name: Arc<str>,
    /// The kind of value it holds.
    pub kind: ValueKind,
    /// Address of the variable.
    pub addr: u32,
}

/// The kind of value in a variable, for display.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// A signed 32-bit integer.
    Int,
    /// `false` or `true`: 0 or 1.
    Bool,
    /// A character: its code point.
    Char,
    /// The address of a null-terminated string.
    Str,
    /// That many words, stored in place.
    Array(u32),
    /// The address of a variable that a closure shares with the function that created it.
    Captured,
    /// The address of a function.
    Function,
}

/// The location of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At `[ebp + n]`.
    Frame(i32),
    /// In a register, by its number in machine code (0 eax, 1 ecx, 2 edx, 3 ebx, 6 esi, 7 edi).
    Register(u8),
}

impl ProgramImage {
    /// Number of pages of the text.
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

    /// Number of pages of data and bss.
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
    /// The source position of the instruction at an address.
    pub fn line_at(&self, addr: u32) -> Option<LineEntry> {
        let after = self.lines.partition_point(|entry| entry.addr <= addr);
        let entry = *self.lines.get(after.checked_sub(1)?)?;
        (entry.line != 0).then_some(entry)
    }

    /// The function that contains an address.
    pub fn function_at(&self, addr: u32) -> Option<&FunctionInfo> {
        let after = self.functions.partition_point(|f| f.start <= addr);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (addr < function.end).then_some(function)
    }

    /// The function with that name.
    pub fn function(&self, name: &str) -> Option<&FunctionInfo> {
        self.functions.iter().find(|f| &*f.name == name)
    }
}
