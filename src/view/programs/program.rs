//! Programs: their position in the source, variables, instructions and memory.

use crate::abi::{TaskId, VirtAddr};
use crate::hw::{Exception, disassemble, missing_extension};
use crate::kernel::fs::{FunctionInfo, LocalInfo, Place, ProgramImage, TEXT_START, ValueKind};
use crate::kernel::traps::Raised;
use crate::machine::{Crash, Halt, Machine};
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;

/// The most frames that a call chain shows.
const MAX_FRAMES: usize = 64;
/// The most characters of a string that are shown.
const MAX_STRING: usize = 40;

/// The call stack of a program, innermost function first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CallChain {
    /// One for each call that has not returned.
    pub frames: Vec<FrameView>,
}

/// A call that has not returned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FrameView {
    /// Name of the function.
    pub function: String,
    /// The next instruction, or the one that the call returns to.
    pub eip: VirtAddr,
    /// Frame pointer.
    pub ebp: VirtAddr,
    /// Source line; 0 if there is none.
    pub line: u32,
    /// Text of the source line.
    pub text: String,
}

/// A variable of a program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct VariableView {
    /// Name of the variable.
    pub name: String,
    /// The word that it holds; `None` if it cannot be read.
    pub value: Option<i32>,
    /// The value that the word stands for.
    pub shown: String,
    /// Its location: a register, or an address relative to the frame.
    pub place: String,
}

/// The variables of a function, and the globals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Variables {
    /// Name of the function.
    pub function: String,
    /// Its parameters and local variables.
    pub locals: Vec<VariableView>,
    /// The global variables of the program.
    pub globals: Vec<VariableView>,
}

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

fn source_line(image: &ProgramImage, line: u32) -> &str {
    let at = (line as usize).checked_sub(1);
    let text = at.and_then(|at| image.debug.source.lines().nth(at));
    text.unwrap_or_default().trim()
}

/// The call stack of a program; `None` if the task does not run a program.
pub fn call_chain(machine: &Machine, task: TaskId) -> Option<CallChain> {
    let image = machine.program_of(task)?;
    let regs = machine.kernel.task(task).thread.regs;
    let (mut eip, mut ebp) = (regs.eip, regs.ebp);
    let mut frames = Vec::new();
    // Before the frame is set up, the return address is still at the top of the stack.
    let mut bare = image.debug.function_at(eip).filter(|f| eip < f.body);
    while frames.len() < MAX_FRAMES {
        let Some(function) = image.debug.function_at(eip) else {
            break;
        };
        // A return address may already belong to the next line.
        let at = if frames.is_empty() { eip } else { eip - 1 };
        let line = image.debug.line_at(at).map_or(0, |entry| entry.line);
        frames.push(FrameView {
            function: function.name.to_string(),
            eip: VirtAddr(eip),
            ebp: VirtAddr(ebp),
            line,
            text: source_line(image, line).to_owned(),
        });
        let pushed = bare
            .take()
            .map(|f| regs.esp.wrapping_add(if eip == f.start { 0 } else { 4 }));
        let returns = pushed.unwrap_or_else(|| ebp.wrapping_add(4));
        let Some(to) = machine.peek(task, VirtAddr(returns)) else {
            break;
        };
        if pushed.is_none() {
            let Some(saved) = machine.peek(task, VirtAddr(ebp)) else {
                break;
            };
            ebp = saved;
        }
        eip = to;
    }
    Some(CallChain { frames })
}

impl CallChain {
    /// One line per call.
    pub fn text(&self) -> Text {
        let mut table = Table::new(&[
            ("", Align::Right),
            ("function", Align::Left),
            ("line", Align::Right),
            ("source", Align::Left),
            ("eip", Align::Left),
        ]);
        for (i, frame) in self.frames.iter().enumerate() {
            let line = if frame.line == 0 {
                cell(Role::Dim, "-")
            } else {
                cell(Role::Number, frame.line)
            };
            table.row([
                cell(Role::Dim, format!("#{i}")),
                cell(Role::Name, &frame.function),
                line,
                cell(Role::Plain, &frame.text),
                cell(Role::Address, format!("{:#010x}", frame.eip.0)),
            ]);
        }
        table.text()
    }
}

