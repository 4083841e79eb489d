//! Pending signals of a thread or process (`struct sigpending`), and what a sender says about its
//! signal.
//!
//! Set and queue are private to this file: a queue entry belongs to a signal that is pending, and
//! each entry that leaves the queue is handed to the caller, who releases its user's charge.

use crate::abi::{SigInfo, SigSet, Signal, SignalId, TaskId, si_code};
use crate::trace::Cause;
use std::collections::VecDeque;

/// A set of pending signals, and the queue with their `siginfo` (`struct sigpending`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SigPending {
    /// A signal can be pending without an entry: one from the kernel that needs none, or one that
    /// found no room.
    set: SigSet,
    /// In the order of sending.
    queue: VecDeque<Queued>,
}

/// A queue entry (`struct sigqueue`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) struct Queued {
    pub info: SigInfo,
    /// The user that it counts for; `None` for a timer's own entry, which the timer counts for.
    pub uid: Option<u32>,
    /// The event of its sending.
    pub sent: Cause,
}

impl SigPending {
    /// The signals that are pending.
    pub const fn set(&self) -> SigSet {
        self.set
    }

    /// The `siginfo` of the queue entries, first sent first.
    pub fn infos(&self) -> impl Iterator<Item = &SigInfo> {
        self.queue.iter().map(|entry| &entry.info)
    }

    /// The users that the queue entries count for.
    pub fn users(&self) -> impl Iterator<Item = u32> {
        self.queue.iter().filter_map(|entry| entry.uid)
    }

    /// Makes a signal pending without a queue entry.
    pub const fn sigaddset(&mut self, signal: Signal) {
        self.set = self.set.with(signal);
    }

    /// Makes a signal pending, with an entry for which a user has been charged.
    pub(in crate::kernel) fn queue(&mut self, info: SigInfo, uid: u32, sent: Cause) {
        let uid = Some(uid);
        self.queue.push_back(Queued { info, uid, sent });
        self.sigaddset(info.signal);
    }

    /// Makes the signal of a timer pending, with the entry that belongs to the timer.
    pub(in crate::kernel) fn queue_timer(&mut self, info: SigInfo, sent: Cause) {
        let uid = None;
        self.queue.push_back(Queued { info, uid, sent });
        self.sigaddset(info.signal);
    }

    /// Counts another expiry if the entry of a timer is still queued; returns whether it is.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_sigqueue()`.
    pub(in crate::kernel) fn overruns(&mut self, timer: i32, new: SigInfo) -> bool {
        let mut entries = self.queue.iter_mut();
        let queued = entries.find(|entry| entry.info.is_of_timer(timer));
        if let Some(entry) = queued {
            entry.info = new;
            entry.info.count_overrun();
            return true;
        }
        false
    }

    /// Removes the entry of a timer that is deleted. The signal stays pending.
    pub(in crate::kernel) fn forget_timer(&mut self, timer: i32) {
        self.queue.retain(|entry| !entry.info.is_of_timer(timer));
    }

    /// Removes one instance of a signal: its first entry, if it has any. It stays pending if it has
    /// more.
    pub(in crate::kernel) fn collect(&mut self, signal: Signal) -> Option<Queued> {
        let of_signal = |entry: &Queued| entry.info.signal == signal;
        let first = self.queue.iter().position(of_signal);
        let entry = first.and_then(|at| self.queue.remove(at));
        if !self.queue.iter().any(of_signal) {
            self.set = self.set.without(signal);
        }
        entry
    }

    /// Removes every instance of some signals, and returns the entries.
    pub(in crate::kernel) fn remove(&mut self, signals: SigSet) -> Vec<Queued> {
        self.set = SigSet(self.set.0 & !signals.0);
        let of_set = |entry: &&Queued| signals.contains(entry.info.signal);
        let gone = self.queue.iter().filter(of_set).copied().collect();
        self.queue.retain(|entry| !of_set(&entry));
        gone
    }
}

/// Which set of pending signals is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pending {
    /// A thread's own signals (`task->pending`).
    Private(TaskId),
    /// Those of a process (`signal->shared_pending`).
    Shared(SignalId),
}

/// What a sender says about its signal: the special values and pointers of 2.6.12's `info`
/// argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendInfo {
    /// Nothing (0): a task sends it, and its permission is checked.
    From(TaskId),
    /// `SEND_SIG_PRIV` (1): the kernel sends it.
    Kernel,
    /// `SEND_SIG_FORCED` (2): the kernel sends it, and nothing is queued.
    Forced,
    /// A complete `siginfo`.
    Info(SigInfo),
}

impl SendInfo {
    /// Whether the sender's permission is checked.
    ///
    /// Linux 2.6.12: `include/asm-generic/siginfo.h`, `SI_FROMUSER()`.
    pub const fn from_user(&self) -> bool {
        match self {
            Self::From(_) => true,
            Self::Kernel | Self::Forced => false,
            Self::Info(info) => info.code <= 0,
        }
    }

    /// Whether the entry for a standard signal is allocated even beyond the user's limit.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `send_signal()`.
    pub(in crate::kernel) const fn overrides_limit(&self, signal: Signal) -> bool {
        let certain = match self {
            Self::From(_) | Self::Kernel | Self::Forced => true,
            Self::Info(info) => info.code >= 0,
        };
        certain && !signal.is_realtime()
    }

    /// Whether the call fails if a signal cannot be queued. Otherwise the signal is pending without
    /// a queue entry.
    pub(in crate::kernel) const fn fails_unqueued(&self, signal: Signal) -> bool {
        match self {
            Self::Info(info) => signal.is_realtime() && info.code != si_code::SI_USER,
            Self::From(_) | Self::Kernel | Self::Forced => false,
        }
    }
}

/// `SS_ONSTACK`: currently on the alternate stack.
pub const SS_ONSTACK: u32 = 1;
/// `SS_DISABLE`: there is no alternate stack.
pub const SS_DISABLE: u32 = 2;

/// The alternate signal stack (`sas_ss_sp` and `sas_ss_size`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AltStack {
    /// Its lowest address.
    pub sp: u32,
    /// Its size in bytes; 0 for none.
    pub size: u32,
}

impl AltStack {
    /// Linux 2.6.12: `include/linux/sched.h`, `on_sig_stack()`.
    pub const fn holds(self, esp: u32) -> bool {
        esp.wrapping_sub(self.sp) < self.size
    }

    /// `ss_flags` as user space sees them.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `sas_ss_flags()`.
    pub const fn flags(self, esp: u32) -> u32 {
        if self.size == 0 {
            SS_DISABLE
        } else if self.holds(esp) {
            SS_ONSTACK
        } else {
            0
        }
    }
}
