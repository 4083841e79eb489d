//! What a task sets up for signals in advance: actions, masks, the alternate stack.

use crate::abi::{
    DefaultAction, Errno, KSigaction, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SaFlags, SigAction,
    SigSet, Signal, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SigactionArgs, SigprocmaskArgs, SysResult};
use crate::kernel::task::{AltStack, SS_DISABLE, SS_ONSTACK};

/// The smallest alternate stack, `MINSIGSTKSZ`.
const MINSIGSTKSZ: u32 = 2048;

/// Which form of a call is meant: with sets of 32 signals, or of all 64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SetSize {
    /// `old_sigset_t`: one word.
    Word,
    /// `sigset_t`: two words.
    Full,
}

impl SetSize {
    /// The words of a set, for user memory.
    fn words(self, set: SigSet) -> Vec<u32> {
        let words = set.words();
        match self {
            Self::Word => words[..1].to_vec(),
            Self::Full => words.to_vec(),
        }
    }
}

/// The mask after a change, without SIGKILL and SIGSTOP.
///
/// Linux 2.6.12: `kernel/signal.c`, `sigprocmask()`.
///
/// # Errors
/// `EINVAL` for an unknown `how`.
const fn changed_mask(old: SigSet, how: u32, set: SigSet) -> Result<SigSet, Errno> {
    let set = set.blockable();
    Ok(SigSet(match how {
        SIG_BLOCK => old.0 | set.0,
        SIG_UNBLOCK => old.0 & !set.0,
        SIG_SETMASK => set.0,
        _ => return Err(Errno::EINVAL),
    }))
}

impl Kernel {
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigaction()`: returns the action and, if `new` is
    /// given, sets it. A pending signal that would have no effect now is discarded, even if it is
    /// blocked.
    ///
    /// # Errors
    /// `EINVAL` for an invalid signal number, or for setting SIGKILL or SIGSTOP.
    pub fn do_sigaction(
        &mut self,
        current: TaskId,
        signal: u32,
        new: Option<KSigaction>,
    ) -> Result<KSigaction, Errno> {
        let signal = Signal::new(signal).ok_or(Errno::EINVAL)?;
        if new.is_some() && [Signal::SIGKILL, Signal::SIGSTOP].contains(&signal) {
            return Err(Errno::EINVAL);
        }
        let old = self.k_sigaction_of(current, signal);
        if let Some(new) = new {
            let mask = new.mask.blockable();
            let new = KSigaction { mask, ..new };
            // The new action first: it decides whether what is pending has an effect.
            self.sighand_of_mut(current).set_k_action(signal, new);
            self.purge_ignored(current, signal);
        }
        Ok(old)
    }

    /// If a signal is pending, `sigaction` is restarted after the signal has been taken, since it
    /// may kill the process.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `sys_sigaction()`; `kernel/signal.c`,
    /// `sys_rt_sigaction()`.
    pub(in crate::kernel) fn sys_sigaction(
        &mut self,
        current: TaskId,
        args: SigactionArgs,
    ) -> SysResult {
        self.sigaction(current, args, SetSize::Word)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_rt_sigaction()`.
    pub(in crate::kernel) fn sys_rt_sigaction(
        &mut self,
        current: TaskId,
        args: SigactionArgs,
    ) -> SysResult {
        self.sigaction(current, args, SetSize::Full)
    }

    /// The mask of the first 32 signals.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_sgetmask()`.
    pub(in crate::kernel) fn sys_sgetmask(&self, current: TaskId) -> u32 {
        self.task(current).blocked().words()[0]
    }

    /// Sets the mask of the first 32 signals, and returns the old one. The others are not blocked
    /// any more.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_ssetmask()`.
    pub(in crate::kernel) fn sys_ssetmask(&mut self, current: TaskId, mask: u32) -> u32 {
        let old = self.sys_sgetmask(current);
        let mask = SigSet(mask.into()).blockable();
        self.task_mut(current).set_blocked(mask);
        self.recalc_sigpending(current);
        old
    }

    /// The old call: the handler is used for one signal, and blocks nothing.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_signal()`.
    pub(in crate::kernel) fn sys_signal(
        &mut self,
        current: TaskId,
        signal: u32,
        handler: SigAction,
    ) -> SysResult {
        let old = Signal::new(signal).map_or(0, |signal| self.sigaction_of(current, signal).word());
        let args = SigactionArgs {
            signal,
            new: Some(KSigaction {
                flags: SaFlags::RESETHAND | SaFlags::NODEFER,
                ..handler.into()
            }),
            old: VirtAddr(0),
        };
        match self.sys_rt_sigaction(current, args) {
            SysResult::Done(Ok(_)) => old.into(),
            other => other,
        }
    }

