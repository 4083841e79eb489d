//! The LRU lists: each zone has its active and its inactive pages in the order in which reclaim
//! looks at them, from the tail. In front of the lists each CPU may have vectors of pages that have
//! yet to reach them.

use super::page::PageFlags;
use super::page_alloc::PageAllocator;
use super::page_list::PageList;
use super::zone::ZoneIdx;
use crate::abi::Pfn;

/// Which of a zone's lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LruList {
    /// Pages that reclaim frees next.
    Inactive,
    /// Pages that are in use.
    Active,
}

/// How new pages reach their list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PagevecMode {
    /// At once, as if the vectors were drained after each page.
    #[default]
    Drained,
    /// As in 2.6.12: they wait in a vector, which holds a reference to each, until it is full or
    /// somebody drains it.
    Literal,
}

/// Pages that a vector holds (`PAGEVEC_SIZE`).
pub const PAGEVEC_SIZE: usize = 14;

/// A vector of pages on their way to a list: `struct pagevec`.
#[derive(Clone, Debug, Default)]
pub(super) struct Pagevec {
    pages: [Pfn; PAGEVEC_SIZE],
    nr: usize,
}

impl Pagevec {
    fn pages(&self) -> &[Pfn] {
        &self.pages[..self.nr]
    }
}

/// The vectors of a CPU, by [`LruList`].
pub(super) type LruPagevecs = [Pagevec; 2];

impl PageAllocator {
    /// Sets how new pages reach their list. Only at boot: the vectors are empty then.
    pub(in crate::kernel) const fn set_pagevec_mode(&mut self, mode: PagevecMode) {
        self.pagevec_mode = mode;
    }

    /// Puts a new page on a list, or on its way there. Returns the pages that this has freed, whose
    /// last reference was the vector's.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `lru_cache_add()` and `lru_cache_add_active()`.
    pub(in crate::kernel::mm) fn lru_cache_add(
        &mut self,
        cpu: usize,
        pfn: Pfn,
        list: LruList,
    ) -> Vec<Pfn> {
        if self.pagevec_mode == PagevecMode::Drained {
            self.add_page_to_lru(pfn, list);
            return Vec::new();
        }
        self.get_page(pfn);
        let pagevec = &mut self.pagevecs[cpu][list as usize];
        pagevec.pages[pagevec.nr] = pfn;
        pagevec.nr += 1;
        if pagevec.nr < PAGEVEC_SIZE {
            return Vec::new();
        }
        self.pagevec_lru_add(cpu, list)
    }

    /// Moves the pages of a CPU's vectors to their lists. Returns those that this has freed.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `lru_add_drain()`.
    pub(in crate::kernel::mm) fn lru_add_drain(&mut self, cpu: usize) -> Vec<Pfn> {
        if self.pagevec_mode == PagevecMode::Drained {
            return Vec::new();
        }
        let mut freed = self.pagevec_lru_add(cpu, LruList::Inactive);
        freed.extend(self.pagevec_lru_add(cpu, LruList::Active));
        freed
    }

    /// Linux 2.6.12: `mm/swap.c`, `__pagevec_lru_add()`, `__pagevec_lru_add_active()` and
    /// `release_pages()`. The pages that become free are freed from the last to the first.
    fn pagevec_lru_add(&mut self, cpu: usize, list: LruList) -> Vec<Pfn> {
        let pagevec = std::mem::take(&mut self.pagevecs[cpu][list as usize]);
        for pfn in pagevec.pages() {
            self.add_page_to_lru(*pfn, list);
        }
        let pages = pagevec.pages().iter().rev().copied();
        pages.filter(|pfn| self.put_page(cpu, *pfn)).collect()
    }

    /// The pages that are on their way to a list, in the order in which they will get there.
    ///
    /// # Panics
    /// If there is no such CPU.
    pub fn pagevec(&self, cpu: usize, list: LruList) -> &[Pfn] {
        self.pagevecs[cpu][list as usize].pages()
    }

    /// The pages of a list, newest first; reclaim begins at the other end.
    pub fn lru(&self, zone: ZoneIdx, list: LruList) -> impl Iterator<Item = Pfn> {
        self.zone(zone).lru[list as usize].iter(&self.mem_map)
    }

    /// Linux 2.6.12: `include/linux/mm_inline.h`, `add_page_to_active_list()` and
    /// `add_page_to_inactive_list()`.
    fn add_page_to_lru(&mut self, pfn: Pfn, list: LruList) {
        let page = &mut self.mem_map[pfn.index()];
        assert!(
            !page.flags.intersects(PageFlags::LRU | PageFlags::ACTIVE),
            "{pfn} is on an LRU list already"
        );
        page.flags |= PageFlags::LRU;
        page.flags.set(PageFlags::ACTIVE, list == LruList::Active);
        let zone = &mut self.zones[ZoneIdx::of(pfn) as usize];
        zone.lru[list as usize].add(&mut self.mem_map, pfn);
    }

