//! POSIX timers: made and deleted by a process, armed for a time or a length, and armed again when
//! the signal of an expiry is taken.

use super::posix_clock::{TimerClock, ticks_of, ticks_until};
use super::timespec::Timespec;
use crate::abi::{
    Errno, NSIG, PfFlags, Pid, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD_ID, SigInfo, SigOrigin,
    Signal, SignalId, TIMER_ABSTIME, TaskId, VirtAddr, si_code,
};
use crate::kernel::Kernel;
use crate::kernel::signal::QueueLimit;
use crate::kernel::task::Pending;
use std::collections::{BTreeMap, BTreeSet};

/// Words of a `struct sigevent` that the kernel looks at.
const SIGEVENT_WORDS: usize = 4;
/// The most timers that there can be.
///
/// Linux 2.6.12: `lib/idr.c`, `MAX_ID_BIT`.
const MAX_TIMERS: i32 = i32::MAX;

/// Whom a timer tells of its expiry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Notify {
    /// Nobody.
    None,
    /// Its process.
    Process,
    /// A thread of its process.
    Thread(TaskId),
}

/// A timer (`struct k_itimer`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PosixTimer {
    clock: TimerClock,
    /// The process that it belongs to.
    owner: SignalId,
    tgid: Pid,
    notify: Notify,
    signal: Signal,
    /// `sival`, which comes with the signal.
    value: u32,
    /// The user whose limit of queued signals it counts against.
    uid: u32,
    /// `expires`: the tick of the last or the next expiry; 0 if it was not set.
    expires: u64,
    /// Its place among the timers of the tick, while it is in the queue.
    active: Option<u64>,
    /// The tick under which it is in the queue.
    queued_for: u64,
    /// Ticks from one expiry to the next; 0 for none.
    incr: u64,
    /// Whether it was set for a time of the clock.
    absolute: bool,
    /// Expiries beyond the first since the last signal.
    overrun: i32,
    /// The same of the last signal that was taken.
    overrun_last: i32,
    /// Counts settings and expiries: a signal from before the last setting does not arm it again.
    requeue: u32,
}

/// All timers, and those that are armed, soonest first; those of one tick in the order in which they
/// were armed.
#[derive(Clone, Debug, Default)]
pub struct PosixTimers {
    timers: BTreeMap<i32, PosixTimer>,
    queue: BTreeSet<(u64, u64, i32)>,
    /// Counts how often a timer was armed.
    armed: u64,
}

impl PosixTimers {
    /// The tick at which the next timer expires.
    pub fn next_expiry(&self) -> Option<u64> {
        self.queue.first().map(|(tick, ..)| *tick)
    }

    /// How many timers there are.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether there is no timer.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// The user that each timer's queue entry counts for.
    pub fn users(&self) -> impl Iterator<Item = u32> {
        self.timers.values().map(|timer| timer.uid)
    }

    /// The numbers of the timers of a process.
    pub(super) fn of_process(&self, owner: SignalId) -> Vec<i32> {
        let all = self.timers.iter();
        let own = all.filter(|(_, timer)| timer.owner == owner);
        own.map(|(id, _)| *id).collect()
    }

    fn lowest_free(&self) -> Option<i32> {
        let used = self.timers.keys().copied();
        let free = used.zip(0..).find(|(used, at)| used != at);
        let free = free.map_or(self.timers.len() as i32, |(_, at)| at);
        (free < MAX_TIMERS).then_some(free)
    }

    /// Linux 2.6.12: `kernel/timer.c`, `add_timer()`.
    fn arm(&mut self, id: i32) {
        self.disarm(id);
        if let Some(timer) = self.timers.get_mut(&id) {
            self.armed += 1;
            timer.active = Some(self.armed);
            timer.queued_for = timer.expires;
            self.queue.insert((timer.expires, self.armed, id));
        }
    }

    fn disarm(&mut self, id: i32) {
        if let Some(timer) = self.timers.get_mut(&id)
            && let Some(place) = timer.active.take()
        {
            self.queue.remove(&(timer.queued_for, place, id));
        }
    }

    fn pop_expired(&mut self, now: u64) -> Option<i32> {
        let (_, _, id) = *self.queue.first().filter(|(tick, ..)| *tick <= now)?;
        self.queue.pop_first();
        if let Some(timer) = self.timers.get_mut(&id) {
            timer.active = None;
        }
        Some(id)
    }
}

