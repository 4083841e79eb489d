//! How many pages may be dirty, and who writes them when there are more: pdflush in the background
//! from one limit on, the writer itself beyond another, and pdflush what is dirty for long.

use super::fs_writeback::{DirtyInodes, SyncMode, WritebackControl};
use super::pdflush::{Pdflush, PdflushWork};
use crate::abi::HZ;
use crate::kernel::Kernel;
use crate::kernel::sysctl::Sysctl;
use std::collections::BTreeMap;

/// Pages that pdflush writes between two looks at the limits.
pub(super) const MAX_WRITEBACK_PAGES: i64 = 1024;
/// Pages that a CPU may make dirty between two looks while there are too many.
const RATELIMIT_EXCEEDED: u32 = 8;
/// Ticks in a hundredth of a second.
const TICKS_OF_CENTISECOND: u64 = HZ as u64 / 100;

/// Dirty pages of the machine: of which files, who writes them, and what is remembered between two
/// looks at the limits.
#[derive(Clone, Debug, Default)]
pub struct PageWriteback {
    /// The files with dirty pages.
    pub(super) dirty: DirtyInodes,
    /// The threads that write them in the background.
    pub(super) pdflush: Pdflush,
    /// Pages that each CPU has made dirty since it last looked at the limits (`ratelimits`).
    ratelimits: BTreeMap<usize, u32>,
    /// There were too many dirty pages at the last look (`dirty_exceeded`).
    dirty_exceeded: bool,
    /// The tick of the next periodic write-back, if a file is dirty then (`wb_timer`).
    wb_timer: u64,
}

/// From how many dirty pages on something is done about them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirtyLimits {
    /// pdflush writes.
    pub background: u32,
    /// Whoever makes more pages dirty writes himself.
    pub dirty: u32,
}

/// The limits of a machine of so many pages, of which some are mapped, by the tunables in percent.
/// Realtime tasks may have a quarter more.
///
/// Linux 2.6.12: `mm/page-writeback.c`, `get_dirty_limits()`.
fn dirty_limits(
    total_pages: u32,
    nr_mapped: u32,
    (background_ratio, dirty_ratio): (u32, u32),
    realtime: bool,
) -> DirtyLimits {
    let unmapped_ratio = 100 - nr_mapped * 100 / total_pages;
    let dirty_ratio = dirty_ratio.min(unmapped_ratio / 2).max(5);
    let background_ratio = if background_ratio >= dirty_ratio {
        dirty_ratio / 2
    } else {
        background_ratio
    };
    let limit = |percent: u32| {
        let pages = percent * total_pages / 100;
        pages + if realtime { pages / 4 } else { 0 }
    };
    DirtyLimits {
        background: limit(background_ratio),
        dirty: limit(dirty_ratio),
    }
}

impl Kernel {
    /// The limits for the current task.
    pub fn dirty_limits(&self) -> DirtyLimits {
        let ratio = |sysctl| self.config.sysctls.get(sysctl);
        let ratios = (
            ratio(Sysctl::DirtyBackgroundRatio),
            ratio(Sysctl::DirtyRatio),
        );
        let realtime = self.sched.get(self.current()).is_rt();
        let mapped = self.mem.page_state().nr_mapped as u32;
        dirty_limits(self.ram.frames(), mapped, ratios, realtime)
    }

    /// How many pages a CPU makes dirty before it looks at the limits.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `set_ratelimit()`.
    pub(super) fn ratelimit_pages(&self) -> u32 {
        (self.ram.frames() / (32 * self.config.cpus)).clamp(16, 1024)
    }

    /// Pages that are dirty, and pages that are being written.
    fn writeback_state(&self) -> (u32, u32) {
        let state = self.mem.page_state();
        (state.nr_dirty as u32, state.nr_writeback as u32)
    }

    /// Whether there are more dirty pages and pages on their way than a writer may leave.
    fn too_many_dirty(&self) -> bool {
        let (dirty, writeback) = self.writeback_state();
        dirty + writeback > self.dirty_limits().dirty
    }

    /// A part of a page was written: now and then this looks at the limits.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `balance_dirty_pages_ratelimited()`.
    pub(super) fn balance_dirty_pages_ratelimited(&mut self) {
        let limit = if self.page_writeback.dirty_exceeded {
            RATELIMIT_EXCEEDED
        } else {
            self.ratelimit_pages()
        };
        let cpu = self.this_cpu;
        let written = self.page_writeback.ratelimits.entry(cpu).or_default();
        let look = *written >= limit;
        *written = if look { 0 } else { *written + 1 };
        if look {
            self.balance_dirty_pages();
        }
    }

    /// Writes pages if there are too many dirty ones, and wakes pdflush if there are many.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `balance_dirty_pages()`. Simplified: a writer that has to
    /// wait for the device finds the writes complete at once.
    fn balance_dirty_pages(&mut self) {
        let write_chunk = i64::from(self.ratelimit_pages() * 3 / 2);
        let mut pages_written = 0;
        while self.too_many_dirty() {
            self.page_writeback.dirty_exceeded = true;
            if self.mem.page_state().nr_dirty > 0 {
                let mut wbc = WritebackControl {
                    sync_mode: SyncMode::None,
                    older_than_this: None,
                    nr_to_write: write_chunk,
                };
                self.writeback_inodes(&mut wbc);
                pages_written += write_chunk - wbc.nr_to_write;
                // It has done its share.
                if !self.too_many_dirty() || pages_written >= write_chunk {
                    break;
                }
            }
            self.nap();
        }
        if !self.too_many_dirty() {
            self.page_writeback.dirty_exceeded = false;
        }
        if self.writeback_state().0 > self.dirty_limits().background {
            self.pdflush_operation(PdflushWork::Background { min_pages: 0 });
        }
    }

