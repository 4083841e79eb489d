//! Swap areas: which slots are in use, by how many owners, and which slot is given out next.

use super::swap_entry::SwapEntry;
use crate::abi::{FileId, PAGE_SIZE, Pfn};
use crate::kernel::fs::SwapHeader;
use getset::CopyGetters;
use std::sync::Arc;

/// Slots that are given out one after the other before another empty run is looked for.
const SWAPFILE_CLUSTER: u32 = 256;
/// A count that sticks, because it could not be counted any further.
const SWAP_MAP_MAX: u16 = 0x7fff;
/// The count of a slot that cannot be used.
const SWAP_MAP_BAD: u16 = 0x8000;
/// How many areas there can be: a page table entry has five bits for the number of one.
///
/// Linux 2.6.12: `include/linux/swap.h`, `MAX_SWAPFILES`.
const MAX_SWAPFILES: usize = 32;
/// Slots whose swap-cache entries share a node of the radix tree (`RADIX_TREE_MAP_SIZE`).
const SLOTS_OF_A_NODE: usize = 64;

/// The bytes of a page.
pub type PageBytes = [u8; PAGE_SIZE as usize];

/// A slot: its owners, the page that caches it, and what was written to it.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// `swap_map`: entries in page tables, the swap cache, and objects that own the slot.
    count: u16,
    cached: Option<Pfn>,
    bytes: Option<Arc<PageBytes>>,
}

/// How far an area is in use: `SWP_USED` and `SWP_WRITEOK`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SwapState {
    /// It is not: its number waits for another area.
    Unused,
    /// `SWP_ACTIVE`: its slots are given out.
    Active,
    /// It is being turned off: its slots are only given back.
    Leaving,
}

/// A swap area: `struct swap_info_struct`.
#[derive(Clone, Debug, CopyGetters)]
pub struct SwapArea {
    state: SwapState,
    /// The open file of its device or swap file.
    #[getset(get_copy = "pub")]
    swap_file: FileId,
    /// Slots that can hold pages: neither the header nor bad ones nor, as in 2.6.12, the last page.
    #[getset(get_copy = "pub")]
    pages: u32,
    slots: Vec<Slot>,
    /// Pages of the swap cache by node of the radix tree.
    nodes: Vec<u8>,
    cluster_nr: u32,
    cluster_next: u32,
    lowest_bit: u32,
    highest_bit: u32,
    /// Slots in use.
    #[getset(get_copy = "pub")]
    inuse_pages: u32,
    /// Its priority; areas of higher priority are used first.
    #[getset(get_copy = "pub")]
    prio: i32,
    /// The area after it in the list by priority.
    next: Option<u32>,
}

impl SwapArea {
    fn new(swap_file: FileId, header: &SwapHeader, prio: i32) -> Self {
        let max = header.last_page as usize;
        let mut slots = vec![Slot::default(); max];
        for bad in &header.badpages {
            slots[*bad as usize].count = SWAP_MAP_BAD;
        }
        Self {
            state: SwapState::Active,
            swap_file,
            // As 2.6.12 counts them: a page that is named twice counts twice.
            pages: header.last_page - header.badpages.len() as u32 - 1,
            slots,
            nodes: vec![0; max.div_ceil(SLOTS_OF_A_NODE)],
            cluster_nr: 0,
            cluster_next: 1,
            lowest_bit: 1,
            highest_bit: header.last_page - 1,
            inuse_pages: 0,
            prio,
            next: None,
        }
    }

    /// Whether its slots are given out.
    pub fn is_active(&self) -> bool {
        self.state == SwapState::Active
    }

    /// The slots that have owners.
    fn used(&self) -> impl Iterator<Item = u32> {
        let slots = (0..).zip(&self.slots);
        let used = slots.filter(|(_, slot)| slot.count > 0 && slot.count != SWAP_MAP_BAD);
        used.map(|(slot, _)| slot)
    }

    fn max(&self) -> u32 {
        self.slots.len() as u32
    }

    /// `swap_map`: the owners of a slot; 0 if it is free, 0x8000 if it cannot be used.
    pub fn count(&self, slot: u32) -> u16 {
        self.slots.get(slot as usize).map_or(0, |slot| slot.count)
    }

