//! Pages of files and shared objects: the page cache, and what a mapping finds in it.

use super::alloc::PageFlags;
use super::memory::MmFault;
use super::overcommit::pages_of;
use super::vma::Vma;
use crate::abi::{FileId, InodeId, O_RDWR, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;
use crate::trace::{FrameUse, NoMemory, Overcommitted};

/// Where a page of a mapped file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilePage {
    /// In the page cache.
    Cached(Pfn),
    /// To be read from the file.
    Uncached {
        /// The file that is mapped.
        inode: InodeId,
        /// Index of the page in it.
        index: u32,
    },
    /// Beyond the end of the file.
    BeyondEnd,
}

impl Kernel {
    /// Finds the page that an area maps at an address, without reading it.
    pub fn file_page(&self, vma: &Vma, addr: VirtAddr) -> FilePage {
        let Some(file) = vma.vm_file else {
            return FilePage::BeyondEnd;
        };
        let inode = self.open_files[file].inode();
        let index = vma.linear_page_index(addr);
        if index >= pages_of(self.inodes[inode].size()) {
            return FilePage::BeyondEnd;
        }
        match self.inodes[inode].pages().get(&index) {
            Some(pfn) => FilePage::Cached(*pfn),
            None => FilePage::Uncached { inode, index },
        }
    }

    /// The page that an area of a file maps at an address, read from the file if need be.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_nopage()`, and `mm/shmem.c`, `shmem_nopage()`.
    /// Simplified: no read-ahead.
    ///
    /// # Errors
    /// `Sigbus` if the file does not have that page, and `Oom`.
    pub(super) fn nopage(&mut self, vma: &Vma, addr: VirtAddr) -> Result<(Pfn, MmFault), MmFault> {
        let (pfn, fault) = match self.file_page(vma, addr) {
            FilePage::BeyondEnd => return Err(MmFault::Sigbus),
            FilePage::Cached(pfn) => (pfn, MmFault::Minor),
            FilePage::Uncached { inode, index } => {
                let read = self.read_cache_page(inode, index);
                let pfn = read.map_err(|_| MmFault::Oom)?;
                match self.inodes[inode].kind {
                    InodeKind::Shmem(_) => (pfn, MmFault::Minor),
                    _ => (pfn, MmFault::Major),
                }
            }
        };
        if fault == MmFault::Major {
            self.mem.page_state_mut().pgmajfault += 1;
        }
        self.mem.mark_page_accessed(pfn);
        self.mem.get_page(pfn);
        Ok((pfn, fault))
    }

    /// Reads a page of a file into a new frame and adds it to the page cache, which holds a
    /// reference.
    fn read_cache_page(&mut self, inode: InodeId, index: u32) -> Result<Pfn, NoMemory> {
        let pfn = self.alloc_zeroed_frame(FrameUse::Cache)?;
        let bytes = self.inodes[inode]
            .kind
            .bytes_at(index << PAGE_SHIFT, PAGE_SIZE);
        self.ram.frame_mut(pfn)[..bytes.len()].copy_from_slice(&bytes);
        self.mem.page_mut(pfn).add_to_page_cache(inode, index);
        self.inodes[inode].add_to_page_cache(index, pfn);
        self.vm.pagecache += 1;
        self.mem.page_mut(pfn).set(PageFlags::UPTODATE);
        self.lru_cache_add(pfn);
        Ok(pfn)
    }

    /// Removes a page from the page cache of an inode that is being freed.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `remove_from_page_cache()`.
    pub(in crate::kernel) fn remove_from_page_cache(&mut self, pfn: Pfn) {
        self.mem.page_mut(pfn).remove_from_page_cache();
        self.vm.pagecache -= 1;
        self.put_page(pfn);
    }

    /// A file for a shared anonymous area of that many bytes, with one reference. Its memory stays
    /// accounted until the last reference is dropped.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_zero_setup()`. Simplified: `MAP_NORESERVE` is accounted, too.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn shmem_zero_setup(&mut self, len: u32) -> Result<FileId, Overcommitted> {
        self.vm_enough_memory(pages_of(len))?;
        let inode = self.new_inode(InodeKind::Shmem(len), "dev/zero");
        let file = self.open_inode(inode, O_RDWR);
        // The open file holds the inode now; with the last area the file goes, and the inode with
        // it.
        self.iput(inode);
        Ok(file)
    }
}
