//! The clocks of POSIX: the time of day, the time since boot, and the CPU time of a process or a
//! thread; reading, setting and sleeping by them.

use super::jiffies::timespec_to_jiffies_64;
use super::timespec::Timespec;
use crate::abi::{
    CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_THREAD_CPUTIME_ID, Errno, HZ,
    Pid, TICK_NSEC, TIMER_ABSTIME, TaskId, TaskState, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Continuation, UsageOf};

/// The longest sleep in ticks.
///
/// Linux 2.6.12: `include/linux/jiffies.h`, `MAX_JIFFY_OFFSET`.
const MAX_JIFFY_OFFSET: u64 = 0x7fff_fffe;

/// A clock, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clock {
    Realtime,
    Monotonic,
    Cpu(CpuClock),
}

/// A clock that counts CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct CpuClock {
    /// The process or thread; 0 for the caller's.
    pid: Pid,
    whose: Whose,
    counts: Counts,
    /// Whether it has one of the two constants: such a clock cannot be set at all.
    constant: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    Process,
    Thread,
}

/// What a CPU clock counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Counts {
    /// `CPUCLOCK_PROF`: ticks.
    Ticks,
    /// `CPUCLOCK_VIRT`: ticks in user mode.
    UserTicks,
    /// `CPUCLOCK_SCHED`: nanoseconds.
    Nanoseconds,
}

/// A clock that timers run by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TimerClock {
    Realtime,
    Monotonic,
}

impl TimerClock {
    /// # Errors
    /// `EINVAL` if there is no such clock, `EOPNOTSUPP` for a clock of CPU time.
    pub(super) fn from_id(id: u32) -> Result<Self, Errno> {
        match Clock::from_id(id)? {
            Clock::Realtime => Ok(Self::Realtime),
            Clock::Monotonic => Ok(Self::Monotonic),
            Clock::Cpu(_) => Err(Errno::EOPNOTSUPP),
        }
    }
}

impl Clock {
    /// Linux 2.6.12: `kernel/posix-timers.c`, `invalid_clockid()`; `include/linux/posix-timers.h`,
    /// `CPUCLOCK_WHICH()`.
    ///
    /// # Errors
    /// `EINVAL` for a number without a clock.
    fn from_id(id: u32) -> Result<Self, Errno> {
        let own = |whose| CpuClock {
            pid: Pid(0),
            whose,
            counts: Counts::Nanoseconds,
            constant: true,
        };
        Ok(match id {
            CLOCK_REALTIME => Self::Realtime,
            CLOCK_MONOTONIC => Self::Monotonic,
            CLOCK_PROCESS_CPUTIME_ID => Self::Cpu(own(Whose::Process)),
            CLOCK_THREAD_CPUTIME_ID => Self::Cpu(own(Whose::Thread)),
            // A negative number has the pid, inverted, above the lower three bits.
            0x8000_0000.. => Self::Cpu(CpuClock {
                pid: Pid(!(id.cast_signed() >> 3)),
                whose: if id & 4 == 0 {
                    Whose::Process
                } else {
                    Whose::Thread
                },
                counts: match id & 3 {
                    0 => Counts::Ticks,
                    1 => Counts::UserTicks,
                    2 => Counts::Nanoseconds,
                    _ => return Err(Errno::EINVAL),
                },
                constant: false,
            }),
            _ => return Err(Errno::EINVAL),
        })
    }
}

impl Kernel {
    /// The task whose CPU time a clock counts.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `check_clock()`.
    ///
    /// # Errors
    /// `EINVAL` if there is no such process, or no such thread in the caller's.
    fn clock_task(&self, current: TaskId, clock: CpuClock) -> Result<TaskId, Errno> {
        if clock.pid.0 == 0 {
            return Ok(current);
        }
        let found = self.pid_hash.find(clock.pid).filter(|task| {
            let tgid = self.task(*task).tgid();
            match clock.whose {
                Whose::Thread => tgid == self.task(current).tgid(),
                Whose::Process => tgid == clock.pid,
            }
        });
        found.ok_or(Errno::EINVAL)
    }

