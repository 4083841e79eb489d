//! The reverse mapping at work: from a page to the page table entries that map it, to ask whether it
//! was used and to unmap it.

use super::alloc::{PageFlags, PageMapping};
use super::pagetable::pte_present;
use super::swap_cache::slot_of;
use super::swap_entry::SwapEntry;
use super::vma::{VmFlags, Vma};
use crate::abi::{InodeId, MmId, PAGE_SHIFT, Pfn, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;

/// How an attempt to unmap a page ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unmapped {
    /// `SWAP_SUCCESS`: nothing maps it any more.
    Success,
    /// `SWAP_AGAIN`: some mappings were not found; the next scan tries again.
    Again,
    /// `SWAP_FAIL`: it is locked in memory, was used a moment ago, or somebody else holds it.
    Fail,
}

/// A place that may map a page: an area, and the address at which the page would be.
#[derive(Clone, Copy)]
struct Place {
    mm: MmId,
    vma: Vma,
    addr: VirtAddr,
}

impl Vma {
    /// The address of a page of the object that the area maps, if it maps that page.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `vma_address()`.
    fn address_of(&self, index: u32) -> Option<VirtAddr> {
        let page = index.checked_sub(self.vm_pgoff)?;
        (page < self.pages()).then(|| VirtAddr(self.vm_start + (page << PAGE_SHIFT)))
    }
}

impl Kernel {
    /// The places that may map a page, in the order in which 2.6.12 asks them: those of an
    /// `anon_vma` youngest first, those of a file by address space and address.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_lock_anon_vma()`, and the tree `i_mmap`, whose order is
    /// another.
    fn places(&self, pfn: Pfn) -> Vec<Place> {
        let page = self.mem.page(pfn);
        let index = page.index();
        let place = |(mm, vma): (MmId, &Vma)| {
            let addr = vma.address_of(index)?;
            Some(Place {
                mm,
                vma: *vma,
                addr,
            })
        };
        match page.mapping() {
            PageMapping::None => Vec::new(),
            PageMapping::Anon(owner) => {
                // Private anonymous memory lies where its index says, unless it was moved.
                let near = VirtAddr(index << PAGE_SHIFT);
                let areas = self.areas_of_anon_vma(owner, near);
                areas.filter_map(place).collect()
            }
            // Nonlinear areas are in a list of their own: the page may be anywhere in them.
            PageMapping::Cache(inode) => {
                let areas = self.areas_of_file(inode);
                let linear = areas.filter(|(_, vma)| !vma.has(VmFlags::NONLINEAR));
                linear.filter_map(place).collect()
            }
        }
    }

    /// The areas that map a file.
    fn areas_of_file(&self, inode: InodeId) -> impl Iterator<Item = (MmId, &Vma)> {
        let spaces = self.inodes[inode].i_mapping().mapped_by();
        spaces.flat_map(move |(mm, _)| {
            let maps_it = move |vma: &&Vma| {
                let file = vma.vm_file;
                file.is_some_and(|file| self.open_files[file].inode() == inode)
            };
            self.mms[mm]
                .areas()
                .filter(maps_it)
                .map(move |vma| (mm, vma))
        })
    }

    /// The entry of a page at a place, with its page table, if it maps the page there.
    fn entry_at(&self, place: &Place, pfn: Pfn) -> Option<(Pfn, Pte)> {
        if self.mms[place.mm].rss == 0 {
            return None;
        }
        let table = self.page_table(place.mm, place.addr)?;
        let pte = Pte(self.ram.read_u32(pte_phys(table, place.addr)));
        (pte_present(pte) && pte.pfn() == pfn).then_some((table, pte))
    }