    /// Lets somebody who frees memory wait while far too many pages are being written.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `throttle_vm_writeout()`.
    pub(super) fn throttle_vm_writeout(&mut self) {
        let limit = self.dirty_limits().dirty;
        if self.writeback_state().1 > limit + limit / 10 {
            self.blk_congestion_wait();
        }
    }

    /// Asks pdflush to write that many pages; 0 stands for all that are dirty.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `wakeup_bdflush()`.
    pub(in crate::kernel) fn wakeup_bdflush(&mut self, nr_pages: u32) {
        let min_pages = match nr_pages {
            0 => self.writeback_state().0,
            nr_pages => nr_pages,
        };
        self.pdflush_operation(PdflushWork::Background {
            min_pages: min_pages.into(),
        });
    }

    /// Writes until less than the background limit is dirty and at least `min_pages` were written.
    /// Returns whether it found less to write than it wanted, and so has to wait for the device.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `background_writeout()`.
    pub(super) fn background_writeout(&mut self, mut min_pages: i64) -> bool {
        while self.writeback_state().0 >= self.dirty_limits().background || min_pages > 0 {
            let mut wbc = WritebackControl {
                sync_mode: SyncMode::None,
                older_than_this: None,
                nr_to_write: MAX_WRITEBACK_PAGES,
            };
            self.writeback_inodes(&mut wbc);
            min_pages -= MAX_WRITEBACK_PAGES - wbc.nr_to_write;
            if wbc.nr_to_write > 0 {
                return true;
            }
        }
        false
    }

    /// The periodic write-back: writes files that have been dirty for long.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `wb_kupdate()`.
    pub(super) fn wb_kupdate(&mut self) {
        let now = self.tick();
        let expire = self.centisecs(Sysctl::DirtyExpireCentisecs);
        let mut nr_to_write = i64::from(self.writeback_state().0) + self.inodes.len() as i64;
        // Before so much time has passed since boot, nothing can be so old.
        let oldest = now.checked_sub(expire);
        while nr_to_write > 0 && oldest.is_some() {
            let mut wbc = WritebackControl {
                sync_mode: SyncMode::None,
                older_than_this: oldest,
                nr_to_write: MAX_WRITEBACK_PAGES,
            };
            self.writeback_inodes(&mut wbc);
            if wbc.nr_to_write > 0 {
                break;
            }
            nr_to_write -= MAX_WRITEBACK_PAGES - wbc.nr_to_write;
        }
        self.page_writeback.wb_timer = now + self.wb_interval().max(HZ.into());
    }

    fn centisecs(&self, sysctl: Sysctl) -> u64 {
        u64::from(self.config.sysctls.get(sysctl)) * TICKS_OF_CENTISECOND
    }

    /// Ticks between two periodic write-backs; 0 if there are none.
    fn wb_interval(&self) -> u64 {
        self.centisecs(Sysctl::DirtyWritebackCentisecs)
    }

    /// A file is dirty, and none was before. The timer has gone off all the time since boot; while
    /// there was nothing to be written, nobody took note.
    pub(super) fn restart_wb_timer(&mut self) {
        let interval = self.wb_interval().max(HZ.into());
        let timer = self.page_writeback.wb_timer;
        if timer <= self.tick() {
            let missed = (self.tick() - timer) / interval + 1;
            self.page_writeback.wb_timer = timer + missed * interval;
        }
    }

    /// The interval was changed: the timer starts anew.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `dirty_writeback_centisecs_handler()`.
    pub(in crate::kernel) fn dirty_writeback_changed(&mut self) {
        self.page_writeback.wb_timer = self.tick() + self.wb_interval();
    }

    /// The tick of the next periodic write-back, if there is something to be written.
    pub fn next_write_back(&self) -> Option<u64> {
        let waits = self.wb_interval() > 0 && !self.page_writeback.dirty.is_empty();
        waits.then_some(self.page_writeback.wb_timer)
    }

    /// Linux 2.6.12: `mm/page-writeback.c`, `wb_timer_fn()`.
    pub(in crate::kernel) fn run_wb_timer(&mut self) {
        if self.next_write_back().is_none_or(|tick| tick > self.tick()) {
            return;
        }
        // pdflush sets the timer again when it has the CPU; until then it must not go off.
        self.page_writeback.wb_timer = u64::MAX;
        if !self.pdflush_operation(PdflushWork::Kupdate) {
            self.page_writeback.wb_timer = self.tick() + u64::from(HZ);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 1.1 of the specification.
    #[test]
    fn the_limits_fall_with_mapped_memory() {
        for (mapped, realtime, background, dirty) in [
            (0, false, 1638, 6553),
            (0, true, 1638 + 409, 6553 + 1638),
            // 75 % mapped: half of the rest is 12 %.
            (12_288, false, 1638, 1966),
            // 95 %: at least 5 %, and half of that in the background.
            (15_600, false, 327, 819),
        ] {
            let limits = dirty_limits(16_384, mapped, (10, 40), realtime);
            assert_eq!(limits, DirtyLimits { background, dirty }, "{mapped} mapped");
        }
        let large = dirty_limits(131_072, 0, (10, 40), false);
        assert_eq!((large.background, large.dirty), (13_107, 52_428));
        let equal = dirty_limits(10_000, 0, (40, 40), false);
        assert_eq!((equal.background, equal.dirty), (2000, 4000));
    }
}
