//! Reclaim: which lists are scanned, how far, and by whom. What is done with each page stands in
//! `shrink_list`.

use super::alloc::{DEF_PRIORITY, Gfp, LruList, PageList, ZoneIdx};
use crate::abi::Pfn;
use crate::kernel::Kernel;
use crate::kernel::sysctl::Sysctl;
use crate::trace::TraceEvent;

/// Pages that are scanned at a time, and that are enough for one run (`SWAP_CLUSTER_MAX`).
pub(super) const SWAP_CLUSTER_MAX: u32 = 32;
/// Below this priority a run waits for a device after each round.
const NAP_PRIORITY: u32 = DEF_PRIORITY - 2;

/// Who reclaims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reclaimer {
    /// The kernel thread.
    Kswapd,
    /// A task that needs a frame itself.
    Direct,
}

/// What a run wants and has got: `struct scan_control`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanControl {
    pub(super) who: Reclaimer,
    pub(super) gfp: Gfp,
    /// How thoroughly lists are scanned: 2^-priority of each.
    pub(super) priority: u32,
    /// Mapped pages of the machine when the run began.
    pub(super) nr_mapped: u32,
    /// Pages scanned; mapped ones count twice.
    pub(super) nr_scanned: u32,
    /// Pages freed.
    pub(super) nr_reclaimed: u32,
}

impl ScanControl {
    pub(super) const fn new(who: Reclaimer, gfp: Gfp) -> Self {
        Self {
            who,
            gfp,
            priority: DEF_PRIORITY,
            nr_mapped: 0,
            nr_scanned: 0,
            nr_reclaimed: 0,
        }
    }
}

/// Whether mapped pages are moved to the inactive list at all: if so much is mapped, or reclaim has
/// so much trouble.
///
/// Linux 2.6.12: `mm/vmscan.c`, `refill_inactive_zone()`.
pub const fn reclaims_mapped(
    nr_mapped: u32,
    total_memory: u32,
    prev_priority: u32,
    swappiness: u32,
) -> bool {
    let distress = 100 >> prev_priority;
    let mapped_ratio = nr_mapped * 100 / total_memory;
    mapped_ratio / 2 + distress + swappiness >= 100
}

/// How many pages of a list to scan now. What is not worth a batch is kept for later.
///
/// Linux 2.6.12: `mm/vmscan.c`, the head of `shrink_zone()`.
const fn nr_to_scan(kept: &mut u32, list: u32, priority: u32) -> u32 {
    *kept += (list >> priority) + 1;
    if *kept < SWAP_CLUSTER_MAX {
        return 0;
    }
    let now = *kept;
    *kept = 0;
    now
}

impl Kernel {
    /// The pages that could be in use for user data: all but those that the watermarks keep free.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `nr_free_pagecache_pages()`.
    fn total_memory(&self) -> u32 {
        let zones = ZoneIdx::ALL.map(|zone| self.mem.zone(zone));
        let usable = zones.map(|zone| zone.present_pages.saturating_sub(zone.pages_high));
        usable.into_iter().sum()
    }

    /// A task that needs a frame frees pages itself, from the zones that could serve it. Returns
    /// whether it got enough, which is 32 pages.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `try_to_free_pages()`. Simplified: the waits for the device take no
    /// time.
    pub(super) fn try_to_free_pages(&mut self, zones: &[ZoneIdx], gfp: Gfp, order: u8) -> bool {
        self.mem.page_state_mut().allocstall += 1;
        self.trace_current(TraceEvent::DirectReclaim { order });
        for zone in zones {
            self.mem.scan_mut(*zone).temp_priority = DEF_PRIORITY;
        }
        let mut sc = ScanControl::new(Reclaimer::Direct, gfp);
        let mut total_scanned = 0;
        let mut enough = false;
        for priority in (0..=DEF_PRIORITY).rev() {
            sc.priority = priority;
            sc.nr_scanned = 0;
            sc.nr_mapped = self.mem.page_state().nr_mapped as u32;
            self.shrink_caches(zones, &mut sc);
            enough = sc.nr_reclaimed >= SWAP_CLUSTER_MAX;
            if enough {
                break;
            }
            total_scanned += sc.nr_scanned;
            // As many pages are worth writing as were looked at in vain.
            if total_scanned > SWAP_CLUSTER_MAX + SWAP_CLUSTER_MAX / 2 {
                self.wakeup_bdflush(total_scanned);
            }
            if sc.nr_scanned > 0 && priority < NAP_PRIORITY {
                self.nap();
            }
        }
        for zone in zones {
            self.mem.scan_mut(*zone).end_run();
        }
        enough
    }

