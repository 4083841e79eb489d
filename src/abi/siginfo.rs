//! The information that comes with a signal (`siginfo_t`): who sent it, or what happened.

use super::{Signal, VirtAddr};

/// Words of a `siginfo_t` on i386: 128 bytes.
pub const SIGINFO_WORDS: usize = 32;
/// Words after `si_signo`, `si_errno` and `si_code`.
const FIELD_WORDS: usize = SIGINFO_WORDS - 3;

/// The values of `si_code` that the kernel sets or tests.
pub mod si_code {
    constants! {
        /// A code of siginfo: sent by kill.
        SI_USER: i32 = 0;
        /// A code of siginfo: sent by the kernel.
        SI_KERNEL: i32 = 0x80;
        /// A code of siginfo: sent by rt_sigqueueinfo.
        SI_QUEUE: i32 = -1;
        /// A code of siginfo: a timer has expired.
        SI_TIMER: i32 = -2;
        /// A code of siginfo: sent by tkill.
        SI_TKILL: i32 = -6;
        /// A code of SIGCHLD: the child has exited.
        CLD_EXITED: i32 = 1;
        /// A code of SIGCHLD: a signal killed the child.
        CLD_KILLED: i32 = 2;
        /// A code of SIGCHLD: a signal killed the child, with a core dump.
        CLD_DUMPED: i32 = 3;
        /// A code of SIGCHLD: the traced child has stopped.
        CLD_TRAPPED: i32 = 4;
        /// A code of SIGCHLD: the child has stopped.
        CLD_STOPPED: i32 = 5;
        /// A code of SIGCHLD: the child has continued.
        CLD_CONTINUED: i32 = 6;
    }

    /// An instruction that the processor does not know.
    pub const ILL_ILLOPN: i32 = 2;
    /// A division of integers by zero, or a quotient that does not fit.
    pub const FPE_INTDIV: i32 = 1;
    /// A floating-point division by zero.
    pub const FPE_FLTDIV: i32 = 3;
    /// A floating-point overflow.
    pub const FPE_FLTOVF: i32 = 4;
    /// A floating-point underflow.
    pub const FPE_FLTUND: i32 = 5;
    /// An inexact floating-point result.
    pub const FPE_FLTRES: i32 = 6;
    /// An invalid floating-point operation.
    pub const FPE_FLTINV: i32 = 7;
    /// A single step, or a breakpoint of the debug registers.
    pub const TRAP_BRKPT: i32 = 1;
    /// A misaligned access.
    pub const BUS_ADRALN: i32 = 1;
    /// No area contains the address.
    pub const SEGV_MAPERR: i32 = 1;
    /// The area does not permit the access.
    pub const SEGV_ACCERR: i32 = 2;
    /// The file has no such page.
    pub const BUS_ADRERR: i32 = 2;

    /// The name of what a sender says of its signal, or `None`.
    pub const fn name(code: i32) -> Option<&'static str> {
        Some(match code {
            SI_USER => "SI_USER",
            SI_KERNEL => "SI_KERNEL",
            SI_QUEUE => "SI_QUEUE",
            SI_TIMER => "SI_TIMER",
            SI_TKILL => "SI_TKILL",
            _ => return None,
        })
    }

    /// The name of what a child's signal is for, or `None`.
    pub const fn child_name(code: i32) -> Option<&'static str> {
        Some(match code {
            CLD_EXITED => "CLD_EXITED",
            CLD_KILLED => "CLD_KILLED",
            CLD_DUMPED => "CLD_DUMPED",
            CLD_TRAPPED => "CLD_TRAPPED",
            CLD_STOPPED => "CLD_STOPPED",
            CLD_CONTINUED => "CLD_CONTINUED",
            _ => return name(code),
        })
    }
}

/// The kernel's `siginfo_t`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigInfo {
    /// `si_signo`.
    pub signal: Signal,
    /// `si_code`: see [`si_code`].
    pub code: i32,
    /// The fields that depend on the origin.
    pub origin: SigOrigin,
}