    /// Takes a page off its list, if it is on one.
    ///
    /// Linux 2.6.12: `include/linux/mm_inline.h`, `del_page_from_lru()`.
    pub(super) fn del_page_from_lru(&mut self, pfn: Pfn) {
        let page = &mut self.mem_map[pfn.index()];
        if page.flags.contains(PageFlags::LRU) {
            let list = page.lru_list();
            page.flags -= PageFlags::LRU | PageFlags::ACTIVE;
            let zone = &mut self.zones[ZoneIdx::of(pfn) as usize];
            zone.lru[list as usize].del(&mut self.mem_map, pfn);
        }
    }

    /// Linux 2.6.12: `mm/swap.c`, `activate_page()`.
    pub(in crate::kernel::mm) fn activate_page(&mut self, pfn: Pfn) {
        let flags = self.page(pfn).flags;
        if flags.contains(PageFlags::LRU) && !flags.contains(PageFlags::ACTIVE) {
            self.del_page_from_lru(pfn);
            self.add_page_to_lru(pfn, LruList::Active);
            self.state.pgactivate += 1;
        }
    }

    /// Notes that a page was used: the second time, an inactive page becomes active.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `mark_page_accessed()`.
    pub(in crate::kernel::mm) fn mark_page_accessed(&mut self, pfn: Pfn) {
        let page = self.page_mut(pfn);
        let waits = PageFlags::LRU | PageFlags::REFERENCED;
        if page.flags.contains(waits) && !page.flags.contains(PageFlags::ACTIVE) {
            page.flags -= PageFlags::REFERENCED;
            self.activate_page(pfn);
        } else {
            page.flags |= PageFlags::REFERENCED;
        }
    }

    /// Takes up to `nr_to_scan` pages off the tail of a list, with a reference to each. They keep
    /// their order in `taken`, the oldest last. Returns how many pages were looked at, which 2.6.12
    /// reports as one more.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `isolate_lru_pages()`.
    pub(in crate::kernel::mm) fn isolate_lru_pages(
        &mut self,
        zone: ZoneIdx,
        list: LruList,
        nr_to_scan: u32,
        taken: &mut PageList,
    ) -> u32 {
        let mut scanned = 1;
        while scanned <= nr_to_scan {
            let lru = &mut self.zones[zone as usize].lru[list as usize];
            let Some(pfn) = lru.last() else { break };
            lru.del(&mut self.mem_map, pfn);
            // Like Linux's list, this one has the page that was taken first at its tail.
            taken.add(&mut self.mem_map, pfn);
            self.mem_map[pfn.index()].flags -= PageFlags::LRU;
            self.get_page(pfn);
            scanned += 1;
        }
        scanned
    }

    /// Takes the oldest page off a list of isolated pages.
    pub(in crate::kernel::mm) fn next_isolated(&mut self, taken: &mut PageList) -> Option<Pfn> {
        let pfn = taken.last()?;
        taken.del(&mut self.mem_map, pfn);
        Some(pfn)
    }

    /// Puts a page at the head of a list of isolated pages.
    pub(in crate::kernel::mm) fn add_isolated(&mut self, list: &mut PageList, pfn: Pfn) {
        list.add(&mut self.mem_map, pfn);
    }

    /// Puts an isolated page back, at the head of the list that its `PG_active` says. The reference
    /// of the isolation stays.
    pub(in crate::kernel::mm) fn putback_lru_page(&mut self, pfn: Pfn) {
        let page = self.page_mut(pfn);
        let list = page.lru_list();
        page.flags -= PageFlags::ACTIVE;
        self.add_page_to_lru(pfn, list);
    }

    /// Moves a page whose write has ended to the tail of the inactive list, where reclaim finds it
    /// first, and clears that it is to be reclaimed.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `rotate_reclaimable_page()`.
    pub(in crate::kernel::mm) fn rotate_reclaimable_page(&mut self, pfn: Pfn) {
        let page = &mut self.mem_map[pfn.index()];
        page.flags -= PageFlags::RECLAIM;
        let stays = PageFlags::LOCKED | PageFlags::DIRTY | PageFlags::ACTIVE;
        if page.flags.intersects(stays) || !page.flags.contains(PageFlags::LRU) {
            return;
        }
        let zone = &mut self.zones[ZoneIdx::of(pfn) as usize];
        let inactive = &mut zone.lru[LruList::Inactive as usize];
        inactive.del(&mut self.mem_map, pfn);
        inactive.add_tail(&mut self.mem_map, pfn);
        self.state.pgrotated += 1;
    }
}
