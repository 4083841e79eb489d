//! `struct page`: the kernel's record of one page frame, above all who uses it and who maps it.

use super::lru::LruList;
use super::page_list::Links;
use bitflags::bitflags;
use getset::CopyGetters;

use crate::abi::{AnonVmaId, InodeId};
use crate::kernel::chunks::Chunks;

bitflags! {
    /// `page.flags`, with the bit numbers of 2.6.12.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PageFlags: u32 {
        /// Locked for I/O.
        const LOCKED = 1 << 0;
        /// Reading or writing it failed.
        const ERROR = 1 << 1;
        /// Used since reclaim last checked.
        const REFERENCED = 1 << 2;
        /// The contents are valid.
        const UPTODATE = 1 << 3;
        /// Newer than its backing store.
        const DIRTY = 1 << 4;
        /// On one of the two LRU lists.
        const LRU = 1 << 5;
        /// On the active LRU list.
        const ACTIVE = 1 << 6;
        /// Never allocated nor freed: kernel image, holes, the zero page.
        const RESERVED = 1 << 11;
        /// `private` has a meaning; on a free page: the page heads a free block.
        const PRIVATE = 1 << 12;
        /// Being written to its device.
        const WRITEBACK = 1 << 13;
        /// In the swap cache.
        const SWAPCACHE = 1 << 16;
        /// To be moved to the tail of the inactive list when its write ends.
        const RECLAIM = 1 << 18;
    }
}

/// Flags that must not be set when a page is freed.
const CHECK_AT_FREE: PageFlags = PageFlags::LRU
    .union(PageFlags::PRIVATE)
    .union(PageFlags::LOCKED)
    .union(PageFlags::ACTIVE)
    .union(PageFlags::RECLAIM)
    .union(PageFlags::WRITEBACK)
    .union(PageFlags::SWAPCACHE);
/// Flags that must not be set when a page is allocated.
const CHECK_AT_PREP: PageFlags = CHECK_AT_FREE.union(PageFlags::DIRTY);

/// What `page.mapping` points to: the object through which all mappings of the page are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PageMapping {
    /// Neither anonymous nor in a page cache.
    #[default]
    None,
    /// Anonymous. Stays set until the page is freed, even when nothing maps it any more.
    Anon(AnonVmaId),
    /// In the page cache of this inode.
    Cache(InodeId),
}

/// The descriptors of all frames: `mem_map`. Copies of it share the megabytes in which nothing has
/// changed.
pub type MemMap = Chunks<Page, 256>;

/// One page frame's descriptor: `struct page`.
#[derive(Clone, Debug, CopyGetters)]
pub struct Page {
    /// `PG_*` flags: what state the page is in.
    #[getset(get_copy = "pub")]
    pub(super) flags: PageFlags,
    count: i32,
    mapcount: i32,
    /// Owner of the contents: `page->mapping`.
    #[getset(get_copy = "pub")]
    pub(super) mapping: PageMapping,
    /// Index in `mapping`, in pages; set together with it.
    #[getset(get_copy = "pub")]
    index: u32,
    /// The order of a free block, on its head; otherwise its meaning depends on `mapping`.
    pub(super) private: u32,
    /// Neighbours in the list that the page is on (`lru`); only lists change them.
    pub(super) links: Links,
}

const _: () = assert!(size_of::<Page>() <= 40);

impl Page {
    /// A page before the boot hands it to the allocator: reserved, no users.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `memmap_init_zone()`.
    pub(super) const fn at_boot() -> Self {
        Self {
            flags: PageFlags::RESERVED,
            count: -1,
            mapcount: -1,
            mapping: PageMapping::None,
            index: 0,
            private: 0,
            links: Links::UNLINKED,
        }
    }

    /// Users of the page: PTEs, caches, and transient holders. 0 = free (or reserved, untouched).
    pub const fn page_count(&self) -> i32 {
        self.count + 1
    }

    /// PTEs, over all address spaces, that map the page.
    pub const fn page_mapcount(&self) -> i32 {
        self.mapcount + 1
    }

    /// `_count` as stored: users minus one.
    pub const fn raw_count(&self) -> i32 {
        self.count
    }

    /// `_mapcount` as stored: mappings minus one.
    pub const fn raw_mapcount(&self) -> i32 {
        self.mapcount
    }

    /// Whether `put_page` leaves the page alone.
    pub const fn is_reserved(&self) -> bool {
        self.flags.contains(PageFlags::RESERVED)
    }

    /// Whether a page table entry maps the page.
    pub const fn page_mapped(&self) -> bool {
        self.mapcount >= 0
    }

    /// The LRU list that the page belongs on.
    pub const fn lru_list(&self) -> LruList {
        if self.flags.contains(PageFlags::ACTIVE) {
            LruList::Active
        } else {
            LruList::Inactive
        }
    }

