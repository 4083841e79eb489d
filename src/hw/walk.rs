//! The page table walk: reads both levels, and decides about an access.
//!
//! A walk changes nothing, so explanations use it as well as the MMU.

use super::{
    Access, CR4_PSE, ErrorCode, Pde, Pte, Ram, Rights, effective, pde_phys, permits, pte_phys,
};
use crate::abi::{Pfn, VirtAddr};

/// The entries used to translate a linear address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Walk {
    /// The linear address.
    pub va: VirtAddr,
    /// The page directory entry.
    pub pde: Pde,
    /// The page table entry; `None` if the directory entry is not present or maps 4 MiB.
    pub pte: Option<Pte>,
    /// Whether the directory entry maps a 4 MiB page.
    pub large: bool,
}

/// Reads the entries for a linear address in the tables that `cr3` points to.
pub fn walk(ram: &Ram, cr3: u32, cr4: u32, va: VirtAddr) -> Walk {
    let pde = Pde(ram.read_u32(pde_phys(cr3, va)));
    let large = pde.contains(Pde::PRESENT | Pde::PSE) && cr4 & CR4_PSE != 0;
    let table = pde.is_hw_present() && !large;
    let pte = table.then(|| Pte(ram.read_u32(pte_phys(pde.pfn(), va))));
    Walk {
        va,
        pde,
        pte,
        large,
    }
}

impl Walk {
    /// The frame that the address is in; `None` if one of the levels is not present.
    pub fn pfn(&self) -> Option<Pfn> {
        match self.pte {
            Some(pte) => pte.is_hw_present().then(|| pte.pfn()),
            None => self.large.then(|| self.pde.large_pfn(self.va)),
        }
    }

    /// The rights on the page; `None` if one of the levels is not present.
    pub fn rights(&self) -> Option<Rights> {
        match self.pte {
            Some(pte) => pte.is_hw_present().then(|| effective(self.pde, pte)),
            None => self.large.then(|| Rights::of_entry(self.pde.0)),
        }
    }

    /// The frame and the rights on it, if they permit the access; `wp` is CR0.WP.
    ///
    /// # Errors
    /// The error code of the page fault that the access raises. An entry that is not present takes
    /// precedence over what the other level forbids.
    pub fn check(&self, access: Access, wp: bool) -> Result<(Pfn, Rights), ErrorCode> {
        let page = self.pfn().zip(self.rights());
        page.filter(|(_, rights)| permits(*rights, access, wp))
            .ok_or(ErrorCode::new(page.is_some(), access))
    }

    /// The bits of the entry that maps the page: the table entry, or the directory entry of a 4 MiB
    /// page.
    pub fn leaf(&self) -> u32 {
        self.pte.map_or(self.pde.0, |pte| pte.0)
    }
}
