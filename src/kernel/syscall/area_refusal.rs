//! Why a call that changes mapped memory fails: the rule that was broken, which decides the error.

use super::map_refusal::MapRefusal;
use crate::abi::{Errno, Prot, VirtAddr};
use std::fmt;

/// Why `mprotect` and its like fail, by the first rule that was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AreaRefusal {
    /// A rule that `mmap` and `munmap` have, too.
    Map(MapRefusal),
    /// `mprotect` with both `PROT_GROWSDOWN` and `PROT_GROWSUP`.
    GrowsBothWays,
    /// The range wraps around the end of the 4 GiB.
    Wraps(Errno),
    /// `mprotect` with bits of `prot` that mean nothing.
    UnknownProt(Prot),
    /// Nothing is mapped at the address; what lies below it is done.
    Hole(VirtAddr),
    /// `PROT_GROWSDOWN` or `PROT_GROWSUP` on an area that does not grow that way.
    DoesNotGrow,
    /// The area may never have these rights.
    RightsRefused(Prot),
    /// `mremap` with flags other than `MREMAP_MAYMOVE` and `MREMAP_FIXED`.
    UnknownRemapFlags,
    /// `MREMAP_FIXED` without `MREMAP_MAYMOVE`.
    FixedWithoutMayMove,
    /// `MREMAP_FIXED`, and the target would end beyond user space.
    TargetBeyondUserSpace,
    /// `MREMAP_FIXED`, and the target overlaps what is to move.
    TargetOverlaps,
    /// `mremap` of an address where nothing is mapped.
    NotMapped(VirtAddr),
    /// `mremap` of a range that goes beyond the end of its area.
    SeveralAreas(VirtAddr),
    /// `mremap` of an area that must keep its size (`VM_DONTEXPAND`).
    MayNotGrow,
    /// There is no room behind the area, and `MREMAP_MAYMOVE` is missing.
    NoRoomToGrow,
    /// `madvise` has found a hole; the areas around it are done.
    HoleSkipped(VirtAddr),
    /// `madvise` with a number that is no advice.
    UnknownAdvice(i32),
    /// `MADV_WILLNEED` of memory that is not in a file.
    NoFile,
    /// `MADV_DONTNEED` of locked memory.
    Locked,
    /// `mlockall` without flags, or with unknown ones.
    UnknownLockFlags,
    /// `mlock` or `mlockall` beyond `RLIMIT_MEMLOCK`.
    LocksTooMuch,
    /// No memory to split an area, which may be otherwise later.
    NotNow,
    /// `mlock` has locked the area, but cannot bring in its pages.
    NotPresent(NotPresent),
}

/// Why locked pages are not in memory.
///
/// Linux 2.6.12: `mm/memory.c`, `make_pages_present()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotPresent {
    /// The first page of the part of an area cannot be accessed.
    FirstPage,
    /// No memory for the first page.
    NoMemory,
    /// A later page cannot be had, for whatever reason: the kernel returns -1, which reads as
    /// `EPERM`.
    LaterPage,
}

impl AreaRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::Map(refusal) => refusal.errno(),
            Self::Wraps(errno) => errno,
            Self::GrowsBothWays
            | Self::UnknownProt(_)
            | Self::DoesNotGrow
            | Self::UnknownRemapFlags
            | Self::FixedWithoutMayMove
            | Self::TargetBeyondUserSpace
            | Self::TargetOverlaps
            | Self::UnknownAdvice(_)
            | Self::Locked
            | Self::UnknownLockFlags => Errno::EINVAL,
            Self::Hole(_) | Self::HoleSkipped(_) | Self::NoRoomToGrow | Self::LocksTooMuch => {
                Errno::ENOMEM
            }
            Self::RightsRefused(_) => Errno::EACCES,
            Self::NotMapped(_)
            | Self::SeveralAreas(_)
            | Self::MayNotGrow
            | Self::NotPresent(NotPresent::FirstPage) => Errno::EFAULT,
            Self::NoFile => Errno::EBADF,
            Self::NotNow | Self::NotPresent(NotPresent::NoMemory) => Errno::EAGAIN,
            Self::NotPresent(NotPresent::LaterPage) => Errno::EPERM,
        }
    }
}

impl From<MapRefusal> for AreaRefusal {
    fn from(refusal: MapRefusal) -> Self {
        Self::Map(refusal)
    }
}

impl fmt::Display for AreaRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Map(refusal) => return refusal.fmt(f),
            Self::Hole(addr) | Self::HoleSkipped(addr) | Self::NotMapped(addr) => {
                return write!(f, "nothing is mapped at {addr}");
            }
            Self::UnknownProt(prot) => {
                return write!(f, "prot has unknown bits: {:#x}", prot.bits());
            }
            Self::SeveralAreas(end) => {
                return write!(f, "the area ends at {end}, before the old length");
            }
            Self::UnknownAdvice(advice) => return write!(f, "there is no advice {advice}"),
            Self::RightsRefused(rights) if rights.contains(Prot::WRITE) => {
                "the area may never be writable"
            }
            Self::RightsRefused(_) => "the area may never have these rights",
            Self::GrowsBothWays => "PROT_GROWSDOWN and PROT_GROWSUP exclude each other",
            Self::Wraps(_) => "the range wraps around the end of memory",
            Self::DoesNotGrow => "the area does not grow that way",
            Self::UnknownRemapFlags => "unknown flags",
            Self::FixedWithoutMayMove => "MREMAP_FIXED requires MREMAP_MAYMOVE",
            Self::TargetBeyondUserSpace => "the target ends beyond user space (0xc0000000)",
            Self::TargetOverlaps => "the target overlaps the old range",
            Self::MayNotGrow => "the area must keep its size",
            Self::NoRoomToGrow => "there is no room behind the area, and it may not move",
            Self::NoFile => "the memory is not in a file",
            Self::Locked => "the memory is locked",
            Self::UnknownLockFlags => "no flags, or unknown ones",
            Self::LocksTooMuch => "the task would lock more than RLIMIT_MEMLOCK",
            Self::NotNow => "out of memory for another area",
            Self::NotPresent(NotPresent::FirstPage) => "the first page cannot be accessed",
            Self::NotPresent(NotPresent::NoMemory) => "out of memory for the first page",
            Self::NotPresent(NotPresent::LaterPage) => "a page after the first cannot be had",
        })
    }
}
