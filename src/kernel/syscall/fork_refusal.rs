//! Why `do_fork` makes no task, in words with the figures that belong to them.

use crate::abi::Errno;
use crate::trace::{CloneRefusal, NoMemory};
use std::fmt;

/// Why a fork-like call failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkRefusal {
    /// Every pid is taken.
    NoPid {
        /// The limit on pids.
        pid_max: u32,
    },
    /// A rule of `copy_process` or an allocation in it failed.
    CopyProcess(CloneRefusal),
}

impl ForkRefusal {
    /// The error that the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::NoPid { .. } => Errno::EAGAIN,
            Self::CopyProcess(refusal) => refusal.errno(),
        }
    }
}

impl From<CloneRefusal> for ForkRefusal {
    fn from(refusal: CloneRefusal) -> Self {
        Self::CopyProcess(refusal)
    }
}

impl fmt::Display for ForkRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPid { pid_max } => write!(f, "every pid below pid_max ({pid_max}) is in use"),
            Self::CopyProcess(CloneRefusal::NoMemory(NoMemory::Overcommitted(overcommit))) => {
                write!(
                    f,
                    "the child needs as much memory committed as its parent has: {overcommit}"
                )
            }
            Self::CopyProcess(rule @ CloneRefusal::NoMemory(NoMemory::Forced(what))) => {
                write!(f, "{rule} (forced: no {what})")
            }
            Self::CopyProcess(CloneRefusal::ParentTidFault(addr)) => write!(
                f,
                "CLONE_PARENT_SETTID cannot store the tid at parent_tid {addr}"
            ),
            Self::CopyProcess(rule) => write!(f, "{rule}"),
        }
    }
}
