//! Looking at user memory as an access would find it, without making one: nothing is faulted in,
//! counted or traced.

use super::pagetable::pte_none;
use super::swap_entry::SwapEntry;
use super::vma::{VmFlags, Vma};
use super::{FilePage, pte_to_pgoff};
use crate::abi::{MmId, PAGE_SIZE, TASK_SIZE, VirtAddr};
use crate::hw::{Pte, walk};
use crate::kernel::Kernel;

impl Kernel {
    /// The bytes at an address, up to `len` of them; fewer if an access would fault behind them.
    pub fn peek_user(&self, mm: MmId, addr: VirtAddr, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let Some(at) = addr.0.checked_add(bytes.len() as u32) else {
                break;
            };
            let at = VirtAddr(at);
            let room = (PAGE_SIZE - at.page_offset()) as usize;
            let wanted = room.min(len - bytes.len());
            let Some(piece) = self.peek_in_page(mm, at, wanted) else {
                break;
            };
            bytes.extend(piece);
        }
        bytes
    }

    /// Bytes that lie in one page; `None` if an access to it would be answered with a signal.
    fn peek_in_page(&self, mm: MmId, at: VirtAddr, len: usize) -> Option<Vec<u8>> {
        let space = &self.mms[mm];
        let vma = space.find_vma(at)?;
        let rights = VmFlags::READ | VmFlags::WRITE | VmFlags::EXEC;
        if at.0 >= TASK_SIZE || at.0 < vma.vm_start || !vma.vm_flags.intersects(rights) {
            return None;
        }
        let pte = walk(&self.ram, space.pgd().phys(), self.cpus[0].mmu.cr4, at).pte;
        let offset = at.page_offset() as usize;
        let part = |page: &[u8]| Some(page[offset..offset + len].to_vec());
        match pte.unwrap_or(Pte(0)) {
            pte if pte.is_hw_present() => part(self.ram.frame(pte.pfn())),
            pte => match SwapEntry::of_pte(pte) {
                Some(entry) => part(self.swapped_bytes(entry)?),
                None => self.peek_absent(vma, at, pte, len),
            },
        }
    }

    /// Bytes of a page that has never been touched, or is a page of a file.
    fn peek_absent(&self, vma: &Vma, at: VirtAddr, pte: Pte, len: usize) -> Option<Vec<u8>> {
        if vma.vm_file.is_none() {
            return pte_none(pte).then(|| vec![0; len]);
        }
        let index = pte_to_pgoff(pte).unwrap_or_else(|| vma.linear_page_index(at));
        let offset = at.page_offset() as usize;
        match self.file_page_at(vma, index) {
            FilePage::Cached(pfn) => Some(self.ram.frame(pfn)[offset..offset + len].to_vec()),
            FilePage::Swapped { slot, .. } => {
                let page = self.swapped_bytes(slot)?;
                Some(page[offset..offset + len].to_vec())
            }
            FilePage::Uncached { inode, index } => {
                let from = index * PAGE_SIZE + at.page_offset();
                let mut bytes = self.file_bytes(inode, from, len as u32);
                // Behind the end of the file its last page is filled with zeros.
                bytes.resize(len, 0);
                Some(bytes)
            }
            FilePage::BeyondEnd => None,
        }
    }
}
