//! Pages on their way from and to a swap device. A read is complete at once, a write at the next
//! tick or when somebody waits for it.

use super::alloc::PageFlags;
use super::swap_cache::slot_of;
use super::swap_entry::SwapEntry;
use crate::abi::Pfn;
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

/// KiB that a page is counted as in `pgpgin` and `pgpgout`.
const KIB_OF_A_PAGE: u64 = 4;

impl Kernel {
    /// Reads a page of the swap cache from its slot.
    ///
    /// Linux 2.6.12: `mm/page_io.c`, `swap_readpage()` and `end_swap_bio_read()`.
    pub(super) fn swap_readpage(&mut self, pfn: Pfn, entry: SwapEntry) {
        match self.swap.read(entry) {
            Some(bytes) => self.ram.frame_mut(pfn).copy_from_slice(bytes),
            // Nothing was ever written: the page left the swap cache before it was.
            None => self.ram.zero_frame(pfn),
        }
        let state = self.mem.page_state_mut();
        self.stat.swapped_in += 1;
        state.pswpin += 1;
        state.pgpgin += KIB_OF_A_PAGE;
        self.mem.page_mut(pfn).test_and_set(PageFlags::UPTODATE);
        self.trace_current(TraceEvent::SwapIn {
            pfn,
            slot: entry.slot(),
        });
    }

    /// Writes a page of the swap cache to its slot, unless nobody needs the slot.
    ///
    /// Linux 2.6.12: `mm/page_io.c`, `swap_writepage()`.
    pub(super) fn swap_writepage(&mut self, pfn: Pfn) {
        if self.remove_exclusive_swap_page(pfn) {
            return;
        }
        let entry = slot_of(self.mem.page(pfn)).expect("only pages of the swap cache come here");
        self.swap.write(entry, self.ram.frame(pfn));
        let state = self.mem.page_state_mut();
        self.stat.swapped_out += 1;
        state.pswpout += 1;
        state.pgpgout += KIB_OF_A_PAGE;
        self.trace_current(TraceEvent::SwapOut {
            pfn,
            slot: entry.slot(),
        });
        self.set_page_writeback(pfn);
    }
}
