//! Tracing: requests, options and events of `ptrace`, and the word that a traced task keeps.

use super::Signal;
use bitflags::bitflags;

constants! {
    /// A request of ptrace: the parent traces the caller.
    PTRACE_TRACEME: u32 = 0;
    /// A request of ptrace: reads a word of memory.
    PTRACE_PEEKTEXT: u32 = 1;
    /// A request of ptrace: reads a word of memory.
    PTRACE_PEEKDATA: u32 = 2;
    /// A request of ptrace: reads a word of the user area, such as a register.
    PTRACE_PEEKUSER: u32 = 3;
    /// A request of ptrace: writes a word of memory.
    PTRACE_POKETEXT: u32 = 4;
    /// A request of ptrace: writes a word of memory.
    PTRACE_POKEDATA: u32 = 5;
    /// A request of ptrace: writes a word of the user area.
    PTRACE_POKEUSER: u32 = 6;
    /// A request of ptrace: lets the stopped tracee run.
    PTRACE_CONT: u32 = 7;
    /// A request of ptrace: kills the tracee.
    PTRACE_KILL: u32 = 8;
    /// A request of ptrace: lets the tracee execute one instruction.
    PTRACE_SINGLESTEP: u32 = 9;
    /// A request of ptrace: reads all registers.
    PTRACE_GETREGS: u32 = 12;
    /// A request of ptrace: writes all registers.
    PTRACE_SETREGS: u32 = 13;
    /// A request of ptrace: reads the FPU state.
    PTRACE_GETFPREGS: u32 = 14;
    /// A request of ptrace: writes the FPU state.
    PTRACE_SETFPREGS: u32 = 15;
    /// A request of ptrace: the caller becomes the tracer.
    PTRACE_ATTACH: u32 = 16;
    /// A request of ptrace: the caller is the tracer no longer.
    PTRACE_DETACH: u32 = 17;
    /// A request of ptrace: reads the FPU state with the registers of SSE.
    PTRACE_GETFPXREGS: u32 = 18;
    /// A request of ptrace: writes the FPU state with the registers of SSE.
    PTRACE_SETFPXREGS: u32 = 19;
    /// A request of ptrace: PTRACE_SETOPTIONS by its old number.
    PTRACE_OLDSETOPTIONS: u32 = 21;
    /// A request of ptrace: reads a TLS descriptor of the tracee.
    PTRACE_GET_THREAD_AREA: u32 = 25;
    /// A request of ptrace: sets a TLS descriptor of the tracee.
    PTRACE_SET_THREAD_AREA: u32 = 26;
    /// A request of ptrace: lets the tracee run to the next entry to or exit from a system call.
    PTRACE_SYSCALL: u32 = 24;
    /// A request of ptrace: chooses the events to stop at.
    PTRACE_SETOPTIONS: u32 = 0x4200;
    /// A request of ptrace: reads what the latest event was about.
    PTRACE_GETEVENTMSG: u32 = 0x4201;
    /// A request of ptrace: reads the siginfo of the signal that stopped the tracee.
    PTRACE_GETSIGINFO: u32 = 0x4202;
    /// A request of ptrace: changes that siginfo.
    PTRACE_SETSIGINFO: u32 = 0x4203;
    /// An option of ptrace: system call stops report SIGTRAP | 0x80.
    PTRACE_O_TRACESYSGOOD: u32 = 0x01;
    /// An option of ptrace: stop at fork, and trace the child.
    PTRACE_O_TRACEFORK: u32 = 0x02;
    /// An option of ptrace: stop at vfork, and trace the child.
    PTRACE_O_TRACEVFORK: u32 = 0x04;
    /// An option of ptrace: stop at clone, and trace the child.
    PTRACE_O_TRACECLONE: u32 = 0x08;
    /// An option of ptrace: stop at exec.
    PTRACE_O_TRACEEXEC: u32 = 0x10;
    /// An option of ptrace: stop when vfork returns.
    PTRACE_O_TRACEVFORKDONE: u32 = 0x20;
    /// An option of ptrace: stop at the start of exit.
    PTRACE_O_TRACEEXIT: u32 = 0x40;
}

numbered! {
    /// An event that a tracer can ask to hear of.
    pub enum PtraceEvent {
        /// An event of ptrace: the tracee has called fork.
        Fork "PTRACE_EVENT_FORK" = 1,
        /// An event of ptrace: the tracee has called vfork.
        Vfork "PTRACE_EVENT_VFORK" = 2,
        /// An event of ptrace: the tracee has called clone.
        Clone "PTRACE_EVENT_CLONE" = 3,
        /// An event of ptrace: the tracee has called exec.
        Exec "PTRACE_EVENT_EXEC" = 4,
        /// An event of ptrace: the wait of vfork is over.
        VforkDone "PTRACE_EVENT_VFORK_DONE" = 5,
        /// An event of ptrace: the tracee is about to exit.
        Exit "PTRACE_EVENT_EXIT" = 6,
    }
}

impl PtraceEvent {
    /// The code of the stop that reports it: the event number above SIGTRAP.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `kernel/exit.c`, calls of `ptrace_notify()`.
    pub const fn stop_code(self) -> u32 {
        (self as u32) << 8 | Signal::SIGTRAP.number()
    }
}

bitflags! {
    /// `task->ptrace`: whether and how a task is traced.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PtFlags: u32 {
        /// Traced.
        const PTRACED = 0x1;
        /// The tracer has set TF.
        const DTRACE = 0x2;
        /// `PTRACE_O_TRACESYSGOOD`.
        const TRACESYSGOOD = 0x4;
        /// The tracer may trace any process.
        const PTRACE_CAP = 0x8;
        /// `PTRACE_O_TRACEFORK`.
        const TRACE_FORK = 0x10;
        /// `PTRACE_O_TRACEVFORK`.
        const TRACE_VFORK = 0x20;
        /// `PTRACE_O_TRACECLONE`.
        const TRACE_CLONE = 0x40;
        /// `PTRACE_O_TRACEEXEC`.
        const TRACE_EXEC = 0x80;
        /// `PTRACE_O_TRACEVFORKDONE`.
        const TRACE_VFORK_DONE = 0x100;
        /// `PTRACE_O_TRACEEXIT`.
        const TRACE_EXIT = 0x200;
        /// The tracer has attached, and was not the real parent then.
        const ATTACHED = 0x400;
        /// All bits that options set.
        const OPTIONS = 0x3f4;
    }
}
