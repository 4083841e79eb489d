//! Cutting a file short, or making it longer, with its pages in memory and in page tables.

use super::alloc::PageFlags;
use super::overcommit::pages_of;
use super::unmap::MmuGather;
use super::vma::{VmFlags, Vma};
use crate::abi::{InodeId, MmId, PAGE_SHIFT, PAGE_SIZE, Pfn};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;

impl Kernel {
    /// Changes the size of a regular file, whose new size is within all limits.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `vmtruncate()`, and `fs/ext2/inode.c`, `ext2_truncate()`.
    pub(in crate::kernel) fn vmtruncate(&mut self, inode: InodeId, size: u32) {
        let shrinks = size <= self.inodes[inode].size();
        let InodeKind::Regular(file) = &mut self.inodes[inode].kind else {
            return;
        };
        // The size first: a fault that comes from now on finds the pages beyond the end.
        file.i_size_write(size);
        if shrinks {
            self.unmap_mapping_range(inode, pages_of(size));
            self.truncate_inode_pages(inode, size);
        }
        self.nobh_truncate_page(inode, size);
        if let InodeKind::Regular(file) = &mut self.inodes[inode].kind {
            file.free_blocks();
        }
    }

    /// Removes the pages of a file from `first` on from all page tables that map them. Private copies
    /// go, too.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `unmap_mapping_range()`.
    pub(in crate::kernel) fn unmap_mapping_range(&mut self, inode: InodeId, first: u32) {
        let areas = self.areas_of_file(inode);
        let areas: Vec<(MmId, Vma)> = areas.map(|(mm, vma)| (mm, *vma)).collect();
        for (mm, vma) in areas {
            let mut tlb = MmuGather::new(self, mm);
            if vma.has(VmFlags::NONLINEAR) {
                // Any page of the file may be anywhere in it.
                self.zap_nonlinear(&mut tlb, &vma, first);
            } else if let Some(part) = part_from(&vma, first) {
                // The areas stay charged: they are as large as before.
                self.unmap_vmas(&mut tlb, &[part]);
            }
            self.tlb_finish_mmu(&mut tlb);
        }
    }

    /// Drops the cached pages that lie entirely beyond a size, which nothing maps any more, and
    /// clears the rest of the page in which the file ends.
    ///
    /// Linux 2.6.12: `mm/truncate.c`, `truncate_inode_pages()`.
    pub(in crate::kernel) fn truncate_inode_pages(&mut self, inode: InodeId, size: u32) {
        let partial = size & (PAGE_SIZE - 1);
        if partial != 0
            && let Some(pfn) = self.find_page(inode, size >> PAGE_SHIFT)
        {
            self.wait_on_page_writeback(pfn);
            self.ram.frame_mut(pfn)[partial as usize..].fill(0);
        }
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
        self.mem.page_mut(pfn).test_and_clear(PageFlags::UPTODATE);
        self.remove_from_page_cache(inode, index);
    }

    /// Clears the rest of the page in which the file ends, which the device must not keep either: the
    /// page is read if it is not cached, and is dirty afterwards. If there is no memory for it, it
    /// stays as it is.
    ///
    /// Linux 2.6.12: `fs/buffer.c`, `nobh_truncate_page()`.
    fn nobh_truncate_page(&mut self, inode: InodeId, size: u32) {
        let (index, offset) = (size >> PAGE_SHIFT, size & (PAGE_SIZE - 1));
        if offset == 0 {
            return;
        }
        let pfn = match self.find_page(inode, index) {
            Some(pfn) => pfn,
            None => {
                let Ok(pfn) = self.page_cache_alloc() else {
                    return;
                };
                self.add_to_page_cache_lru(inode, index, pfn);
                self.readpage(inode, index, pfn);
                pfn
            }
        };
        self.ram.frame_mut(pfn)[offset as usize..].fill(0);
        self.set_page_dirty(pfn);
    }
}

/// The part of an area that maps the pages of its file from `first` on.
fn part_from(vma: &Vma, first: u32) -> Option<Vma> {
    let before = first.saturating_sub(vma.vm_pgoff);
    (before < vma.pages()).then(|| Vma {
        vm_start: vma.vm_start + (before << PAGE_SHIFT),
        vm_pgoff: vma.vm_pgoff + before,
        ..*vma
    })
}
