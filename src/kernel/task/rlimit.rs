//! Resource limits: every process has soft limits, which are enforced, and hard limits, which bound
//! them.

use super::{SendInfo, UsageOf};
use crate::abi::{Caps, Errno, HZ, RLIM_INFINITY, Resource, Rlimit, Signal, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{LimitRefusal, RlimitRefusal, SysError};
use std::ops::{Index, IndexMut};

/// The highest hard limit for descriptors.
///
/// Linux 2.6.12: `include/linux/fs.h`, `NR_OPEN`.
pub const NR_OPEN: u32 = 1 << 20;

/// The limits of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rlimits([Rlimit; Resource::ALL.len()]);

impl Index<Resource> for Rlimits {
    type Output = Rlimit;

    fn index(&self, resource: Resource) -> &Rlimit {
        &self.0[resource as usize]
    }
}

impl IndexMut<Resource> for Rlimits {
    fn index_mut(&mut self, resource: Resource) -> &mut Rlimit {
        &mut self.0[resource as usize]
    }
}

impl Rlimits {
    /// The limits that `init` starts with.
    ///
    /// Linux 2.6.12: `include/asm-generic/resource.h`, `INIT_RLIMITS`; `kernel/fork.c`,
    /// `fork_init()`.
    pub fn initial(max_threads: u32) -> Self {
        /// Descriptors of a process.
        const INR_OPEN: u32 = 1024;
        /// Locked memory, bytes.
        const MLOCK_LIMIT: u32 = 32 << 10;
        /// POSIX message queues of a user, bytes.
        const MQ_BYTES_MAX: u32 = 819_200;
        /// `_STK_LIM`: the size to which the stack may grow, bytes.
        const STK_LIM: u32 = 8 << 20;
        let mut limits = Self([Rlimit::UNLIMITED; Resource::ALL.len()]);
        limits[Resource::Stack].cur = STK_LIM;
        limits[Resource::Core].cur = 0;
        limits[Resource::Nproc] = Rlimit::both(max_threads / 2);
        limits[Resource::Nofile] = Rlimit::both(INR_OPEN);
        limits[Resource::Memlock] = Rlimit::both(MLOCK_LIMIT);
        limits[Resource::Sigpending] = Rlimit::both(max_threads / 2);
        limits[Resource::Msgqueue] = Rlimit::both(MQ_BYTES_MAX);
        limits
    }
}

/// Checks whether a limit may be set, by a caller with or without CAP_SYS_RESOURCE.
///
/// Linux 2.6.12: `kernel/sys.c`, `sys_setrlimit()`.
///
/// # Errors
/// The first rule that forbids it.
pub fn check_setrlimit(
    resource: Resource,
    old: Rlimit,
    new: Rlimit,
    capable: bool,
) -> Result<(), RlimitRefusal> {
    if new.cur > new.max {
        return Err(RlimitRefusal::SoftAboveHard);
    }
    if new.max > old.max && !capable {
        return Err(RlimitRefusal::HardRaised);
    }
    if resource == Resource::Nofile && new.max > NR_OPEN {
        return Err(RlimitRefusal::BeyondNrOpen);
    }
    Ok(())
}

/// What happens when a process has used up another second of CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CpuLimit {
    /// No signal is sent.
    Keeps,
    /// The soft limit is reached: SIGXCPU, and one more second.
    Warns,
    /// The hard limit is reached: SIGKILL.
    Kills,
}

/// What the CPU time limit demands after that many seconds.
///
/// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `check_process_timers()`.
const fn cpu_limit(limit: Rlimit, seconds: u32) -> CpuLimit {
    // An expiry time of 0 means none: 2.6.12 never notices a limit of 0 seconds.
    if limit.cur == RLIM_INFINITY || limit.cur == 0 {
        CpuLimit::Keeps
    } else if seconds >= limit.max {
        CpuLimit::Kills
    } else if seconds >= limit.cur {
        CpuLimit::Warns
    } else {
        CpuLimit::Keeps
    }
}

impl Kernel {
    /// The resource limits of a task's process.
    pub fn rlimits(&self, task: TaskId) -> Rlimits {
        match self.task(task).signal {
            Some(id) => self.signals[id].rlimits,
            // An idle task has those of `init_task`: it makes the address space of init at boot.
            None => Rlimits::initial(self.max_threads),
        }
    }

    /// The soft limit of a task's process.
    pub fn rlimit(&self, task: TaskId, resource: Resource) -> u32 {
        match self.task(task).signal {
            // In place: all sixteen of them are 128 bytes.
            Some(id) => self.signals[id].rlimits[resource].cur,
            None => self.rlimits(task)[resource].cur,
        }
    }

    /// The resource limits of a task's process, to be set without the checks of `setrlimit`.
    pub fn rlimits_mut(&mut self, task: TaskId) -> &mut Rlimits {
        &mut self.signal_of_mut(task).rlimits
    }

