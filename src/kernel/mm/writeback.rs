//! Dirty pages and their way to the device: who counts them, and how a write begins and ends.
//!
//! A read from the device is complete at once. A write is on its way until the next tick: then
//! `end_page_writeback` is called in the order in which the writes began.

use super::PageAllocator;
use super::alloc::{PageFlags, PageMapping};
use super::fs_writeback::{SyncMode, WritebackControl};
use crate::abi::{InodeId, Pfn, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, valid_bytes};
use crate::kernel::syscall::SysResult;
use crate::kernel::task::{AfterWrites, Continuation};
use crate::trace::TraceEvent;
use std::collections::VecDeque;

/// How many ticks after its beginning a write ends.
const WRITE_TICKS: u64 = 1;

/// The writes that have begun and not yet ended, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// The tick at which each write ends, and the page.
    queue: VecDeque<(u64, Pfn)>,
}

impl Writes {
    /// The tick at which the next write ends.
    pub fn next_end(&self) -> Option<u64> {
        self.queue.front().map(|(tick, _)| *tick)
    }

    /// The pages that are being written, in the order in which the writes began.
    pub fn pages(&self) -> impl Iterator<Item = Pfn> {
        self.queue.iter().map(|(_, pfn)| *pfn)
    }

    /// All writes end before their time.
    fn end_all(&mut self) {
        for (tick, _) in &mut self.queue {
            *tick = 0;
        }
    }

    fn pop_ended(&mut self, now: u64) -> Option<Pfn> {
        self.next_end().filter(|tick| *tick <= now)?;
        self.queue.pop_front().map(|(_, pfn)| pfn)
    }
}

impl PageAllocator {
    /// Whether a page has a flag.
    pub(super) fn page_has(&self, pfn: Pfn, flag: PageFlags) -> bool {
        self.page(pfn).flags().contains(flag)
    }
}

impl Kernel {
    /// The writes to devices that have not yet ended.
    pub const fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Whether dirty pages of that owner count in `nr_dirty`: those that a device waits for.
    fn accounts_dirty(&self, mapping: PageMapping) -> bool {
        match mapping {
            PageMapping::Cache(inode) => self.inodes[inode].kind.is_written_back(),
            PageMapping::None | PageMapping::Anon(_) => false,
        }
    }

    /// Marks a page as newer than its backing store.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `set_page_dirty()`, `__set_page_dirty_nobuffers()`.
    pub(super) fn set_page_dirty(&mut self, pfn: Pfn) {
        let mapping = self.mem.page(pfn).mapping();
        if !self.mem.page_mut(pfn).test_and_set(PageFlags::DIRTY) && self.accounts_dirty(mapping) {
            self.mem.page_state_mut().nr_dirty += 1;
            if let PageMapping::Cache(inode) = mapping {
                self.mark_inode_dirty(inode);
            }
        }
    }

    /// Takes note that a page is no longer newer than its backing store, because it is about to be
    /// written or is dropped. Returns whether it was dirty.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `clear_page_dirty_for_io()` and
    /// `test_clear_page_dirty()`.
    pub(super) fn clear_page_dirty(&mut self, pfn: Pfn) -> bool {
        let mapping = self.mem.page(pfn).mapping();
        let was_dirty = self.mem.page_mut(pfn).test_and_clear(PageFlags::DIRTY);
        if was_dirty && self.accounts_dirty(mapping) {
            self.mem.page_state_mut().nr_dirty -= 1;
        }
        was_dirty
    }

    /// Begins to write a page of a file to its device. Its dirty flag is clear already, so that a
    /// store that comes later makes it dirty again. What lies beyond the end of the file is zeroed in
    /// memory: a mapping may have written there.
    ///
    /// Linux 2.6.12: `fs/mpage.c`, `mpage_writepage()`.
    pub(super) fn writepage(&mut self, inode: InodeId, pfn: Pfn) {
        let index = self.mem.page(pfn).index();
        let valid = valid_bytes(self.inodes[inode].size(), index) as usize;
        if valid > 0 {
            self.ram.frame_mut(pfn)[valid..].fill(0);
            let bytes = *self.ram.frame(pfn);
            if let InodeKind::Regular(file) = &mut self.inodes[inode].kind {
                file.write_block(index, bytes);
            }
            self.trace_current(TraceEvent::WritePage { pfn, index });
            self.set_page_writeback(pfn);
        }
        self.mem.page_mut(pfn).test_and_clear(PageFlags::LOCKED);
    }

