//! Calls of later kernels without which programs of a present-day glibc do not start. They exist only
//! on a machine that was booted with `compat`, and each use is traced as what it is: not in 2.6.12.
//! Most are another form of a call that 2.6.12 has.

use super::result::SysResult;
use super::table::nr;
use crate::abi::{Errno, F_SETFD, F_SETFL, FD_CLOEXEC, FUTEX_WAIT, O_NONBLOCK, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

/// Numbers of the later calls.
mod later {
    pub const OPENAT: u32 = 295;
    pub const FSTATAT64: u32 = 300;
    pub const PIPE2: u32 = 331;
}

/// Stands for the working directory where a later call takes the descriptor of a directory.
const AT_FDCWD: i32 = -100;
/// A flag of `fstatat64`: a symbolic link itself is meant.
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/// A flag of `fstatat64`: an empty path means the descriptor.
const AT_EMPTY_PATH: u32 = 0x1000;
/// A flag of `pipe2`: exec closes both ends.
const O_CLOEXEC: u32 = 0o2_000_000;
/// A flag of `futex`: no other process uses the word.
const FUTEX_PRIVATE_FLAG: u32 = 0x80;
/// A flag of `futex`: the timeout is of the clock that can be set.
const FUTEX_CLOCK_REALTIME: u32 = 0x100;
/// An operation of `futex`: `FUTEX_WAIT` for some of those that wake.
const FUTEX_WAIT_BITSET: u32 = 9;

/// The name of a later call.
pub(super) const fn later_name(nr: u16) -> Option<&'static str> {
    match nr as u32 {
        later::OPENAT => Some("openat"),
        later::FSTATAT64 => Some("fstatat64"),
        later::PIPE2 => Some("pipe2"),
        _ => None,
    }
}

/// A call as its registers ask for it: its number and its arguments.
type Asked = (u32, [u32; 6]);

/// The call of 2.6.12 that does what a call to the working directory does.
const fn at_working_directory(nr: u32, words: [u32; 6]) -> Option<Asked> {
    let [dir, path, third, fourth, ..] = words;
    if dir.cast_signed() != AT_FDCWD {
        return None;
    }
    match nr {
        later::OPENAT => Some((nr::open as u32, [path, third, fourth, 0, 0, 0])),
        _ if fourth & AT_SYMLINK_NOFOLLOW != 0 => Some((LSTAT64, [path, third, 0, 0, 0, 0])),
        _ => Some((STAT64, [path, third, 0, 0, 0, 0])),
    }
}

/// Numbers of calls that the table may not have yet.
const STAT64: u32 = 195;
const LSTAT64: u32 = 196;
const FSTAT64: u32 = 197;

/// A futex call without what came later: words of one process are found like all others, and a wait
/// for everybody is a plain wait.
const fn plain_futex(words: [u32; 6]) -> [u32; 6] {
    let [addr, op, val, timeout, addr2, mask] = words;
    let plain = op & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    if plain == FUTEX_WAIT_BITSET && mask == u32::MAX && timeout == 0 {
        return [addr, FUTEX_WAIT, val, 0, 0, 0];
    }
    [addr, plain, val, timeout, addr2, mask]
}

impl Kernel {
    /// The call that a task asks for, in the terms of 2.6.12.
    pub(super) fn in_terms_of_2_6_12(&mut self, current: TaskId, asked: Asked) -> Asked {
        let (number, words) = asked;
        if !self.config.compat {
            return asked;
        }
        let known = match number {
            later::OPENAT => at_working_directory(number, words),
            later::FSTATAT64 if words[3] & AT_EMPTY_PATH != 0 => {
                Some((FSTAT64, [words[0], words[2], 0, 0, 0, 0]))
            }
            later::FSTATAT64 => at_working_directory(number, words),
            _ if number == u32::from(nr::futex) => {
                let plain = plain_futex(words);
                (plain != words).then_some((number, plain))
            }
            _ => None,
        };
        if known.is_some() {
            self.trace_later_call(current, number);
        }
        known.unwrap_or(asked)
    }

    /// A call that has no form in 2.6.12; `None` if there is no such call either.
    pub(super) fn later_call(&mut self, current: TaskId, asked: Asked) -> Option<SysResult> {
        let (number, [fds, flags, ..]) = asked;
        if !self.config.compat || number != later::PIPE2 {
            return None;
        }
        self.trace_later_call(current, number);
        Some(self.sys_pipe2(current, VirtAddr(fds), flags).into())
    }

    fn trace_later_call(&mut self, current: TaskId, number: u32) {
        let nr = number as u16;
        self.trace(current, TraceEvent::LaterCall { nr });
    }

    /// `pipe` with flags for both ends.
    ///
    /// # Errors
    /// `EINVAL` for other flags; as for `pipe`.
    fn sys_pipe2(&mut self, current: TaskId, fds: VirtAddr, flags: u32) -> Result<u32, Errno> {
        if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
            return Err(Errno::EINVAL);
        }
        self.sys_pipe(current, fds)?;
        let ends: [u32; 2] = self.get_user_words(current, fds)?;
        // Both are open, so none of this can fail.
        for fd in ends {
            if flags & O_CLOEXEC != 0 {
                let _done = self.sys_fcntl(current, fd, F_SETFD, FD_CLOEXEC);
            }
            if flags & O_NONBLOCK != 0 {
                let _done = self.sys_fcntl(current, fd, F_SETFL, O_NONBLOCK);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_to_the_working_directory_is_the_old_call() {
        let cwd = AT_FDCWD.cast_unsigned();
        for (asked, known) in [
            (
                (295, [cwd, 7, 2, 0o644, 0, 0]),
                Some((5, [7, 2, 0o644, 0, 0, 0])),
            ),
            ((295, [3, 7, 2, 0o644, 0, 0]), None),
            ((300, [cwd, 7, 8, 0, 0, 0]), Some((195, [7, 8, 0, 0, 0, 0]))),
            (
                (300, [cwd, 7, 8, 0x100, 0, 0]),
                Some((196, [7, 8, 0, 0, 0, 0])),
            ),
        ] {
            assert_eq!(at_working_directory(asked.0, asked.1), known, "{asked:?}");
        }
    }

    #[test]
    fn what_futex_did_not_know_is_taken_off() {
        let all = u32::MAX;
        for (asked, plain) in [
            ([8, 0x80, 1, 0, 0, 0], [8, 0, 1, 0, 0, 0]),
            ([8, 0x81, 1, 0, 0, 0], [8, 1, 1, 0, 0, 0]),
            ([8, 0x189, 1, 0, 0, all], [8, 0, 1, 0, 0, 0]),
            ([8, 0x109, 1, 0, 0, all], [8, 0, 1, 0, 0, 0]),
            ([8, 0x109, 1, 0, 0, 5], [8, 9, 1, 0, 0, 5]),
            ([8, 4, 1, 2, 3, 4], [8, 4, 1, 2, 3, 4]),
        ] {
            assert_eq!(plain_futex(asked), plain, "{asked:?}");
        }
    }
}