    /// Sets a limit of the current task's process.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_setrlimit()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown resource, and for a soft limit above the hard one; `EPERM` for
    /// raising a hard limit without CAP_SYS_RESOURCE, and for more than `NR_OPEN` descriptors.
    pub(in crate::kernel) fn sys_setrlimit(
        &mut self,
        current: TaskId,
        resource: u32,
        new: Rlimit,
    ) -> Result<u32, SysError> {
        let resource = Resource::from_number(resource).ok_or(Errno::EINVAL)?;
        let old = self.rlimits(current)[resource];
        // Only a task that needs the privilege is recorded as having used it.
        let capable =
            new.cur <= new.max && new.max > old.max && self.capable(current, Caps::SYS_RESOURCE);
        check_setrlimit(resource, old, new, capable).map_err(|rule| LimitRefusal {
            rule,
            old,
            new,
        })?;
        self.signal_of_mut(current).rlimits[resource] = new;
        Ok(0)
    }

    /// Stores a limit in the caller's memory; the old call stores at most 2^31 - 1.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_getrlimit()` and `sys_old_getrlimit()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown resource; `EFAULT`.
    pub(in crate::kernel) fn sys_getrlimit(
        &mut self,
        current: TaskId,
        resource: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        self.put_rlimit(current, resource, addr, RLIM_INFINITY)
    }

    /// The call of old, for which a limit is a signed word.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_old_getrlimit()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown resource; `EFAULT`.
    pub(in crate::kernel) fn sys_old_getrlimit(
        &mut self,
        current: TaskId,
        resource: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        self.put_rlimit(current, resource, addr, i32::MAX as u32)
    }

    /// Stores a limit in the caller's memory, as `most` if it is more.
    fn put_rlimit(
        &mut self,
        current: TaskId,
        resource: u32,
        addr: VirtAddr,
        most: u32,
    ) -> Result<u32, Errno> {
        let resource = Resource::from_number(resource).ok_or(Errno::EINVAL)?;
        let limit = self.rlimits(current)[resource];
        let words = [limit.cur.min(most), limit.max.min(most)];
        self.put_user_words(current, addr, &words).map(|()| 0)
    }

    /// Checks the CPU time of the running task's process, once per tick.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `check_process_timers()`.
    pub(in crate::kernel) fn check_cpu_limit(&mut self, current: TaskId) {
        let limit = self.rlimits(current)[Resource::Cpu];
        if limit.cur == RLIM_INFINITY {
            return;
        }
        let used = self.k_getrusage(current, UsageOf::Process);
        let signal = match cpu_limit(limit, (used.utime + used.stime) / HZ) {
            CpuLimit::Keeps => return,
            CpuLimit::Kills => Signal::SIGKILL,
            CpuLimit::Warns => {
                self.signal_of_mut(current).rlimits[Resource::Cpu].cur += 1;
                Signal::SIGXCPU
            }
        };
        // A standard signal from the kernel is always queued.
        let _sent = self.group_send_sig_info(signal, SendInfo::Kernel, current);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_setrlimit_refuses() {
        use RlimitRefusal as R;
        let limit = |cur, max| Rlimit { cur, max };
        let old = limit(5, 10);
        for (resource, new, capable, verdict) in [
            (Resource::Nproc, limit(10, 10), false, Ok(())),
            (Resource::Nproc, limit(0, 3), false, Ok(())),
            (Resource::Nproc, limit(11, 10), true, Err(R::SoftAboveHard)),
            (Resource::Nproc, limit(12, 11), false, Err(R::SoftAboveHard)),
            (Resource::Nproc, limit(1, 11), false, Err(R::HardRaised)),
            (Resource::Nproc, Rlimit::UNLIMITED, true, Ok(())),
            (Resource::Nofile, limit(1, NR_OPEN), true, Ok(())),
            (
                Resource::Nofile,
                limit(1, NR_OPEN + 1),
                true,
                Err(R::BeyondNrOpen),
            ),
            (
                Resource::Nofile,
                limit(1, NR_OPEN + 1),
                false,
                Err(R::HardRaised),
            ),
        ] {
            let found = check_setrlimit(resource, old, new, capable);
            assert_eq!(found, verdict, "{resource:?} {new:?} {capable}");
        }
    }

    #[test]
    fn the_limit_of_cpu_time_warns_at_the_soft_and_kills_at_the_hard_one() {
        let limit = |cur, max| Rlimit { cur, max };
        for (limit, seconds, verdict) in [
            (limit(2, 4), 1, CpuLimit::Keeps),
            (limit(2, 4), 2, CpuLimit::Warns),
            (limit(2, 4), 4, CpuLimit::Kills),
            (limit(2, 2), 2, CpuLimit::Kills),
            (limit(0, 0), 9, CpuLimit::Keeps),
            (
                limit(RLIM_INFINITY, RLIM_INFINITY),
                u32::MAX,
                CpuLimit::Keeps,
            ),
        ] {
            assert_eq!(cpu_limit(limit, seconds), verdict, "{limit:?} {seconds}");
        }
    }

    #[test]
    fn limits_have_linux_s_numbers() {
        for (number, resource) in Resource::ALL.into_iter().enumerate() {
            assert_eq!(resource as usize, number);
            assert_eq!(Resource::from_number(number as u32), Some(resource));
        }
        assert_eq!(Resource::from_number(13), None);
    }
}
