//! `brk`: moves the end of the heap.

use super::area_search::page_align;
use super::merge::{MAX_MAP_COUNT, Merge};
use super::vma::{VmFlags, Vma};
use crate::abi::{
    Errno, MmId, PAGE_SHIFT, PAGE_SIZE, Prot, RLIM_INFINITY, Resource, TASK_SIZE, TaskId,
};
use crate::kernel::Kernel;

impl Kernel {
    /// Moves the end of the heap and returns its new value, or the old one if the call was refused.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `sys_brk()`.
    pub(in crate::kernel) fn sys_brk(&mut self, current: TaskId, brk: u32) -> u32 {
        let mm = self.mm_id(current);
        if self.set_brk(current, mm, brk).is_ok() {
            self.mms[mm].brk = brk;
        }
        self.mms[mm].brk
    }

    /// Maps or unmaps the range between the old and the new end.
    fn set_brk(&mut self, current: TaskId, mm: MmId, brk: u32) -> Result<(), Errno> {
        let space = &self.mms[mm];
        let (old, new) = (page_align(space.brk), page_align(brk));
        if brk < space.end_code {
            return Err(Errno::EINVAL);
        }
        if old == new {
            return Ok(());
        }
        // Returning memory comes before the checks of limits, which must not forbid it.
        if brk <= space.brk {
            return Ok(self.do_munmap(mm, new, old - new)?);
        }
        let limit = self.rlimit(current, Resource::Data);
        if limit < RLIM_INFINITY && brk - space.start_data > limit {
            return Err(Errno::ENOMEM);
        }
        // One page between the heap and the next area stays free.
        if space.intersects(old, new.wrapping_add(PAGE_SIZE)) {
            return Err(Errno::ENOMEM);
        }
        self.do_brk(current, mm, old, new.wrapping_sub(old))
    }

    /// Maps `len` bytes of anonymous memory in place of what is there.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `do_brk()`.
    pub(super) fn do_brk(
        &mut self,
        current: TaskId,
        mm: MmId,
        addr: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let end = addr
            .checked_add(len)
            .filter(|end| *end <= TASK_SIZE)
            .ok_or(Errno::EINVAL)?;
        let def_flags = self.mms[mm].def_flags;
        if def_flags.contains(VmFlags::LOCKED) && !self.may_lock_more(current, mm, len) {
            return Err(Errno::EAGAIN);
        }
        if self.mms[mm].intersects(addr, end) {
            self.do_munmap(mm, addr, len)?;
        }
        let pages = len >> PAGE_SHIFT;
        self.check_address_space(current, mm, pages)?;
        if self.mms[mm].map_count() > MAX_MAP_COUNT {
            return Err(Errno::ENOMEM);
        }
        let rights = self.vm_rights(current, Prot::READ | Prot::WRITE);
        let vm_flags = rights | VmFlags::MAY_ACCESS | VmFlags::ACCOUNT | def_flags;
        let vma = Vma::anonymous(addr, end, vm_flags);
        match self.mms[mm].merge_verdict(&vma) {
            Merge::None => self.account_new_vma(pages)?,
            _ => self.vm_enough_memory(pages)?,
        }
        self.vma_merge_or_link(mm, vma);
        self.mms[mm].account(&vma, pages as i32);
        if vma.has(VmFlags::LOCKED) {
            // As in mmap: the heap has grown even if its pages cannot all be had.
            let _ = self.make_pages_present(current, mm, addr, end);
        }
        Ok(())
    }
}
