//! `madvise`: what a program expects to do with a range of memory. Most of it is advice for reading
//! ahead; `MADV_DONTNEED` is an order, which throws pages away.

use super::area_search::page_align;
use super::unmap::MmuGather;
use super::vma::{VmFlags, Vma};
use crate::abi::{
    Errno, MADV_DONTNEED, MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MmId,
    PAGE_SHIFT, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{AreaRefusal, MapRefusal};

impl Kernel {
    /// Takes advice about `[start, start + len)`, area by area in ascending order. Holes are
    /// skipped, and reported at the end.
    ///
    /// Linux 2.6.12: `mm/madvise.c`, `sys_madvise()`.
    ///
    /// # Errors
    /// `EINVAL` for an unaligned start, a range that wraps, unknown advice, and pages thrown away
    /// that are locked; `EBADF` for `MADV_WILLNEED` without a file; `EAGAIN` if an area cannot be
    /// split; `ENOMEM` for holes.
    pub(in crate::kernel) fn sys_madvise(
        &mut self,
        current: TaskId,
        start: u32,
        len: u32,
        advice: i32,
    ) -> Result<u32, AreaRefusal> {
        if !VirtAddr(start).is_page_aligned() {
            return Err(MapRefusal::Unaligned.into());
        }
        let end = start.wrapping_add(page_align(len));
        if (len != 0 && page_align(len) == 0) || end < start {
            return Err(AreaRefusal::Wraps(Errno::EINVAL));
        }
        let mm = self.mm_id(current);
        let (mut at, mut hole) = (start, None);
        // Length 0 is fine whatever the advice; from here on an empty rest is not looked for.
        while at < end {
            let area = self.mms[mm].find_vma(VirtAddr(at)).copied();
            let vma = area.ok_or(AreaRefusal::HoleSkipped(VirtAddr(at)))?;
            if at < vma.vm_start {
                hole = hole.or(Some(VirtAddr(at)));
                at = vma.vm_start;
            }
            let part = (at, vma.vm_end.min(end));
            if part.0 < part.1 {
                self.madvise_vma(mm, &vma, part, advice)?;
            }
            at = vma.vm_end;
        }
        match hole {
            Some(addr) => Err(AreaRefusal::HoleSkipped(addr)),
            None => Ok(0),
        }
    }

    /// Linux 2.6.12: `mm/madvise.c`, `madvise_vma()`.
    fn madvise_vma(
        &mut self,
        mm: MmId,
        vma: &Vma,
        (start, end): (u32, u32),
        advice: i32,
    ) -> Result<(), AreaRefusal> {
        match advice {
            MADV_NORMAL => self.set_read_hint(mm, vma, (start, end), VmFlags::empty()),
            MADV_RANDOM => self.set_read_hint(mm, vma, (start, end), VmFlags::RAND_READ),
            MADV_SEQUENTIAL => self.set_read_hint(mm, vma, (start, end), VmFlags::SEQ_READ),
            MADV_WILLNEED => self.madvise_willneed(vma, (start, end)),
            MADV_DONTNEED => self.madvise_dontneed(mm, vma, (start, end)),
            _ => Err(AreaRefusal::UnknownAdvice(advice)),
        }
    }

    /// Makes the range an area of its own with this hint. It is cut out even if it has the hint
    /// already, and never merged again.
    ///
    /// Linux 2.6.12: `mm/madvise.c`, `madvise_behavior()`.
    fn set_read_hint(
        &mut self,
        mm: MmId,
        vma: &Vma,
        (start, end): (u32, u32),
        hint: VmFlags,
    ) -> Result<(), AreaRefusal> {
        self.cut_out(mm, vma, start, end)
            .map_err(|_| AreaRefusal::NotNow)?;
        if let Some(part) = self.mms[mm].vmas.get_mut(&end) {
            let hints = VmFlags::SEQ_READ | VmFlags::RAND_READ;
            part.vm_flags = (part.vm_flags - hints) | hint;
        }
        Ok(())
    }

    /// Throws the pages away. Private data is lost; what a file or shared object holds comes back
    /// with the next access. Page tables stay.
    ///
    /// Linux 2.6.12: `mm/madvise.c`, `madvise_dontneed()`; `mm/memory.c`, `zap_page_range()`.
    fn madvise_dontneed(
        &mut self,
        mm: MmId,
        vma: &Vma,
        (vm_start, vm_end): (u32, u32),
    ) -> Result<(), AreaRefusal> {
        if vma.has(VmFlags::LOCKED) {
            return Err(AreaRefusal::Locked);
        }
        let part = Vma {
            vm_start,
            vm_end,
            vm_pgoff: vma.linear_page_index(VirtAddr(vm_start)),
            ..*vma
        };
        self.lru_add_drain();
        let mut tlb = MmuGather::new(self, mm);
        if vma.has(VmFlags::NONLINEAR) {
            // Entries that are not at their linear places keep the numbers of their pages.
            self.zap_nonlinear(&mut tlb, &part, 0);
        } else {
            // The pages stay charged: the area is as large as before.
            self.unmap_vmas(&mut tlb, &[part]);
        }
        self.tlb_finish_mmu(&mut tlb);
        Ok(())
    }

    /// Reads the part of a file that a range maps. Shared memory has nothing to read, and for lack of
    /// memory nothing is said.
    ///
    /// Linux 2.6.12: `mm/madvise.c`, `madvise_willneed()`.
    fn madvise_willneed(&mut self, vma: &Vma, (start, end): (u32, u32)) -> Result<(), AreaRefusal> {
        let file = vma.vm_file.ok_or(AreaRefusal::NoFile)?;
        let inode = self.open_files[file].inode();
        if self.inodes[inode].kind.has_page_cache() {
            let first = vma.linear_page_index(VirtAddr(start));
            self.do_readahead(inode, first, (end - start) >> PAGE_SHIFT);
        }
        Ok(())
    }
}