impl PosixTimer {
    /// Whether a signal is queued whose delivery will arm it again (`REQUEUE_PENDING`).
    const fn waits_for_delivery(&self) -> bool {
        self.requeue & 1 != 0
    }

    /// Goes on to the first expiry after now, and counts those that are passed over.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `posix_bump_timer()`.
    fn bump(&mut self, now: u64) {
        if self.incr > 0 && now >= self.expires {
            let more = 1 + (now - self.expires) / self.incr;
            self.expires += more * self.incr;
            self.overrun = self.overrun.wrapping_add(more as i32);
        }
    }

    /// Ticks left and the interval.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `common_timer_get()`.
    fn left(&mut self, now: u64) -> (u64, u64) {
        let silent = self.notify == Notify::None;
        if silent && self.incr == 0 && self.expires < now {
            self.expires = 0;
        }
        let mut expires = self.expires;
        if expires > 0 {
            if self.waits_for_delivery() || silent {
                self.bump(now);
                expires = self.expires;
            } else if self.active.is_none() {
                expires = 0;
            }
        }
        (expires.saturating_sub(now), self.incr)
    }
}

impl Kernel {
    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_timer_create()`.
    ///
    /// Simplified: there are no timers by a clock of CPU time.
    ///
    /// # Errors
    /// `EINVAL` if there is no such clock; `EAGAIN` beyond the limit of queued signals; `EFAULT`;
    /// `EINVAL` for an invalid event.
    pub(in crate::kernel) fn sys_timer_create(
        &mut self,
        current: TaskId,
        clock: u32,
        event: VirtAddr,
        result: VirtAddr,
    ) -> Result<u32, Errno> {
        let clock = TimerClock::from_id(clock)?;
        let uid = self
            .sigqueue_alloc(current, QueueLimit::Applies)
            .ok_or(Errno::EAGAIN)?;
        let made = self.make_timer(current, clock, (event, result), uid);
        if made.is_err() {
            self.users.put_sigpending(uid);
        }
        made.map(|()| 0)
    }

    fn make_timer(
        &mut self,
        current: TaskId,
        clock: TimerClock,
        (event, result): (VirtAddr, VirtAddr),
        uid: u32,
    ) -> Result<(), Errno> {
        let id = self.posix_timers.lowest_free().ok_or(Errno::EAGAIN)?;
        // The number is told before the event is looked at.
        self.put_user_u32(current, result, id.cast_unsigned())?;
        let (notify, signal, value) = match event {
            VirtAddr(0) => (Notify::Process, Signal::SIGALRM, id.cast_unsigned()),
            event => {
                let words: [u32; SIGEVENT_WORDS] = self.get_user_words(current, event)?;
                self.good_sigevent(current, words).ok_or(Errno::EINVAL)?
            }
        };
        let timer = PosixTimer {
            clock,
            owner: self.signal_id(current),
            tgid: self.task(current).tgid(),
            notify,
            signal,
            value,
            uid,
            expires: 0,
            active: None,
            queued_for: 0,
            incr: 0,
            absolute: false,
            overrun: -1,
            overrun_last: 0,
            requeue: 0,
        };
        self.posix_timers.timers.insert(id, timer);
        Ok(())
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `good_sigevent()`.
    fn good_sigevent(
        &self,
        current: TaskId,
        [value, signo, notify, tid]: [u32; SIGEVENT_WORDS],
    ) -> Option<(Notify, Signal, u32)> {
        let how = notify & !SIGEV_THREAD_ID;
        let mut whom = Notify::Process;
        if notify & SIGEV_THREAD_ID != 0 {
            let thread = self.pid_hash.find(Pid(tid.cast_signed()))?;
            if self.task(thread).tgid() != self.task(current).tgid() || how != SIGEV_SIGNAL {
                return None;
            }
            whom = Notify::Thread(thread);
        }
        if how == SIGEV_NONE {
            return Some((Notify::None, Signal::SIGALRM, value));
        }
        let signal = Signal::new(signo).filter(|signal| signal.number() <= NSIG)?;
        Some((whom, signal, value))
    }

    /// The timer of that number, if it is the caller's.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `lock_timer()`.
    fn own_timer(&mut self, current: TaskId, id: i32) -> Result<&mut PosixTimer, Errno> {
        let tgid = self.task(current).tgid();
        let timer = self.posix_timers.timers.get_mut(&id);
        timer
            .filter(|timer| timer.tgid == tgid)
            .ok_or(Errno::EINVAL)
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_timer_settime()`.
    ///
    /// # Errors
    /// `EINVAL` without a new value, for an invalid time, or if the timer is not the caller's;
    /// `EFAULT`, for the old value after the new one is set.
    pub(in crate::kernel) fn sys_timer_settime(
        &mut self,
        current: TaskId,
        id: i32,
        flags: u32,
        new: VirtAddr,
        old: VirtAddr,
    ) -> Result<u32, Errno> {
        if new == VirtAddr(0) {
            return Err(Errno::EINVAL);
        }
        let words: [u32; 4] = self.get_user_words(current, new)?;
        let [sec, nsec, value_sec, value_nsec] = words.map(u32::cast_signed);
        let (interval, value) = (
            Timespec::new(sec, nsec),
            Timespec::new(value_sec, value_nsec),
        );
        if !interval.is_valid() || !value.is_valid() {
            return Err(Errno::EINVAL);
        }
        let now = self.tick;
        let was = self.own_timer(current, id)?.left(now);
        self.common_timer_set(id, flags, value, interval);
        if old != VirtAddr(0) {
            self.put_itimerspec(current, old, was)?;
        }
        Ok(0)
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `common_timer_set()`.
    fn common_timer_set(&mut self, id: i32, flags: u32, value: Timespec, interval: Timespec) {
        self.posix_timers.disarm(id);
        let absolute = flags & TIMER_ABSTIME != 0;
        let clock = self.posix_timers.timers[&id].clock;
        let length = if absolute {
            self.until_time(clock, value)
        } else {
            value
        };
        let expires = self.tick + ticks_until(length);
        let Some(timer) = self.posix_timers.timers.get_mut(&id) else {
            return;
        };
        timer.incr = 0;
        // A signal that is queued belongs to the setting that is over.
        timer.requeue = timer.requeue.wrapping_add(2) & !1;
        (timer.overrun_last, timer.overrun) = (0, -1);
        if value == Timespec::new(0, 0) {
            timer.expires = 0;
            return;
        }
        timer.expires = expires;
        timer.incr = ticks_of(interval);
        timer.absolute = absolute;
        if timer.notify != Notify::None {
            self.posix_timers.arm(id);
        }
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_timer_gettime()`.
    ///
    /// # Errors
    /// `EINVAL` if the timer is not the caller's; `EFAULT`.
    pub(in crate::kernel) fn sys_timer_gettime(
        &mut self,
        current: TaskId,
        id: i32,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let now = self.tick;
        let left = self.own_timer(current, id)?.left(now);
        self.put_itimerspec(current, addr, left)?;
        Ok(0)
    }

    fn put_itimerspec(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        (left, interval): (u64, u64),
    ) -> Result<(), Errno> {
        let [interval, left] = [interval, left].map(Timespec::from_jiffies);
        let words = [interval.sec, interval.nsec, left.sec, left.nsec];
        self.put_user_words(current, addr, &words.map(i32::cast_unsigned))
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_timer_getoverrun()`.
    ///
    /// # Errors
    /// `EINVAL` if the timer is not the caller's.
    pub(in crate::kernel) fn sys_timer_getoverrun(
        &mut self,
        current: TaskId,
        id: i32,
    ) -> Result<u32, Errno> {
        let timer = self.own_timer(current, id)?;
        Ok(timer.overrun_last.cast_unsigned())
    }

    /// Linux 2.6.12: `kernel/posix-timers.c`, `sys_timer_delete()`.
    ///
    /// # Errors
    /// `EINVAL` if the timer is not the caller's.
    pub(in crate::kernel) fn sys_timer_delete(
        &mut self,
        current: TaskId,
        id: i32,
    ) -> Result<u32, Errno> {
        self.own_timer(current, id)?;
        self.delete_timer(id);
        Ok(0)
    }

    /// Deletes a timer. Its signal stays pending if it is, but nothing is known of it any more.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `itimer_delete()`; `kernel/signal.c`,
    /// `sigqueue_free()`.
    fn delete_timer(&mut self, id: i32) {
        self.posix_timers.disarm(id);
        let Some(timer) = self.posix_timers.timers.remove(&id) else {
            return;
        };
        self.users.put_sigpending(timer.uid);
        for whose in self.pending_of_timer(&timer) {
            self.pending_mut(whose).forget_timer(id);
        }
    }

    /// Where the signal of a timer can be queued.
    fn pending_of_timer(&self, timer: &PosixTimer) -> Vec<Pending> {
        let thread = match timer.notify {
            Notify::Thread(thread) if self.tasks.contains_key(thread) => {
                Some(Pending::Private(thread))
            }
            _ => None,
        };
        let shared = Pending::Shared(timer.owner);
        thread.into_iter().chain([shared]).collect()
    }

    /// Deletes the timers of a process, at exec and when it is reaped.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `exit_itimers()`.
    pub(in crate::kernel) fn exit_itimers(&mut self, owner: SignalId) {
        for id in self.posix_timers.of_process(owner) {
            self.delete_timer(id);
        }
    }

    /// Handles the timers that have expired.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `posix_timer_fn()`.
    pub(super) fn run_posix_timers(&mut self) {
        while let Some(id) = self.posix_timers.pop_expired(self.tick) {
            let Some(timer) = self.posix_timers.timers.get_mut(&id) else {
                continue;
            };
            let mut private = 0;
            if timer.incr > 0 {
                timer.requeue = timer.requeue.wrapping_add(1);
                private = timer.requeue;
            }
            // Nobody will take an ignored signal and arm the timer again.
            if !self.posix_timer_event(id, private) {
                self.schedule_next_timer(id);
            }
        }
    }

    /// Queues the signal of an expiry; returns whether it was not ignored.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `posix_timer_event()`.
    fn posix_timer_event(&mut self, id: i32, private: u32) -> bool {
        let Some(timer) = self.posix_timers.timers.get_mut(&id) else {
            return true;
        };
        let origin = SigOrigin::Timer {
            id,
            overrun: 0,
            value: timer.value,
            private,
        };
        let info = SigInfo {
            signal: timer.signal,
            code: si_code::SI_TIMER,
            origin,
        };
        if let Notify::Thread(thread) = timer.notify {
            let lives = self.tasks.get(thread);
            if lives.is_some_and(|task| !task.flags.contains(PfFlags::EXITING)) {
                return self.send_sigqueue(thread, info, id);
            }
            timer.notify = Notify::Process;
        }
        match self.pid_hash.find(timer.tgid) {
            Some(leader) => self.send_group_sigqueue(leader, info, id),
            None => true,
        }
    }

    /// Arms a periodic timer for its next expiry that is not over yet.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `schedule_next_timer()`.
    fn schedule_next_timer(&mut self, id: i32) {
        let now = self.tick;
        let Some(timer) = self.posix_timers.timers.get_mut(&id) else {
            return;
        };
        if timer.incr == 0 {
            return;
        }
        timer.bump(now);
        timer.overrun_last = timer.overrun;
        timer.overrun = -1;
        timer.requeue = timer.requeue.wrapping_add(1);
        self.posix_timers.arm(id);
    }

    /// The signal of a timer is taken: the timer is armed again, unless it was set anew since.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `do_schedule_next_timer()`.
    pub(in crate::kernel) fn do_schedule_next_timer(&mut self, info: &mut SigInfo) {
        let SigOrigin::Timer {
            id,
            overrun,
            private,
            ..
        } = &mut info.origin
        else {
            return;
        };
        let current = self.posix_timers.timers.get(id);
        if *private == 0 || current.is_none_or(|timer| timer.requeue != *private) {
            return;
        }
        self.schedule_next_timer(*id);
        if let Some(timer) = self.posix_timers.timers.get(id) {
            *overrun = timer.overrun_last;
        }
    }

    /// The time of day was moved: timers that were set for a time of day expire when it comes.
    ///
    /// Linux 2.6.12: `kernel/posix-timers.c`, `clock_was_set()` and `add_clockset_delta()`.
    pub(super) fn adjust_absolute_timers(&mut self, moved: Timespec) {
        let forward = moved.sec >= 0;
        let ticks = if forward {
            ticks_of(moved)
        } else {
            ticks_of(Timespec::normalized(
                -i64::from(moved.sec),
                -i64::from(moved.nsec),
            ))
        };
        let timers = self.posix_timers.timers.iter_mut();
        let moved = timers.filter(|(_, timer)| {
            timer.absolute && timer.expires > 0 && timer.clock == TimerClock::Realtime
        });
        let mut armed = Vec::new();
        for (id, timer) in moved {
            timer.expires = if forward {
                timer.expires.saturating_sub(ticks).max(1)
            } else {
                timer.expires + ticks
            };
            if timer.active.is_some() {
                armed.push(*id);
            }
        }
        for id in armed {
            self.posix_timers.arm(id);
        }
    }
}
