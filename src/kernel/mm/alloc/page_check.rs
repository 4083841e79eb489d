//! A consistency check over all frames, for tests: every frame is in one place only, and every list
//! and counter agrees with the pages.

use super::lru::LruList;
use super::page::PageFlags;
use super::page_alloc::PageAllocator;
use super::page_list::PageList;
use super::zone::{MAX_ORDER, Zone, ZoneIdx};
use crate::abi::Pfn;

/// What each frame was found to be.
type Census = Vec<Option<&'static str>>;

impl PageAllocator {
    /// Checks that no frame is listed twice, that free blocks are aligned, marked, inside their
    /// zone and merged as far as possible, that zone counts match, and that every frame outside
    /// the lists is reserved, in use, or follows a frame in use whose block it may belong to.
    ///
    /// # Errors
    /// The first contradiction found.
    pub(in crate::kernel::mm) fn check(&self) -> Result<(), String> {
        let mut census = vec![None; self.mem_map.len()];
        for zone in &self.zones {
            self.check_free_area(zone, &mut census)?;
            for pcp in zone.pageset.iter().flat_map(|set| &set.pcp) {
                self.check_list(&pcp.list)?;
                for pfn in pcp.list.iter(&self.mem_map) {
                    let marked = self.page(pfn).flags.contains(PageFlags::PRIVATE);
                    ensure(!marked, || {
                        format!("{pfn} is on a per-CPU list and heads a block")
                    })?;
                    self.claim(zone, &mut census, pfn, "per-CPU")?;
                }
            }
        }
        self.check_lru()?;
        (0..self.mem_map.len() as u32)
            .map(Pfn)
            .filter(|pfn| census[pfn.index()].is_none())
            .try_for_each(|pfn| {
                ensure(self.is_accounted(pfn, &census), || format!("{pfn} is lost"))
            })
    }

    fn check_free_area(&self, zone: &Zone, census: &mut Census) -> Result<(), String> {
        let mut free_pages = 0;
        for order in 0..MAX_ORDER {
            let list = &zone.free_area[order as usize];
            self.check_list(list)?;
            free_pages += list.len() << order;
            for head in list.iter(&self.mem_map) {
                let marked = self.page(head).page_is_buddy(order);
                let aligned = head.0.trailing_zeros() >= order;
                ensure(marked && aligned, || {
                    format!("{head} is not a free block of order {order}")
                })?;
                ensure(!self.could_merge(zone, head, order), || {
                    format!("{head} and its buddy are both free at order {order}")
                })?;
                for pfn in head.0..head.0 + (1 << order) {
                    self.claim(zone, census, Pfn(pfn), "free")?;
                }
            }
        }
        ensure(free_pages == zone.free_pages, || {
            format!(
                "{free_pages} frames in the lists, free_pages is {}",
                zone.free_pages
            )
        })
    }

    /// Checks that each page with `PG_lru` is on the list of its zone that `PG_active` says, and
    /// has users.
    fn check_lru(&self) -> Result<(), String> {
        let mut listed = 0;
        for zone in ZoneIdx::ALL {
            for list in [LruList::Inactive, LruList::Active] {
                self.check_list(&self.zone(zone).lru[list as usize])?;
                for pfn in self.lru(zone, list) {
                    let page = self.page(pfn);
                    let right = page.flags.contains(PageFlags::LRU)
                        && page.lru_list() == list
                        && page.page_count() > 0
                        && ZoneIdx::of(pfn) == zone;
                    ensure(right, || {
                        format!("{pfn} is on the {list:?} list of {zone:?}: {page:?}")
                    })?;
                    listed += 1;
                }
            }
        }
        let marked = self.mem_map.iter();
        let marked = marked.filter(|(_, page)| page.flags.contains(PageFlags::LRU));
        let marked = marked.count();
        ensure(listed == marked, || {
            format!("{listed} pages on LRU lists, but {marked} with PG_lru")
        })
    }

    fn check_list(&self, list: &PageList) -> Result<(), String> {
        ensure(list.is_well_formed(&self.mem_map), || {
            format!("broken links in {list:?}")
        })
    }

    fn could_merge(&self, zone: &Zone, head: Pfn, order: u32) -> bool {
        let buddy = Pfn(head.0 ^ (1 << order));
        order < MAX_ORDER - 1 && zone.contains(buddy) && self.page(buddy).page_is_buddy(order)
    }

