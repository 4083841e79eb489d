//! What `swapoff` does with the pages of an area: each is read, and whoever has its slot gets the
//! page.

use super::alloc::PageFlags;
use super::pagetable::slots;
use super::swap_cache::slot_of;
use super::swap_entry::SwapEntry;
use crate::abi::{Errno, InodeId, MmId, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;
use std::collections::BTreeMap;

/// Where the slots of an area are named in page tables, by the number of the slot.
type Places = BTreeMap<u32, Vec<(MmId, VirtAddr)>>;

impl Kernel {
    /// Brings all pages of an area that gives out no slots any more back into memory.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `try_to_unuse()`.
    ///
    /// # Errors
    /// `EINTR` if a signal is pending; `ENOMEM` if there is no frame for a page. What was brought
    /// back until then stays in memory.
    pub(super) fn try_to_unuse(&mut self, current: TaskId, number: u32) -> Result<(), Errno> {
        let mut places = self.places_of_area(number);
        let mut prev = 0;
        while let Some(entry) = self.swap.find_next_to_unuse(number, prev) {
            prev = entry.slot();
            if self.signal_pending(current) {
                return Err(Errno::EINTR);
            }
            let page = self.read_swap_cache(entry).map_err(|_| Errno::ENOMEM)?;
            // To find the frame, reclaim may have given back the slot.
            let Some(pfn) = page else {
                continue;
            };
            self.wait_on_page_writeback(pfn);
            self.unuse(&places, entry, pfn);
            if self.swap.count(entry) > 1 {
                // Reclaim has unmapped pages of this area since its entries were looked for.
                places = self.places_of_area(number);
                self.unuse(&places, entry, pfn);
            }
            self.end_unuse(entry, pfn);
        }
        Ok(())
    }

    /// All entries in page tables that name slots of an area. 2.6.12 goes through the page tables for
    /// every slot.
    fn places_of_area(&self, number: u32) -> Places {
        let mut places = Places::new();
        for (mm, space) in self.mms.iter() {
            // An area that has no anonymous pages has none in swap.
            for vma in space.areas().filter(|vma| vma.anon_vma.is_some()) {
                for part in slots(vma.vm_start, vma.vm_end) {
                    let Some(table) = self.page_table(mm, VirtAddr(part.start)) else {
                        continue;
                    };
                    for addr in part.step_by(PAGE_SIZE as usize).map(VirtAddr) {
                        let pte = Pte(self.ram.read_u32(pte_phys(table, addr)));
                        if let Some(entry) = SwapEntry::of_pte(pte)
                            && entry.area() == number
                        {
                            places.entry(entry.slot()).or_default().push((mm, addr));
                        }
                    }
                }
            }
        }
        places
    }

    /// Gives everybody the page whose slot they have. The caller has a reference to the page.
    fn unuse(&mut self, places: &Places, entry: SwapEntry, pfn: Pfn) {
        if let Some((inode, index)) = self.shmem_object_of(entry) {
            self.shmem_take_back(inode, index, entry, pfn);
            return;
        }
        let named = places.get(&entry.slot()).into_iter().flatten();
        for (mm, addr) in named {
            self.unuse_pte(*mm, *addr, entry, pfn);
        }
    }

    /// The object of shared memory that has a slot, and the index of its page.
    ///
    /// Linux 2.6.12: `mm/shmem.c`, `shmem_unuse()`.
    fn shmem_object_of(&self, entry: SwapEntry) -> Option<(InodeId, u32)> {
        self.inodes.iter().find_map(|(inode, object)| {
            let mut slots = object.i_mapping().slots().iter();
            let (index, _) = slots.find(|(_, slot)| **slot == entry.private())?;
            Some((inode, *index))
        })
    }

    /// Maps a page in the place of the entry that names its slot. It may have other users, and is
    /// mapped read-only, as if it had not been used: the next write decides whether it is copied.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `unuse_pte()`.
    fn unuse_pte(&mut self, mm: MmId, addr: VirtAddr, entry: SwapEntry, pfn: Pfn) {
        // The entry is looked at again: its task may have been killed for a frame.
        let space = self.mms.get(mm);
        let vma = space.and_then(|space| space.find_vma(addr)).copied();
        let table = space.and_then(|_| self.page_table(mm, addr));
        let (Some(vma), Some(table)) = (vma, table) else {
            return;
        };
        if self.ram.read_u32(pte_phys(table, addr)) != entry.pte().0 {
            return;
        }
        self.mms[mm].rss += 1;
        self.mem.get_page(pfn);
        let pte = Pte::new(pfn, vma.page_prot).without(Pte::ACCESSED);
        self.set_pte(table, addr, pte);
        self.page_add_anon_rmap(mm, &vma, addr, pfn);
        self.swap.swap_free(entry);
        // So that it is not the first to go out to another area.
        self.activate_page(pfn);
    }

    /// The page leaves the swap cache, even if somebody has its slot still: then the slot holds its
    /// contents, and is read again.
    fn end_unuse(&mut self, entry: SwapEntry, pfn: Pfn) {
        self.swap.clear_overflow(entry);
        let in_cache = slot_of(self.mem.page(pfn)) == Some(entry);
        if in_cache && self.swap.count(entry) > 1 && self.mem.page_has(pfn, PageFlags::DIRTY) {
            self.swap_writepage(pfn);
            self.wait_on_page_writeback(pfn);
        }
        if in_cache {
            self.delete_from_swap_cache(pfn, entry);
        }
        // No entry says that the page is newer than what it was read from, which is gone.
        self.mem.page_mut(pfn).test_and_set(PageFlags::DIRTY);
        self.put_page(pfn);
    }
}
