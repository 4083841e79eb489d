//! Memory: what is mapped where, who shares which frame, and what the next access would do.

mod census;
mod frames;
mod lru;
mod maps;
mod meminfo;
mod pagetable;
mod shares;
mod sharing;
mod smaps;
mod vtop;
mod why;

pub use frames::{Frames, FramesBy, FramesWanted, LegendEntry, frames};
pub use lru::{Lru, LruPage, LruView, lru};
pub(super) use maps::is_shared_memory;
pub use maps::{Maps, MapsRow, maps};
pub use meminfo::{BuddyZone, Buddyinfo, Meminfo, Vmstat, buddyinfo, meminfo, vmstat};
pub use pagetable::{PageTableTree, Run, TableView, pagetable};
pub use shares::{ShareRow, Shares, Verdict, shares};
pub use sharing::{Owner, SharedFrame, Sharing, common_frames, owners, sharing};
pub use smaps::{Smaps, SmapsRow, smaps};
pub use vtop::{EntryView, PageView, TlbView, Vtop, pte_flags, vtop};
pub use why::{Area, Fate, Forecast, Mapper, TaskName, Why, forecast, why};