/// The variables of the function that a program is executing.
pub fn variables(machine: &Machine, task: TaskId) -> Option<Variables> {
    let image = machine.program_of(task)?;
    let eip = machine.kernel.task(task).thread.regs.eip;
    let function = image.debug.function_at(eip);
    let locals = function.map(|f| locals_of(machine, task, f, eip));
    let globals = image.debug.globals.iter().map(|global| VariableView {
        name: global.name.to_string(),
        value: machine
            .peek(task, VirtAddr(global.addr))
            .map(|word| word as i32),
        shown: shown(machine, task, global.kind, global.addr, None),
        place: format!("{:#010x}", global.addr),
    });
    Some(Variables {
        function: function.map_or_else(|| "?".to_owned(), |f| f.name.to_string()),
        locals: locals.unwrap_or_default(),
        globals: globals.collect(),
    })
}

fn locals_of(
    machine: &Machine,
    task: TaskId,
    function: &FunctionInfo,
    eip: u32,
) -> Vec<VariableView> {
    let alive = |local: &&LocalInfo| (local.from..local.to).contains(&eip);
    let view = |local: &LocalInfo| {
        let regs = machine.kernel.task(task).thread.regs;
        let (value, place, addr) = match local.place {
            Place::Frame(offset) => {
                let addr = regs.ebp.wrapping_add_signed(offset);
                let sign = if offset < 0 { '-' } else { '+' };
                let place = format!("[ebp{sign}{}]", offset.unsigned_abs());
                (machine.peek(task, VirtAddr(addr)), place, addr)
            }
            Place::Register(number) => {
                let (name, value) = register(&regs, number);
                (Some(value), name.to_owned(), 0)
            }
        };
        let in_register = matches!(local.place, Place::Register(_));
        let word = in_register.then_some(value).flatten();
        VariableView {
            name: local.name.to_string(),
            value: value.map(|word| word as i32),
            shown: shown(machine, task, local.kind, addr, word),
            place,
        }
    };
    function.locals.iter().filter(alive).map(view).collect()
}

/// A register by its number in machine code.
const fn register(regs: &crate::hw::Regs, number: u8) -> (&'static str, u32) {
    match number {
        0 => ("eax", regs.eax),
        1 => ("ecx", regs.ecx),
        2 => ("edx", regs.edx),
        3 => ("ebx", regs.ebx),
        4 => ("esp", regs.esp),
        5 => ("ebp", regs.ebp),
        6 => ("esi", regs.esi),
        _ => ("edi", regs.edi),
    }
}

/// The value of a variable at an address, or of a word in a register.
fn shown(
    machine: &Machine,
    task: TaskId,
    kind: ValueKind,
    addr: u32,
    register: Option<u32>,
) -> String {
    let Some(word) = register.or_else(|| machine.peek(task, VirtAddr(addr))) else {
        return "not in memory".to_owned();
    };
    match kind {
        ValueKind::Int => (word as i32).to_string(),
        ValueKind::Bool => (word != 0).to_string(),
        ValueKind::Char => format!("{:?}", char::from_u32(word).unwrap_or('\u{fffd}')),
        ValueKind::Str => format!("{word:#010x} {:?}", string_at(machine, task, word)),
        ValueKind::Array(len) => {
            let words = (0..len.min(16)).map(|i| {
                let at = VirtAddr(addr.wrapping_add(4 * i));
                let word = machine.peek(task, at);
                word.map_or_else(|| "?".to_owned(), |word| (word as i32).to_string())
            });
            let words: Vec<String> = words.collect();
            let more = if len > 16 { ", .." } else { "" };
            format!("[{}{more}]", words.join(", "))
        }
        ValueKind::Captured => {
            let value = machine.peek(task, VirtAddr(word));
            let value = value.map_or_else(|| "?".to_owned(), |word| (word as i32).to_string());
            format!("{value} (at {word:#010x})")
        }
        ValueKind::Function => {
            let image = machine.program_of(task);
            let name = image.and_then(|image| image.debug.function_at(word));
            format!("{word:#010x} {}", name.map_or("?", |f| &f.name))
        }
    }
}

