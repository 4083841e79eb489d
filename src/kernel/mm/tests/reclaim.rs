//! When memory gets short: watermarks, kswapd, direct reclaim and the out-of-memory killer, on a
//! machine of 64 MiB.

use super::lab::{Lab, PRIVATE, RW};
use crate::abi::{InodeId, O_CREAT, O_RDWR, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::AccessKind;
use crate::kernel::boot::Config;
use crate::kernel::fs::InodeKind;
use crate::kernel::mm::alloc::{DEF_PRIORITY, Gfp, LruList, PageFlags, ZoneIdx};
use crate::kernel::mm::vmscan::{Reclaimer, ScanControl};
use crate::kernel::mm::{UserFaultKind, VmFlags, ZoneScan};
use crate::kernel::syscall::Syscall;
use crate::trace::{FrameUse, TraceEvent};

const NORESERVE: u32 = 0x4000;
const DMA: ZoneIdx = ZoneIdx::Dma;
const NORMAL: ZoneIdx = ZoneIdx::Normal;

fn swapping(mib: u32) -> Config {
    Config {
        swap: mib << 20,
        ..Config::default()
    }
}

impl Lab {
    /// Leaves so many frames in the buddy lists of the zones, and none in those of the CPU.
    fn with_free(normal: u32, dma: u32) -> Self {
        let mut lab = Self::boot(Config::default());
        lab.k.mem.empty_pcp_lists();
        lab.k.mem.leave_free(NORMAL, normal);
        lab.k.mem.leave_free(DMA, dma);
        lab
    }

    /// The zone of a page for user space, whether kswapd was woken, and how often its taker had to
    /// free pages itself.
    fn user_page(&mut self) -> (ZoneIdx, bool, u64) {
        self.k.log.clear();
        let pfn = self.k.alloc_frame(0, FrameUse::User).unwrap();
        let woken = |event| matches!(event, TraceEvent::WakeupKswapd { .. });
        let woken = self.k.log.records().any(|record| woken(record.event));
        (ZoneIdx::of(pfn), woken, self.k.mem.page_state().allocstall)
    }

    fn free(&self, zone: ZoneIdx) -> u32 {
        self.k.mem.zone(zone).free_pages()
    }

    /// A regular file of so many pages, all of them cached, clean and unmapped.
    fn cached_file(&mut self, task: TaskId, pages: u32) -> (InodeId, Vec<Pfn>) {
        self.open(task, "data", O_CREAT | O_RDWR);
        let inode = self.k.lookup("data").unwrap();
        if let InodeKind::Regular(file) = &mut self.k.inodes[inode].kind {
            file.i_size_write(pages * PAGE_SIZE);
        }
        let read = |index| self.k.page_cache_read(inode, index).unwrap();
        let pfns = (0..pages).map(read).collect();
        (inode, pfns)
    }

    /// Moves what is on the inactive lists to the active ones.
    fn activate_all(&mut self) {
        for zone in [DMA, NORMAL] {
            let inactive: Vec<Pfn> = self.k.mem.lru(zone, LruList::Inactive).collect();
            inactive
                .into_iter()
                .for_each(|pfn| self.k.activate_page(pfn));
        }
    }

    fn lengths(&self) -> (u32, u32) {
        let zone = self.k.mem.zone(NORMAL);
        (zone.nr_active(), zone.nr_inactive())
    }
}

#[test]
fn reclaim_examples_1_to_4_which_zone_and_who_is_woken() {
    for (normal, dma, zone, woken, stalls) in [
        (241, 129, NORMAL, false, 0),
        (240, 129, DMA, false, 0),
        (240, 128, NORMAL, true, 0),
        (193, 113, NORMAL, true, 0),
        (192, 113, DMA, true, 0),
    ] {
        let found = Lab::with_free(normal, dma).user_page();
        assert_eq!(found, (zone, woken, stalls), "{normal}, {dma}");
    }
    // 4: nothing can be freed, but the caller tries, and the killer finds nobody but kswapd.
    let mut lab = Lab::with_free(192, 112);
    assert!(lab.k.alloc_frame(0, FrameUse::User).is_err());
    assert_eq!(lab.k.mem.page_state().allocstall, 1);
}

/// Examples 5 and 6: three passes, of which two free 32 pages each.
#[test]
fn reclaim_examples_5_and_6_kswapd_frees_clean_pages_of_files() {
    let (mut lab, t) = Lab::with_task();
    lab.activate_all();
    let active = 8000 - lab.lengths().0;
    lab.dirty(t, active);
    let mapped = lab.k.mem.page_state().nr_mapped;
    assert!((7990..=8010).contains(&mapped), "{mapped}");
    lab.cached_file(t, 2000);
    assert_eq!(lab.lengths(), (8000, 2000));
    lab.k.mem.empty_pcp_lists();
    lab.k.mem.leave_free(NORMAL, 230);

    let before = *lab.k.mem.page_state();
    let pass = |lab: &mut Lab| {
        let balance = lab.k.balance_pgdat(0);
        (balance.all_ok, balance.reclaimed, lab.free(NORMAL))
    };
    assert_eq!(pass(&mut lab), (false, 32, 257));
    let after = *lab.k.mem.page_state();
    assert_eq!(after.pgscan_kswapd[1] - before.pgscan_kswapd[1], 33);
    assert_eq!(after.pgrefill[1] - before.pgrefill[1], 33 + 31 + 33);
    assert_eq!(after.pgdeactivate, before.pgdeactivate);
    assert_eq!(lab.k.mem.cold_list(0, NORMAL).count(), 5);

    assert_eq!(pass(&mut lab), (false, 32, 290));
    assert_eq!(pass(&mut lab), (true, 0, 290));
    let after = *lab.k.mem.page_state();
    assert_eq!(after.pageoutrun - before.pageoutrun, 3);
    assert_eq!(after.pgsteal[1] - before.pgsteal[1], 64);
    assert_eq!(after.kswapd_steal - before.kswapd_steal, 64);
}

#[test]
fn reclaim_example_7_a_zone_with_empty_lists_is_given_up_at_once() {
    let mut lab = Lab::boot(Config::default());
    lab.k.mem.empty_pcp_lists();
    lab.k.mem.leave_free(DMA, 90);
    assert_eq!(lab.k.mem.zone(DMA).nr_active(), 0);
    lab.k.balance_pgdat(0);
    assert!(lab.k.mem.zone(DMA).scan.all_unreclaimable);
    // Until something of it is freed.
    let pfn = lab.k.mem.alloc_pages(0, 1, Gfp::DMA).unwrap();
    lab.k.mem.free_pages(0, pfn, 1);
    assert!(!lab.k.mem.zone(DMA).scan.all_unreclaimable);
}

/// 31 pages come free, which is one too few: somebody is killed all the same.
#[test]
fn reclaim_example_11_thirty_one_pages_are_no_progress() {
    let (mut lab, t) = Lab::with_task();
    lab.activate_all();
    let (_, pfns) = lab.cached_file(t, 31);
    lab.k.mem.empty_pcp_lists();
    lab.k.mem.leave_free(NORMAL, 190);
    lab.k.mem.leave_free(DMA, 100);
    lab.run(t);
    let zones = [NORMAL, DMA];
    assert!(!lab.k.try_to_free_pages(&zones, Gfp::HIGHUSER, 0));
    assert!(pfns.iter().all(|pfn| lab.counts(*pfn).0 == 0));
    assert_eq!(lab.k.mem.page_state().pgsteal[1], 31);
}

#[test]
fn reclaim_example_12_a_short_list_comes_round_again() {
    let (mut lab, t) = Lab::with_task();
    lab.activate_all();
    let (inode, pfns) = lab.cached_file(t, 4);
    for pfn in &pfns {
        lab.k.writepage(inode, *pfn);
    }
    let before = *lab.k.mem.page_state();
    lab.k.mem.scan_mut(NORMAL).pages_scanned = 0;
    let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
    lab.k.shrink_cache(NORMAL, 32, &mut sc);
    let after = *lab.k.mem.page_state();
    assert_eq!(after.pgscan_kswapd[1] - before.pgscan_kswapd[1], 35);
    assert_eq!(lab.k.mem.zone(NORMAL).scan.pages_scanned, 35);
    assert_eq!(after.pgsteal, before.pgsteal);
    lab.check();
}

#[test]
fn reclaim_example_13_a_page_that_was_read_once_is_freed_at_first_sight() {
    let (mut lab, t) = Lab::with_task();
    lab.activate_all();
    let (inode, pfns) = lab.cached_file(t, 1);
    lab.k.mem.mark_page_accessed(pfns[0]);
    let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
    lab.k.shrink_cache(NORMAL, 1, &mut sc);
    assert_eq!((lab.counts(pfns[0]).0, sc.nr_reclaimed), (0, 1));
    assert!(lab.k.inodes[inode].pages().is_empty());
    lab.check();
}

#[test]
fn reclaim_example_17_a_dirty_page_survives_a_round() {
    let (mut lab, t) = Lab::with_task();
    lab.activate_all();
    let (_, pfns) = lab.cached_file(t, 1);
    let pfn = pfns[0];
    lab.k.set_page_dirty(pfn);
    lab.k.mem.mark_page_accessed(pfn);
    let flags = |lab: &Lab| lab.k.mem.page(pfn).flags();
    let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
    let mut scan = |lab: &mut Lab| lab.k.shrink_cache(NORMAL, 1, &mut sc);
    scan(&mut lab);
    assert!(!flags(&lab).contains(PageFlags::REFERENCED));
    assert_eq!(
        (
            lab.k.mem.page_state().nr_dirty,
            lab.k.mem.page_state().nr_writeback
        ),
        (1, 0)
    );
    scan(&mut lab);
    assert_eq!(
        (
            lab.k.mem.page_state().nr_dirty,
            lab.k.mem.page_state().nr_writeback
        ),
        (0, 1)
    );
    lab.k.blk_congestion_wait();
    assert_eq!(lab.k.mem.page_state().pgrotated, 1);
    assert_eq!(lab.k.mem.lru(NORMAL, LruList::Inactive).last(), Some(pfn));
    scan(&mut lab);
    assert_eq!(lab.counts(pfn).0, 0);
    lab.check();
}

/// Without swap: the killer ends the only task that is large, and with it its own request.
#[test]
fn a_task_that_touches_too_much_is_killed() {
    let (mut lab, t) = Lab::with_task();
    let pages = 16_000;
    let va = lab.mmap(t, pages, RW, PRIVATE | NORESERVE);
    lab.run(t);
    let fault = lab
        .k
        .user_touch(t, va, pages, AccessKind::Write)
        .unwrap_err();
    assert_eq!(fault.kind, UserFaultKind::OomKilled);
    assert!(lab.k.is_memdie(t));
    let state = lab.k.mem.page_state();
    assert!(state.allocstall > 0 && state.pageoutrun > 0);
    let victims = lab.k.log.records().filter_map(|record| match record.event {
        TraceEvent::MarkVictim { pid, .. } => Some(pid),
        _ => None,
    });
    assert_eq!(victims.collect::<Vec<_>>(), [lab.k.pid(t)]);
    lab.check();
}

/// The task with the most pages is killed in the place of the one that asks.
#[test]
fn a_larger_task_is_killed_and_the_request_is_served() {
    let (mut lab, large) = Lab::with_task();
    let small = lab.spawn();
    let va = lab.dirty(large, 8000);
    let more = lab.mmap(small, 7500, RW, PRIVATE | NORESERVE);
    lab.run(small);
    lab.k
        .user_touch(small, more, 7500, AccessKind::Write)
        .unwrap();
    assert!(lab.k.is_memdie(large) && !lab.k.is_memdie(small));
    assert_eq!(lab.pte(large, va).0, 0, "its pages are gone before it is");
    lab.check();
}

/// With swap the same task gets all its pages, and finds in them what it wrote.
#[test]
fn twice_the_memory_fits_with_swap() {
    let (mut lab, t) = Lab::with_task_on(Config {
        mem: 16 << 20,
        ..swapping(32)
    });
    let pages = 6000;
    let va = lab.mmap(t, pages, RW, PRIVATE);
    let at = |number: u32| VirtAddr(va.0 + number * PAGE_SIZE);
    (0..pages).for_each(|number| lab.write(t, at(number), number));
    lab.check();
    assert!(lab.k.mem.page_state().pswpout > 2000);
    (0..pages).for_each(|number| assert_eq!(lab.read(t, at(number)), number));
    assert!(lab.k.mem.page_state().pswpin > 2000);
    lab.check();
    lab.exit(t);
    lab.check();
}

/// What reclaim remembers of a zone is as at boot when nothing was ever short.
#[test]
fn a_machine_that_is_never_short_of_memory_reclaims_nothing() {
    let (mut lab, t) = Lab::with_task();
    lab.dirty(t, 1000);
    let b = lab.fork(t);
    lab.exit(b);
    let ZoneScan {
        pages_scanned,
        prev_priority,
        ..
    } = lab.k.mem.zone(NORMAL).scan;
    assert_eq!((pages_scanned, prev_priority), (0, DEF_PRIORITY));
    let state = lab.k.mem.page_state();
    assert_eq!(
        (state.pageoutrun, state.allocstall, state.pgactivate),
        (0, 0, 0)
    );
    assert_eq!(lab.k.visible_kswapd(), None);
}

/// A file of so many pages, mapped shared or private by a task, and its descriptor.
fn mapped_file(pages: u32, prot: u32, flags: u32) -> (Lab, TaskId, VirtAddr) {
    let (mut lab, t) = Lab::with_task();
    lab.activate_all();
    let fd = lab.open(t, "data", O_CREAT | O_RDWR);
    let inode = lab.k.lookup("data").unwrap();
    if let InodeKind::Regular(file) = &mut lab.k.inodes[inode].kind {
        file.i_size_write(pages * PAGE_SIZE);
    }
    let va = lab.try_map_file(t, (fd, 0, pages), prot, flags).unwrap();
    (lab, t, va)
}

const MAP_SHARED: u32 = 1;
const MAP_PRIVATE: u32 = 2;

/// One scan of the inactive list, all of it.
fn scan(lab: &mut Lab) {
    let mut sc = ScanControl::new(Reclaimer::Kswapd, Gfp::KERNEL);
    lab.k.shrink_cache(NORMAL, 1, &mut sc);
}

#[test]
fn reclaim_example_14_a_page_of_a_mapped_file_is_activated() {
    let (mut lab, _, _) = mapped_file(1, RW, MAP_SHARED);
    let inode = lab.k.lookup("data").unwrap();
    let pfn = lab.k.page_cache_read(inode, 0).unwrap();
    lab.k.mem.mark_page_accessed(pfn);
    let before = lab.k.mem.page_state().pgactivate;
    scan(&mut lab);
    assert_eq!(lab.counts(pfn), (1, 0));
    assert!(lab.k.mem.page(pfn).flags().contains(PageFlags::ACTIVE));
    assert_eq!(lab.k.mem.page_state().pgactivate, before + 1);
}

#[test]
fn reclaim_example_18_a_dirty_shared_page_is_unmapped_and_written() {
    let (mut lab, t, va) = mapped_file(1, RW, MAP_SHARED);
    lab.write(t, va, 7);
    let (pfn, rss) = (lab.pfn(t, va), lab.mm(t).rss());
    assert_eq!((lab.bits(t, va), lab.counts(pfn)), (0x067, (2, 1)));
    lab.k.page_referenced(pfn);
    scan(&mut lab);
    assert_eq!((lab.pte(t, va).0, lab.counts(pfn)), (0, (1, 0)));
    assert_eq!(lab.mm(t).rss(), rss + 1);
    assert!(lab.k.mem.page_has(pfn, PageFlags::WRITEBACK));
    lab.check();
    let minor = lab.k.task(t).min_flt;
    assert_eq!((lab.read(t, va), lab.pfn(t, va)), (7, pfn));
    assert_eq!(lab.k.task(t).min_flt, minor + 1);
    lab.check();
}

#[test]
fn reclaim_example_19_a_clean_private_page_is_freed_at_once() {
    let (mut lab, t, va) = mapped_file(1, RW, MAP_PRIVATE);
    lab.read(t, va);
    let pfn = lab.pfn(t, va);
    lab.k.page_referenced(pfn);
    assert_eq!((lab.bits(t, va), lab.counts(pfn)), (0x005, (2, 1)));
    scan(&mut lab);
    assert_eq!((lab.pte(t, va).0, lab.counts(pfn).0), (0, 0));
    let majors = (lab.k.task(t).maj_flt, lab.k.mem.page_state().pgmajfault);
    lab.read(t, va);
    let now = (lab.k.task(t).maj_flt, lab.k.mem.page_state().pgmajfault);
    assert_eq!(now, (majors.0 + 1, majors.1 + 1));
    lab.check();
}

#[test]
fn reclaim_example_44_a_locked_shared_page_is_activated() {
    let (mut lab, t, va) = mapped_file(1, RW, MAP_SHARED);
    lab.write(t, va, 7);
    let pfn = lab.pfn(t, va);
    let mm = lab.mm_id(t);
    let mut vma = lab.area(t, va);
    vma.vm_flags |= VmFlags::LOCKED;
    lab.k.mms[mm].locked_vm += 1;
    lab.k.mms[mm].insert_vma(vma);
    let mut pte = lab.pte(t, va);
    pte = pte.without(crate::hw::Pte::ACCESSED);
    let table = lab.k.page_table(mm, va).unwrap();
    lab.k.set_pte(table, va, pte);
    lab.k.flush_tlb_page(mm, va);
    lab.k
        .mem
        .page_mut(pfn)
        .test_and_clear(PageFlags::REFERENCED);
    scan(&mut lab);
    assert_eq!((lab.pte(t, va), lab.counts(pfn)), (pte, (2, 1)));
    assert!(lab.k.mem.page(pfn).flags().contains(PageFlags::ACTIVE));
    lab.check();
}

/// The first part of the example: after 51 reclaim removes an entry that is not at its linear place.
#[test]
fn reclaim_example_53_a_swept_entry_names_its_page() {
    let (mut lab, t, va) = mapped_file(8, RW, MAP_SHARED);
    let call = Syscall::RemapFilePages([va.0, 2 * PAGE_SIZE, 0, 6, 0]);
    lab.call(t, call).unwrap();
    let (pfn, rss) = (lab.pfn(t, va), lab.mm(t).rss());
    assert_eq!(lab.k.mem.page(pfn).index(), 6);
    for _ in 0..2 {
        // The first sweep finds both pages used.
        lab.k
            .mem
            .page_mut(pfn)
            .test_and_clear(PageFlags::REFERENCED);
        lab.k.try_to_unmap(pfn);
    }
    assert_eq!(lab.pte(t, va).0, 0x4c);
    assert_eq!(lab.mm(t).rss(), rss - 2, "its neighbour went along");
    lab.check();
}
