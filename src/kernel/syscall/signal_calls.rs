//! The system calls about signals, as data: their numbers, what the registers say, and dispatch.

use super::result::SysResult;
use crate::abi::{Errno, SigInfo, SigSet, Signal, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::signal::{InfoTo, SetSize, SigactionArgs, SigprocmaskArgs, SigtimedwaitArgs};
use crate::kernel::task::{ItimerVal, KSigaction, SaFlags, SigAction};

/// Bytes of a `sigset_t`.
const SIGSET_BYTES: u32 = 8;

/// A system call about signals, with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignalCall {
    /// `restart_syscall()`.
    Restart,
    /// `alarm(seconds)`.
    Alarm(u32),
    /// `pause()`.
    Pause,
    /// `kill(pid, signal)`.
    Kill(i32, i32),
    /// `tkill(pid, signal)`.
    Tkill(i32, i32),
    /// `tgkill(tgid, pid, signal)`.
    Tgkill(i32, i32, i32),
    /// `rt_sigqueueinfo(pid, signal, info)`.
    Sigqueueinfo(i32, i32, SigInfo),
    /// `signal(signal, handler)`.
    Signal(u32, SigAction),
    /// `sigaction` or `rt_sigaction`.
    Sigaction(SigactionArgs),
    /// `sigprocmask` or `rt_sigprocmask`.
    Sigprocmask(SigprocmaskArgs),
    /// `sigpending` or `rt_sigpending`: address and size of the set.
    Sigpending(VirtAddr, u32),
    /// `sigsuspend` or `rt_sigsuspend`.
    Sigsuspend(SigSet, SetSize),
    /// `rt_sigtimedwait`.
    Sigtimedwait(SigtimedwaitArgs),
    /// `sigreturn`.
    Sigreturn,
    /// `rt_sigreturn`.
    RtSigreturn,
    /// `sigaltstack(new, old)`: pointer, flags and size of the new stack.
    Sigaltstack(Option<[u32; 3]>, VirtAddr),
    /// `setitimer(which, value, old)`.
    Setitimer(u32, ItimerVal, VirtAddr),
    /// `getitimer(which, value)`.
    Getitimer(u32, VirtAddr),
}

impl SignalCall {
    /// The numbers and names.
    pub const NAMES: &[(u16, &str)] = &[
        (0, "restart_syscall"),
        (27, "alarm"),
        (29, "pause"),
        (37, "kill"),
        (48, "signal"),
        (67, "sigaction"),
        (72, "sigsuspend"),
        (73, "sigpending"),
        (104, "setitimer"),
        (105, "getitimer"),
        (119, "sigreturn"),
        (126, "sigprocmask"),
        (173, "rt_sigreturn"),
        (174, "rt_sigaction"),
        (175, "rt_sigprocmask"),
        (176, "rt_sigpending"),
        (177, "rt_sigtimedwait"),
        (178, "rt_sigqueueinfo"),
        (179, "rt_sigsuspend"),
        (186, "sigaltstack"),
        (238, "tkill"),
        (270, "tgkill"),
    ];

    /// The i386 system call number.
    pub const fn nr(&self) -> u16 {
        const fn sized(size: SetSize, word: u16, full: u16) -> u16 {
            match size {
                SetSize::Word => word,
                SetSize::Full => full,
            }
        }
        match self {
            Self::Restart => 0,
            Self::Alarm(_) => 27,
            Self::Pause => 29,
            Self::Kill(..) => 37,
            Self::Signal(..) => 48,
            Self::Sigaction(args) => sized(args.size, 67, 174),
            Self::Sigprocmask(args) => sized(args.size, 126, 175),
            Self::Sigpending(_, 4) => 73,
            Self::Sigpending(..) => 176,
            Self::Sigsuspend(_, size) => sized(*size, 72, 179),
            Self::Sigtimedwait(_) => 177,
            Self::Sigqueueinfo(..) => 178,
            Self::Sigreturn => 119,
            Self::RtSigreturn => 173,
            Self::Sigaltstack(..) => 186,
            Self::Tkill(..) => 238,
            Self::Tgkill(..) => 270,
            Self::Setitimer(..) => 104,
            Self::Getitimer(..) => 105,
        }
    }

