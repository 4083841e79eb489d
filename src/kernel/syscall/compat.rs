//! Calls of later kernels without which programs of a present-day glibc do not start. They exist only
//! on a machine that was booted with `compat`, and each use is traced as what it is: not in 2.6.12.
//! Most are another form of a call that 2.6.12 has.

use super::result::SysResult;
use super::table::nr;
use crate::abi::{
    Errno, F_DUPFD, F_SETFD, F_SETFL, FD_CLOEXEC, FUTEX_WAIT, O_NONBLOCK, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::trace::TraceEvent;

/// Numbers of the later calls.
mod later {
    pub const OPENAT: u32 = 295;
    pub const MKNODAT: u32 = 297;
    pub const FSTATAT64: u32 = 300;
    pub const PSELECT6: u32 = 308;
    pub const PIPE2: u32 = 331;
}

/// Stands for the working directory where a later call takes the descriptor of a directory.
const AT_FDCWD: i32 = -100;
/// A flag of `fstatat64`: a symbolic link itself is meant.
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/// A flag of `fstatat64`: an empty path means the descriptor.
const AT_EMPTY_PATH: u32 = 0x1000;
/// A command of `fcntl`: a duplicate that exec closes.
const F_DUPFD_CLOEXEC: u32 = 1030;
/// A flag of `pipe2` and `openat`: exec closes what they open.
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
        later::MKNODAT => Some("mknodat"),
        later::FSTATAT64 => Some("fstatat64"),
        later::PSELECT6 => Some("pselect6"),
        later::PIPE2 => Some("pipe2"),
        _ => None,
    }
}

/// A call as its registers ask for it: its number and its arguments.
type Asked = (u32, [u32; 6]);

/// The call of 2.6.12 that does in the working directory what a later one does in a directory.
const fn in_directory(nr: u32, words: [u32; 6]) -> Asked {
    let [_, path, third, fourth, ..] = words;
    let (nr, words) = match nr {
        later::OPENAT => (nr::open, [path, third, fourth, 0, 0, 0]),
        later::MKNODAT => (nr::mknod, [path, third, fourth, 0, 0, 0]),
        _ if fourth & AT_SYMLINK_NOFOLLOW != 0 => (nr::lstat64, [path, third, 0, 0, 0, 0]),
        _ => (nr::stat64, [path, third, 0, 0, 0, 0]),
    };
    (nr as u32, words)
}

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
    /// Makes a call, which may be a later one in terms of an older one.
    pub(super) fn call_asked(&mut self, current: TaskId, asked: Asked) -> SysResult {
        if !self.config.compat {
            return self.known_call(current, asked);
        }
        let (number, words) = asked;
        match number {
            later::OPENAT => {
                let opened = self.call_at(current, asked);
                self.close_on_exec_if(current, words[2] & O_CLOEXEC, opened)
            }
            later::FSTATAT64 | later::MKNODAT => self.call_at(current, asked),
            _ if number == u32::from(nr::fcntl64) && words[1] == F_DUPFD_CLOEXEC => {
                self.trace_later_call(current, number);
                let duplicated =
                    self.known_call(current, (number, [words[0], F_DUPFD, words[2], 0, 0, 0]));
                self.close_on_exec_if(current, O_CLOEXEC, duplicated)
            }
            later::PIPE2 => {
                self.trace_later_call(current, number);
                self.sys_pipe2(current, VirtAddr(words[0]), words[1]).into()
            }
            later::PSELECT6 if self.has_no_mask(current, words[5]) => {
                self.trace_later_call(current, number);
                self.task_mut(current).in_call.keep(None);
                let [n, read, write, except, time, _] = words;
                self.sys_pselect6(current, [n, read, write, except, time])
            }
            _ if number == u32::from(nr::futex) && plain_futex(words) != words => {
                self.trace_later_call(current, number);
                self.known_call(current, (number, plain_futex(words)))
            }
            _ => self.known_call(current, asked),
        }
    }

    /// Lets exec close a new descriptor if a flag asks for it. (A fifo that is waited for has no
    /// descriptor yet: it stays open.)
    fn close_on_exec_if(&mut self, current: TaskId, flag: u32, result: SysResult) -> SysResult {
        if let SysResult::Done(Ok(fd)) = result
            && flag != 0
        {
            // It is open, so this cannot fail.
            let _done = self.sys_fcntl(current, fd, F_SETFD, FD_CLOEXEC);
        }
        result
    }

    /// A call with the descriptor of a directory in front of its path.
    fn call_at(&mut self, current: TaskId, asked: Asked) -> SysResult {
        let (number, words) = asked;
        self.trace_later_call(current, number);
        let [fd, path, buffer, flags, ..] = words;
        let mut first = [0];
        if let Err(errno) = self.copy_from_user(current, VirtAddr(path), &mut first) {
            return Err(errno).into();
        }
        let [first] = first;
        let is_cwd = fd.cast_signed() == AT_FDCWD;
        if first == 0 && !is_cwd && number == later::FSTATAT64 && flags & AT_EMPTY_PATH != 0 {
            return self.known_call(current, (nr::fstat64.into(), [fd, buffer, 0, 0, 0, 0]));
        }
        let known = in_directory(number, words);
        if is_cwd || first == b'/' {
            return self.known_call(current, known);
        }
        match self.directory_of(current, fd) {
            // The path is walked before the call may have to wait.
            Ok(dir) => self.with_cwd(current, dir, |kernel| kernel.known_call(current, known)),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Makes a call of 2.6.12.
    fn known_call(&mut self, current: TaskId, asked: Asked) -> SysResult {
        match self.decode(current, asked) {
            Ok(call) => self.make_call(current, call),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Whether the last argument of `pselect6` brings no signal mask. 2.6.12 could not put one in
    /// place for the time of a `select`.
    fn has_no_mask(&mut self, current: TaskId, argument: u32) -> bool {
        argument == 0
            || self
                .get_user_words(current, VirtAddr(argument))
                .is_ok_and(|[mask]: [u32; 1]| mask == 0)
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
    fn a_call_in_a_directory_is_the_old_call() {
        for (asked, known) in [
            ((295, [3, 7, 2, 0o644, 0, 0]), (5, [7, 2, 0o644, 0, 0, 0])),
            ((297, [3, 7, 8, 9, 0, 0]), (14, [7, 8, 9, 0, 0, 0])),
            ((300, [3, 7, 8, 0, 0, 0]), (195, [7, 8, 0, 0, 0, 0])),
            ((300, [3, 7, 8, 0x100, 0, 0]), (196, [7, 8, 0, 0, 0, 0])),
        ] {
            assert_eq!(in_directory(asked.0, asked.1), known, "{asked:?}");
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
