//! Which files are dirty, since when, and in which order their pages are written.

use super::alloc::PageFlags;
use crate::abi::{InodeId, Pfn};
use crate::kernel::Kernel;
use slotmap::SecondaryMap;
use std::collections::VecDeque;

/// Pages that are looked up at a time.
const PAGEVEC: usize = 14;

/// The dirty files of the file system, in the order in which they became dirty.
#[derive(Clone, Debug, Default)]
pub struct DirtyInodes {
    /// `s_dirty`: those to be written later, the newest first.
    s_dirty: VecDeque<InodeId>,
    /// `s_io`: those to be written now, the newest first.
    s_io: VecDeque<InodeId>,
    /// `dirtied_when`: the tick since which each is dirty.
    dirtied_when: SecondaryMap<InodeId, u64>,
}

impl DirtyInodes {
    /// Takes note that a file has a dirty page. One that was dirty already keeps its place.
    ///
    /// Linux 2.6.12: `fs/fs-writeback.c`, `__mark_inode_dirty()`.
    fn mark_dirty(&mut self, inode: InodeId, now: u64) {
        if !self.dirtied_when.contains_key(inode) {
            self.dirtied_when.insert(inode, now);
            self.s_dirty.push_front(inode);
        }
    }

    /// A file is clean, or gone.
    fn remove(&mut self, inode: InodeId) {
        if self.dirtied_when.remove(inode).is_some() {
            self.s_dirty.retain(|other| *other != inode);
            self.s_io.retain(|other| *other != inode);
        }
    }

    /// Whether no file is dirty.
    pub fn is_empty(&self) -> bool {
        self.dirtied_when.is_empty()
    }

    /// The dirty files, the one first that is dirty for the longest time.
    pub fn oldest_first(&self) -> impl Iterator<Item = InodeId> {
        let all = self.s_io.iter().rev().chain(self.s_dirty.iter().rev());
        all.copied()
    }

    /// All dirty files are to be written now. The newest ones come last.
    fn collect(&mut self) {
        while let Some(oldest) = self.s_dirty.pop_back() {
            self.s_io.push_front(oldest);
        }
    }
}

/// Whether a write-back waits for pages that are on their way already: `WB_SYNC_ALL`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SyncMode {
    /// They are left alone.
    None,
    /// They are waited for, and written again if they are dirty.
    All,
}

/// What is to be written: `struct writeback_control`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WritebackControl {
    pub(super) sync_mode: SyncMode,
    /// Only files that are dirty at least since that tick, for the periodic write-back.
    pub(super) older_than_this: Option<u64>,
    /// How many more pages.
    pub(super) nr_to_write: i64,
}

impl Kernel {
    /// The files with dirty pages.
    pub const fn dirty_inodes(&self) -> &DirtyInodes {
        &self.page_writeback.dirty
    }

    /// A page of a file is dirty.
    pub(super) fn mark_inode_dirty(&mut self, inode: InodeId) {
        if self.page_writeback.dirty.is_empty() {
            self.restart_wb_timer();
        }
        self.page_writeback.dirty.mark_dirty(inode, self.tick());
    }

    /// A file is about to be freed.
    pub(in crate::kernel) fn forget_dirty_inode(&mut self, inode: InodeId) {
        self.page_writeback.dirty.remove(inode);
    }

    /// A file is not dirty any more if none of its pages is.
    ///
    /// Linux 2.6.12: `fs/fs-writeback.c`, `sync_inode()`, by which `ext2_sync_file()` ends.
    pub(super) fn sync_inode(&mut self, inode: InodeId) {
        if !self.has_dirty_pages(inode) {
            self.page_writeback.dirty.remove(inode);
        }
    }

    fn has_dirty_pages(&self, inode: InodeId) -> bool {
        let mut pages = self.inodes[inode].pages().values();
        pages.any(|pfn| self.mem.page_has(*pfn, PageFlags::DIRTY))
    }