    /// A `sigaction` with a signal pending is restarted after it has been taken: it may kill
    /// the process.
    fn sigaction(&mut self, current: TaskId, args: SigactionArgs, size: SetSize) -> SysResult {
        let valid = Signal::new(args.signal)
            .filter(|s| args.new.is_none() || ![Signal::SIGKILL, Signal::SIGSTOP].contains(s));
        if valid.is_some() && self.signal_pending(current) {
            return SysResult::Restart(Restart::NoIntr);
        }
        let stored = self
            .do_sigaction(current, args.signal, args.new)
            .and_then(|old| match args.old {
                VirtAddr(0) => Ok(()),
                addr => self.put_sigaction(current, addr, &old, size),
            });
        stored.map(|()| 0).into()
    }

    /// `struct old_sigaction` has the mask in its second word, `struct sigaction` at its end.
    fn put_sigaction(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        action: &KSigaction,
        size: SetSize,
    ) -> Result<(), Errno> {
        let (handler, flags) = (action.handler.word(), action.flags.bits());
        let (restorer, mask) = (action.restorer.0, action.mask.words());
        match size {
            SetSize::Word => {
                self.put_user_words(current, addr, &[handler, mask[0], flags, restorer])
            }
            SetSize::Full => {
                let words = [handler, flags, restorer, mask[0], mask[1]];
                self.put_user_words(current, addr, &words)
            }
        }
    }

