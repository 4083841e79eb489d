//! The pages that were read and written last, so that the next access to one of them need not even
//! look into the TLB.
//!
//! They are remembered while operations hit the TLB. Whatever else may change it makes the CPU
//! forget them, so that an access comes to the same with and without.

use super::state::Core;
use crate::abi::{PAGE_SIZE, VirtAddr};
use crate::hw::{Access, Mode};

/// How many pages are remembered of each kind.
const PLACES: usize = 8;

/// A page that accesses of one kind hit.
#[derive(Clone, Copy)]
struct Page {
    /// Its address, or one that no access comes near.
    start: u64,
    /// The distance from there to its frame.
    to_frame: u32,
}

/// The last pages that accesses of one kind hit, each in the place that its number selects.
#[derive(Clone, Copy)]
pub(super) struct Recent([Page; PLACES]);

/// An access of which no page is remembered.
#[derive(Clone, Copy, Default)]
pub(super) struct Missed {
    va: u32,
    len: u32,
    written: bool,
}

impl Recent {
    /// No page.
    pub(super) const NONE: Self = Self(
        [Page {
            start: u64::MAX / 2,
            to_frame: 0,
        }; PLACES],
    );

    /// The physical address of bytes in a remembered page.
    #[inline(always)]
    fn find<const N: usize>(&self, va: VirtAddr) -> Option<u32> {
        let page = &self.0[va.page_number() as usize % PLACES];
        // One comparison shows that it is the page, and that the bytes end in it.
        let offset = u64::from(va.0).wrapping_sub(page.start);
        (offset <= u64::from(PAGE_SIZE) - N as u64).then(|| va.0.wrapping_add(page.to_frame))
    }
}

macro_rules! hit {
    ($name:ident, $remembered:ident, $looked_up:ident, $recent:ident, $written:expr, $access:expr) => {
        /// The physical address of bytes in one page, if the access hits the TLB and nobody has to
        /// be told of it.
        #[inline(always)]
        pub(super) fn $name<const N: usize>(&mut self, va: VirtAddr) -> Option<u32> {
            let recent = self.$recent.find::<N>(va);
            recent.or_else(|| self.$looked_up::<N>(va))
        }

        /// The same if the page is remembered. Otherwise the access is noted for
        /// [`look_up_missed`](Self::look_up_missed): a function that calls nothing is quicker.
        #[inline(always)]
        pub(super) fn $remembered<const N: usize>(&mut self, va: VirtAddr) -> Option<u32> {
            let recent = self.$recent.find::<N>(va);
            if recent.is_none() {
                self.missed = Missed {
                    va: va.0,
                    len: N as u32,
                    written: $written,
                };
            }
            recent
        }

        /// The same by a look into the TLB.
        #[inline(never)]
        fn $looked_up<const N: usize>(&mut self, va: VirtAddr) -> Option<u32> {
            let phys = self.mmu.hit_in_page::<N>(self.ram, va, $access)?;
            self.count_itself();
            self.$recent.0[va.page_number() as usize % PLACES] = Page {
                start: va.page_base().0.into(),
                to_frame: phys.wrapping_sub(va.0),
            };
            Some(phys)
        }
    };
}

impl Core<'_> {
    hit!(
        read_hit,
        read_remembered,
        read_looked_up,
        last_read,
        false,
        Access::read(Mode::User)
    );
    hit!(
        write_hit,
        write_remembered,
        write_looked_up,
        last_written,
        true,
        Access::write(Mode::User)
    );

    /// Remembers the page of the access that was missed last; `false` if that needs more than a hit
    /// of the TLB.
    pub(super) fn look_up_missed(&mut self) -> bool {
        let Missed { va, len, written } = self.missed;
        let va = VirtAddr(va);
        if va.page_offset() + len > PAGE_SIZE {
            return false;
        }
        let found = if written {
            self.write_looked_up::<1>(va)
        } else {
            self.read_looked_up::<1>(va)
        };
        found.is_some()
    }

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