    /// Writes dirty files, the oldest first, until enough pages are written.
    ///
    /// Linux 2.6.12: `fs/fs-writeback.c`, `writeback_inodes()` and `sync_sb_inodes()`.
    pub(super) fn writeback_inodes(&mut self, wbc: &mut WritebackControl) {
        if wbc.older_than_this.is_none() || self.page_writeback.dirty.s_io.is_empty() {
            self.page_writeback.dirty.collect();
        }
        while let Some(inode) = self.page_writeback.dirty.s_io.back().copied() {
            let since = self.page_writeback.dirty.dirtied_when[inode];
            // The rest is younger still, and stays where it is.
            if wbc.older_than_this.is_some_and(|oldest| since > oldest) {
                break;
            }
            self.sync_single_inode(inode, wbc);
            if wbc.nr_to_write <= 0 {
                break;
            }
        }
    }

    /// Writes pages of a file. If others are still dirty, the file has its turn again when all others
    /// had one, but for the periodic write-back, which begins with it the next time.
    ///
    /// Linux 2.6.12: `fs/fs-writeback.c`, `__sync_single_inode()`.
    fn sync_single_inode(&mut self, inode: InodeId, wbc: &mut WritebackControl) {
        self.mpage_writepages(inode, wbc);
        let dirty = self.has_dirty_pages(inode);
        let now = self.tick();
        let files = &mut self.page_writeback.dirty;
        let since = files.dirtied_when[inode];
        files.remove(inode);
        if !dirty {
            return;
        }
        if wbc.older_than_this.is_some() {
            files.dirtied_when.insert(inode, since);
            files.s_dirty.push_back(inode);
        } else {
            files.mark_dirty(inode, now);
        }
    }

    /// Begins to write dirty pages of a file, in ascending order. Without a wait it goes on where the
    /// last time ended, and from the start only if nothing is dirty from there on.
    ///
    /// Linux 2.6.12: `fs/mpage.c`, `mpage_writepages()`.
    pub(super) fn mpage_writepages(&mut self, inode: InodeId, wbc: &mut WritebackControl) {
        if !self.inodes[inode].kind.is_written_back() {
            return;
        }
        let (mut index, mut scanned) = match wbc.sync_mode {
            SyncMode::None => (self.inodes[inode].i_mapping.writeback_index, false),
            SyncMode::All => (0, true),
        };
        loop {
            let pages = self.dirty_pages_from(inode, index);
            if let Some((last, _)) = pages.last() {
                index = last + 1;
                scanned = true;
            } else if scanned {
                break;
            } else {
                (index, scanned) = (0, true);
                continue;
            }
            for (_, pfn) in pages {
                self.write_dirty_page(inode, pfn, wbc);
            }
            if wbc.nr_to_write <= 0 {
                break;
            }
        }
        self.inodes[inode].i_mapping.writeback_index = index;
    }

    /// The next dirty pages of a file with their indices, as many as are looked up at a time.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `pagevec_lookup_tag()`.
    fn dirty_pages_from(&self, inode: InodeId, index: u32) -> Vec<(u32, Pfn)> {
        let pages = self.inodes[inode].pages().range(index..);
        let dirty = pages.filter(|(_, pfn)| self.mem.page_has(**pfn, PageFlags::DIRTY));
        let dirty = dirty.map(|(index, pfn)| (*index, *pfn));
        dirty.take(PAGEVEC).collect()
    }

    fn write_dirty_page(&mut self, inode: InodeId, pfn: Pfn, wbc: &mut WritebackControl) {
        if wbc.sync_mode == SyncMode::All {
            self.wait_on_page_writeback(pfn);
        }
        if !self.mem.page_has(pfn, PageFlags::WRITEBACK) && self.clear_page_dirty(pfn) {
            self.writepage(inode, pfn);
            wbc.nr_to_write -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::SlotMap;

    #[test]
    fn files_are_written_in_the_order_in_which_they_became_dirty() {
        let mut arena: SlotMap<InodeId, ()> = SlotMap::with_key();
        let [a, b, c] = [(); 3].map(|()| arena.insert(()));
        let mut files = DirtyInodes::default();
        for (inode, tick) in [(b, 1), (a, 2), (b, 3)] {
            files.mark_dirty(inode, tick);
        }
        files.collect();
        files.mark_dirty(c, 4);
        let order = |files: &DirtyInodes| files.oldest_first().collect::<Vec<_>>();
        assert_eq!((order(&files), files.dirtied_when[b]), (vec![b, a, c], 1));
        files.collect();
        assert_eq!(files.s_io, [c, a, b]);
        files.remove(b);
        files.mark_dirty(b, 9);
        assert_eq!((order(&files), files.dirtied_when[b]), (vec![a, c, b], 9));
    }
}