    /// Gives out a free slot, with one owner.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `scan_swap_map()`.
    fn scan_swap_map(&mut self) -> Option<u32> {
        let slot = self.next_of_cluster().or_else(|| {
            self.cluster_nr = SWAPFILE_CLUSTER;
            self.empty_cluster().or_else(|| self.first_free())
        });
        let Some(slot) = slot else {
            (self.lowest_bit, self.highest_bit) = (self.max(), 0);
            return None;
        };
        if slot == self.lowest_bit {
            self.lowest_bit += 1;
        }
        if slot == self.highest_bit {
            self.highest_bit -= 1;
        }
        if self.lowest_bit > self.highest_bit {
            (self.lowest_bit, self.highest_bit) = (self.max(), 0);
        }
        self.slots[slot as usize].count = 1;
        self.inuse_pages += 1;
        self.cluster_next = slot + 1;
        Some(slot)
    }

    fn next_of_cluster(&mut self) -> Option<u32> {
        if self.cluster_nr == 0 {
            return None;
        }
        while self.cluster_next <= self.highest_bit {
            let slot = self.cluster_next;
            self.cluster_next += 1;
            if self.count(slot) == 0 {
                self.cluster_nr -= 1;
                return Some(slot);
            }
        }
        None
    }

    /// The first of as many adjacent free slots as make a cluster.
    fn empty_cluster(&self) -> Option<u32> {
        let mut first = self.lowest_bit;
        while first + SWAPFILE_CLUSTER - 1 <= self.highest_bit {
            let used = (first..first + SWAPFILE_CLUSTER).find(|slot| self.count(*slot) != 0);
            match used {
                None => return Some(first),
                Some(used) => first = used + 1,
            }
        }
        None
    }

    fn first_free(&mut self) -> Option<u32> {
        let free = (self.lowest_bit..=self.highest_bit).find(|slot| self.count(*slot) == 0)?;
        self.lowest_bit = free + 1;
        Some(free)
    }

    /// The slots that are read along with one: the rest of its cluster of 2^`page_cluster`, up to
    /// the first that holds nothing.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `valid_swaphandles()`.
    fn valid_swaphandles(&self, slot: u32, page_cluster: u32) -> std::ops::Range<u32> {
        let base = slot >> page_cluster << page_cluster;
        let end = base + (1 << page_cluster);
        // The header is in slot 0.
        let base = base.max(1);
        let holds_nothing = |slot: &u32| matches!(self.count(*slot), 0 | SWAP_MAP_BAD);
        let stop = (base..end.min(self.max())).find(holds_nothing);
        base..stop.unwrap_or(end.min(self.max()))
    }
}

/// All swap areas, and the choice between them.
#[derive(Clone, Debug, Default, CopyGetters)]
pub struct SwapInfo {
    areas: Vec<SwapArea>,
    /// The area of the highest priority (`swap_list.head`).
    head: Option<u32>,
    /// The area that gives out the next slot (`swap_list.next`).
    next: Option<u32>,
    /// `nr_swap_pages`: free slots of all areas. While an area is being turned off it is less than
    /// 0: all of the area's slots are taken off at once, and those in use come back one by one.
    free_slots: i32,
    /// The priority of the last area that was turned on without one.
    least_priority: i32,
    /// Slots of all areas.
    #[getset(get_copy = "pub")]
    total_swap_pages: u32,
    /// Pages in the swap cache.
    #[getset(get_copy = "pub")]
    total_swapcache_pages: u32,
}

impl SwapInfo {
    /// Turns an area on. `prio` is its priority; without one it gets a lower one than all areas
    /// before.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `sys_swapon()`.
    ///
    /// # Panics
    /// If there is no room for another area: check with [`has_room`](Self::has_room) first.
    pub(in crate::kernel) fn swapon(
        &mut self,
        swap_file: FileId,
        header: &SwapHeader,
        prio: Option<i32>,
    ) {
        let prio = prio.unwrap_or_else(|| {
            self.least_priority -= 1;
            self.least_priority
        });
        let area = SwapArea::new(swap_file, header, prio);
        let unused = self
            .areas
            .iter()
            .position(|area| area.state == SwapState::Unused);
        let number = unused.unwrap_or(self.areas.len());
        assert!(number < MAX_SWAPFILES, "too many swap areas");
        if number == self.areas.len() {
            self.areas.push(area);
        } else {
            self.areas[number] = area;
        }
        self.link(number as u32);
    }

    /// Whether there can be another area.
    pub(super) fn has_room(&self) -> bool {
        let used = self
            .areas
            .iter()
            .filter(|area| area.state != SwapState::Unused);
        used.count() < MAX_SWAPFILES
    }

