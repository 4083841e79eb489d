//! Programs: where one is, its variables, its code and its memory.

mod c_value;
mod call_chain;
mod code;
mod exploration;
mod stopped;
mod variables;

pub use call_chain::{CallChain, FrameView, call_chain};
pub use code::{Disassembly, Dump, InstructionView, Listing, disassembly, dump, listing};
pub use exploration::{Exploration, died};
pub use stopped::{crash, halt};
pub use variables::{VariableView, Variables, variable_address, variables};

use crate::kernel::fs::{DebugInfo, LineEntry};

/// The text of a source line; empty for code without one.
fn line_text(program: &DebugInfo, entry: Option<LineEntry>) -> &str {
    entry.map_or("", |entry| program.source_line(entry))
}
