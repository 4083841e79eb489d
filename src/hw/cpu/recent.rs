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
    /// Its address.
    start: u32,
    /// How many bytes from there are known: all or none.
    len: u64,
    /// Where its frame begins.
    frame: u32,
}

impl Recent {
    /// No page.
    pub(super) const NONE: Self = Self {
        start: 0,
        len: 0,
        frame: 0,
    };
}

macro_rules! hit {
    ($name:ident, $recent:ident, $access:expr) => {
        /// The physical address of bytes in one page, if the access hits the TLB and nobody has to
        /// be told of it.
        #[inline(always)]
        pub(super) fn $name<const N: usize>(&mut self, va: VirtAddr) -> Option<u32> {
            // One comparison shows that it is the page, and that the bytes end in it.
            let offset = va.0.wrapping_sub(self.$recent.start);
            if u64::from(offset) + N as u64 <= self.$recent.len {
                return Some(self.$recent.frame.wrapping_add(offset));
            }
            let offset = va.page_offset();
            if offset as usize + N > PAGE_SIZE as usize {
                return None;
            }
            let phys = self.mmu.hit_in_page::<N>(self.ram, va, $access)?;
            self.count_itself();
            self.$recent = Recent {
                start: va.page_base().0,
                len: PAGE_SIZE.into(),
                frame: phys - offset,
            };
            Some(phys)
        }
    };
}

impl Core<'_> {
    hit!(read_hit, last_read, Access::read(Mode::User));
    hit!(write_hit, last_written, Access::write(Mode::User));

    /// The TLB counts an access that was charged with its block.
    #[inline(always)]
    pub(super) const fn count_itself(&mut self) {
        self.hits = self.hits.wrapping_sub(1);
    }

    /// The TLB may have changed.
    pub(super) const fn forget_pages(&mut self) {
        self.last_read = Recent::NONE;
        self.last_written = Recent::NONE;
    }
}
