//! Pending signals: the two sets that a thread takes signals from, its own and its process's, and
//! the queues of what comes with each signal. Entries are charged to the receiver's user.

use crate::abi::{Errno, SigInfo, SigSet, Signal, SignalId, TaskId, si_code};
use crate::kernel::Kernel;
use crate::kernel::task::Resource;
use crate::trace::SlabCache;
use std::collections::VecDeque;

/// What comes with the pending signals of one set (the `list` of `struct sigpending`), in the order
/// of sending.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SigQueue {
    entries: VecDeque<Queued>,
}

/// `struct sigqueue`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Queued {
    info: SigInfo,
    /// The user that it is charged to.
    uid: u32,
}

impl SigQueue {
    /// What came with the signals, first sent first.
    pub fn infos(&self) -> impl Iterator<Item = &SigInfo> {
        self.entries.iter().map(|entry| &entry.info)
    }

    /// The users that the entries are charged to.
    pub fn charged(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|entry| entry.uid)
    }

    /// Takes the first entry of that signal out, and says whether there is another.
    fn take(&mut self, signal: Signal) -> Option<(Queued, bool)> {
        let of_signal = |entry: &Queued| entry.info.signal == signal;
        let at = self.entries.iter().position(of_signal)?;
        let entry = self.entries.remove(at)?;
        Some((entry, self.entries.iter().any(of_signal)))
    }

    /// Takes the entries of the signals of a set out.
    fn remove(&mut self, signals: SigSet) -> Vec<Queued> {
        let of_set = |entry: &&Queued| signals.contains(entry.info.signal);
        let gone = self.entries.iter().filter(of_set).copied().collect();
        self.entries.retain(|entry| !of_set(&entry));
        gone
    }
}

/// Whose pending signals are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pending {
    /// A thread's own (`task->pending`).
    Private(TaskId),
    /// Those of a process (`signal->shared_pending`).
    Shared(SignalId),
}

/// What a sender says of its signal: the special values and pointers of 2.6.12's `info` argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendInfo {
    /// Nothing (0): a task sends it, and is asked for its right to.
    From(TaskId),
    /// `SEND_SIG_PRIV` (1): the kernel sends it.
    Kernel,
    /// `SEND_SIG_FORCED` (2): the kernel sends it, and nothing is queued.
    Forced,
    /// All there is to say.
    Info(SigInfo),
}

impl SendInfo {
    /// Whether the sender's rights are asked for.
    ///
    /// Linux 2.6.12: `include/asm-generic/siginfo.h`, `SI_FROMUSER()`.
    pub const fn from_user(&self) -> bool {
        match self {
            Self::From(_) => true,
            Self::Kernel | Self::Forced => false,
            Self::Info(info) => info.code <= 0,
        }
    }

    /// Whether the entry of a standard signal is made beyond the user's limit.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_signal()`.
    const fn overrides_limit(&self, signal: Signal) -> bool {
        let certain = match self {
            Self::From(_) | Self::Kernel | Self::Forced => true,
            Self::Info(info) => info.code >= 0,
        };
        certain && !signal.is_realtime()
    }

    /// Whether the call fails if a signal cannot be queued. Otherwise it is pending without
    /// anything that comes with it.
    const fn fails_unqueued(&self, signal: Signal) -> bool {
        match self {
            Self::Info(info) => signal.is_realtime() && info.code != si_code::SI_USER,
            Self::From(_) | Self::Kernel | Self::Forced => false,
        }
    }
}

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
    pub(in crate::kernel) fn shared_pending(&self, task: TaskId) -> Option<Pending> {
        self.task(task).signal.map(Pending::Shared)
    }

    /// Charges the receiver's user with an entry of a queue; `None` if it has as many as the
    /// receiver's limit allows, or if there is no memory.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `__sigqueue_alloc()`.
    fn sigqueue_alloc(&mut self, receiver: TaskId, beyond_limit: bool) -> Option<u32> {
        let uid = self.task(receiver).cred.uid;
        let limit = self.rlimit(receiver, Resource::Sigpending);
        if !beyond_limit && self.users.sigpending(uid) >= limit {
            return None;
        }
        self.kmem_cache_alloc(SlabCache::SigQueue).ok()?;
        self.users.get_sigpending(uid);
        Some(uid)
    }

    /// Makes a signal pending, with what comes with it.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_signal()`.
    ///
    /// # Errors
    /// `EAGAIN` if a real-time signal of a sender who wants to know cannot be queued.
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
                let (pid, uid) = (self.pid(sender), self.task(sender).cred.uid);
                Some(SigInfo::sent(signal, si_code::SI_USER, pid.0, uid))
            }
            SendInfo::Kernel => Some(SigInfo::kernel(signal)),
            SendInfo::Info(info) => Some(info),
        };
        if let Some(info_of_entry) = queued {
            match self.sigqueue_alloc(receiver, info.overrides_limit(signal)) {
                Some(uid) => {
                    let entry = Queued {
                        info: info_of_entry,
                        uid,
                    };
                    self.pending_mut(whose).1.entries.push_back(entry);
                }
                None if info.fails_unqueued(signal) => return Err(Errno::EAGAIN),
                None => {}
            }
        }
        let (set, _) = self.pending_mut(whose);
        *set = set.with(signal);
        Ok(())
    }

    /// Takes one pending signal out, with what came with it.
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

    /// Takes pending signals back. The mask of 2.6.12 is a word: real-time signals stay.
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

    /// Takes pending signals back from a process and each of its threads.
    pub(super) fn rm_from_group(&mut self, signals: SigSet, member: TaskId) {
        if let Some(shared) = self.shared_pending(member) {
            self.rm_from_queue(signals, shared);
        }
        for thread in self.threads(member) {
            self.rm_from_queue(signals, Pending::Private(thread));
        }
    }

    /// Takes all pending signals of a set back.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `flush_sigqueue()`.
    pub fn flush_sigqueue(&mut self, whose: Pending) {
        let (set, queue) = self.pending_mut(whose);
        *set = SigSet::EMPTY;
        for entry in std::mem::take(queue).entries {
            self.users.put_sigpending(entry.uid);
        }
    }
}