    /// The entry of the swap slot of a page in the swap cache.
    pub fn swap_entry(&self) -> Option<u32> {
        let cached = self.flags.contains(PageFlags::SWAPCACHE);
        cached.then_some(self.private)
    }

    /// Whether the page belongs to an `anon_vma`.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `PageAnon()`.
    pub const fn is_anon(&self) -> bool {
        matches!(self.mapping, PageMapping::Anon(_))
    }

    /// Counts one more PTE that maps an anonymous page. The first one says who owns the contents and
    /// where in it they are; for later ones this is known, and must not change.
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_add_anon_rmap()`.
    pub(super) const fn page_add_anon_rmap(&mut self, owner: AnonVmaId, index: u32) -> bool {
        let first = self.page_add_rmap();
        if first {
            self.mapping = PageMapping::Anon(owner);
            self.index = index;
        }
        first
    }

    /// Makes it page `index` of an inode's page cache.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `add_to_page_cache()`.
    pub(in crate::kernel::mm) const fn add_to_page_cache(&mut self, inode: InodeId, index: u32) {
        self.mapping = PageMapping::Cache(inode);
        self.index = index;
    }

    /// Linux 2.6.12: `mm/filemap.c`, `__remove_from_page_cache()`.
    pub(in crate::kernel::mm) const fn remove_from_page_cache(&mut self) {
        self.mapping = PageMapping::None;
    }

    /// Sets flags. Returns whether all of them were set before.
    pub(in crate::kernel::mm) fn test_and_set(&mut self, flags: PageFlags) -> bool {
        let before = self.flags.contains(flags);
        self.flags.insert(flags);
        before
    }

    /// Clears flags. Returns whether all of them were set before.
    pub(in crate::kernel::mm) fn test_and_clear(&mut self, flags: PageFlags) -> bool {
        let before = self.flags.contains(flags);
        self.flags.remove(flags);
        before
    }

    /// Makes an isolated page one that will be put back on the active list, or on the inactive one.
    pub(in crate::kernel::mm) fn set_active(&mut self, list: LruList) {
        assert!(
            !self.flags.contains(PageFlags::LRU),
            "the page is on a list"
        );
        self.flags.set(PageFlags::ACTIVE, list == LruList::Active);
    }

    /// Enters the swap cache: `private` is the entry of its slot.
    ///
    /// Linux 2.6.12: `mm/swap_state.c`, `__add_to_swap_cache()`.
    pub(in crate::kernel::mm) fn add_to_swap_cache(&mut self, entry: u32) {
        self.flags |= PageFlags::SWAPCACHE;
        self.private = entry;
    }

    /// Linux 2.6.12: `mm/swap_state.c`, `__delete_from_swap_cache()`.
    pub(in crate::kernel::mm) fn delete_from_swap_cache(&mut self) {
        self.flags -= PageFlags::SWAPCACHE;
        self.private = 0;
    }

    /// Counts one more PTE that maps the page. Returns whether it is the first (then `nr_mapped`
    /// grows).
    ///
    /// Linux 2.6.12: `mm/rmap.c`, the counting of `page_add_anon_rmap()` and `page_add_file_rmap()`.
    pub(in crate::kernel::mm) const fn page_add_rmap(&mut self) -> bool {
        self.mapcount += 1;
        self.mapcount == 0
    }

    /// Counts one PTE fewer. Returns whether it was the last (then `nr_mapped` shrinks).
    ///
    /// Linux 2.6.12: `mm/rmap.c`, `page_remove_rmap()`.
    ///
    /// # Panics
    /// If no PTE maps it.
    pub(super) const fn page_remove_rmap(&mut self) -> bool {
        assert!(self.mapcount >= 0, "page_remove_rmap: page is not mapped");
        self.mapcount -= 1;
        self.mapcount < 0
    }

    /// Takes a reference: `get_page()`.
    pub(super) const fn get(&mut self) {
        self.count += 1;
    }

    /// Drops a reference. Returns whether it was the last.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `put_page_testzero()`.
    pub(super) const fn put_testzero(&mut self) -> bool {
        assert!(self.count >= 0, "put_page_testzero: page has no users");
        self.count -= 1;
        self.count < 0
    }

    /// Whether the page heads a free block of exactly this order.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `page_is_buddy()`.
    pub(super) fn page_is_buddy(&self, order: u32) -> bool {
        self.flags.contains(PageFlags::PRIVATE)
            && self.private == order
            && !self.is_reserved()
            && self.page_count() == 0
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `set_page_order()`.
    pub(super) fn set_page_order(&mut self, order: u32) {
        self.private = order;
        self.flags.insert(PageFlags::PRIVATE);
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `rmv_page_order()`.
    pub(super) fn rmv_page_order(&mut self) {
        self.private = 0;
        self.flags.remove(PageFlags::PRIVATE);
    }

    /// Initialises the head of a block that is allocated, with one user.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `prep_new_page()` and `set_page_refs()`.
    pub(super) fn prep_new_page(&mut self) {
        self.assert_unused(CHECK_AT_PREP);
        self.flags
            .remove(PageFlags::UPTODATE | PageFlags::REFERENCED | PageFlags::ERROR);
        self.private = 0;
        self.count = 0;
    }

    /// Asserts that nothing refers to a page that is freed, and clears its dirty flag.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `free_pages_check()`.
    pub(super) fn free_pages_check(&mut self) {
        self.assert_unused(CHECK_AT_FREE);
        self.flags.remove(PageFlags::DIRTY);
    }

    /// Linux prints "Bad page state" and goes on; here it can only be a bug of the emulator.
    fn assert_unused(&self, forbidden: PageFlags) {
        let unused = self.count == -1
            && self.mapcount == -1
            && self.mapping == PageMapping::None
            && !self.flags.intersects(forbidden);
        assert!(unused, "Bad page state: {self:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_stored_minus_one() {
        let mut page = Page::at_boot();
        assert_eq!((page.raw_count(), page.page_count()), (-1, 0));
        assert_eq!((page.raw_mapcount(), page.page_mapcount()), (-1, 0));

        page.get();
        assert_eq!((page.raw_count(), page.page_count()), (0, 1));
    }

    #[test]
    fn only_the_first_and_the_last_mapping_count_for_nr_mapped() {
        let mut page = Page::at_boot();
        let first_or_last = [
            page.page_add_rmap(),
            page.page_add_rmap(),
            page.page_remove_rmap(),
            page.page_remove_rmap(),
        ];
        assert_eq!(first_or_last, [true, false, false, true]);
        assert_eq!(page.page_mapcount(), 0);
        assert_eq!(page.page_count(), 0, "mapping and using are counted apart");
    }

    /// `mm/page_alloc.c`, `page_is_buddy()`.
    #[test]
    fn only_the_head_of_a_free_block_of_the_same_order_is_a_buddy() {
        let mut free = Page::at_boot();
        free.flags.remove(PageFlags::RESERVED);
        assert!(!free.page_is_buddy(0), "it heads no block");
        free.set_page_order(3);
        assert!(free.page_is_buddy(3));
        assert!(!free.page_is_buddy(2) && !free.page_is_buddy(4));
        let mut reserved = free.clone();
        reserved.flags.insert(PageFlags::RESERVED);
        let mut used = free.clone();
        used.get();
        assert!(!reserved.page_is_buddy(3) && !used.page_is_buddy(3));
        free.rmv_page_order();
        assert_eq!((free.page_is_buddy(3), free.private), (false, 0));
    }

    /// `mm/page_alloc.c`, `free_pages_check()` and `prep_new_page()`.
    #[test]
    fn a_page_that_is_referred_to_is_neither_freed_nor_handed_out() {
        use std::panic::catch_unwind;
        let unused = || Page {
            flags: PageFlags::UPTODATE | PageFlags::REFERENCED,
            private: 7,
            ..Page::at_boot()
        };
        type Change = fn(&mut Page);
        let changes: [Change; 10] = [
            |page| page.count = 0,
            |page| page.mapcount = 0,
            |page| page.mapping = PageMapping::Cache(InodeId::default()),
            |page| page.flags |= PageFlags::LRU,
            |page| page.flags |= PageFlags::PRIVATE,
            |page| page.flags |= PageFlags::LOCKED,
            |page| page.flags |= PageFlags::ACTIVE,
            |page| page.flags |= PageFlags::WRITEBACK,
            |page| page.flags |= PageFlags::SWAPCACHE,
            |page| page.flags |= PageFlags::RECLAIM,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut page = unused();
            change(&mut page);
            let (freed, handed_out) = (page.clone(), page);
            let free = move || freed.clone().free_pages_check();
            let hand_out = move || handed_out.clone().prep_new_page();
            assert!(catch_unwind(free).is_err(), "freed with change {number}");
            assert!(
                catch_unwind(hand_out).is_err(),
                "given with change {number}"
            );
        }
        let mut page = unused();
        page.flags |= PageFlags::DIRTY;
        let dirty = page.clone();
        assert!(catch_unwind(move || dirty.clone().prep_new_page()).is_err());
        page.free_pages_check();
        page.prep_new_page();
        assert_eq!(page.flags, PageFlags::empty());
        assert_eq!((page.page_count(), page.private), (1, 0));
    }

    #[test]
    #[should_panic(expected = "page is not mapped")]
    fn unmapping_an_unmapped_page_is_our_bug() {
        Page::at_boot().page_remove_rmap();
    }
}
