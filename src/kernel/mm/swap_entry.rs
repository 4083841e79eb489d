//! What stands in a page table entry whose page is in a swap slot.

use super::file_pte::PTE_FILE;
use super::pagetable::{pte_none, pte_present};
use crate::hw::Pte;
use std::fmt;

/// Where the number of the area begins in an entry (`SWP_TYPE_SHIFT`).
const TYPE_SHIFT: u32 = 27;

/// A slot of a swap area: `swp_entry_t`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SwapEntry(u32);

impl SwapEntry {
    /// The slot of an area.
    ///
    /// Linux 2.6.12: `include/linux/swapops.h`, `swp_entry()`.
    pub const fn new(area: u32, slot: u32) -> Self {
        Self(area << TYPE_SHIFT | slot)
    }

    /// The entry that a page of the swap cache keeps in `private`.
    pub const fn of_private(private: u32) -> Self {
        Self(private)
    }

    /// What a page of the swap cache keeps in `private`.
    pub const fn private(self) -> u32 {
        self.0
    }

    /// Number of the area.
    pub const fn area(self) -> u32 {
        self.0 >> TYPE_SHIFT
    }

    /// Number of the slot in it.
    pub const fn slot(self) -> u32 {
        self.0 & ((1 << TYPE_SHIFT) - 1)
    }

    /// The slot that a page table entry names, if it names one.
    ///
    /// Linux 2.6.12: `include/asm-i386/pgtable.h`, `__pte_to_swp_entry()`.
    pub const fn of_pte(pte: Pte) -> Option<Self> {
        if pte_none(pte) || pte_present(pte) || pte.0 & PTE_FILE != 0 {
            return None;
        }
        Some(Self::new(pte.0 >> 1 & 0x1f, pte.0 >> 8))
    }

    /// The page table entry that names the slot.
    ///
    /// Linux 2.6.12: `include/asm-i386/pgtable.h`, `__swp_entry()`.
    pub const fn pte(self) -> Pte {
        Pte(self.area() << 1 | self.slot() << 8)
    }
}

impl fmt::Display for SwapEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.area() {
            0 => write!(f, "swap slot {}", self.slot()),
            area => write!(f, "swap slot {area}:{}", self.slot()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 7.4 of the specification.
    #[test]
    fn entries_in_page_tables_and_in_the_swap_cache() {
        for (area, slot, pte, private) in [
            (0, 1, 0x0000_0100, 1),
            (1, 0x123, 0x0001_2302, 0x0800_0123),
            (0, 3, 0x300, 3),
        ] {
            let entry = SwapEntry::new(area, slot);
            assert_eq!((entry.pte().0, entry.private()), (pte, private));
            assert_eq!(SwapEntry::of_pte(Pte(pte)), Some(entry));
            assert_eq!(SwapEntry::of_private(private), entry);
            assert_eq!((entry.area(), entry.slot()), (area, slot));
        }
        let names = [SwapEntry::new(0, 36), SwapEntry::new(2, 7)].map(|entry| entry.to_string());
        assert_eq!(names, ["swap slot 36", "swap slot 2:7"]);
    }

    #[test]
    fn entries_that_name_no_slot() {
        // Empty, present, without rights, of a nonlinear file mapping.
        for pte in [0, 0x1067, 0x10e0, 0x4c] {
            assert_eq!(SwapEntry::of_pte(Pte(pte)), None, "{pte:#x}");
        }
    }
}
