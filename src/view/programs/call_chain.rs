//! The call stack of a program.

use super::line_text;
use crate::abi::{TaskId, VirtAddr};
use crate::hw::Regs;
use crate::kernel::fs::DebugInfo;
use crate::machine::Machine;
use crate::view::text::{Align, Role, Table, Text, cell};
use serde::Serialize;

/// The most frames that a call chain shows.
const MAX_FRAMES: usize = 64;

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
    /// Source file, if the program has several; empty for one without a line.
    pub file: String,
    /// Source line; 0 if there is none.
    pub line: u32,
    /// Text of the source line.
    pub text: String,
}

/// The call stack of a program; `None` if the task does not run a program.
pub fn call_chain(machine: &Machine, task: TaskId) -> Option<CallChain> {
    let program = machine.debug_info(task)?;
    let mut regs = machine.kernel.task(task).thread.regs;
    let mut frames = Vec::new();
    while frames.len() < MAX_FRAMES {
        let Some(function) = program.function_at(regs.eip) else {
            break;
        };
        // A return address may already belong to the next line.
        let innermost = frames.is_empty();
        let at = if innermost {
            regs.eip
        } else {
            regs.eip.wrapping_sub(1)
        };
        let entry = program.line_at(at);
        frames.push(FrameView {
            function: function.name.to_string(),
            eip: VirtAddr(regs.eip),
            ebp: VirtAddr(regs.ebp),
            file: entry.map_or_else(String::new, |entry| program.file_name(entry)),
            line: entry.map_or(0, |entry| entry.line),
            text: line_text(program, entry).to_owned(),
        });
        match caller(machine, task, program, &regs, innermost) {
            Some(above) => regs = above,
            None => break,
        }
    }
    Some(CallChain { frames })
}

/// The registers of the caller, as far as they are known: where it goes on, and its frame.
fn caller(
    machine: &Machine,
    task: TaskId,
    program: &DebugInfo,
    regs: &Regs,
    innermost: bool,
) -> Option<Regs> {
    let peek = |addr: u32| machine.peek(task, VirtAddr(addr));
    let mut above = *regs;
    match program.frame_at(regs.eip) {
        Some(rule) => {
            let cfa = program.frame_address(regs);
            above.eip = peek(cfa.wrapping_sub(4))?;
            above.esp = cfa;
            if let Some(saved) = rule.ebp {
                above.ebp = peek(cfa.wrapping_add_signed(saved))?;
            }
        }
        // A program that tells of frames does so for all functions that have callers.
        None if !program.frames.is_empty() && !innermost => return None,
        None => {
            // Before the frame is set up, the return address is still at the top of the stack.
            let bare = program.function_at(regs.eip);
            let bare = bare.filter(|function| innermost && regs.eip < function.body);
            match bare {
                Some(function) => {
                    let pushed = if regs.eip == function.start { 0 } else { 4 };
                    above.eip = peek(regs.esp.wrapping_add(pushed))?;
                }
                None => {
                    above.eip = peek(regs.ebp.wrapping_add(4))?;
                    above.ebp = peek(regs.ebp)?;
                }
            }
        }
    }
    Some(above)
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
            let line = match (frame.line, &*frame.file) {
                (0, _) => cell(Role::Dim, "-"),
                (line, "") => cell(Role::Number, line),
                (line, file) => cell(Role::Name, file).plain(":").add(Role::Number, line),
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
