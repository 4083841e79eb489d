//! Memory management: page frames first, then address spaces built on them, then the events in the
//! life of an address space. It may use the rooms of calls, tasks, the scheduler, signals, time and
//! files.
//!
//! Only this room changes, because each of them must agree with something else:
//!
//! * `mm_users` and `mm_count` (the tasks that use or borrow an address space), with `mmget`,
//!   `mmput`, `mmdrop` and `enter_lazy_tlb`;
//! * the areas of an address space, with its sizes (`total_vm` and its parts, `locked_vm`);
//! * page tables, with `rss`, `anon_rss` and `nr_ptes`;
//! * `cpu_vm_mask`, with CR3 of the CPUs;
//! * where gaps are searched: the layout, `mmap_base` and `free_area_cache`;
//! * the list of areas of an `anon_vma`;
//! * committed memory and the size of the page cache ([`VmStat`]), with areas, shared objects and
//!   cached pages;
//! * who owns a page and at which index, and the two counts of a page, with entries and caches.
//!
//! The free lists, the counts of free frames and the flags of a page belong to `alloc` alone.
//! `Kernel::check_mm` compares all of this with what it counts.
//!
//! | what | where |
//! |---|---|
//! | page frames: `struct page`, zones, buddy lists | `alloc`, a room of its own |
//! | frames and page tables for the rest of the kernel | `frames`, `pagetable` |
//! | areas and address spaces | `vma`, `mm_struct`, `merge`, `rmap`, `overcommit` |
//! | mapping and unmapping | `area_search`, `mmap`, `attach`, `brk`, `munmap`, `unmap` |
//! | changing what is mapped | `mprotect`, `mremap`, `madvise`, `mlock` |
//! | faults and copy on write | `fault`, `memory`, `uaccess`, `peek`, `get_user_pages`, `access_process`, `direct_io` |
//! | the page cache | `filemap`, `file_io`, `readahead`, `fadvise`, `truncate` |
//! | dirty pages: how they are written, of which file, and when | `writeback`, `fs_writeback`, `page_writeback` |
//! | mapped files | `file_pte`, `fremap`, `msync`, `mincore` |
//! | LRU lists, reclaim, the out-of-memory killer | `lru`, `vmscan`, `shrink_list`, `rmap_walk`, `rmap_nonlinear`, `oom_kill` |
//! | kernel threads | `daemon`, `kswapd`, `pdflush` |
//! | swap: areas, turning them on and off, cache, I/O, faults, shared memory | `swapfile`, `swapon`, `unuse`, `swap_entry`, `swap_cache`, `page_io`, `swap_fault`, `shmem` |
//! | fork, exec, exit, switching | `dup`, `exec`, `elf_map`, `lifetime`, `switch`, `tlbflush`, `vsyscall` |
//! | invariants | `check` |

mod access_process;
mod accessed;
mod alloc;
mod area_search;
mod attach;
mod brk;
mod check;
mod daemon;
mod direct_io;
mod dup;
mod elf_map;
mod exec;
mod fadvise;
mod fault;
mod file_io;
mod file_pte;
mod filemap;
mod frames;
mod fremap;
mod fs_writeback;
mod get_user_pages;
mod kswapd;
mod lifetime;
mod lru;
mod madvise;
mod memory;
mod merge;
mod mincore;
mod mlock;
mod mm_struct;
mod mmap;
mod mprotect;
mod mremap;
mod msync;
mod munmap;
mod oom_kill;
mod overcommit;
mod page_io;
mod page_writeback;
mod pagetable;
mod pdflush;
mod peek;
mod readahead;
mod rmap;
mod rmap_nonlinear;
mod rmap_walk;
mod shmem;
mod shrink_list;
mod swap_cache;
mod swap_entry;
mod swap_fault;
mod swapfile;
mod swapon;
mod switch;
#[cfg(test)]
pub(super) mod tests;
mod tlbflush;
mod truncate;
mod uaccess;
mod unmap;
mod unuse;
mod vma;
mod vmscan;
mod vsyscall;
mod writeback;

pub use alloc::{
    LruList, MAX_DMA_PFN, MAX_FRAMES, MAX_ORDER, MIN_FRAMES, PAGEVEC_SIZE, Page, PageAllocator,
    PageFlags, PageMapping, PageState, PagevecMode, PerCpuPages, PerCpuPageset, PerZone, Shortage,
    Temperature, Watermark, Zone, ZoneIdx, ZoneScan,
};
pub use attach::ShmMap;
pub use direct_io::{DirectIo, DirectIos, IoDirection};
pub use elf_map::Segment;
pub use fault::{
    BadAccess, FaultVerdict, SegvCode, UserFault, UserFaultKind, access_verdict, fault_verdict,
};
pub use file_pte::pte_to_pgoff;
pub use filemap::FilePage;
pub use fs_writeback::DirtyInodes;
pub use kswapd::Kswapd;
pub(super) use lifetime::mm_init;
pub use memory::{PteFault, WpVerdict, WpWhy, pte_fault_verdict, wp_verdict};
pub use mm_struct::{CoreDump, Mm, MmLayout};
pub use oom_kill::{BadnessFacts, Candidate, Choice, badness, select_bad_process};
pub use overcommit::VmStat;
pub use page_writeback::{DirtyLimits, PageWriteback};
pub use pagetable::pte_present;
pub use rmap::{AnonLink, AnonVma};
pub use swap_cache::slot_of;
pub use swap_entry::SwapEntry;
pub use swap_fault::SwapInVerdict;
pub use swapfile::{PageBytes, SwapArea, SwapInfo};
pub use swapon::SWAP_DEVICE;
pub(super) use uaccess::access_ok;
pub use vma::{VmFlags, VmOps, Vma};
pub use vmscan::reclaims_mapped;
pub use vsyscall::{VSYSCALL, VSYSCALL_ENTRY};
pub use writeback::Writes;
