//! `alarm` and interval timers: one of each kind per process. The real timer counts ticks, the
//! virtual one the process's ticks in user mode, the profiling one also those in the kernel.

use super::jiffies::{jiffies_to_timeval, timeval_to_jiffies};
use crate::abi::{
    Errno, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, Pid, Signal, SignalId, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::ItimerVal;
use crate::kernel::task::{SendInfo, UsageOf};
use std::collections::BTreeSet;

/// The active real timers, soonest first; those of one tick by pid of the process.
#[derive(Clone, Debug, Default)]
pub struct RealTimers {
    queue: BTreeSet<(u64, Pid, SignalId)>,
}

impl RealTimers {
    /// The tick at which the next timer expires.
    pub fn next_expiry(&self) -> Option<u64> {
        self.queue.first().map(|(tick, _, _)| *tick)
    }

    /// Every timer: its tick and its process.
    pub fn iter(&self) -> impl Iterator<Item = (u64, SignalId)> {
        self.queue.iter().map(|(tick, _, signal)| (*tick, *signal))
    }

    fn pop_expired(&mut self, tick: u64) -> Option<(Pid, SignalId)> {
        let first = self.queue.first().filter(|(due, _, _)| *due <= tick)?;
        let (_, tgid, signal) = *first;
        self.queue.pop_first();
        Some((tgid, signal))
    }
}

impl Kernel {
    /// The ticks that a task's process has used: in user mode, and in total.
    fn cpu_ticks(&self, task: TaskId) -> (u64, u64) {
        let used = self.k_getrusage(task, UsageOf::Process);
        let utime = u64::from(used.utime);
        (utime, utime + u64::from(used.stime))
    }

    /// The time left on a timer of a task's process.
    ///
    /// Linux 2.6.12: `kernel/itimer.c`, `do_getitimer()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown timer.
    pub fn do_getitimer(&self, task: TaskId, which: u32) -> Result<ItimerVal, Errno> {
        let timers = self.signal_of(task).itimers;
        let (utime, ptime) = self.cpu_ticks(task);
        let (value, interval) = match which {
            ITIMER_REAL => {
                let left = timers
                    .real()
                    .map(|due| due.saturating_sub(self.tick).max(1));
                (left.unwrap_or(0), timers.real_incr)
            }
            ITIMER_VIRTUAL => (timers.virt.left(utime), timers.virt.interval()),
            ITIMER_PROF => (timers.prof.left(ptime), timers.prof.interval()),
            _ => return Err(Errno::EINVAL),
        };
        Ok(ItimerVal { interval, value })
    }

    /// Sets a timer of the current task's process, and returns the time that was left on it.
    ///
    /// Linux 2.6.12: `kernel/itimer.c`, `do_setitimer()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown timer.
    pub(super) fn do_setitimer(
        &mut self,
        current: TaskId,
        which: u32,
        value: ItimerVal,
    ) -> Result<ItimerVal, Errno> {
        let old = self.do_getitimer(current, which)?;
        let (utime, ptime) = self.cpu_ticks(current);
        let id = self.signal_id(current);
        let tgid = self.task(current).tgid();
        match which {
            ITIMER_VIRTUAL => self.signals[id].itimers.virt.set(value, utime),
            ITIMER_PROF => self.signals[id].itimers.prof.set(value, ptime),
            _ => {
                // Out of the set first: the set finds it by the tick that is about to change.
                self.del_real_timer(id, tgid);
                self.signals[id].itimers.real_incr = value.interval;
                self.it_real_arm(id, tgid, value.value);
            }
        }
        Ok(old)
    }

    /// Linux 2.6.12: `kernel/itimer.c`, `it_real_arm()`.
    fn it_real_arm(&mut self, id: SignalId, tgid: Pid, ticks: u64) {
        self.signals[id].itimers.set_real_value(ticks);
        if ticks == 0 {
            return;
        }
        let due = self.tick.saturating_add(ticks.min(i32::MAX as u64));
        self.signals[id].itimers.set_real(due);
        self.real_timers.queue.insert((due, tgid, id));
    }

    /// Turns off the real timer of a process.
    pub(in crate::kernel) fn del_real_timer(&mut self, id: SignalId, tgid: Pid) {
        if let Some(due) = self.signals[id].itimers.take_real() {
            self.real_timers.queue.remove(&(due, tgid, id));
        }
    }

    /// Handles the expired real timers: SIGALRM, and the next period.
    ///
    /// Linux 2.6.12: `kernel/itimer.c`, `it_real_fn()`.
    pub(super) fn run_real_timers(&mut self) {
        while let Some((tgid, id)) = self.real_timers.pop_expired(self.tick) {
            // It is off while the signal is sent, and armed again only then, from now on: a late timer
            // does not make up for periods that it has missed.
            self.signals[id].itimers.take_real();
            if let Some(leader) = self.pid_hash.find(tgid) {
                self.group_send_signal(leader, Signal::SIGALRM);
            }
            let incr = self.signals[id].itimers.real_incr;
            self.it_real_arm(id, tgid, incr);
        }
    }

    /// Checks the timers that count the running task's process, once per tick.
    ///
    /// Simplified: in a process with several threads 2.6.12 may notice late, because each thread
    /// gets a share of what is left.
    ///
    /// Linux 2.6.12: `kernel/posix-cpu-timers.c`, `run_posix_cpu_timers()` and
    /// `check_process_timers()`.
    pub(super) fn run_cpu_timers(&mut self, current: TaskId) {
        if !self.signal_of(current).itimers.count_cpu_time() {
            return;
        }
        let (utime, ptime) = self.cpu_ticks(current);
        let timers = &mut self.signal_of_mut(current).itimers;
        let (prof, virt) = (timers.prof.fires(ptime), timers.virt.fires(utime));
        for (fires, signal) in [(prof, Signal::SIGPROF), (virt, Signal::SIGVTALRM)] {
            if fires {
                // A standard signal from the kernel is always queued.
                let _sent = self.group_send_sig_info(signal, SendInfo::Kernel, current);
            }
        }
    }

    /// Linux 2.6.12: `kernel/itimer.c`, `sys_setitimer()`.
    ///
    /// # Errors
    /// `EINVAL`; `EFAULT`, after the timer has been set.
    pub(in crate::kernel) fn sys_setitimer(
        &mut self,
        current: TaskId,
        which: u32,
        value: ItimerVal,
        old: VirtAddr,
    ) -> Result<u32, Errno> {
        // The old value is stored only afterwards, so EFAULT does not undo the change.
        let was = self.do_setitimer(current, which, value)?;
        if old != VirtAddr(0) {
            self.put_itimerval(current, old, was)?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/itimer.c`, `sys_getitimer()`.
    ///
    /// # Errors
    /// `EINVAL`, `EFAULT`.
    pub(in crate::kernel) fn sys_getitimer(
        &mut self,
        current: TaskId,
        which: u32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        if addr == VirtAddr(0) {
            return Err(Errno::EFAULT);
        }
        let value = self.do_getitimer(current, which)?;
        self.put_itimerval(current, addr, value).map(|()| 0)
    }

    /// Requests SIGALRM after that many seconds. Returns the seconds that were left on the timer,
    /// rounded to the nearest, but never to 0 while it was on.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_alarm()`.
    pub(in crate::kernel) fn sys_alarm(
        &mut self,
        current: TaskId,
        seconds: u32,
    ) -> Result<u32, Errno> {
        let value = ItimerVal {
            interval: 0,
            value: timeval_to_jiffies(seconds, 0),
        };
        let old = self.do_setitimer(current, ITIMER_REAL, value)?;
        Ok(alarm_seconds(old.value))
    }

    fn put_itimerval(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        value: ItimerVal,
    ) -> Result<(), Errno> {
        let (interval, value) = (
            jiffies_to_timeval(value.interval),
            jiffies_to_timeval(value.value),
        );
        let words = [interval.0, interval.1, value.0, value.1];
        self.put_user_words(current, addr, &words)
    }

    /// Reads a `struct itimerval` from the caller's memory; address 0 means all zeros.
    pub(in crate::kernel) fn get_itimerval(
        &mut self,
        current: TaskId,
        addr: u32,
    ) -> Result<ItimerVal, Errno> {
        if addr == 0 {
            return Ok(ItimerVal::default());
        }
        let words = self.get_user_words::<4>(current, VirtAddr(addr))?;
        Ok(ItimerVal {
            interval: timeval_to_jiffies(words[0], words[1]),
            value: timeval_to_jiffies(words[2], words[3]),
        })
    }
}

/// The return value of `alarm` for that many ticks left.
const fn alarm_seconds(ticks: u64) -> u32 {
    let (seconds, micros) = jiffies_to_timeval(ticks);
    if (seconds == 0 && micros != 0) || micros >= 500_000 {
        seconds + 1
    } else {
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_an_alarm_is_rounded_but_never_to_nothing() {
        for (ticks, seconds) in [(0, 0), (1, 1), (499, 1), (1001, 1), (1499, 1), (1502, 2)] {
            assert_eq!(alarm_seconds(ticks), seconds, "{ticks}");
        }
    }

    #[test]
    fn real_timers_expire_soonest_first_and_by_process() {
        let mut ids: slotmap::SlotMap<SignalId, ()> = slotmap::SlotMap::with_key();
        let mut timers = RealTimers::default();
        for (tick, pid) in [(7, 2), (5, 3), (7, 1), (9, 1)] {
            let entry = (tick, Pid(pid), ids.insert(()));
            timers.queue.insert(entry);
        }
        assert_eq!(timers.next_expiry(), Some(5));
        assert_eq!(timers.pop_expired(4), None);
        let mut expired = Vec::new();
        while let Some((pid, _)) = timers.pop_expired(8) {
            expired.push(pid.0);
        }
        assert_eq!(expired, [3, 1, 2]);
        assert_eq!(timers.next_expiry(), Some(9));
    }
}