fn string_at(machine: &Machine, task: TaskId, addr: u32) -> String {
    let bytes = (0..MAX_STRING as u32)
        .map_while(|i| machine.peek_byte(task, VirtAddr(addr.wrapping_add(i))))
        .take_while(|byte| *byte != 0);
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

impl Variables {
    /// One line per variable.
    pub fn text(&self) -> Text {
        let mut table = Table::new(&[
            ("variable", Align::Left),
            ("value", Align::Left),
            ("place", Align::Left),
        ]);
        let rows = self.locals.iter().map(|variable| (variable, ""));
        let globals = self.globals.iter().map(|variable| (variable, " global"));
        for (variable, note) in rows.chain(globals) {
            table.row([
                cell(Role::Name, &variable.name),
                cell(Role::Number, &variable.shown),
                cell(Role::Address, &variable.place).add(Role::Dim, note),
            ]);
        }
        table.text()
    }
}

/// The instructions of a function of a program; without a name, of the one that the task is
/// executing.
pub fn disassembly(machine: &Machine, task: TaskId, name: Option<&str>) -> Option<Disassembly> {
    let image = machine.program_of(task)?;
    let eip = machine.kernel.task(task).thread.regs.eip;
    let function = match name {
        Some(name) => image.debug.function(name)?,
        None => image.debug.function_at(eip)?,
    };
    Some(disassemble_function(image, function, Some(eip)))
}

fn disassemble_function(
    image: &ProgramImage,
    function: &FunctionInfo,
    eip: Option<u32>,
) -> Disassembly {
    let range = (function.start - TEXT_START) as usize..(function.end - TEXT_START) as usize;
    let bytes = image.text.get(range).unwrap_or_default();
    let mut line_before = 0;
    let instructions = disassemble(bytes, function.start).into_iter().map(|found| {
        let line = image
            .debug
            .line_at(found.addr)
            .map_or(0, |entry| entry.line);
        let begins = line != line_before && line != 0;
        line_before = line;
        let at = (found.addr - function.start) as usize;
        let bytes = &bytes[at..at + found.len as usize];
        InstructionView {
            addr: VirtAddr(found.addr),
            bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            text: with_name(image, found.text),
            line: if begins { line } else { 0 },
            source: if begins {
                source_line(image, line).to_owned()
            } else {
                String::new()
            },
            next: eip == Some(found.addr),
        }
    });
    Disassembly {
        function: function.name.to_string(),
        instructions: instructions.collect(),
    }
}

/// The instruction with the name of the function that it calls.
fn with_name(image: &ProgramImage, text: String) -> String {
    let target = text
        .strip_prefix("call 0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let called = target.and_then(|addr| {
        let function = image.debug.function_at(addr)?;
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

/// The fault for which a program got a signal, in words.
pub fn crash(machine: &Machine, crash: &Crash) -> String {
    let place = &crash.place;
    let what = match crash.raised {
        Raised::Fault(fault) => fault.to_string(),
        Raised::Trap(Exception::InvalidOpcode, signal) => {
            format!("{signal}: {}", missing_instruction(&crash.code, place.eip))
        }
        Raised::Trap(exception, signal) => format!("{signal}: {}", trap_in_words(exception)),
    };
    let name = machine.kernel.names.get(place.name);
    let line = place_in_source(&place.image, place.eip);
    let whose = overwritten(machine, crash).unwrap_or_default();
    format!("{}:{name} {what}\n  {line}{whose}", place.pid)
}

/// Whose stores on its stack a program found: the one that it took for a return address, or else
/// the latest.
fn overwritten(machine: &Machine, crash: &Crash) -> Option<String> {
    let stores = &crash.stores;
    let returned_to = stores.iter().find(|store| store.value == crash.place.eip);
    let store = returned_to.or(stores.last())?;
    let what = if returned_to.is_some() {
        "its return address"
    } else {
        "its stack"
    };
    let name = machine.kernel.names.get(store.name);
    Some(format!(
        "\n  {what} at {:#010x} was overwritten by {}:{name}, which shares the stack: it stored \
         {:#x}",
        store.addr.0, store.pid, store.value
    ))
}

/// The instruction that the CPU does not have, and how to do without it.
fn missing_instruction(code: &[u8], eip: u32) -> String {
    let text = disassemble(code, eip)
        .into_iter()
        .next()
        .map(|line| line.text);
    match (text, missing_extension(code)) {
        (Some(text), Some(extension)) => format!(
            "`{text}` needs {extension}, which this i686 lacks; compile with -march=i686 -mno-sse"
        ),
        (Some(text), None) if text == "ud2" => {
            "ud2, which compilers put where a program must not get to".to_owned()
        }
        _ => trap_in_words(Exception::InvalidOpcode).to_owned(),
    }
}

/// What an instruction did to raise an exception.
const fn trap_in_words(exception: Exception) -> &'static str {
    match exception {
        Exception::DivideError => "a division by zero, or a quotient that does not fit",
        Exception::Debug => "single step",
        Exception::Breakpoint => "int3, a breakpoint instruction",
        Exception::Overflow => "into with an overflow",
        Exception::Bound => "bound with an index out of bounds",
        Exception::InvalidOpcode => "bytes that are not an instruction of this CPU",
        Exception::GeneralProtection(_) => "an instruction or a segment that user mode may not use",
        Exception::DeviceNotAvailable => "the FPU, whose registers are another task's",
        Exception::CoprocessorError => "an earlier floating-point operation, not masked",
        Exception::SegmentNotPresent(_) => "a segment that is not present",
        Exception::StackSegment(_) => "beyond the limit of the stack segment",
        Exception::PageFault(_) => "a page fault",
        Exception::AlignmentCheck => "an address that is not aligned",
    }
}

/// `line 12 in main: let x = 1;`
fn place_in_source(image: &ProgramImage, eip: u32) -> String {
    let function = image.debug.function_at(eip).map_or("?", |f| &f.name);
    match image.debug.line_at(eip) {
        Some(entry) => {
            let source = source_line(image, entry.line);
            format!("line {} in {function}: {source}", entry.line)
        }
        None => format!("{eip:#010x} in {function}"),
    }
}

/// Why programs were stopped, and where.
pub fn halt(machine: &Machine, halt: &Halt) -> String {
    let (what, task) = match *halt {
        Halt::Breakpoint { task, id } => (format!("breakpoint {id}: "), task),
        Halt::Watchpoint {
            task, id, old, new, ..
        } => {
            let word = |word: Option<u32>| {
                word.map_or_else(|| "no page".to_owned(), |word| (word as i32).to_string())
            };
            let (old, new) = (word(old), word(new));
            (format!("watchpoint {id}, {old} -> {new}: "), task)
        }
        Halt::Goal { task } => (String::new(), task),
    };
    if !machine.kernel.tasks().contains_key(task) {
        return format!("{what}the task has exited");
    }
    let name = machine.kernel.names.get(machine.kernel.comm(task));
    let tag = format!("{}:{name}", machine.kernel.pid(task));
    let eip = match *halt {
        Halt::Watchpoint { eip, .. } => eip,
        _ => machine.kernel.task(task).thread.regs.eip,
    };
    match machine.program_of(task) {
        Some(image) => format!("{what}{tag} {}", place_in_source(image, eip)),
        None => format!("{what}{tag} no longer runs a program"),
    }
}
