//! The physical page allocator: it chooses the zone for an allocation of 2^order frames, and counts
//! the references by which the frames are freed again.
//!
//! It knows frames by number only; their contents lie elsewhere.

use super::bootmem::{Bootmem, EMPTY_ZERO_PAGE, SWAPPER_PG_DIR};
use super::gfp::Gfp;
use super::lru::{LruPagevecs, PagevecMode};
use super::page::{MemMap, Page, PageFlags, PageMapping};
use super::page_state::PageState;
use super::pcp::Temperature;
use super::zone::{Caller, MAX_ORDER, Watermark, Zone, ZoneIdx, ZoneScan};
use crate::abi::{AnonVmaId, Pfn};

/// The smallest machine: 4 MiB, in frames.
pub const MIN_FRAMES: u32 = 0x400;
/// The largest machine: 896 MiB, all that the kernel can map directly, in frames.
pub const MAX_FRAMES: u32 = 0x38000;

/// All page frames of a machine and their users.
#[derive(Clone, Debug)]
pub struct PageAllocator {
    pub(super) mem_map: MemMap,
    pub(super) zones: [Zone; 2],
    /// Pages on their way to the LRU lists, by CPU.
    pub(super) pagevecs: Vec<LruPagevecs>,
    pub(super) pagevec_mode: PagevecMode,
    /// The counters of `/proc/vmstat`.
    pub(super) state: PageState,
}

impl PageAllocator {
    /// Makes what has been written in `mem_map` shareable with copies.
    pub(in crate::kernel) fn share(&mut self) {
        self.mem_map.share();
    }

    /// Where the chunks of `mem_map` lie that copies may have, too, and the bytes of each.
    pub(in crate::kernel) fn shared(&self) -> impl Iterator<Item = (usize, usize)> {
        let bytes = MemMap::CHUNK * size_of::<Page>();
        self.mem_map.shared().map(move |place| (place, bytes))
    }

    /// Boots a machine with this many frames and CPUs: takes the frames that the kernel itself
    /// occupies, and frees the rest through CPU 0.
    ///
    /// Linux 2.6.12: `arch/i386/mm/init.c`, `mem_init()`, and what runs before it.
    ///
    /// # Panics
    /// Unless `frames` is within [`MIN_FRAMES`]..=[`MAX_FRAMES`] and there is a CPU.
    pub(in crate::kernel) fn new(frames: u32, cpus: usize) -> Self {
        assert!(
            (MIN_FRAMES..=MAX_FRAMES).contains(&frames) && cpus > 0,
            "impossible machine"
        );
        let mut allocator = Self {
            mem_map: MemMap::filled(Page::at_boot(), frames as usize),
            zones: Zone::all(frames, cpus),
            pagevecs: vec![LruPagevecs::default(); cpus],
            pagevec_mode: PagevecMode::default(),
            state: PageState::default(),
        };
        Bootmem::setup(frames).free_all_bootmem(|pfn, order| {
            let block = pfn.index()..pfn.index() + (1 << order);
            for frame in block {
                allocator.mem_map[frame].flags.remove(PageFlags::RESERVED);
            }
            // To free a block is to drop its last reference, so that it needs one first.
            allocator.page_mut(pfn).get();
            allocator.free_pages(0, pfn, order);
        });
        allocator
    }

    /// Drops a reference to a block; the last one frees it. Reserved pages stay as they are.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `__free_pages()`.
    ///
    /// # Panics
    /// If the block has no users, or is freed while mapped, cached, locked or on an LRU list.
    pub(in crate::kernel::mm) fn free_pages(&mut self, cpu: usize, pfn: Pfn, order: u32) {
        let page = self.page_mut(pfn);
        if page.is_reserved() || !page.put_testzero() {
            return;
        }
        match order {
            0 => self.free_hot_cold_page(cpu, pfn, Temperature::Hot),
            _ => self.free_pages_ok(pfn, order),
        }
    }

