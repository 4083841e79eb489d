//! `times`: CPU times and the time since boot, in the unit that user space counts in.

use crate::abi::{Errno, TICK_NSEC, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::task::UsageOf;

/// `NSEC_PER_SEC / USER_HZ`: user space counts in hundredths of a second.
const USER_TICK_NSEC: u64 = 10_000_000;

/// Ticks as user space counts them.
///
/// Linux 2.6.12: `include/linux/jiffies.h`, `jiffies_to_clock_t()`.
const fn jiffies_to_clock_t(jiffies: u64) -> u32 {
    (jiffies * TICK_NSEC / USER_TICK_NSEC) as u32
}

impl Kernel {
    /// Linux 2.6.12: `kernel/sys.c`, `sys_times()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_times(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        if addr != VirtAddr(0) {
            let own = self.k_getrusage(current, UsageOf::Process);
            let children = self.k_getrusage(current, UsageOf::Children);
            let times = [own.utime, own.stime, children.utime, children.stime];
            let words = times.map(|ticks| jiffies_to_clock_t(ticks.into()));
            self.put_user_words(current, addr, &words)?;
        }
        let jiffies = u64::from(self.config.initial_jiffies) + self.tick;
        Ok(jiffies_to_clock_t(jiffies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_of_a_second_is_a_bit_more_than_ten_ticks() {
        for (ticks, clock) in [(0, 0), (10, 0), (11, 1), (20, 1), (21, 2), (100_000, 9998)] {
            assert_eq!(jiffies_to_clock_t(ticks), clock, "{ticks}");
        }
    }
}