    /// Begins a write of a page, which ends at the next tick.
    ///
    /// Linux 2.6.12: `mm/page-writeback.c`, `test_set_page_writeback()`, and `submit_bio()`.
    pub(super) fn set_page_writeback(&mut self, pfn: Pfn) {
        if !self.mem.page_mut(pfn).test_and_set(PageFlags::WRITEBACK) {
            self.mem.page_state_mut().nr_writeback += 1;
            self.writes
                .queue
                .push_back((self.tick() + WRITE_TICKS, pfn));
        }
    }

    /// Takes note that a write has ended.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `end_page_writeback()`.
    fn end_page_writeback(&mut self, pfn: Pfn) {
        if self.mem.page_has(pfn, PageFlags::RECLAIM) {
            self.mem.rotate_reclaimable_page(pfn);
        }
        if self.mem.page_mut(pfn).test_and_clear(PageFlags::WRITEBACK) {
            self.mem.page_state_mut().nr_writeback -= 1;
        }
    }

    /// Interrupts of the devices: the writes whose time has come end.
    pub(in crate::kernel) fn end_writes(&mut self) {
        while let Some(pfn) = self.writes.pop_ended(self.tick()) {
            self.end_page_writeback(pfn);
        }
    }

    /// Lets a caller wait for the device that cannot sleep here: all writes end before their time.
    ///
    /// Linux 2.6.12: `drivers/block/ll_rw_blk.c`, `blk_congestion_wait()`. Simplified: 2.6.12 lets
    /// the caller sleep until a write ends by itself.
    pub(super) fn blk_congestion_wait(&mut self) {
        self.writes.end_all();
        self.end_writes();
    }

    /// Begins to write all dirty pages of a file, in ascending order, for a caller that will wait for
    /// them. Then the file is not dirty any more.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_fdatawrite()`; `fs/ext2/fsync.c`, `ext2_sync_file()`.
    pub(in crate::kernel) fn filemap_fdatawrite(&mut self, inode: InodeId) {
        self.filemap_fdatawrite_mode(inode, SyncMode::All);
        self.sync_inode(inode);
    }

    /// Linux 2.6.12: `mm/filemap.c`, `__filemap_fdatawrite()`.
    fn filemap_fdatawrite_mode(&mut self, inode: InodeId, sync_mode: SyncMode) {
        let nr_to_write = 2 * self.inodes[inode].pages().len() as i64;
        let mut wbc = WritebackControl {
            sync_mode,
            older_than_this: None,
            nr_to_write,
        };
        self.mpage_writepages(inode, &mut wbc);
    }

    /// The same for a caller that does not wait: pages that are on their way are left alone.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_flush()`.
    pub(super) fn filemap_flush(&mut self, inode: InodeId) {
        self.filemap_fdatawrite_mode(inode, SyncMode::None);
    }

    /// Lets the caller sleep until the pages of these files that are being written have arrived.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_fdatawait()`.
    pub(in crate::kernel) fn filemap_fdatawait(
        &mut self,
        current: TaskId,
        inodes: &[InodeId],
        then: AfterWrites,
    ) -> SysResult {
        let of_them = |pfn: Pfn| match self.mem.page(pfn).mapping() {
            PageMapping::Cache(inode) => inodes.contains(&inode),
            PageMapping::None | PageMapping::Anon(_) => false,
        };
        let mut waits = self.writes.queue.iter().filter(|(_, pfn)| of_them(*pfn));
        match waits.next_back() {
            Some((until, _)) => {
                let until = Some(*until);
                let wait = Continuation::WritesEnd { then };
                self.block_until(current, TaskState::UNINTERRUPTIBLE, wait, until)
            }
            None => self.writes_ended(current, then),
        }
    }

    /// Whether a page of a file is on its way to the device.
    pub(super) fn is_being_written(&self, inode: InodeId) -> bool {
        let of_file = |pfn| self.mem.page(pfn).mapping() == PageMapping::Cache(inode);
        self.writes.pages().any(of_file)
    }

    /// Continues with a call that has waited for the device.
    pub(in crate::kernel) fn writes_ended(
        &mut self,
        current: TaskId,
        then: AfterWrites,
    ) -> SysResult {
        match then {
            AfterWrites::Return => SysResult::from(0),
            AfterWrites::Msync(rest) => self.msync_areas(current, rest),
        }
    }

    /// Ends the write of a page before its time, for a caller that cannot sleep here.
    ///
    /// Linux 2.6.12: `include/linux/pagemap.h`, `wait_on_page_writeback()`. Simplified: 2.6.12 lets
    /// the caller sleep until the write ends by itself.
    pub(super) fn wait_on_page_writeback(&mut self, pfn: Pfn) {
        if self.mem.page_has(pfn, PageFlags::WRITEBACK) {
            self.writes.queue.retain(|(_, page)| *page != pfn);
            self.end_page_writeback(pfn);
        }
    }
}