    /// The first argument as a word, for the trace.
    pub const fn first_arg(&self) -> u32 {
        match self {
            Self::Alarm(word) | Self::Signal(word, _) => *word,
            Self::Setitimer(word, ..) | Self::Getitimer(word, _) => *word,
            Self::Kill(pid, _) | Self::Tkill(pid, _) => *pid as u32,
            Self::Tgkill(pid, ..) | Self::Sigqueueinfo(pid, ..) => *pid as u32,
            Self::Sigaction(args) => args.signal,
            Self::Sigprocmask(args) => args.how,
            Self::Sigpending(addr, _) => addr.0,
            _ => 0,
        }
    }

    /// Whether the call may be made again after a signal.
    pub const fn may_restart(&self) -> bool {
        matches!(self, Self::Pause | Self::Signal(..) | Self::Sigaction(_))
    }
}

impl Kernel {
    pub(super) fn dispatch_signal(&mut self, current: TaskId, call: SignalCall) -> SysResult {
        match call {
            SignalCall::Restart => self.sys_restart_syscall(current),
            SignalCall::Alarm(seconds) => self.sys_alarm(current, seconds).into(),
            SignalCall::Pause => self.sys_pause(current),
            SignalCall::Kill(pid, signal) => self.sys_kill(current, pid, signal).into(),
            SignalCall::Tkill(pid, signal) => self.sys_tgkill(current, None, pid, signal).into(),
            SignalCall::Tgkill(tgid, pid, signal) => {
                self.sys_tgkill(current, Some(tgid), pid, signal).into()
            }
            SignalCall::Sigqueueinfo(pid, signal, info) => {
                self.sys_rt_sigqueueinfo(current, pid, signal, info).into()
            }
            SignalCall::Signal(signal, handler) => self.sys_signal(current, signal, handler),
            SignalCall::Sigaction(args) => self.sys_sigaction(current, args),
            SignalCall::Sigprocmask(args) => self.sys_sigprocmask(current, args).into(),
            SignalCall::Sigpending(addr, bytes) => {
                self.sys_sigpending(current, addr, bytes as usize).into()
            }
            SignalCall::Sigsuspend(mask, _) => self.sys_sigsuspend(current, mask),
            SignalCall::Sigtimedwait(args) => self.sys_rt_sigtimedwait(current, args),
            SignalCall::Sigreturn => Ok(self.sys_sigreturn(current)).into(),
            SignalCall::RtSigreturn => Ok(self.sys_rt_sigreturn(current)).into(),
            SignalCall::Sigaltstack(new, old) => self.sys_sigaltstack(current, new, old).into(),
            SignalCall::Setitimer(which, value, old) => {
                self.sys_setitimer(current, which, value, old).into()
            }
            SignalCall::Getitimer(which, addr) => self.sys_getitimer(current, which, addr).into(),
        }
    }

    /// The old call: the handler is good for one signal, and blocks nothing.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `sys_signal()`.
    fn sys_signal(&mut self, current: TaskId, signal: u32, handler: SigAction) -> SysResult {
        let old = self.sigaction_word(current, signal);
        let args = SigactionArgs {
            signal,
            new: Some(KSigaction {
                flags: SaFlags::RESETHAND | SaFlags::NODEFER,
                ..handler.into()
            }),
            old: VirtAddr(0),
            size: SetSize::Full,
        };
        match self.sys_sigaction(current, args) {
            SysResult::Done(Ok(_)) => Ok(old).into(),
            other => other,
        }
    }

    fn sigaction_word(&self, task: TaskId, signal: u32) -> u32 {
        Signal::new(signal).map_or(0, |signal| self.sigaction_of(task, signal).word())
    }

