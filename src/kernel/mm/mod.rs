//! Memory management: page frames first, then address spaces built on them, then the events in the
//! life of an address space.
//!
//! | what | where |
//! |---|---|
//! | page frames: `struct page`, zones, buddy lists | `alloc`, a room of its own |
//! | frames and page tables for the rest of the kernel | `frames`, `pagetable` |
//! | areas and address spaces | `vma`, `mm_struct`, `merge`, `rmap`, `overcommit` |
//! | mapping and unmapping | `area_search`, `mmap`, `populate`, `brk`, `munmap`, `unmap` |
//! | faults and copy on write | `fault`, `memory`, `filemap`, `uaccess` |
//! | fork, exec, exit, switching | `dup`, `exec`, `lifetime`, `switch`, `tlbflush` |
//! | invariants | `check` |

mod access_process;
mod alloc;
mod area_search;
mod brk;
mod check;
mod dup;
mod exec;
mod fault;
mod filemap;
mod frames;
mod lifetime;
mod memory;
mod merge;
mod mm_struct;
mod mmap;
mod munmap;
mod overcommit;
mod pagetable;
mod populate;
mod rmap;
mod switch;
#[cfg(test)]
mod tests;
mod tlbflush;
mod uaccess;
mod unmap;
mod vma;

pub use alloc::{
    Gfp, MAX_DMA_PFN, MAX_FRAMES, MAX_ORDER, MIN_FRAMES, Page, PageAllocator, PageFlags,
    PageMapping, PerCpuPages, Shortage, Watermark, Zone, ZoneIdx,
};
pub use dup::{PteCopy, copy_one_pte};
pub use fault::{
    BadAccess, FaultVerdict, SegvCode, UserFault, UserFaultKind, access_verdict, fault_verdict,
};
pub use filemap::FilePage;
pub use lifetime::mm_init;
pub use memory::{MmFault, PteFault, WpVerdict, WpWhy, pte_fault_verdict, wp_verdict};
pub use merge::{Merge, can_vma_merge, merge_verdict};
pub use mm_struct::{Mm, MmLayout};
pub use overcommit::{VmStat, enough_memory};
pub use pagetable::{pte_none, pte_present};
pub use rmap::AnonVma;
pub(super) use uaccess::access_ok;
pub use vma::{VmFlags, Vma};
