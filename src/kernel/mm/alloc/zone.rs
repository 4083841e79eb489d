//! A zone: a range of frames with its free lists, its per-CPU lists, and the watermarks, which say
//! how much of it must stay free.

use super::gfp::Gfp;
use super::lru::LruList;
use super::page_list::PageList;
use super::pcp::PerCpuPageset;
use crate::abi::Pfn;

/// Orders are 0..`MAX_ORDER`: the largest block has 2^10 frames, 4 MiB.
pub const MAX_ORDER: u32 = 11;
/// The first frame that ISA DMA cannot reach (16 MiB); the Normal zone starts here.
pub const MAX_DMA_PFN: u32 = 0x1000;

/// One in this many pages of the Normal zone is reserved in the DMA zone for callers that can use
/// no other zone (`sysctl_lowmem_reserve_ratio`).
const LOWMEM_RESERVE_RATIO: u32 = 256;

/// The zones of this machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ZoneIdx {
    /// Below 16 MiB.
    Dma,
    /// From 16 MiB to 896 MiB.
    Normal,
}

impl ZoneIdx {
    /// Both, in the order of their frames.
    pub const ALL: [Self; 2] = [Self::Dma, Self::Normal];

    /// The zone a frame belongs to.
    pub const fn of(pfn: Pfn) -> Self {
        if pfn.0 < MAX_DMA_PFN {
            Self::Dma
        } else {
            Self::Normal
        }
    }
}

/// The watermark that an allocation attempt must respect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watermark {
    /// First attempt: below this, kswapd is woken.
    Low,
    /// Second attempt: below this, the caller has to reclaim memory itself.
    Min,
    /// The attempt before somebody is killed. kswapd works until each zone has more than this.
    High,
    /// No mark: for callers that give back more than they take.
    Ignored,
}

/// Who allocates, as far as it matters how deep they may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// A task that other tasks can wait for.
    Ordinary,
    /// A realtime task outside of an interrupt.
    Realtime,
}

/// Why a zone refuses: at `order`, `free` frames would be left, but more than `mark` are required.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// The lowest order at which the test failed; frames in smaller blocks do not count.
    pub order: u32,
    /// Frames that would count as free.
    pub free: i32,
    /// What they must exceed.
    pub mark: i32,
}

/// `struct zone`.
#[derive(Clone, Debug)]
pub struct Zone {
    /// First frame of the block.
    pub zone_start_pfn: u32,
    /// Number of frames, holes included.
    pub present_pages: u32,
    /// Frames in the free lists; those in per-CPU lists are already subtracted.
    pub(super) free_pages: u32,
    /// Below this a waiting caller must reclaim, frames.
    pub pages_min: u32,
    /// Below this kswapd is woken, frames.
    pub pages_low: u32,
    /// Up to this kswapd works, frames.
    pub pages_high: u32,
    /// Frames reserved from callers whose preferred zone is the one with this index.
    pub lowmem_reserve: [u32; 2],
    pub(super) free_area: [PageList; MAX_ORDER as usize],
    pub(super) pageset: Vec<PerCpuPageset>,
    /// The LRU lists, by [`LruList`].
    pub(super) lru: [PageList; 2],
    /// How reclaim stands with this zone.
    pub scan: ZoneScan,
}

/// What reclaim remembers of a zone from one run to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZoneScan {
    /// Pages of the active list to look at as soon as they are worth a batch.
    pub nr_scan_active: u32,
    /// The same for the inactive list.
    pub nr_scan_inactive: u32,
    /// Pages looked at since a page of the zone was freed to the buddy lists.
    pub pages_scanned: u32,
    /// Nothing could be reclaimed for long: only the first round looks at the zone.
    pub all_unreclaimable: bool,
    /// The priority of the run in progress.
    pub temp_priority: u32,
    /// The priority at which the last run ended, or to which this one has got.
    pub prev_priority: u32,
}

/// The priority at which reclaim begins (`DEF_PRIORITY`): a 4096th of each list.
pub const DEF_PRIORITY: u32 = 12;

impl ZoneScan {
    /// A run has got to a priority.
    pub(in crate::kernel::mm) fn begin_round(&mut self, priority: u32) {
        self.temp_priority = priority;
        self.prev_priority = self.prev_priority.min(priority);
    }

    /// A run is over: the next begins where this one ended.
    pub(in crate::kernel::mm) const fn end_run(&mut self) {
        self.prev_priority = self.temp_priority;
    }

