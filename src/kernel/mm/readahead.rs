//! Read-ahead: which pages are read with the one that is asked for.

use crate::abi::{FileId, InodeId, Pfn};
use crate::kernel::Kernel;
use crate::kernel::fs::FileRa;
use crate::trace::NoMemory;

/// The largest window, in pages: 128 KiB.
///
/// Linux 2.6.12: `include/linux/mm.h`, `VM_MAX_READAHEAD`.
pub(super) const MAX_READAHEAD: u32 = 32;
/// The smallest window after a miss, in pages: 16 KiB.
///
/// Linux 2.6.12: `include/linux/mm.h`, `VM_MIN_READAHEAD`.
const MIN_READAHEAD: u32 = 4;
/// Cached pages in a row after which nothing is read ahead any more.
///
/// Linux 2.6.12: `include/linux/mm.h`, `VM_MAX_CACHE_HIT`.
const MAX_CACHE_HIT: u32 = 256;
/// Pages that are read at once when no limit of windows applies: 2 MiB.
const CHUNK: u32 = 512;

/// The size of the first window for a request of that many pages.
///
/// Linux 2.6.12: `mm/readahead.c`, `get_init_ra_size()`.
const fn init_ra_size(request: u32, max: u32) -> u32 {
    match request.next_power_of_two() {
        size if size <= max / 64 => size * size,
        size if size <= max / 4 => max / 4,
        _ => max,
    }
}

/// The size of the next window.
///
/// Linux 2.6.12: `mm/readahead.c`, `get_next_ra_size()`.
fn next_ra_size(ra: &mut FileRa) -> u32 {
    let size = if std::mem::take(&mut ra.miss) {
        // In 2.6.12 the difference is unsigned, so that a tiny window becomes the largest.
        ra.size.wrapping_sub(2).max(MIN_READAHEAD)
    } else if ra.size < ra.ra_pages / 16 {
        4 * ra.size
    } else {
        2 * ra.size
    };
    size.min(ra.ra_pages)
}

/// Linux 2.6.12: `mm/readahead.c`, `ra_off()`.
const fn ra_off(ra: &mut FileRa) {
    *ra = FileRa {
        start: 0,
        size: 0,
        ahead_start: 0,
        ahead_size: 0,
        miss: false,
        in_cache: false,
        ..*ra
    };
}

/// Whether reading ahead still helps: for 256 pages in a row everything was cached, and it is turned
/// off until a page is missing.
///
/// Linux 2.6.12: `mm/readahead.c`, `check_ra_success()`.
const fn check_ra_success(ra: &mut FileRa, requested: u32, read: u32) -> bool {
    if read > 0 {
        ra.cache_hit = 0;
        return true;
    }
    ra.cache_hit += requested;
    if ra.cache_hit < MAX_CACHE_HIT {
        return true;
    }
    ra_off(ra);
    ra.in_cache = true;
    false
}

/// Whether the caller needs a window at once, or it is for later.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AheadWindow {
    Forced,
    Attempted,
}

impl Kernel {
    /// Reads the pages of a range that are not cached. Returns how many were read: fewer if memory
    /// runs out, which is no error.
    ///
    /// Linux 2.6.12: `mm/readahead.c`, `__do_page_cache_readahead()`.
    pub(super) fn do_page_cache_readahead(
        &mut self,
        inode: InodeId,
        start: u32,
        pages: u32,
    ) -> u32 {
        let end = self.inodes[inode].pages_of_size();
        let missing = start..start.saturating_add(pages).min(end);
        // All frames first: an allocation that has to write pages back must not come between reads.
        let mut pool: Vec<(u32, Pfn)> = Vec::new();
        for index in missing {
            if self.find_page(inode, index).is_some() {
                continue;
            }
            let Ok(pfn) = self.page_cache_alloc_cold() else {
                break;
            };
            pool.push((index, pfn));
        }
        for (index, pfn) in &pool {
            self.add_to_page_cache_lru(inode, *index, *pfn);
            self.readpage(inode, *index, *pfn);
        }
        pool.len() as u32
    }

    /// Reads the pages of a range that are not cached, whatever the windows say.
    ///
    /// Linux 2.6.12: `mm/readahead.c`, `force_page_cache_readahead()`.
    pub(super) fn force_page_cache_readahead(&mut self, inode: InodeId, start: u32, pages: u32) {
        let end = start.saturating_add(pages);
        for chunk in (start..end).step_by(CHUNK as usize) {
            self.do_page_cache_readahead(inode, chunk, CHUNK.min(end - chunk));
        }
    }

    /// How many of `pages` pages it is sensible to read ahead: half of what is free or could soon be.
    ///
    /// Linux 2.6.12: `mm/readahead.c`, `max_sane_readahead()`.
    pub(super) fn max_sane_readahead(&self, pages: u32) -> u32 {
        pages.min((self.mem.nr_inactive() + self.mem.nr_free_pages()) / 2)
    }