    /// Takes a reference to a page; reserved pages are counted too.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `get_page()`.
    pub(in crate::kernel::mm) fn get_page(&mut self, pfn: Pfn) {
        self.page_mut(pfn).get();
    }

    /// Drops a reference. Returns whether that freed the page. Reserved pages stay as they are.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `put_page()` and `__page_cache_release()`.
    ///
    /// # Panics
    /// As for [`free_pages`](Self::free_pages), except that the page may be on an LRU list.
    pub(in crate::kernel::mm) fn put_page(&mut self, cpu: usize, pfn: Pfn) -> bool {
        let page = self.page_mut(pfn);
        if page.is_reserved() || !page.put_testzero() {
            return false;
        }
        self.del_page_from_lru(pfn);
        self.free_hot_cold_page(cpu, pfn, Temperature::Hot);
        true
    }

    /// Drops the last reference to a page that reclaim has taken off its lists.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `__pagevec_release_nonlru()`.
    pub(in crate::kernel::mm) fn free_reclaimed_page(&mut self, cpu: usize, pfn: Pfn) {
        let last = self.page_mut(pfn).put_testzero();
        assert!(last, "{pfn} was reclaimed and has other users");
        self.free_hot_cold_page(cpu, pfn, Temperature::Cold);
    }

    /// Drops a reference to a page that has others.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `__put_page()`.
    pub(in crate::kernel::mm) fn put_page_of_many(&mut self, pfn: Pfn) {
        let last = self.page_mut(pfn).put_testzero();
        assert!(!last, "{pfn} has no other users");
    }

    /// Counts one more entry that maps an anonymous page.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_add_anon_rmap()`.
    pub(in crate::kernel::mm) fn page_add_anon_rmap(
        &mut self,
        pfn: Pfn,
        owner: AnonVmaId,
        index: u32,
    ) {
        let first = self.page_mut(pfn).page_add_anon_rmap(owner, index);
        self.state.nr_mapped += u64::from(first);
    }

    /// Counts one more entry that maps a page of a file.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_add_file_rmap()`.
    pub(in crate::kernel::mm) fn page_add_file_rmap(&mut self, pfn: Pfn) {
        let first = self.page_mut(pfn).page_add_rmap();
        self.state.nr_mapped += u64::from(first);
    }

    /// Counts one more entry that maps a page which is mapped already.
    ///
    /// Linux 2.6.12: `include/linux/rmap.h`, `page_dup_rmap()`.
    #[inline]
    pub(in crate::kernel::mm) fn page_dup_rmap(&mut self, pfn: Pfn) {
        self.page_mut(pfn).page_add_rmap();
    }

    /// Counts one entry fewer that maps a page.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_remove_rmap()`.
    pub(in crate::kernel::mm) fn page_remove_rmap(&mut self, pfn: Pfn) {
        let last = self.page_mut(pfn).page_remove_rmap();
        self.state.nr_mapped -= u64::from(last);
    }

    /// The counters of `/proc/vmstat`.
    pub const fn page_state(&self) -> &PageState {
        &self.state
    }

    /// The counters of `/proc/vmstat`, to be changed.
    pub(in crate::kernel) const fn page_state_mut(&mut self) -> &mut PageState {
        &mut self.state
    }

    /// The page's descriptor.
    ///
    /// # Panics
    /// If the frame does not exist: check with [`pfn_valid`](Self::pfn_valid) first.
    pub fn page(&self, pfn: Pfn) -> &Page {
        &self.mem_map[pfn.index()]
    }

    /// The page's descriptor, mutable.
    ///
    /// # Panics
    /// If the frame does not exist.
    pub(in crate::kernel::mm) fn page_mut(&mut self, pfn: Pfn) -> &mut Page {
        &mut self.mem_map[pfn.index()]
    }

    /// Whether the frame exists (it may still be a hole or reserved).
    pub fn pfn_valid(&self, pfn: Pfn) -> bool {
        pfn.index() < self.mem_map.len()
    }

