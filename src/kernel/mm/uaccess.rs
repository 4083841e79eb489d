//! Accesses to user memory: those of a task in user mode, and the kernel's own on its behalf.

use super::fault::{UserFault, UserFaultKind};
use crate::abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Pfn, TASK_SIZE, TaskId, VirtAddr};
use crate::hw::{Access, AccessKind, Mode, PageFault};
use crate::kernel::Kernel;

/// The largest number of bytes that one instruction stores.
const WORD: usize = 4;

/// A part of an access that lies in one page: which bytes of the access, and where in memory.
struct Piece {
    from: usize,
    to: usize,
    pfn: Pfn,
    offset: usize,
}

impl Kernel {
    /// One access of the current task in user mode, and the faults it takes. Returns the physical
    /// address.
    ///
    /// `esp` of the task's saved registers must be up to date: it decides whether the stack grows.
    ///
    /// # Errors
    /// How the access is answered instead; no signal is sent.
    #[inline]
    pub fn user_access(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        kind: AccessKind,
    ) -> Result<u32, UserFault> {
        self.access(
            current,
            addr,
            Access {
                kind,
                mode: Mode::User,
            },
        )
    }

    /// Makes an access and handles the faults it takes.
    #[inline]
    fn access(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        access: Access,
    ) -> Result<u32, UserFault> {
        match self.cpus[self.this_cpu]
            .mmu
            .translate(&mut self.ram, addr, access)
        {
            Ok(phys) => Ok(phys),
            Err(fault) => self.access_with_fault(current, access, fault),
        }
    }

    #[cold]
    fn access_with_fault(
        &mut self,
        current: TaskId,
        access: Access,
        mut fault: PageFault,
    ) -> Result<u32, UserFault> {
        loop {
            // As on the hardware, the access starts over after each fault, and may fault again.
            self.do_page_fault(current, fault)?;
            if access.mode == Mode::User && self.is_memdie(current) {
                // The way back to user mode leads through the signal by which it was killed.
                return Err(UserFault {
                    addr: fault.addr,
                    error_code: fault.error_code,
                    kind: UserFaultKind::OomKilled,
                });
            }
            match self.cpus[self.this_cpu]
                .mmu
                .translate(&mut self.ram, fault.addr, access)
            {
                Ok(phys) => return Ok(phys),
                Err(again) => fault = again,
            }
        }
    }

    /// The next piece of an access to `len` bytes at `addr`, of which `done` are done.
    fn next_piece(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        done: usize,
        len: usize,
        access: Access,
    ) -> Result<Piece, UserFault> {
        let at = VirtAddr(addr.0.wrapping_add(done as u32));
        let room = (PAGE_SIZE - at.page_offset()) as usize;
        let phys = self.access(current, at, access)?;
        let offset = (phys & (PAGE_SIZE - 1)) as usize;
        let pfn = Pfn(phys >> PAGE_SHIFT);
        Ok(Piece {
            from: done,
            to: len.min(done + room),
            pfn,
            offset,
        })
    }

    fn read_bytes(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &mut [u8],
        mode: Mode,
    ) -> Result<(), UserFault> {
        let mut done = 0;
        while done < bytes.len() {
            let access = Access::read(mode);
            let piece = self.next_piece(current, addr, done, bytes.len(), access)?;
            let target = &mut bytes[piece.from..piece.to];
            let frame = self.ram.frame(piece.pfn);
            target.copy_from_slice(&frame[piece.offset..piece.offset + target.len()]);
            done = piece.to;
        }
        Ok(())
    }

    fn write_bytes(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &[u8],
        mode: Mode,
    ) -> Result<(), UserFault> {
        let mut done = 0;
        while done < bytes.len() {
            let access = Access::write(mode);
            let piece = self.next_piece(current, addr, done, bytes.len(), access)?;
            let source = &bytes[piece.from..piece.to];
            let frame = self.ram.frame_mut(piece.pfn);
            frame[piece.offset..piece.offset + source.len()].copy_from_slice(source);
            done = piece.to;
        }
        Ok(())
    }

    /// Reads in user mode, page by page: within a page it is one access.
    ///
    /// # Errors
    /// As for [`Kernel::user_access`]; the pages before are read.
    pub fn user_read(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &mut [u8],
    ) -> Result<(), UserFault> {
        self.read_bytes(current, addr, bytes, Mode::User)
    }