    /// A task that reclaims or writes waits for the device.
    pub(super) fn nap(&mut self) {
        self.pdflush_runs_meanwhile();
        self.blk_congestion_wait();
        self.kswapd_runs_meanwhile();
    }

    /// Linux 2.6.12: `mm/vmscan.c`, `shrink_caches()`.
    fn shrink_caches(&mut self, zones: &[ZoneIdx], sc: &mut ScanControl) {
        for &zone in zones {
            if self.mem.zone(zone).present_pages == 0 {
                continue;
            }
            let scan = self.mem.scan_mut(zone);
            scan.begin_round(sc.priority);
            // kswapd asks it from time to time whether that has changed.
            if scan.all_unreclaimable && sc.priority != DEF_PRIORITY {
                continue;
            }
            self.shrink_zone(zone, sc);
        }
    }

    /// Scans a part of a zone's lists: the active list feeds the inactive one, from which pages are
    /// freed.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `shrink_zone()`.
    pub(super) fn shrink_zone(&mut self, idx: ZoneIdx, sc: &mut ScanControl) {
        let zone = self.mem.zone(idx);
        let (nr_active, nr_inactive) = (zone.nr_active(), zone.nr_inactive());
        let scan = self.mem.scan_mut(idx);
        let mut active = nr_to_scan(&mut scan.nr_scan_active, nr_active, sc.priority);
        let mut inactive = nr_to_scan(&mut scan.nr_scan_inactive, nr_inactive, sc.priority);
        let enough = sc.nr_reclaimed + SWAP_CLUSTER_MAX;
        while active > 0 || inactive > 0 {
            if active > 0 {
                let batch = active.min(SWAP_CLUSTER_MAX);
                active -= batch;
                self.refill_inactive_zone(idx, batch, sc);
            }
            if inactive > 0 {
                let batch = inactive.min(SWAP_CLUSTER_MAX);
                inactive -= batch;
                self.shrink_cache(idx, batch, sc);
                if sc.nr_reclaimed >= enough {
                    break;
                }
            }
        }
        self.throttle_vm_writeout();
    }

    /// Moves pages from the tail of the active list to the inactive list, but for mapped ones that
    /// were used or are not to be taken yet.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `refill_inactive_zone()`.
    pub(super) fn refill_inactive_zone(&mut self, idx: ZoneIdx, nr: u32, sc: &ScanControl) {
        self.lru_add_drain();
        let mut hold = PageList::new();
        let scanned = self
            .mem
            .isolate_lru_pages(idx, LruList::Active, nr, &mut hold);
        self.mem.scan_mut(idx).pages_scanned += scanned;
        let prev_priority = self.mem.zone(idx).scan.prev_priority;
        let takes_mapped = reclaims_mapped(
            sc.nr_mapped,
            self.total_memory(),
            prev_priority,
            self.config.sysctls.get(Sysctl::Swappiness),
        );
        let (mut active, mut inactive) = (PageList::new(), PageList::new());
        while let Some(pfn) = self.mem.next_isolated(&mut hold) {
            let stays = if self.stays_active(pfn, takes_mapped) {
                &mut active
            } else {
                &mut inactive
            };
            self.mem.add_isolated(stays, pfn);
        }
        let mut held = PutBack::default();
        self.mem.page_state_mut().pgdeactivate += u64::from(inactive.len());
        while let Some(pfn) = self.mem.next_isolated(&mut inactive) {
            self.mem.page_mut(pfn).set_active(LruList::Inactive);
            self.put_back(pfn, &mut held);
        }
        while let Some(pfn) = self.mem.next_isolated(&mut active) {
            self.put_back(pfn, &mut held);
        }
        self.release(&mut held);
        self.mem.page_state_mut().pgrefill[idx as usize] += u64::from(scanned);
    }

    /// Whether a page of the active list stays there. Only of mapped pages it is asked whether they
    /// were used.
    fn stays_active(&mut self, pfn: Pfn, takes_mapped: bool) -> bool {
        let page = self.mem.page(pfn);
        if !page.page_mapped() {
            return false;
        }
        let nowhere_to_go = self.swap.total_swap_pages() == 0 && page.is_anon();
        !takes_mapped || nowhere_to_go || self.page_referenced(pfn) > 0
    }

