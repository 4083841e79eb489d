//! `mprotect`: other rights for a range of memory. It changes areas and the entries of pages that
//! are mapped, and never makes a private page writable: that is left to the next write, which
//! copies the page or reuses it.

use super::area_search::page_align;
use super::pagetable::{Entries, entries_of, load_entries, pte_present, slots, store_entries};
use super::vma::{VmFlags, Vma};
use crate::abi::{Errno, MmId, PAGE_SHIFT, Prot, TaskId, VirtAddr};
use crate::hw::Pte;
use crate::kernel::Kernel;
use crate::kernel::syscall::{AreaRefusal, MapRefusal};

/// What `mprotect` leaves of an entry, `_PAGE_CHG_MASK`: the frame, accessed and dirty.
const PAGE_CHG_MASK: u32 = 0xffff_f060;

/// The entry with the rights of its page replaced.
///
/// Linux 2.6.12: `include/asm-i386/pgtable.h`, `pte_modify()`.
const fn pte_modify(pte: Pte, page_prot: u32) -> Pte {
    Pte(pte.0 & PAGE_CHG_MASK | page_prot)
}

/// The rights that an area has with these flags but may not have: their `VM_MAY*` bit is missing.
fn refused_rights(vm_flags: VmFlags) -> Prot {
    Prot::from_bits_truncate(vm_flags.bits() & !(vm_flags.bits() >> 4)) & Prot::RIGHTS
}

impl Kernel {
    /// Gives `[start, start + len)` the rights `prot`. If it fails in the middle, the areas below
    /// keep the new rights.
    ///
    /// Linux 2.6.12: `mm/mprotect.c`, `sys_mprotect()`.
    ///
    /// # Errors
    /// `EINVAL` for an unaligned start, unknown bits of `prot` or a wrong direction of growth;
    /// `ENOMEM` for a hole or a range that wraps, if an area cannot be split, and if the overcommit
    /// check refuses; `EACCES` if an area may not have the rights.
    pub(in crate::kernel) fn sys_mprotect(
        &mut self,
        current: TaskId,
        start: u32,
        len: u32,
        prot: u32,
    ) -> Result<u32, AreaRefusal> {
        let prot = Prot::from_bits_retain(prot);
        let growth = Prot::GROWSDOWN | Prot::GROWSUP;
        let (grows, prot) = (prot & growth, prot - growth);
        if grows == growth {
            return Err(AreaRefusal::GrowsBothWays);
        }
        if !VirtAddr(start).is_page_aligned() {
            return Err(MapRefusal::Unaligned.into());
        }
        if len == 0 {
            return Ok(0);
        }
        let end = start.wrapping_add(page_align(len));
        if end <= start {
            return Err(AreaRefusal::Wraps(Errno::ENOMEM));
        }
        let unknown = prot - (Prot::RIGHTS | Prot::SEM);
        if !unknown.is_empty() {
            return Err(AreaRefusal::UnknownProt(unknown));
        }
        let rights = self.vm_rights(current, prot);
        let mm = self.mm_id(current);
        let (vma, start) = self.first_to_protect(mm, start, end, grows)?;
        self.change_areas(mm, vma, (start, end), |kernel, vma, part| {
            let vm_flags = (vma.vm_flags - VmFlags::ACCESS) | rights;
            let refused = refused_rights(vm_flags);
            if !refused.is_empty() {
                return Err(AreaRefusal::RightsRefused(refused));
            }
            Ok(kernel.mprotect_fixup(mm, vma, part, vm_flags)?)
        })?;
        Ok(0)
    }

    /// The first area that is to change, and the address from which on it does.
    fn first_to_protect(
        &self,
        mm: MmId,
        start: u32,
        end: u32,
        grows: Prot,
    ) -> Result<(Vma, u32), AreaRefusal> {
        let hole = AreaRefusal::Hole(VirtAddr(start));
        let vma = *self.mms[mm].find_vma(VirtAddr(start)).ok_or(hole)?;
        if grows == Prot::GROWSDOWN {
            return match vma {
                _ if vma.vm_start >= end => Err(hole),
                _ if !vma.has(VmFlags::GROWSDOWN) => Err(AreaRefusal::DoesNotGrow),
                _ => Ok((vma, vma.vm_start)),
            };
        }
        match vma {
            _ if vma.vm_start > start => Err(hole),
            // No area of this machine grows upwards.
            _ if grows == Prot::GROWSUP => Err(AreaRefusal::DoesNotGrow),
            _ => Ok((vma, start)),
        }
    }

