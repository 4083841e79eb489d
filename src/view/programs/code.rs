//! The instructions of a program, and bytes of its memory.

use super::line_text;
use crate::abi::{TaskId, VirtAddr};
use crate::hw::disassemble;
use crate::kernel::fs::{DebugInfo, FunctionInfo};
use crate::machine::Machine;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;

/// How many lines are listed.
const LISTED: u32 = 10;
/// The most bytes of a function that are disassembled.
const MAX_CODE: u32 = 64 << 10;

/// The instructions of a function, with the source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Disassembly {
    /// Name of the function.
    pub function: String,
    /// Its instructions, in order.
    pub instructions: Vec<InstructionView>,
}

/// A machine instruction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InstructionView {
    /// Address of the instruction.
    pub addr: VirtAddr,
    /// Its bytes in hexadecimal.
    pub bytes: String,
    /// Its text in Intel syntax.
    pub text: String,
    /// The source line that begins with it, 0 for none.
    pub line: u32,
    /// The text of that line.
    pub source: String,
    /// Whether it is the next to be executed.
    pub next: bool,
}

/// The contents of a range of memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Dump {
    /// Address of the first byte.
    pub addr: VirtAddr,
    /// The bytes; `None` where there is no page.
    pub bytes: Vec<Option<u8>>,
}

/// The instructions of a function of a program; without a name, of the one that the task is
/// executing.
pub fn disassembly(machine: &Machine, task: TaskId, name: Option<&str>) -> Option<Disassembly> {
    let program = machine.debug_info(task)?;
    let eip = machine.kernel.task(task).thread.regs.eip;
    let function = match name {
        Some(name) => program.function(name)?,
        None => program.function_at(eip)?,
    };
    let len = (function.end - function.start).min(MAX_CODE) as usize;
    let mm = machine.kernel.task(task).mm()?;
    let bytes = machine.kernel.peek_user(mm, VirtAddr(function.start), len);
    Some(disassemble_function(program, function, &bytes, eip))
}

fn disassemble_function(
    program: &DebugInfo,
    function: &FunctionInfo,
    bytes: &[u8],
    eip: u32,
) -> Disassembly {
    let mut line_before = 0;
    let instructions = disassemble(bytes, function.start).into_iter().map(|found| {
        let entry = program.line_at(found.addr);
        let line = entry.map_or(0, |entry| entry.line);
        let begins = line != line_before && line != 0;
        line_before = line;
        let at = (found.addr - function.start) as usize;
        let bytes = &bytes[at..at + found.len as usize];
        InstructionView {
            addr: VirtAddr(found.addr),
            bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            text: with_name(program, found.text),
            line: if begins { line } else { 0 },
            source: if begins {
                line_text(program, entry).to_owned()
            } else {
                String::new()
            },
            next: eip == found.addr,
        }
    });
    Disassembly {
        function: function.name.to_string(),
        instructions: instructions.collect(),
    }
}

/// The instruction with the name of the function that it calls.
fn with_name(program: &DebugInfo, text: String) -> String {
    let target = text
        .strip_prefix("call 0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let called = target.and_then(|addr| {
        let function = program.function_at(addr)?;
        (function.start == addr).then_some(function)
    });
    called.map_or(text, |function| format!("call {}", function.name))
}

impl Disassembly {
    /// One line per instruction, with the source line that it begins.
    pub fn text(&self) -> Text {
        let mut table = Table::new(&[
            ("", Align::Left),
            ("address", Align::Left),
            ("instruction", Align::Left),
            ("line", Align::Right),
            ("source", Align::Left),
        ]);
        for instruction in &self.instructions {
            let line = match instruction.line {
                0 => Line::default(),
                line => cell(Role::Number, line),
            };
            table.row([
                cell(Role::Good, if instruction.next { ">" } else { "" }),
                cell(Role::Address, format!("{:#010x}", instruction.addr.0)),
                cell(Role::Plain, &instruction.text),
                line,
                cell(Role::Dim, &instruction.source),
            ]);
        }
        let mut text = Text::default();
        text.lines.push(cell(Role::Name, &self.function).plain(":"));
        text.lines.extend(table.text().lines);
        text
    }
}

/// The lines of the source around the one that a program is executing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Listing {
    /// The source file; empty for a script.
    pub file: String,
    /// The line that is executed next.
    pub line: u32,
    /// The lines, each with its number.
    pub lines: Vec<(u32, String)>,
}

/// The source around the line that a program is executing; `None` if that is not known.
pub fn listing(machine: &Machine, task: TaskId) -> Option<Listing> {
    let program = machine.debug_info(task)?;
    let entry = program.line_at(machine.kernel.task(task).thread.regs.eip)?;
    let source = program.sources.get(usize::from(entry.file))?;
    let first = entry.line.saturating_sub(LISTED / 2).max(1);
    let lines = (1..).zip(source.text.lines());
    let lines = lines.skip(first as usize - 1).take(LISTED as usize);
    let lines: Vec<_> = lines
        .map(|(number, line)| (number, line.to_owned()))
        .collect();
    (!lines.is_empty()).then(|| Listing {
        file: program.file_name(entry),
        line: entry.line,
        lines,
    })
}

impl Listing {
    /// The lines with their numbers; `>` marks the one that is executed next.
    pub fn text(&self) -> Text {
        let lines = self.lines.iter().map(|(number, line)| {
            let mark = if *number == self.line { ">" } else { " " };
            cell(Role::Good, mark)
                .add(Role::Number, format!("{number:>5}"))
                .plain(format!("  {line}"))
        });
        Text {
            lines: lines.collect(),
        }
    }
}

/// Bytes of a task's memory, as the task would read them.
pub fn dump(machine: &Machine, task: TaskId, addr: VirtAddr, len: u32) -> Dump {
    let at = |i| VirtAddr(addr.0.wrapping_add(i));
    Dump {
        addr,
        bytes: (0..len).map(|i| machine.peek_byte(task, at(i))).collect(),
    }
}

impl Dump {
    /// Sixteen bytes per line, as words and as characters.
    pub fn text(&self) -> Text {
        let lines = self.bytes.chunks(16).enumerate().map(|(row, bytes)| {
            let addr = self.addr.0.wrapping_add(16 * row as u32);
            let mut line = cell(Role::Address, format!("{addr:#010x}"));
            for word in bytes.chunks(4) {
                let known: Option<Vec<u8>> = word.iter().copied().collect();
                line = match known {
                    Some(word) => {
                        let digits: String = word
                            .iter()
                            .rev()
                            .map(|byte| format!("{byte:02x}"))
                            .collect();
                        line.plain("  ").add(Role::Number, digits)
                    }
                    None => line.plain("  ").add(Role::Bad, "?".repeat(2 * word.len())),
                };
            }
            let character = |byte: &Option<u8>| match byte {
                Some(byte @ 0x20..0x7f) => char::from(*byte),
                _ => '.',
            };
            let blanks = " ".repeat(2 + 10 * (4 - bytes.len().div_ceil(4)));
            line.plain(blanks)
                .add(Role::Dim, bytes.iter().map(character).collect::<String>())
        });
        Text {
            lines: lines.collect(),
        }
    }
}
