//! Where a mapping is placed: the search for a gap in the address space.

use super::mm_struct::{Mm, MmLayout};
use crate::abi::{MapFlags, PAGE_SIZE, TASK_SIZE, VirtAddr};
use crate::kernel::syscall::MapRefusal;

/// Where the search from the bottom begins: `TASK_UNMAPPED_BASE`, a third of user space.
pub(super) const TASK_UNMAPPED_BASE: u32 = TASK_SIZE / 3;
/// The smallest gap left for the stack above `mmap_base`.
const MIN_GAP: u32 = 128 << 20;
/// The largest such gap: five sixths of user space.
const MAX_GAP: u32 = TASK_SIZE / 6 * 5;

/// Rounds up to whole pages; 0 if that is beyond 32 bits, as in C.
pub(super) const fn page_align(bytes: u32) -> u32 {
    bytes.wrapping_add(PAGE_SIZE - 1) & !(PAGE_SIZE - 1)
}

impl Mm {
    /// Chooses the layout for a new program from its stack limit, in bytes.
    ///
    /// Linux 2.6.12: `arch/i386/mm/mmap.c`, `arch_pick_mmap_layout()`, without randomisation.
    pub(super) fn pick_mmap_layout(&mut self, stack_limit: Option<u32>) {
        (self.layout, self.mmap_base) = match stack_limit {
            None => (MmLayout::BottomUp, TASK_UNMAPPED_BASE),
            Some(limit) => {
                let gap = limit.clamp(MIN_GAP, MAX_GAP);
                (MmLayout::TopDown, page_align(TASK_SIZE - gap))
            }
        };
        self.free_area_cache = self.mmap_base;
    }

    /// The address for a new mapping of `len` bytes (whole pages, at most `TASK_SIZE`): exactly
    /// `addr` with `MAP_FIXED`, else there if it is free, else where the search finds room.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `get_unmapped_area()`.
    ///
    /// # Errors
    /// `ENOMEM` if there is no room; with `MAP_FIXED` `ENOMEM` beyond user space, `EINVAL` if
    /// `addr` is not page aligned.
    pub(super) fn get_unmapped_area(
        &mut self,
        addr: u32,
        len: u32,
        flags: MapFlags,
    ) -> Result<u32, MapRefusal> {
        if flags.contains(MapFlags::FIXED) {
            return match addr {
                _ if addr > TASK_SIZE - len => Err(MapRefusal::FixedBeyondUserSpace),
                _ if !VirtAddr(addr).is_page_aligned() => Err(MapRefusal::FixedUnaligned),
                _ => Ok(addr),
            };
        }
        let hint = page_align(addr);
        if addr != 0 && hint <= TASK_SIZE - len && self.is_free(hint, len) {
            return Ok(hint);
        }
        match self.layout {
            MmLayout::BottomUp => self.search_bottom_up(len),
            MmLayout::TopDown => self.search_top_down(len),
        }
    }

    /// `addr + len` must not exceed `TASK_SIZE`.
    fn is_free(&self, addr: u32, len: u32) -> bool {
        self.find_vma(VirtAddr(addr))
            .is_none_or(|vma| addr + len <= vma.vm_start)
    }

    /// Linux 2.6.12: `mm/mmap.c`, `arch_get_unmapped_area()`.
    fn search_bottom_up(&mut self, len: u32) -> Result<u32, MapRefusal> {
        let mut start = self.free_area_cache;
        loop {
            if let Some(addr) = self.first_gap(start, len) {
                self.free_area_cache = addr + len;
                return Ok(addr);
            }
            // Holes below the place where the last search ended may have been missed.
            if start == TASK_UNMAPPED_BASE {
                return Err(MapRefusal::NoRoom);
            }
            start = TASK_UNMAPPED_BASE;
        }
    }

    fn first_gap(&self, start: u32, len: u32) -> Option<u32> {
        let mut addr = start;
        while addr <= TASK_SIZE - len {
            match self.find_vma(VirtAddr(addr)) {
                Some(vma) if vma.vm_start < addr + len => addr = vma.vm_end,
                _ => return Some(addr),
            }
        }
        None
    }

    /// Linux 2.6.12: `mm/mmap.c`, `arch_get_unmapped_area_topdown()`.
    fn search_top_down(&mut self, len: u32) -> Result<u32, MapRefusal> {
        let cache = self.free_area_cache;
        if cache >= len && self.is_free(cache - len, len) {
            self.free_area_cache = cache - len;
            return Ok(cache - len);
        }
        if let Some(addr) = self.last_gap(len) {
            self.free_area_cache = addr;
            return Ok(addr);
        }
        // The search from the bottom starts at the cache, which therefore moves to the bottom for
        // it, and then back to where top-down searches start.
        self.free_area_cache = TASK_UNMAPPED_BASE;
        let found = self.search_bottom_up(len);
        self.free_area_cache = self.mmap_base;
        found
    }

    fn last_gap(&self, len: u32) -> Option<u32> {
        let mut end = self.mmap_base;
        while len <= end {
            match self.find_vma(VirtAddr(end - len)) {
                Some(vma) if vma.vm_start < end => end = vma.vm_start,
                _ => return Some(end - len),
            }
        }
        None
    }

    /// Lets the next search see the gap that an area `[start, end)` has left.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `arch_unmap_area()` and `arch_unmap_area_topdown()`.
    pub(super) fn unmap_area(&mut self, start: u32, end: u32) {
        match self.layout {
            MmLayout::BottomUp if start >= TASK_UNMAPPED_BASE => {
                self.free_area_cache = self.free_area_cache.min(start);
            }
            MmLayout::BottomUp => {}
            MmLayout::TopDown => {
                self.free_area_cache = self.free_area_cache.max(end).min(self.mmap_base);
            }
        }
    }
}