    /// The kernel's own page directory.
    pub(in crate::kernel::mm) const fn swapper_pg_dir(&self) -> Pfn {
        SWAPPER_PG_DIR
    }

    /// The zero page, `ZERO_PAGE`, which is reserved.
    pub const fn empty_zero_page(&self) -> Pfn {
        EMPTY_ZERO_PAGE
    }

    /// Frames in the buddy lists (`MemFree`); those in per-CPU lists are not among them.
    pub fn nr_free_pages(&self) -> u32 {
        self.zones.iter().map(|zone| zone.free_pages).sum()
    }

    /// Pages on the inactive lists.
    pub fn nr_inactive(&self) -> u32 {
        self.zones.iter().map(Zone::nr_inactive).sum()
    }

    /// Reserved frames: kernel, holes, `mem_map`.
    pub fn nr_reserved(&self) -> u32 {
        self.count_pages(Page::is_reserved)
    }

    /// Frames with users. A block of several frames counts once, because only its first frame
    /// has a count.
    pub fn frames_in_use(&self) -> u32 {
        self.count_pages(|page| !page.is_reserved() && page.page_count() > 0)
    }

    /// A zone, to read its sizes and watermarks.
    pub fn zone(&self, zone: ZoneIdx) -> &Zone {
        &self.zones[zone as usize]
    }

    /// What reclaim remembers of a zone.
    pub(in crate::kernel::mm) const fn scan_mut(&mut self, zone: ZoneIdx) -> &mut ZoneScan {
        &mut self.zones[zone as usize].scan
    }

    /// First frames of the free blocks of this order, next to be allocated first.
    ///
    /// # Panics
    /// If `order` is not below [`MAX_ORDER`].
    pub fn free_list(&self, zone: ZoneIdx, order: u32) -> impl Iterator<Item = Pfn> {
        self.zone(zone).free_area[order as usize].iter(&self.mem_map)
    }

    /// Frames in the CPU's hot list for the zone, next to be allocated first.
    ///
    /// # Panics
    /// If there is no such CPU.
    pub fn pcp_list(&self, cpu: usize, zone: ZoneIdx) -> impl Iterator<Item = Pfn> {
        self.zone(zone).pageset[cpu].hot().list.iter(&self.mem_map)
    }

    /// Frames in the CPU's cold list for the zone, next to be allocated first.
    ///
    /// # Panics
    /// If there is no such CPU.
    pub fn cold_list(&self, cpu: usize, zone: ZoneIdx) -> impl Iterator<Item = Pfn> {
        self.zone(zone).pageset[cpu].cold().list.iter(&self.mem_map)
    }

