//! What a task says about signals before they come: actions, masks, the alternate stack.

use crate::abi::{DefaultAction, Errno, SigSet, Signal, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{AltStack, KSigaction, SS_DISABLE, SS_ONSTACK, SaFlags, SigAction};

/// `SIG_BLOCK`: more signals are blocked.
pub const SIG_BLOCK: u32 = 0;
/// `SIG_UNBLOCK`: fewer are.
pub const SIG_UNBLOCK: u32 = 1;
/// `SIG_SETMASK`: exactly these are.
pub const SIG_SETMASK: u32 = 2;

/// The smallest alternate stack, `MINSIGSTKSZ`.
const MINSIGSTKSZ: u32 = 2048;

/// Which of the two forms of a call is meant: with sets of 32 signals, or of all 64.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SetSize {
    /// `old_sigset_t`: a word.
    Word,
    /// `sigset_t`: two words.
    #[default]
    Full,
}

impl SetSize {
    /// The words of a set in user memory.
    pub fn words(self, set: SigSet) -> Vec<u32> {
        let words = set.words();
        match self {
            Self::Word => words[..1].to_vec(),
            Self::Full => words.to_vec(),
        }
    }
}

/// The arguments of `sigaction` and `rt_sigaction`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigactionArgs {
    /// Signal number, which may be none.
    pub signal: u32,
    /// The new action, if there is to be one.
    pub new: Option<KSigaction>,
    /// Where the old one is stored; 0 for nowhere.
    pub old: VirtAddr,
    /// Which form.
    pub size: SetSize,
}

/// The arguments of `sigprocmask` and `rt_sigprocmask`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigprocmaskArgs {
    /// `SIG_BLOCK`, `SIG_UNBLOCK` or `SIG_SETMASK`.
    pub how: u32,
    /// The signals, if the mask is to change.
    pub set: Option<SigSet>,
    /// Where the old mask is stored; 0 for nowhere.
    pub old: VirtAddr,
    /// Which form.
    pub size: SetSize,
}

/// The mask that a change leads to, KILL and STOP taken out of it.
///
/// Linux 2.6.12: `kernel/signal.c`, `sigprocmask()`.
///
/// # Errors
/// `EINVAL` for an unknown kind of change.
pub const fn changed_mask(old: SigSet, how: u32, set: SigSet) -> Result<SigSet, Errno> {
    let set = set.blockable();
    Ok(SigSet(match how {
        SIG_BLOCK => old.0 | set.0,
        SIG_UNBLOCK => old.0 & !set.0,
        SIG_SETMASK => set.0,
        _ => return Err(Errno::EINVAL),
    }))
}

impl Kernel {
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigaction()`: reads the action and, if `new` is given,
    /// sets it. What is pending and would do nothing now is forgotten, even if it is blocked.
    ///
    /// # Errors
    /// `EINVAL` for a bad signal number, or for setting SIGKILL or SIGSTOP.
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
            self.sighand_of_mut(current).set_k_action(signal, new);
            self.purge_ignored(current, signal);
        }
        Ok(old)
    }

    /// `sigaction` with a signal pending is made again when that has been taken: it may be the end
    /// of the process.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `sys_sigaction()`; `kernel/signal.c`,
    /// `sys_rt_sigaction()`.
    pub(in crate::kernel) fn sys_sigaction(
        &mut self,
        current: TaskId,
        args: SigactionArgs,
    ) -> SysResult {
        let valid = Signal::new(args.signal)
            .filter(|s| args.new.is_none() || ![Signal::SIGKILL, Signal::SIGSTOP].contains(s));
        if valid.is_some() && self.signal_pending(current) {
            return SysResult::Restart(Restart::NoIntr);
        }
        let stored = self
            .do_sigaction(current, args.signal, args.new)
            .and_then(|old| match args.old {
                VirtAddr(0) => Ok(()),
                addr => self.put_sigaction(current, addr, &old, args.size),
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

    /// An action in the caller's memory; `None` at address 0.
    pub(in crate::kernel) fn get_sigaction(
        &mut self,
        current: TaskId,
        addr: u32,
        size: SetSize,
    ) -> Result<Option<KSigaction>, Errno> {
        if addr == 0 {
            return Ok(None);
        }
        let addr = VirtAddr(addr);
        let (handler, flags, restorer, mask) = match size {
            SetSize::Word => {
                let [handler, mask, flags, restorer] = self.get_user_words(current, addr)?;
                (handler, flags, restorer, SigSet(mask.into()))
            }
            SetSize::Full => {
                let [handler, flags, restorer, low, high] = self.get_user_words(current, addr)?;
                (handler, flags, restorer, SigSet::from_words([low, high]))
            }
        };
        Ok(Some(KSigaction {
            handler: SigAction::from_word(handler),
            flags: SaFlags::from_bits_retain(flags),
            restorer: VirtAddr(restorer),
            mask,
        }))
    }

    /// Another mask of blocked signals.
    pub(super) fn set_blocked(&mut self, task: TaskId, blocked: SigSet) {
        self.task_mut(task).blocked = blocked.blockable();
        self.recalc_sigpending(task);
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_sigprocmask()` and `sys_rt_sigprocmask()`. The old
    /// form leaves the upper 32 signals as they are.
    ///
    /// # Errors
    /// `EINVAL` for an unknown kind of change; `EFAULT`, the mask being changed already.
    pub(in crate::kernel) fn sys_sigprocmask(
        &mut self,
        current: TaskId,
        args: SigprocmaskArgs,
    ) -> Result<u32, Errno> {
        let old = self.task(current).blocked;
        if let Some(set) = args.set {
            let mut new = changed_mask(old, args.how, set)?;
            if args.size == SetSize::Word {
                new = SigSet::from_words([new.words()[0], old.words()[1]]);
            }
            self.set_blocked(current, new);
        }
        if args.old != VirtAddr(0) {
            self.put_user_words(current, args.old, &args.size.words(old))?;
        }
        Ok(0)
    }

    /// The signals that wait to be unblocked.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigpending()`.
    pub fn do_sigpending(&self, task: TaskId) -> SigSet {
        let shared = self.signal_of(task).shared_pending;
        let task = self.task(task);
        SigSet((task.pending.0 | shared.0) & task.blocked.0)
    }

    /// Linux 2.6.12: `kernel/signal.c`, `sys_sigpending()` and `sys_rt_sigpending()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_sigpending(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        bytes: usize,
    ) -> Result<u32, Errno> {
        let set = self.do_sigpending(current).0.to_le_bytes();
        self.copy_to_user(current, addr, &set[..bytes])?;
        Ok(0)
    }

    /// Another alternate stack: pointer, flags, size.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `do_sigaltstack()`.
    ///
    /// # Errors
    /// `EPERM` on the stack, `EINVAL` for unknown flags, `ENOMEM` if it is too small.
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
    /// As [`Kernel::do_sigaltstack`], and `EFAULT`.
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

    /// What a task does by default or by choice when it takes a signal, in words.
    pub fn describe_action(&self, task: TaskId, signal: Signal) -> String {
        match self.sigaction_of(task, signal) {
            SigAction::Ignore => "ignored".to_owned(),
            SigAction::Handler(addr) => format!("handler {addr}"),
            SigAction::Default => match signal.default_action() {
                DefaultAction::Ignore => "ignored by default",
                DefaultAction::Terminate => "ends the process",
                DefaultAction::Core => "ends the process, with a core",
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