    /// Takes note of an access to `request` pages from `index` on, and reads what should be read for
    /// it and ahead of it. Returns the first page for which it wants to be called again.
    ///
    /// Linux 2.6.12: `mm/readahead.c`, `page_cache_readahead()`.
    pub(super) fn page_cache_readahead(&mut self, file: FileId, index: u32, request: u32) -> u32 {
        let mut ra = self.open_files[file].f_ra;
        self.adapt_readahead(file, &mut ra, index, request);
        self.open_files[file].f_ra = ra;
        ra.prev_page.wrapping_add(1)
    }

    fn adapt_readahead(&mut self, file: FileId, ra: &mut FileRa, mut index: u32, mut request: u32) {
        let inode = self.open_files[file].inode();
        // The page that was asked for last is not counted twice.
        if index == ra.prev_page {
            request -= 1;
            index += u32::from(request > 0);
        }
        let sequential = index == ra.prev_page.wrapping_add(1);
        ra.prev_page = index;
        let max = ra.ra_pages;
        let size = request.min(max);
        if size == 0 || ra.in_cache {
            return;
        }
        ra.prev_page += size - 1;
        if !sequential {
            ra_off(ra);
            let read = self.do_page_cache_readahead(inode, index, size);
            check_ra_success(ra, size, read);
        } else if ra.size == 0 {
            (ra.size, ra.start) = (init_ra_size(size, max), index);
            let (window, read) = (ra.size, self.do_page_cache_readahead(inode, index, ra.size));
            if check_ra_success(ra, window, read) && request >= max {
                self.make_ahead_window(inode, ra, AheadWindow::Forced);
            }
        } else {
            self.move_windows(inode, ra);
        }
    }

    /// A sequential access goes on: the ahead window becomes the current one when it is reached.
    fn move_windows(&mut self, inode: InodeId, ra: &mut FileRa) {
        if ra.ahead_start == 0 && !self.make_ahead_window(inode, ra, AheadWindow::Attempted) {
            return;
        }
        if ra.prev_page >= ra.ahead_start {
            (ra.start, ra.size) = (ra.ahead_start, ra.ahead_size);
            self.make_ahead_window(inode, ra, AheadWindow::Attempted);
        }
    }

    /// Reads the window that follows the current one; returns whether reading ahead still helps.
    ///
    /// Linux 2.6.12: `mm/readahead.c`, `make_ahead_window()`. The device is never congested.
    fn make_ahead_window(&mut self, inode: InodeId, ra: &mut FileRa, how: AheadWindow) -> bool {
        ra.ahead_size = next_ra_size(ra);
        ra.ahead_start = ra.start + ra.size;
        let (start, size) = (ra.ahead_start, ra.ahead_size);
        let read = self.do_page_cache_readahead(inode, start, size);
        let helps = check_ra_success(ra, size, read);
        if !helps && how == AheadWindow::Attempted {
            (ra.ahead_start, ra.ahead_size) = (0, 0);
        }
        helps
    }

    /// A page that should have been read ahead is not cached: the next window is smaller.
    ///
    /// Linux 2.6.12: `mm/readahead.c`, `handle_ra_miss()`.
    pub(super) fn handle_ra_miss(&mut self, file: FileId) {
        let ra = &mut self.open_files[file].f_ra;
        (ra.miss, ra.in_cache) = (true, false);
    }

    /// Reads the pages around a fault of a mapping, half of them before it.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, the read-around of `filemap_nopage()`.
    pub(super) fn read_around(&mut self, file: FileId, index: u32) {
        let inode = self.open_files[file].inode();
        let pages = self.max_sane_readahead(self.open_files[file].f_ra.ra_pages);
        if pages > 0 {
            self.do_page_cache_readahead(inode, index.saturating_sub(pages / 2), pages);
        }
    }

    /// Reads a page that is not cached from the device. Only the page cache holds it.
    ///
    /// Linux 2.6.12: `mm/filemap.c`, `page_cache_read()`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn page_cache_read(&mut self, inode: InodeId, index: u32) -> Result<Pfn, NoMemory> {
        let pfn = self.page_cache_alloc_cold()?;
        self.add_to_page_cache_lru(inode, index, pfn);
        self.readpage(inode, index, pfn);
        Ok(pfn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mm/readahead.c`, `get_init_ra_size()` and `get_next_ra_size()`.
    #[test]
    fn windows_begin_small_and_grow_to_32_pages() {
        for (request, max, size) in [
            (1, 32, 8),
            (8, 32, 8),
            (9, 32, 32),
            (32, 32, 32),
            (1, 64, 1),
            (2, 64, 16),
        ] {
            assert_eq!(init_ra_size(request, max), size, "{request} pages");
        }
        for (now, miss, next) in [
            (1, false, 4),
            (8, false, 16),
            (16, false, 32),
            (32, false, 32),
            (32, true, 30),
            (5, true, 4),
        ] {
            let mut ra = FileRa {
                size: now,
                miss,
                ..crate::kernel::fs::FILE_RA_INIT
            };
            assert_eq!(
                (next_ra_size(&mut ra), ra.miss),
                (next, false),
                "after {now}"
            );
        }
    }
}
