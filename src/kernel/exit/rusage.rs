//! Resource usage: the sums that a process keeps for its dead threads and reaped children, and
//! `getrusage`.

use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::task::{Usage, UsageOf};
use crate::kernel::time::jiffies_to_timeval;

impl Usage {
    /// The 18 words of `struct rusage`.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `k_getrusage()`.
    fn words(&self) -> [u32; 18] {
        let mut words = [0; 18];
        (words[0], words[1]) = jiffies_to_timeval(u64::from(self.utime));
        (words[2], words[3]) = jiffies_to_timeval(u64::from(self.stime));
        words[8] = self.min_flt;
        words[9] = self.maj_flt;
        words[16] = self.nvcsw;
        words[17] = self.nivcsw;
        words
    }
}

impl Kernel {
    /// The resource usage of one task.
    pub(in crate::kernel) fn task_usage(&self, task: TaskId) -> Usage {
        let (stat, task) = (self.sched.stat(task), self.task(task));
        Usage {
            utime: task.utime,
            stime: task.stime,
            min_flt: task.min_flt,
            maj_flt: task.maj_flt,
            nvcsw: stat.nvcsw,
            nivcsw: stat.nivcsw,
            sched_time: stat.sched_time,
        }
    }

    /// Linux 2.6.12: `kernel/sys.c`, `k_getrusage()`.
    pub fn k_getrusage(&self, task: TaskId, of: UsageOf) -> Usage {
        let signal = self.signal_of(task);
        let mut usage = match of {
            UsageOf::Process => Usage::default(),
            UsageOf::Children => return signal.reaped,
            UsageOf::Both => signal.reaped,
        };
        usage += signal.dead;
        for thread in self.threads(task) {
            usage += self.task_usage(thread);
        }
        usage
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_getrusage()`.
    ///
    /// # Errors
    /// `EINVAL` for anything but the process and its children; `EFAULT`.
    pub(in crate::kernel) fn sys_getrusage(
        &mut self,
        current: TaskId,
        who: i32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let of = UsageOf::from_word(who).ok_or(Errno::EINVAL)?;
        self.put_rusage(current, current, of, addr).map(|()| 0)
    }

    /// Stores the usage of a task in the caller's memory.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `getrusage()`.
    pub(super) fn put_rusage(
        &mut self,
        current: TaskId,
        task: TaskId,
        of: UsageOf,
        addr: VirtAddr,
    ) -> Result<(), Errno> {
        let words = self.k_getrusage(task, of).words();
        self.put_user_words(current, addr, &words)
    }

    /// Stores the words of a structure in the caller's memory.
    ///
    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `copy_to_user()`.
    pub(in crate::kernel) fn put_user_words(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        words: &[u32],
    ) -> Result<(), Errno> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.copy_to_user(current, addr, &bytes)
    }

    /// Reads the words of a structure from the caller's memory.
    ///
    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `copy_from_user()`.
    pub(in crate::kernel) fn get_user_words<const N: usize>(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<[u32; N], Errno> {
        let mut bytes = vec![0; 4 * N];
        self.copy_from_user(current, addr, &mut bytes)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        Ok(words)
    }
}
