//! `/proc/PID/oom_score` and `oom_adj`: how likely it is that a task is killed for want of memory.

use crate::abi::{Caps, Errno, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::UserBuffer;
use crate::kernel::mm::badness;

/// The adjustments that are accepted.
const OOM_ADJUST: std::ops::RangeInclusive<i32> = -16..=15;
/// How many characters of a written number are looked at.
const MAX_WRITE: u32 = 6;

/// The number at the start of a text, decimal, octal or hexadecimal, and how many characters it
/// takes; 0 and none if there is no number.
///
/// Linux 2.6.12: `lib/vsprintf.c`, `simple_strtol()` with base 0.
pub(super) fn simple_strtol(text: &[u8]) -> (i32, usize) {
    let (minus, start) = match text.first() {
        Some(b'-') => (-1, 1),
        _ => (1, 0),
    };
    let (base, prefix) = match text.get(start..).unwrap_or_default() {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (16, 2),
        [b'0', ..] => (8, 0),
        _ => (10, 0),
    };
    let digits = text.iter().skip(start + prefix);
    let digits = digits.map_while(|c| char::from(*c).to_digit(base));
    let (value, count) = digits.fold((0_i32, 0), |(value, count), digit| {
        let value = value.wrapping_mul(base as i32);
        (value.wrapping_add(digit as i32), count + 1)
    });
    match count {
        0 => (0, 0),
        count => (minus * value, start + prefix + count),
    }
}

impl Kernel {
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_oom_score()`.
    pub(super) fn proc_oom_score(&self, task: TaskId) -> String {
        format!("{}\n", badness(&self.badness_facts(task)))
    }

    /// Sets the adjustment.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `oom_adjust_write()`.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_RESOURCE; `EFAULT`; `EINVAL` beyond -16 to 15; `EIO` without a number,
    /// although 0 is set; `ESRCH` for a task that is gone.
    pub(super) fn oom_adjust_write(
        &mut self,
        task: TaskId,
        from: UserBuffer,
    ) -> Result<u32, Errno> {
        if !self.capable(from.task, Caps::SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        let mut bytes = vec![0; from.len.min(MAX_WRITE) as usize];
        self.copy_from_user(from.task, from.addr, &mut bytes)?;
        let (value, mut end) = simple_strtol(&bytes);
        if !OOM_ADJUST.contains(&value) {
            return Err(Errno::EINVAL);
        }
        if bytes.get(end) == Some(&b'\n') {
            end += 1;
        }
        if !self.tasks.contains_key(task) {
            return Err(Errno::ESRCH);
        }
        self.task_mut(task).oomkilladj = value;
        if end == 0 {
            return Err(Errno::EIO);
        }
        Ok(end as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_octal_or_hexadecimal() {
        for (text, expected) in [
            ("15\n", (15, 2)),
            ("-16", (-16, 3)),
            ("0x1f", (31, 4)),
            ("017", (15, 3)),
            ("0", (0, 1)),
            ("x", (0, 0)),
            ("-", (0, 0)),
            ("", (0, 0)),
        ] {
            assert_eq!(simple_strtol(text.as_bytes()), expected, "{text:?}");
        }
    }
}
