//! Pages of files and shared objects: the page cache, and what a mapping finds in it.

use super::alloc::{Gfp, PageFlags};
use super::memory::MmFault;
use super::overcommit::pages_of;
use super::swap_entry::SwapEntry;
use super::vma::{VmFlags, Vma};
use crate::abi::{FileId, InodeId, O_RDWR, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, ShmemAccount, ShmemObject, valid_bytes};
use crate::trace::{FrameUse, NoMemory, Overcommitted};

/// How many more misses than hits of a file's mappings turn off reading around faults.
///
/// Linux 2.6.12: `mm/filemap.c`, `MMAP_LOTSAMISS`.
const MMAP_LOTSAMISS: u32 = 100;

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
        self.file_page_at(vma, vma.linear_page_index(addr))
    }

    /// Finds a page of the file that an area maps, by its index, without reading it.
    pub fn file_page_at(&self, vma: &Vma, index: u32) -> FilePage {
        let Some(file) = vma.vm_file else {
            return FilePage::BeyondEnd;
        };
        let inode = self.open_files[file].inode();
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

    /// The page that an area of a file maps at an address, read from the file if need be, with one
    /// more reference.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_nopage()`, and `mm/shmem.c`, `shmem_nopage()`.
    ///
    /// # Errors
    /// `Sigbus` if the file does not have that page, and `Oom`.
    pub(super) fn nopage(&mut self, vma: &Vma, addr: VirtAddr) -> Result<(Pfn, MmFault), MmFault> {
        let file = vma.vm_file.ok_or(MmFault::Sigbus)?;
        let inode = self.open_files[file].inode();
        let index = vma.linear_page_index(addr);
        if index >= self.inodes[inode].pages_of_size() {
            return Err(MmFault::Sigbus);
        }
        let (pfn, fault) = match self.inodes[inode].kind {
            InodeKind::Shmem(_) => self.shmem_getpage(inode, index)?,
            _ => self.filemap_nopage(vma.vm_flags, file, index)?,
        };
        self.mem.get_page(pfn);
        self.mark_page_accessed(pfn);
        Ok((pfn, fault))
    }

    /// Linux 2.6.12: `mm/shmem.c`, `shmem_getpage()`: a page that was never touched is all zeros.
    pub(super) fn shmem_getpage(
        &mut self,
        inode: InodeId,
        index: u32,
    ) -> Result<(Pfn, MmFault), MmFault> {
        if let Some(pfn) = self.find_page(inode, index) {
            return Ok((pfn, MmFault::Minor));
        }
        if let Some(slot) = self.shmem_slot(inode, index) {
            let read = self.shmem_swapin(inode, index, slot);
            return read.map_err(|_| MmFault::Oom);
        }
        let by_page = self.is_charged_by_page(inode);
        if by_page {
            self.vm_enough_memory(1).map_err(|_| MmFault::Sigbus)?;
        }
        let frame = self.page_cache_alloc();
        if by_page && frame.is_err() {
            self.vm_unacct_memory(1);
        }
        let pfn = frame.map_err(|_| MmFault::Oom)?;
        self.add_to_page_cache_lru(inode, index, pfn);
        // Of an object of which nothing was ever written there is nothing to be read but zeros.
        self.readpage(inode, index, pfn);
        Ok((pfn, MmFault::Minor))
    }

    /// A page within a file, without another reference. It is read with the pages around it, unless
    /// the advice for the area or many misses say otherwise; then the fault counts as minor, because
    /// the read is complete when the page is looked for again.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_nopage()`.
    fn filemap_nopage(
        &mut self,
        vm_flags: VmFlags,
        file: FileId,
        index: u32,
    ) -> Result<(Pfn, MmFault), MmFault> {
        let inode = self.open_files[file].inode();
        let (random, sequential) = (
            vm_flags.contains(VmFlags::RAND_READ),
            vm_flags.contains(VmFlags::SEQ_READ),
        );
        if sequential && !random {
            self.page_cache_readahead(file, index, 1);
        }
        let mut fault = MmFault::Minor;
        if self.find_page(inode, index).is_none() && !random {
            if sequential {
                self.handle_ra_miss(file);
            } else {
                fault = self.mmap_miss(file, index);
            }
        }
        let pfn = match self.find_page(inode, index) {
            Some(pfn) => pfn,
            None => self
                .page_cache_read(inode, index)
                .map_err(|_| MmFault::Oom)?,
        };
        match fault {
            MmFault::Minor => self.open_files[file].f_ra.mmap_hit += 1,
            _ => self.mem.page_state_mut().pgmajfault += 1,
        }
        Ok((pfn, fault))
    }

    /// A fault has not found its page: reads around it, unless the file is missed far more often than
    /// hit.
    fn mmap_miss(&mut self, file: FileId, index: u32) -> MmFault {
        let ra = &mut self.open_files[file].f_ra;
        ra.mmap_miss += 1;
        if ra.mmap_miss > ra.mmap_hit + MMAP_LOTSAMISS {
            return MmFault::Minor;
        }
        self.read_around(file, index);
        MmFault::Major
    }

    /// The page of a file that is in the page cache, without another reference.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `find_get_page()`.
    pub(super) fn find_page(&self, inode: InodeId, index: u32) -> Option<Pfn> {
        self.inodes[inode].pages().get(&index).copied()
    }

    /// Allocates a frame for the page cache. What it holds is still that of its last user.
    ///
    /// Linux 2.6.12: `include/linux/pagemap.h`, `page_cache_alloc()`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn page_cache_alloc(&mut self) -> Result<Pfn, NoMemory> {
        self.alloc_frame(0, FrameUse::Cache)
    }

    /// Allocates a frame for a page that a device will fill, so that it need not be in the cache of
    /// the CPU.
    ///
    /// Linux 2.6.12: `include/linux/pagemap.h`, `page_cache_alloc_cold()`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn page_cache_alloc_cold(&mut self) -> Result<Pfn, NoMemory> {
        self.alloc_frame_with(0, FrameUse::Cache, Gfp::HIGHUSER | Gfp::COLD)
    }

    /// Adds a new frame as a page that is not cached yet to the page cache, which takes over its
    /// reference. Every page of a file or a shared object enters the cache here.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `add_to_page_cache_lru()`.
    pub(super) fn add_to_page_cache_lru(&mut self, inode: InodeId, index: u32, pfn: Pfn) {
        self.mem.page_mut(pfn).add_to_page_cache(inode, index);
        self.inodes[inode].i_mapping.insert_page(index, pfn);
        self.vm.pagecache += 1;
        self.lru_cache_add(pfn);
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

    /// A file for a shared anonymous area of that many bytes, with one reference.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_zero_setup()`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn shmem_zero_setup(
        &mut self,
        len: u32,
        account: ShmemAccount,
    ) -> Result<FileId, Overcommitted> {
        self.shmem_file_setup("dev/zero", len, account)
    }

    /// A file without a directory for shared memory of that many bytes, with one reference. What is
    /// accounted for it stays so until the last reference is dropped.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_file_setup()`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(in crate::kernel) fn shmem_file_setup(
        &mut self,
        name: &str,
        size: u32,
        account: ShmemAccount,
    ) -> Result<FileId, Overcommitted> {
        let object = ShmemObject { size, account };
        if account == ShmemAccount::InFull {
            self.vm_enough_memory(pages_of(size))?;
        }
        let inode = self.new_inode(InodeKind::Shmem(object), name);
        let file = self.open_inode(inode, O_RDWR);
        // The open file holds the inode now; with the last area the file goes, and the inode with
        // it.
        self.iput(inode);
        Ok(file)
    }
}
