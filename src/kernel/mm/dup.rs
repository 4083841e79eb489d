//! Copying an address space at fork: the areas and the page table entries, but not the pages.

use super::PageAllocator;
use super::mm_struct::Mm;
use super::pagetable::{
    Entries, counted_page, entries_of, load_entries, pte_none, slots, store_entries,
};
use super::swap_entry::SwapEntry;
use super::swapfile::SwapInfo;
use super::vma::{VmFlags, Vma};
use crate::abi::{MmId, PAGE_SIZE, Pfn, VirtAddr};
use crate::hw::{Pte, pte_phys};
use crate::kernel::Kernel;
use crate::kernel::rules::{Among, Fact};
use crate::trace::{Choice, Decision, FrameUse, NoMemory, RuleWord, TraceEvent};
use std::ops::Range;

/// What fork makes of a page table entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PteCopy {
    /// The parent's entry afterwards.
    pub parent: Pte,
    /// The child's entry.
    pub child: Pte,
}

/// What fork makes of an entry that maps a reference-counted page: pages of private areas are
/// write-protected on both sides, those of shared areas are clean in the child.
///
/// Linux 2.6.12: `mm/memory.c`, `copy_one_pte()`. All other entries are copied as they are.
#[inline]
pub(super) fn copy_one_pte(pte: Pte, vm_flags: VmFlags) -> PteCopy {
    let parent = if vm_flags.is_cow() {
        pte.without(Pte::RW)
    } else {
        pte
    };
    let dirty = if vm_flags.contains(VmFlags::SHARED) {
        Pte::DIRTY
    } else {
        0
    };
    PteCopy {
        parent,
        child: parent.without(Pte::ACCESSED | dirty),
    }
}

/// What a fork has copied so far.
#[derive(Default)]
struct Copied {
    /// Page table entries.
    ptes: u32,
    /// Frames allocated for copies of pages.
    frames: u32,
    /// Entries that map reference-counted pages, and so count towards the child's `rss`.
    rss: u32,
    /// Those of them that map anonymous pages.
    anon_rss: u32,
}

/// Where to copy from and to.
#[derive(Clone, Copy)]
struct Tables {
    parent: Pfn,
    child: Pfn,
}

impl Kernel {
    /// A copy of an address space, with one user.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, the second half of `copy_mm()`, and `mm_init()`.
    ///
    /// # Errors
    /// No memory; what was built so far is freed again.
    pub(in crate::kernel) fn dup_mm(&mut self, old: MmId) -> Result<MmId, NoMemory> {
        let pgd = self.pgd_alloc()?;
        let space = &mut self.mms[old];
        // Everything is copied at once except the areas, which are copied one by one.
        let vmas = std::mem::take(&mut space.vmas);
        let like_old = space.clone();
        space.vmas = vmas;
        let copy = Mm {
            mm_users: 1,
            mm_count: 1,
            pgd,
            rss: 0,
            rss_surplus: 0,
            anon_rss: 0,
            nr_ptes: 0,
            locked_vm: 0,
            def_flags: VmFlags::empty(),
            free_area_cache: like_old.mmap_base,
            cpu_vm_mask: 0,
            core: None,
            ..like_old
        };
        // `..like_old` has copied the id of the program, not its reference.
        if let Some(exe) = copy.exe {
            self.iget(exe);
        }
        let new = self.mms.insert(copy);
        let mut copied = Copied::default();
        let result = self.dup_mmap(new, old, &mut copied);
        // After a failure, too: entries of the parent are write-protected by then, and no
        // translation may allow more than its entry.
        if self.config.fork_flushes_tlb {
            self.flush_tlb_mm(old);
        }
        self.stat.ptes_copied += u64::from(copied.ptes);
        self.stat.frames_copied += u64::from(copied.frames);
        if let Err(why) = result {
            self.mmput(new);
            return Err(why);
        }
        self.trace_current(TraceEvent::CopyMm {
            ptes: copied.ptes,
            frames: copied.frames,
        });
        self.observe_copy_mm(copied.ptes, copied.frames);
        Ok(new)
    }

    /// Linux 2.6.12: `kernel/fork.c`, `dup_mmap()`. The caller flushes the parent's translations,
    /// also after a failure.
    fn dup_mmap(&mut self, new: MmId, old: MmId, copied: &mut Copied) -> Result<(), NoMemory> {
        // The parent's areas stay in their tree, in which reclaim has to find them.
        let mut next = VirtAddr(0);
        while let Some(vma) = self.mms[old].find_vma(next).copied() {
            next = VirtAddr(vma.vm_end);
            let pages = vma.pages();
            if vma.has(VmFlags::DONTCOPY) {
                // `total_vm` keeps these pages, as in 2.6.12.
                self.mms[new].vm_stat_account(&vma, -(pages as i32));
                continue;
            }
            let accounted = if vma.has(VmFlags::ACCOUNT) { pages } else { 0 };
            self.account_new_vma(accounted)?;
            // A child inherits no locks: it has to ask for them within its own limit.
            let mut copy = Vma {
                vm_flags: vma.vm_flags - VmFlags::LOCKED,
                ..vma
            };
            self.open_vma(new, &mut copy);
            // The area is in the tree before its pages are copied, and what was copied is counted
            // even if the copy stops half-way: then `mmput` finds it all and takes it back.
            self.mms[new].insert_vma(copy);
            let before = (copied.rss, copied.anon_rss);
            let result = self.copy_page_range(new, old, &mut copy, copied);
            let space = &mut self.mms[new];
            space.rss += copied.rss - before.0;
            space.anon_rss += copied.anon_rss - before.1;
            result?;
        }
        Ok(())
    }