    const AT_BOOT: Self = Self {
        nr_scan_active: 0,
        nr_scan_inactive: 0,
        pages_scanned: 0,
        all_unreclaimable: false,
        temp_priority: DEF_PRIORITY,
        prev_priority: DEF_PRIORITY,
    };
}

impl Zone {
    /// The empty DMA and Normal zones of a machine, watermarks set.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `free_area_init_core()` and `init_per_zone_pages_min()`. The
    /// latter runs only after the boot has freed memory, which checks no watermark.
    pub fn all(frames: u32, cpus: usize) -> [Self; 2] {
        let dma_pages = frames.min(MAX_DMA_PFN);
        let normal_pages = frames - dma_pages;
        let pages_min = min_free_kbytes(frames) >> 2;
        let share =
            |present: u32| (u64::from(pages_min) * u64::from(present) / u64::from(frames)) as u32;
        let mut dma = Self::new(0, dma_pages, share(dma_pages), cpus);
        dma.lowmem_reserve[ZoneIdx::Normal as usize] = normal_pages / LOWMEM_RESERVE_RATIO;
        [
            dma,
            Self::new(MAX_DMA_PFN, normal_pages, share(normal_pages), cpus),
        ]
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `free_area_init_core()` and `setup_per_zone_pages_min()`.
    fn new(zone_start_pfn: u32, present_pages: u32, pages_min: u32, cpus: usize) -> Self {
        Self {
            zone_start_pfn,
            present_pages,
            free_pages: 0,
            pages_min,
            pages_low: pages_min * 5 / 4,
            pages_high: pages_min * 6 / 4,
            lowmem_reserve: [0; 2],
            free_area: [const { PageList::new() }; MAX_ORDER as usize],
            pageset: vec![PerCpuPageset::new(zone_batchsize(present_pages)); cpus],
            lru: [const { PageList::new() }; 2],
            scan: ZoneScan::AT_BOOT,
        }
    }

    /// Pages on the active list.
    pub const fn nr_active(&self) -> u32 {
        self.lru[LruList::Active as usize].len()
    }

    /// Pages on the inactive list.
    pub const fn nr_inactive(&self) -> u32 {
        self.lru[LruList::Inactive as usize].len()
    }

    /// Frames in the buddy lists.
    pub const fn free_pages(&self) -> u32 {
        self.free_pages
    }

    /// Whether the frame lies in the zone.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, the opposite of `bad_range()`.
    pub const fn contains(&self, pfn: Pfn) -> bool {
        pfn.0 >= self.zone_start_pfn && pfn.0 < self.zone_start_pfn + self.present_pages
    }

    /// The mark that an attempt is tested against: on the last attempt, callers in need may go
    /// deeper.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `__alloc_pages()` and the head of `zone_watermark_ok()`.
    pub fn mark(&self, level: Watermark, gfp: Gfp, caller: Caller) -> i32 {
        let mut mark = match level {
            Watermark::Low => return self.pages_low.cast_signed(),
            Watermark::High => return self.pages_high.cast_signed(),
            Watermark::Ignored => return i32::MIN / 2,
            Watermark::Min => self.pages_min.cast_signed(),
        };
        if gfp.contains(Gfp::HIGH) {
            mark -= mark / 2;
        }
        if !gfp.contains(Gfp::WAIT) || caller == Caller::Realtime {
            mark -= mark / 4;
        }
        mark
    }

    /// Whether a block of this order can be taken without falling below the mark; `classzone` is
    /// the caller's preferred zone.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `zone_watermark_ok()`.
    ///
    /// # Errors
    /// The [`Shortage`] that forbids it.
    pub fn zone_watermark_ok(
        &self,
        order: u32,
        mark: i32,
        classzone: ZoneIdx,
    ) -> Result<(), Shortage> {
        let more_than = |order, free, mark| {
            if free > mark {
                Ok(())
            } else {
                Err(Shortage { order, free, mark })
            }
        };
        let mut free = self.free_pages.cast_signed() - (1 << order) + 1;
        let reserve = self.lowmem_reserve[classzone as usize].cast_signed();
        more_than(0, free, mark + reserve)?;
        let mut mark = mark;
        for lower in 0..order {
            free -= (self.free_area[lower as usize].len() << lower).cast_signed();
            mark >>= 1;
            more_than(lower + 1, free, mark)?;
        }
        Ok(())
    }
}

/// The global reserve for a machine with this many frames, KiB.
///
/// Linux 2.6.12: `mm/page_alloc.c`, `init_per_zone_pages_min()`.
fn min_free_kbytes(frames: u32) -> u32 {
    let lowmem_kbytes = frames * 4;
    (lowmem_kbytes * 16).isqrt().clamp(128, 65536)
}

/// Pages moved at a time between the buddy lists and a per-CPU list: about a 4096th of the zone,
/// at most 16.
///
/// Linux 2.6.12: `mm/page_alloc.c`, `free_area_init_core()`.
fn zone_batchsize(present_pages: u32) -> u32 {
    const MAX_POOL: u32 = 256 * 1024 / crate::abi::PAGE_SIZE;
    ((present_pages / 1024).min(MAX_POOL) / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mm::alloc::page::{MemMap, Page};

    const MIB: u32 = 256;

    #[test]
    fn reserves_and_batches_by_machine_size() {
        // MiB, min_free_kbytes, pages_min DMA + Normal, batch DMA + Normal, lowmem_reserve
        let table = [
            (4, 256, [64, 0], [1, 1], 0),
            (16, 512, [128, 0], [1, 1], 0),
            (32, 724, [90, 90], [1, 1], 16),
            (64, 1024, [64, 192], [1, 3], 48),
            (128, 1448, [45, 316], [1, 7], 112),
            (896, 3831, [17, 939], [1, 16], 880),
        ];
        for (mib, min_kb, pages_min, batch, reserve) in table {
            let zones = Zone::all(mib * MIB, 1);
            assert_eq!(min_free_kbytes(mib * MIB), min_kb, "{mib} MiB");
            assert_eq!(
                zones.each_ref().map(|z| z.pages_min),
                pages_min,
                "{mib} MiB"
            );
            assert_eq!(
                zones.each_ref().map(|z| z.pageset[0].hot().batch),
                batch,
                "{mib} MiB"
            );
            assert_eq!(zones[0].lowmem_reserve, [0, reserve], "{mib} MiB");
            assert_eq!(zones[1].lowmem_reserve, [0, 0], "{mib} MiB");
        }
    }

    #[test]
    fn who_may_go_how_deep() {
        let [_, normal] = Zone::all(64 * MIB, 1);
        assert_eq!(
            [normal.pages_min, normal.pages_low, normal.pages_high],
            [192, 240, 288]
        );
        let table = [
            (Watermark::Low, Gfp::KERNEL, Caller::Ordinary, 240),
            (Watermark::Low, Gfp::ATOMIC, Caller::Realtime, 240),
            (Watermark::Min, Gfp::KERNEL, Caller::Ordinary, 192),
            (Watermark::Min, Gfp::KERNEL, Caller::Realtime, 144),
            (
                Watermark::Min,
                Gfp::KERNEL | Gfp::HIGH,
                Caller::Ordinary,
                96,
            ),
            (Watermark::Min, Gfp::DMA, Caller::Ordinary, 144),
            (Watermark::Min, Gfp::ATOMIC, Caller::Ordinary, 72),
            (Watermark::High, Gfp::ATOMIC, Caller::Realtime, 288),
        ];
        for (level, gfp, caller, mark) in table {
            let found = normal.mark(level, gfp, caller);
            assert_eq!(found, mark, "{level:?} {gfp:?} {caller:?}");
        }
    }

    #[test]
    fn a_refusal_says_at_which_order_memory_is_short() {
        let [mut dma, _] = Zone::all(64 * MIB, 1);
        dma.free_pages = 113;
        let ok = |dma: &Zone, order, classzone| dma.zone_watermark_ok(order, 64, classzone);
        assert_eq!(ok(&dma, 0, ZoneIdx::Normal), Ok(()));
        let short = Shortage {
            order: 0,
            free: 112,
            mark: 64 + 48,
        };
        assert_eq!(
            ok(&dma, 1, ZoneIdx::Normal),
            Err(short),
            "48 frames are kept from them"
        );
        assert_eq!(ok(&dma, 1, ZoneIdx::Dma), Ok(()));
        assert_eq!(
            ok(&dma, 6, ZoneIdx::Dma),
            Err(Shortage {
                order: 0,
                free: 50,
                mark: 64
            })
        );

        // Everything free is single frames: enough memory, but no larger blocks.
        let mut pages = MemMap::filled(Page::at_boot(), 226);
        for pfn in (0..226).step_by(2) {
            dma.free_area[0].add(&mut pages, Pfn(pfn));
        }
        let short = Shortage {
            order: 1,
            free: -1,
            mark: 32,
        };
        assert_eq!(ok(&dma, 1, ZoneIdx::Dma), Err(short));
    }
}
