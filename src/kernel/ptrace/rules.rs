//! The decisions of ptrace that depend on only a few facts: request numbers, who may attach to
//! whom, options, stop codes. They are pure functions, so that the kernel and its explanations
//! cannot differ.

use crate::abi::{self, Errno, NSIG, PtFlags, Signal};

/// The requests of `ptrace`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Be traced by the parent.
    TraceMe,
    /// Read a word of memory.
    Peek,
    /// Read a word of the user area, such as a register.
    PeekUser,
    /// Write a word of memory.
    Poke,
    /// Write a word of the user area.
    PokeUser,
    /// Resume the task.
    Cont,
    /// Kill the task.
    Kill,
    /// Resume the task for one instruction.
    SingleStep,
    /// Read all registers.
    GetRegs,
    /// Set all registers.
    SetRegs,
    /// Read the FPU state.
    GetFpRegs,
    /// Set the FPU state.
    SetFpRegs,
    /// Read or set the FPU state with the registers of SSE.
    FpxRegs,
    /// Read a TLS descriptor.
    GetThreadArea,
    /// Set a TLS descriptor.
    SetThreadArea,
    /// Become the tracer.
    Attach,
    /// Stop being the tracer.
    Detach,
    /// Resume the task until it enters or leaves a system call.
    Syscall,
    /// Choose the events to be notified of.
    SetOptions,
    /// Read the message of the last event.
    GetEventMsg,
    /// Read the signal that it has stopped with.
    GetSigInfo,
    /// Change the signal that it has stopped with.
    SetSigInfo,
}

impl Request {
    /// The request with that number.
    ///
    /// Linux 2.6.12: `include/linux/ptrace.h`, `include/asm-i386/ptrace.h`.
    pub(super) const fn from_nr(nr: u32) -> Option<Self> {
        Some(match nr {
            abi::PTRACE_TRACEME => Self::TraceMe,
            abi::PTRACE_PEEKTEXT | abi::PTRACE_PEEKDATA => Self::Peek,
            abi::PTRACE_PEEKUSER => Self::PeekUser,
            abi::PTRACE_POKETEXT | abi::PTRACE_POKEDATA => Self::Poke,
            abi::PTRACE_POKEUSER => Self::PokeUser,
            abi::PTRACE_CONT => Self::Cont,
            abi::PTRACE_KILL => Self::Kill,
            abi::PTRACE_SINGLESTEP => Self::SingleStep,
            abi::PTRACE_GETREGS => Self::GetRegs,
            abi::PTRACE_SETREGS => Self::SetRegs,
            abi::PTRACE_GETFPREGS => Self::GetFpRegs,
            abi::PTRACE_SETFPREGS => Self::SetFpRegs,
            abi::PTRACE_GETFPXREGS | abi::PTRACE_SETFPXREGS => Self::FpxRegs,
            abi::PTRACE_GET_THREAD_AREA => Self::GetThreadArea,
            abi::PTRACE_SET_THREAD_AREA => Self::SetThreadArea,
            abi::PTRACE_ATTACH => Self::Attach,
            abi::PTRACE_DETACH => Self::Detach,
            abi::PTRACE_SYSCALL => Self::Syscall,
            abi::PTRACE_OLDSETOPTIONS | abi::PTRACE_SETOPTIONS => Self::SetOptions,
            abi::PTRACE_GETEVENTMSG => Self::GetEventMsg,
            abi::PTRACE_GETSIGINFO => Self::GetSigInfo,
            abi::PTRACE_SETSIGINFO => Self::SetSigInfo,
            _ => return None,
        })
    }
}

/// `PTRACE_O_*`: all options that exist.
pub const OPTION_MASK: u32 = 0x7f;