    /// Writes in user mode, page by page: within a page it is one access. A word is one
    /// instruction: it is stored completely or, if it crosses into a bad page, not at all.
    ///
    /// # Errors
    /// As for [`Kernel::user_access`]; the pages before are written.
    pub fn user_write(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), UserFault> {
        let last = VirtAddr(addr.0.wrapping_add(bytes.len() as u32).wrapping_sub(1));
        if bytes.len() <= WORD && last.page_base() != addr.page_base() {
            // Both pages are made writable before the first byte is stored.
            self.user_access(current, addr, AccessKind::Write)?;
            self.user_access(current, last.page_base(), AccessKind::Write)?;
        }
        self.write_bytes(current, addr, bytes, Mode::User)
    }

    /// Fills memory with a byte in user mode, page by page.
    ///
    /// # Errors
    /// As for [`Kernel::user_access`]; the pages before are filled.
    pub fn user_fill(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        len: u32,
        byte: u8,
    ) -> Result<(), UserFault> {
        let (mut done, len) = (0, len as usize);
        while done < len {
            let piece = self.next_piece(current, addr, done, len, Access::write(Mode::User))?;
            let filled = piece.offset..piece.offset + piece.to - piece.from;
            self.ram.frame_mut(piece.pfn)[filled].fill(byte);
            done = piece.to;
        }
        Ok(())
    }

    /// One access in user mode to each of `pages` pages, without changing what they hold.
    ///
    /// # Errors
    /// As for [`Kernel::user_access`], for the first page that cannot be accessed.
    pub fn user_touch(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        pages: u32,
        kind: AccessKind,
    ) -> Result<(), UserFault> {
        for page in 0..pages {
            let at = VirtAddr(addr.0.wrapping_add(page << PAGE_SHIFT));
            self.user_access(current, at, kind)?;
        }
        Ok(())
    }

    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `copy_to_user()`. The kernel writes through the MMU,
    /// and so copies pages as a write of the task itself would.
    ///
    /// # Errors
    /// `EFAULT`; the pages before the bad one are written.
    pub(in crate::kernel) fn copy_to_user(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), Errno> {
        access_ok(addr, bytes.len())?;
        self.write_bytes(current, addr, bytes, Mode::Supervisor)
            .map_err(|_| Errno::EFAULT)
    }

    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `copy_from_user()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn copy_from_user(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &mut [u8],
    ) -> Result<(), Errno> {
        access_ok(addr, bytes.len())?;
        self.read_bytes(current, addr, bytes, Mode::Supervisor)
            .map_err(|_| Errno::EFAULT)
    }

    /// Copies to user memory as far as possible; returns how many bytes were copied.
    ///
    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `__copy_to_user_ll()`.
    pub(super) fn copy_to_user_partial(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &[u8],
    ) -> u32 {
        let mut done = 0;
        while done < bytes.len() {
            let at = VirtAddr(addr.0.wrapping_add(done as u32));
            let end = bytes.len().min(done + page_rest(addr, done));
            if self.copy_to_user(current, at, &bytes[done..end]).is_err() {
                break;
            }
            done = end;
        }
        done as u32
    }

    /// Copies from user memory as far as possible; returns how many bytes were copied.
    ///
    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `__copy_from_user_ll()`.
    pub(super) fn copy_from_user_partial(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: &mut [u8],
    ) -> u32 {
        let mut done = 0;
        while done < bytes.len() {
            let at = VirtAddr(addr.0.wrapping_add(done as u32));
            let end = bytes.len().min(done + page_rest(addr, done));
            if self
                .copy_from_user(current, at, &mut bytes[done..end])
                .is_err()
            {
                break;
            }
            done = end;
        }
        done as u32
    }

    /// Linux 2.6.12: `include/asm-i386/uaccess.h`, `get_user()` of a word.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn get_user_u32(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let mut bytes = [0; 4];
        self.copy_from_user(current, addr, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Linux 2.6.12: `include/asm-i386/uaccess.h`, `put_user()` of a word.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn put_user_u32(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        value: u32,
    ) -> Result<(), Errno> {
        self.copy_to_user(current, addr, &value.to_le_bytes())
    }
}

/// How many bytes there are up to the end of the page, after `done` bytes from an address on.
const fn page_rest(addr: VirtAddr, done: usize) -> usize {
    let at = VirtAddr(addr.0.wrapping_add(done as u32));
    (PAGE_SIZE - at.page_offset()) as usize
}

/// Checks that a range lies in user space; touches no memory.
///
/// Linux 2.6.12: `include/asm-i386/uaccess.h`, `access_ok()`.
pub(in crate::kernel) fn access_ok(addr: VirtAddr, len: usize) -> Result<(), Errno> {
    if u64::from(addr.0) + len as u64 <= u64::from(TASK_SIZE) {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}