/// The part of a `siginfo_t` that depends on where the signal comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigOrigin {
    /// A task sent it, or the kernel for no specific reason.
    Sender {
        /// `si_pid`: the sender's process, 0 for the kernel.
        pid: i32,
        /// `si_uid`: the sender's real user.
        uid: u32,
    },
    /// Something happened to a child.
    Child {
        /// `si_pid`: the child's pid.
        pid: i32,
        /// `si_uid`: the child's real user.
        uid: u32,
        /// `si_status`: exit code or signal.
        status: i32,
        /// `si_utime`, ticks.
        utime: u32,
        /// `si_stime`, ticks.
        stime: u32,
    },
    /// The task's own access or instruction raised it; `si_addr`.
    Fault(VirtAddr),
    /// A timer has expired.
    Timer {
        /// `si_tid`: the number of the timer.
        id: i32,
        /// `si_overrun`: expiries beyond the first.
        overrun: i32,
        /// `si_value`.
        value: u32,
        /// `si_sys_private`: which setting and expiry it is; programs do not see it.
        private: u32,
    },
    /// Whatever the sender of `rt_sigqueueinfo` filled in: `si_errno` and all words after
    /// `si_code`: MAPERR or ACCERR.
    Queued(i32, [u32; FIELD_WORDS]),
}

impl SigInfo {
    /// The information for a signal sent by a task.
    pub const fn sent(signal: Signal, code: i32, pid: i32, uid: u32) -> Self {
        Self {
            signal,
            code,
            origin: SigOrigin::Sender { pid, uid },
        }
    }

    /// The information for a signal sent by the kernel.
    pub const fn kernel(signal: Signal) -> Self {
        Self::sent(signal, si_code::SI_KERNEL, 0, 0)
    }

    /// The information for a signal that found no room in the queue: only its number.
    pub const fn unknown(signal: Signal) -> Self {
        Self::sent(signal, si_code::SI_USER, 0, 0)
    }

    /// The information for `sigqueue`: sender and value.
    pub const fn queued(signal: Signal, pid: i32, uid: u32, value: u32) -> Self {
        let mut words = [0; FIELD_WORDS];
        words[0] = pid as u32;
        words[1] = uid;
        words[2] = value;
        Self {
            signal,
            code: si_code::SI_QUEUE,
            origin: SigOrigin::Queued(0, words),
        }
    }

    /// Converts the words of a `siginfo_t` in user memory, as `rt_sigqueueinfo` takes it.
    pub fn from_words(signal: Signal, words: &[u32; SIGINFO_WORDS]) -> Self {
        let mut fields = [0; FIELD_WORDS];
        fields.copy_from_slice(&words[3..]);
        Self {
            signal,
            code: words[2] as i32,
            origin: SigOrigin::Queued(words[1] as i32, fields),
        }
    }

    /// The words to store in a `siginfo_t` in user memory: all of them if a user filled it in,
    /// otherwise the three common ones and the fields.
    ///
    /// Linux 2.6.12: `kernel/signal.c`, `copy_siginfo_to_user()`.
    pub fn words(&self) -> Vec<u32> {
        let mut words = vec![self.signal.number(), 0, self.code as u32];
        match self.origin {
            SigOrigin::Sender { pid, uid } => words.extend([pid as u32, uid]),
            SigOrigin::Child {
                pid,
                uid,
                status,
                utime,
                stime,
            } => words.extend([pid as u32, uid, status as u32, utime, stime]),
            SigOrigin::Fault(addr) => words.push(addr.0),
            SigOrigin::Timer {
                id, overrun, value, ..
            } => words.extend([id as u32, overrun as u32, value]),
            SigOrigin::Queued(errno, fields) => {
                words[1] = errno as u32;
                words.extend(fields);
            }
        }
        // Inside the kernel the code of a timer is not negative.
        if self.code < 0 && !matches!(self.origin, SigOrigin::Timer { .. }) {
            words.resize(SIGINFO_WORDS, 0);
        }
        words
    }

