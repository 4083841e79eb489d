//! Handling page faults: the zero page, new pages, pages of files, and copy on write.

use super::alloc::{Page, PageFlags};
use super::file_pte::pte_to_pgoff;
use super::fremap::Populate;
use super::pagetable::pte_none;
use super::swap_cache::{can_share_swap_page, slot_of};
use super::swap_entry::SwapEntry;
use super::swapfile::SwapInfo;
use super::vma::{VmFlags, Vma};
use crate::abi::{MmId, Pfn, VirtAddr};
use crate::hw::{AccessKind, Pte, pte_phys};
use crate::kernel::Kernel;
use crate::kernel::syscall::FileRefusal;
use crate::trace::{FrameUse, NoMemory, TraceEvent};

/// How the handling of a fault ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MmFault {
    /// `VM_FAULT_OOM`: no frame was free.
    Oom,
    /// `VM_FAULT_SIGBUS`: the page lies beyond the end of the file.
    Sigbus,
    /// `VM_FAULT_MINOR`: handled without I/O.
    Minor,
    /// `VM_FAULT_MAJOR`: a page was read from a file.
    Major,
}

/// What a fault requires to be done to the page table entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PteFault {
    /// Never touched, read: map the zero page.
    AnonZero,
    /// Never touched, written: map a new zeroed page.
    AnonWrite,
    /// Page of a file or shared object: map the page from the page cache.
    FilePage,
    /// Private page of a file, written at once: map a copy.
    FileCopy,
    /// Page of a nonlinear mapping, which the entry names: map that page.
    Nonlinear {
        /// Its index in the file.
        index: u32,
    },
    /// In a swap slot: read it unless the swap cache has it, and map it.
    SwapIn {
        /// The slot.
        entry: SwapEntry,
    },
    /// Mapped read-only, written: copy it, or make it writable.
    WriteProtect,
    /// Written, but writable by now: another CPU handled the fault first.
    SpuriousWrite,
    /// Read, but present by now.
    SpuriousRead,
}

/// What to do about an entry, once the area is known to permit the access.
///
/// Linux 2.6.12: `mm/memory.c`, `handle_pte_fault()`, `do_file_page()` and `do_no_page()`.
pub fn pte_fault_verdict(pte: Pte, access: AccessKind, vma: &Vma) -> PteFault {
    if let Some(entry) = SwapEntry::of_pte(pte) {
        return PteFault::SwapIn { entry };
    }
    let private = !vma.has(VmFlags::SHARED);
    if let Some(index) = pte_to_pgoff(pte) {
        return match access {
            // A private write forgets what the entry names.
            AccessKind::Write if private => PteFault::FileCopy,
            _ => PteFault::Nonlinear { index },
        };
    }
    match (pte_none(pte), access == AccessKind::Write) {
        (true, false) if vma.vm_file.is_none() => PteFault::AnonZero,
        (true, true) if vma.vm_file.is_none() => PteFault::AnonWrite,
        (true, true) if private => PteFault::FileCopy,
        (true, _) => PteFault::FilePage,
        (false, false) => PteFault::SpuriousRead,
        (false, true) if pte.contains(Pte::RW) => PteFault::SpuriousWrite,
        (false, true) => PteFault::WriteProtect,
    }
}

/// What a write to a read-only page leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WpVerdict {
    /// The page has no other user: make it writable.
    Reuse,
    /// Copy the page and write to the copy.
    Copy {
        /// Why the page cannot be reused.
        why: WpWhy,
    },
}

/// Why a page is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WpWhy {
    /// It has other users: page table entries, the page cache, or I/O.
    Shared {
        /// `page_count`, this user included.
        count: i32,
    },
    /// Only one entry maps it, but its swap slot has other owners.
    SwapShared {
        /// The slot.
        entry: SwapEntry,
        /// `swap_map`: owners of the slot, the swap cache included.
        owners: u16,
    },
    /// It is the zero page, which all tasks share.
    ZeroPage,
    /// It belongs to the kernel.
    Reserved,
}

