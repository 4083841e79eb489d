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
}

impl AreaRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::Map(refusal) => refusal.errno(),
            Self::Wraps(errno) => errno,
            Self::GrowsBothWays | Self::UnknownProt(_) | Self::DoesNotGrow => Errno::EINVAL,
            Self::Hole(_) => Errno::ENOMEM,
            Self::RightsRefused(_) => Errno::EACCES,
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
        match self {
            Self::Map(refusal) => refusal.fmt(f),
            Self::GrowsBothWays => {
                write!(f, "PROT_GROWSDOWN and PROT_GROWSUP exclude each other")
            }
            Self::Wraps(_) => write!(f, "the range wraps around the end of memory"),
            Self::UnknownProt(prot) => write!(f, "prot has unknown bits: {:#x}", prot.bits()),
            Self::Hole(addr) => write!(f, "nothing is mapped at {addr}"),
            Self::DoesNotGrow => write!(f, "the area does not grow that way"),
            Self::RightsRefused(rights) if rights.contains(Prot::WRITE) => {
                write!(f, "the area may never be writable")
            }
            Self::RightsRefused(_) => write!(f, "the area may never have these rights"),
        }
    }
}
