//! Waiting for signals: `pause`, `sigsuspend`, `rt_sigtimedwait`.

use super::deliver::Taken;
use crate::abi::{Errno, SigInfo, SigSet, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::syscall::{InfoTo, SigtimedwaitArgs, SysResult};
use crate::kernel::task::Continuation;

impl Kernel {
    /// Sleeps until a handler has been entered.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_pause()`.
    pub(in crate::kernel) fn sys_pause(&mut self, current: TaskId) -> SysResult {
        self.block(current, TaskState::INTERRUPTIBLE, Continuation::Pause)
    }

    /// Waits with another mask until a handler has been entered; the return from it restores the
    /// old mask.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `sys_sigsuspend()` and `sys_rt_sigsuspend()`.
    pub(in crate::kernel) fn sys_sigsuspend(&mut self, current: TaskId, mask: SigSet) -> SysResult {
        let saved = self.task(current).blocked();
        // The mask changes before the sleep, in one call: a signal that the old mask held back makes
        // the sleep end at once and cannot get lost between the two.
        self.set_blocked(current, mask);
        // The value that the frame of the handler will show as the result of the call.
        self.task_mut(current).thread.regs.eax = (-Errno::EINTR.code()) as u32;
        self.sigsuspend_sleep(current, saved)
    }

    fn sigsuspend_sleep(&mut self, current: TaskId, saved: SigSet) -> SysResult {
        let wait = Continuation::Sigsuspend { saved };
        self.block(current, TaskState::INTERRUPTIBLE, wait)
    }

    /// Something woke a task from `sigsuspend`: only a handler ends the call.
    pub(in crate::kernel) fn sigsuspend_woken(
        &mut self,
        current: TaskId,
        saved: SigSet,
    ) -> SysResult {
        match self.do_signal_with(current, Some(saved)) {
            Taken::Handler => Err(Errno::EINTR).into(),
            Taken::Nothing => self.sigsuspend_sleep(current, saved),
            Taken::Gone => SysResult::Blocked,
        }
    }

    /// Takes one of the signals, or waits for one. They are unblocked during the wait.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_rt_sigtimedwait()`.
    ///
    /// # Errors
    /// `EAGAIN` after the timeout, `EINTR` for another signal, `EFAULT`.
    pub(in crate::kernel) fn sys_rt_sigtimedwait(
        &mut self,
        current: TaskId,
        args: SigtimedwaitArgs,
    ) -> SysResult {
        let set = args.set.blockable();
        self.task_mut(current).in_call.reported = None;
        // One that is pending already is taken without a sleep, even with a timeout of 0.
        if let Some(info) = self.dequeue_signal(current, SigSet(!set.0)) {
            return self.report_signal(current, args.info, info).into();
        }
        if args.timeout == Some(0) {
            return Err(Errno::EAGAIN).into();
        }
        // Unblocked, so that the signals wake the task. The real mask is kept beside: a fatal signal
        // that it blocks must not kill the process instead of being reported.
        self.task_mut(current).unblock_for_wait(set);
        self.recalc_sigpending(current);
        let until = args.timeout.map(|ticks| self.tick.saturating_add(ticks));
        let wait = Continuation::Sigtimedwait {
            set,
            info: args.info,
            until,
        };
        self.block_until(current, TaskState::INTERRUPTIBLE, wait, until)
    }

    /// The end of the wait in `rt_sigtimedwait`.
    pub(in crate::kernel) fn sigtimedwait_woken(
        &mut self,
        current: TaskId,
        set: SigSet,
        to: InfoTo,
        until: Option<u64>,
    ) -> SysResult {
        self.del_timer(current);
        // Taken before the mask blocks them again, and before the timeout is looked at: a signal that
        // has come in time counts.
        let taken = self.dequeue_signal(current, SigSet(!set.0));
        self.task_mut(current).restore_mask();
        self.recalc_sigpending(current);
        match taken {
            Some(info) => self.report_signal(current, to, info).into(),
            None if until.is_some_and(|tick| tick <= self.tick) => Err(Errno::EAGAIN).into(),
            None => Err(Errno::EINTR).into(),
        }
    }

    fn report_signal(&mut self, current: TaskId, to: InfoTo, info: SigInfo) -> Result<u32, Errno> {
        match to {
            InfoTo::Nowhere | InfoTo::User(VirtAddr(0)) => {}
            InfoTo::User(addr) => self.put_user_words(current, addr, &info.words())?,
            InfoTo::Task => self.task_mut(current).in_call.reported = Some(info),
        }
        Ok(info.signal.number())
    }
}
