//! Reading and changing another task's memory, as a debugger does: with the rights that the areas
//! could be given (`VM_MAY*`), not with those they have.

use super::memory::MmFault;
use super::pagetable::pte_present;
use super::vma::{VmFlags, Vma};
use crate::abi::{MmId, PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::{AccessKind, Pte, walk};
use crate::kernel::Kernel;

/// The page at the kernel's entry point (vsyscall), mapped in every address space.
const GATE_PAGE: VirtAddr = VirtAddr(0xffff_e000);

impl Kernel {
    /// Reads from another task's memory, page by page; returns how many bytes could be read.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `access_process_vm()`.
    pub(in crate::kernel) fn read_process_vm(
        &mut self,
        task: TaskId,
        addr: VirtAddr,
        bytes: &mut [u8],
    ) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = VirtAddr(addr.0.wrapping_add(done as u32));
            let Some(pfn) = self.get_user_page(task, at, AccessKind::Read) else {
                break;
            };
            let (from, len) = piece(at, bytes.len() - done);
            let frame = self.ram.frame(pfn);
            bytes[done..done + len].copy_from_slice(&frame[from..from + len]);
            done += len;
        }
        done
    }

    /// Writes to another task's memory. A page that the task may only read is copied for it first.
    ///
    /// Linux 2.6.12: `kernel/ptrace.c`, `access_process_vm()`.
    pub(in crate::kernel) fn write_process_vm(
        &mut self,
        task: TaskId,
        addr: VirtAddr,
        bytes: &[u8],
    ) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = VirtAddr(addr.0.wrapping_add(done as u32));
            let Some(pfn) = self.get_user_page(task, at, AccessKind::Write) else {
                break;
            };
            let (from, len) = piece(at, bytes.len() - done);
            let frame = self.ram.frame_mut(pfn);
            frame[from..from + len].copy_from_slice(&bytes[done..done + len]);
            done += len;
        }
        done
    }

    /// The frame behind an address of a task, made present and, for a write, private to the task. A
    /// read where there is not even a page table finds the zero page and maps nothing.
    ///
    /// Linux 2.6.12: `mm/memory.c`, `get_user_pages()` with `force`, `untouched_anonymous_page()`.
    fn get_user_page(&mut self, task: TaskId, addr: VirtAddr, access: AccessKind) -> Option<Pfn> {
        let write = access == AccessKind::Write;
        let mm = self.task(task).mm()?;
        if addr.page_base() == GATE_PAGE {
            let cr4 = self.cpus[self.this_cpu].mmu.cr4;
            let gate = walk(&self.ram, self.mms[mm].pgd.phys(), cr4, addr).pfn();
            return gate.filter(|_| !write);
        }
        let vma = self.find_extend_vma(mm, addr)?;
        let needed = if write {
            VmFlags::MAYWRITE
        } else {
            VmFlags::MAYREAD
        };
        if !vma.has(needed) {
            return None;
        }
        if !write && vma.vm_file.is_none() && self.page_table(mm, addr).is_none() {
            return Some(self.mem.empty_zero_page());
        }
        let pte = self.pte(mm, addr);
        if pte_present(pte) && (!write || pte.contains(Pte::RW)) {
            self.mem.mark_page_accessed(pte.pfn());
            return Some(pte.pfn());
        }
        // Once is enough, although the entry of an area without `VM_WRITE` stays read-only: after a
        // write fault the page is private. To wait for a writable entry would never end.
        match self.handle_mm_fault(mm, &vma, addr, access) {
            MmFault::Minor => self.task_mut(task).min_flt += 1,
            MmFault::Major => self.task_mut(task).maj_flt += 1,
            MmFault::Sigbus | MmFault::Oom => return None,
        }
        Some(self.pte(mm, addr).pfn())
    }

    /// The area that contains an address. A stack above the address grows down to it, however far
    /// that is, within the limits of the caller.
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
        self.mms[mm].find_vma(addr).copied()
    }
}

/// The offset of an address in its page, and how many of `left` bytes lie in that page.
fn piece(at: VirtAddr, left: usize) -> (usize, usize) {
    let from = at.page_offset() as usize;
    (from, left.min(PAGE_SIZE as usize - from))
}
