//! The translation lookaside buffer: translations that remain in use until they are dropped,
//! whatever happens to the page tables in memory meanwhile.
//!
//! An entry stores its rights so that one comparison of the page and one of a mask decide whether
//! an access may go straight to memory.

use super::{Access, Rights, required};
use crate::abi::{Pfn, VirtAddr};
use bitflags::bitflags;
use std::fmt;

bitflags! {
    /// What an entry stores besides the frame.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct TlbBits: u8 {
        /// Whether user mode may use the page.
        const US = 0x01;
        /// Whether the page may be written.
        const RW = 0x02;
        /// D is set in memory: a write need not set it again.
        const DIRTY = 0x04;
        /// The frame is already marked dirty and has no decoded code, so a write needs no notice.
        /// This is valid only in the epoch of the RAM that the TLB knows. It is not part of the
        /// emulated hardware: it has no visible effect in the machine.
        const FAST_WRITE = 0x08;
        /// A load of CR3 does not drop the entry.
        const GLOBAL = 0x10;
        /// Part of a 4 MiB page.
        const LARGE = 0x20;
    }
}

impl TlbBits {
    /// The bits that an entry must have for the access to go straight to memory; `wp` is CR0.WP.
    #[inline]
    pub const fn needed(access: Access, wp: bool) -> Self {
        let rights = Self::of(required(access, wp));
        let write = Self::DIRTY.union(Self::FAST_WRITE);
        if access.is_write() {
            rights.union(write)
        } else {
            rights
        }
    }

    #[inline]
    pub(super) const fn of(rights: Rights) -> Self {
        let us = if rights.us { Self::US } else { Self::empty() };
        let rw = if rights.rw { Self::RW } else { Self::empty() };
        us.union(rw)
    }
}

/// A cached translation of one 4 KiB page, even if that is part of a 4 MiB page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TlbEntry {
    /// Linear page number: address / 4096.
    pub page: u32,
    /// The frame that it is translated to.
    pub pfn: Pfn,
    /// Rights and state.
    pub bits: TlbBits,
}

impl TlbEntry {
    /// No translation: its page number is beyond the address space.
    const NONE: Self = Self {
        page: u32::MAX,
        pfn: Pfn(0),
        bits: TlbBits::empty(),
    };

    const fn is_valid(&self) -> bool {
        self.page != Self::NONE.page
    }

    /// Whether the emulated hardware lets an access that needs these bits through without a walk.
    const fn grants(&self, needed: TlbBits) -> bool {
        self.bits.union(TlbBits::FAST_WRITE).contains(needed)
    }
}

/// Where in the TLB the translation of a page may be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TlbPolicy {
    /// In the one slot that the low bits of the page number select.
    #[default]
    DirectMapped,
    /// In any slot; slots are filled in turn.
    FullyAssociative,
}

/// The TLB of a CPU, with counters since it was created.
#[derive(Clone, Debug)]
pub struct Tlb {
    /// Translations that needed no walk.
    pub hits: u64,
    /// Translations that needed a walk: no entry, or one without the rights or the D bit.
    pub misses: u64,
    /// Flushes of everything but global entries (loads of CR3).
    pub flushes: u64,
    /// Flushes of everything.
    pub flushes_all: u64,
    /// Flushes of single pages (`invlpg`).
    pub flushes_page: u64,
    entries: Box<[TlbEntry]>,
    policy: TlbPolicy,
    /// The bits of a page number that select its slot, if the TLB is direct-mapped; all bits
    /// otherwise, or without entries.
    direct: usize,
    /// The slot that is filled next, if any slot will do.
    next: usize,
    /// Whether there may be parts of 4 MiB pages.
    large: bool,
    /// Whether there may be entries that are not global: between tasks that touch no memory a load
    /// of CR3 has nothing to drop.
    local: bool,
    /// The page that instructions are being fetched from. It has a slot of its own, so that
    /// sequential fetches need no lookup.
    fetch: TlbEntry,
    epoch: Epoch,
}

/// The [epoch](super::Ram::epoch) of the RAM in which the `FAST_WRITE` bits were set. It is not
/// part of the machine, and not shown.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Epoch(u64);

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Epoch")
    }
}

