//! Pages of user memory that the kernel itself needs: to lock them, to hold them while a device
//! reads or writes them, and to look into the memory of a traced task. No access is made, so no
//! fault is taken: the kernel looks the page up in the page table, and handles the fault that an
//! access would take if it finds none.

use super::memory::MmFault;
use super::pagetable::pte_present;
use super::vma::{VmFlags, Vma};
use crate::abi::{MmId, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::{AccessKind, Pte, walk};
use crate::kernel::Kernel;
use crate::kernel::syscall::NotPresent;

/// The page at the kernel's entry point (vsyscall), mapped in every address space.
const GATE_PAGE: VirtAddr = VirtAddr(0xffff_e000);

/// Which rights of an area an access needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Force {
    /// The rights that it has.
    No,
    /// Those that it may be given (`VM_MAY*`): debuggers write to read-only text.
    Yes,
}

impl Force {
    /// The rights of which an area needs one.
    const fn needed(self, write: bool) -> VmFlags {
        match (self, write) {
            (Self::No, false) => VmFlags::READ,
            (Self::No, true) => VmFlags::WRITE,
            (Self::Yes, false) => VmFlags::MAYREAD,
            (Self::Yes, true) => VmFlags::MAYWRITE,
        }
    }
}

/// Why there is no page for the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoPage {
    /// The address cannot be accessed that way, or lies beyond the end of the file: `-EFAULT`.
    Fault,
    /// No memory for the page: `-ENOMEM`.
    NoMemory,
}

impl Kernel {
    /// The frame behind an address, made present and, for a write, writable. Faults count for the
    /// task. A read where there is not even a page table finds the zero page and maps nothing.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `get_user_pages()`.
    ///
    /// # Errors
    /// There is no such page.
    pub(super) fn get_user_page(
        &mut self,
        task: TaskId,
        mm: MmId,
        addr: VirtAddr,
        (access, force): (AccessKind, Force),
    ) -> Result<Pfn, NoPage> {
        let write = access == AccessKind::Write;
        if addr.page_base() == GATE_PAGE {
            let cr4 = self.cpus[self.this_cpu].mmu.cr4;
            let gate = walk(&self.ram, self.mms[mm].pgd.phys(), cr4, addr).pfn();
            return gate.filter(|_| !write).ok_or(NoPage::Fault);
        }
        let needed = force.needed(write);
        let area = self.find_extend_vma(mm, addr);
        area.filter(|vma| vma.has(needed)).ok_or(NoPage::Fault)?;
        let mut need_writable = write;
        loop {
            if let Some(pfn) = self.follow_page(mm, addr, need_writable) {
                return Ok(pfn);
            }
            // Looked up again each time: the first fault may have given the area an `anon_vma`.
            let vma = self.mms[mm].find_vma(addr).copied().ok_or(NoPage::Fault)?;
            if !need_writable && self.is_untouched(mm, &vma, addr) {
                return Ok(self.mem.empty_zero_page());
            }
            match self.handle_mm_fault(mm, &vma, addr, access) {
                MmFault::Minor => self.task_mut(task).min_flt += 1,
                MmFault::Major => self.task_mut(task).maj_flt += 1,
                MmFault::Sigbus => return Err(NoPage::Fault),
                MmFault::Oom => return Err(NoPage::NoMemory),
            }
            // After a write fault the page is private, although its entry stays read-only in an
            // area without `VM_WRITE`: to wait for a writable entry would never end.
            need_writable = write && force == Force::No;
        }
    }

    /// Whether a page of anonymous memory is certain to be the zero page: it has no page table.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `untouched_anonymous_page()`.
    fn is_untouched(&self, mm: MmId, vma: &Vma, addr: VirtAddr) -> bool {
        vma.vm_file.is_none() && self.page_table(mm, addr).is_none()
    }

    /// The frame that is mapped at an address, if an access finds it so. The page is dirty if it is
    /// to be written, because the kernel writes past the page table.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `follow_page()`.
    fn follow_page(&mut self, mm: MmId, addr: VirtAddr, write: bool) -> Option<Pfn> {
        let pte = self.pte(mm, addr);
        if !pte_present(pte) || (write && !pte.contains(Pte::RW)) {
            return None;
        }
        let pfn = pte.pfn();
        if write && !pte.contains(Pte::DIRTY) {
            self.set_page_dirty(pfn);
        }
        self.mark_page_accessed(pfn);
        Some(pfn)
    }

    /// Brings the pages of `[start, end)`, which lie in one area, into memory, as writes if the
    /// area is writable: so none of them is shared copy on write afterwards.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `make_pages_present()`.
    ///
    /// # Errors
    /// The first page that there is not; those before it are present.
    pub(super) fn make_pages_present(
        &mut self,
        current: TaskId,
        mm: MmId,
        start: u32,
        end: u32,
    ) -> Result<(), NotPresent> {
        let Some(vma) = self.mms[mm].find_vma(VirtAddr(start)) else {
            return Ok(());
        };
        let access = if vma.has(VmFlags::WRITE) {
            AccessKind::Write
        } else {
            AccessKind::Read
        };
        for page in (start..end).step_by(PAGE_SIZE as usize) {
            self.get_user_page(current, mm, VirtAddr(page), (access, Force::No))
                .map_err(|why| match why {
                    _ if page != start => NotPresent::LaterPage,
                    NoPage::Fault => NotPresent::FirstPage,
                    NoPage::NoMemory => NotPresent::NoMemory,
                })?;
        }
        Ok(())
    }

    /// The area that contains an address. A stack above the address grows down to it, however far
    /// that is, within the limits of the caller; if it is locked, the new pages come at once.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `find_extend_vma()`.
    pub(in crate::kernel) fn find_extend_vma(&mut self, mm: MmId, addr: VirtAddr) -> Option<Vma> {
        let vma = *self.mms[mm].find_vma(addr)?;
        if vma.contains(addr) {
            return Some(vma);
        }
        if !vma.has(VmFlags::GROWSDOWN) {
            return None;
        }
        let current = self.current();
        self.expand_stack(current, mm, addr).ok()?;
        if vma.has(VmFlags::LOCKED) {
            let from = addr.page_base().0;
            // The stack has grown, whether or not its pages could be had.
            let _ = self.make_pages_present(current, mm, from, vma.vm_start);
        }
        self.mms[mm].find_vma(addr).copied()
    }
}
