//! The memory management unit: every access to memory by linear address goes through it.
//!
//! An access that hits the [TLB](Tlb) goes straight to RAM. Any other access walks the tables,
//! checks the rights, sets the A and D bits in memory and caches the translation. If it faults,
//! nothing has changed but CR2 and the cached entries of that page. Paging is always on.

use super::{Access, ErrorCode, Mode, PageFault, Pde, Pte, Ram, Rights, Tlb, TlbBits, TlbEntry};
use super::{CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE};
use super::{TlbPolicy, Walk, pde_phys, pte_phys, walk};
use crate::abi::{PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};

/// The address translation of one CPU.
///
/// The control registers may be read directly. The methods that set them also have the hardware's
/// effect on the TLB.
#[derive(Clone, Debug)]
pub struct Mmu {
    /// PE, PG and WP. Set it with [`set_cr0`](Mmu::set_cr0).
    pub cr0: u32,
    /// The address of the last page fault.
    pub cr2: u32,
    /// Physical address of the page directory, PWT and PCD. Set it with
    /// [`load_cr3`](Mmu::load_cr3).
    pub cr3: u32,
    /// PSE and PGE. Set them with [`set_cr4`](Mmu::set_cr4).
    pub cr4: u32,
    /// The cached translations.
    pub tlb: Tlb,
}

impl Mmu {
    /// Creates an MMU with a direct-mapped TLB of that many entries, a power of two or 0 for none.
    /// WP is set, PSE and PGE are not, and CR3 is 0.
    pub fn new(tlb_entries: usize) -> Self {
        let tlb = Tlb::new(tlb_entries, TlbPolicy::DirectMapped);
        Self {
            cr0: CR0_PG | CR0_WP | CR0_PE,
            cr2: 0,
            cr3: 0,
            cr4: 0,
            tlb,
        }
    }

    /// The physical address for an access to one byte, or to bytes that do not cross the end of a
    /// page. For a write, the frame is marked dirty.
    ///
    /// # Errors
    /// The page fault that the access raises.
    #[inline]
    pub fn translate(
        &mut self,
        ram: &mut Ram,
        va: VirtAddr,
        access: Access,
    ) -> Result<u32, PageFault> {
        match self.hit(ram, va, access) {
            Some(phys) => Ok(phys),
            None => self.translate_slowly(ram, va, access),
        }
    }

    /// The frame to fetch user-mode instructions from. Only the first fetch after a change of page
    /// consults the TLB; within the page, nothing is looked up or counted.
    ///
    /// # Errors
    /// The page fault that the fetch raises.
    #[inline]
    pub(super) fn fetch_page(&mut self, ram: &mut Ram, va: VirtAddr) -> Result<Pfn, PageFault> {
        let page = va.page_number();
        if let Some(pfn) = self.tlb.fetching(page) {
            return Ok(pfn);
        }
        let phys = self.translate(ram, va, Access::fetch(Mode::User))?;
        let pfn = Pfn(phys >> PAGE_SHIFT);
        self.tlb.set_fetching(page, pfn);
        Ok(pfn)
    }

    /// Predicts the result of [`translate`](Mmu::translate) without side effects: no bit is set,
    /// nothing is cached or counted.
    ///
    /// # Errors
    /// The error code of the page fault that the access would raise.
    pub fn predict(&self, ram: &Ram, va: VirtAddr, access: Access) -> Result<u32, ErrorCode> {
        let needed = TlbBits::needed(access, self.wp());
        let pfn = match self.tlb.granting(va, needed) {
            Some(entry) => entry.pfn,
            None => self.walk(ram, va).check(access, self.wp())?.0,
        };
        Ok(pfn.phys() | va.page_offset())
    }

    /// `mov cr3`: switches to another page directory. Drops all but global entries.
    pub fn load_cr3(&mut self, cr3: u32) {
        self.cr3 = cr3;
        self.tlb.flushes += 1;
        self.tlb.drop_non_global();
    }

    /// `invlpg`: drops the cached entries of the page, global or not, whether it has 4 KiB or 4
    /// MiB.
    pub fn invlpg(&mut self, va: VirtAddr) {
        self.tlb.flushes_page += 1;
        self.tlb.drop_page(va);
    }

    /// `mov cr4`: a change of PSE or PGE drops all entries.
    ///
    /// # Panics
    /// If PAE is set.
    pub fn set_cr4(&mut self, cr4: u32) {
        assert_eq!(cr4 & CR4_PAE, 0, "three-level page tables are not emulated");
        if (self.cr4 ^ cr4) & (CR4_PSE | CR4_PGE) != 0 {
            self.flush_all();
        }
        self.cr4 = cr4;
    }

    /// `mov cr0`. A change of WP drops nothing, because WP is checked at each access.
    pub const fn set_cr0(&mut self, cr0: u32) {
        self.cr0 = cr0;
    }

