//! What mattered in a stretch of the trace, in the few lines that one wants to read behind an
//! action: faults and how they were mended, tasks that came and went, time that passed.
//!
//! Events become [items](Item), items of a kind that is frequent become one, and items become text.

mod gather;
#[cfg(test)]
mod tests;
mod words;

use crate::abi::{Errno, Pfn, Pid, Signal, VirtAddr, WaitStatus};
use crate::hw::{ErrorCode, Pte};
use crate::machine::{Machine, Who};
use crate::trace::{ArrayKind, Placement};
use crate::view::text::Text;
use std::mem::{Discriminant, discriminant};

/// Items of one kind that are told one by one.
const MAX_ALIKE: usize = 2;

/// Where a digest begins: a place in the trace, and the tick then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// Sequence number of the first event.
    pub seq: u64,
    /// The tick.
    pub tick: u64,
}

impl Since {
    /// Now: what happens from here on.
    pub const fn now(machine: &Machine) -> Self {
        Self {
            seq: machine.kernel.log.event_seq(),
            tick: machine.kernel.tick,
        }
    }
}

/// Something that mattered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// The kernel panicked.
    Panic(String),
    /// Time passed.
    Time(Passed),
    /// A page fault, or a page that was mapped without one.
    Fault(Fault),
    /// Many page faults.
    Faults(FaultCounts),
    /// `mmap2` or `brk` promised memory.
    Promised {
        /// Where it begins; for `brk` where the heap ends now.
        addr: VirtAddr,
        /// It was `brk`.
        heap: bool,
        /// Frames that `brk` gave back.
        freed: u32,
    },
    /// `munmap`.
    Unmapped {
        /// Frames that were freed, page tables among them.
        freed: u32,
    },
    /// A task was made.
    Fork(Box<Fork>),
    /// A task was refused after its pid had been taken, or for want of a pid.
    Refused {
        /// Why.
        errno: Errno,
        /// The pid that was given back.
        pid: Option<Pid>,
    },
    /// A task runs another program.
    Exec(Who),
    /// A task ended.
    Exit(Exit),
    /// A vfork parent goes on.
    VforkDone {
        /// Parent.
        parent: Pid,
    },
    /// A zombie was reaped.
    Reaped {
        /// Zombie.
        who: Who,
        /// Who reaped it, if a `wait4` has returned its pid.
        by: Option<Pid>,
        /// Its parent and what slice that has now.
        slice: Option<(Pid, u32)>,
    },
    /// A task has another parent.
    Reparent {
        /// Child.
        child: Pid,
        /// Its new parent.
        parent: Pid,
    },
    /// A signal.
    Signal {
        /// Receiver.
        to: Pid,
        /// Signal.
        signal: Signal,
        /// It took effect.
        taken: bool,
    },
    /// A tid was stored in user memory, or cleared.
    Tid {
        /// Where.
        addr: VirtAddr,
        /// What.
        value: Pid,
        /// The store faulted.
        failed: bool,
    },
    /// A task has another priority.
    Prio {
        /// Task.
        who: Who,
        /// Priority.
        prio: u8,
        /// Static priority.
        static_prio: u8,
    },
    /// Many of a kind.
    Many {
        /// What, in the plural.
        what: &'static str,
        /// Whom it concerns.
        pids: Vec<Pid>,
    },
}

/// Time that passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// Ticks.
    pub ticks: u64,
    /// Switches of a CPU from one task to another.
    pub switches: u32,
    /// Time slices that ran out.
    pub expired: u32,
    /// Exchanges of the active and the expired array.
    pub swaps: u32,
}

/// A page fault and what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Whose.
    pub pid: Pid,
    /// Address; of a page that was mapped without a fault, its first one.
    pub addr: VirtAddr,
    /// The CPU's error code; `None` if the page was mapped without a fault.
    pub code: Option<ErrorCode>,
    /// How it was mended.
    pub mend: Mend,
    /// The entry as it is now, if it still maps the frame.
    pub pte: Option<Pte>,
}

/// How a fault was mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mend {
    /// The page of zeroes was mapped.
    ZeroPage,
    /// A frame of zeroes was mapped.
    ZeroedFrame(Pfn),
    /// The page of a file was mapped.
    FilePage(Pfn),
    /// The page of shared memory was mapped, fresh or as others have it.
    SharedPage(Pfn),
    /// A private copy of the page of a file was mapped.
    FileCopy(Pfn),
    /// Copy on write.
    Copy {
        /// Frame shared until then.
        old: Pfn,
        /// Copy.
        new: Pfn,
        /// Entries that still map the old frame; `None` for the page of zeroes.
        left: Option<u32>,
    },
    /// Copy on write, by the last owner.
    Reuse(Pfn),
    /// Not at all: the task got this signal.
    Signal(Signal),
    /// Not at all: the system call got EFAULT, or the access was only tried again.
    Not,
}

/// Faults by how they were mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FaultCounts {
    /// Page faults.
    pub faults: u32,
    /// Pages mapped without a fault.
    pub populated: u32,
    /// Frames of zeroes.
    pub zeroed: u32,
    /// The page of zeroes.
    pub zero_pages: u32,
    /// Pages of files.
    pub file_pages: u32,
    /// Copies, those of pages of files among them.
    pub copies: u32,
    /// Frames that were made writable again.
    pub reuses: u32,
    /// Not mended.
    pub bad: u32,
}

/// A task that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fork {
    /// Child.
    pub child: Who,
    /// Caller.
    pub parent: Pid,
    /// Frames and page table entries that were copied; `None` if the memory is shared.
    pub copied: Option<(u32, u32)>,
    /// The parent's slice before, and what parent and child have of it.
    pub slices: (u32, u32, u32),
    /// Where the child was put; `None` if it was left stopped.
    pub place: Option<Place>,
    /// The parent waits inside vfork, still.
    pub inside_vfork: bool,
}

