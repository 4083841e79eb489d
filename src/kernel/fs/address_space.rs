//! The pages of a file that are in memory, and who maps the file: `struct address_space`.

use crate::abi::{MmId, Pfn};
use std::collections::BTreeMap;

/// The page cache of an inode (`i_mapping`).
#[derive(Clone, Debug, Default)]
pub struct AddressSpace {
    /// `page_tree`: the cached pages by page index. Each holds one reference to its frame.
    pages: BTreeMap<u32, Pfn>,
    /// Swap slots of pages of shared memory, by page index (`shmem_inode_info`).
    slots: BTreeMap<u32, u32>,
    /// `i_mmap` and `i_mmap_nonlinear`: how many areas of each address space map the file. The
    /// areas themselves are found in the address space.
    i_mmap: BTreeMap<MmId, u32>,
    /// The page at which the next write-back begins.
    pub(in crate::kernel) writeback_index: u32,
}

impl AddressSpace {
    /// The cached pages by page index.
    pub const fn pages(&self) -> &BTreeMap<u32, Pfn> {
        &self.pages
    }

    /// Whether an area maps the file.
    ///
    /// Linux 2.6.12: `include/linux/fs.h`, `mapping_mapped()`.
    pub fn mapping_mapped(&self) -> bool {
        !self.i_mmap.is_empty()
    }

    /// The address spaces that map the file, each with the number of its areas that do.
    pub fn mapped_by(&self) -> impl Iterator<Item = (MmId, u32)> {
        self.i_mmap.iter().map(|(mm, areas)| (*mm, *areas))
    }

    /// Adds a page, and takes over the caller's reference to the frame.
    pub(in crate::kernel) fn insert_page(&mut self, index: u32, pfn: Pfn) {
        self.pages.insert(index, pfn);
    }

    /// Removes a page, whose reference goes to the caller.
    pub(in crate::kernel) fn remove_page(&mut self, index: u32) -> Option<Pfn> {
        self.pages.remove(&index)
    }

    /// The swap slots of its pages by page index, as the swap cache names them.
    pub const fn slots(&self) -> &BTreeMap<u32, u32> {
        &self.slots
    }

    /// A page is in a swap slot, of which the object is an owner now.
    pub(in crate::kernel) fn set_slot(&mut self, index: u32, slot: u32) {
        self.slots.insert(index, slot);
    }

    /// A page is in memory again.
    pub(in crate::kernel) fn take_slot(&mut self, index: u32) {
        self.slots.remove(&index);
    }

    /// Forgets the slots from a page on, which the caller gives back.
    pub(in crate::kernel) fn take_slots_from(&mut self, first: u32) -> BTreeMap<u32, u32> {
        self.slots.split_off(&first)
    }

    /// Counts one more area of an address space.
    pub(in crate::kernel) fn link_area(&mut self, mm: MmId) {
        *self.i_mmap.entry(mm).or_default() += 1;
    }

    /// Counts one area fewer.
    ///
    /// # Panics
    /// If no area of that address space is linked, which is a bug of ours.
    pub(in crate::kernel) fn unlink_area(&mut self, mm: MmId) {
        let areas = self.i_mmap.get_mut(&mm);
        let areas = areas.expect("an area that maps a file is linked to it");
        *areas -= 1;
        if *areas == 0 {
            self.i_mmap.remove(&mm);
        }
    }
}