    /// Clears the accessed bit of an entry. Returns whether it was set.
    ///
    /// Linux 2.6.12: `include/asm-generic/pgtable.h`, `ptep_clear_flush_young()`.
    fn clear_flush_young(&mut self, place: &Place, table: Pfn, pte: Pte) -> bool {
        let young = pte.contains(Pte::ACCESSED);
        if young {
            self.set_pte(table, place.addr, pte.without(Pte::ACCESSED));
            self.flush_tlb_page(place.mm, place.addr);
        }
        young
    }

    /// How often a page was found to have been used since it was last asked: by its flag and by the
    /// entries that map it. Both are cleared.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_referenced()`. No page is locked here by somebody else, so
    /// that a file's entries can always be asked.
    pub(super) fn page_referenced(&mut self, pfn: Pfn) -> u32 {
        let flagged = self.mem.page_mut(pfn).test_and_clear(PageFlags::REFERENCED);
        let mut referenced = u32::from(flagged);
        let page = self.mem.page(pfn);
        if !page.page_mapped() {
            return referenced;
        }
        let (mut mapcount, is_anon) = (page.page_mapcount(), page.is_anon());
        for place in self.places(pfn) {
            if !is_anon && place.vma.has(VmFlags::LOCKED | VmFlags::MAYSHARE) {
                return referenced + 1;
            }
            let Some((table, pte)) = self.entry_at(&place, pfn) else {
                continue;
            };
            referenced += u32::from(self.clear_flush_young(&place, table, pte));
            mapcount -= 1;
            if mapcount == 0 {
                break;
            }
        }
        referenced
    }

    /// Removes the entries that map a page. Those of an anonymous page, which is in the swap cache,
    /// name its slot afterwards.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `try_to_unmap()`.
    pub(super) fn try_to_unmap(&mut self, pfn: Pfn) -> Unmapped {
        let mut result = Unmapped::Again;
        for place in self.places(pfn) {
            result = self.try_to_unmap_one(pfn, &place);
            if result == Unmapped::Fail || !self.mem.page(pfn).page_mapped() {
                break;
            }
        }
        if let PageMapping::Cache(inode) = self.mem.page(pfn).mapping()
            && result == Unmapped::Again
            && self.mem.page(pfn).page_mapped()
        {
            result = self.unmap_nonlinear(inode, pfn);
        }
        if self.mem.page(pfn).page_mapped() {
            result
        } else {
            Unmapped::Success
        }
    }

    /// Linux 2.6.12: `mm/rmap.c`, `try_to_unmap_one()`. It increments `rss`, where it should
    /// decrement it.
    fn try_to_unmap_one(&mut self, pfn: Pfn, place: &Place) -> Unmapped {
        let Some((table, pte)) = self.entry_at(place, pfn) else {
            return Unmapped::Again;
        };
        let stays = VmFlags::LOCKED | VmFlags::RESERVED;
        if place.vma.vm_flags.intersects(stays) || self.clear_flush_young(place, table, pte) {
            return Unmapped::Fail;
        }
        let page = self.mem.page(pfn);
        let slot = slot_of(page);
        // Whoever got hold of the page by `get_user_pages()` would lose it: the next write of the
        // task would find a page with too many users, and copy it.
        if slot.is_some() && page.page_count() != page.page_mapcount() + 2 {
            return Unmapped::Fail;
        }
        let is_anon = page.is_anon();
        let slot = slot.filter(|_| is_anon);
        self.set_pte(table, place.addr, slot.map_or(Pte(0), SwapEntry::pte));
        self.flush_tlb_page(place.mm, place.addr);
        // Only the entry knows that the page was written, and the entry is gone.
        if pte.contains(Pte::DIRTY) {
            self.set_page_dirty(pfn);
        }
        let space = &mut self.mms[place.mm];
        if let Some(slot) = slot {
            self.swap.swap_duplicate(slot);
            space.anon_rss -= 1;
        }
        space.rss += 1;
        space.rss_surplus += 2;
        self.mem.page_remove_rmap(pfn);
        self.mem.put_page_of_many(pfn);
        Unmapped::Again
    }
}
