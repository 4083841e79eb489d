//! The trace in the formats of other programs.

mod chrome;
mod ftrace;
mod jsonl;
mod memory;
mod moment;
mod page;
mod perfetto;
mod picture;
mod recording;
mod spans;
mod tracedat;
mod tracer;

pub use ftrace::{ftrace, ftrace_of};
pub use jsonl::event_json;
pub use page::page;
pub use picture::Drawing;
pub use recording::{Recorder, recording, summary};
pub use tracer::{Sink, Target, TraceFormat, Tracer, Written};