impl WpWhy {
    /// Whether the users of the page are counted.
    const fn is_counted(self) -> bool {
        matches!(self, Self::Shared { .. } | Self::SwapShared { .. })
    }
}

/// Whether a write may reuse the page itself. Only the number of users matters, not who they are
/// nor whether the page is anonymous. The swap cache is no user if nobody else owns the slot.
///
/// Linux 2.6.12: `mm/swapfile.c`, `can_share_swap_page()`.
pub fn wp_verdict(page: &Page, is_zero_page: bool, swap: &SwapInfo) -> WpVerdict {
    if can_share_swap_page(page, swap) && !is_zero_page {
        return WpVerdict::Reuse;
    }
    let why = if is_zero_page {
        WpWhy::ZeroPage
    } else if page.is_reserved() {
        WpWhy::Reserved
    } else if let (2, Some(entry)) = (page.page_count(), slot_of(page)) {
        let owners = swap.count(entry);
        WpWhy::SwapShared { entry, owners }
    } else {
        WpWhy::Shared {
            count: page.page_count(),
        }
    };
    WpVerdict::Copy { why }
}

/// The entry for a page written in an area: dirty, and writable if the area is.
///
/// Linux 2.6.12: `mm/memory.c`, `maybe_mkwrite()` of a dirty entry.
const fn written_pte(pfn: Pfn, vma: &Vma) -> Pte {
    let pte = Pte::new(pfn, vma.page_prot).with(Pte::DIRTY);
    if vma.has(VmFlags::WRITE) {
        pte.with(Pte::RW)
    } else {
        pte
    }
}

/// Where a fault happened: area, page, and the page table that holds the entry.
pub(super) struct Spot {
    pub(super) mm: MmId,
    pub(super) vma: Vma,
    pub(super) addr: VirtAddr,
    /// The very address that was accessed.
    pub(super) accessed: VirtAddr,
    pub(super) table: Pfn,
}

impl Spot {
    /// The entry for a page that is written here.
    pub(super) const fn written_pte(&self, pfn: Pfn) -> Pte {
        written_pte(pfn, &self.vma)
    }
}

impl Kernel {
    /// Makes the page at an address present, or writable, in an area that permits the access.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `handle_mm_fault()`.
    pub(super) fn handle_mm_fault(
        &mut self,
        mm: MmId,
        vma: &Vma,
        addr: VirtAddr,
        access: AccessKind,
    ) -> MmFault {
        self.mem.page_state_mut().pgfault += 1;
        // The page table stays even if there is no frame for the page: the fault may come again,
        // and `exit_mmap` frees it.
        let Ok(table) = self.pte_alloc(mm, addr) else {
            return MmFault::Oom;
        };
        let pte = Pte(self.ram.read_u32(pte_phys(table, addr)));
        // Lent to whatever handles the fault: moving it would copy the area once more.
        let mut spot = Spot {
            mm,
            vma: *vma,
            addr: addr.page_base(),
            accessed: addr,
            table,
        };
        match pte_fault_verdict(pte, access, vma) {
            PteFault::AnonZero => self.map_zero_page(&spot),
            PteFault::AnonWrite => self.do_anonymous_page(&mut spot),
            PteFault::FilePage => self.map_file_page(&spot, access),
            PteFault::FileCopy => self.copy_file_page(&mut spot),
            PteFault::Nonlinear { index } => self.do_file_page(&spot, index),
            PteFault::SwapIn { entry } => self.do_swap_page(&mut spot, pte, entry, access),
            PteFault::WriteProtect => self.do_wp_page(&mut spot, pte),
            PteFault::SpuriousWrite => {
                self.ptep_establish(&spot, pte.with(Pte::DIRTY | Pte::ACCESSED))
            }
            PteFault::SpuriousRead => MmFault::Minor,
        }
    }

    /// The read half of `mm/memory.c`, `do_anonymous_page()`.
    fn map_zero_page(&mut self, spot: &Spot) -> MmFault {
        // An entry that was not present is in no TLB, so that nothing has to be flushed here or in
        // the other ways of filling an empty entry.
        let zero = Pte::new(self.mem.empty_zero_page(), spot.vma.page_prot).without(Pte::RW);
        self.set_pte(spot.table, spot.addr, zero);
        self.stat.zero_maps += 1;
        self.trace_current(TraceEvent::ZeroPageMap { addr: spot.addr });
        MmFault::Minor
    }

