//! The fields of events in a uniform shape, so that text, scripts and exports need not know every
//! kind of event.

use super::alloc::Allocation;
use super::event::{ArrayKind, FlushScope, FrameUse, MigrateReason, Placement, SwitchReason};
use super::fork::{CloneRefusal, CopyStage, ForkStep};
use super::log::PidList;
use super::rule::{Choice, Decision};
use super::text::Text;
use crate::abi::{CloneFlags, Name, Pfn, Pid, Policy, SigAction, Signal, VirtAddr, WaitStatus};

/// The value of a field as the event holds it; names and lists have yet to be looked up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FieldValue {
    /// A number shown in decimal.
    Int(i64),
    /// A condition, shown as yes or no.
    Bool(bool),
    /// The pid of a task.
    Pid(Pid),
    /// The name of a task or program.
    Name(Name),
    /// A linear address.
    Addr(VirtAddr),
    /// A page frame number.
    Frame(Pfn),
    /// A list of pids.
    Pids(PidList),
    /// One of a fixed set of words.
    Word(&'static str),
    /// The flags of a clone.
    Flags(CloneFlags),
    /// A wait status.
    Status(WaitStatus),
    /// A signal number.
    Signal(Signal),
    /// A step of `do_fork`.
    Step(ForkStep),
    /// The beginning of a text.
    Text(Text),
}

macro_rules! from {
    ($($type:ty => |$value:ident| $result:expr,)*) => {
        $(impl From<$type> for FieldValue {
            fn from($value: $type) -> Self {
                $result
            }
        })*
    };
}

from! {
    u8 => |value| Self::Int(value.into()),
    u16 => |value| Self::Int(value.into()),
    u32 => |value| Self::Int(value.into()),
    i32 => |value| Self::Int(value.into()),
    bool => |value| Self::Bool(value),
    Pid => |value| Self::Pid(value),
    Name => |value| Self::Name(value),
    VirtAddr => |value| Self::Addr(value),
    Option<VirtAddr> => |value| value.map_or(Self::Word("none"), Self::Addr),
    Pfn => |value| Self::Frame(value),
    PidList => |value| Self::Pids(value),
    CloneFlags => |value| Self::Flags(value),
    WaitStatus => |value| Self::Status(value),
    Signal => |value| Self::Signal(value),
    SigAction => |value| match value {
        SigAction::Default => Self::Word("SIG_DFL"),
        SigAction::Ignore => Self::Word("SIG_IGN"),
        SigAction::Handler(entry) => Self::Addr(entry),
    },
    ForkStep => |value| Self::Step(value),
    Text => |value| Self::Text(value),
    Policy => |value| Self::Word(value.name()),
    ArrayKind => |value| Self::Word(value.name()),
    Option<ArrayKind> => |value| Self::Word(value.map_or("rt", ArrayKind::name)),
    Placement => |value| Self::Word(value.name()),
    MigrateReason => |value| Self::Word(value.name()),
    SwitchReason => |value| Self::Word(value.name()),
    FlushScope => |value| Self::Word(value.name()),
    FrameUse => |value| Self::Word(value.name()),
    Allocation => |value| Self::Word(value.name()),
    CopyStage => |value| Self::Word(value.name()),
    Decision => |value| Self::Word(value.name()),
    Choice => |value| match value {
        Choice::Number(number) => Self::Int(number.into()),
        Choice::Flag(flag) => Self::Bool(flag),
        Choice::Task(pid) => Self::Pid(pid),
        Choice::Word(word) => Self::Word(word.name()),
    },
    Option<CloneRefusal> => |value| {
        Self::Word(value.map_or("none", |refusal| refusal.errno().name()))
    },
}