    /// Puts an area on the list, before others of its priority, and counts its slots.
    fn link(&mut self, number: u32) {
        let prio = self.area(number).prio;
        let mut before = None;
        let mut at = self.head;
        while let Some(other) = at.filter(|other| self.area(*other).prio > prio) {
            (before, at) = (at, self.area(other).next);
        }
        let area = self.area_mut(number);
        area.next = at;
        area.state = SwapState::Active;
        let pages = area.pages;
        match before {
            Some(before) => self.area_mut(before).next = Some(number),
            None => (self.head, self.next) = (Some(number), Some(number)),
        }
        self.free_slots += pages.cast_signed();
        self.total_swap_pages += pages;
    }

    /// Begins to turn an area off: it is taken off the list, and its slots do not count any more.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, the first half of `sys_swapoff()`.
    pub(super) fn begin_swapoff(&mut self, number: u32) {
        let (next, pages) = (self.area(number).next, self.area(number).pages);
        if self.head == Some(number) {
            self.head = next;
        }
        for area in &mut self.areas {
            if area.state == SwapState::Active && area.next == Some(number) {
                area.next = next;
            }
        }
        if self.next == Some(number) {
            self.next = self.head;
        }
        self.free_slots -= pages.cast_signed();
        self.total_swap_pages -= pages;
        self.area_mut(number).state = SwapState::Leaving;
    }

    /// Puts an area back that could not be turned off.
    pub(super) fn abort_swapoff(&mut self, number: u32) {
        self.link(number);
    }

    /// An area without used slots is gone. Returns its open file.
    pub(super) fn end_swapoff(&mut self, number: u32) -> FileId {
        let area = self.area_mut(number);
        area.state = SwapState::Unused;
        area.slots = Vec::new();
        area.nodes = Vec::new();
        area.swap_file
    }

    /// The first used slot of an area after `prev`, or else from the start on.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `find_next_to_unuse()`.
    pub(super) fn find_next_to_unuse(&self, number: u32, prev: u32) -> Option<SwapEntry> {
        let area = self.area(number);
        let mut later = area.used().skip_while(|slot| *slot <= prev);
        let slot = later.next().or_else(|| area.used().next())?;
        Some(SwapEntry::new(number, slot))
    }

    /// Free slots of all areas.
    pub fn nr_swap_pages(&self) -> u32 {
        self.free_slots.max(0).cast_unsigned()
    }

    /// The areas that are in use, with their numbers.
    pub fn areas(&self) -> impl Iterator<Item = (u32, &SwapArea)> {
        let areas = (0..).zip(&self.areas);
        areas.filter(|(_, area)| area.state != SwapState::Unused)
    }

    fn area(&self, number: u32) -> &SwapArea {
        &self.areas[number as usize]
    }

    fn area_mut(&mut self, number: u32) -> &mut SwapArea {
        &mut self.areas[number as usize]
    }

    /// Whether more than half of all slots are in use.
    ///
    /// Linux 2.6.12: `include/linux/swap.h`, `vm_swap_full()`.
    pub const fn vm_swap_full(&self) -> bool {
        self.free_slots * 2 < self.total_swap_pages.cast_signed()
    }

    /// Gives out a free slot, with one owner.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `get_swap_page()`.
    pub(super) fn get_swap_page(&mut self) -> Option<SwapEntry> {
        if self.free_slots <= 0 {
            return None;
        }
        let mut at = self.next?;
        let mut wrapped = false;
        loop {
            let area = self.area_mut(at);
            // `next` may still name an area that was turned off.
            let slot = area.is_active().then(|| area.scan_swap_map()).flatten();
            let prio = self.area(at).prio;
            let equal = self.area(at).next;
            let equal = equal.filter(|next| self.area(*next).prio == prio);
            if let Some(slot) = slot {
                self.free_slots -= 1;
                self.next = equal.or(self.head);
                return Some(SwapEntry::new(at, slot));
            }
            at = if wrapped {
                self.area(at).next?
            } else if let Some(equal) = equal {
                equal
            } else {
                wrapped = true;
                self.head?
            };
        }
    }

    fn slot(&self, entry: SwapEntry) -> Option<&Slot> {
        let area = self.areas.get(entry.area() as usize)?;
        area.slots.get(entry.slot() as usize)
    }

    fn slot_mut(&mut self, entry: SwapEntry) -> &mut Slot {
        &mut self.areas[entry.area() as usize].slots[entry.slot() as usize]
    }

    /// `swap_map`: the owners of a slot.
    pub fn count(&self, entry: SwapEntry) -> u16 {
        self.slot(entry).map_or(0, |slot| slot.count)
    }

    /// Adds an owner to a slot that has one. Returns whether it has.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `swap_duplicate()`.
    pub(super) fn swap_duplicate(&mut self, entry: SwapEntry) -> bool {
        let count = &mut self.slot_mut(entry).count;
        let used = *count != 0;
        if used && *count < SWAP_MAP_MAX {
            *count += 1;
        }
        used
    }

