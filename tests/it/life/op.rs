//! What can be done to processes in a sequence, and how sequences are drawn. Tasks and descriptors
//! are named by small numbers that are taken modulo what there is.

use crate::lab::{ALL_SHARED, PTHREAD, exit_signal};
use forklab::abi::{CloneFlags as F, Signal};
use proptest::prelude::*;

/// One of the tasks that can act, or that is meant.
pub type Who = u8;

/// What a signal is to do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Does {
    Default,
    Ignore,
    /// A handler that is entered and left at once.
    Returns,
    /// A handler with that number, whose actions come from outside.
    Handler(u8),
}

#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    Spawn(bool),
    Fork(Who),
    Vfork(Who),
    Clone(Who, F),
    Exit(Who, u8),
    ExitGroup(Who, u8),
    Exec(Who, u8),
    Wait(Who, u32, Option<Who>),
    Waitid(Who, u32),
    Kill(Who, Who, i32),
    KillGroup(Who, i32),
    Tkill(Who, Who, i32),
    Sigaction(Who, u32, Does, u32),
    Mask(Who, u32, u64),
    Pause(Who),
    Sigwait(Who, u32),
    Alarm(Who, u8),
    Pdeath(Who, u32),
    Setpgid(Who, Who),
    Setsid(Who),
    Pipe(Who),
    Write(Who, u8, u16),
    Read(Who, u8, u16),
    Close(Who, u8),
    Dup(Who, u8),
    FutexWait(Who),
    FutexWake(Who, u8),
    Requeue(Who, u8, u8),
    Semop(Who, u16, i16, u16),
    Ptrace(Who, Who, u32, u32),
    /// Maps so many pages and writes to them, whether there is memory or not.
    Fill(Who, u16),
    Compute(Who, u8),
    Tick(u16),
    FailFrame(u8),
    FailSlab(u8),
}

fn clone_flags() -> impl Strategy<Value = F> {
    // Not CLONE_VFORK with CLONE_THREAD: its exec waits for ever.
    prop::sample::select(vec![
        F::FORK,
        F::FORK | F::CLONE_VM,
        F::FORK | ALL_SHARED,
        F::FORK | ALL_SHARED | F::CLONE_THREAD,
        PTHREAD,
        F::FORK | F::CLONE_SYSVSEM,
        F::FORK | F::CLONE_PARENT,
        F::FORK | F::CLONE_STOPPED,
        F::FORK | F::CLONE_PTRACE,
        exit_signal(Signal::SIGUSR1.number()),
        F::CLONE_VM,
    ])
}

/// Signals of every kind; those that end everybody are rare.
fn signal() -> impl Strategy<Value = i32> {
    prop_oneof![
        12 => prop::sample::select(&[10_i32, 12, 17, 23, 28, 33, 40][..]),
        10 => prop::sample::select(&[18_i32, 19, 20, 21][..]),
        3 => prop::sample::select(&[1_i32, 2, 13, 14, 15][..]),
        1 => prop::sample::select(&[3_i32, 6, 9, 11][..]),
    ]
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        2 => Just(Does::Default),
        2 => Just(Does::Ignore),
        2 => Just(Does::Returns),
        3 => (0..4_u8).prop_map(Does::Handler),
    ]
}

fn processes() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let options = prop::sample::select(&[0_u32, 1, 2, 3, 8, 0xb, 0x4000_0001, 0x8000_0001][..]);
    let id_options = prop::sample::select(&[4_u32, 5, 7, 0xf, 0x0100_0005, 0x0100_0006, 9][..]);
    prop_oneof![
        2 => any::<bool>().prop_map(Op::Spawn),
        5 => who().prop_map(Op::Fork),
        1 => who().prop_map(Op::Vfork),
        5 => (who(), clone_flags()).prop_map(|(who, flags)| Op::Clone(who, flags)),
        3 => (who(), any::<u8>()).prop_map(|(who, code)| Op::Exit(who, code)),
        1 => (who(), any::<u8>()).prop_map(|(who, code)| Op::ExitGroup(who, code)),
        3 => (who(), any::<u8>()).prop_map(|(who, program)| Op::Exec(who, program)),
        6 => (who(), options, prop::option::of(who()))
            .prop_map(|(who, options, child)| Op::Wait(who, options, child)),
        2 => (who(), id_options).prop_map(|(who, options)| Op::Waitid(who, options)),
        1 => (who(), who()).prop_map(|(who, member)| Op::Setpgid(who, member)),
        1 => who().prop_map(Op::Setsid),
    ]
}

