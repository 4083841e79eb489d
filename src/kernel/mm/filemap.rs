//! Pages of files and shared objects: the page cache, and what a mapping finds in it.

use super::map_refusal::TooMuchPromised;
use super::overcommit::pages_of;
use super::page::PageMapping;
use super::vma::Vma;
use crate::abi::{FileId, InodeId, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;
use crate::trace::FrameUse;

/// `O_RDWR`.
const O_RDWR: u32 = 2;

/// What a mapping finds at a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoPage {
    /// The cached page, with a reference for the caller.
    Page {
        /// Its frame.
        pfn: Pfn,
        /// It had to be read from the file.
        major: bool,
    },
    /// `NOPAGE_SIGBUS`: the file does not have that page.
    Sigbus,
    /// `NOPAGE_OOM`.
    Oom,
}

/// Where a page of a mapped file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilePage {
    /// In the page cache.
    Cached(Pfn),
    /// To be read from the file.
    Uncached {
        /// The file.
        inode: InodeId,
        /// The page in it.
        index: u32,
    },
    /// Nowhere: the file ends before it.
    BeyondEnd,
}

impl Kernel {
    /// Where the page is that an area of a file maps at an address.
    pub fn file_page(&self, vma: &Vma, va: VirtAddr) -> FilePage {
        let Some(file) = vma.vm_file else {
            return FilePage::BeyondEnd;
        };
        let inode = self.open_files[file].inode;
        let index = vma.linear_page_index(va);
        if index >= pages_of(self.inodes[inode].size()) {
            return FilePage::BeyondEnd;
        }
        match self.inodes[inode].pages.get(&index) {
            Some(pfn) => FilePage::Cached(*pfn),
            None => FilePage::Uncached { inode, index },
        }
    }

    /// The page of the file that an area maps at an address.
    ///
    /// Linux 2.6.12: mm/filemap.c, `filemap_nopage()`, and mm/shmem.c, `shmem_nopage()`.
    /// Simplified: no read-ahead.
    pub(super) fn nopage(&mut self, vma: &Vma, va: VirtAddr) -> NoPage {
        let (pfn, major) = match self.file_page(vma, va) {
            FilePage::BeyondEnd => return NoPage::Sigbus,
            FilePage::Cached(pfn) => (pfn, false),
            FilePage::Uncached { inode, index } => match self.read_cache_page(inode, index) {
                Some(pfn) => (pfn, !matches!(self.inodes[inode].kind, InodeKind::Shmem(_))),
                None => return NoPage::Oom,
            },
        };
        self.mem.get_page(pfn);
        NoPage::Page { pfn, major }
    }

    /// Fills a frame with a page of a file and puts it in the page cache, which holds a reference.
    fn read_cache_page(&mut self, inode: InodeId, index: u32) -> Option<Pfn> {
        let pfn = self.alloc_zeroed_frame(FrameUse::Cache)?;
        let bytes = self.inodes[inode]
            .kind
            .bytes_at(index << PAGE_SHIFT, PAGE_SIZE);
        self.ram.frame_mut(pfn)[..bytes.len()].copy_from_slice(&bytes);
        let page = self.mem.page_mut(pfn);
        page.mapping = PageMapping::Cache(inode);
        page.index = index;
        self.inodes[inode].pages.insert(index, pfn);
        self.vm.pagecache += 1;
        Some(pfn)
    }

    /// The page cache gives up a page of an inode that goes away.
    ///
    /// Linux 2.6.12: mm/filemap.c, `remove_from_page_cache()`.
    pub(in crate::kernel) fn remove_from_page_cache(&mut self, pfn: Pfn) {
        self.mem.page_mut(pfn).mapping = PageMapping::None;
        self.vm.pagecache -= 1;
        self.put_page(pfn);
    }

    /// A file for a shared anonymous area of that many bytes, with one reference. Its memory is
    /// charged until the last reference is put.
    ///
    /// Linux 2.6.12: mm/shmem.c, `shmem_zero_setup()`. Simplified: `MAP_NORESERVE` charges too.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn shmem_zero_setup(&mut self, len: u32) -> Result<FileId, TooMuchPromised> {
        self.vm_enough_memory(pages_of(len))?;
        let inode = self.new_inode(InodeKind::Shmem(len), "dev/zero");
        let file = self.open_inode(inode, O_RDWR);
        self.iput(inode);
        Ok(file)
    }
}