    /// Drops all entries, global ones included.
    pub fn flush_all(&mut self) {
        self.tlb.flushes_all += 1;
        self.tlb.drop_all();
    }

    /// The walk for an address in the current tables, bypassing the TLB.
    pub fn walk(&self, ram: &Ram, va: VirtAddr) -> Walk {
        walk(ram, self.cr3, self.cr4, va)
    }

    /// CR0.WP.
    #[inline]
    pub const fn wp(&self) -> bool {
        self.cr0 & CR0_WP != 0
    }

    /// The physical address, if the TLB hits and a write needs no notice.
    #[inline(always)]
    fn hit(&mut self, ram: &Ram, va: VirtAddr, access: Access) -> Option<u32> {
        if access.is_write() && !self.tlb.knows(ram.epoch()) {
            return None;
        }
        let needed = TlbBits::needed(access, self.wp());
        self.tlb.hit(va, needed)
    }

    #[cold]
    fn translate_slowly(
        &mut self,
        ram: &mut Ram,
        va: VirtAddr,
        access: Access,
    ) -> Result<u32, PageFault> {
        self.tlb.enter(ram.epoch());
        let needed = TlbBits::needed(access, self.wp());
        if let Some(pfn) = self.tlb.hit_slowly(va, needed) {
            if access.is_write() {
                ram.mark_dirty(pfn);
            }
            return Ok(pfn.phys() | va.page_offset());
        }
        self.tlb.misses += 1;
        let walk = self.walk(ram, va);
        let checked = walk.check(access, self.wp());
        let (pfn, rights) = checked.map_err(|error_code| self.fault(va, error_code))?;
        self.set_accessed_and_dirty(ram, &walk, access);
        if access.is_write() {
            ram.mark_dirty(pfn);
        }
        let mut bits = self.cached_bits(&walk, rights, access);
        bits.set(TlbBits::FAST_WRITE, ram.is_fast(pfn));
        self.tlb.fill(TlbEntry {
            page: va.page_number(),
            pfn,
            bits,
        });
        Ok(pfn.phys() | va.page_offset())
    }

    fn fault(&mut self, va: VirtAddr, error_code: ErrorCode) -> PageFault {
        self.cr2 = va.0;
        self.tlb.drop_page(va);
        PageFault {
            addr: va,
            error_code,
        }
    }

    /// Sets A in both levels and, for a write, D in the entry that maps the page.
    fn set_accessed_and_dirty(&self, ram: &mut Ram, walk: &Walk, access: Access) {
        let written = if access.is_write() { Pte::DIRTY } else { 0 };
        let pde = walk
            .pde
            .with(Pde::ACCESSED | if walk.large { written } else { 0 });
        if pde != walk.pde {
            ram.write_u32(pde_phys(self.cr3, walk.va), pde.0);
        }
        if let Some(old) = walk.pte {
            let pte = old.with(Pte::ACCESSED | written);
            if pte != old {
                ram.write_u32(pte_phys(walk.pde.pfn(), walk.va), pte.0);
            }
        }
    }

    fn cached_bits(&self, walk: &Walk, rights: Rights, access: Access) -> TlbBits {
        let mut bits = TlbBits::of(rights);
        bits.set(
            TlbBits::DIRTY,
            access.is_write() || walk.leaf() & Pte::DIRTY != 0,
        );
        bits.set(
            TlbBits::GLOBAL,
            self.cr4 & CR4_PGE != 0 && walk.leaf() & Pte::GLOBAL != 0,
        );
        bits.set(TlbBits::LARGE, walk.large);
        bits
    }
}

/// Where the bytes of one access are in physical memory.
#[derive(Clone, Copy)]
enum Span {
    /// All in one page, starting at this address.
    Whole(u32),
    /// The first `split` bytes at `low`, the others at `high`.
    Crossing { low: u32, high: u32, split: usize },
}

impl Mmu {
    /// The physical address of an access that is in one page and hits the TLB. Nearly all accesses
    /// are like that, and need nothing else.
    #[inline(always)]
    pub(super) fn hit_in_page<const N: usize>(
        &mut self,
        ram: &Ram,
        va: VirtAddr,
        access: Access,
    ) -> Option<u32> {
        if va.page_offset() as usize + N > PAGE_SIZE as usize {
            return None;
        }
        self.hit(ram, va, access)
    }

    /// Reads when [`hit_in_page`](Self::hit_in_page) has failed.
    #[cold]
    fn read_slowly<const N: usize>(
        &mut self,
        ram: &mut Ram,
        va: VirtAddr,
        access: Access,
    ) -> Result<[u8; N], PageFault> {
        let span = self.span::<N>(ram, va, access)?;
        Ok(load(ram, span))
    }

