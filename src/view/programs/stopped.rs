//! Why programs have stopped, and where: faults, breakpoints, watchpoints, goals of stepping.

use super::line_text;
use crate::hw::{Exception, disassemble, missing_extension};
use crate::kernel::fs::DebugInfo;
use crate::kernel::traps::Raised;
use crate::machine::{Crash, Halt, Machine};

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
    let line = place_in_source(&place.program, place.eip);
    let whose = overwritten(machine, crash).unwrap_or_default();
    let pointer = match &crash.pointer {
        None => String::new(),
        Some((name, 0)) => format!("\n  {name} is NULL"),
        Some((name, word)) => format!("\n  {name} is {word:#010x}"),
    };
    format!("{}:{name} {what}\n  {line}{pointer}{whose}", place.pid)
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

/// `line 12 in main: let x = 1;`, in a C file `puzzle.c:12 in main: fork();`.
fn place_in_source(program: &DebugInfo, eip: u32) -> String {
    let function = program.function_at(eip).map(|function| &function.name);
    match (program.line_at(eip), function) {
        (Some(entry), function) => {
            let function = function.map_or("?", |name| name);
            let source = line_text(program, Some(entry));
            let place = match &*program.file_name(entry) {
                "" => format!("line {}", entry.line),
                file => format!("{file}:{}", entry.line),
            };
            format!("{place} in {function}: {source}")
        }
        (None, Some(function)) => format!("{eip:#010x} in {function}"),
        (None, None) => format!("at {eip:#010x}"),
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
    match machine.debug_info(task) {
        Some(program) => format!("{what}{tag} {}", place_in_source(program, eip)),
        None => format!("{what}{tag} no longer runs a program"),
    }
}
