//! Which children a wait applies to: options, arguments, and why a child is skipped.

use crate::abi::{Errno, P_ALL, P_PGID, P_PID, VirtAddr, WaitOptions, WaitStatus, si_code};
use crate::kernel::syscall::{WaitArgs, WaitidArgs};

impl WaitidArgs {
    /// The same arguments in the form that `do_wait` takes.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `sys_waitid()`.
    ///
    /// # Errors
    /// `EINVAL` for unknown options, for none that selects an event, and for an unknown id type or
    /// an id that is not positive, in this order.
    pub fn checked(&self) -> Result<WaitArgs, Errno> {
        let options = WaitOptions::from_bits(self.options).ok_or(Errno::EINVAL)?;
        if !WaitOptions::WAITID.contains(options) || !options.intersects(WaitOptions::EVENTS) {
            return Err(Errno::EINVAL);
        }
        let pid = match (self.which, self.id) {
            (P_ALL, _) => -1,
            (P_PID, id @ 1..) => id,
            (P_PGID, id @ 1..) => -id,
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

/// How `waitid` and SIGCHLD report a child's exit: `si_code` and `si_status`.
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

/// What is reported about a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The wait status for `wait4`.
    pub status: WaitStatus,
    /// `si_code` of `waitid`.
    pub why: i32,
    /// `si_status` of `waitid`.
    pub value: u32,
}

/// Whether a wait applies to a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eligible {
    /// It does not, with the reason.
    No(NotMeant),
    /// The child is eligible.
    Yes,
    /// It is a leader whose process still has other threads: it cannot be reaped yet.
    Delayed,
}

/// Why a wait does not apply to a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMeant {
    /// It has another pid, or is in another process group.
    Other,
    /// It is a thread, whose exit is reported to nobody.
    Thread,
    /// The options exclude its exit signal.
    ExitSignal,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::syscall::InfoTo;

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