    /// The time that a CPU clock shows for a task.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `cpu_clock_sample()` and
    /// `cpu_clock_sample_group_locked()`.
    fn cpu_clock_sample(&self, task: TaskId, clock: CpuClock) -> Timespec {
        let (utime, stime) = match clock.whose {
            Whose::Thread => (self.task(task).utime, self.task(task).stime),
            Whose::Process => {
                let used = self.k_getrusage(task, UsageOf::Process);
                (used.utime, used.stime)
            }
        };
        match clock.counts {
            Counts::Ticks => Timespec::from_jiffies((utime + stime).into()),
            Counts::UserTicks => Timespec::from_jiffies(utime.into()),
            Counts::Nanoseconds => {
                let ns = match clock.whose {
                    Whose::Thread => self.sched_ns(task),
                    Whose::Process => self.group_sched_ns(task),
                };
                Timespec::normalized(0, ns.cast_signed())
            }
        }
    }

    /// The CPU time of a thread, with that of the caller up to now.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `sched_ns()`.
    fn sched_ns(&self, task: TaskId) -> u64 {
        if task == self.current() {
            self.sched.current_sched_time(task, self.sched_clock())
        } else {
            self.sched.stat(task).sched_time
        }
    }

    /// The CPU time of a process. If that is the caller's, the caller stands for the task that was
    /// looked up, as in the kernel: another thread that asks for the process by its pid is counted
    /// twice, and the leader not at all.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `cpu_clock_sample_group_locked()`.
    fn group_sched_ns(&self, task: TaskId) -> u64 {
        let current = self.current();
        let own = self.task(task).tgid() == self.task(current).tgid();
        let others = self.threads_from(task).into_iter().skip(1);
        let others = others.map(|thread| self.sched.stat(thread).sched_time);
        self.signal_of(task).dead.sched_time
            + others.sum::<u64>()
            + self.sched_ns(if own { current } else { task })
    }