    /// Linux 2.6.12: `mm/memory.c`, `copy_page_range()`. A part of the area whose page table the
    /// parent has gets one in the child too, even if it is empty.
    fn copy_page_range(
        &mut self,
        new: MmId,
        old: MmId,
        vma: &mut Vma,
        copied: &mut Copied,
    ) -> Result<(), NoMemory> {
        for range in slots(vma.vm_start, vma.vm_end) {
            let addr = VirtAddr(range.start);
            let Some(parent) = self.page_table(old, addr) else {
                continue;
            };
            let child = self.pte_alloc(new, addr)?;
            let tables = Tables { parent, child };
            if vma.vm_flags.is_cow() && self.sched.rules.has(Decision::CopyOnePte) {
                self.copy_by_rule(new, tables, &range, vma, copied)?;
            } else if self.config.cow || !vma.vm_flags.is_cow() {
                self.copy_pte_range(tables, &range, vma.vm_flags, copied);
            } else {
                self.copy_pages(new, tables, &range, vma, copied)?;
            }
        }
        Ok(())
    }

    /// Linux 2.6.12: `mm/memory.c`, `copy_pte_range()`.
    fn copy_pte_range(
        &mut self,
        tables: Tables,
        range: &Range<u32>,
        vm_flags: VmFlags,
        copied: &mut Copied,
    ) {
        let mut buffer: Entries = [0; 1024];
        let mut child: Entries = [0; 1024];
        let places = entries_of(range);
        let first = places.start;
        let entries = load_entries(&self.ram, tables.parent, places, &mut buffer);
        let child = &mut child[..entries.len()];
        let mut protected = false;
        for (entry, child) in entries.iter_mut().zip(child.iter_mut()) {
            if pte_none(Pte(*entry)) {
                continue;
            }
            let copy = match SwapEntry::of_pte(Pte(*entry)) {
                Some(slot) => share_slot(&mut self.swap, slot, copied),
                None => share_page(&mut self.mem, Pte(*entry), vm_flags, copied),
            };
            protected |= copy.parent.0 != *entry;
            *entry = copy.parent.0;
            *child = copy.child.0;
        }
        store_entries(&mut self.ram, tables.child, first, child);
        if protected {
            store_entries(&mut self.ram, tables.parent, first, entries);
        }
    }

    /// The historical fork, for comparison: every private page is copied at once, and no entry is
    /// write-protected.
    fn copy_pages(
        &mut self,
        new: MmId,
        tables: Tables,
        range: &Range<u32>,
        vma: &mut Vma,
        copied: &mut Copied,
    ) -> Result<(), NoMemory> {
        for addr in range.clone().step_by(PAGE_SIZE as usize).map(VirtAddr) {
            // Read anew each time: to find a frame, reclaim may have changed the next entry.
            let mut pte = Pte(self.ram.read_u32(pte_phys(tables.parent, addr)));
            if let Some(slot) = SwapEntry::of_pte(pte) {
                // A slot can have several owners, and whoever reads it gets a page of its own.
                self.swap.swap_duplicate(slot);
            } else if let Some(page) = counted_page(&self.mem, pte).filter(|_| !pte_none(pte)) {
                pte = self.copy_page(new, (pte, page), vma, addr)?;
                copied.frames += 1;
            }
            if pte_none(pte) {
                continue;
            }
            copied.ptes += 1;
            self.set_pte(tables.child, addr, pte);
        }
        Ok(())
    }

    /// A copy of a page for the child: the entry that maps it.
    fn copy_page(
        &mut self,
        new: MmId,
        (pte, page): (Pte, Pfn),
        vma: &mut Vma,
        addr: VirtAddr,
    ) -> Result<Pte, NoMemory> {
        self.anon_vma_prepare(new, vma)?;
        self.mem.get_page(page);
        let own = self.alloc_frame(0, FrameUse::User);
        self.mem.put_page_of_many(page);
        let own = own?;
        self.ram.copy_frame(page, own);
        self.lru_cache_add_active(own);
        self.page_add_anon_rmap(new, vma, addr, own);
        self.mms[new].rss += 1;
        Ok(Pte::new(own, pte.without(Pte::ACCESSED).flags()))
    }

