//! The trace in the formats of other programs.

mod ftrace;
mod recording;

pub use ftrace::{ftrace, ftrace_of};
pub use recording::{Recorder, recording, summary};
