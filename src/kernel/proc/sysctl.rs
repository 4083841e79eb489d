//! `/proc/sys`: tunables as files, which are read and written as numbers.

use super::oom::simple_strtol;
use crate::abi::{Errno, InodeId, S_IFMT, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::UserBuffer;
use crate::kernel::sysctl::Sysctl;

/// The most characters of a written number that are looked at.
///
/// Linux 2.6.12: `kernel/sysctl.c`, `TMPBUFLEN`.
const TMPBUFLEN: usize = 22;
/// The permissions of a file of a tunable, and the bits that ask for them.
const MODE: u32 = 0o644;
const READ: u32 = 4;
const WRITE: u32 = 2;

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// What was written: the number, and how many characters were taken. None for what is no number.
///
/// Linux 2.6.12: `kernel/sysctl.c`, `do_proc_dointvec()`.
fn parse(text: &[u8]) -> Option<(i32, u32)> {
    let before = text.iter().take_while(|byte| is_space(**byte)).count();
    let rest = &text[before..];
    let number = &rest[..rest.len().min(TMPBUFLEN - 1)];
    let sign = usize::from(number.first() == Some(&b'-') && rest.len() > 1);
    if !number.get(sign).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (value, len) = simple_strtol(number);
    let behind = rest.get(len);
    if behind.is_some_and(|byte| *byte != 0 && !is_space(*byte)) {
        return None;
    }
    let after = rest[len..]
        .iter()
        .take_while(|byte| is_space(**byte))
        .count();
    Some((value, (before + len + after) as u32))
}

impl Kernel {
    /// What may be done with a tunable depends on the effective ids alone.
    ///
    /// Linux 2.6.12: `kernel/sysctl.c`, `test_perm()`.
    fn sysctl_permits(&self, task: TaskId, mode: u32, wanted: u32) -> bool {
        let cred = self.task(task).cred();
        let class = if cred.euid == 0 {
            mode >> 6
        } else if cred.egid == 0 || self.task(task).supplementary_groups().contains(&0) {
            mode >> 3
        } else {
            mode
        };
        class & wanted & 7 == wanted
    }

    /// Linux 2.6.12: `kernel/sysctl.c`, `proc_sys_permission()`.
    ///
    /// # Errors
    /// `EACCES`.
    pub(in crate::kernel) fn proc_sys_permission(
        &self,
        task: TaskId,
        inode: InodeId,
        wanted: u32,
    ) -> Result<(), Errno> {
        let mode = self.inodes[inode].attr.mode & !S_IFMT;
        if self.sysctl_permits(task, mode, wanted) {
            Ok(())
        } else {
            Err(Errno::EACCES)
        }
    }

    /// The number with a newline, as a signed one if the kernel keeps it so.
    ///
    /// # Errors
    /// `EPERM`.
    pub(super) fn sysctl_text(&self, task: TaskId, sysctl: Sysctl) -> Result<Vec<u8>, Errno> {
        if !self.sysctl_permits(task, MODE, READ) {
            return Err(Errno::EPERM);
        }
        let value = self.config.sysctls.get(sysctl);
        let text = if sysctl.is_unsigned() {
            value.to_string()
        } else {
            value.cast_signed().to_string()
        };
        Ok((text + "\n").into_bytes())
    }

    /// Sets a tunable from the number that was written, wherever in the file.
    ///
    /// Linux 2.6.12: `kernel/sysctl.c`, `do_rw_proc()` and `do_proc_dointvec()`.
    ///
    /// # Errors
    /// `EPERM`; `EFAULT`; `EINVAL` for no number, and beyond the limits.
    pub(super) fn sysctl_write(
        &mut self,
        sysctl: Sysctl,
        pos: &mut u32,
        from: UserBuffer,
    ) -> Result<u32, Errno> {
        if !self.sysctl_permits(from.task, MODE, WRITE) {
            return Err(Errno::EPERM);
        }
        if from.len == 0 {
            return Ok(0);
        }
        let mut text = vec![0; from.len as usize];
        self.copy_from_user(from.task, from.addr, &mut text)?;
        let (value, taken) = parse(&text).ok_or(Errno::EINVAL)?;
        let beyond = |max: u32| value < 0 || value.cast_unsigned() > max;
        if sysctl.max().is_some_and(beyond) {
            return Err(Errno::EINVAL);
        }
        // A size has no sign: what has one is passed over.
        if value >= 0 || !sysctl.is_unsigned() {
            self.set_sysctl(sysctl, value.cast_unsigned());
        }
        *pos += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_have_blanks_around_it_and_nothing_else() {
        for (text, expected) in [
            ("60\n", Some((60, 3))),
            ("  7  \n", Some((7, 6))),
            ("-1", Some((-1, 2))),
            ("0x10\n", Some((16, 5))),
            ("1 2\n", Some((1, 2))),
            ("1x", None),
            ("-", None),
            ("\n", None),
            ("x", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }
}
