//! The page allocator: `struct page`, zones, the buddy lists and the per-CPU lists in front of them.
//!
//! It names nothing else of the kernel, not even of memory management: it hands out frame numbers
//! and counts who uses them, and does not know what for. Only it links pages into free lists, moves
//! a page's two counts, and changes the sizes of a zone; [`PageAllocator::check`] compares them.
//!
//! | what | where |
//! |---|---|
//! | one frame and its two counts; lists of frames | `page`, `page_list` |
//! | a zone and how much of it must stay free; the flags of an allocation | `zone`, `gfp` |
//! | blocks of 2^order frames; single pages in front of them | `buddy`, `pcp` |
//! | the LRU lists and the vectors in front of them | `lru` |
//! | the counters of `/proc/vmstat` | `page_state` |
//! | the choice of a zone, references | `page_alloc` |
//! | what is reserved and what is free after boot | `bootmem` |
//! | invariants | `page_check` |

mod bootmem;
mod buddy;
mod gfp;
mod lru;
mod page;
mod page_alloc;
mod page_check;
mod page_list;
mod page_state;
mod pcp;
mod zone;

pub(super) use bootmem::{FIXMAP_TABLE, VSYSCALL_PAGE};
pub(super) use gfp::Gfp;
pub use lru::{LruList, PAGEVEC_SIZE, PagevecMode};
pub use page::{Page, PageFlags, PageMapping};
pub use page_alloc::{MAX_FRAMES, MIN_FRAMES, PageAllocator};
pub(super) use page_list::PageList;
pub use page_state::{PageState, PerZone};
pub use pcp::{PerCpuPages, PerCpuPageset, Temperature};
pub use zone::{
    Caller, DEF_PRIORITY, MAX_DMA_PFN, MAX_ORDER, Shortage, Watermark, Zone, ZoneIdx, ZoneScan,
};