/// Where a new task was put.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Why there.
    pub placement: Placement,
    /// CPU.
    pub cpu: u8,
    /// By a lever.
    pub forced: bool,
    /// The priority list.
    pub list: Option<RunList>,
}

/// A priority list before and after a task was put on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunList {
    /// Array.
    pub array: ArrayKind,
    /// Level.
    pub prio: u8,
    /// Before.
    pub before: Members,
    /// After.
    pub after: Members,
}

/// The pids of a list, as far as they were traced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Members {
    /// From the head.
    pub pids: Vec<Pid>,
    /// There are more before them.
    pub cut_before: bool,
    /// There are more behind them.
    pub cut_after: bool,
}

/// A task that ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exit {
    /// Task.
    pub who: Who,
    /// How.
    pub status: WaitStatus,
    /// What it is now.
    pub end: ExitEnd,
    /// Its parent and what slice that has now, if it was released.
    pub slice: Option<(Pid, u32)>,
}

/// What is left of a task that ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitEnd {
    /// A zombie, until that task waits.
    Zombie(Pid),
    /// Nothing: it reaped itself.
    ReapedItself,
    /// Nothing: it was a zombie, and was reaped.
    Reaped,
}

/// What mattered since an event, in at most four lines; empty if nothing did. Time counts from that
/// event's tick.
pub fn digest(machine: &Machine, from_seq: u64) -> Text {
    let first = machine.kernel.log.records_from(from_seq).next();
    let tick = first.map_or(machine.kernel.tick, |record| record.stamp.tick);
    digest_since(
        machine,
        Since {
            seq: from_seq,
            tick,
        },
    )
}

/// What mattered since then, in at most four lines; empty if nothing did.
pub fn digest_since(machine: &Machine, since: Since) -> Text {
    words::text(&digest_items(machine, since))
}

/// What mattered since then, in order; kinds that are frequent are counted.
pub fn digest_items(machine: &Machine, since: Since) -> Vec<Item> {
    condense(gather::gather(machine, since))
}

/// Makes one item of those of a kind of which there are many, in the place of the first.
fn condense(items: Vec<Item>) -> Vec<Item> {
    let count = |kind: Discriminant<Item>| {
        let alike = items.iter().filter(|item| discriminant(*item) == kind);
        alike.count()
    };
    let mut told: Vec<Discriminant<Item>> = Vec::new();
    let mut condensed = Vec::new();
    for item in &items {
        let kind = discriminant(item);
        if count(kind) <= item.max_alike() {
            condensed.push(item.clone());
        } else if !told.contains(&kind) {
            told.push(kind);
            let alike = items.iter().filter(|item| discriminant(*item) == kind);
            condensed.push(Item::of_many(item, alike));
        }
    }
    condensed
}

impl Item {
    /// How many of the kind are told one by one.
    const fn max_alike(&self) -> usize {
        match self {
            Self::Fork(_) => 1,
            _ => MAX_ALIKE,
        }
    }

    /// The item for many that are like the first of them.
    fn of_many<'a>(first: &Self, alike: impl Iterator<Item = &'a Self>) -> Self {
        match first {
            Self::Fault(_) => Self::Faults(FaultCounts::of(alike)),
            _ => Self::Many {
                what: first.plural(),
                pids: alike.filter_map(Self::whom).collect(),
            },
        }
    }

    const fn plural(&self) -> &'static str {
        match self {
            Self::Panic(_) => "panics",
            Self::Time(_) => "stretches of time",
            Self::Fault(_) | Self::Faults(_) => "faults",
            Self::Promised { .. } => "areas promised",
            Self::Unmapped { .. } => "areas unmapped",
            Self::Fork(_) => "tasks made",
            Self::Refused { .. } => "refused clones, pids burnt",
            Self::Exec(_) => "execs",
            Self::Exit(_) => "exits",
            Self::VforkDone { .. } => "vforks over",
            Self::Reaped { .. } => "zombies reaped",
            Self::Reparent { .. } => "tasks with another parent",
            Self::Signal { .. } => "signals",
            Self::Tid { .. } => "tids stored",
            Self::Prio { .. } => "other priorities",
            Self::Many { what, .. } => what,
        }
    }

    const fn whom(&self) -> Option<Pid> {
        match self {
            Self::Fork(fork) => Some(fork.child.pid),
            Self::Refused { pid, .. } => *pid,
            Self::Exec(who) | Self::Reaped { who, .. } | Self::Prio { who, .. } => Some(who.pid),
            Self::Exit(exit) => Some(exit.who.pid),
            Self::VforkDone { parent } => Some(*parent),
            Self::Reparent { child, .. } => Some(*child),
            Self::Signal { to, .. } => Some(*to),
            Self::Tid { value, .. } => Some(*value),
            _ => None,
        }
    }
}

impl FaultCounts {
    fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut counts = Self::default();
        for item in items {
            let Item::Fault(fault) = item else { continue };
            match fault.code {
                Some(_) => counts.faults += 1,
                None => counts.populated += 1,
            }
            let kind = match fault.mend {
                Mend::ZeroPage => &mut counts.zero_pages,
                Mend::ZeroedFrame(_) => &mut counts.zeroed,
                Mend::FilePage(_) | Mend::SharedPage(_) => &mut counts.file_pages,
                Mend::FileCopy(_) | Mend::Copy { .. } => &mut counts.copies,
                Mend::Reuse(_) => &mut counts.reuses,
                Mend::Signal(_) | Mend::Not => &mut counts.bad,
            };
            *kind += 1;
        }
        counts
    }
}