impl Tlb {
    /// An empty TLB of `size` entries; with 0, every access walks.
    ///
    /// # Panics
    /// If the size is neither 0 nor a power of two.
    pub fn new(size: usize, policy: TlbPolicy) -> Self {
        assert!(
            size == 0 || size.is_power_of_two(),
            "TLB size {size} is no power of two"
        );
        Self {
            hits: 0,
            misses: 0,
            flushes: 0,
            flushes_all: 0,
            flushes_page: 0,
            entries: vec![TlbEntry::NONE; size].into_boxed_slice(),
            policy,
            direct: match policy {
                TlbPolicy::DirectMapped => size.wrapping_sub(1),
                TlbPolicy::FullyAssociative => usize::MAX,
            },
            next: 0,
            large: false,
            local: false,
            fetch: TlbEntry::NONE,
            epoch: Epoch(0),
        }
    }

    /// The number of slots.
    pub const fn size(&self) -> usize {
        self.entries.len()
    }

    /// The placement policy.
    pub const fn policy(&self) -> TlbPolicy {
        self.policy
    }

    /// The entry for an address, without counting.
    pub fn lookup(&self, va: VirtAddr) -> Option<TlbEntry> {
        let page = va.page_number();
        self.entries
            .get(self.place(page))
            .copied()
            .filter(|entry| entry.page == page)
    }

    /// The entry for an address, if it lets an access that needs these bits through. Nothing is
    /// counted.
    pub(super) fn granting(&self, va: VirtAddr, needed: TlbBits) -> Option<TlbEntry> {
        self.lookup(va).filter(|entry| entry.grants(needed))
    }

    /// The entries in use, in the order of their slots.
    pub fn entries(&self) -> impl Iterator<Item = &TlbEntry> {
        self.entries.iter().filter(|entry| entry.is_valid())
    }

    /// The physical address, if the entry in the direct-mapped slot has all bits `needed`. This is
    /// the case for nearly all accesses. Any other hit takes [the slow path](Self::hit_slowly).
    #[inline(always)]
    pub(super) fn hit(&mut self, va: VirtAddr, needed: TlbBits) -> Option<u32> {
        let page = va.page_number();
        let entry = self.entries.get(page as usize & self.direct)?;
        if entry.page != page || !entry.bits.contains(needed) {
            return None;
        }
        self.hits += 1;
        Some(entry.pfn.phys() | va.page_offset())
    }

    /// The frame, if the emulated hardware lets an access that needs these bits through. If
    /// `FAST_WRITE` is one of them, the entry gets it, and the caller marks the frame dirty.
    pub(super) fn hit_slowly(&mut self, va: VirtAddr, needed: TlbBits) -> Option<Pfn> {
        let page = va.page_number();
        let entry = self.entries.get_mut(self.place(page))?;
        if entry.page != page || !entry.grants(needed) {
            return None;
        }
        entry.bits |= needed & TlbBits::FAST_WRITE;
        self.hits += 1;
        Some(entry.pfn)
    }

    /// Caches a translation.
    pub(super) fn fill(&mut self, entry: TlbEntry) {
        let mut place = self.place(entry.page);
        if place >= self.size() {
            place = self.next & self.size().wrapping_sub(1);
            self.next = place.wrapping_add(1);
        }
        if let Some(old) = self.entries.get_mut(place) {
            *old = entry;
            self.large |= entry.bits.contains(TlbBits::LARGE);
            self.local |= !entry.bits.contains(TlbBits::GLOBAL);
        }
    }

    /// The frame of the page that instructions are being fetched from, if it is this page.
    #[inline]
    pub(super) fn fetching(&self, page: u32) -> Option<Pfn> {
        (self.fetch.page == page).then_some(self.fetch.pfn)
    }

    /// Records the page that instructions are now fetched from.
    pub(super) fn set_fetching(&mut self, page: u32, pfn: Pfn) {
        self.fetch = TlbEntry {
            page,
            pfn,
            bits: TlbBits::US,
        };
    }

    /// Drops the cached entries of the page, whether it has 4 KiB or 4 MiB.
    pub(super) fn drop_page(&mut self, va: VirtAddr) {
        let page = va.page_number();
        if self.fetch.page == page || self.large {
            self.fetch = TlbEntry::NONE;
        }
        if let Some(entry) = self.entries.get_mut(self.place(page))
            && entry.page == page
        {
            *entry = TlbEntry::NONE;
        }
        if self.large {
            self.drop_if(|entry| {
                entry.bits.contains(TlbBits::LARGE) && entry.page >> 10 == page >> 10
            });
        }
    }