/// The `ptrace` flags after SETOPTIONS, and the return value. Unknown bits are an error, but the
/// known ones are set all the same.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_setoptions()`.
pub(super) fn set_options(word: PtFlags, options: u32) -> (PtFlags, Result<u32, Errno>) {
    const OPTIONS: [(u32, PtFlags); 7] = [
        (abi::PTRACE_O_TRACESYSGOOD, PtFlags::TRACESYSGOOD),
        (abi::PTRACE_O_TRACEFORK, PtFlags::TRACE_FORK),
        (abi::PTRACE_O_TRACEVFORK, PtFlags::TRACE_VFORK),
        (abi::PTRACE_O_TRACECLONE, PtFlags::TRACE_CLONE),
        (abi::PTRACE_O_TRACEEXEC, PtFlags::TRACE_EXEC),
        (abi::PTRACE_O_TRACEVFORKDONE, PtFlags::TRACE_VFORK_DONE),
        (abi::PTRACE_O_TRACEEXIT, PtFlags::TRACE_EXIT),
    ];
    let chosen = OPTIONS.iter().filter(|(bit, _)| options & bit != 0);
    let chosen = chosen.fold(PtFlags::empty(), |set, (_, flag)| set | *flag);
    let result = match options & !OPTION_MASK {
        0 => Ok(0),
        _ => Err(Errno::EINVAL),
    };
    ((word - PtFlags::OPTIONS) | chosen, result)
}

/// The facts that decide whether a task may attach to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct AttachFacts {
    /// The target is init or an idle task.
    pub is_init: bool,
    /// The target is the caller itself.
    pub is_caller: bool,
    /// The target has an address space.
    pub has_mm: bool,
    /// All user ids of the target equal the caller's real user id.
    pub same_user: bool,
    /// The target's memory may be dumped.
    pub dumpable: bool,
    /// The target is already traced.
    pub traced: bool,
    /// The target has no capability that the caller lacks.
    pub no_more_rights: bool,
    /// The caller has CAP_SYS_PTRACE.
    pub privileged: bool,
}

/// Why a task may not attach; each is `EPERM`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttachRefusal {
    /// Init cannot be traced.
    Init,
    /// A task cannot trace itself.
    Itself,
    /// The target has no memory to inspect: it is a kernel thread or has exited.
    NoMemory,
    /// The target belongs to another user.
    OtherUser,
    /// The target's memory may not be dumped.
    NotDumpable,
    /// The target has a tracer, or has requested one.
    AlreadyTraced,
    /// The target has capabilities that the caller lacks.
    MorePrivileged,
}

/// Whether the caller may attach; the first test that fails decides.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_attach()`; `security/commoncap.c`, `cap_ptrace()`.
///
/// # Errors
/// Why it may not.
pub(super) fn check_attach(facts: &AttachFacts) -> Result<(), AttachRefusal> {
    let privileged = facts.privileged;
    let tests = [
        (facts.is_init, AttachRefusal::Init),
        (facts.is_caller, AttachRefusal::Itself),
        (!facts.has_mm, AttachRefusal::NoMemory),
        (!facts.same_user && !privileged, AttachRefusal::OtherUser),
        (!facts.dumpable && !privileged, AttachRefusal::NotDumpable),
        (facts.traced, AttachRefusal::AlreadyTraced),
        (
            !facts.no_more_rights && !privileged,
            AttachRefusal::MorePrivileged,
        ),
    ];
    match tests.iter().find(|(fails, _)| *fails) {
        Some((_, refusal)) => Err(*refusal),
        None => Ok(()),
    }
}

/// The `ptrace` flags of a task that has been attached to.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_attach()`.
pub(super) fn attached_word(word: PtFlags, by_real_parent: bool, privileged: bool) -> PtFlags {
    let mut word = word | PtFlags::PTRACED;
    word.set(
        PtFlags::ATTACHED,
        word.contains(PtFlags::ATTACHED) || !by_real_parent,
    );
    word.set(
        PtFlags::PTRACE_CAP,
        word.contains(PtFlags::PTRACE_CAP) || privileged,
    );
    word
}

