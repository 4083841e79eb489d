//! The decisions of ptrace that need no more than a few facts: what a number asks for, who may
//! attach to whom, which options there are, what a stop's code says. Pure functions, so that the
//! kernel and its explanations cannot differ.

use crate::abi::{Errno, NSIG, Signal};
use crate::kernel::task::PtFlags;

/// What a caller of `ptrace` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// To be traced by its parent.
    TraceMe,
    /// A word of memory.
    Peek,
    /// A word of the user area: registers.
    PeekUser,
    /// To change a word of memory.
    Poke,
    /// To change a word of the user area.
    PokeUser,
    /// To let the task run.
    Cont,
    /// To end it.
    Kill,
    /// To let it run for an instruction.
    SingleStep,
    /// All registers.
    GetRegs,
    /// To set all registers.
    SetRegs,
    /// To become the tracer.
    Attach,
    /// To be the tracer no more.
    Detach,
    /// To let it run up to the next system call, or the end of this one.
    Syscall,
    /// To choose the events to hear of.
    SetOptions,
    /// What the latest event was about.
    GetEventMsg,
    /// Which signal it has stopped with.
    GetSigInfo,
    /// To change that.
    SetSigInfo,
}

impl Request {
    /// The request of that number.
    ///
    /// Linux 2.6.12: `include/linux/ptrace.h`, `include/asm-i386/ptrace.h`.
    pub const fn from_nr(nr: u32) -> Option<Self> {
        Some(match nr {
            0 => Self::TraceMe,
            1 | 2 => Self::Peek,
            3 => Self::PeekUser,
            4 | 5 => Self::Poke,
            6 => Self::PokeUser,
            7 => Self::Cont,
            8 => Self::Kill,
            9 => Self::SingleStep,
            12 => Self::GetRegs,
            13 => Self::SetRegs,
            0x10 => Self::Attach,
            0x11 => Self::Detach,
            24 => Self::Syscall,
            21 | 0x4200 => Self::SetOptions,
            0x4201 => Self::GetEventMsg,
            0x4202 => Self::GetSigInfo,
            0x4203 => Self::SetSigInfo,
            _ => return None,
        })
    }
}

/// `PTRACE_O_*`: all options there are.
pub const OPTION_MASK: u32 = 0x7f;

/// The `ptrace` word after SETOPTIONS, and what the call returns: unknown bits are refused, but the
/// known ones are set all the same.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_setoptions()`.
pub fn set_options(word: PtFlags, options: u32) -> (PtFlags, Result<u32, Errno>) {
    const OPTIONS: [(u32, PtFlags); 7] = [
        (0x01, PtFlags::TRACESYSGOOD),
        (0x02, PtFlags::TRACE_FORK),
        (0x04, PtFlags::TRACE_VFORK),
        (0x08, PtFlags::TRACE_CLONE),
        (0x10, PtFlags::TRACE_EXEC),
        (0x20, PtFlags::TRACE_VFORK_DONE),
        (0x40, PtFlags::TRACE_EXIT),
    ];
    let chosen = OPTIONS.iter().filter(|(bit, _)| options & bit != 0);
    let chosen = chosen.fold(PtFlags::empty(), |set, (_, flag)| set | *flag);
    let result = match options & !OPTION_MASK {
        0 => Ok(0),
        _ => Err(Errno::EINVAL),
    };
    ((word - PtFlags::OPTIONS) | chosen, result)
}

/// What counts when somebody wants to attach to a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct AttachFacts {
    /// The target is init or an idle task.
    pub is_init: bool,
    /// The caller means itself.
    pub is_caller: bool,
    /// The target has an address space.
    pub has_mm: bool,
    /// All its ids are the caller's real ones.
    pub same_user: bool,
    /// Its memory may be dumped.
    pub dumpable: bool,
    /// It is traced already.
    pub traced: bool,
    /// It may do nothing that the caller may not.
    pub no_more_rights: bool,
    /// The caller has CAP_SYS_PTRACE.
    pub privileged: bool,
}

/// Why nobody may attach, or not this caller; all are `EPERM`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttachRefusal {
    /// Init is not traced.
    Init,
    /// Nobody traces itself.
    Itself,
    /// There is no memory to look at: a kernel thread, or one that has ended.
    NoMemory,
    /// It belongs to another user.
    OtherUser,
    /// Its memory may not be dumped.
    NotDumpable,
    /// It has a tracer, or has asked for one.
    AlreadyTraced,
    /// It has capabilities that the caller lacks.
    MorePrivileged,
}

/// Whether the caller may attach; the first test that fails decides.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_attach()`; `security/commoncap.c`, `cap_ptrace()`.
///
/// # Errors
/// Why not.
pub fn check_attach(facts: &AttachFacts) -> Result<(), AttachRefusal> {
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

/// The `ptrace` word of a task that is attached to.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_attach()`.
pub fn attached_word(word: PtFlags, by_real_parent: bool, privileged: bool) -> PtFlags {
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

/// Whether a task with that `ptrace` word is traced by its parent, and that is not the real one
/// that has merely become its parent again.
///
/// Linux 2.6.12: `kernel/ptrace.c`, `ptrace_check_attach()`; `kernel/exit.c`, `my_ptrace_child()`.
pub fn is_traced_by_parent(word: PtFlags, parent_is_real: bool) -> bool {
    word.contains(PtFlags::PTRACED) && !(word.contains(PtFlags::ATTACHED) && parent_is_real)
}

/// An event that a tracer can ask to hear of, with its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum PtraceEvent {
    /// `PTRACE_EVENT_FORK`.
    Fork = 1,
    /// `PTRACE_EVENT_VFORK`.
    Vfork = 2,
    /// `PTRACE_EVENT_CLONE`.
    Clone = 3,
    /// `PTRACE_EVENT_EXEC`.
    Exec = 4,
    /// `PTRACE_EVENT_VFORK_DONE`.
    VforkDone = 5,
    /// `PTRACE_EVENT_EXIT`.
    Exit = 6,
}

impl PtraceEvent {
    /// The code of the stop that reports it: the number above SIGTRAP.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `kernel/exit.c`, calls of `ptrace_notify()`.
    pub const fn stop_code(self) -> u32 {
        (self as u32) << 8 | Signal::SIGTRAP.number()
    }
}

/// The code of a stop at a system call.
///
/// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `do_syscall_trace()`.
pub const fn syscall_stop_code(word: PtFlags) -> u32 {
    match word.contains(PtFlags::TRACESYSGOOD) {
        true => Signal::SIGTRAP.number() | 0x80,
        false => Signal::SIGTRAP.number(),
    }
}

/// The signal that a tracer wants a task to go on with; 0 for none.
///
/// # Errors
/// `EIO` above 64.
pub const fn signal_to_go_on_with(data: u32) -> Result<u32, Errno> {
    if data > NSIG {
        Err(Errno::EIO)
    } else {
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
