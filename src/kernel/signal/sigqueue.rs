//! Pending signals: the two sets that a thread takes signals from, its own and its process's, and
//! the queues with the `siginfo` of each signal. Each entry counts for the receiver's user.

use crate::abi::{Errno, Resource, SigInfo, SigSet, Signal, TaskId, si_code};
use crate::kernel::Kernel;
use crate::kernel::task::{Pending, SendInfo, SigQueue};
use crate::trace::SlabCache;

impl Kernel {
    /// The set of pending signals.
    pub fn pending_set(&self, whose: Pending) -> SigSet {
        match whose {
            Pending::Private(task) => self.task(task).pending,
            Pending::Shared(signal) => self.signals[signal].shared_pending,
        }
    }

    fn pending_mut(&mut self, whose: Pending) -> (&mut SigSet, &mut SigQueue) {
        match whose {
            Pending::Private(task) => {
                let task = &mut self.tasks[task];
                (&mut task.pending, &mut task.sigqueue)
            }
            Pending::Shared(signal) => {
                let signal = &mut self.signals[signal];
                (&mut signal.shared_pending, &mut signal.shared_queue)
            }
        }
    }

    /// The pending signals of a task's process.
    ///
    /// # Panics
    /// As [`Kernel::signal_of`].
    #[track_caller]
    pub(in crate::kernel) fn shared_pending(&self, task: TaskId) -> Pending {
        Pending::Shared(self.signal_id(task))
    }

    /// Charges the receiver's user for a queue entry; `None` if that would exceed the receiver's
    /// limit, or if there is no memory.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__sigqueue_alloc()`.
    fn sigqueue_alloc(&mut self, receiver: TaskId, beyond_limit: bool) -> Option<u32> {
        let uid = self.task(receiver).cred().uid;
        let limit = self.rlimit(receiver, Resource::Sigpending);
        if !beyond_limit && self.users.sigpending(uid) >= limit {
            return None;
        }
        self.kmem_cache_alloc(SlabCache::SigQueue).ok()?;
        self.users.get_sigpending(uid);
        Some(uid)
    }

    /// Makes a signal pending, with its `siginfo`.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_signal()`.
    ///
    /// # Errors
    /// `EAGAIN` if a real-time signal cannot be queued and its sender must be told.
    pub(super) fn send_signal(
        &mut self,
        signal: Signal,
        info: SendInfo,
        receiver: TaskId,
        whose: Pending,
    ) -> Result<(), Errno> {
        let queued = match info {
            SendInfo::Forced => None,
            SendInfo::From(sender) => {
                let (pid, uid) = (self.pid(sender), self.task(sender).cred().uid);
                Some(SigInfo::sent(signal, si_code::SI_USER, pid.0, uid))
            }
            SendInfo::Kernel => Some(SigInfo::kernel(signal)),
            SendInfo::Info(info) => Some(info),
        };
        if let Some(info_of_entry) = queued {
            match self.sigqueue_alloc(receiver, info.overrides_limit(signal)) {
                Some(uid) => {
                    self.pending_mut(whose).1.push(info_of_entry, uid);
                }
                None if info.fails_unqueued(signal) => return Err(Errno::EAGAIN),
                None => {}
            }
        }
        let (set, _) = self.pending_mut(whose);
        *set = set.with(signal);
        Ok(())
    }

    /// Removes one pending signal and returns its `siginfo`.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `collect_signal()`.
    pub(super) fn collect_signal(&mut self, signal: Signal, whose: Pending) -> SigInfo {
        let (set, queue) = self.pending_mut(whose);
        let taken = queue.take(signal);
        if !taken.is_some_and(|(_, more)| more) {
            *set = set.without(signal);
        }
        match taken {
            Some((entry, _)) => {
                self.users.put_sigpending(entry.uid);
                entry.info
            }
            None => SigInfo::unknown(signal),
        }
    }

    /// Discards pending signals. The mask of 2.6.12 is one word, so real-time signals stay.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `rm_from_queue()`.
    pub(in crate::kernel) fn rm_from_queue(&mut self, signals: SigSet, whose: Pending) {
        let signals = SigSet(signals.0 & u64::from(u32::MAX));
        let (set, queue) = self.pending_mut(whose);
        if set.0 & signals.0 == 0 {
            return;
        }
        *set = SigSet(set.0 & !signals.0);
        for entry in queue.remove(signals) {
            self.users.put_sigpending(entry.uid);
        }
    }

    /// Discards pending signals of a process and each of its threads.
    pub(super) fn rm_from_group(&mut self, signals: SigSet, member: TaskId) {
        self.rm_from_queue(signals, self.shared_pending(member));
        for thread in self.threads(member) {
            self.rm_from_queue(signals, Pending::Private(thread));
        }
    }

    /// Discards all pending signals of a set.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `flush_sigqueue()`.
    pub fn flush_sigqueue(&mut self, whose: Pending) {
        let (set, queue) = self.pending_mut(whose);
        *set = SigSet::EMPTY;
        for uid in std::mem::take(queue).users() {
            self.users.put_sigpending(uid);
        }
    }
}
