//! Reading and changing another task's memory, as a debugger does: with the rights that the areas
//! could be given (`VM_MAY*`), not with those they have.

use super::get_user_pages::Force;
use crate::abi::{PAGE_SIZE, Pfn, TaskId, VirtAddr};
use crate::hw::AccessKind;
use crate::kernel::Kernel;

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
            let Some(pfn) = self.page_of_process(task, at, AccessKind::Read) else {
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
            let Some(pfn) = self.page_of_process(task, at, AccessKind::Write) else {
                break;
            };
            let (from, len) = piece(at, bytes.len() - done);
            let frame = self.ram.frame_mut(pfn);
            frame[from..from + len].copy_from_slice(&bytes[done..done + len]);
            self.set_page_dirty(pfn);
            done += len;
        }
        done
    }

    /// The frame behind an address of a task, private to the task if it is to be written.
    fn page_of_process(&mut self, task: TaskId, at: VirtAddr, access: AccessKind) -> Option<Pfn> {
        let mm = self.task(task).mm()?;
        self.get_user_page(task, mm, at, (access, Force::Yes)).ok()
    }
}

/// The offset of an address in its page, and how many of `left` bytes lie in that page.
fn piece(at: VirtAddr, left: usize) -> (usize, usize) {
    let from = at.page_offset() as usize;
    (from, left.min(PAGE_SIZE as usize - from))
}
