//! The buddy system: blocks of 2^order frames are split in halves to satisfy an allocation, and
//! merged with their other half (the "buddy") when both are free.

use super::page::MemMap;
use super::page_list::PageList;
use super::zone::{MAX_ORDER, Zone};
use crate::abi::Pfn;

impl Zone {
    /// Takes a block of this order out of the free lists: the first of the smallest list that
    /// has any, split down to size.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `__rmqueue()`.
    pub(super) fn rmqueue(&mut self, pages: &mut MemMap, order: u32) -> Option<Pfn> {
        let (found, head) = (order..MAX_ORDER)
            .find_map(|o| self.free_area[o as usize].first().map(|head| (o, head)))?;
        self.free_area[found as usize].del(pages, head);
        pages[head.index()].rmv_page_order();
        self.free_pages -= 1 << order;
        self.expand(pages, head, order, found);
        Some(head)
    }

    /// Splits a block of order `high` down to order `low`: each time the upper half becomes free
    /// and the lower half is split further.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `expand()`.
    fn expand(&mut self, pages: &mut MemMap, head: Pfn, low: u32, high: u32) {
        for order in (low..high).rev() {
            let upper = Pfn(head.0 + (1 << order));
            self.free_area[order as usize].add(pages, upper);
            pages[upper.index()].set_page_order(order);
        }
    }

    /// Puts a block into the free lists, after merging it with its buddy as long as that is free.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `__free_pages_bulk()`.
    pub(super) fn free_one(&mut self, pages: &mut MemMap, pfn: Pfn, order: u32) {
        assert!(
            pfn.0.trailing_zeros() >= order && self.contains(pfn),
            "freeing {pfn}, which heads no block"
        );
        self.free_pages += 1 << order;
        let (mut head, mut order) = (pfn, order);
        while order < MAX_ORDER - 1 {
            let buddy = Pfn(head.0 ^ (1 << order));
            if !self.contains(buddy) || !pages[buddy.index()].page_is_buddy(order) {
                break;
            }
            self.free_area[order as usize].del(pages, buddy);
            // Only the head of a free block is marked. A mark left inside a larger block would look
            // like a block of its own.
            pages[buddy.index()].rmv_page_order();
            head = Pfn(head.0 & !(1 << order));
            order += 1;
        }
        pages[head.index()].set_page_order(order);
        self.free_area[order as usize].add(pages, head);
    }

    /// Reclaim may look at the zone again.
    pub(super) const fn something_was_freed(&mut self) {
        self.scan.all_unreclaimable = false;
        self.scan.pages_scanned = 0;
    }

    /// Moves single pages from the buddy lists to the tail of a list, as many as there are up to
    /// `count`.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `rmqueue_bulk()`.
    pub(super) fn rmqueue_bulk(&mut self, pages: &mut MemMap, count: u32, list: &mut PageList) {
        for _ in 0..count {
            let Some(pfn) = self.rmqueue(pages, 0) else {
                break;
            };
            list.add_tail(pages, pfn);
        }
    }