    /// The call about signals that a number asks for, its arguments copied in; `None` if the number
    /// is another's.
    ///
    /// # Errors
    /// `EINVAL` for a set of another size, and `EFAULT`.
    pub(super) fn decode_signal(
        &mut self,
        current: TaskId,
        nr: u32,
        [a, b, c, d]: [u32; 4],
    ) -> Result<Option<SignalCall>, Errno> {
        let (pid, signal) = (a as i32, b as i32);
        Ok(Some(match nr {
            0 => SignalCall::Restart,
            27 => SignalCall::Alarm(a),
            29 => SignalCall::Pause,
            37 => SignalCall::Kill(pid, signal),
            48 => SignalCall::Signal(a, SigAction::from_word(b)),
            67 => SignalCall::Sigaction(self.sigaction_args(current, [a, b, c], SetSize::Word)?),
            72 => SignalCall::Sigsuspend(SigSet(c.into()), SetSize::Word),
            73 => SignalCall::Sigpending(VirtAddr(a), 4),
            104 => SignalCall::Setitimer(a, self.get_itimerval(current, b)?, VirtAddr(c)),
            105 => SignalCall::Getitimer(a, VirtAddr(b)),
            119 => SignalCall::Sigreturn,
            126 => SignalCall::Sigprocmask(self.mask_args(current, [a, b, c], SetSize::Word)?),
            173 => SignalCall::RtSigreturn,
            174 | 175 if d != SIGSET_BYTES => return Err(Errno::EINVAL),
            174 => SignalCall::Sigaction(self.sigaction_args(current, [a, b, c], SetSize::Full)?),
            175 => SignalCall::Sigprocmask(self.mask_args(current, [a, b, c], SetSize::Full)?),
            176 if b > SIGSET_BYTES => return Err(Errno::EINVAL),
            176 => SignalCall::Sigpending(VirtAddr(a), b),
            177 if d != SIGSET_BYTES => return Err(Errno::EINVAL),
            177 => SignalCall::Sigtimedwait(self.timedwait_args(current, [a, b, c])?),
            178 => {
                let words = self.get_user_words(current, VirtAddr(c))?;
                let number = Signal::new(b).unwrap_or(Signal::SIGHUP);
                SignalCall::Sigqueueinfo(pid, signal, SigInfo::from_words(number, &words))
            }
            179 if b != SIGSET_BYTES => return Err(Errno::EINVAL),
            179 => SignalCall::Sigsuspend(self.get_sigset(current, a)?, SetSize::Full),
            186 => {
                let new = match a {
                    0 => None,
                    addr => Some(self.get_user_words(current, VirtAddr(addr))?),
                };
                SignalCall::Sigaltstack(new, VirtAddr(b))
            }
            238 => SignalCall::Tkill(pid, signal),
            270 => SignalCall::Tgkill(pid, signal, c as i32),
            _ => return Ok(None),
        }))
    }

    fn get_sigset(&mut self, current: TaskId, addr: u32) -> Result<SigSet, Errno> {
        let words = self.get_user_words(current, VirtAddr(addr))?;
        Ok(SigSet::from_words(words))
    }

    fn sigaction_args(
        &mut self,
        current: TaskId,
        [signal, new, old]: [u32; 3],
        size: SetSize,
    ) -> Result<SigactionArgs, Errno> {
        Ok(SigactionArgs {
            signal,
            new: self.get_sigaction(current, new, size)?,
            old: VirtAddr(old),
            size,
        })
    }

    fn mask_args(
        &mut self,
        current: TaskId,
        [how, set, old]: [u32; 3],
        size: SetSize,
    ) -> Result<SigprocmaskArgs, Errno> {
        let set = match (set, size) {
            (0, _) => None,
            (addr, SetSize::Word) => {
                let word = self.get_user_u32(current, VirtAddr(addr))?;
                Some(SigSet(word.into()))
            }
            (addr, SetSize::Full) => Some(self.get_sigset(current, addr)?),
        };
        Ok(SigprocmaskArgs {
            how,
            set,
            old: VirtAddr(old),
            size,
        })
    }

    fn timedwait_args(
        &mut self,
        current: TaskId,
        [set, info, timeout]: [u32; 3],
    ) -> Result<SigtimedwaitArgs, Errno> {
        let set = self.get_sigset(current, set)?;
        let timeout = match timeout {
            0 => None,
            addr => {
                let time = self.read_timespec(current, VirtAddr(addr))?;
                Some(time.ticks_to_sleep())
            }
        };
        Ok(SigtimedwaitArgs {
            set,
            info: InfoTo::User(VirtAddr(info)),
            timeout,
        })
    }
}
