//! Page table entries of nonlinear mappings: not present, but with the page of the file that belongs
//! there.

use super::pagetable::{pte_none, pte_present};
use crate::hw::Pte;

/// Marks the entry, if it is not present.
///
/// Linux 2.6.12: `include/asm-i386/pgtable.h`, `_PAGE_FILE`.
pub(super) const PTE_FILE: u32 = 0x40;
/// Bits of a page index that fit in an entry.
///
/// Linux 2.6.12: `include/asm-i386/pgtable-2level.h`, `PTE_FILE_MAX_BITS`.
pub(super) const PTE_FILE_MAX_BITS: u32 = 29;

/// The page of the file that an entry names, if it names one.
///
/// Linux 2.6.12: `include/asm-i386/pgtable-2level.h`, `pte_to_pgoff()`.
pub const fn pte_to_pgoff(pte: Pte) -> Option<u32> {
    if pte_none(pte) || pte_present(pte) || pte.0 & PTE_FILE == 0 {
        return None;
    }
    Some((pte.0 >> 1 & 0x1f) | pte.0 >> 8 << 5)
}

/// The entry that names a page of the file.
///
/// Linux 2.6.12: `include/asm-i386/pgtable-2level.h`, `pgoff_to_pte()`.
pub(super) const fn pgoff_to_pte(pgoff: u32) -> Pte {
    Pte((pgoff & 0x1f) << 1 | pgoff >> 5 << 8 | PTE_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_any_page_of_a_file() {
        for (pgoff, entry) in [
            (0, 0x40),
            (6, 0x4c),
            (7, 0x4e),
            (40, 0x150),
            ((1 << PTE_FILE_MAX_BITS) - 1, 0xffff_ff7e),
        ] {
            assert_eq!(pgoff_to_pte(pgoff), Pte(entry), "page {pgoff}");
            assert_eq!(pte_to_pgoff(Pte(entry)), Some(pgoff), "{entry:#x}");
        }
        for entry in [0, 0x100, 0x1067, 0x10c0] {
            assert_eq!(pte_to_pgoff(Pte(entry)), None, "{entry:#x}");
        }
    }
}