/// Whether a task with these `ptrace` flags is traced by its parent, and not merely returned to its
/// real parent.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_check_attach()`; `kernel/exit.c`, `my_ptrace_child()`.
pub(super) fn is_traced_by_parent(word: PtFlags, parent_is_real: bool) -> bool {
    word.contains(PtFlags::PTRACED) && !(word.contains(PtFlags::ATTACHED) && parent_is_real)
}

/// The code of a stop at a system call.
///
/// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `do_syscall_trace()`.
pub(super) const fn syscall_stop_code(word: PtFlags) -> u32 {
    if word.contains(PtFlags::TRACESYSGOOD) {
        Signal::SIGTRAP.number() | 0x80
    } else {
        Signal::SIGTRAP.number()
    }
}

/// The signal with which a tracer resumes a task; 0 for none.
///
/// # Errors
/// `EIO` above 64.
pub(super) const fn signal_to_go_on_with(data: u32) -> Result<u32, Errno> {
    if data > NSIG {
        Err(Errno::EIO)
    } else {
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::PtraceEvent;

    /// Process example 18.
    #[test]
    fn options_replace_each_other_and_unknown_ones_are_refused_late() {
        let traced = PtFlags::PTRACED;
        let (word, result) = set_options(traced, 0x7f);
        assert_eq!((word.bits(), result), (0x3f5, Ok(0)));
        let (word, result) = set_options(word, 0x82);
        assert_eq!((word.bits(), result), (0x11, Err(Errno::EINVAL)));
        for (by_parent, privileged, bits) in [
            (false, true, 0x409),
            (false, false, 0x401),
            (true, false, 0x001),
        ] {
            let word = attached_word(PtFlags::empty(), by_parent, privileged);
            assert_eq!(word.bits(), bits);
        }
    }

    #[test]
    fn the_first_test_that_fails_refuses_an_attach() {
        let fine = AttachFacts {
            is_init: false,
            is_caller: false,
            has_mm: true,
            same_user: true,
            dumpable: true,
            traced: false,
            no_more_rights: true,
            privileged: false,
        };
        assert_eq!(check_attach(&fine), Ok(()));
        let stranger = AttachFacts {
            same_user: false,
            no_more_rights: false,
            ..fine
        };
        assert_eq!(check_attach(&stranger), Err(AttachRefusal::OtherUser));
        let by_root = AttachFacts {
            privileged: true,
            dumpable: false,
            ..stranger
        };
        assert_eq!(check_attach(&by_root), Ok(()));
        let traced = AttachFacts {
            traced: true,
            no_more_rights: false,
            ..fine
        };
        assert_eq!(check_attach(&traced), Err(AttachRefusal::AlreadyTraced));
        let worst = AttachFacts {
            is_init: true,
            is_caller: true,
            ..traced
        };
        assert_eq!(check_attach(&worst), Err(AttachRefusal::Init));
    }

    /// Process example 19.
    #[test]
    fn stop_codes_of_events_and_system_calls() {
        let codes = [
            PtraceEvent::Fork,
            PtraceEvent::Vfork,
            PtraceEvent::Clone,
            PtraceEvent::Exec,
            PtraceEvent::VforkDone,
            PtraceEvent::Exit,
        ]
        .map(|event| event.stop_code() << 8 | 0x7f);
        assert_eq!(
            codes,
            [0x1057f, 0x2057f, 0x3057f, 0x4057f, 0x5057f, 0x6057f]
        );
        assert_eq!(syscall_stop_code(PtFlags::PTRACED), 5);
        assert_eq!(syscall_stop_code(PtFlags::TRACESYSGOOD), 0x85);
    }

    #[test]
    fn a_parent_that_attached_and_became_the_real_one_is_no_tracer() {
        let attached = PtFlags::PTRACED | PtFlags::ATTACHED;
        for (word, real, traced) in [
            (PtFlags::PTRACED, true, true),
            (PtFlags::PTRACED, false, true),
            (attached, false, true),
            (attached, true, false),
            (PtFlags::empty(), true, false),
        ] {
            assert_eq!(is_traced_by_parent(word, real), traced);
        }
    }
}
