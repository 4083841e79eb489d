//! `remap_file_pages` and `MAP_POPULATE`: pages of a file put into a page table before anybody touches
//! them, in any order.

use super::file_pte::{PTE_FILE_MAX_BITS, pgoff_to_pte};
use super::memory::MmFault;
use super::pagetable::{counted_page, pte_present};
use super::unmap::MmuGather;
use super::vma::{VmFlags, Vma};
use crate::abi::{MapFlags, MmId, PAGE_SHIFT, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;
use crate::kernel::syscall::FileRefusal;

/// Whether pages may be read for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Populate {
    /// They are read.
    Read,
    /// What is not cached is left for the first access (`MAP_NONBLOCK`).
    Nonblock,
}

impl Populate {
    /// What the flags of `mmap` and `remap_file_pages` ask for.
    pub(super) const fn of(flags: MapFlags) -> Self {
        if flags.contains(MapFlags::NONBLOCK) {
            Self::Nonblock
        } else {
            Self::Read
        }
    }
}

impl Kernel {
    /// Maps `size` bytes of the file of a shared area from page `pgoff` on at `start`, which lies in
    /// the area. No area is made: only the page table knows of it.
    ///
    /// Linux 2.6.12: `mm/fremap.c`, `sys_remap_file_pages()`.
    ///
    /// # Errors
    /// `EINVAL`; `ENOMEM`.
    pub(in crate::kernel) fn sys_remap_file_pages(
        &mut self,
        current: TaskId,
        [start, size, prot, pgoff, flags]: [u32; 5],
    ) -> Result<u32, FileRefusal> {
        if prot != 0 {
            return Err(FileRefusal::Protection);
        }
        let mm = self.mm_id(current);
        let how = Populate::of(MapFlags::from_bits_retain(flags));
        self.remap_file_pages(mm, (start, size), pgoff, how)
            .map(|()| 0)
    }

    /// The same, without the check of the protection.
    pub(super) fn remap_file_pages(
        &mut self,
        mm: MmId,
        (start, size): (u32, u32),
        pgoff: u32,
        how: Populate,
    ) -> Result<(), FileRefusal> {
        let unrounded_end = start.wrapping_add(size);
        let (start, size) = (start & !(PAGE_SIZE - 1), size & !(PAGE_SIZE - 1));
        if start.wrapping_add(size) <= start {
            return Err(FileRefusal::NoPages);
        }
        let pages = size >> PAGE_SHIFT;
        if pgoff.wrapping_add(pages) >= 1 << PTE_FILE_MAX_BITS {
            return Err(FileRefusal::OffsetTooLarge);
        }
        let vma = self.mms[mm].find_vma(VirtAddr(start)).copied();
        let vma = vma.filter(|vma| vma.contains(VirtAddr(start)));
        let mut vma = vma.ok_or(FileRefusal::NotMapped)?;
        if !vma.has(VmFlags::SHARED) {
            return Err(FileRefusal::NotShared);
        }
        if unrounded_end <= start || unrounded_end > vma.vm_end {
            return Err(FileRefusal::CrossesArea);
        }
        // Before any page is mapped, and for ever: whoever looks for the pages of the file must
        // search the whole area from now on.
        if pgoff != vma.linear_page_index(VirtAddr(start)) && !vma.has(VmFlags::NONLINEAR) {
            vma.vm_flags |= VmFlags::NONLINEAR;
            self.mms[mm].insert_vma(vma);
        }
        self.populate(mm, &vma, (VirtAddr(start), pages), pgoff, how)
    }