    /// `si_pid`; 0 where there is none.
    pub const fn pid(&self) -> i32 {
        match self.origin {
            SigOrigin::Sender { pid, .. } | SigOrigin::Child { pid, .. } => pid,
            SigOrigin::Fault(_) | SigOrigin::Timer { .. } => 0,
            SigOrigin::Queued(_, words) => words[0] as i32,
        }
    }

    /// `si_uid`; 0 where there is none.
    pub const fn uid(&self) -> u32 {
        match self.origin {
            SigOrigin::Sender { uid, .. } | SigOrigin::Child { uid, .. } => uid,
            SigOrigin::Fault(_) | SigOrigin::Timer { .. } => 0,
            SigOrigin::Queued(_, words) => words[1],
        }
    }

    /// `si_status` of a child's signal, or `si_value` of a queued one.
    pub const fn value(&self) -> Option<i32> {
        match self.origin {
            SigOrigin::Child { status, .. } => Some(status),
            SigOrigin::Queued(_, words) => Some(words[2] as i32),
            SigOrigin::Timer { value, .. } => Some(value as i32),
            SigOrigin::Sender { .. } | SigOrigin::Fault(_) => None,
        }
    }

    /// Whether a timer has sent it.
    pub const fn is_of_timer(&self, timer: i32) -> bool {
        matches!(self.origin, SigOrigin::Timer { id, .. } if id == timer)
    }

    /// Counts another expiry of the timer that has sent it.
    pub const fn count_overrun(&mut self) {
        if let SigOrigin::Timer { overrun, .. } = &mut self.origin {
            *overrun += 1;
        }
    }

    /// The name of `si_code`, if it has one.
    pub const fn code_name(&self) -> Option<&'static str> {
        match (self.origin, self.code) {
            (SigOrigin::Fault(_), si_code::SEGV_MAPERR) => Some("SEGV_MAPERR"),
            (SigOrigin::Fault(_), si_code::SEGV_ACCERR) => Some("SEGV_ACCERR"),
            (SigOrigin::Child { .. }, code) => si_code::child_name(code),
            (_, code) => si_code::name(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_lie_where_a_program_looks_for_them() {
        let sent = SigInfo::sent(Signal::SIGUSR1, si_code::SI_USER, 7, 500);
        assert_eq!(sent.words(), [10, 0, 0, 7, 500]);
        let origin = SigOrigin::Child {
            pid: 9,
            uid: 500,
            status: 3,
            utime: 1,
            stime: 2,
        };
        let child = SigInfo {
            signal: Signal::SIGCHLD,
            code: si_code::CLD_EXITED,
            origin,
        };
        assert_eq!(child.words(), [17, 0, 1, 9, 500, 3, 1, 2]);
        assert_eq!(child.code_name(), Some("CLD_EXITED"));
        let fault = SigInfo {
            signal: Signal::SIGSEGV,
            code: si_code::SEGV_ACCERR,
            origin: SigOrigin::Fault(VirtAddr(0x1000)),
        };
        assert_eq!(fault.words(), [11, 0, 2, 0x1000]);
    }

    #[test]
    fn what_a_user_filled_in_comes_out_whole() {
        let mut words = [0; SIGINFO_WORDS];
        for (at, word) in words.iter_mut().enumerate() {
            *word = 0x100 + at as u32;
        }
        words[2] = si_code::SI_QUEUE as u32;
        let signal = Signal::SIGRTMIN;
        let info = SigInfo::from_words(signal, &words);
        words[0] = signal.number();
        assert_eq!(info.words(), words);
        let queued = SigInfo::queued(signal, 5, 500, 42);
        assert_eq!(
            (queued.pid(), queued.uid(), queued.value()),
            (5, 500, Some(42))
        );
        assert_eq!(queued.words().len(), SIGINFO_WORDS);
    }
}
