//! Faulting in pages before they are touched: for locked areas.

use super::memory::MmFault;
use super::pagetable::pte_present;
use super::vma::VmFlags;
use crate::abi::{MmId, PAGE_SIZE, TaskId, VirtAddr};
use crate::hw::{AccessKind, Pte};
use crate::kernel::Kernel;

impl Kernel {
    /// Brings the pages of `[start, end)`, which lie in one area, into memory, as writes if the
    /// area is writable. Failures are ignored.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `make_pages_present()` and `get_user_pages()`.
    pub(super) fn make_pages_present(&mut self, current: TaskId, mm: MmId, start: u32, end: u32) {
        let Some(vma) = self.mms[mm].find_vma(VirtAddr(start)).copied() else {
            return;
        };
        let access = if vma.has(VmFlags::WRITE) {
            AccessKind::Write
        } else if vma.has(VmFlags::READ) {
            AccessKind::Read
        } else {
            return;
        };
        for page in (start..end).step_by(PAGE_SIZE as usize) {
            // The mapping stands: a page that cannot be had now is asked for again when it is
            // touched.
            if !self.fault_in(current, mm, VirtAddr(page), access) {
                return;
            }
        }
    }

    /// Faults until the page can be accessed, as `follow_page()` sees it.
    fn fault_in(&mut self, current: TaskId, mm: MmId, addr: VirtAddr, access: AccessKind) -> bool {
        let write = access == AccessKind::Write;
        loop {
            let Some(vma) = self.mms[mm].find_vma(addr).copied() else {
                return false;
            };
            let pte = self.pte(mm, addr);
            // An untouched page needs no page table only to be read.
            let untouched = !write && vma.vm_file.is_none() && self.page_table(mm, addr).is_none();
            if untouched || (pte_present(pte) && (!write || pte.contains(Pte::RW))) {
                return true;
            }
            match self.handle_mm_fault(mm, &vma, addr, access) {
                MmFault::Minor => self.task_mut(current).min_flt += 1,
                MmFault::Major => self.task_mut(current).maj_flt += 1,
                MmFault::Sigbus | MmFault::Oom => return false,
            }
        }
    }
}
