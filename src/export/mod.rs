//! The trace in the formats of other programs.

mod ftrace;

pub use ftrace::{ftrace, ftrace_of};
