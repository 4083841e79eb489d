//! `sysinfo`: the time since boot, the load, memory and the number of tasks.

use crate::abi::{Errno, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;

impl Kernel {
    /// Stores a `struct sysinfo`. There is no high memory, and no block device whose
    /// buffers would count.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_sysinfo()`; `arch/i386/mm/pgtable.c`, `si_meminfo()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_sysinfo(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let since = self.monotonic_time();
        let uptime = since.sec + i32::from(since.nsec != 0);
        let [one, five, fifteen] = self.load.loads();
        let bytes = |pages: u32| pages.wrapping_mul(PAGE_SIZE);
        let mut info = [0; 16];
        info[..4].copy_from_slice(&[uptime.cast_unsigned(), one, five, fifteen]);
        info[4] = bytes(self.totalram_pages);
        info[5] = bytes(self.mem.nr_free_pages());
        info[8] = bytes(self.swap().total_swap_pages());
        info[9] = bytes(self.swap().nr_swap_pages());
        // A 16-bit field, and as many bits of padding.
        info[10] = self.nr_threads() & 0xffff;
        // The unit of the sizes: with so little memory it is a byte.
        info[13] = 1;
        self.put_user_words(current, addr, &info).map(|()| 0)
    }
}