    /// Records a frame on a list; it must be free of users and not recorded yet.
    fn claim(
        &self,
        zone: &Zone,
        census: &mut Census,
        pfn: Pfn,
        place: &'static str,
    ) -> Result<(), String> {
        ensure(zone.contains(pfn), || {
            format!("{pfn} is in a list of the wrong zone")
        })?;
        let page = self.page(pfn);
        ensure(page.page_count() == 0 && !page.is_reserved(), || {
            format!("{pfn} is {place} and has users or is reserved")
        })?;
        match census[pfn.index()].replace(place) {
            None => Ok(()),
            Some(before) => Err(format!("{pfn} is {before} and {place}")),
        }
    }

    /// Whether a frame on no list is reserved, in use, or can be a later frame of a used block.
    fn is_accounted(&self, pfn: Pfn, census: &Census) -> bool {
        let in_use = |pfn: Pfn| self.page(pfn).page_count() > 0 && census[pfn.index()].is_none();
        let can_be_head = |order: u32| in_use(Pfn(pfn.0 >> order << order));
        self.page(pfn).is_reserved() || (0..MAX_ORDER).any(can_be_head)
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mm::alloc::gfp::Gfp;

    #[test]
    fn each_kind_of_contradiction_is_found() {
        type Damage = fn(&mut PageAllocator);
        let table: [(&str, Damage); 6] = [
            ("0x1081 is lost", |a| {
                a.zones[1].free_area[0].del(&mut a.mem_map, Pfn(0x1081));
                a.zones[1].free_pages -= 1;
            }),
            ("free_pages is 0", |a| a.zones[1].free_pages = 0),
            ("0x1081 is not a free block of order 0", |a| {
                a.page_mut(Pfn(0x1081)).private = 1;
            }),
            ("0x1090 is per-CPU and has users", |a| {
                a.get_page(Pfn(0x1090));
            }),
            ("0x109f is on a per-CPU list and heads a block", |a| {
                a.page_mut(Pfn(0x109f)).set_page_order(0);
            }),
            ("0x1083 is free and free", |a| {
                a.page_mut(Pfn(0x1083)).set_page_order(0);
                a.zones[1].free_area[0].add(&mut a.mem_map, Pfn(0x1083));
                a.zones[1].free_pages += 1;
            }),
        ];
        for (complaint, damage) in table {
            let mut a = PageAllocator::new(0x4000, 1);
            a.alloc_pages(0, 3, Gfp::KERNEL).unwrap();
            a.check().unwrap();
            damage(&mut a);
            let found = a.check().unwrap_err();
            assert!(
                found.contains(complaint),
                "expected {complaint:?}, got {found:?}"
            );
        }
    }

    #[test]
    fn twenty_thousand_random_requests_lose_and_double_nothing() {
        const FRAMES: u32 = 0x1800;
        let mut a = PageAllocator::new(FRAMES, 2);
        let mut random = fastrand::Rng::with_seed(0x2612);
        let (mut held, mut refused): (Vec<(Pfn, u32)>, _) = (Vec::new(), 0);
        for step in 0..20_000 {
            let cpu = random.usize(..2);
            // Allocate and free by turns, so that memory runs out and fills again.
            if random.usize(..100) < if step / 4000 % 2 == 0 { 65 } else { 35 } {
                let order = [0, 0, 0, 0, 0, 1, 1, 2, 4, 7][random.usize(..10)];
                let gfp = [Gfp::HIGHUSER, Gfp::KERNEL, Gfp::ATOMIC, Gfp::DMA][random.usize(..4)];
                match a.alloc_pages(cpu, order, gfp) {
                    Some(pfn) => held.push((pfn, order)),
                    None => refused += 1,
                }
            } else if !held.is_empty() {
                let (pfn, order) = held.swap_remove(random.usize(..held.len()));
                a.free_pages(cpu, pfn, order);
            }
            if step % 100 == 0 {
                a.check().unwrap();
                let frames: u32 = held.iter().map(|&(_, order)| 1 << order).sum();
                let pcps = a.zones.iter().flat_map(|zone| &zone.pageset);
                let listed: u32 = pcps.map(|set| set.hot().count() + set.cold().count()).sum();
                let found = a.nr_free_pages() + listed + a.nr_reserved() + frames;
                assert_eq!(found, FRAMES, "step {step}");
                assert_eq!(a.frames_in_use(), held.len() as u32);
            }
        }
        assert!(refused > 100, "the test must reach exhaustion: {refused}");
    }
}