    fn clock_time(&self, current: TaskId, clock: Clock) -> Result<Timespec, Errno> {
        Ok(match clock {
            Clock::Realtime => self.getnstimeofday(),
            Clock::Monotonic => self.monotonic_time(),
            Clock::Cpu(clock) => {
                let task = self.clock_task(current, clock)?;
                self.cpu_clock_sample(task, clock)
            }
        })
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_clock_gettime()`.
    ///
    /// # Errors
    /// `EINVAL` if there is no such clock; `EFAULT`.
    pub(in crate::kernel) fn sys_clock_gettime(
        &mut self,
        current: TaskId,
        clock: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let time = self.clock_time(current, Clock::from_id(clock)?)?;
        self.put_timespec(current, addr, time).map(|()| 0)
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_clock_getres()`.
    ///
    /// # Errors
    /// `EINVAL` if there is no such clock; `EFAULT`.
    pub(in crate::kernel) fn sys_clock_getres(
        &mut self,
        current: TaskId,
        clock: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let nsec = match Clock::from_id(clock)? {
            Clock::Realtime | Clock::Monotonic => TICK_NSEC as i32,
            Clock::Cpu(clock) => {
                self.clock_task(current, clock)?;
                match clock.counts {
                    Counts::Nanoseconds => 1,
                    Counts::Ticks | Counts::UserTicks => 1_000_000_000 / HZ as i32,
                }
            }
        };
        if addr != VirtAddr(0) {
            self.put_timespec(current, addr, Timespec::new(0, nsec))?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_clock_settime()`.
    ///
    /// # Errors
    /// `EINVAL` if there is no such clock, or if it cannot be set; `EFAULT`; `EPERM` for a clock of
    /// CPU time given by its pid, and without CAP_SYS_TIME.
    pub(in crate::kernel) fn sys_clock_settime(
        &mut self,
        current: TaskId,
        clock: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        check_clock_id(clock)?;
        let time = self.get_timespec(current, addr)?;
        match Clock::from_id(clock)? {
            Clock::Realtime => self.do_sys_settimeofday(current, Some(time), None),
            Clock::Cpu(clock) if !clock.constant => {
                self.clock_task(current, clock)?;
                Err(Errno::EPERM)
            }
            Clock::Monotonic | Clock::Cpu(_) => Err(Errno::EINVAL),
        }
    }

    /// Sleeps for a time, or with TIMER_ABSTIME until one.
    ///
    /// Simplified: nobody can sleep by a clock of CPU time.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_clock_nanosleep()`.
    ///
    /// # Errors
    /// `EINVAL` if there is no such clock or the time is invalid; `EFAULT`; `EOPNOTSUPP` for a
    /// clock of CPU time; `EINTR`.
    pub(in crate::kernel) fn sys_clock_nanosleep(
        &mut self,
        current: TaskId,
        clock: u32,
        flags: u32,
        request: VirtAddr,
        rem: VirtAddr,
    ) -> SysResult {
        let time = match self.time_to_sleep(current, clock, request) {
            Ok(time) => time,
            Err(errno) => return Err(errno).into(),
        };
        if flags & TIMER_ABSTIME != 0 {
            return self.common_nsleep(current, clock, time);
        }
        let until = self.tick + ticks_until(time);
        self.nanosleep_until(current, until, rem)
    }

    /// The time of a sleep by a clock that one can sleep by.
    fn time_to_sleep(
        &mut self,
        current: TaskId,
        clock: u32,
        request: VirtAddr,
    ) -> Result<Timespec, Errno> {
        check_clock_id(clock)?;
        let time = self.read_timespec(current, request)?;
        let Clock::Cpu(clock) = Clock::from_id(clock)? else {
            return Ok(time);
        };
        let task = self.clock_task(current, clock)?;
        // A thread that sleeps uses no CPU time, and would never wake.
        if clock.whose == Whose::Thread && task == current {
            return Err(Errno::EINVAL);
        }
        Err(Errno::EOPNOTSUPP)
    }

    /// Sleeps until a clock shows a time.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `common_nsleep()` and `adjust_abs_time()`.
    fn common_nsleep(&mut self, current: TaskId, clock: u32, time: Timespec) -> SysResult {
        let timer = match clock {
            CLOCK_MONOTONIC => TimerClock::Monotonic,
            _ => TimerClock::Realtime,
        };
        let until = self.tick + ticks_until(self.until_time(timer, time));
        let sleep = Continuation::AbsoluteSleep {
            clock,
            sec: time.sec,
            nsec: time.nsec,
            until,
        };
        self.block_until(current, TaskState::INTERRUPTIBLE, sleep, Some(until))
    }

    /// How long it takes until a clock shows a time; nothing if it is over.
    pub(super) fn until_time(&self, clock: TimerClock, time: Timespec) -> Timespec {
        let now = match clock {
            TimerClock::Monotonic => self.monotonic_time(),
            TimerClock::Realtime => self.getnstimeofday(),
        };
        let (sec, nsec) = (i64::from(time.sec), i64::from(time.nsec));
        let left = Timespec::normalized(sec - i64::from(now.sec), nsec - i64::from(now.nsec));
        if left.sec < 0 {
            Timespec::new(0, 0)
        } else {
            left
        }
    }

    /// Ends a sleep until a time, or goes on with it because the clock was set meanwhile.
    pub(in crate::kernel) fn absolute_sleep_woken(
        &mut self,
        current: TaskId,
        clock: u32,
        (sec, nsec): (i32, i32),
        until: u64,
    ) -> SysResult {
        self.del_timer(current);
        if self.tick >= until {
            SysResult::from(0)
        } else if self.signal_pending(current) {
            // From the beginning, because the clock may be set before the call is made again.
            SysResult::Restart(Restart::NoHand)
        } else {
            self.common_nsleep(current, clock, Timespec::new(sec, nsec))
        }
    }

    /// Wakes those who sleep until a time of day, so that they look at the clock again, which has
    /// moved by so much; timers that were set for a time of day expire when it comes.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `clock_was_set()`.
    pub(super) fn clock_was_set(&mut self, moved: Timespec) {
        self.adjust_absolute_timers(moved);
        let sleeps = |task: TaskId| {
            let inside = self.task(task).in_call.continuation;
            let clock = CLOCK_REALTIME;
            matches!(inside, Some(Continuation::AbsoluteSleep { clock: c, .. }) if c == clock)
        };
        let tasks = self.pid_hash.tasks().map(|(_, task)| task);
        let sleepers: Vec<TaskId> = tasks.filter(|task| sleeps(*task)).collect();
        for task in sleepers {
            self.wake_up_process(task);
        }
    }
}

/// What is looked at before a time is copied: a clock of CPU time is looked at only afterwards.
///
/// Linux 2.6.12: `kernel/posix-timers.c`, `invalid_clockid()`.
fn check_clock_id(id: u32) -> Result<(), Errno> {
    if id.cast_signed() >= 0 {
        Clock::from_id(id)?;
    }
    Ok(())
}

/// The ticks until so much time has passed: rounded up, and one more.
///
/// Linux 2.6.12: `kernel/posix-timers.c`, `adjust_abs_time()`.
pub(super) fn ticks_until(time: Timespec) -> u64 {
    let nsec = i64::from(time.nsec);
    ticks_of(match (time.sec, time.nsec) {
        (0, 0) => time,
        _ => Timespec::normalized(time.sec.into(), nsec + TICK_NSEC as i64),
    })
}

/// The ticks that a time lasts, rounded up.
///
/// Linux 2.6.12: `kernel/posix-timers.c`, `tstojiffie()`.
pub(super) fn ticks_of(time: Timespec) -> u64 {
    let (sec, nsec) = (time.sec, i64::from(time.nsec) + TICK_NSEC as i64 - 1);
    let carry = i64::from(nsec > 1_000_000_000);
    let sec = i64::from(sec) + carry;
    timespec_to_jiffies_64(sec as u64, (nsec - carry * 1_000_000_000) as u64).min(MAX_JIFFY_OFFSET)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as the same request to `nanosleep` takes.
    #[test]
    fn a_sleep_by_a_clock_takes_the_ticks_rounded_up_and_one_more() {
        for (sec, nsec, ticks) in [
            (0, 0, 0),
            (0, 1, 2),
            (0, 999_848, 2),
            (0, 10_000_000, 12),
            (1, 0, 1002),
        ] {
            let time = Timespec::new(sec, nsec);
            assert_eq!(ticks_until(time), ticks, "{time:?}");
            assert_eq!(time.ticks_to_sleep(), ticks, "{time:?}");
        }
        let longest = Timespec::new(i32::MAX, 0);
        assert_eq!(ticks_until(longest), 2_147_809_946.min(MAX_JIFFY_OFFSET));
    }

    #[test]
    fn a_negative_number_is_a_clock_of_cpu_time() {
        let cpu = |pid, whose, counts| {
            Ok(Clock::Cpu(CpuClock {
                pid: Pid(pid),
                whose,
                counts,
                constant: false,
            }))
        };
        for (id, clock) in [
            (0_i32, Ok(Clock::Realtime)),
            (1, Ok(Clock::Monotonic)),
            (4, Err(Errno::EINVAL)),
            (-1 << 3, cpu(0, Whose::Process, Counts::Ticks)),
            (!7 << 3 | 1, cpu(7, Whose::Process, Counts::UserTicks)),
            (!7 << 3 | 4 | 2, cpu(7, Whose::Thread, Counts::Nanoseconds)),
            (!7 << 3 | 3, Err(Errno::EINVAL)),
        ] {
            assert_eq!(Clock::from_id(id.cast_unsigned()), clock, "{id}");
        }
    }
}