    /// A fork whose rule says of each private page whether it is shared or copied.
    fn copy_by_rule(
        &mut self,
        new: MmId,
        tables: Tables,
        range: &Range<u32>,
        vma: &mut Vma,
        copied: &mut Copied,
    ) -> Result<(), NoMemory> {
        for addr in range.clone().step_by(PAGE_SIZE as usize).map(VirtAddr) {
            let pte = Pte(self.ram.read_u32(pte_phys(tables.parent, addr)));
            if pte_none(pte) {
                continue;
            }
            let copy = match (SwapEntry::of_pte(pte), counted_page(&self.mem, pte)) {
                (Some(slot), _) => share_slot(&mut self.swap, slot, copied),
                (None, Some(page)) if self.rule_copies(vma, addr, (pte, page)) => {
                    let child = self.copy_page(new, (pte, page), vma, addr)?;
                    copied.ptes += 1;
                    copied.frames += 1;
                    PteCopy { parent: pte, child }
                }
                _ => share_page(&mut self.mem, pte, vma.vm_flags, copied),
            };
            self.set_pte(tables.child, addr, copy.child);
            if copy.parent != pte {
                self.set_pte(tables.parent, addr, copy.parent);
            }
        }
        Ok(())
    }

    /// Whether a rule wants this private page copied at once.
    fn rule_copies(&mut self, vma: &Vma, addr: VirtAddr, (pte, page): (Pte, Pfn)) -> bool {
        let stock = if self.config.cow {
            RuleWord::Share
        } else {
            RuleWord::Copy
        };
        let mapped = self.mem.page(page);
        let (anonymous, count) = (mapped.is_anon(), mapped.page_count());
        let has = |flag| Fact::Flag(pte.0 & flag != 0);
        let may = |flag| Fact::Flag(vma.has(flag));
        let facts = vec![
            ("address", Fact::Int(addr.0.into())),
            ("vm_start", Fact::Int(vma.vm_start.into())),
            ("vm_end", Fact::Int(vma.vm_end.into())),
            ("vm_write", may(VmFlags::WRITE)),
            ("vm_exec", may(VmFlags::EXEC)),
            ("vm_growsdown", may(VmFlags::GROWSDOWN)),
            ("pte_dirty", has(Pte::DIRTY)),
            ("pte_young", has(Pte::ACCESSED)),
            ("pte_write", has(Pte::RW)),
            ("anon", Fact::Flag(anonymous)),
            ("page_count", Fact::Int(i64::from(count))),
        ];
        let current = self.current();
        let choices = Among::Words(&[RuleWord::Share, RuleWord::Copy]);
        let stock = Choice::Word(stock);
        self.decide(current, Decision::CopyOnePte, facts, (stock, choices))
            == Choice::Word(RuleWord::Copy)
    }
}

/// Lets the child share a swap slot.
fn share_slot(swap: &mut SwapInfo, slot: SwapEntry, copied: &mut Copied) -> PteCopy {
    copied.ptes += 1;
    swap.swap_duplicate(slot);
    let same = slot.pte();
    PteCopy {
        parent: same,
        child: same,
    }
}

/// Lets the child share the page of an entry.
#[inline]
fn share_page(
    mem: &mut PageAllocator,
    pte: Pte,
    vm_flags: VmFlags,
    copied: &mut Copied,
) -> PteCopy {
    copied.ptes += 1;
    let Some(pfn) = counted_page(mem, pte) else {
        return PteCopy {
            parent: pte,
            child: pte,
        };
    };
    mem.get_page(pfn);
    mem.page_dup_rmap(pfn);
    let page = mem.page(pfn);
    copied.rss += 1;
    copied.anon_rss += u32::from(page.is_anon());
    copy_one_pte(pte, vm_flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fork_makes_of_entries() {
        let private = VmFlags::DATA;
        let read_only = private - VmFlags::WRITE;
        let shared = private | VmFlags::SHARED | VmFlags::MAYSHARE;
        let shared_file_opened_for_reading = (read_only - VmFlags::MAYWRITE) | VmFlags::MAYSHARE;
        for (name, flags, before, parent, child) in [
            ("dirty private", private, 0x067, 0x065, 0x045),
            ("private, protected before", private, 0x065, 0x065, 0x045),
            ("private, no access", private, 0x0e0, 0x0e0, 0x0c0),
            ("private and read-only now", read_only, 0x067, 0x065, 0x045),
            ("shared, dirty", shared, 0x067, 0x067, 0x007),
            ("shared, clean", shared, 0x027, 0x027, 0x007),
            (
                "shared, never writable",
                shared_file_opened_for_reading,
                0x065,
                0x065,
                0x045,
            ),
        ] {
            let copy = copy_one_pte(Pte(before), flags);
            assert_eq!((copy.parent.0, copy.child.0), (parent, child), "{name}");
        }
    }
}
