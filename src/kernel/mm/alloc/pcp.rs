//! The per-CPU lists of single pages ("hot" lists) in front of the buddy lists: a CPU gets back
//! first what it freed last, because that is probably still in its cache.
//!
//! Simplified: the second, "cold" list of each CPU serves only read-ahead and is left out.

use super::page::Page;
use super::page_list::PageList;
use super::zone::Zone;
use crate::abi::Pfn;

/// One CPU's hot list for one zone: `struct per_cpu_pages`. Its pages have no users and do not
/// count as free in their zone.
#[derive(Clone, Debug)]
pub struct PerCpuPages {
    /// Refilled when no more pages than this are left.
    pub low: u32,
    /// Drained when a page comes back while it has this many.
    pub high: u32,
    /// Pages moved at a time.
    pub batch: u32,
    pub(super) list: PageList,
}

impl PerCpuPages {
    pub(super) const fn new(batch: u32) -> Self {
        Self {
            low: 2 * batch,
            high: 6 * batch,
            batch,
            list: PageList::new(),
        }
    }

    /// Pages on the list.
    pub const fn count(&self) -> u32 {
        self.list.len()
    }
}

impl Zone {
    /// Allocates a block: single pages from the CPU's hot list, larger ones from the buddy lists.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `buffered_rmqueue()`.
    pub(super) fn buffered_rmqueue(
        &mut self,
        pages: &mut [Page],
        cpu: usize,
        order: u32,
    ) -> Option<Pfn> {
        let pfn = match order {
            0 => self.rmqueue_hot(pages, cpu),
            _ => self.rmqueue(pages, order),
        }?;
        pages[pfn.index()].prep_new_page();
        Some(pfn)
    }

    fn rmqueue_hot(&mut self, pages: &mut [Page], cpu: usize) -> Option<Pfn> {
        let pcp = &self.pageset[cpu];
        if pcp.count() <= pcp.low {
            let batch = pcp.batch;
            let mut list = self.take_hot_list(cpu);
            self.rmqueue_bulk(pages, batch, &mut list);
            self.pageset[cpu].list = list;
        }
        let list = &mut self.pageset[cpu].list;
        let pfn = list.first()?;
        list.del(pages, pfn);
        Some(pfn)
    }

    /// Returns a single page without users to the CPU's hot list.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `free_hot_cold_page()`.
    pub(super) fn free_hot_page(&mut self, pages: &mut [Page], cpu: usize, pfn: Pfn) {
        let pcp = &self.pageset[cpu];
        if pcp.count() >= pcp.high {
            let batch = pcp.batch;
            let mut list = self.take_hot_list(cpu);
            self.free_pages_bulk(pages, batch, &mut list);
            self.pageset[cpu].list = list;
        }
        self.pageset[cpu].list.add(pages, pfn);
    }

    /// Takes the list out of the zone, so that it can be used together with the buddy lists.
    fn take_hot_list(&mut self, cpu: usize) -> PageList {
        std::mem::replace(&mut self.pageset[cpu].list, PageList::new())
    }
}
