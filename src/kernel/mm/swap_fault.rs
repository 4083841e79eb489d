//! The fault on a page that is in a swap slot.

use super::alloc::PagevecMode;
use super::memory::{MmFault, Spot};
use super::swap_entry::SwapEntry;
use crate::abi::Pfn;
use crate::hw::{AccessKind, Pte, pte_phys};
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

/// What a fault on a swap slot leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SwapInVerdict {
    /// The slot.
    pub entry: SwapEntry,
    /// The page of the swap cache that is mapped. Without one the slot is read, a major fault.
    pub cached: Option<Pfn>,
    /// Page table entries and objects that own the slot.
    pub owners: u16,
    /// Whether a write gets the page itself, because nobody else owns the slot or uses the page.
    /// Otherwise the page is copied, in the same fault.
    pub exclusive: bool,
}

/// Machines with less memory than this read fewer slots at a time, in frames.
const SMALL_MACHINE: u32 = (16 << 20) >> 12;

impl Kernel {
    /// What a fault on a swap slot would lead to now.
    pub fn swap_in_verdict(&self, entry: SwapEntry) -> SwapInVerdict {
        let cached = self.swap.cached(entry);
        let owners = self.swap.count(entry) - u16::from(cached.is_some());
        // The fault's reference, and the swap cache's unless it had one.
        let count = cached.map_or(2, |pfn| self.mem.page(pfn).page_count() + 1);
        // A page that is read alone waits in a pagevec after the drain.
        let alone = || !self.readahead(entry).any(|read| read == entry);
        let literal = self.config.pagevec == PagevecMode::Literal;
        let pending = cached.is_none() && literal && alone();
        SwapInVerdict {
            entry,
            cached,
            owners,
            exclusive: owners == 1 && count == 2 && !pending,
        }
    }

    /// The slots that are read together with one.
    fn readahead(&self, entry: SwapEntry) -> impl Iterator<Item = SwapEntry> + use<> {
        let small = self.ram.frames() < SMALL_MACHINE;
        self.swap
            .valid_swaphandles(entry, if small { 2 } else { 3 })
    }

    /// Maps the page of a swap slot, read from the slot if the swap cache does not have it.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `do_swap_page()`.
    pub(super) fn do_swap_page(
        &mut self,
        spot: &mut Spot,
        pte: Pte,
        entry: SwapEntry,
        access: AccessKind,
    ) -> MmFault {
        let (pfn, result) = match self.lookup_swap_cache(entry) {
            Some(pfn) => (pfn, MmFault::Minor),
            None => match self.swapin(entry) {
                Some(pfn) => (pfn, MmFault::Major),
                None => return MmFault::Oom,
            },
        };
        self.mark_page_accessed(pfn);
        // The frame was taken without the entry being looked at, and reclaim may have been asked
        // for it. It never changes an entry that is not present, but that is its business.
        if self.ram.read_u32(pte_phys(spot.table, spot.addr)) != pte.0 {
            self.put_page(pfn);
            return MmFault::Minor;
        }
        self.swap.swap_free(entry);
        if self.swap.vm_swap_full() {
            self.remove_exclusive_swap_page(pfn);
        }
        self.map_swapped_in(spot, pfn, access, result)
    }

    /// The second half of `do_swap_page()`: the caller's reference becomes the entry's.
    fn map_swapped_in(
        &mut self,
        spot: &mut Spot,
        pfn: Pfn,
        access: AccessKind,
        result: MmFault,
    ) -> MmFault {
        self.mms[spot.mm].rss += 1;
        let write = access == AccessKind::Write;
        let shared = write && !self.can_share(pfn);
        let pte = if write && !shared {
            spot.written_pte(pfn)
        } else {
            Pte::new(pfn, spot.vma.page_prot)
        };
        self.set_pte(spot.table, spot.addr, pte);
        self.page_add_anon_rmap(spot.mm, &spot.vma, spot.addr, pfn);
        self.trace_current(TraceEvent::SwapPage {
            addr: spot.addr,
            pfn,
        });
        // A copy changes nothing in what kind of fault this was.
        if shared && self.do_wp_page(spot, pte) == MmFault::Oom {
            return MmFault::Oom;
        }
        result
    }

    /// Reads the page of a slot, and those of the slots around it.
    pub(super) fn swapin(&mut self, entry: SwapEntry) -> Option<Pfn> {
        self.swapin_readahead(entry);
        let pfn = self.read_swap_cache(entry).ok()??;
        self.mem.page_state_mut().pgmajfault += 1;
        Some(pfn)
    }

    /// Linux 2.6.12: `mm/memory.c`, `swapin_readahead()`.
    fn swapin_readahead(&mut self, entry: SwapEntry) {
        for near in self.readahead(entry) {
            // The swap cache holds the page; the next scan drops it if nobody comes for it.
            match self.read_swap_cache(near) {
                Ok(Some(pfn)) => self.put_page(pfn),
                Ok(None) | Err(_) => break,
            }
        }
        self.lru_add_drain();
    }
}