    /// Takes an owner off a slot; the last one frees it. Returns how many are left.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `swap_free()`, with `swap_info_get()` and
    /// `swap_entry_free()`.
    pub(super) fn swap_free(&mut self, entry: SwapEntry) -> u16 {
        let (number, slot) = (entry.area(), entry.slot());
        if let Some(next) = self.next
            && self.area(number).prio > self.area(next).prio
        {
            self.next = Some(number);
        }
        let area = &mut self.areas[number as usize];
        let state = &mut area.slots[slot as usize];
        assert!(state.count > 0, "{entry} is freed twice");
        if state.count == SWAP_MAP_MAX {
            return SWAP_MAP_MAX;
        }
        state.count -= 1;
        if state.count == 0 {
            state.bytes = None;
            area.lowest_bit = area.lowest_bit.min(slot);
            area.highest_bit = area.highest_bit.max(slot);
            area.inuse_pages -= 1;
            self.free_slots += 1;
            return 0;
        }
        state.count
    }

    /// The page that caches a slot.
    pub fn cached(&self, entry: SwapEntry) -> Option<Pfn> {
        self.slot(entry).and_then(|slot| slot.cached)
    }

    /// Whether the swap cache needs a new node of its radix tree to cache a slot.
    pub(super) fn needs_a_node(&self, entry: SwapEntry) -> bool {
        self.area(entry.area()).nodes[entry.slot() as usize / SLOTS_OF_A_NODE] == 0
    }

    /// Makes a page the one that caches a slot.
    pub(super) fn insert(&mut self, entry: SwapEntry, pfn: Pfn) {
        let before = self.slot_mut(entry).cached.replace(pfn);
        assert!(before.is_none(), "{entry} is cached twice");
        self.areas[entry.area() as usize].nodes[entry.slot() as usize / SLOTS_OF_A_NODE] += 1;
        self.total_swapcache_pages += 1;
    }

    /// The slot is cached no more.
    pub(super) fn remove(&mut self, entry: SwapEntry) {
        self.slot_mut(entry).cached = None;
        self.areas[entry.area() as usize].nodes[entry.slot() as usize / SLOTS_OF_A_NODE] -= 1;
        self.total_swapcache_pages -= 1;
    }

    /// Writes a slot.
    pub(super) fn write(&mut self, entry: SwapEntry, bytes: &PageBytes) {
        self.slot_mut(entry).bytes = Some(Arc::new(*bytes));
    }

    /// What a slot holds; `None` if it was never written.
    pub(super) fn read(&self, entry: SwapEntry) -> Option<&PageBytes> {
        self.slot(entry).and_then(|slot| slot.bytes.as_deref())
    }

    /// The slots that are read along with one.
    pub(super) fn valid_swaphandles(
        &self,
        entry: SwapEntry,
        page_cluster: u32,
    ) -> impl Iterator<Item = SwapEntry> + use<> {
        let number = entry.area();
        let slots = self
            .area(number)
            .valid_swaphandles(entry.slot(), page_cluster);
        slots.map(move |slot| SwapEntry::new(number, slot))
    }

    /// Every slot in use of every area.
    pub fn used(&self) -> impl Iterator<Item = SwapEntry> {
        let areas = self.areas();
        areas.flat_map(|(number, area)| area.used().map(move |slot| SwapEntry::new(number, slot)))
    }

