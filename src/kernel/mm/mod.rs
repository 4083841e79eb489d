//! Memory management: page frames first, then address spaces built on them, then the events in the
//! life of an address space.
//!
//! | what | where |
//! |---|---|
//! | page frames: `struct page`, zones, buddy lists | `page*`, `zone`, `buddy`, `pcp`, `bootmem`, `gfp` |
//! | frames and page tables for the rest of the kernel | `frames`, `pagetable` |
//! | areas and address spaces | `vma`, `mm_struct`, `merge`, `rmap`, `overcommit` |
//! | mapping and unmapping | `area_search`, `mmap`, `populate`, `brk`, `munmap`, `unmap` |
//! | faults and copy on write | `fault`, `memory`, `filemap`, `uaccess` |
//! | fork, exec, exit, switching | `dup`, `exec`, `lifetime`, `switch`, `tlbflush` |
//! | invariants | `page_check`, `check` |

mod access_process;
mod area_search;
mod bootmem;
mod brk;
mod buddy;
mod check;
mod dup;
mod exec;
mod fault;
mod filemap;
mod frames;
mod gfp;
mod lifetime;
mod memory;
mod merge;
mod mm_struct;
mod mmap;
mod munmap;
mod overcommit;
mod page;
mod page_alloc;
mod page_check;
mod page_list;
mod pagetable;
mod pcp;
mod populate;
mod rmap;
mod switch;
#[cfg(test)]
mod tests;
mod tlbflush;
mod uaccess;
mod unmap;
mod vma;
mod zone;

pub use dup::{PteCopy, copy_one_pte};
pub use fault::{
    BadAccess, FaultVerdict, SegvCode, UserFault, UserFaultKind, access_verdict, fault_verdict,
};
pub use filemap::FilePage;
pub use gfp::Gfp;
pub use lifetime::mm_init;
pub use memory::{MmFault, PteFault, WpVerdict, WpWhy, pte_fault_verdict, wp_verdict};
pub use merge::{Merge, can_vma_merge, merge_verdict};
pub use mm_struct::{Mm, MmLayout};
pub use overcommit::{VmStat, enough_memory};
pub use page::{Page, PageFlags, PageMapping};
pub use page_alloc::{MAX_FRAMES, MIN_FRAMES, PageAllocator};
pub use pagetable::{pte_none, pte_present};
pub use pcp::PerCpuPages;
pub use rmap::AnonVma;
pub(super) use uaccess::access_ok;
pub use vma::{VmFlags, Vma};
pub use zone::{MAX_DMA_PFN, MAX_ORDER, Shortage, Watermark, Zone, ZoneIdx};
