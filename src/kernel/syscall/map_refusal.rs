//! Why memory cannot be mapped or unmapped: the rule that was broken, which decides the error.

use crate::abi::Errno;
use crate::trace::{NoMemory, Overcommitted};
use std::fmt;

/// Why `mmap` or `munmap` fails, by the first rule that was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapRefusal {
    /// Not anonymous, and the descriptor is not open (`EBADF`) or its file cannot be mapped
    /// (`ENODEV`).
    NotAnonymous(Errno),
    /// The length is 0.
    Empty,
    /// The length is larger than user space.
    TooLong,
    /// The offset plus the length, in pages, does not fit in 32 bits.
    OffsetTooLarge,
    /// The task has too many areas already (`sysctl_max_map_count`).
    TooManyAreas,
    /// `MAP_FIXED`, and the range would end beyond user space.
    FixedBeyondUserSpace,
    /// `MAP_FIXED` with an address that is not page aligned.
    FixedUnaligned,
    /// No gap in the address space is that large.
    NoRoom,
    /// The task may not lock memory: `RLIMIT_MEMLOCK` is 0.
    MayNotLock,
    /// The task would lock more than `RLIMIT_MEMLOCK`.
    LocksTooMuch,
    /// Not exactly one of `MAP_PRIVATE` and `MAP_SHARED` is set.
    NeitherPrivateNorShared,
    /// The file is not open for reading.
    NotOpenForReading,
    /// Shared and writable, and the file is not open for writing.
    NotOpenForWriting,
    /// `MAP_GROWSDOWN` of a file.
    FileGrowsDown,
    /// `RLIMIT_AS` would be exceeded.
    AddressSpaceLimit,
    /// The overcommit check refuses the request.
    Overcommitted(Overcommitted),
    /// Out of memory for a `vm_area_struct`.
    NoMemory,
    /// `munmap` of an address that is not page aligned.
    Unaligned,
    /// `munmap` of a range that ends beyond user space.
    BeyondUserSpace,
}

impl MapRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::NotAnonymous(errno) => errno,
            Self::Empty
            | Self::FixedUnaligned
            | Self::NeitherPrivateNorShared
            | Self::FileGrowsDown
            | Self::Unaligned
            | Self::BeyondUserSpace => Errno::EINVAL,
            Self::NotOpenForReading | Self::NotOpenForWriting => Errno::EACCES,
            Self::OffsetTooLarge => Errno::EOVERFLOW,
            Self::MayNotLock => Errno::EPERM,
            Self::LocksTooMuch => Errno::EAGAIN,
            Self::TooLong
            | Self::TooManyAreas
            | Self::FixedBeyondUserSpace
            | Self::NoRoom
            | Self::AddressSpaceLimit
            | Self::NoMemory
            | Self::Overcommitted(_) => Errno::ENOMEM,
        }
    }
}

impl From<MapRefusal> for Errno {
    fn from(refusal: MapRefusal) -> Self {
        refusal.errno()
    }
}

impl From<NoMemory> for MapRefusal {
    fn from(why: NoMemory) -> Self {
        match why {
            NoMemory::Overcommitted(refusal) => Self::Overcommitted(refusal),
            NoMemory::NoFrame | NoMemory::Forced(_) => Self::NoMemory,
        }
    }
}

impl From<Overcommitted> for MapRefusal {
    fn from(refusal: Overcommitted) -> Self {
        Self::Overcommitted(refusal)
    }
}

impl fmt::Display for MapRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnonymous(Errno::EBADF) => {
                "the descriptor is not open, and MAP_ANONYMOUS is not set"
            }
            Self::NotAnonymous(_) => "this file cannot be mapped",
            Self::Empty => "the length is 0",
            Self::TooLong => "the length is more than the 3 GiB of user space",
            Self::OffsetTooLarge => "offset plus length does not fit in 32 bits",
            Self::TooManyAreas => "the task has too many areas",
            Self::FixedBeyondUserSpace | Self::BeyondUserSpace => {
                "the end is beyond user space (0xc0000000)"
            }
            Self::FixedUnaligned | Self::Unaligned => "the address is not a multiple of 4096",
            Self::NoRoom => "no gap in the address space is that large",
            Self::MayNotLock => "the task may not lock memory",
            Self::LocksTooMuch => "the task would lock more than RLIMIT_MEMLOCK",
            Self::NeitherPrivateNorShared => "neither MAP_PRIVATE nor MAP_SHARED is given",
            Self::NotOpenForReading => "the file is not open for reading",
            Self::NotOpenForWriting => "the file is not open for writing",
            Self::FileGrowsDown => "the mapping of a file cannot grow downwards",
            Self::AddressSpaceLimit => "the address space would be larger than RLIMIT_AS",
            Self::NoMemory => "out of memory for another area",
            Self::Overcommitted(refusal) => return refusal.fmt(f),
        })
    }
}