    /// A `struct old_sigaction` in the caller's memory; `None` at address 0.
    pub(in crate::kernel) fn get_old_sigaction(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<Option<KSigaction>, Errno> {
        if addr == VirtAddr(0) {
            return Ok(None);
        }
        let [handler, mask, flags, restorer] = self.get_user_words(current, addr)?;
        Ok(Some(KSigaction {
            handler: SigAction::from_word(handler),
            flags: SaFlags::from_bits_retain(flags),
            restorer: VirtAddr(restorer),
            mask: SigSet(mask.into()),
        }))
    }

    /// A `struct sigaction` in the caller's memory; `None` at address 0.
    pub(in crate::kernel) fn get_sigaction(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<Option<KSigaction>, Errno> {
        if addr == VirtAddr(0) {
            return Ok(None);
        }
        let [handler, flags, restorer, low, high] = self.get_user_words(current, addr)?;
        Ok(Some(KSigaction {
            handler: SigAction::from_word(handler),
            flags: SaFlags::from_bits_retain(flags),
            restorer: VirtAddr(restorer),
            mask: SigSet::from_words([low, high]),
        }))
    }

    /// Sets the mask of blocked signals.
    pub fn set_blocked(&mut self, task: TaskId, blocked: SigSet) {
        self.task_mut(task).set_blocked(blocked.blockable());
        self.recalc_sigpending(task);
    }

    /// Takes a signal out of the mask.
    pub(super) fn unblock(&mut self, task: TaskId, signal: Signal) {
        let blocked = self.task(task).blocked().without(signal);
        self.set_blocked(task, blocked);
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_sigprocmask()` and `sys_rt_sigprocmask()`. The old
    /// form leaves the upper 32 signals unchanged.
    ///
    /// # Errors
    /// `EINVAL` for an unknown `how`; `EFAULT`, after the mask has been changed.
    pub(in crate::kernel) fn sys_sigprocmask(
        &mut self,
        current: TaskId,
        args: SigprocmaskArgs,
    ) -> Result<u32, Errno> {
        self.sigprocmask(current, args, SetSize::Word)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_rt_sigprocmask()`.
    ///
    /// # Errors
    /// As [`Kernel::sigprocmask`].
    pub(in crate::kernel) fn sys_rt_sigprocmask(
        &mut self,
        current: TaskId,
        args: SigprocmaskArgs,
    ) -> Result<u32, Errno> {
        self.sigprocmask(current, args, SetSize::Full)
    }

    /// Changes the mask of blocked signals. The old form of the call leaves the upper 32 signals
    /// as they are.
    ///
    /// # Errors
    /// `EINVAL` for an unknown `how`; `EFAULT`, after the mask has been changed.
    fn sigprocmask(
        &mut self,
        current: TaskId,
        args: SigprocmaskArgs,
        size: SetSize,
    ) -> Result<u32, Errno> {
        let old = self.task(current).blocked();
        if let Some(set) = args.set {
            let mut new = changed_mask(old, args.how, set)?;
            if size == SetSize::Word {
                new = SigSet::from_words([new.words()[0], old.words()[1]]);
            }
            self.set_blocked(current, new);
        }
        if args.old != VirtAddr(0) {
            self.put_user_words(current, args.old, &size.words(old))?;
        }
        Ok(0)
    }

    /// The signals that are pending and blocked.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigpending()`.
    pub fn do_sigpending(&self, task: TaskId) -> SigSet {
        let shared = self.signal_of(task).shared_pending.set();
        let task = self.task(task);
        SigSet((task.pending.set().0 | shared.0) & task.blocked().0)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_sigpending()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_sigpending(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        self.sys_rt_sigpending(current, addr, 4)
    }

    /// The first `size` bytes of the set, 8 at most.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_rt_sigpending()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_rt_sigpending(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        size: u32,
    ) -> Result<u32, Errno> {
        let set = self.do_sigpending(current).0.to_le_bytes();
        self.copy_to_user(current, addr, &set[..size as usize])?;
        Ok(0)
    }

    /// Sets the alternate stack: pointer, flags, size.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigaltstack()`.
    ///
    /// # Errors
    /// `EPERM` while on that stack, `EINVAL` for unknown flags, `ENOMEM` if it is too small.
    pub(super) fn do_sigaltstack(&mut self, current: TaskId, stack: [u32; 3]) -> Result<(), Errno> {
        let task = self.task_mut(current);
        let esp = task.thread.regs.esp;
        let [sp, flags, size] = stack;
        if task.altstack.holds(esp) {
            return Err(Errno::EPERM);
        }
        task.altstack = match flags {
            SS_DISABLE => AltStack::default(),
            0 | SS_ONSTACK if size < MINSIGSTKSZ => return Err(Errno::ENOMEM),
            0 | SS_ONSTACK => AltStack { sp, size },
            _ => return Err(Errno::EINVAL),
        };
        Ok(())
    }

    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `sys_sigaltstack()`.
    ///
    /// # Errors
    /// As for [`Kernel::do_sigaltstack`], and `EFAULT`.
    pub(in crate::kernel) fn sys_sigaltstack(
        &mut self,
        current: TaskId,
        new: Option<[u32; 3]>,
        old: VirtAddr,
    ) -> Result<u32, Errno> {
        let task = self.task(current);
        let (alt, esp) = (task.altstack, task.thread.regs.esp);
        if let Some(new) = new {
            self.do_sigaltstack(current, new)?;
        }
        if old != VirtAddr(0) {
            let words = [alt.sp, alt.flags(esp), alt.size];
            self.put_user_words(current, old, &words)?;
        }
        Ok(0)
    }

    /// What a signal does to a task when it takes it, in words.
    pub fn describe_action(&self, task: TaskId, signal: Signal) -> String {
        match self.sigaction_of(task, signal) {
            SigAction::Ignore => "ignored".to_owned(),
            SigAction::Handler(addr) => format!("handler {addr}"),
            SigAction::Default => match signal.default_action() {
                DefaultAction::Ignore => "ignored by default",
                DefaultAction::Terminate => "kills the process",
                DefaultAction::Core => "kills the process, with a core dump",
                DefaultAction::Stop => "stops the process",
            }
            .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_never_has_kill_or_stop() {
        let all = SigSet(u64::MAX);
        let old = SigSet::of(&[Signal::SIGUSR1]);
        let unblockable = SigSet::of(&[Signal::SIGKILL, Signal::SIGSTOP]);
        let blocked = changed_mask(old, SIG_BLOCK, all).unwrap();
        assert_eq!(blocked.0, !unblockable.0);
        assert_eq!(
            changed_mask(old, SIG_SETMASK, unblockable),
            Ok(SigSet::EMPTY)
        );
        assert_eq!(changed_mask(old, SIG_UNBLOCK, all), Ok(SigSet::EMPTY));
        assert_eq!(changed_mask(old, 3, all), Err(Errno::EINVAL));
    }
}
