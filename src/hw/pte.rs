//! The entries of page directories and page tables, and their addresses.
//!
//! ```text
//!  31            22 21            12 11             0
//! +----------------+----------------+----------------+
//! | directory index|  table index   |  byte in page  |   linear address
//! +----------------+----------------+----------------+
//! |           frame number          |     flags      |   entry
//! +---------------------------------+----------------+
//! ```

use crate::abi::{PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use std::fmt;

const FLAGS: u32 = PAGE_SIZE - 1;

macro_rules! entry {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// P: the hardware may use the entry.
            pub const PRESENT: u32 = 0x001;
            /// R/W: writes are permitted.
            pub const RW: u32 = 0x002;
            /// U/S: user mode may use it.
            pub const USER: u32 = 0x004;
            /// Write-through caching; stored, but without effect.
            pub const PWT: u32 = 0x008;
            /// Caching disabled; stored, but without effect.
            pub const PCD: u32 = 0x010;
            /// A: set by the hardware when a translation uses the entry.
            pub const ACCESSED: u32 = 0x020;
            /// D: set by the hardware when the page is written.
            pub const DIRTY: u32 = 0x040;
            /// G: a load of CR3 does not drop the translation (needs CR4.PGE).
            pub const GLOBAL: u32 = 0x100;

            /// An entry that names a frame, with the given low 12 bits.
            pub const fn new(pfn: Pfn, flags: u32) -> Self {
                Self(pfn.phys() | flags & FLAGS)
            }

            /// Bits 31..12: the frame.
            pub const fn pfn(self) -> Pfn {
                Pfn(self.0 >> PAGE_SHIFT)
            }

            /// Bits 11..0: the flags.
            pub const fn flags(self) -> u32 {
                self.0 & FLAGS
            }

            /// Whether P is set. The hardware ignores the rest of an entry without it.
            pub const fn is_hw_present(self) -> bool {
                self.contains(Self::PRESENT)
            }

            /// Whether all of the bits are set.
            pub const fn contains(self, bits: u32) -> bool {
                self.0 & bits == bits
            }

            /// The entry with these bits set.
            #[must_use]
            pub const fn with(self, bits: u32) -> Self {
                Self(self.0 | bits)
            }

            /// The entry with these bits clear.
            #[must_use]
            pub const fn without(self, bits: u32) -> Self {
                Self(self.0 & !bits)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#010x}", self.0)
            }
        }
    };
}

entry! {
    /// A page table entry.
    Pte
}

entry! {
    /// A page directory entry: it refers to a page table, or maps 4 MiB by itself.
    Pde
}

impl Pte {
    /// Linux's mark for a `PROT_NONE` page. It is set while P is clear, so the hardware never sees
    /// it.
    pub const PROTNONE: u32 = 0x080;
}

impl Pde {
    /// PS: the entry maps a 4 MiB page (needs CR4.PSE).
    pub const PSE: u32 = 0x080;

    /// The frame of an address in the 4 MiB page that this entry maps.
    pub const fn large_pfn(self, va: VirtAddr) -> Pfn {
        Pfn(self.pfn().0 & !0x3ff | va.pte_index())
    }
}

/// Physical address of the page directory entry that a linear address goes through.
pub const fn pde_phys(cr3: u32, va: VirtAddr) -> u32 {
    (cr3 & !FLAGS) + 4 * va.pgd_index()
}

/// Physical address of the entry for a linear address in the page table in frame `table`.
pub const fn pte_phys(table: Pfn, va: VirtAddr) -> u32 {
    table.phys() + 4 * va.pte_index()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_frame_and_twelve_flag_bits() {
        let pte = Pte::new(Pfn(0x412), 0x067);
        assert_eq!(pte.to_string(), "0x00412067");
        assert_eq!((pte.pfn(), pte.flags()), (Pfn(0x412), 0x067));
        assert!(pte.contains(Pte::PRESENT | Pte::RW | Pte::USER | Pte::ACCESSED | Pte::DIRTY));
        assert!(!pte.contains(Pte::RW | Pte::GLOBAL));
        assert_eq!(pte.without(Pte::RW), Pte(0x0041_2065));
        assert_eq!(pte.with(Pte::GLOBAL), Pte(0x0041_2167));
    }

    #[test]
    fn a_prot_none_page_is_not_present_to_the_hardware() {
        assert!(!Pte::new(Pfn(1), 0x0e0).is_hw_present());
        assert!(Pte::new(Pfn(1), 0x0e0).contains(Pte::PROTNONE));
    }

    #[test]
    fn addresses_of_entries_follow_from_the_split_of_the_linear_address() {
        let va = VirtAddr(0xbfff_e123);
        assert_eq!(pde_phys(0x0030_0018, va), 0x0030_0000 + 4 * 767);
        assert_eq!(pte_phys(Pfn(0x412), va), 0x0041_2000 + 4 * 1022);
        assert_eq!(Pde(0x0140_00e3).large_pfn(va), Pfn(0x1400 + 1022));
    }
}
