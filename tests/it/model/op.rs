//! What can be done in a sequence, and how sequences are drawn. Tasks, pages and descriptors are
//! named by small numbers that are taken modulo what there is, so that a sequence still means
//! something when operations are left out of it.

use super::areas::REMAP_FLAGS;
use super::files::{FileOp, file_op};
use crate::lab::{ALL_SHARED, PTHREAD, exit_signal};
use forklab::abi::{CSIGNAL, CloneFlags as F};
use forklab::kernel::fail::COPY_STEPS;
use forklab::trace::CopyStage;
use proptest::prelude::*;

/// Pages of the arena, in which fixed mappings are made: two page tables cover it.
pub const ARENA_PAGES: u32 = 12;

/// One of the tasks that can act.
pub type Who = u8;

/// A place in memory: a page, and an offset in it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Place {
    /// Page of the arena, or if that is not mapped the next one above.
    Arena(u8, u16),
    /// One of the pages that are mapped.
    Mapped(u8, u16),
    /// So many pages below an area that grows downwards.
    Below(u8, u16),
    /// Page of the arena, mapped or not. Most accesses to one that is not are the end of a task.
    Wild(u8, u16),
}

/// How an area is mapped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mapping {
    /// `PROT_*`.
    pub prot: u32,
    pub shared: bool,
    /// One of the less usual flags, or 0.
    pub extra: u32,
    /// Offset in pages.
    pub pgoff: u32,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    Spawn {
        root: bool,
        spins: bool,
    },
    Fork(Who),
    Vfork(Who),
    Clone(Who, F, Place),
    Exit(Who),
    ExitGroup(Who),
    Wait(Who, u32, Option<Place>),
    Exec(Who, &'static str),
    MmapFixed(Who, u8, u8, Mapping),
    MmapAnywhere(Who, u8, Mapping),
    Munmap(Who, Place, u8),
    Brk(Who, u16),
    Mprotect(Who, Place, u8, u32),
    /// Old and new length in pages, flags, and a page of the arena.
    Mremap(Who, Place, (u8, u8), u32, u8),
    Madvise(Who, Place, u8, i32),
    /// Locks the pages, or unlocks them.
    Mlock(Who, Place, u8, bool),
    /// `MCL_*`.
    Mlockall(Who, u32),
    Munlockall(Who),
    /// Shows pages of the object from that one on.
    RemapFilePages(Who, Place, u8, u8),
    ShmGet(Who, u8),
    /// A segment, a page of the arena, and whether what is there is replaced.
    ShmAt(Who, u8, u8, bool),
    ShmDt(Who, Place),
    ShmRm(Who, u8),
    Read(Who, Place, u8),
    Write(Who, Place, Vec<u8>),
    Touch(Who, Place, u8),
    Open(Who),
    File(Who, FileOp),
    Dup(Who, u8),
    Close(Who, u8),
    CloseOnExec(Who, u8),
    Sigaction(Who, bool),
    Nice(Who, u8),
    Compute(Who, u8),
    Yield(Who),
    Tick(u8),
    Patience(u8),
    ForkCpu(u8),
    FailFrame(u8),
    FailSlab(u8),
    FailCopy(CopyStage),
}

fn offset() -> impl Strategy<Value = u16> {
    // The end of a page, so that an access goes on in the next; a word of its own for each page.
    prop_oneof![Just(0), Just(0xffd), 0..0x1000_u16]
}

pub fn place() -> impl Strategy<Value = Place> {
    let arena = || 0..ARENA_PAGES as u8;
    prop_oneof![
        12 => (arena(), offset()).prop_map(|(page, at)| Place::Arena(page, at)),
        6 => (any::<u8>(), offset()).prop_map(|(page, at)| Place::Mapped(page, at)),
        2 => (0..4_u8, offset()).prop_map(|(page, at)| Place::Below(page, at)),
        1 => (arena(), offset()).prop_map(|(page, at)| Place::Wild(page, at)),
    ]
}

