//! Why memory is not mapped or unmapped: the rule that refused, which decides the error.

use crate::abi::Errno;
use crate::trace::{NoMemory, TooMuchPromised};
use std::fmt;

/// Why `mmap` or `munmap` refuses, by the rule that was tested first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapRefusal {
    /// Not anonymous, and the descriptor is no file (`EBADF`) or none that can be mapped
    /// (`ENODEV`).
    NotAnonymous(Errno),
    /// The length is 0.
    Empty,
    /// The length is larger than user space.
    TooLong,
    /// The offset in the file plus the length does not fit into a word.
    OffsetTooLarge,
    /// The task has too many areas already.
    TooManyAreas,
    /// `MAP_FIXED`, and the end would be beyond user space.
    FixedBeyondUserSpace,
    /// `MAP_FIXED` at an address that begins no page.
    FixedUnaligned,
    /// No gap in the address space is that large.
    NoRoom,
    /// The task may lock no memory.
    MayNotLock,
    /// The task would lock more than `RLIMIT_MEMLOCK`.
    LocksTooMuch,
    /// Not exactly one of `MAP_PRIVATE` and `MAP_SHARED`.
    NeitherPrivateNorShared,
    /// `RLIMIT_AS`.
    AddressSpaceLimit,
    /// The overcommit check.
    TooMuchPromised(TooMuchPromised),
    /// No memory for a `vm_area_struct`.
    NoMemory,
    /// `munmap` of an address that begins no page.
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
            | Self::Unaligned
            | Self::BeyondUserSpace => Errno::EINVAL,
            Self::OffsetTooLarge => Errno::EOVERFLOW,
            Self::MayNotLock => Errno::EPERM,
            Self::LocksTooMuch => Errno::EAGAIN,
            Self::TooLong
            | Self::TooManyAreas
            | Self::FixedBeyondUserSpace
            | Self::NoRoom
            | Self::AddressSpaceLimit
            | Self::NoMemory
            | Self::TooMuchPromised(_) => Errno::ENOMEM,
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
            NoMemory::TooMuchPromised(refusal) => Self::TooMuchPromised(refusal),
            NoMemory::NoFrame | NoMemory::Forced(_) => Self::NoMemory,
        }
    }
}

impl From<TooMuchPromised> for MapRefusal {
    fn from(refusal: TooMuchPromised) -> Self {
        Self::TooMuchPromised(refusal)
    }
}

impl fmt::Display for MapRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnonymous(Errno::EBADF) => "no file is given, and MAP_ANONYMOUS is not set",
            Self::NotAnonymous(_) => "this file cannot be mapped",
            Self::Empty => "the length is 0",
            Self::TooLong => "the length is more than the 3 GiB of user space",
            Self::OffsetTooLarge => "offset plus length is more than a word can hold",
            Self::TooManyAreas => "the task has too many areas",
            Self::FixedBeyondUserSpace | Self::BeyondUserSpace => {
                "the end is beyond user space (0xc0000000)"
            }
            Self::FixedUnaligned | Self::Unaligned => "the address is no multiple of 4096",
            Self::NoRoom => "no gap in the address space is that large",
            Self::MayNotLock => "the task may lock no memory",
            Self::LocksTooMuch => "more memory than RLIMIT_MEMLOCK would be locked",
            Self::NeitherPrivateNorShared => "neither MAP_PRIVATE nor MAP_SHARED is given",
            Self::AddressSpaceLimit => "the address space would be larger than RLIMIT_AS",
            Self::NoMemory => "there is no memory for another area",
            Self::TooMuchPromised(refusal) => return refusal.fmt(f),
        })
    }
}
