//! Why the calls about processes are refused: the rule, which decides the error.

use crate::abi::{Errno, Pid, Rlimit};

/// Why `wait4` finds no child that matches its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoChild {
    /// The caller has no children.
    Childless,
    /// No task has that pid.
    NoSuchTask(Pid),
    /// The task with that pid is a child of another task.
    OfAnother {
        /// The task with that pid.
        task: Pid,
        /// The parent that can wait for it.
        parent: Pid,
    },
    /// The options exclude this child because of its exit signal.
    ExitSignal {
        /// The excluded child.
        child: Pid,
        /// Its exit signal; 0 for none.
        signal: u32,
    },
    /// This child is a thread, whose exit is reported to nobody.
    Thread(Pid),
    /// There are children, but none in that process group.
    NotInGroup,
}

/// The rule by which `setpgid` or `setsid` refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PgrpRefusal {
    /// The process group id is negative.
    NegativeGroup,
    /// No task has that pid.
    NoSuchTask,
    /// The task is a thread other than the leader of its process.
    NotALeader,
    /// The child is in another session.
    OtherSession,
    /// The child has called exec.
    HasExeced,
    /// The task is neither the caller nor one of its children.
    NotAChild,
    /// The task is a session leader.
    SessionLeader,
    /// No member of that group is in the caller's session.
    NoSuchGroup,
    /// There is already a process group with the caller's pid.
    GroupExists,
}

impl PgrpRefusal {
    /// The errno that the system call returns.
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

/// Why a limit was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RlimitRefusal {
    /// The soft limit would be above the hard one.
    SoftAboveHard,
    /// The hard limit would be raised.
    HardRaised,
    /// A descriptor limit above the maximum.
    BeyondNrOpen,
}

impl RlimitRefusal {
    /// The errno that the system call returns.
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
    /// The rule that is tested.
    pub rule: RlimitRefusal,
    /// The limit as it stays.
    pub old: Rlimit,
    /// The limit as it was to be.
    pub new: Rlimit,
}
