//! Page directories and page tables in their frames, as the kernel builds and reads them.

use super::PageAllocator;
use crate::abi::{MmId, Pfn, TASK_SIZE, VirtAddr};
use crate::hw::{Pde, Pte, Ram, pde_phys, pte_phys};
use crate::kernel::Kernel;
use crate::trace::{FrameUse, NoMemory};
use std::ops::Range;

/// Low bits of every directory entry that points to a user page table; protection is left to the
/// table's entries.
pub(super) const PAGE_TABLE: u32 = 0x067;
/// Bytes that one page table maps: 4 MiB.
pub(super) const PGDIR_SIZE: u32 = 1 << 22;
/// Byte in a page directory where the kernel's entries begin.
pub(super) const KERNEL_ENTRIES: usize = (TASK_SIZE / PGDIR_SIZE) as usize * 4;

/// Whether the entry is empty.
pub(super) const fn pte_none(pte: Pte) -> bool {
    pte.0 == 0
}

/// Whether a page is mapped as far as Linux is concerned: one without access rights (`PROT_NONE`)
/// is, although the hardware considers it not present.
pub const fn pte_present(pte: Pte) -> bool {
    pte.0 & (Pte::PRESENT | Pte::PROTNONE) != 0
}

/// The page that an entry maps, if it maps one that is reference counted: it exists and is not
/// reserved.
#[inline]
pub(super) fn counted_page(mem: &PageAllocator, pte: Pte) -> Option<Pfn> {
    let pfn = pte.pfn();
    (pte_present(pte) && mem.pfn_valid(pfn) && !mem.page(pfn).is_reserved()).then_some(pfn)
}

/// Splits `[start, end)` into the parts that each lie under one directory entry.
pub(super) fn slots(start: u32, end: u32) -> impl Iterator<Item = Range<u32>> {
    let mut next = start;
    std::iter::from_fn(move || {
        let from = next;
        next = (from & !(PGDIR_SIZE - 1))
            .saturating_add(PGDIR_SIZE)
            .min(end);
        (from < end).then_some(from..next)
    })
}

/// Indices in a page table of the pages in a range under one directory entry.
pub(super) fn entries_of(range: &Range<u32>) -> Range<usize> {
    let first = VirtAddr(range.start).pte_index() as usize;
    first..first + ((range.end - range.start) >> 12) as usize
}

/// The entries of a page table, to be read and written at once.
pub(super) type Entries = [u32; 1024];

/// Reads the entries at `places`, into the same places of `buffer`.
pub(super) fn load_entries<'a>(
    ram: &Ram,
    table: Pfn,
    places: Range<usize>,
    buffer: &'a mut Entries,
) -> &'a mut [u32] {
    let bytes = &ram.frame(table)[4 * places.start..4 * places.end];
    let words = &mut buffer[places];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

/// Writes entries from index `first` on.
pub(super) fn store_entries(ram: &mut Ram, table: Pfn, first: usize, words: &[u32]) {
    let bytes = &mut ram.frame_mut(table)[4 * first..4 * (first + words.len())];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
}

impl Kernel {
    /// Allocates a page directory with the kernel's half filled in and no user page tables.
    ///
    /// Linux 2.6.12: `arch/i386/mm/pgtable.c`, `pgd_alloc()` and `pgd_ctor()`.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(super) fn pgd_alloc(&mut self) -> Result<Pfn, NoMemory> {
        let pgd = self.alloc_zeroed_frame(FrameUse::PageDir)?;
        let kernel = *self.ram.frame(self.mem.swapper_pg_dir());
        self.ram.frame_mut(pgd)[KERNEL_ENTRIES..].copy_from_slice(&kernel[KERNEL_ENTRIES..]);
        Ok(pgd)
    }

    /// The directory entry for an address.
    pub fn pde(&self, mm: MmId, addr: VirtAddr) -> Pde {
        Pde(self.ram.read_u32(pde_phys(self.mms[mm].pgd.phys(), addr)))
    }

    pub(super) fn set_pde(&mut self, mm: MmId, addr: VirtAddr, pde: Pde) {
        self.ram
            .write_u32(pde_phys(self.mms[mm].pgd.phys(), addr), pde.0);
    }

    /// The page table for a user address, if there is one.
    #[inline]
    pub(super) fn page_table(&self, mm: MmId, addr: VirtAddr) -> Option<Pfn> {
        let pde = self.pde(mm, addr);
        pde.is_hw_present().then(|| pde.pfn())
    }

    /// The page table for a user address, allocated if there is none.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `pte_alloc_map()`.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(super) fn pte_alloc(&mut self, mm: MmId, addr: VirtAddr) -> Result<Pfn, NoMemory> {
        if let Some(table) = self.page_table(mm, addr) {
            return Ok(table);
        }
        let table = self.alloc_zeroed_frame(FrameUse::PageTable)?;
        self.stat.page_tables += 1;
        self.mem.page_state_mut().nr_page_table_pages += 1;
        self.mms[mm].nr_ptes += 1;
        // The table is zeroed before the directory points to it: the MMU may walk it from then on.
        self.set_pde(mm, addr, Pde::new(table, PAGE_TABLE));
        Ok(table)
    }

    /// The entry for a user address; 0 if there is no page table.
    pub fn pte(&self, mm: MmId, addr: VirtAddr) -> Pte {
        self.page_table(mm, addr).map_or(Pte(0), |table| {
            Pte(self.ram.read_u32(pte_phys(table, addr)))
        })
    }

    #[inline]
    pub(super) fn set_pte(&mut self, table: Pfn, addr: VirtAddr, pte: Pte) {
        self.ram.write_u32(pte_phys(table, addr), pte.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_where_page_tables_end() {
        let cut = |start, end| slots(start, end).collect::<Vec<_>>();
        assert_eq!(cut(0x1000, 0x3000), vec![0x1000..0x3000]);
        assert_eq!(
            cut(0x3f_f000, 0x80_1000),
            [
                0x3f_f000..0x40_0000,
                0x40_0000..0x80_0000,
                0x80_0000..0x80_1000
            ]
        );
        assert_eq!(cut(0x40_0000, 0x40_0000), []);
        assert_eq!(entries_of(&(0x3f_f000..0x40_0000)), 1023..1024);
        assert_eq!(entries_of(&(0x40_0000..0x80_0000)), 0..1024);
    }
}