    /// Frees pages from the tail of the inactive list, or puts them back.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `shrink_cache()`.
    pub(super) fn shrink_cache(&mut self, idx: ZoneIdx, nr_to_scan: u32, sc: &mut ScanControl) {
        self.lru_add_drain();
        let mut left = nr_to_scan;
        let mut held = PutBack::default();
        while left > 0 {
            let mut pages = PageList::new();
            let scanned =
                self.mem
                    .isolate_lru_pages(idx, LruList::Inactive, SWAP_CLUSTER_MAX, &mut pages);
            self.mem.scan_mut(idx).pages_scanned += scanned;
            if pages.len() == 0 {
                break;
            }
            left = left.saturating_sub(scanned);
            let freed = self.shrink_list(&mut pages, sc);
            self.count_scan(idx, scanned, freed, sc.who);
            while let Some(pfn) = self.mem.next_isolated(&mut pages) {
                self.put_back(pfn, &mut held);
            }
        }
        self.release(&mut held);
    }

    fn count_scan(&mut self, idx: ZoneIdx, scanned: u32, freed: u32, who: Reclaimer) {
        let state = self.mem.page_state_mut();
        let (scanned, freed) = (u64::from(scanned), u64::from(freed));
        match who {
            Reclaimer::Kswapd => {
                state.pgscan_kswapd[idx as usize] += scanned;
                state.kswapd_steal += freed;
            }
            Reclaimer::Direct => state.pgscan_direct[idx as usize] += scanned,
        }
        state.pgsteal[idx as usize] += freed;
    }

    /// Puts a page back on a list. The reference of its isolation is dropped later, together with
    /// others.
    fn put_back(&mut self, pfn: Pfn, held: &mut PutBack) {
        self.mem.putback_lru_page(pfn);
        held.pages[held.nr] = pfn;
        held.nr += 1;
        if held.nr == held.pages.len() {
            self.release(held);
        }
    }

    /// Drops the references to pages that are back on their lists. Whoever used them may be gone.
    fn release(&mut self, held: &mut PutBack) {
        for pfn in held.pages[..held.nr].iter().rev() {
            self.put_page(*pfn);
        }
        held.nr = 0;
    }

    /// Frees that many pages, however many frames are free: so software suspend makes room for its
    /// image. Returns how many it could free.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `shrink_all_memory()`. Simplified: the pages are taken in batches
    /// of the usual size.
    pub fn shrink_all_memory(&mut self, nr_pages: u32) -> u32 {
        let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
        sc.nr_mapped = self.mem.page_state().nr_mapped as u32;
        for zone in ZoneIdx::ALL {
            self.mem.scan_mut(zone).temp_priority = DEF_PRIORITY;
        }
        for priority in (0..=DEF_PRIORITY).rev() {
            sc.priority = priority;
            for zone in ZoneIdx::ALL {
                self.mem.scan_mut(zone).begin_round(priority);
                self.shrink_zone(zone, &mut sc);
            }
            if sc.nr_reclaimed >= nr_pages {
                break;
            }
            self.blk_congestion_wait();
        }
        for zone in ZoneIdx::ALL {
            self.mem.scan_mut(zone).end_run();
        }
        sc.nr_reclaimed
    }

    /// One pass of kswapd over the zones.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `balance_pgdat()`, from one `loop_again` to the next.
    pub(super) fn balance_pgdat(&mut self, order: u32) -> Balance {
        self.mem.page_state_mut().pageoutrun += 1;
        let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
        sc.nr_mapped = self.mem.page_state().nr_mapped as u32;
        for zone in ZoneIdx::ALL {
            self.mem.scan_mut(zone).temp_priority = DEF_PRIORITY;
        }
        let mut balance = Balance::default();
        for priority in (0..=DEF_PRIORITY).rev() {
            sc.priority = priority;
            balance.all_ok = true;
            let Some(end_zone) = self.end_zone(order, priority) else {
                break;
            };
            for zone in ZoneIdx::ALL.into_iter().filter(|zone| *zone <= end_zone) {
                balance.all_ok &= self.balance_zone(zone, end_zone, order, &mut sc);
            }
            if balance.all_ok {
                break;
            }
            if sc.nr_scanned > 0 && priority < NAP_PRIORITY {
                balance.napped = true;
                self.blk_congestion_wait();
            }
            if sc.nr_reclaimed >= SWAP_CLUSTER_MAX {
                break;
            }
        }
        for zone in ZoneIdx::ALL {
            self.mem.scan_mut(zone).end_run();
        }
        balance.reclaimed = sc.nr_reclaimed;
        balance
    }