    /// Writes when [`hit_in_page`](Self::hit_in_page) has failed.
    #[cold]
    fn write_slowly<const N: usize>(
        &mut self,
        ram: &mut Ram,
        va: VirtAddr,
        access: Access,
        bytes: [u8; N],
    ) -> Result<(), PageFault> {
        let span = self.span::<N>(ram, va, access)?;
        store(ram, span, bytes);
        Ok(())
    }

    fn span<const N: usize>(
        &mut self,
        ram: &mut Ram,
        va: VirtAddr,
        access: Access,
    ) -> Result<Span, PageFault> {
        if va.page_offset() as usize + N <= PAGE_SIZE as usize {
            return Ok(Span::Whole(self.translate(ram, va, access)?));
        }
        self.crossing_span(ram, va, access)
    }

    /// Translates both pages, the lower one first, before anything is read or stored.
    #[cold]
    fn crossing_span(
        &mut self,
        ram: &mut Ram,
        va: VirtAddr,
        access: Access,
    ) -> Result<Span, PageFault> {
        let split = PAGE_SIZE - va.page_offset();
        let low = self.translate(ram, va, access)?;
        let high = self.translate(ram, VirtAddr(va.0.wrapping_add(split)), access)?;
        Ok(Span::Crossing {
            low,
            high,
            split: split as usize,
        })
    }
}

#[inline]
fn load<const N: usize>(ram: &Ram, span: Span) -> [u8; N] {
    match span {
        Span::Whole(phys) => ram.load(phys),
        Span::Crossing { low, high, split } => {
            let mut bytes = [0; N];
            for (i, byte) in bytes.iter_mut().enumerate() {
                let phys = if i < split {
                    low + i as u32
                } else {
                    high + (i - split) as u32
                };
                *byte = ram.read_u8(phys);
            }
            bytes
        }
    }
}

/// Stores at addresses that were translated for a write, so that the frames are already dirty.
#[inline]
fn store<const N: usize>(ram: &mut Ram, span: Span, bytes: [u8; N]) {
    match span {
        Span::Whole(phys) => ram.store(phys, bytes),
        Span::Crossing { low, high, split } => {
            for (i, byte) in bytes.into_iter().enumerate() {
                let phys = if i < split {
                    low + i as u32
                } else {
                    high + (i - split) as u32
                };
                ram.store(phys, [byte]);
            }
        }
    }
}

macro_rules! accesses {
    ($($type:ident: $read:ident, $write:ident, $read_modify_write:ident;)*) => {
        impl Mmu {
            $(
                #[doc = concat!("Reads a `", stringify!($type), "`, aligned or not.")]
                ///
                /// # Errors
                /// The page fault that the access raises.
                #[inline(always)] // a call would cost more than the access
                pub fn $read(
                    &mut self,
                    ram: &mut Ram,
                    va: VirtAddr,
                    mode: Mode,
                ) -> Result<$type, PageFault> {
                    let access = Access::read(mode);
                    match self.hit_in_page::<{ size_of::<$type>() }>(ram, va, access) {
                        Some(phys) => Ok($type::from_le_bytes(ram.load(phys))),
                        None => self.read_slowly(ram, va, access).map($type::from_le_bytes),
                    }
                }

                #[doc = concat!("Writes a `", stringify!($type), "`, aligned or not.")]
                ///
                /// # Errors
                /// The page fault that the access raises; then not a single byte is stored.
                #[inline(always)]
                pub fn $write(
                    &mut self,
                    ram: &mut Ram,
                    va: VirtAddr,
                    value: $type,
                    mode: Mode,
                ) -> Result<(), PageFault> {
                    let (access, bytes) = (Access::write(mode), value.to_le_bytes());
                    match self.hit_in_page::<{ size_of::<$type>() }>(ram, va, access) {
                        Some(phys) => ram.store(phys, bytes),
                        None => self.write_slowly(ram, va, access, bytes)?,
                    }
                    Ok(())
                }

                #[doc = concat!("Replaces a `", stringify!($type), "` and returns the old one.")]
                /// It is a single write access: what is read must be writable too.
                ///
                /// # Errors
                /// The page fault that the access raises; then `modify` is not called.
                #[inline]
                pub fn $read_modify_write(
                    &mut self,
                    ram: &mut Ram,
                    va: VirtAddr,
                    mode: Mode,
                    modify: impl FnOnce($type) -> $type,
                ) -> Result<$type, PageFault> {
                    let span = self.span::<{ size_of::<$type>() }>(ram, va, Access::write(mode))?;
                    let old = $type::from_le_bytes(load(ram, span));
                    store(ram, span, modify(old).to_le_bytes());
                    Ok(old)
                }
            )*
        }
    };
}

accesses! {
    u8: read_u8, write_u8, read_modify_write_u8;
    u16: read_u16, write_u16, read_modify_write_u16;
    u32: read_u32, write_u32, read_modify_write_u32;
}