    /// The write half of `mm/memory.c`, `do_anonymous_page()`.
    fn do_anonymous_page(&mut self, spot: &mut Spot) -> MmFault {
        let Ok(pfn) = self.frame_for_anon(spot) else {
            return MmFault::Oom;
        };
        // The frame still holds what its last user wrote. It must be gone before the entry exists.
        self.ram.zero_frame(pfn);
        self.mms[spot.mm].rss += 1;
        self.lru_cache_add_active(pfn);
        self.mem.page_mut(pfn).test_and_set(PageFlags::REFERENCED);
        self.page_add_anon_rmap(spot.mm, &spot.vma, spot.addr, pfn);
        self.set_pte(spot.table, spot.addr, written_pte(pfn, &spot.vma));
        self.stat.anon_pages += 1;
        self.trace_current(TraceEvent::AnonPage {
            addr: spot.addr,
            pfn,
        });
        MmFault::Minor
    }

    /// Maps the page of a file or shared object.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `do_no_page()`.
    fn map_file_page(&mut self, spot: &Spot, access: AccessKind) -> MmFault {
        let (cached, result) = match self.nopage(&spot.vma, spot.addr) {
            Ok(found) => found,
            Err(failed) => return failed,
        };
        // The reference that `nopage` has taken is from now on that of the entry.
        self.mem.page_add_file_rmap(cached);
        let pte = match access {
            AccessKind::Write => written_pte(cached, &spot.vma),
            AccessKind::Read | AccessKind::Fetch => Pte::new(cached, spot.vma.page_prot),
        };
        self.enter_file_page(spot, cached, pte);
        result
    }

    /// Maps a private copy of the page of a file, which is written at once.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `do_no_page()`.
    fn copy_file_page(&mut self, spot: &mut Spot) -> MmFault {
        let (cached, result) = match self.nopage(&spot.vma, spot.addr) {
            Ok(found) => found,
            Err(failed) => return failed,
        };
        let own = self.frame_for_anon(spot);
        if let Ok(own) = own {
            self.ram.copy_frame(cached, own);
            self.lru_cache_add_active(own);
            self.page_add_anon_rmap(spot.mm, &spot.vma, spot.addr, own);
        }
        // The page cache keeps its page, whether or not there was memory for the copy.
        self.put_page(cached);
        let Ok(own) = own else { return MmFault::Oom };
        self.enter_file_page(spot, own, written_pte(own, &spot.vma));
        result
    }

    /// Maps the page that an entry names. The dirty bit is left to the access that follows.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `do_file_page()`.
    fn do_file_page(&mut self, spot: &Spot, index: u32) -> MmFault {
        let page = (spot.addr, 1);
        match self.populate(spot.mm, &spot.vma, page, index, Populate::Read) {
            Ok(()) => {}
            Err(FileRefusal::NoMemory) => return MmFault::Oom,
            Err(_) => return MmFault::Sigbus,
        }
        let pte = Pte(self.ram.read_u32(pte_phys(spot.table, spot.addr)));
        self.stat.file_pages += 1;
        self.trace_current(TraceEvent::FilePage {
            addr: spot.addr,
            pfn: pte.pfn(),
        });
        MmFault::Major
    }

    fn enter_file_page(&mut self, spot: &Spot, pfn: Pfn, pte: Pte) {
        self.mms[spot.mm].rss += 1;
        self.set_pte(spot.table, spot.addr, pte);
        self.stat.file_pages += 1;
        self.trace_current(TraceEvent::FilePage {
            addr: spot.addr,
            pfn,
        });
    }

