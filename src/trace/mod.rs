//! The trace: every decision of the kernel as plain data, in the order of happening.

mod event;
mod field;
mod log;

pub use event::{ArrayKind, EventKind, FlushScope, ForkStep, FrameUse, Placement, TraceEvent};
pub use field::FieldValue;
pub use log::{PidList, PidRun, Record, Stamp, TraceFilter, TraceLog};
