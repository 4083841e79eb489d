//! Faulting in the pages of a new mapping before they are touched: `MAP_POPULATE`.

use super::memory::MmFault;
use super::pagetable::pte_none;
use super::vma::{VmFlags, Vma};
use crate::abi::{MmId, PAGE_SIZE, VirtAddr};
use crate::hw::AccessKind;
use crate::kernel::Kernel;

impl Kernel {
    /// Maps the pages of a new shared area; none of them is dirty then. An area that reaches beyond
    /// its object is skipped, and so are private areas.
    ///
    /// Linux 2.6.12: `mm/fremap.c`, `sys_remap_file_pages()`, and `mm/shmem.c`, `shmem_populate()`.
    pub(super) fn populate_shared(&mut self, mm: MmId, vma: &Vma) {
        if !vma.has(VmFlags::SHARED) || vma.vm_pgoff != 0 {
            return;
        }
        for page in (vma.vm_start..vma.vm_end).step_by(PAGE_SIZE as usize) {
            let addr = VirtAddr(page);
            let absent = pte_none(self.pte(mm, addr));
            if absent && self.handle_mm_fault(mm, vma, addr, AccessKind::Read) != MmFault::Minor {
                return;
            }
        }
    }
}