    /// The zones that may serve an allocation, best first; the first is its class zone.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `build_zonelists()`.
    pub(in crate::kernel::mm) fn zonelist(&self, gfp: Gfp) -> &'static [ZoneIdx] {
        if gfp.contains(Gfp::DMA) || self.zone(ZoneIdx::Normal).present_pages == 0 {
            &[ZoneIdx::Dma]
        } else {
            &[ZoneIdx::Normal, ZoneIdx::Dma]
        }
    }

    /// Takes 2^`order` frames for a caller on `cpu` from the first zone that can spare them; the
    /// first frame gets one user, the others none. `None` if no zone can, or the order is not below
    /// [`MAX_ORDER`].
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, a loop over the zones in `__alloc_pages()`.
    pub(in crate::kernel::mm) fn get_page_from_zonelist(
        &mut self,
        cpu: usize,
        order: u32,
        gfp: Gfp,
        level: Watermark,
        caller: Caller,
    ) -> Option<Pfn> {
        if order >= MAX_ORDER {
            return None;
        }
        let zonelist = self.zonelist(gfp);
        zonelist.iter().find_map(|&idx| {
            let zone = &mut self.zones[idx as usize];
            zone.zone_watermark_ok(order, zone.mark(level, gfp, caller), zonelist[0])
                .ok()?;
            let temperature = if gfp.contains(Gfp::COLD) {
                Temperature::Cold
            } else {
                Temperature::Hot
            };
            let found = zone.buffered_rmqueue(&mut self.mem_map, cpu, order, temperature);
            if found.is_some() {
                self.state.pgalloc[idx as usize] += 1 << order;
            }
            found
        })
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `free_hot_cold_page()`.
    fn free_hot_cold_page(&mut self, cpu: usize, pfn: Pfn, is: Temperature) {
        let page = self.page_mut(pfn);
        // Not when the last entry went: on another CPU a mapping could be added at that moment.
        if page.is_anon() {
            page.mapping = PageMapping::None;
        }
        page.free_pages_check();
        self.state.pgfree += 1;
        let zone = &mut self.zones[ZoneIdx::of(pfn) as usize];
        zone.free_hot_cold_page(&mut self.mem_map, cpu, pfn, is);
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `__free_pages_ok()`.
    fn free_pages_ok(&mut self, pfn: Pfn, order: u32) {
        for frame in pfn.index()..pfn.index() + (1 << order) {
            self.mem_map[frame].free_pages_check();
        }
        self.state.pgfree += 1 << order;
        let zone = &mut self.zones[ZoneIdx::of(pfn) as usize];
        zone.something_was_freed();
        zone.free_one(&mut self.mem_map, pfn, order);
    }

    fn count_pages(&self, which: impl Fn(&Page) -> bool) -> u32 {
        let pages = self.mem_map.iter();
        pages.filter(|(_, page)| which(page)).count() as u32
    }
}

#[cfg(test)]
impl PageAllocator {
    /// The two attempts that a caller makes before it has to wait for memory.
    pub(in crate::kernel::mm) fn alloc_pages(
        &mut self,
        cpu: usize,
        order: u32,
        gfp: Gfp,
    ) -> Option<Pfn> {
        [Watermark::Low, Watermark::Min]
            .into_iter()
            .find_map(|level| self.get_page_from_zonelist(cpu, order, gfp, level, Caller::Ordinary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::InodeId;
    use crate::kernel::mm::alloc::lru::LruList;

    const MIB: u32 = 256;

    fn pfns(list: impl Iterator<Item = Pfn>) -> Vec<u32> {
        list.map(|pfn| pfn.0).collect()
    }

    /// Frames in the hot lists of all CPUs.
    fn listed(a: &PageAllocator) -> u32 {
        a.zones
            .iter()
            .flat_map(|zone| &zone.pageset)
            .map(|set| set.hot().count() + set.cold().count())
            .sum()
    }

    #[test]
    fn after_boot_every_frame_is_reserved_or_free() {
        // MiB, frames that stay reserved
        let table = [(4, 619), (16, 643), (24, 659), (64, 739), (896, 2403)];
        for (mib, reserved) in table {
            let a = PageAllocator::new(mib * MIB, 2);
            a.check().unwrap();
            assert_eq!(
                (a.nr_reserved(), a.frames_in_use()),
                (reserved, 0),
                "{mib} MiB"
            );
            assert_eq!(
                a.nr_free_pages() + listed(&a) + reserved,
                mib * MIB,
                "{mib} MiB"
            );
            for pfn in [a.swapper_pg_dir(), a.empty_zero_page()] {
                assert!(a.page(pfn).is_reserved());
            }
            assert!(a.pfn_valid(Pfn(mib * MIB - 1)) && !a.pfn_valid(Pfn(mib * MIB)));
        }
    }

    /// 64 MiB: mem_map ends at 0x1081, so 31 single frames follow it and then whole groups.
    #[test]
    fn the_free_lists_of_a_fresh_64_mib_machine() {
        let a = PageAllocator::new(64 * MIB, 1);
        let expected = [
            (0, vec![0x1081]),
            (1, vec![0x1082]),
            (2, vec![0x1084]),
            (3, vec![0x1088]),
            (4, vec![]),
            (5, vec![0x10a0]),
            (6, vec![0x10c0]),
            (7, vec![]),
            (8, vec![0x1100]),
            (9, vec![0x1200]),
            (10, (0x1400..0x4000).step_by(0x400).rev().collect()),
        ];
        for (order, heads) in expected {
            assert_eq!(
                pfns(a.free_list(ZoneIdx::Normal, order)),
                heads,
                "order {order}"
            );
        }
        assert_eq!(
            pfns(a.pcp_list(0, ZoneIdx::Normal)),
            Vec::from_iter((0x1090..0x10a0).rev())
        );
        let bitmap_first = [0x300, 0x31f, 0x31e, 0x31d, 0x31c, 0x31b];
        assert_eq!(pfns(a.pcp_list(0, ZoneIdx::Dma)), bitmap_first);
    }

    /// 64 MiB: the Normal zone's batch is 3, low is 6, high is 18.
    #[test]
    fn hot_lists_refill_at_low_and_drain_at_high() {
        let mut a = PageAllocator::new(64 * MIB, 2);
        let normal = |a: &PageAllocator, cpu| pfns(a.pcp_list(cpu, ZoneIdx::Normal));
        let alloc = |a: &mut PageAllocator, cpu| a.alloc_pages(cpu, 0, Gfp::HIGHUSER).unwrap();

        // CPU 0 has 16 pages since the boot; ten go without any refill.
        for pfn in (0x1096..0x10a0).rev() {
            assert_eq!(alloc(&mut a, 0), Pfn(pfn));
        }
        let free = a.nr_free_pages();
        assert_eq!(
            normal(&a, 0),
            [0x1095, 0x1094, 0x1093, 0x1092, 0x1091, 0x1090]
        );
        assert_eq!(
            alloc(&mut a, 0),
            Pfn(0x1095),
            "three more come in, at the far end"
        );
        let refilled = [
            0x1094, 0x1093, 0x1092, 0x1091, 0x1090, 0x1081, 0x1082, 0x1083,
        ];
        assert_eq!(normal(&a, 0), refilled);
        assert_eq!(a.nr_free_pages(), free - 3);

        // CPU 1 starts with nothing: each of its allocations refills until six are left.
        let taken: Vec<_> = (0..20).map(|_| alloc(&mut a, 1)).collect();
        assert_eq!(taken[0], Pfn(0x1084));
        assert_eq!(normal(&a, 1).len(), 7);
        let free = a.nr_free_pages();
        let lengths: Vec<_> = taken
            .iter()
            .map(|&pfn| {
                assert!(a.put_page(1, pfn));
                normal(&a, 1).len()
            })
            .collect();
        assert_eq!(
            lengths[8..],
            [16, 17, 18, 16, 17, 18, 16, 17, 18, 16, 17, 18]
        );
        assert_eq!(
            a.nr_free_pages(),
            free + 12 - 3,
            "the oldest three, three times"
        );
        assert_eq!(alloc(&mut a, 1), taken[19], "last freed, first reused");
        a.check().unwrap();
    }

    #[test]
    fn a_fresh_page_has_one_user_and_no_history() {
        let mut a = PageAllocator::new(64 * MIB, 1);
        let pfn = a.alloc_pages(0, 0, Gfp::HIGHUSER).unwrap();
        let page = a.page_mut(pfn);
        assert_eq!((page.page_count(), page.page_mapcount()), (1, 0));
        page.mapping = PageMapping::Anon(AnonVmaId::default());
        page.flags |= PageFlags::DIRTY | PageFlags::UPTODATE;
        a.lru_cache_add(0, pfn, LruList::Active);
        a.get_page(pfn);
        assert!(!a.put_page(0, pfn), "one user is left");
        assert!(a.put_page(0, pfn));

        assert_eq!(a.alloc_pages(0, 0, Gfp::HIGHUSER), Some(pfn));
        let page = a.page(pfn);
        assert_eq!(
            (page.flags, page.mapping),
            (PageFlags::empty(), PageMapping::None)
        );
    }

    #[test]
    fn a_larger_block_is_counted_on_its_first_page_only() {
        let mut a = PageAllocator::new(64 * MIB, 1);
        let free = a.nr_free_pages();
        let pfn = a.alloc_pages(0, 1, Gfp::KERNEL).unwrap();
        let counts = [0, 1].map(|i| a.page(Pfn(pfn.0 + i)).page_count());
        assert_eq!(counts, [1, 0]);
        assert_eq!((a.frames_in_use(), a.nr_free_pages()), (1, free - 2));
        a.free_pages(0, pfn, 1);
        assert_eq!((a.frames_in_use(), a.nr_free_pages()), (0, free));
        assert_eq!(a.alloc_pages(0, MAX_ORDER, Gfp::KERNEL), None);
    }

    #[test]
    fn a_reserved_page_is_got_but_never_put() {
        let mut a = PageAllocator::new(4 * MIB, 1);
        let zero = a.empty_zero_page();
        let free = a.nr_free_pages();
        a.get_page(zero);
        a.get_page(zero);
        assert_eq!(a.page(zero).page_count(), 2);
        assert!(!a.put_page(0, zero));
        a.free_pages(0, zero, 0);
        assert_eq!(a.page(zero).page_count(), 2);
        assert_eq!((a.nr_free_pages(), a.frames_in_use()), (free, 0));
    }

    #[test]
    fn callers_get_the_zone_they_ask_for() {
        let zones = |mib| {
            let mut a = PageAllocator::new(mib * MIB, 1);
            [Gfp::HIGHUSER, Gfp::KERNEL, Gfp::KERNEL | Gfp::DMA]
                .map(|gfp| ZoneIdx::of(a.alloc_pages(0, 0, gfp).unwrap()))
        };
        assert_eq!(zones(64), [ZoneIdx::Normal, ZoneIdx::Normal, ZoneIdx::Dma]);
        assert_eq!(zones(16), [ZoneIdx::Dma; 3]);
    }

    /// 64 MiB: min is 192 frames in Normal and 64 in DMA, which keeps 48 more from callers that
    /// could use Normal.
    #[test]
    fn memory_runs_out_at_the_min_watermark_and_comes_back() {
        let mut a = PageAllocator::new(64 * MIB, 1);
        let all = a.nr_free_pages() + listed(&a);
        let mut taken = Vec::new();
        let mut take_all = |a: &mut PageAllocator, gfp| {
            taken.extend(std::iter::from_fn(|| a.alloc_pages(0, 0, gfp)));
            ZoneIdx::ALL.map(|zone| a.zone(zone).free_pages)
        };
        assert_eq!(
            take_all(&mut a, Gfp::HIGHUSER),
            [112, 191],
            "Normal refills by three"
        );
        assert!(listed(&a) > 0, "pages in hot lists are no help");
        assert_eq!(
            take_all(&mut a, Gfp::ATOMIC),
            [72, 71],
            "64 / 2 * 3/4 + 48 and 192 / 2 * 3/4"
        );
        assert_eq!(
            take_all(&mut a, Gfp::KERNEL | Gfp::DMA),
            [64, 71],
            "nothing is reserved from them"
        );
        a.check().unwrap();
        assert_eq!(a.frames_in_use(), taken.len() as u32);

        taken.iter().for_each(|&pfn| assert!(a.put_page(0, pfn)));
        a.check().unwrap();
        assert_eq!(
            (a.frames_in_use(), a.nr_free_pages() + listed(&a)),
            (0, all)
        );
    }

    #[test]
    #[should_panic(expected = "Bad page state")]
    fn freeing_a_page_that_is_still_cached_is_our_bug() {
        let mut a = PageAllocator::new(4 * MIB, 1);
        let pfn = a.alloc_pages(0, 0, Gfp::KERNEL).unwrap();
        a.page_mut(pfn).mapping = PageMapping::Cache(InodeId::default());
        a.put_page(0, pfn);
    }
}
