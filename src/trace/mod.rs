//! The trace: every decision of the kernel as plain data, in the order in which they happen.

mod alloc;
mod calls;
mod cause;
mod event;
mod field;
mod fork;
mod log;
mod shortage;
mod text;

pub use alloc::{Allocation, SlabCache};
pub use calls::{AreaKind, CallLog, CallRecord, Memory, Pointed, Seen};
pub use cause::Cause;
pub use event::{
    ArrayKind, EventKind, FlushScope, FrameUse, MigrateReason, Placement, SwitchReason, TraceEvent,
};
pub use field::FieldValue;
pub use fork::{CloneRefusal, CopyStage, ForkStep};
pub use log::{PidList, PidRun, Record, Stamp, TraceFilter, TraceLog};
pub use shortage::{NoMemory, Overcommitted};
pub use text::Text;
