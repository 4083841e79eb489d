//! Pages of files and shared objects: the page cache, and what a mapping finds in it.

use super::alloc::PageFlags;
use super::memory::MmFault;
use super::overcommit::pages_of;
use super::swap_entry::SwapEntry;
use super::vma::Vma;
use crate::abi::{FileId, InodeId, O_RDWR, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, valid_bytes};
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
    /// A page of shared memory in a swap slot.
    Swapped {
        /// The object.
        inode: InodeId,
        /// Index of the page in it.
        index: u32,
        /// The slot.
        slot: SwapEntry,
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
            None => match self.shmem_slot(inode, index) {
                Some(slot) => FilePage::Swapped { inode, index, slot },
                None => FilePage::Uncached { inode, index },
            },
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
            FilePage::Swapped { inode, index, slot } => {
                let read = self.shmem_swapin(inode, index, slot);
                read.map_err(|_| MmFault::Oom)?
            }
            FilePage::Uncached { inode, index } => {
                let read = self.page_cache_read(inode, index);
                let pfn = read.map_err(|_| MmFault::Oom)?;
                match self.inodes[inode].kind {
                    InodeKind::Shmem(_) => (pfn, MmFault::Minor),
                    _ => {
                        self.mem.page_state_mut().pgmajfault += 1;
                        (pfn, MmFault::Major)
                    }
                }
            }
        };
        self.mem.mark_page_accessed(pfn);
        self.mem.get_page(pfn);
        Ok((pfn, fault))
    }

    /// The page of a file that is in the page cache, without another reference.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `find_get_page()`.
    pub(super) fn find_page(&self, inode: InodeId, index: u32) -> Option<Pfn> {
        self.inodes[inode].pages().get(&index).copied()
    }

    /// Reads a page that is not cached from the device. Only the page cache holds it.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `page_cache_read()`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn page_cache_read(&mut self, inode: InodeId, index: u32) -> Result<Pfn, NoMemory> {
        if let Some(slot) = self.shmem_slot(inode, index) {
            return Ok(self.shmem_swapin(inode, index, slot)?.0);
        }
        let pfn = self.add_to_page_cache_lru(inode, index)?;
        self.readpage(inode, index, pfn);
        Ok(pfn)
    }

    /// Takes note that a page was used.
    ///
    /// Linux 2.6.12: `mm/swap.c`, `mark_page_accessed()`.
    pub(super) fn mark_page_accessed(&mut self, pfn: Pfn) {
        self.mem.mark_page_accessed(pfn);
    }

    /// Allocates a frame for a page that is not cached and adds it to the page cache, which holds
    /// the only reference. What the frame holds is still that of its last user. Every page of a file
    /// or a shared object enters the cache here.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `add_to_page_cache_lru()`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn add_to_page_cache_lru(
        &mut self,
        inode: InodeId,
        index: u32,
    ) -> Result<Pfn, NoMemory> {
        let pfn = self.alloc_frame(0, FrameUse::Cache)?;
        self.mem.page_mut(pfn).add_to_page_cache(inode, index);
        self.inodes[inode].i_mapping.insert_page(index, pfn);
        self.vm.pagecache += 1;
        self.lru_cache_add(pfn);
        Ok(pfn)
    }

    /// Reads a page from the device. The rest of the last page is filled with zeros.
    ///
    /// Linux 2.6.12: `fs/mpage.c`, `mpage_readpage()`. Simplified: the read is complete at once.
    pub(super) fn readpage(&mut self, inode: InodeId, index: u32, pfn: Pfn) {
        self.ram.zero_frame(pfn);
        let valid = valid_bytes(self.inodes[inode].size(), index) as usize;
        let frame = &mut self.ram.frame_mut(pfn)[..];
        self.inodes[inode].kind.read_block(index, frame);
        frame[valid..].fill(0);
        self.mem.page_mut(pfn).test_and_set(PageFlags::UPTODATE);
    }

    /// The bytes of a file from an offset on, at most `len` and none beyond its end: what the device
    /// holds, and over it what is in the page cache.
    pub fn file_bytes(&self, inode: InodeId, offset: u32, len: u32) -> Vec<u8> {
        let object = &self.inodes[inode];
        let end = offset.saturating_add(len).min(object.size());
        let mut bytes = Vec::new();
        for index in offset >> PAGE_SHIFT..pages_of(end) {
            let mut page = [0; PAGE_SIZE as usize];
            match object.pages().get(&index) {
                Some(pfn) => page.copy_from_slice(self.ram.frame(*pfn)),
                None => object.kind.read_block(index, &mut page),
            }
            let base = index << PAGE_SHIFT;
            let from = offset.max(base) - base;
            let to = (end - base).min(PAGE_SIZE);
            bytes.extend_from_slice(&page[from as usize..to as usize]);
        }
        bytes
    }

    /// Removes a page from the page cache, and drops the reference that the cache held.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `remove_from_page_cache()`.
    pub(super) fn remove_from_page_cache(&mut self, inode: InodeId, index: u32) {
        if let Some(pfn) = self.inodes[inode].i_mapping.remove_page(index) {
            self.mem.page_mut(pfn).remove_from_page_cache();
            self.vm.pagecache -= 1;
            self.put_page(pfn);
        }
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
