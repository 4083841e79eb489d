//! `read` and `write` of regular files, page by page through the page cache.

use super::alloc::PageFlags;
use super::overcommit::pages_of;
use crate::abi::{Errno, FileId, InodeId, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::{InodeKind, UserBuffer, valid_bytes};
use crate::trace::NoMemory;

/// The part of one page that is read or written.
#[derive(Clone, Copy)]
struct Part {
    index: u32,
    from: u32,
    to: u32,
}

impl Part {
    /// What of at most `len` bytes at a position lies in the first page.
    const fn at(pos: u32, len: u32) -> Self {
        let from = pos & (PAGE_SIZE - 1);
        let room = PAGE_SIZE - from;
        Self {
            index: pos >> PAGE_SHIFT,
            from,
            to: from + if len < room { len } else { room },
        }
    }

    const fn len(self) -> u32 {
        self.to - self.from
    }

    /// What of a page it is.
    fn of(self, page: &[u8]) -> &[u8] {
        &page[self.from as usize..self.to as usize]
    }

    const fn is_whole_page(self) -> bool {
        self.len() == PAGE_SIZE
    }
}

impl Kernel {
    /// Reads from a file at a position, which moves. An error after some bytes is not reported.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `do_generic_mapping_read()`. Simplified: reads from the device
    /// are complete at once, so nothing waits here.
    ///
    /// # Errors
    /// `EFAULT`; `ENOMEM` for a page that is not cached.
    pub(in crate::kernel) fn generic_file_read(
        &mut self,
        file: FileId,
        pos: &mut u32,
        mut buffer: UserBuffer,
    ) -> Result<u32, Errno> {
        self.do_generic_mapping_read(file, pos, buffer.len, |kernel, pfn, part| {
            let copied = kernel.file_read_actor(buffer, pfn, part);
            buffer.advance(copied);
            copied
        })
    }

    /// Reads a file for the kernel itself: the beginning of a program, its headers.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `kernel_read()`.
    ///
    /// # Errors
    /// `ENOMEM` for a page that is not cached.
    pub(in crate::kernel) fn kernel_read(
        &mut self,
        inode: InodeId,
        offset: u32,
        len: u32,
    ) -> Result<Vec<u8>, Errno> {
        let (file, mut pos, mut bytes) = (self.open_inode(inode, 0), offset, Vec::new());
        let read = self.do_generic_mapping_read(file, &mut pos, len, |kernel, pfn, part| {
            bytes.extend_from_slice(part.of(kernel.ram.frame(pfn)));
            part.len()
        });
        self.fput(file);
        read.map(|_| bytes)
    }

    /// Reads a file page by page; `actor` takes what is read, and returns how much of it.
    fn do_generic_mapping_read(
        &mut self,
        file: FileId,
        pos: &mut u32,
        mut len: u32,
        mut actor: impl FnMut(&mut Self, Pfn, Part) -> u32,
    ) -> Result<u32, Errno> {
        let inode = self.open_files[file].inode();
        let (mut read, mut failed) = (0, None);
        let last_index = pages_of(pos.saturating_add(len));
        let mut next_index = *pos >> PAGE_SHIFT;
        // The page that was touched last through this open file, also by an earlier call: a page
        // that is read in small pieces counts as used once.
        let mut prev_index = self.open_files[file].f_ra.prev_page;
        while len > 0 && failed.is_none() {
            let mut part = Part::at(*pos, len);
            part.to = part
                .to
                .min(valid_bytes(self.inodes[inode].size(), part.index));
            if part.to <= part.from {
                break;
            }
            if part.index == next_index {
                let request = last_index - part.index;
                next_index = self.page_cache_readahead(file, part.index, request);
            }
            let Ok(pfn) = self.page_to_read(file, part.index) else {
                failed = Some(Errno::ENOMEM);
                break;
            };
            if prev_index != part.index {
                self.mark_page_accessed(pfn);
            }
            prev_index = part.index;
            let copied = actor(self, pfn, part);
            self.put_page(pfn);
            if copied < part.len() {
                failed = Some(Errno::EFAULT);
            }
            len -= copied;
            *pos += copied;
            read += copied;
        }
        match failed {
            Some(errno) if read == 0 => Err(errno),
            _ => Ok(read),
        }
    }

    /// A page of a file, read if it is not cached, with one more reference: the copy to user space
    /// may fault, and the page must not go meanwhile.
    fn page_to_read(&mut self, file: FileId, index: u32) -> Result<Pfn, NoMemory> {
        let inode = self.open_files[file].inode();
        let pfn = match self.find_page(inode, index) {
            Some(pfn) => pfn,
            None => {
                self.handle_ra_miss(file);
                self.page_cache_read(inode, index)?
            }
        };
        self.mem.get_page(pfn);
        Ok(pfn)
    }

    /// Copies a part of a cached page to the caller; returns how many bytes could be copied.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `file_read_actor()`.
    fn file_read_actor(&mut self, buffer: UserBuffer, pfn: Pfn, part: Part) -> u32 {
        let bytes = part.of(self.ram.frame(pfn)).to_vec();
        self.copy_to_user_partial(buffer.task, buffer.addr, &bytes)
    }

    /// Writes to a file at a position, which moves. An error after some bytes is not reported.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `generic_file_buffered_write()`.
    ///
    /// # Errors
    /// `EFAULT`; `ENOMEM` for a page that is not cached.
    pub(in crate::kernel) fn generic_file_buffered_write(
        &mut self,
        inode: InodeId,
        pos: &mut u32,
        mut buffer: UserBuffer,
    ) -> Result<u32, Errno> {
        let mut written = 0;
        let mut failed = None;
        while buffer.len > 0 && failed.is_none() {
            let part = Part::at(*pos, buffer.len);
            // Before the page is held: the bytes may come from this very page.
            self.fault_in_pages_readable(buffer, part.len());
            let Ok(pfn) = self.grab_cache_page(inode, part.index) else {
                failed = Some(Errno::ENOMEM);
                break;
            };
            self.prepare_write(inode, pfn, part);
            let copied = self.filemap_copy_from_user(buffer, pfn, part);
            // The whole part, even if the source could be read in part only: the file grows over
            // the zeros that stand for the rest.
            self.commit_write(inode, pfn, part);
            if copied < part.len() {
                failed = Some(Errno::EFAULT);
            }
            self.mark_page_accessed(pfn);
            self.put_page(pfn);
            buffer.advance(copied);
            *pos += copied;
            written += copied;
            self.balance_dirty_pages_ratelimited();
        }
        match failed {
            Some(errno) if written == 0 => Err(errno),
            _ => Ok(written),
        }
    }

    /// Touches the first and the last of the bytes that are about to be read from the caller.
    ///
    /// Linux 2.6.12: `include/linux/pagemap.h`, `fault_in_pages_readable()`. The result is ignored.
    fn fault_in_pages_readable(&mut self, buffer: UserBuffer, len: u32) {
        let last = VirtAddr(buffer.addr.0.wrapping_add(len - 1));
        let mut byte = [0];
        if self
            .copy_from_user(buffer.task, buffer.addr, &mut byte)
            .is_ok()
            && last.page_base() != buffer.addr.page_base()
        {
            let _ignored = self.copy_from_user(buffer.task, last, &mut byte);
        }
    }

    /// A page of a file to be written, with one more reference; one that is not cached is not read.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `__grab_cache_page()`.
    fn grab_cache_page(&mut self, inode: InodeId, index: u32) -> Result<Pfn, NoMemory> {
        let pfn = match self.find_page(inode, index) {
            Some(pfn) => pfn,
            None => {
                let pfn = self.page_cache_alloc()?;
                self.add_to_page_cache_lru(inode, index, pfn);
                pfn
            }
        };
        self.mem.get_page(pfn);
        Ok(pfn)
    }

    /// Makes a page valid around the part that is about to be written.
    ///
    /// Linux 2.6.12: `fs/buffer.c`, `nobh_prepare_write()`.
    fn prepare_write(&mut self, inode: InodeId, pfn: Pfn, part: Part) {
        if !self.mem.page_has(pfn, PageFlags::UPTODATE) && !part.is_whole_page() {
            self.readpage(inode, part.index, pfn);
        }
        self.mem.page_mut(pfn).test_and_set(PageFlags::UPTODATE);
    }

    /// Copies bytes of the caller into a page, and zeros in the place of those that cannot be read.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `filemap_copy_from_user()`.
    fn filemap_copy_from_user(&mut self, buffer: UserBuffer, pfn: Pfn, part: Part) -> u32 {
        let mut bytes = vec![0; part.len() as usize];
        let copied = self.copy_from_user_partial(buffer.task, buffer.addr, &mut bytes);
        self.ram.frame_mut(pfn)[part.from as usize..part.to as usize].copy_from_slice(&bytes);
        copied
    }

    /// Linux 2.6.12: `fs/buffer.c`, `nobh_commit_write()`.
    fn commit_write(&mut self, inode: InodeId, pfn: Pfn, part: Part) {
        self.set_page_dirty(pfn);
        let end = (part.index << PAGE_SHIFT) + part.to;
        if let InodeKind::Regular(file) = &mut self.inodes[inode].kind
            && end > file.i_size()
        {
            file.i_size_write(end);
        }
    }
}
