//! How a `timeval` becomes ticks and ticks become a `timeval`: in the kernel's fixed-point
//! arithmetic, with a tick that is a bit short of a millisecond.

use super::nanosleep::TICK_NSEC;

/// Seconds that the kernel converts at most.
const MAX_SEC: u64 = 0x7fff_fffe * TICK_NSEC / 1_000_000_000;
const SEC_SHIFT: u32 = 22;
const USEC_SHIFT: u32 = SEC_SHIFT + 19;
const SEC_CONVERSION: u64 = (1_000_000_000_u64 << SEC_SHIFT).div_ceil(TICK_NSEC);
const USEC_CONVERSION: u64 = (1_000_u64 << USEC_SHIFT).div_ceil(TICK_NSEC);
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
    let ns = jiffies * TICK_NSEC;
    let sec = ns / 1_000_000_000;
    (sec as u32, (ns % 1_000_000_000 / 1_000) as u32)
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
}