    /// Gives a part of an area other flags, and its pages the rights for them. Returns the area that
    /// the part is then in.
    ///
    /// Linux 2.6.12: `mm/mprotect.c`, `mprotect_fixup()`.
    fn mprotect_fixup(
        &mut self,
        mm: MmId,
        vma: &Vma,
        (start, end): (u32, u32),
        mut vm_flags: VmFlags,
    ) -> Result<Vma, MapRefusal> {
        if vm_flags == vma.vm_flags {
            return Ok(*vma);
        }
        let pages = (end - start) >> PAGE_SHIFT;
        let exempt = VmFlags::ACCOUNT | VmFlags::WRITE | VmFlags::SHARED;
        // Charged once: made read-only again it stays charged, because its pages may hold data.
        let charged = vm_flags.contains(VmFlags::WRITE) && !vma.vm_flags.intersects(exempt);
        if charged {
            self.vm_enough_memory(pages)?;
            vm_flags |= VmFlags::ACCOUNT;
        }
        let changed = self
            .vma_modify(mm, vma, (start, end), vm_flags)
            .inspect_err(|_| self.vm_unacct_memory(if charged { pages } else { 0 }))?;
        self.change_protection(mm, start, end, vm_flags.page_prot());
        let space = &mut self.mms[mm];
        space.vm_stat_account(vma, -(pages as i32));
        space.vm_stat_account(&changed, pages as i32);
        Ok(changed)
    }

    /// Replaces the rights in the entries of a range. Entries that are not present keep what they
    /// are. The flush comes even if no entry was there.
    ///
    /// Linux 2.6.12: `mm/mprotect.c`, `change_protection()`.
    fn change_protection(&mut self, mm: MmId, start: u32, end: u32, page_prot: u32) {
        for range in slots(start, end) {
            let Some(table) = self.page_table(mm, VirtAddr(range.start)) else {
                continue;
            };
            let mut buffer: Entries = [0; 1024];
            let places = entries_of(&range);
            let first = places.start;
            let entries = load_entries(&self.ram, table, places, &mut buffer);
            for entry in entries.iter_mut().filter(|entry| pte_present(Pte(**entry))) {
                *entry = pte_modify(Pte(*entry), page_prot).0;
            }
            store_entries(&mut self.ram, table, first, entries);
        }
        self.flush_tlb_mm(mm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `include/asm-i386/pgtable.h`, `pte_modify()`.
    #[test]
    fn only_the_rights_of_an_entry_change() {
        let (none, private, shared) = (0x0a0, 0x025, 0x027);
        for (before, prot, after) in [
            (0x0123_4067, private, 0x0123_4065),
            (0x0123_4065, private, 0x0123_4065),
            (0x0123_4067, none, 0x0123_40e0),
            (0x0123_40e0, private, 0x0123_4065),
            (0x0123_40a0, private, 0x0123_4025),
            (0x0123_4065, shared, 0x0123_4067),
            (0x0123_4005, private, 0x0123_4025),
        ] {
            let pte = pte_modify(Pte(before), prot);
            assert_eq!(pte, Pte(after), "{before:#x} with {prot:#x}");
        }
    }

    #[test]
    fn a_right_needs_its_may_bit() {
        let all = VmFlags::DATA | VmFlags::EXEC;
        assert_eq!(refused_rights(all), Prot::empty());
        assert_eq!(refused_rights(all - VmFlags::MAYWRITE), Prot::WRITE);
        let none = VmFlags::ACCESS | VmFlags::SHARED | VmFlags::MAYSHARE;
        assert_eq!(refused_rights(none), Prot::RIGHTS);
    }
}
