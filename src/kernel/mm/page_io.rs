//! Pages on their way to and from devices. A read is complete at once. A write is complete at the
//! next tick, or when somebody waits for it, whichever comes first.

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
        state.pswpin += 1;
        state.pgpgin += KIB_OF_A_PAGE;
        self.mem.page_mut(pfn).set(PageFlags::UPTODATE);
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
        state.pswpout += 1;
        state.pgpgout += KIB_OF_A_PAGE;
        self.trace_current(TraceEvent::SwapOut {
            pfn,
            slot: entry.slot(),
        });
        self.submit_write(pfn);
    }

    /// A page is under write-back from now on. The device has its contents.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `test_set_page_writeback()`.
    pub(super) fn submit_write(&mut self, pfn: Pfn) {
        self.mem.page_mut(pfn).set(PageFlags::WRITEBACK);
        self.mem.page_state_mut().nr_writeback += 1;
        self.writes.push(pfn);
    }

    /// The writes in flight are complete, in the order in which they were submitted.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `end_page_writeback()`.
    pub(in crate::kernel) fn end_writes(&mut self) {
        for pfn in std::mem::take(&mut self.writes) {
            if self.mem.page(pfn).flags().contains(PageFlags::RECLAIM) {
                self.mem.rotate_reclaimable_page(pfn);
            }
            self.mem.page_mut(pfn).clear(PageFlags::WRITEBACK);
            self.mem.page_state_mut().nr_writeback -= 1;
        }
    }

    /// Whether a device is writing pages.
    pub fn writes_in_flight(&self) -> bool {
        !self.writes.is_empty()
    }
}