    /// A count that has stuck, although few own the slot, becomes that of one owner.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, "cleared swap entry overflow" in `try_to_unuse()`.
    pub(super) fn clear_overflow(&mut self, entry: SwapEntry) {
        let count = &mut self.slot_mut(entry).count;
        if *count == SWAP_MAP_MAX {
            *count = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_area(last_page: u32) -> SwapInfo {
        let mut swap = SwapInfo::default();
        turn_on(&mut swap, last_page, None);
        swap
    }

    fn turn_on(swap: &mut SwapInfo, last_page: u32, prio: Option<i32>) {
        let header = SwapHeader {
            last_page,
            badpages: Vec::new(),
        };
        swap.swapon(FileId::default(), &header, prio);
    }

    fn take(swap: &mut SwapInfo, count: usize) -> Vec<u32> {
        let taken = std::iter::from_fn(|| swap.get_swap_page()).take(count);
        taken.map(SwapEntry::slot).collect()
    }

    fn free(swap: &mut SwapInfo, slots: impl IntoIterator<Item = u32>) {
        for slot in slots {
            assert_eq!(swap.swap_free(SwapEntry::new(0, slot)), 0);
        }
    }

    fn list(slots: impl IntoIterator<Item = u32>) -> Vec<u32> {
        slots.into_iter().collect()
    }

    /// `mkswap` on 1,024 pages: neither the header nor the last page holds anything.
    #[test]
    fn an_area_of_1024_pages_has_1022_slots() {
        let swap = with_area(1023);
        assert_eq!(
            (swap.total_swap_pages(), swap.nr_swap_pages()),
            (1022, 1022)
        );
    }

    #[test]
    fn reclaim_example_23_slots_are_given_out_in_order() {
        let mut swap = with_area(1023);
        assert_eq!(take(&mut swap, 300), list(1..=300));
    }

    #[test]
    fn reclaim_example_24_freed_slots_wait_until_no_run_is_left() {
        let mut swap = with_area(1023);
        take(&mut swap, 257);
        free(&mut swap, 10..=20);
        let rest = list((258..=771).chain(10..=20).chain(772..=1022));
        assert_eq!(take(&mut swap, 2000), rest);
        assert_eq!((swap.nr_swap_pages(), swap.get_swap_page()), (0, None));
    }

    #[test]
    fn reclaim_example_25_a_small_area_wraps_around() {
        let mut swap = with_area(65);
        take(&mut swap, 10);
        free(&mut swap, [3, 5]);
        assert_eq!(take(&mut swap, 100), list((11..=64).chain([3, 5])));
    }

    #[test]
    fn reclaim_example_26_areas_of_equal_priority_take_turns() {
        let ptes = |priorities: [Option<i32>; 2]| {
            let mut swap = SwapInfo::default();
            for prio in priorities {
                turn_on(&mut swap, 64, prio);
            }
            [(); 4].map(|()| swap.get_swap_page().unwrap().pte().0)
        };
        assert_eq!(ptes([Some(5), Some(5)]), [0x102, 0x100, 0x202, 0x200]);
        assert_eq!(ptes([None, None]), [0x100, 0x200, 0x300, 0x400]);
        assert_eq!(ptes([Some(1), Some(2)]), [0x102, 0x202, 0x302, 0x402]);
    }

    #[test]
    fn a_full_area_is_passed_over_until_a_slot_of_it_is_free_again() {
        let mut swap = SwapInfo::default();
        turn_on(&mut swap, 3, Some(2));
        turn_on(&mut swap, 64, Some(1));
        let mut next = || swap.get_swap_page().unwrap();
        let entries = [next(), next(), next()];
        assert_eq!(entries.map(SwapEntry::area), [0, 0, 1]);
        swap.swap_free(entries[1]);
        assert_eq!(swap.get_swap_page(), Some(entries[1]));
    }

    #[test]
    fn owners_are_counted_and_the_last_frees_the_slot() {
        let mut swap = with_area(64);
        let entry = swap.get_swap_page().unwrap();
        assert!(swap.swap_duplicate(entry));
        assert_eq!((swap.count(entry), swap.nr_swap_pages()), (2, 62));
        assert_eq!((swap.swap_free(entry), swap.swap_free(entry)), (1, 0));
        assert_eq!(swap.nr_swap_pages(), 63);
        assert!(!swap.swap_duplicate(entry));
    }

    #[test]
    fn a_count_that_is_too_high_sticks() {
        let mut swap = with_area(64);
        let entry = swap.get_swap_page().unwrap();
        for _ in 0..2 * u32::from(SWAP_MAP_MAX) {
            assert!(swap.swap_duplicate(entry));
        }
        assert_eq!(swap.count(entry), SWAP_MAP_MAX);
        assert_eq!(swap.swap_free(entry), SWAP_MAP_MAX);
    }

    #[test]
    fn reading_ahead_stops_at_the_first_free_slot() {
        let mut swap = with_area(1023);
        take(&mut swap, 40);
        free(&mut swap, [8, 20]);
        let read = |slot| {
            let entries = swap.valid_swaphandles(SwapEntry::new(0, slot), 3);
            entries.map(SwapEntry::slot).collect::<Vec<_>>()
        };
        assert_eq!(read(3), list(1..8), "slot 0 is the header");
        assert_eq!(read(11), list([]), "slot 8 is free");
        assert_eq!(read(17), list(16..20));
        assert_eq!(read(25), list(24..32));
    }

    #[test]
    fn swap_counts_as_full_when_more_than_half_is_used() {
        let mut swap = with_area(1023);
        take(&mut swap, 511);
        assert!(!swap.vm_swap_full());
        take(&mut swap, 1);
        assert!(swap.vm_swap_full());
    }
}
