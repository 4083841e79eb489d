//! Programs: where one is, its variables, its code and its memory.

mod exploration;
mod program;

pub use exploration::{Exploration, died};
pub use program::{
    CallChain, Disassembly, Dump, FrameView, InstructionView, VariableView, Variables, call_chain,
    crash, disassembly, dump, halt, variables,
};