fn signals() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let flags = prop::sample::select(&[0_u32, 1, 2, 0x1000_0000, 0x4000_0000, 0x8000_0000, 4][..]);
    let set = prop::sample::select(&[0x200_u64, 0x800, 0xa00, 0x1_0000, 0x2_0000, !0][..]);
    prop_oneof![
        6 => (who(), who(), signal()).prop_map(|(who, to, signal)| Op::Kill(who, to, signal)),
        1 => (who(), signal()).prop_map(|(who, signal)| Op::KillGroup(who, signal)),
        3 => (who(), who(), signal()).prop_map(|(who, to, signal)| Op::Tkill(who, to, signal)),
        4 => (who(), signal(), does(), flags)
            .prop_map(|(who, signal, does, flags)| Op::Sigaction(who, signal as u32, does, flags)),
        3 => (who(), 0..3_u32, set).prop_map(|(who, how, set)| Op::Mask(who, how, set)),
        1 => who().prop_map(Op::Pause),
        1 => (who(), signal()).prop_map(|(who, signal)| Op::Sigwait(who, signal as u32)),
        1 => (who(), 0..2_u8).prop_map(|(who, seconds)| Op::Alarm(who, seconds)),
        1 => (who(), signal()).prop_map(|(who, signal)| Op::Pdeath(who, signal as u32)),
    ]
}

fn meetings() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let fd = || 0..9_u8;
    let len = || prop_oneof![Just(1_u16), Just(4097), Just(40_000), 0..9_u16];
    let request = prop::sample::select(&[16_u32, 16, 7, 7, 24, 9, 17, 8, 0, 0x4200][..]);
    let data = prop::sample::select(&[0_u32, 0, 0, 10, 19, 0x7f][..]);
    prop_oneof![
        3 => who().prop_map(Op::Pipe),
        4 => (who(), fd(), len()).prop_map(|(who, fd, len)| Op::Write(who, fd, len)),
        4 => (who(), fd(), len()).prop_map(|(who, fd, len)| Op::Read(who, fd, len)),
        3 => (who(), fd()).prop_map(|(who, fd)| Op::Close(who, fd)),
        1 => (who(), fd()).prop_map(|(who, fd)| Op::Dup(who, fd)),
        3 => who().prop_map(Op::FutexWait),
        2 => (who(), 0..4_u8).prop_map(|(who, count)| Op::FutexWake(who, count)),
        1 => (who(), 0..3_u8, 0..3_u8).prop_map(|(who, wake, most)| Op::Requeue(who, wake, most)),
        4 => (who(), 0..2_u16, -2..3_i16, prop::sample::select(&[0_u16, 0x1000, 0x800][..]))
            .prop_map(|(who, num, op, flags)| Op::Semop(who, num, op, flags)),
        5 => (who(), who(), request, data)
            .prop_map(|(who, child, request, data)| Op::Ptrace(who, child, request, data)),
    ]
}

fn machine() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (any::<Who>(), 1..9_u8).prop_map(|(who, ticks)| Op::Compute(who, ticks)),
        1 => (any::<Who>(), prop_oneof![0..40_u16, Just(900)])
            .prop_map(|(who, pages)| Op::Fill(who, pages)),
        3 => prop_oneof![0..30_u16, Just(1_100_u16)].prop_map(Op::Tick),
        1 => (0..6_u8).prop_map(Op::FailFrame),
        2 => (0..9_u8).prop_map(Op::FailSlab),
    ]
}

/// Any one operation.
pub fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => processes(),
        26 => signals(),
        30 => meetings(),
        10 => machine(),
    ]
}

/// A sequence of them; one in a line when it is shown.
#[derive(Clone)]
pub struct Sequence(pub Vec<Op>);

impl std::fmt::Debug for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|op| write!(f, "\n    {op:?}"))
    }
}