    /// Handles a write to a page that is mapped read-only, in an area that permits writing.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `do_wp_page()`. It does not check whether the area is shared.
    pub(super) fn do_wp_page(&mut self, spot: &mut Spot, pte: Pte) -> MmFault {
        let old = pte.pfn();
        if let WpVerdict::Copy { why } = self.wp_verdict(old) {
            return self.copy_cow_page(spot, pte, why);
        }
        let rights = if spot.vma.has(VmFlags::WRITE) {
            Pte::RW
        } else {
            0
        };
        self.stat.cow_reuses += 1;
        self.trace_current(TraceEvent::CowReuse {
            addr: spot.addr,
            pfn: old,
        });
        self.ptep_establish(spot, pte.with(Pte::DIRTY | Pte::ACCESSED | rights))
    }

    /// The copying half of `do_wp_page()`, with `break_cow()`.
    fn copy_cow_page(&mut self, spot: &mut Spot, pte: Pte, why: WpWhy) -> MmFault {
        let old = pte.pfn();
        // All that can fail comes first: a write that finds no memory leaves the page shared as it
        // was. The reference keeps the page from being reclaimed for the sake of its own copy.
        let held = why.is_counted();
        if held {
            self.mem.get_page(old);
        }
        let new = self.frame_for_anon(spot);
        if held {
            self.mem.put_page_of_many(old);
        }
        let Ok(new) = new else { return MmFault::Oom };
        if self.ram.read_u32(pte_phys(spot.table, spot.addr)) != pte.0 {
            // Reclaim has looked at the entry meanwhile: the access is retried with it as it is now.
            self.put_page(new);
            return MmFault::Minor;
        }
        match why {
            WpWhy::ZeroPage => self.ram.zero_frame(new),
            WpWhy::Shared { .. } | WpWhy::SwapShared { .. } | WpWhy::Reserved => {
                self.ram.copy_frame(old, new);
            }
        }
        let is_anon = self.mem.page(old).is_anon();
        let space = &mut self.mms[spot.mm];
        if held {
            space.anon_rss -= u32::from(is_anon);
            self.mem.page_remove_rmap(old);
        } else {
            // These pages are not in `rss`, so that the copy is one page more; a shared one is
            // replaced.
            space.rss += 1;
        }
        let left = self.mem.page(old).page_mapcount() as u32;
        self.stat.cow_copies += 1;
        self.trace_current(TraceEvent::CowCopy {
            addr: spot.addr,
            old,
            new,
            left,
        });
        self.observe_copy(&spot.vma, spot.accessed, old, new);
        self.ptep_establish(spot, written_pte(new, &spot.vma));
        self.lru_cache_add_active(new);
        self.page_add_anon_rmap(spot.mm, &spot.vma, spot.addr, new);
        // Linux releases the old page last, because it may be its only user by now: no entry and no
        // translation may lead to a frame that is freed.
        self.put_page(old);
        MmFault::Minor
    }

    /// Allocates a frame for an anonymous page of an area, after giving the area an `anon_vma`.
    fn frame_for_anon(&mut self, spot: &mut Spot) -> Result<Pfn, NoMemory> {
        self.anon_vma_prepare(spot.mm, &mut spot.vma)?;
        self.alloc_frame(0, FrameUse::User)
    }

    /// Replaces an entry that a TLB may hold.
    ///
    /// Linux 2.6.12: `include/asm-generic/pgtable.h`, `ptep_establish()` and
    /// `ptep_set_access_flags()`.
    fn ptep_establish(&mut self, spot: &Spot, pte: Pte) -> MmFault {
        self.set_pte(spot.table, spot.addr, pte);
        self.flush_tlb_page(spot.mm, spot.addr);
        MmFault::Minor
    }
}

impl Kernel {
    /// What a write to a page mapped read-only leads to.
    pub fn wp_verdict(&self, pfn: Pfn) -> WpVerdict {
        let is_zero_page = pfn == self.mem.empty_zero_page();
        wp_verdict(self.mem.page(pfn), is_zero_page, &self.swap)
    }

    /// Whether an entry that is about to map a page may permit writing.
    pub(super) fn can_share(&self, pfn: Pfn) -> bool {
        can_share_swap_page(self.mem.page(pfn), &self.swap)
    }
}