    /// Moves up to `count` single pages from the tail of a list back to the buddy lists.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `free_pages_bulk()`.
    pub(super) fn free_pages_bulk(&mut self, pages: &mut MemMap, count: u32, list: &mut PageList) {
        self.something_was_freed();
        for _ in 0..count {
            // The tail was freed longest ago, and is the least likely to be in the cache of the
            // CPU.
            let Some(pfn) = list.last() else { break };
            list.del(pages, pfn);
            self.free_one(pages, pfn, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mm::alloc::page::Page;
    use crate::kernel::mm::alloc::page::PageFlags;
    use crate::kernel::mm::alloc::zone::ZoneIdx;

    /// Both zones of an 8192-frame machine, with nothing free yet.
    fn empty_machine() -> ([Zone; 2], MemMap) {
        let mut page = Page::at_boot();
        page.flags.remove(PageFlags::RESERVED);
        (Zone::all(0x2000, 1), MemMap::filled(page, 0x2000))
    }

    /// (order, heads) of every list that is not empty.
    fn lists(zone: &Zone, pages: &MemMap) -> Vec<(u32, Vec<u32>)> {
        (0..MAX_ORDER)
            .map(|o| {
                (
                    o,
                    zone.free_area[o as usize]
                        .iter(pages)
                        .map(|p| p.0)
                        .collect::<Vec<_>>(),
                )
            })
            .filter(|(_, heads)| !heads.is_empty())
            .collect()
    }

    /// Memory example 35.
    #[test]
    fn one_page_out_of_a_4_mib_block_leaves_one_block_of_each_order() {
        let ([_, mut zone], mut pages) = empty_machine();
        zone.free_one(&mut pages, Pfn(0x1000), 10);

        assert_eq!(zone.rmqueue(&mut pages, 0), Some(Pfn(0x1000)));
        let upper_halves: Vec<_> = (0..10).map(|o| (o, vec![0x1000 + (1 << o)])).collect();
        assert_eq!(lists(&zone, &pages), upper_halves);
        assert_eq!(zone.free_pages, 1023);
        for (order, heads) in upper_halves {
            assert!(pages[heads[0] as usize].page_is_buddy(order));
        }

        zone.free_one(&mut pages, Pfn(0x1000), 0);
        assert_eq!(lists(&zone, &pages), [(10, vec![0x1000])]);
        assert_eq!(zone.free_pages, 1024);
    }

    #[test]
    fn an_allocation_takes_the_smallest_block_that_is_large_enough() {
        let ([_, mut zone], mut pages) = empty_machine();
        zone.free_one(&mut pages, Pfn(0x1400), 10);
        zone.free_one(&mut pages, Pfn(0x1040), 5);
        assert_eq!(zone.rmqueue(&mut pages, 3), Some(Pfn(0x1040)));
        let rest = [(3, vec![0x1048]), (4, vec![0x1050]), (10, vec![0x1400])];
        assert_eq!(lists(&zone, &pages), rest);
    }

    #[test]
    fn the_block_freed_last_is_allocated_first() {
        let ([_, mut zone], mut pages) = empty_machine();
        for pfn in [0x1000, 0x1008, 0x1004] {
            zone.free_one(&mut pages, Pfn(pfn), 1);
        }
        assert_eq!(lists(&zone, &pages), [(1, vec![0x1004, 0x1008, 0x1000])]);
        let order: Vec<_> = (0..4).map(|_| zone.rmqueue(&mut pages, 1)).collect();
        assert_eq!(
            order,
            [
                Some(Pfn(0x1004)),
                Some(Pfn(0x1008)),
                Some(Pfn(0x1000)),
                None
            ]
        );
    }

    #[test]
    fn only_a_free_buddy_of_the_same_order_is_merged() {
        let ([_, mut zone], mut pages) = empty_machine();
        zone.free_one(&mut pages, Pfn(0x1003), 0);
        zone.free_one(&mut pages, Pfn(0x1004), 0);
        assert_eq!(
            lists(&zone, &pages),
            [(0, vec![0x1004, 0x1003])],
            "neighbours, not buddies"
        );
        zone.free_one(&mut pages, Pfn(0x1000), 1);
        assert_eq!(
            lists(&zone, &pages),
            [(0, vec![0x1004, 0x1003]), (1, vec![0x1000])]
        );
        zone.free_one(&mut pages, Pfn(0x1002), 0);
        assert_eq!(lists(&zone, &pages), [(0, vec![0x1004]), (2, vec![0x1000])]);
    }

    #[test]
    fn blocks_never_merge_across_the_dma_boundary_nor_past_4_mib() {
        let ([mut dma, mut normal], mut pages) = empty_machine();
        dma.free_one(&mut pages, Pfn(0x0c00), 10);
        normal.free_one(&mut pages, Pfn(0x1000), 10);
        normal.free_one(&mut pages, Pfn(0x1400), 10);
        assert_eq!(lists(&dma, &pages), [(10, vec![0x0c00])]);
        assert_eq!(lists(&normal, &pages), [(10, vec![0x1400, 0x1000])]);
        assert_eq!(
            (ZoneIdx::of(Pfn(0x0fff)), ZoneIdx::of(Pfn(0x1000))),
            (ZoneIdx::Dma, ZoneIdx::Normal)
        );
    }

    #[test]
    fn the_buddy_of_the_last_block_may_not_exist() {
        // 4 MiB + 12 KiB: the last frame's buddy 0x403 and the pair above it lie beyond memory.
        let [mut dma, _] = Zone::all(0x403, 1);
        let mut page = Page::at_boot();
        page.flags.remove(PageFlags::RESERVED);
        let mut pages = MemMap::filled(page, 0x403);
        for pfn in [0x400, 0x401, 0x402] {
            dma.free_one(&mut pages, Pfn(pfn), 0);
        }
        assert_eq!(lists(&dma, &pages), [(0, vec![0x402]), (1, vec![0x400])]);
    }
}