fn mapping() -> impl Strategy<Value = Mapping> {
    const GROWSDOWN: u32 = 0x100;
    const LOCKED: u32 = 0x2000;
    const NORESERVE: u32 = 0x4000;
    const POPULATE: u32 = 0x8000;
    let prot = prop_oneof![8 => Just(3_u32), 2 => 0..8_u32];
    let extra = prop_oneof![
        8 => Just(0),
        2 => Just(GROWSDOWN),
        1 => Just(LOCKED),
        1 => Just(NORESERVE),
        1 => Just(POPULATE),
    ];
    let pgoff = prop_oneof![6 => Just(0_u32), 1 => Just(1_u32)];
    (prot, prop::bool::weighted(0.3), extra, pgoff).prop_map(|(prot, shared, extra, pgoff)| {
        Mapping {
            prot,
            shared,
            extra,
            pgoff,
        }
    })
}

/// Flags of a clone: a usual set, with one of them the other way round now and then. Not
/// CLONE_STOPPED: nobody could wake the child.
fn clone_flags() -> impl Strategy<Value = F> {
    let usual = prop_oneof![
        Just(F::FORK),
        Just(F::CLONE_VM | F::FORK),
        Just(F::VFORK),
        Just(ALL_SHARED | F::FORK),
        Just(ALL_SHARED | F::CLONE_THREAD | F::FORK),
        Just(PTHREAD),
        Just(F::CLONE_CHILD_CLEARTID | F::CLONE_CHILD_SETTID | F::FORK),
    ];
    let odd = prop::option::weighted(
        0.4,
        prop::sample::select(vec![
            F::CLONE_VM,
            F::CLONE_FS,
            F::CLONE_FILES,
            F::CLONE_SIGHAND,
            F::CLONE_VFORK,
            F::CLONE_PARENT,
            F::CLONE_THREAD,
            F::CLONE_NEWNS,
            F::CLONE_SYSVSEM,
            F::CLONE_PARENT_SETTID,
            F::CLONE_CHILD_CLEARTID,
            F::CLONE_UNTRACED,
            F::CLONE_CHILD_SETTID,
        ]),
    );
    // Init does not wait for children with another signal than SIGCHLD, so they need a parent.
    let signal = prop::option::weighted(0.1, prop::sample::select(&[0_u32, 10, 12, 65][..]));
    (usual, odd, signal).prop_map(|(usual, odd, signal)| {
        let flags = odd.map_or(usual, |flag| usual ^ flag);
        signal.map_or(flags, |signal| {
            (flags - F::CLONE_PARENT - exit_signal(CSIGNAL)) | exit_signal(signal)
        })
    })
}

fn wait() -> impl Strategy<Value = Op> {
    const WNOHANG: u32 = 1;
    let options = prop::sample::select(&[0_u32, 0x4000_0000, 0x8000_0000, 0x2000_0000][..]);
    // Only a wait that does not sleep stores its status: else nobody would know when.
    (
        any::<Who>(),
        options,
        prop::option::of(place()),
        any::<bool>(),
    )
        .prop_map(|(who, options, status, sleeps)| match sleeps {
            true => Op::Wait(who, options, None),
            false => Op::Wait(who, options | WNOHANG, status),
        })
}

fn tasks() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let program = prop::sample::select(&["sh", "sh", "sh", "nobody", "null"][..]);
    prop_oneof![
        2 => (any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(root, spins)| Op::Spawn { root, spins }),
        6 => who().prop_map(Op::Fork),
        2 => who().prop_map(Op::Vfork),
        7 => (who(), clone_flags(), place()).prop_map(|(who, flags, at)| Op::Clone(who, flags, at)),
        3 => who().prop_map(Op::Exit),
        1 => who().prop_map(Op::ExitGroup),
        4 => wait(),
        2 => (who(), program).prop_map(|(who, program)| Op::Exec(who, program)),
    ]
}

fn memory() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let pages = || 1..5_u8;
    let arena = 0..ARENA_PAGES as u8;
    let bytes = prop::collection::vec(any::<u8>(), 1..9);
    prop_oneof![
        5 => (who(), arena, pages(), mapping())
            .prop_map(|(who, page, pages, how)| Op::MmapFixed(who, page, pages, how)),
        2 => (who(), pages(), mapping())
            .prop_map(|(who, pages, how)| Op::MmapAnywhere(who, pages, how)),
        3 => (who(), place(), pages()).prop_map(|(who, at, pages)| Op::Munmap(who, at, pages)),
        2 => (who(), 0..0x5000_u16).prop_map(|(who, size)| Op::Brk(who, size)),
        5 => (who(), place(), 1..9_u8).prop_map(|(who, at, len)| Op::Read(who, at, len)),
        12 => (who(), place(), bytes).prop_map(|(who, at, bytes)| Op::Write(who, at, bytes)),
        3 => (who(), place(), pages()).prop_map(|(who, at, pages)| Op::Touch(who, at, pages)),
    ]
}

