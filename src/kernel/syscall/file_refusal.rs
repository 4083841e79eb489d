//! Why a call on a file in memory fails, or on the length of a file: the rule that was broken, which
//! decides the error.

use crate::abi::{Errno, VirtAddr};
use std::fmt;

/// Why `remap_file_pages`, `msync`, `mincore`, `truncate`, `ftruncate`, `readahead` or `fadvise64`
/// fails, by the first rule that was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileRefusal {
    /// `remap_file_pages` with a protection that is not 0.
    Protection,
    /// `remap_file_pages` of a range that has no whole page or wraps.
    NoPages,
    /// `remap_file_pages`: the page index does not fit in a page table entry.
    OffsetTooLarge,
    /// `remap_file_pages`: no area contains the start.
    NotMapped,
    /// `remap_file_pages`: the area is not a shared mapping of a file that is open for writing.
    NotShared,
    /// `remap_file_pages`: the range ends beyond the area.
    CrossesArea,
    /// `remap_file_pages`: the range ends beyond the file.
    BeyondEnd,
    /// Out of memory for a page or a page table.
    NoMemory,
    /// `remap_file_pages`: no other page of shared memory may be committed.
    Overcommitted,
    /// `msync` or `mincore` of an address that is not page aligned.
    Unaligned,
    /// `msync` with flags that do not exist.
    UnknownFlags,
    /// `msync` with both `MS_ASYNC` and `MS_SYNC`.
    AsyncAndSync,
    /// `msync` of a range that wraps.
    Wraps,
    /// `msync` with `MS_INVALIDATE` of an area that is locked.
    Locked,
    /// `msync` or `mincore`: nothing is mapped at this address of the range.
    Hole(VirtAddr),
    /// `mincore` of a range beyond user space.
    BeyondUserSpace,
    /// `mincore` of private anonymous memory, which is in no file.
    Anonymous(VirtAddr),
    /// `mincore`: the vector cannot be written.
    BadVector,
    /// `mincore`: out of memory for a buffer.
    NoBuffer,
    /// `truncate` or `ftruncate` to a negative length.
    NegativeLength,
    /// `ftruncate`: the descriptor is not that of a regular file open for writing.
    NotWritable,
    /// `truncate` of a directory.
    Directory,
    /// `truncate` of what is not a regular file.
    NotRegular,
    /// `truncate` of a program that is being executed.
    Executed,
    /// The new length is less than that of a swap area.
    SwapArea,
    /// The new length is beyond `RLIMIT_FSIZE`.
    AboveLimit,
    /// The new length is beyond the largest that the file system has.
    TooLarge,
    /// `fadvise64` with advice that does not exist.
    UnknownAdvice,
    /// `fadvise64` or `readahead` of what has no pages, or of a negative length.
    NoPageCache,
    /// The descriptor is not open, or the path leads nowhere.
    Lookup(Errno),
}

impl FileRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::Protection
            | Self::NoPages
            | Self::OffsetTooLarge
            | Self::NotMapped
            | Self::NotShared
            | Self::CrossesArea
            | Self::BeyondEnd
            | Self::Unaligned
            | Self::UnknownFlags
            | Self::AsyncAndSync
            | Self::NegativeLength
            | Self::NotWritable
            | Self::UnknownAdvice
            | Self::NoPageCache
            | Self::NotRegular => Errno::EINVAL,
            Self::NoMemory
            | Self::Wraps
            | Self::Hole(_)
            | Self::BeyondUserSpace
            | Self::Anonymous(_) => Errno::ENOMEM,
            Self::Overcommitted => Errno::ENOSPC,
            Self::Locked => Errno::EBUSY,
            Self::BadVector => Errno::EFAULT,
            Self::NoBuffer => Errno::EAGAIN,
            Self::Directory => Errno::EISDIR,
            Self::Executed | Self::SwapArea => Errno::ETXTBSY,
            Self::AboveLimit | Self::TooLarge => Errno::EFBIG,
            Self::Lookup(errno) => errno,
        }
    }
}

impl fmt::Display for FileRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protection => "prot is not 0",
            Self::NoPages => "the range has no whole page, or wraps",
            Self::OffsetTooLarge => "the page index does not fit in 29 bits",
            Self::NotMapped => "nothing is mapped at the start",
            Self::NotShared => "the area is not a shared mapping of a file open for writing",
            Self::CrossesArea => "the range ends beyond the area",
            Self::BeyondEnd => "the range ends beyond the file",
            Self::NoMemory => "out of memory",
            Self::Overcommitted => "too much memory is committed for another page",
            Self::Unaligned => "the address is not a multiple of 4096",
            Self::UnknownFlags => "the flags have bits that do not exist",
            Self::AsyncAndSync => "both MS_ASYNC and MS_SYNC are set",
            Self::Wraps => "the end of the range lies below its start",
            Self::Locked => "the area is locked, and MS_INVALIDATE is set",
            Self::Hole(addr) => return write!(f, "nothing is mapped at {addr}"),
            Self::BeyondUserSpace => "the end is beyond user space (0xc0000000)",
            Self::Anonymous(addr) => return write!(f, "the memory at {addr} belongs to no file"),
            Self::BadVector => "the vector cannot be written",
            Self::NoBuffer => "out of memory for a buffer",
            Self::NegativeLength => "the length is negative",
            Self::NotWritable => "the descriptor is not that of a regular file open for writing",
            Self::Directory => "the path leads to a directory",
            Self::NotRegular => "the path does not lead to a regular file",
            Self::Executed => "a task executes the program",
            Self::SwapArea => "the file is a swap area",
            Self::AboveLimit => "the file would be longer than RLIMIT_FSIZE",
            Self::TooLarge => "the file system has no file of that length",
            Self::UnknownAdvice => "there is no such advice",
            Self::NoPageCache => "the descriptor is not that of a file with pages",
            Self::Lookup(errno) => return write!(f, "{errno}"),
        })
    }
}
