//! What an open file remembers of the accesses to it, so that pages can be read before they are asked
//! for.

/// `struct file_ra_state`. A window is a range of pages that were requested together; the size of an
/// inactive one is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileRa {
    /// `ra_pages`: the largest window; `fadvise64` changes it.
    pub ra_pages: u32,
    /// First page of the current window.
    pub start: u32,
    /// Pages in the current window.
    pub size: u32,
    /// First page of the window that follows it; 0 if there is none.
    pub ahead_start: u32,
    /// Pages in that window.
    pub ahead_size: u32,
    /// `prev_page`: the page that was asked for last; `u32::MAX` (-1) before the first one.
    pub prev_page: u32,
    /// `RA_FLAG_MISS`: a page of the windows was gone when it was needed.
    pub miss: bool,
    /// `RA_FLAG_INCACHE`: everything was cached for a long time, so that nothing is read ahead.
    pub in_cache: bool,
    /// Pages in a row that were asked for and were all cached.
    pub cache_hit: u32,
    /// Faults of mappings that found their page cached.
    pub mmap_hit: u32,
    /// Faults of mappings that did not.
    pub mmap_miss: u32,
}

/// A file that has just been opened.
///
/// Linux 2.6.12: `mm/readahead.c`, `file_ra_state_init()`.
pub const FILE_RA_INIT: FileRa = FileRa {
    ra_pages: 32,
    start: 0,
    size: 0,
    ahead_start: 0,
    ahead_size: 0,
    prev_page: u32::MAX,
    miss: false,
    in_cache: false,
    cache_hit: 0,
    mmap_hit: 0,
    mmap_miss: 0,
};
