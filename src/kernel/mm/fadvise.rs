//! `fadvise64` and `readahead`: what a program expects to do with a file, without mapping it.

use super::alloc::PageFlags;
use super::readahead::MAX_READAHEAD;
use crate::abi::{
    FileId, InodeId, PAGE_SHIFT, PAGE_SIZE, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE,
    POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL, POSIX_FADV_WILLNEED, Pfn, TaskId,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::FileRefusal;
use std::ops::Range;

impl Kernel {
    /// The form with a short length.
    ///
    /// Linux 2.6.12: `mm/fadvise.c`, `sys_fadvise64()`.
    ///
    /// # Errors
    /// As for `fadvise64_64`.
    pub(in crate::kernel) fn sys_fadvise64(
        &mut self,
        current: TaskId,
        fd: u32,
        offset: i64,
        len: u32,
        advice: i32,
    ) -> Result<u32, FileRefusal> {
        self.sys_fadvise64_64(current, fd, offset, len.into(), advice)
    }

    /// Linux 2.6.12: `mm/fadvise.c`, `sys_fadvise64_64()`.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a negative length, unknown advice, and what has no page cache.
    pub(in crate::kernel) fn sys_fadvise64_64(
        &mut self,
        current: TaskId,
        fd: u32,
        offset: i64,
        len: i64,
        advice: i32,
    ) -> Result<u32, FileRefusal> {
        let (file, inode) = self.file_with_pages(current, fd)?;
        if len < 0 {
            return Err(FileRefusal::NoPageCache);
        }
        // Length 0 is everything up to the end.
        let end = if len == 0 {
            i64::MAX
        } else {
            offset.saturating_add(len)
        };
        match advice {
            POSIX_FADV_NORMAL => self.open_files[file].f_ra.ra_pages = MAX_READAHEAD,
            POSIX_FADV_RANDOM => self.open_files[file].f_ra.ra_pages = 0,
            POSIX_FADV_SEQUENTIAL => self.open_files[file].f_ra.ra_pages = 2 * MAX_READAHEAD,
            POSIX_FADV_WILLNEED | POSIX_FADV_NOREUSE => {
                let start = page_index(offset);
                let pages = page_index(end.saturating_sub(1))
                    .saturating_sub(start)
                    .saturating_add(1);
                self.do_readahead(inode, start, pages);
            }
            POSIX_FADV_DONTNEED => {
                self.filemap_flush(inode);
                let first = page_index(offset.saturating_add(i64::from(PAGE_SIZE) - 1));
                self.invalidate_mapping_pages(inode, first..page_index(end));
            }
            _ => return Err(FileRefusal::UnknownAdvice),
        }
        Ok(0)
    }

    /// Linux 2.6.12: `mm/filemap.c`, `sys_readahead()`.
    ///
    /// # Errors
    /// `EBADF` if the file is not open for reading; `EINVAL`.
    pub(in crate::kernel) fn sys_readahead(
        &mut self,
        current: TaskId,
        fd: u32,
        offset: i64,
        count: u32,
    ) -> Result<u32, FileRefusal> {
        let (file, inode) = self.file_with_pages(current, fd)?;
        if !self.open_files[file].can_read() {
            return Err(FileRefusal::Lookup(crate::abi::Errno::EBADF));
        }
        let start = page_index(offset);
        let last = page_index(offset.saturating_add(i64::from(count)).saturating_sub(1));
        self.do_readahead(inode, start, last.saturating_sub(start).saturating_add(1));
        Ok(0)
    }

    fn file_with_pages(&self, current: TaskId, fd: u32) -> Result<(FileId, InodeId), FileRefusal> {
        let file = self.fget(current, fd).map_err(FileRefusal::Lookup)?;
        let inode = self.open_files[file].inode();
        if self.inodes[inode].kind.has_page_cache() {
            Ok((file, inode))
        } else {
            Err(FileRefusal::NoPageCache)
        }
    }

    /// Linux 2.6.12: `mm/filemap.c`, `do_readahead()`.
    pub(super) fn do_readahead(&mut self, inode: InodeId, start: u32, pages: u32) {
        let pages = self.max_sane_readahead(pages);
        self.force_page_cache_readahead(inode, start, pages);
    }

    /// Drops the pages of a range that nobody maps and that need not be written.
    ///
    /// Linux 2.6.12: `mm/truncate.c`, `invalidate_mapping_pages()`.
    fn invalidate_mapping_pages(&mut self, inode: InodeId, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        const BUSY: PageFlags = PageFlags::DIRTY
            .union(PageFlags::WRITEBACK)
            .union(PageFlags::LOCKED);
        let pages = self.inodes[inode].pages().range(range);
        let pages: Vec<(u32, Pfn)> = pages.map(|(index, pfn)| (*index, *pfn)).collect();
        for (index, pfn) in pages {
            let page = self.mem.page(pfn);
            if !page.flags().intersects(BUSY) && page.page_mapcount() == 0 {
                self.mem.page_mut(pfn).test_and_clear(PageFlags::UPTODATE);
                self.remove_from_page_cache(inode, index);
            }
        }
    }
}

/// The page of a file that a position lies in; those beyond all files are one.
fn page_index(pos: i64) -> u32 {
    u32::try_from(pos >> PAGE_SHIFT).unwrap_or(if pos < 0 { 0 } else { u32::MAX })
}
