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

    /// Moves an inactive page to the active list. Returns whether it was there to be moved.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `activate_page()`.
    pub(in crate::kernel::mm) fn activate_page(&mut self, pfn: Pfn) -> bool {
        let flags = self.page(pfn).flags;
        let moves = flags.contains(PageFlags::LRU) && !flags.contains(PageFlags::ACTIVE);
        if moves {
            self.del_page_from_lru(pfn);
            self.add_page_to_lru(pfn, LruList::Active);
            self.state.pgactivate += 1;
        }
        moves
    }

    /// Notes that a page was used: the second time, an inactive page becomes active. Returns whether
    /// it did.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `mark_page_accessed()`.
    pub(in crate::kernel::mm) fn mark_page_accessed(&mut self, pfn: Pfn) -> bool {
        let page = self.page_mut(pfn);
        let waits = PageFlags::LRU | PageFlags::REFERENCED;
        if page.flags.contains(waits) && !page.flags.contains(PageFlags::ACTIVE) {
            page.flags -= PageFlags::REFERENCED;
            self.activate_page(pfn)
        } else {
            page.flags |= PageFlags::REFERENCED;
            false
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

#[cfg(test)]
impl PageAllocator {
    /// Makes a page the next one of its list that reclaim looks at.
    pub(in crate::kernel::mm) fn move_to_tail(&mut self, pfn: Pfn) {
        let list = self.page(pfn).lru_list();
        let zone = &mut self.zones[ZoneIdx::of(pfn) as usize];
        zone.lru[list as usize].del(&mut self.mem_map, pfn);
        zone.lru[list as usize].add_tail(&mut self.mem_map, pfn);
    }

    /// Returns what the CPUs have on their lists to the buddy lists.
    pub(in crate::kernel::mm) fn empty_pcp_lists(&mut self) {
        for zone in &mut self.zones {
            for cpu in 0..zone.pageset.len() {
                for pcp in 0..2 {
                    let list = &mut zone.pageset[cpu].pcp[pcp].list;
                    let mut list = std::mem::replace(list, PageList::new());
                    zone.free_pages_bulk(&mut self.mem_map, list.len(), &mut list);
                }
            }
        }
    }

    /// Takes frames out of the buddy lists of a zone until it has so many, and holds them.
    pub(in crate::kernel::mm) fn leave_free(&mut self, zone: ZoneIdx, free: u32) {
        while self.zones[zone as usize].free_pages > free {
            let taken = self.zones[zone as usize].rmqueue(&mut self.mem_map, 0);
            self.page_mut(taken.unwrap()).get();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mm::alloc::gfp::Gfp;

    fn machine(mode: PagevecMode) -> PageAllocator {
        let mut a = PageAllocator::new(0x4000, 1);
        a.set_pagevec_mode(mode);
        a
    }

    fn page(a: &mut PageAllocator) -> Pfn {
        a.alloc_pages(0, 0, Gfp::HIGHUSER).unwrap()
    }

    fn new_page(a: &mut PageAllocator, list: LruList) -> Pfn {
        let pfn = page(a);
        assert_eq!(a.lru_cache_add(0, pfn, list), []);
        pfn
    }

    fn listed(a: &PageAllocator, list: LruList) -> Vec<Pfn> {
        a.lru(ZoneIdx::Normal, list).collect()
    }

    #[test]
    fn a_page_stays_on_its_list_until_its_last_user_is_gone() {
        let mut a = machine(PagevecMode::Drained);
        let [old, new] = [(); 2].map(|()| new_page(&mut a, LruList::Active));
        assert_eq!(listed(&a, LruList::Active), [new, old]);
        a.get_page(old);
        assert!(!a.put_page(0, old));
        assert_eq!(listed(&a, LruList::Active), [new, old]);
        assert!(a.put_page(0, old));
        assert_eq!(listed(&a, LruList::Active), [new]);
        assert_eq!(a.page(old).flags(), PageFlags::empty());
        a.check().unwrap();
    }

    /// Section 2.4: inactive, then inactive and referenced, then active, then active and referenced.
    #[test]
    fn a_page_that_is_used_twice_becomes_active() {
        let mut a = machine(PagevecMode::Drained);
        let pfn = new_page(&mut a, LruList::Inactive);
        let steps = [(); 4].map(|()| {
            a.mark_page_accessed(pfn);
            a.page(pfn).flags()
        });
        let (lru, referenced) = (PageFlags::LRU, PageFlags::REFERENCED);
        let active = lru | PageFlags::ACTIVE;
        let expected = [
            lru | referenced,
            active,
            active | referenced,
            active | referenced,
        ];
        assert_eq!(steps, expected);
        assert_eq!(a.page_state().pgactivate, 1);
        a.check().unwrap();
    }

    #[test]
    fn the_fourteenth_page_takes_the_others_along() {
        let mut a = machine(PagevecMode::Literal);
        let pages: Vec<Pfn> = (0..13).map(|_| new_page(&mut a, LruList::Active)).collect();
        assert_eq!(listed(&a, LruList::Active), []);
        assert_eq!(a.pagevec(0, LruList::Active), pages);
        assert_eq!(a.page(pages[0]).page_count(), 2);
        let last = new_page(&mut a, LruList::Active);
        let newest_first: Vec<Pfn> = pages.iter().copied().chain([last]).rev().collect();
        assert_eq!(listed(&a, LruList::Active), newest_first);
        assert_eq!(a.page(pages[0]).page_count(), 1);
    }

    #[test]
    fn a_drain_frees_the_pages_that_only_the_vector_held() {
        let mut a = machine(PagevecMode::Literal);
        let [active, dead] = [(); 2].map(|()| new_page(&mut a, LruList::Active));
        let inactive = new_page(&mut a, LruList::Inactive);
        assert!(!a.put_page(0, dead), "its frame is not free yet");
        a.mark_page_accessed(inactive);
        a.mark_page_accessed(inactive);
        assert_eq!(a.page(inactive).flags(), PageFlags::REFERENCED);
        assert_eq!(a.lru_add_drain(0), [dead]);
        assert_eq!(listed(&a, LruList::Active), [active]);
        assert_eq!(listed(&a, LruList::Inactive), [inactive]);
        a.check().unwrap();
    }

    #[test]
    fn isolated_pages_keep_their_order_and_their_kind() {
        let mut a = machine(PagevecMode::Drained);
        let pages = [(); 3].map(|()| new_page(&mut a, LruList::Active));
        let mut taken = PageList::new();
        let scanned = a.isolate_lru_pages(ZoneIdx::Normal, LruList::Active, 2, &mut taken);
        assert_eq!((scanned, taken.len()), (3, 2), "one more is reported");
        assert_eq!(listed(&a, LruList::Active), [pages[2]]);
        let oldest_first = [(); 2].map(|()| a.next_isolated(&mut taken).unwrap());
        assert_eq!(oldest_first, [pages[0], pages[1]]);
        for pfn in oldest_first {
            assert_eq!(a.page(pfn).page_count(), 2);
            a.putback_lru_page(pfn);
            a.put_page_of_many(pfn);
        }
        assert_eq!(listed(&a, LruList::Active), [pages[1], pages[0], pages[2]]);
        a.check().unwrap();
    }
}