fn areas() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let pages = || 1..5_u8;
    let arena = || 0..ARENA_PAGES as u8;
    let prot = prop_oneof![3 => Just(1_u32), 4 => Just(3_u32), 3 => 0..8_u32];
    let lengths = (0..5_u8, 0..6_u8);
    let flags = prop::sample::select(&REMAP_FLAGS[..]);
    let advice = prop_oneof![4 => Just(4), 1 => 0..3];
    prop_oneof![
        6 => (who(), place(), pages(), prot)
            .prop_map(|(who, at, pages, prot)| Op::Mprotect(who, at, pages, prot)),
        5 => (who(), place(), lengths, flags, arena())
            .prop_map(|(who, at, lengths, flags, to)| Op::Mremap(who, at, lengths, flags, to)),
        4 => (who(), place(), pages(), advice)
            .prop_map(|(who, at, pages, advice)| Op::Madvise(who, at, pages, advice)),
        3 => (who(), place(), pages(), prop::bool::weighted(0.6))
            .prop_map(|(who, at, pages, on)| Op::Mlock(who, at, pages, on)),
        1 => (who(), prop_oneof![2 => 1..4_u32, 1 => Just(2)])
            .prop_map(|(who, flags)| Op::Mlockall(who, flags)),
        1 => who().prop_map(Op::Munlockall),
        3 => (who(), place(), pages(), 0..5_u8)
            .prop_map(|(who, at, pages, pgoff)| Op::RemapFilePages(who, at, pages, pgoff)),
        1 => (who(), 1..4_u8).prop_map(|(who, pages)| Op::ShmGet(who, pages)),
        2 => (who(), any::<u8>(), arena(), any::<bool>())
            .prop_map(|(who, nr, page, remap)| Op::ShmAt(who, nr, page, remap)),
        1 => (who(), place()).prop_map(|(who, at)| Op::ShmDt(who, at)),
        1 => (who(), any::<u8>()).prop_map(|(who, nr)| Op::ShmRm(who, nr)),
    ]
}

fn other() -> impl Strategy<Value = Op> {
    let who = any::<Who>;
    let fd = || 0..6_u8;
    prop_oneof![
        who().prop_map(Op::Open),
        (who(), fd()).prop_map(|(who, fd)| Op::Dup(who, fd)),
        (who(), fd()).prop_map(|(who, fd)| Op::Close(who, fd)),
        (who(), fd()).prop_map(|(who, fd)| Op::CloseOnExec(who, fd)),
        (who(), any::<bool>()).prop_map(|(who, usr1)| Op::Sigaction(who, usr1)),
        (who(), 0..6_u8).prop_map(|(who, nice)| Op::Nice(who, nice)),
        (who(), 1..9_u8).prop_map(|(who, ticks)| Op::Compute(who, ticks)),
        who().prop_map(Op::Yield),
    ]
}

fn machine() -> impl Strategy<Value = Op> {
    let steps: Vec<CopyStage> = COPY_STEPS.iter().map(|(stage, _)| *stage).collect();
    prop_oneof![
        2 => (0..30_u8).prop_map(Op::Tick),
        1 => (0..200_u8).prop_map(Op::Patience),
        1 => (0..3_u8).prop_map(Op::ForkCpu),
        3 => (0..8_u8).prop_map(Op::FailFrame),
        3 => (0..12_u8).prop_map(Op::FailSlab),
        2 => prop::sample::select(steps).prop_map(Op::FailCopy),
    ]
}

/// Any one operation.
pub fn op() -> impl Strategy<Value = Op> {
    // Boxed: unoptimised, the values of all kinds would not fit on the stack of a test.
    prop_oneof![
        27 => tasks().boxed(),
        32 => memory().boxed(),
        16 => areas().boxed(),
        8 => other().boxed(),
        12 => machine().boxed(),
        14 => (any::<Who>(), file_op()).prop_map(|(who, op)| Op::File(who, op)).boxed(),
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