    /// Drops all entries that are not global.
    pub(super) fn drop_non_global(&mut self) {
        self.fetch = TlbEntry::NONE;
        if std::mem::take(&mut self.local) {
            self.drop_if(|entry| !entry.bits.contains(TlbBits::GLOBAL));
        }
    }

    /// Drops all entries.
    pub(super) fn drop_all(&mut self) {
        self.entries.fill(TlbEntry::NONE);
        self.fetch = TlbEntry::NONE;
        (self.large, self.local) = (false, false);
    }

    /// Whether the `FAST_WRITE` bits are valid.
    #[inline(always)]
    pub(super) const fn knows(&self, epoch: u64) -> bool {
        self.epoch.0 == epoch
    }

    /// Switches to another epoch of the RAM.
    pub(super) fn enter(&mut self, epoch: u64) {
        if !self.knows(epoch) {
            self.forget_fast_writes();
            self.epoch = Epoch(epoch);
        }
    }

    /// Makes the next write through each entry mark its frame dirty.
    fn forget_fast_writes(&mut self) {
        for entry in &mut self.entries {
            entry.bits.remove(TlbBits::FAST_WRITE);
        }
    }

    fn drop_if(&mut self, drop: impl Fn(&TlbEntry) -> bool) {
        for entry in &mut self.entries {
            if drop(entry) {
                *entry = TlbEntry::NONE;
            }
        }
    }

    /// The slot of the page if it is cached; an index past the TLB if it is not.
    #[inline]
    fn place(&self, page: u32) -> usize {
        match self.policy {
            TlbPolicy::DirectMapped => page as usize & self.direct,
            TlbPolicy::FullyAssociative => self.search(page),
        }
    }

    fn search(&self, page: u32) -> usize {
        let place = self.entries.iter().position(|entry| entry.page == page);
        place.unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(page: u32) -> TlbEntry {
        TlbEntry {
            page,
            pfn: Pfn(page + 0x100),
            bits: TlbBits::US,
        }
    }

    fn pages(tlb: &Tlb) -> Vec<u32> {
        tlb.entries().map(|entry| entry.page).collect()
    }

    fn filled(size: usize, policy: TlbPolicy, with: &[u32]) -> Tlb {
        let mut tlb = Tlb::new(size, policy);
        with.iter().for_each(|page| tlb.fill(entry(*page)));
        tlb
    }

    #[test]
    fn direct_mapped_pages_with_the_same_low_bits_displace_each_other() {
        let tlb = filled(4, TlbPolicy::DirectMapped, &[1, 2, 5]);
        assert_eq!(pages(&tlb), [5, 2]);
        assert_eq!(tlb.lookup(VirtAddr(0x1000)), None);
        assert_eq!(tlb.lookup(VirtAddr(0x5fff)), Some(entry(5)));
    }

    #[test]
    fn fully_associative_places_are_filled_in_turn_and_never_twice_with_a_page() {
        let tlb = filled(2, TlbPolicy::FullyAssociative, &[1, 5, 5, 9]);
        assert_eq!(pages(&tlb), [9, 5]);
        assert_eq!(tlb.lookup(VirtAddr(0x9000)), Some(entry(9)));
        assert_eq!(tlb.lookup(VirtAddr(0x1000)), None);
    }

    #[test]
    fn without_entries_nothing_is_cached() {
        for policy in [TlbPolicy::DirectMapped, TlbPolicy::FullyAssociative] {
            let mut tlb = filled(0, policy, &[0, 1]);
            tlb.drop_page(VirtAddr(0));
            assert_eq!((tlb.lookup(VirtAddr(0)), pages(&tlb).len()), (None, 0));
        }
    }

    #[test]
    fn an_access_needs_these_bits() {
        use super::super::Mode::{Supervisor, User};
        let write = TlbBits::DIRTY | TlbBits::FAST_WRITE;
        for (access, wp, bits) in [
            (Access::read(User), true, TlbBits::US),
            (Access::fetch(User), false, TlbBits::US),
            (Access::write(User), true, write | TlbBits::US | TlbBits::RW),
            (
                Access::write(User),
                false,
                write | TlbBits::US | TlbBits::RW,
            ),
            (Access::read(Supervisor), true, TlbBits::empty()),
            (Access::write(Supervisor), true, write | TlbBits::RW),
            (Access::write(Supervisor), false, write),
        ] {
            assert_eq!(TlbBits::needed(access, wp), bits, "{access:?} WP={wp}");
        }
    }
}
