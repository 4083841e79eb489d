//! Conversion between `timeval`s and ticks, in the kernel's fixed-point arithmetic, with a tick
//! that is slightly shorter than a millisecond.

use crate::abi::TICK_NSEC;

const NSEC_PER_SEC: u64 = 1_000_000_000;
/// `MAX_SEC_IN_JIFFIES`: the number of seconds in `MAX_JIFFY_OFFSET` jiffies.
const MAX_SEC: u64 = 0x7fff_fffe * TICK_NSEC / NSEC_PER_SEC;
const SEC_SHIFT: u32 = 22;
const USEC_SHIFT: u32 = SEC_SHIFT + 19;
const NSEC_SHIFT: u32 = SEC_SHIFT + 29;
const SEC_CONVERSION: u64 = (NSEC_PER_SEC << SEC_SHIFT).div_ceil(TICK_NSEC);
const USEC_CONVERSION: u64 = (1_000_u64 << USEC_SHIFT).div_ceil(TICK_NSEC);
const NSEC_CONVERSION: u64 = (1_u64 << NSEC_SHIFT).div_ceil(TICK_NSEC);
const USEC_ROUND: u64 = (1 << USEC_SHIFT) - 1;

/// Linux 2.6.12: `include/linux/jiffies.h`, `timeval_to_jiffies()`: rounded up.
pub(super) const fn timeval_to_jiffies(sec: u32, usec: u32) -> u64 {
    let (mut sec, mut usec) = (sec as u64, usec as u64);
    if sec >= MAX_SEC {
        (sec, usec) = (MAX_SEC, 0);
    }
    let part = usec.wrapping_mul(USEC_CONVERSION).wrapping_add(USEC_ROUND);
    (sec * SEC_CONVERSION + (part >> (USEC_SHIFT - SEC_SHIFT))) >> SEC_SHIFT
}

/// Linux 2.6.12: `include/linux/jiffies.h`, `jiffies_to_timeval()`: seconds and microseconds.
pub(in crate::kernel) const fn jiffies_to_timeval(jiffies: u64) -> (u32, u32) {
    let (sec, nsec) = jiffies_to_timespec(jiffies);
    (sec as u32, nsec as u32 / 1_000)
}

/// Linux 2.6.12: `include/linux/jiffies.h`, `timespec_to_jiffies()`: rounded up. Nobody has checked
/// the time: numbers wrap as they do in the kernel.
pub(in crate::kernel) const fn timespec_to_jiffies(sec: i32, nsec: i32) -> u32 {
    let (mut sec, mut nsec) = (sec as u32 as u64, nsec.wrapping_add(TICK_NSEC as i32 - 1));
    if sec >= MAX_SEC {
        (sec, nsec) = (MAX_SEC, 0);
    }
    let part = (nsec as u64).wrapping_mul(NSEC_CONVERSION);
    ((sec * SEC_CONVERSION).wrapping_add(part >> (NSEC_SHIFT - SEC_SHIFT)) >> SEC_SHIFT) as u32
}

/// The ticks of a time that is already rounded, in 64 bits.
///
/// Linux 2.6.12: `kernel/posix-timers.c`, `tstojiffie()`.
pub(super) const fn timespec_to_jiffies_64(sec: u64, nsec: u64) -> u64 {
    let part = (nsec * NSEC_CONVERSION) >> (NSEC_SHIFT - SEC_SHIFT);
    (sec * SEC_CONVERSION + part) >> SEC_SHIFT
}

/// Linux 2.6.12: `include/linux/jiffies.h`, `jiffies_to_timespec()`: seconds and nanoseconds.
pub(super) const fn jiffies_to_timespec(jiffies: u64) -> (i32, i32) {
    let ns = jiffies * TICK_NSEC;
    ((ns / NSEC_PER_SEC) as i32, (ns % NSEC_PER_SEC) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeval_is_rounded_up_to_ticks_that_are_a_bit_short() {
        for (sec, usec, jiffies) in [
            (0, 0, 0),
            (0, 1, 1),
            (0, 999, 1),
            (0, 1_000, 2),
            (0, 10_000, 11),
            (1, 0, 1001),
            (2, 0, 2001),
            (10, 0, 10_002),
        ] {
            assert_eq!(timeval_to_jiffies(sec, usec), jiffies, "{sec} s {usec} us");
        }
        assert_eq!(jiffies_to_timeval(1001), (1, 847));
        assert_eq!(jiffies_to_timeval(1), (0, 999));
    }

    #[test]
    fn a_timespec_is_rounded_up_to_ticks_that_are_a_bit_short() {
        for (sec, nsec, jiffies) in [
            (0, 10_000_000, 11),
            (0, 1_000_000, 2),
            (0, 0, 0),
            (0, 1, 1),
            (0, 999_848, 1),
            (0, 999_849, 2),
            (1, 0, 1001),
            (i32::MAX, 0, 2_147_483_417),
        ] {
            let ticks = timespec_to_jiffies(sec, nsec);
            assert_eq!(ticks, jiffies, "{sec} s {nsec} ns");
        }
        assert_eq!(jiffies_to_timespec(1001), (1, 847_848));
    }
}
