//! Whom a wait means, and the words for it: options, arguments, and why a child is passed over.

use crate::abi::{Errno, Pid, VirtAddr, WaitStatus, si_code};
use crate::kernel::signal::InfoTo;
use bitflags::bitflags;

bitflags! {
    /// Options of `wait4` and `waitid`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct WaitOptions: u32 {
        /// `WNOHANG`: return 0 at once if there is nothing to report.
        const NOHANG = 1;
        /// `WUNTRACED`, `WSTOPPED`: report stopped children too.
        const UNTRACED = 2;
        /// `WEXITED`: report children that have ended; `wait4` always does.
        const EXITED = 4;
        /// `WCONTINUED`: report children that went on after a stop.
        const CONTINUED = 8;
        /// `WNOWAIT`: leave what is reported to be reported again.
        const NOWAIT = 0x0100_0000;
        /// `__WNOTHREAD`: only children of this thread.
        const NOTHREAD = 0x2000_0000;
        /// `__WALL`: children with any exit signal.
        const ALL = 0x4000_0000;
        /// `__WCLONE`: only children whose exit signal is not SIGCHLD.
        const CLONE = 0x8000_0000;
    }
}

impl WaitOptions {
    /// What `wait4` takes.
    pub const WAIT4: Self = Self::NOHANG
        .union(Self::UNTRACED)
        .union(Self::CONTINUED)
        .union(Self::NOTHREAD)
        .union(Self::ALL)
        .union(Self::CLONE);
    /// What `waitid` wants one of.
    pub const EVENTS: Self = Self::EXITED.union(Self::UNTRACED).union(Self::CONTINUED);
    /// What `waitid` takes.
    pub const WAITID: Self = Self::EVENTS.union(Self::NOHANG).union(Self::NOWAIT);
}

/// What `wait4` and `waitid` are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WaitArgs {
    /// Above 0: that child; 0: the caller's process group; -1: any; below: that process group.
    pub pid: i32,
    /// Where `wait4` stores the status word; 0 for nowhere.
    pub status: VirtAddr,
    /// Options as given, with bits that may be unknown.
    pub options: u32,
    /// Where the usage is stored; 0 for nowhere.
    pub rusage: VirtAddr,
    /// Where `waitid` stores what happened.
    pub info: InfoTo,
}

impl WaitArgs {
    /// The options that are known.
    pub const fn flags(&self) -> WaitOptions {
        WaitOptions::from_bits_truncate(self.options)
    }
}

/// The arguments of `waitid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitidArgs {
    /// `P_ALL` 0, `P_PID` 1 or `P_PGID` 2.
    pub which: u32,
    /// The process or group.
    pub id: i32,
    /// Where what happened goes.
    pub info: InfoTo,
    /// Options as given.
    pub options: u32,
    /// Where the usage is stored; 0 for nowhere.
    pub rusage: VirtAddr,
}

impl WaitidArgs {
    /// The same as `do_wait` is told it.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `sys_waitid()`.
    ///
    /// # Errors
    /// `EINVAL` for unknown options, for none that says what to wait for, and for an unknown kind
    /// of number or one that is not positive: in this order.
    pub fn checked(&self) -> Result<WaitArgs, Errno> {
        let options = WaitOptions::from_bits(self.options).ok_or(Errno::EINVAL)?;
        if !WaitOptions::WAITID.contains(options) || !options.intersects(WaitOptions::EVENTS) {
            return Err(Errno::EINVAL);
        }
        let pid = match (self.which, self.id) {
            (0, _) => -1,
            (1, id @ 1..) => id,
            (2, id @ 1..) => -id,
            _ => return Err(Errno::EINVAL),
        };
        Ok(WaitArgs {
            pid,
            status: VirtAddr(0),
            options: self.options,
            rusage: self.rusage,
            info: self.info,
        })
    }
}

/// How `waitid` and SIGCHLD tell a child's end: the reason and what belongs to it.
///
/// Linux 2.6.12: `kernel/exit.c`, `wait_task_zombie()`; `kernel/signal.c`, `do_notify_parent()`.
pub const fn end_in_siginfo(code: u32) -> (i32, u32) {
    if code & 0x80 != 0 {
        (si_code::CLD_DUMPED, code & 0x7f)
    } else if code & 0x7f != 0 {
        (si_code::CLD_KILLED, code & 0x7f)
    } else {
        (si_code::CLD_EXITED, code >> 8)
    }
}

/// What a child reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The status word of `wait4`.
    pub status: WaitStatus,
    /// `si_code` of `waitid`.
    pub why: i32,
    /// `si_status` of `waitid`.
    pub value: u32,
}

/// Whether a child is one that the caller asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eligible {
    /// It is not.
    No(NotMeant),
    /// It is.
    Yes,
    /// It is a leader whose process still has other threads: it cannot be reaped yet.
    Delayed,
}

/// Why a child is not one that the caller asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMeant {
    /// It has another pid, or is in another process group.
    Other,
    /// It is a thread, whose end is reported to nobody.
    Thread,
    /// Its exit signal is of the kind that the options leave out.
    ExitSignal,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Process example 15, the part of waitid.
    #[test]
    fn what_waitid_refuses() {
        let pid = |which, id, options| {
            let args = WaitidArgs {
                which,
                id,
                info: InfoTo::Nowhere,
                options,
                rusage: VirtAddr(0),
            };
            args.checked().map(|args| args.pid)
        };
        for (which, id, options) in [
            (0, 0, 1),
            (1, 0, 4),
            (1, -3, 4),
            (2, 0, 4),
            (3, 1, 4),
            (0, 0, 0),
            (0, 0, 0x10 | 4),
            (0, 0, 0x4000_0004),
        ] {
            let refused = pid(which, id, options);
            assert_eq!(
                refused,
                Err(Errno::EINVAL),
                "waitid({which}, {id}, {options:#x})"
            );
        }
        assert_eq!(pid(0, -9, 4), Ok(-1));
        assert_eq!(pid(1, 7, 0x0100_000f), Ok(7));
        assert_eq!(pid(2, 7, 8), Ok(-7));
    }

    #[test]
    fn how_an_end_is_told() {
        assert_eq!(end_in_siginfo(0x0300), (si_code::CLD_EXITED, 3));
        assert_eq!(end_in_siginfo(0x000f), (si_code::CLD_KILLED, 15));
        assert_eq!(end_in_siginfo(0x008b), (si_code::CLD_DUMPED, 11));
    }
}
