//! Cutting a file short in memory: its pages leave the page cache.

use super::overcommit::pages_of;
use crate::abi::{InodeId, Pfn};
use crate::kernel::Kernel;

impl Kernel {
    /// Drops the cached pages that lie entirely beyond a size. Nothing maps them any more.
    ///
    /// Linux 2.6.12: `mm/truncate.c`, `truncate_inode_pages()`.
    pub(in crate::kernel) fn truncate_inode_pages(&mut self, inode: InodeId, size: u32) {
        let pages = self.inodes[inode].pages().range(pages_of(size)..);
        let pages: Vec<(u32, Pfn)> = pages.map(|(index, pfn)| (*index, *pfn)).collect();
        for (index, pfn) in pages {
            self.truncate_complete_page(inode, index, pfn);
        }
        self.shmem_free_slots(inode, pages_of(size));
    }

    /// What was written to the page is lost: no device will ever hold it.
    ///
    /// Linux 2.6.12: `mm/truncate.c`, `truncate_complete_page()`.
    fn truncate_complete_page(&mut self, inode: InodeId, index: u32, pfn: Pfn) {
        self.wait_on_page_writeback(pfn);
        self.clear_page_dirty(pfn);
        self.remove_from_page_cache(inode, index);
    }
}
