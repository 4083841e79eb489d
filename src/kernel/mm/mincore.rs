//! `mincore`: which pages of mapped files are in memory. It asks the page cache and not the page
//! tables.

use super::alloc::PageFlags;
use super::area_search::page_align;
use super::uaccess::access_ok;
use super::vma::Vma;
use crate::abi::{PAGE_SHIFT, TASK_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::FileRefusal;
use crate::trace::FrameUse;

/// Pages that are reported at a time: as many bytes as a page has.
const PIECE: u32 = 4096;

impl Kernel {
    /// Stores a byte for each page of a range: 1 if its file has it in memory.
    ///
    /// Linux 2.6.12: `mm/mincore.c`, `sys_mincore()`.
    ///
    /// # Errors
    /// `EINVAL`; `ENOMEM` for holes and for private anonymous memory; `EFAULT`; `EAGAIN` if there is
    /// no memory for a buffer. The bytes before are stored.
    pub(in crate::kernel) fn sys_mincore(
        &mut self,
        current: TaskId,
        start: u32,
        len: u32,
        vec: VirtAddr,
    ) -> Result<u32, FileRefusal> {
        let Some(end) = mincore_range(start, len)? else {
            return Ok(0);
        };
        let pages = (end - start) >> PAGE_SHIFT;
        access_ok(vec, pages as usize).map_err(|_| FileRefusal::BadVector)?;
        let mm = self.mm_id(current);
        let (mut at, mut done, mut hole) = (start, 0, None);
        while at < end {
            let vma = self.mms[mm].find_vma(VirtAddr(at)).copied();
            let vma = vma.ok_or(FileRefusal::Hole(VirtAddr(at)))?;
            if at < vma.vm_start {
                // No bytes are left out for a hole: what follows comes earlier in the vector.
                hole = hole.or(Some(VirtAddr(at)));
                at = vma.vm_start;
                continue;
            }
            let to = vma.vm_end.min(end);
            let part = Vma {
                vm_start: at,
                vm_end: to,
                vm_pgoff: vma.linear_page_index(VirtAddr(at)),
                ..vma
            };
            self.mincore_vma(current, &part, VirtAddr(vec.0 + done))?;
            done += (to - at) >> PAGE_SHIFT;
            at = to;
        }
        match hole {
            Some(addr) => Err(FileRefusal::Hole(addr)),
            None => Ok(0),
        }
    }

    /// Linux 2.6.12: `mm/mincore.c`, `mincore_vma()` and `mincore_page()`.
    fn mincore_vma(
        &mut self,
        current: TaskId,
        part: &Vma,
        vec: VirtAddr,
    ) -> Result<(), FileRefusal> {
        let file = part.vm_file;
        let file = file.ok_or(FileRefusal::Anonymous(VirtAddr(part.vm_start)))?;
        let inode = self.open_files[file].inode();
        let buffer = self.alloc_frame(0, FrameUse::KernelStack);
        let buffer = buffer.map_err(|_| FileRefusal::NoBuffer)?;
        let mut result = Ok(());
        for piece in (0..part.pages()).step_by(PIECE as usize) {
            let pages = piece..part.pages().min(piece + PIECE);
            let bytes: Vec<u8> = pages
                .map(|page| {
                    let pfn = self.find_page(inode, part.vm_pgoff + page);
                    u8::from(pfn.is_some_and(|pfn| self.mem.page_has(pfn, PageFlags::UPTODATE)))
                })
                .collect();
            let copied = self.copy_to_user(current, VirtAddr(vec.0 + piece), &bytes);
            if copied.is_err() {
                result = Err(FileRefusal::BadVector);
                break;
            }
        }
        self.free_frames(buffer, 0);
        result
    }
}

/// The end of the range; `None` if it is empty.
fn mincore_range(start: u32, len: u32) -> Result<Option<u32>, FileRefusal> {
    if !VirtAddr(start).is_page_aligned() {
        return Err(FileRefusal::Unaligned);
    }
    if start >= TASK_SIZE {
        return Err(FileRefusal::BeyondUserSpace);
    }
    if len == 0 {
        return Ok(None);
    }
    match page_align(len) {
        0 => Err(FileRefusal::BeyondUserSpace),
        len if len > TASK_SIZE - start => Err(FileRefusal::BeyondUserSpace),
        len => Ok(Some(start + len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_mincore_refuses() {
        for (start, len, expected) in [
            (TASK_SIZE + 1, 0, Err(FileRefusal::Unaligned)),
            (TASK_SIZE, 0, Err(FileRefusal::BeyondUserSpace)),
            (0x1000, 0, Ok(None)),
            (0x1000, 0xffff_ffff, Err(FileRefusal::BeyondUserSpace)),
            (0x1000, TASK_SIZE, Err(FileRefusal::BeyondUserSpace)),
            (0x1000, 1, Ok(Some(0x2000))),
        ] {
            assert_eq!(mincore_range(start, len), expected, "{start:#x} {len:#x}");
        }
    }
}
