//! Exceptions raised by user-mode instructions, and the signals that they cause.

use crate::abi::{SigInfo, SigOrigin, Signal, TaskId, VirtAddr, si_code};
use crate::hw::{Exception, RunExit};
use crate::kernel::Kernel;
use crate::kernel::mm::{SegvCode, UserFault, UserFaultKind};
use crate::kernel::task::SendInfo;
use crate::trace::TraceEvent;

/// The number of the debug register that says what a debug exception was raised for.
const DR_STATUS: usize = 6;
/// Its value after a single step: `DR_STEP`, and the bits that are always set.
const DR_STEP_OVER: u32 = 0xffff_4ff0;

/// Why a task gets a signal for a fault of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Raised {
    /// An access that the kernel could not handle.
    Fault(UserFault),
    /// Another exception, with its signal.
    Trap(Exception, Signal),
}

impl Raised {
    /// The signal; `None` if the task was killed without one.
    pub const fn signal(&self) -> Option<Signal> {
        match self {
            Self::Trap(_, signal) => Some(*signal),
            Self::Fault(fault) => match fault.kind {
                UserFaultKind::Segv { .. } => Some(Signal::SIGSEGV),
                UserFaultKind::Bus => Some(Signal::SIGBUS),
                UserFaultKind::Oom | UserFaultKind::OomKilled => None,
            },
        }
    }
}

impl Kernel {
    /// Lets this CPU run the code of the current task until it enters the kernel, or until it has
    /// executed `budget` instructions. `tsc` is the time stamp counter at the start.
    pub fn run_user_code(&mut self, current: TaskId, budget: u64, tsc: u64) -> RunExit {
        let regs = &mut self.tasks[current].thread.regs;
        // In user mode there is no system call that a signal could interrupt.
        regs.orig_eax = u32::MAX;
        self.cpus[self.this_cpu].run(&mut self.ram, regs, budget, tsc)
    }

    /// Handles an exception of the current task in user mode. Returns the reason if the task gets a
    /// signal; `None` for a page fault that was handled.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/traps.c`, `do_trap()` and `do_debug()`, and
    /// `arch/i386/mm/fault.c`, `do_page_fault()`.
    pub fn user_exception(&mut self, current: TaskId, exception: Exception) -> Option<Raised> {
        self.task_mut(current).in_call.entered_handler = false;
        let eip = VirtAddr(self.task(current).thread.regs.eip);
        let (signal, info) = match exception {
            Exception::PageFault(fault) => {
                let fault = self.do_page_fault(current, fault).err()?;
                self.raise_fault(current, &fault);
                return Some(Raised::Fault(fault));
            }
            Exception::DivideError => {
                let code = si_code::FPE_INTDIV;
                (Signal::SIGFPE, Some((code, eip)))
            }
            Exception::CoprocessorError => {
                let code = self.math_error(current);
                (Signal::SIGFPE, Some((code, eip)))
            }
            Exception::DeviceNotAvailable => {
                self.math_state_restore(current);
                return None;
            }
            Exception::Debug => {
                self.task_mut(current).thread.debugreg[DR_STATUS] = DR_STEP_OVER;
                (Signal::SIGTRAP, Some((si_code::TRAP_BRKPT, eip)))
            }
            Exception::Breakpoint => (Signal::SIGTRAP, None),
            Exception::InvalidOpcode => (Signal::SIGILL, Some((si_code::ILL_ILLOPN, eip))),
            Exception::SegmentNotPresent(_) | Exception::StackSegment(_) => (Signal::SIGBUS, None),
            Exception::AlignmentCheck => (Signal::SIGBUS, Some((si_code::BUS_ADRALN, VirtAddr(0)))),
            Exception::Overflow | Exception::Bound | Exception::GeneralProtection(_) => {
                (Signal::SIGSEGV, None)
            }
        };
        let (vector, code) = (exception.vector(), exception.error_code().unwrap_or(0));
        // Stored before the signal is sent: the frame of a handler contains both.
        let thread = &mut self.task_mut(current).thread;
        (thread.trap_no, thread.error_code) = (u32::from(vector), code);
        self.trace_entry(current, TraceEvent::Trap { vector, code, eip });
        let info = info.map_or(SendInfo::Kernel, |(code, addr)| {
            SendInfo::Info(SigInfo {
                signal,
                code,
                origin: SigOrigin::Fault(addr),
            })
        });
        self.force_sig_info(current, signal, info);
        Some(Raised::Trap(exception, signal))
    }

    /// Sends the current task the signal for a user-mode fault that could not be handled.
    ///
    /// Linux 2.6.12: `arch/i386/mm/fault.c`, the ends of `do_page_fault()`.
    pub fn raise_fault(&mut self, current: TaskId, fault: &UserFault) {
        let (signal, code) = match fault.kind {
            UserFaultKind::Segv { code, .. } => (
                Signal::SIGSEGV,
                match code {
                    SegvCode::MapErr => si_code::SEGV_MAPERR,
                    SegvCode::AccErr => si_code::SEGV_ACCERR,
                },
            ),
            UserFaultKind::Bus => (Signal::SIGBUS, si_code::BUS_ADRERR),
            UserFaultKind::Oom | UserFaultKind::OomKilled => return self.kill_current(current),
        };
        let origin = SigOrigin::Fault(fault.addr);
        let info = SigInfo {
            signal,
            code,
            origin,
        };
        self.force_sig_info(current, signal, SendInfo::Info(info));
    }
}
