//! The pages that were read and written last, so that the next access to one of them need not even
//! look into the TLB.
//!
//! They are remembered while operations hit the TLB. Whatever else may change it makes the CPU
//! forget them, so that an access comes to the same with and without.

use super::state::Core;
use crate::abi::{PAGE_SIZE, VirtAddr};
use crate::hw::{Access, Mode};

/// A page that accesses of one kind hit.
#[derive(Clone, Copy)]
pub(super) struct Recent {
    page: u32,
    /// Where its frame begins.
    frame: u32,
}

impl Recent {
    /// No page: its number is beyond the address space.
    pub(super) const NONE: Self = Self {
        page: u32::MAX,
        frame: 0,
    };
}

macro_rules! hit {
    ($name:ident, $recent:ident, $access:expr) => {
        /// The physical address of bytes in one page, if the access hits the TLB and nobody has to
        /// be told of it.
        #[inline(always)]
        pub(super) fn $name<const N: usize>(&mut self, va: VirtAddr) -> Option<u32> {
            let offset = va.page_offset();
            if offset as usize + N > PAGE_SIZE as usize {
                return None;
            }
            if self.$recent.page == va.page_number() {
                self.mmu.tlb.hits += 1;
                return Some(self.$recent.frame | offset);
            }
            let phys = self.mmu.hit_in_page::<N>(self.ram, va, $access)?;
            self.$recent = Recent {
                page: va.page_number(),
                frame: phys - offset,
            };
            Some(phys)
        }
    };
}

impl Core<'_> {
    hit!(read_hit, last_read, Access::read(Mode::User));
    hit!(write_hit, last_written, Access::write(Mode::User));

    /// The TLB may have changed.
    pub(super) const fn forget_pages(&mut self) {
        self.last_read = Recent::NONE;
        self.last_written = Recent::NONE;
    }
}
