//! Why the calls about processes are refused: the rule, which decides the error.

use crate::abi::{Errno, Pid, Rlimit};

/// Why `wait4` finds no child that the arguments could mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoChild {
    /// The caller has no children.
    Childless,
    /// No task has that pid.
    NoSuchTask(Pid),
    /// The task of that pid is a child of another.
    OfAnother {
        /// The task.
        task: Pid,
        /// Its parent.
        parent: Pid,
    },
    /// The options leave this child out, for its exit signal.
    ExitSignal {
        /// The child.
        child: Pid,
        /// Its exit signal; 0 for none.
        signal: u32,
    },
    /// This child is a thread, whose end is reported to nobody.
    Thread(Pid),
    /// There are children, but none in that process group.
    NotInGroup,
}

/// Which rule of `setpgid` or `setsid` refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PgrpRefusal {
    /// The group's number is negative.
    NegativeGroup,
    /// No task has that number.
    NoSuchTask,
    /// The task is no process, but a thread of one.
    NotALeader,
    /// The child is in another session.
    OtherSession,
    /// The child has called exec.
    HasExeced,
    /// The task is neither the caller nor a child of it.
    NotAChild,
    /// The task leads its session.
    SessionLeader,
    /// No member of that group is in the caller's session.
    NoSuchGroup,
    /// A process group has the caller's number already.
    GroupExists,
}

impl PgrpRefusal {
    /// What the system call returns.
    pub const fn errno(self) -> Errno {
        match self {
            Self::NegativeGroup | Self::NotALeader => Errno::EINVAL,
            Self::NoSuchTask | Self::NotAChild => Errno::ESRCH,
            Self::HasExeced => Errno::EACCES,
            Self::OtherSession | Self::SessionLeader | Self::NoSuchGroup | Self::GroupExists => {
                Errno::EPERM
            }
        }
    }
}

/// Why a limit is not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RlimitRefusal {
    /// The soft limit is above the hard one.
    SoftAboveHard,
    /// The hard limit would be raised.
    HardRaised,
    /// More descriptors than any table can have.
    BeyondNrOpen,
}

impl RlimitRefusal {
    /// The error that the caller gets.
    pub const fn errno(self) -> Errno {
        match self {
            Self::SoftAboveHard => Errno::EINVAL,
            Self::HardRaised | Self::BeyondNrOpen => Errno::EPERM,
        }
    }
}

/// A limit that is not set, with the figures that the rule has looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitRefusal {
    /// The rule.
    pub rule: RlimitRefusal,
    /// The limit as it stays.
    pub old: Rlimit,
    /// The limit as it was to be.
    pub new: Rlimit,
}
