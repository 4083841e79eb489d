//! Pending signals: the two sets that a thread takes signals from, its own and its process's, and
//! the queues with the `siginfo` of each signal. Each entry counts for the receiver's user.

use crate::abi::{Errno, Resource, SigInfo, SigSet, Signal, TaskId, si_code};
use crate::kernel::Kernel;
use crate::kernel::task::{Pending, Queued, SendInfo, SigPending};
use crate::trace::SlabCache;

/// Whether the limit of a user's queued signals applies to an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) enum QueueLimit {
    Applies,
    Ignored,
}

impl QueueLimit {
    fn of(info: SendInfo, signal: Signal) -> Self {
        if info.overrides_limit(signal) {
            Self::Ignored
        } else {
            Self::Applies
        }
    }
}

impl Kernel {
    /// The signals that are pending for a thread or a process.
    pub(super) fn pending_set(&self, whose: Pending) -> SigSet {
        match whose {
            Pending::Private(task) => self.task(task).pending.set(),
            Pending::Shared(signal) => self.signals[signal].shared_pending.set(),
        }
    }

    pub(in crate::kernel) fn pending_mut(&mut self, whose: Pending) -> &mut SigPending {
        match whose {
            Pending::Private(task) => &mut self.tasks[task].pending,
            Pending::Shared(signal) => &mut self.signals[signal].shared_pending,
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
    pub(in crate::kernel) fn sigqueue_alloc(
        &mut self,
        receiver: TaskId,
        applies: QueueLimit,
    ) -> Option<u32> {
        let uid = self.task(receiver).cred().uid;
        let limit = self.rlimit(receiver, Resource::Sigpending);
        if applies == QueueLimit::Applies && self.users.sigpending(uid) >= limit {
            return None;
        }
        // The charge comes last: a failed allocation must not be charged.
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
            match self.sigqueue_alloc(receiver, QueueLimit::of(info, signal)) {
                Some(uid) => {
                    let sent = self.log.next_event();
                    self.pending_mut(whose).queue(info_of_entry, uid, sent);
                }
                None if info.fails_unqueued(signal) => return Err(Errno::EAGAIN),
                None => {}
            }
        }
        // Without room for an entry the receiver loses only the details: the bit is what makes it
        // take the signal, and a standard signal must not get lost.
        self.pending_mut(whose).sigaddset(signal);
        Ok(())
    }

    /// Removes one pending signal and returns its `siginfo`. What the task does from then on comes
    /// of the sending.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `collect_signal()`.
    pub(super) fn collect_signal(&mut self, signal: Signal, whose: Pending) -> SigInfo {
        match self.pending_mut(whose).collect(signal) {
            Some(entry) => {
                // The charge goes to the user who was charged: the task may have another uid by now.
                self.uncharge(entry);
                self.log.set_context(self.this_cpu, entry.sent);
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
        for entry in self.pending_mut(whose).remove(signals) {
            self.uncharge(entry);
        }
    }

    /// Frees a queue entry. That of a timer belongs to the timer, and stays charged.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__sigqueue_free()`.
    fn uncharge(&mut self, entry: Queued) {
        if let Some(uid) = entry.uid {
            self.users.put_sigpending(uid);
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
        for uid in std::mem::take(self.pending_mut(whose)).users() {
            self.users.put_sigpending(uid);
        }
    }
}