    /// Maps consecutive pages of a file at an address.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_populate()`, and `mm/shmem.c`, `shmem_populate()`.
    pub(super) fn populate(
        &mut self,
        mm: MmId,
        vma: &Vma,
        (addr, pages): (VirtAddr, u32),
        pgoff: u32,
        how: Populate,
    ) -> Result<(), FileRefusal> {
        let file = vma.vm_file.ok_or(FileRefusal::NotShared)?;
        let inode = self.open_files[file].inode();
        let is_file = self.inodes[inode].kind.has_page_cache();
        if is_file && how == Populate::Read {
            self.force_page_cache_readahead(inode, pgoff, pages);
        }
        for done in 0..pages {
            // The rest of the range as well: a range that reaches beyond the end maps nothing.
            if u64::from(pgoff) + u64::from(pages) > self.inodes[inode].pages_of_size().into() {
                return Err(FileRefusal::BeyondEnd);
            }
            let at = VirtAddr(addr.0 + (done << PAGE_SHIFT));
            let index = pgoff + done;
            let page = match (self.find_page(inode, index), how) {
                (Some(pfn), _) => Some(pfn),
                (None, Populate::Nonblock) => None,
                (None, Populate::Read) if is_file => {
                    let read = self.page_cache_read(inode, index);
                    Some(read.map_err(|_| FileRefusal::NoMemory)?)
                }
                (None, Populate::Read) => {
                    // Of shared memory the page may be in swap.
                    let got = self.shmem_getpage(inode, index);
                    let refusal = |fault| match fault {
                        MmFault::Sigbus => FileRefusal::Overcommitted,
                        _ => FileRefusal::NoMemory,
                    };
                    Some(got.map_err(refusal)?.0)
                }
            };
            match page {
                Some(pfn) => self.install_page(mm, vma, at, pfn)?,
                None => self.install_file_pte(mm, at, index)?,
            }
        }
        Ok(())
    }

    /// Linux 2.6.12: `mm/fremap.c`, `install_page()`.
    fn install_page(
        &mut self,
        mm: MmId,
        vma: &Vma,
        addr: VirtAddr,
        pfn: Pfn,
    ) -> Result<(), FileRefusal> {
        self.mem.get_page(pfn);
        self.mark_page_accessed(pfn);
        let Ok(table) = self.pte_alloc(mm, addr) else {
            self.put_page(pfn);
            return Err(FileRefusal::NoMemory);
        };
        self.zap_pte(mm, table, addr);
        self.mms[mm].rss += 1;
        // Clean, also for a write: the access that follows sets the dirty bit.
        self.set_pte(table, addr, Pte::new(pfn, vma.page_prot));
        self.mem.page_add_file_rmap(pfn);
        Ok(())
    }

    /// Linux 2.6.12: `mm/fremap.c`, `install_file_pte()`.
    fn install_file_pte(
        &mut self,
        mm: MmId,
        addr: VirtAddr,
        pgoff: u32,
    ) -> Result<(), FileRefusal> {
        let table = self.pte_alloc(mm, addr);
        let table = table.map_err(|_| FileRefusal::NoMemory)?;
        self.zap_pte(mm, table, addr);
        self.set_pte(table, addr, pgoff_to_pte(pgoff));
        Ok(())
    }

    /// Empties an entry whose place is needed.
    ///
    /// Linux 2.6.12: `mm/fremap.c`, `zap_pte()`.
    fn zap_pte(&mut self, mm: MmId, table: Pfn, addr: VirtAddr) {
        let pte = Pte(self.ram.read_u32(pte_phys(table, addr)));
        self.set_pte(table, addr, Pte(0));
        if !pte_present(pte) {
            return;
        }
        self.flush_tlb_page(mm, addr);
        if let Some(pfn) = counted_page(&self.mem, pte) {
            if pte.contains(Pte::DIRTY) {
                self.set_page_dirty(pfn);
            }
            self.mem.page_remove_rmap(pfn);
            self.mms[mm].rss -= 1;
            self.put_page(pfn);
        }
    }

    /// Unmaps the pages of a nonlinear area whose index in the file is at least `first`. An entry
    /// that is not at its linear place keeps the number of its page.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `zap_pte_range()` with `zap_details`.
    pub(super) fn zap_nonlinear(&mut self, tlb: &mut MmuGather, vma: &Vma, first: u32) {
        let mm = tlb.mm();
        for page in (vma.vm_start..vma.vm_end).step_by(PAGE_SIZE as usize) {
            let addr = VirtAddr(page);
            let pte = self.pte(mm, addr);
            let (Some(table), true) = (self.page_table(mm, addr), pte_present(pte)) else {
                continue;
            };
            let Some(pfn) = counted_page(&self.mem, pte) else {
                continue;
            };
            let index = self.mem.page(pfn).index();
            if index < first {
                continue;
            }
            let left = if index == vma.linear_page_index(addr) {
                Pte(0)
            } else {
                pgoff_to_pte(index)
            };
            self.set_pte(table, addr, left);
            self.zap_one_pte(tlb, pte);
        }
    }
}