    /// The highest zone with too few free frames.
    fn end_zone(&self, order: u32, priority: u32) -> Option<ZoneIdx> {
        let short = |idx: &ZoneIdx| {
            let zone = self.mem.zone(*idx);
            self.worth_a_look(*idx, priority)
                && zone
                    .zone_watermark_ok(order, zone.pages_high.cast_signed(), ZoneIdx::Dma)
                    .is_err()
        };
        ZoneIdx::ALL.into_iter().rev().find(short)
    }

    fn worth_a_look(&self, idx: ZoneIdx, priority: u32) -> bool {
        let zone = self.mem.zone(idx);
        zone.present_pages > 0 && (!zone.scan.all_unreclaimable || priority == DEF_PRIORITY)
    }

    /// kswapd's work in one zone at one priority. Returns whether the zone had enough free frames.
    fn balance_zone(
        &mut self,
        idx: ZoneIdx,
        end_zone: ZoneIdx,
        order: u32,
        sc: &mut ScanControl,
    ) -> bool {
        if !self.worth_a_look(idx, sc.priority) {
            return true;
        }
        let zone = self.mem.zone(idx);
        let high = zone.pages_high.cast_signed();
        let ok = zone.zone_watermark_ok(order, high, end_zone).is_ok();
        self.mem.scan_mut(idx).begin_round(sc.priority);
        self.shrink_zone(idx, sc);
        let zone = self.mem.zone(idx);
        let all = 4 * (zone.nr_active() + zone.nr_inactive());
        let scan = self.mem.scan_mut(idx);
        scan.all_unreclaimable |= scan.pages_scanned >= all;
        ok
    }
}

/// Pages that are back on their lists and still have the reference of their isolation.
#[derive(Default)]
struct PutBack {
    pages: [Pfn; super::alloc::PAGEVEC_SIZE],
    nr: usize,
}

/// How a pass of kswapd ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Balance {
    /// Every zone that can be helped has enough free frames.
    pub(super) all_ok: bool,
    /// It waited for a device.
    pub(super) napped: bool,
    /// Pages freed.
    pub(super) reclaimed: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 MiB: `total_memory` is 16,000.
    #[test]
    fn reclaim_examples_8_to_10_when_mapped_pages_are_taken() {
        let takes = |mapped, prev_priority, swappiness| {
            reclaims_mapped(mapped, 16_000, prev_priority, swappiness)
        };
        for (prev_priority, mapped) in [(12, false), (7, false), (6, false), (5, true), (0, true)] {
            assert_eq!(takes(12_000, prev_priority, 60), mapped, "{prev_priority}");
        }
        assert!(takes(12_800, 12, 60) && !takes(12_799, 12, 60));
        assert!(takes(3_200, 12, 100) && !takes(3_200, 12, 0) && takes(3_200, 0, 0));
    }

    /// The smallest ratio of mapped pages at which they are taken, by priority.
    #[test]
    fn the_more_trouble_the_fewer_mapped_pages_are_enough() {
        for (prev_priority, percent) in [
            (12, 80),
            (7, 80),
            (6, 78),
            (5, 74),
            (4, 68),
            (3, 56),
            (2, 30),
        ] {
            let takes = |percent| reclaims_mapped(percent, 100, prev_priority, 60);
            let least = (0..=100).find(|percent| takes(*percent));
            assert_eq!(least, Some(percent), "priority {prev_priority}");
        }
        assert!(reclaims_mapped(0, 100, 1, 60) && reclaims_mapped(0, 100, 0, 60));
    }

    /// Section 3.4: the first priority at which a list is scanned, and how many pages then.
    #[test]
    fn small_lists_are_scanned_only_in_need() {
        for (list, priority, pages) in [
            (12_000, 9, 45),
            (2_000, 7, 32),
            (500, 5, 34),
            (100, 3, 32),
            (31, 1, 38),
        ] {
            let mut kept = 0;
            let scans = |priority| (priority, nr_to_scan(&mut kept, list, priority));
            let first = (0..=DEF_PRIORITY)
                .rev()
                .map(scans)
                .find(|(_, now)| *now > 0);
            assert_eq!(first, Some((priority, pages)), "{list} pages");
        }
    }
}
