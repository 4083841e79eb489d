//! Pages that were used: what the trace says of those that become active.

use crate::abi::Pfn;
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

impl Kernel {
    /// Notes that a page was used: the second time, an inactive page becomes active.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `mark_page_accessed()`.
    pub(super) fn mark_page_accessed(&mut self, pfn: Pfn) {
        if self.mem.mark_page_accessed(pfn) {
            self.trace_activation(pfn);
        }
    }

    /// Moves an inactive page to the active list.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `activate_page()`.
    pub(super) fn activate_page(&mut self, pfn: Pfn) {
        if self.mem.activate_page(pfn) {
            self.trace_activation(pfn);
        }
    }

    /// A page that was inactive is active from now on.
    pub(super) fn trace_activation(&mut self, pfn: Pfn) {
        self.trace_current(TraceEvent::LruActivate { pfn });
    }
}
