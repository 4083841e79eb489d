//! The per-CPU lists of single pages in front of the buddy lists: a CPU gets back first what it
//! freed last, because that is probably still in its cache ("hot"). Pages that no cache holds are
//! kept apart ("cold"): those that reclaim has freed, for those that a device will fill.

use super::page::MemMap;
use super::page_list::PageList;
use super::zone::Zone;
use crate::abi::Pfn;

/// Whether the cache of a CPU probably holds a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Temperature {
    /// It was used a moment ago.
    Hot,
    /// It was not used for long.
    Cold,
}

/// One CPU's list of a temperature for one zone: `struct per_cpu_pages`. Its pages have no users
/// and do not count as free in their zone.
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
    const fn new(low: u32, high: u32, batch: u32) -> Self {
        Self {
            low,
            high,
            batch,
            list: PageList::new(),
        }
    }

    /// Pages on the list.
    pub const fn count(&self) -> u32 {
        self.list.len()
    }
}

/// One CPU's lists for one zone, by [`Temperature`]: `struct per_cpu_pageset`.
#[derive(Clone, Debug)]
pub struct PerCpuPageset {
    pub(super) pcp: [PerCpuPages; 2],
}

impl PerCpuPageset {
    /// Linux 2.6.12: `mm/page_alloc.c`, `free_area_init_core()`.
    pub(super) const fn new(batch: u32) -> Self {
        Self {
            pcp: [
                PerCpuPages::new(2 * batch, 6 * batch, batch),
                PerCpuPages::new(0, 2 * batch, batch),
            ],
        }
    }

    /// The list of hot pages.
    pub const fn hot(&self) -> &PerCpuPages {
        &self.pcp[Temperature::Hot as usize]
    }

    /// The list of cold pages.
    pub const fn cold(&self) -> &PerCpuPages {
        &self.pcp[Temperature::Cold as usize]
    }
}

impl Zone {
    /// Allocates a block: single pages from a list of the CPU, larger ones from the buddy lists.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `buffered_rmqueue()`.
    pub(super) fn buffered_rmqueue(
        &mut self,
        pages: &mut MemMap,
        cpu: usize,
        order: u32,
        wanted: Temperature,
    ) -> Option<Pfn> {
        let pfn = match order {
            0 => self.rmqueue_pcp(pages, cpu, wanted),
            _ => self.rmqueue(pages, order),
        }?;
        pages[pfn.index()].prep_new_page();
        Some(pfn)
    }

    fn rmqueue_pcp(&mut self, pages: &mut MemMap, cpu: usize, wanted: Temperature) -> Option<Pfn> {
        let pcp = &self.pageset[cpu].pcp[wanted as usize];
        if pcp.count() <= pcp.low {
            let batch = pcp.batch;
            let mut list = self.take_list(cpu, wanted);
            self.rmqueue_bulk(pages, batch, &mut list);
            self.pageset[cpu].pcp[wanted as usize].list = list;
        }
        let list = &mut self.pageset[cpu].pcp[wanted as usize].list;
        let pfn = list.first()?;
        list.del(pages, pfn);
        Some(pfn)
    }

    /// Returns a single page without users to a list of the CPU.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `free_hot_cold_page()`.
    pub(super) fn free_hot_cold_page(
        &mut self,
        pages: &mut MemMap,
        cpu: usize,
        pfn: Pfn,
        is: Temperature,
    ) {
        let pcp = &self.pageset[cpu].pcp[is as usize];
        if pcp.count() >= pcp.high {
            let batch = pcp.batch;
            let mut list = self.take_list(cpu, is);
            self.free_pages_bulk(pages, batch, &mut list);
            self.pageset[cpu].pcp[is as usize].list = list;
        }
        self.pageset[cpu].pcp[is as usize].list.add(pages, pfn);
    }

    /// Takes the list out of the zone, so that it can be used together with the buddy lists.
    fn take_list(&mut self, cpu: usize, which: Temperature) -> PageList {
        std::mem::replace(
            &mut self.pageset[cpu].pcp[which as usize].list,
            PageList::new(),
        )
    }
}
