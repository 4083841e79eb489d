//! Memory: what is mapped where, who shares which frame, and what the next access would do.

mod maps;
mod shares;
mod sharing;
mod vtop;
mod why;

pub(super) use maps::is_shared_memory;
pub use maps::{Maps, MapsRow, maps};
pub use shares::{ShareRow, Shares, Verdict, shares};
pub use sharing::{Owner, SharedFrame, Sharing, common_frames, owners, sharing};
pub use vtop::{EntryView, PageView, TlbView, Vtop, pte_flags, vtop};
pub use why::{Area, Fate, Forecast, Mapper, TaskName, Why, forecast, why};
