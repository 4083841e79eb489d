//! What mattered in a stretch of the trace, in the few lines that a user wants to read after an
//! action: faults and how they were handled, tasks that came and went, time that passed.
//!
//! Events become [items](Item), items of a frequent kind are merged into one, and items become
//! text.

mod gather;
#[cfg(test)]
mod tests;
mod words;

use crate::abi::{Errno, Pfn, Pid, SigAction, Signal, VirtAddr, WaitStatus};
use crate::hw::{ErrorCode, Pte};
use crate::machine::{Machine, Who};
use crate::trace::{ArrayKind, Choice, Decision, Placement};
use crate::view::text::Text;
use std::mem::{Discriminant, discriminant};

/// How many items of one kind are listed one by one.
const MAX_ALIKE: usize = 2;

/// Where a digest begins: a place in the trace, and the tick at that time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// Sequence number of the first event.
    pub seq: u64,
    /// The tick at that time.
    pub tick: u64,
}

impl Since {
    /// From now on.
    pub const fn now(machine: &Machine) -> Self {
        Self {
            seq: machine.kernel.log.event_seq(),
            tick: machine.kernel.tick(),
        }
    }
}

/// A decision of a rule that Linux takes otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruled {
    /// What was decided.
    pub decision: Decision,
    /// The task that it was about.
    pub pid: Pid,
    /// What Linux decides.
    pub stock: Choice,
    /// What the rule has decided.
    pub answer: Choice,
}

/// Something that mattered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// The kernel panicked.
    Panic(String),
    /// Time has passed.
    Time(Passed),
    /// A page fault, or a page that was mapped without one.
    Fault(Fault),
    /// Many page faults, counted.
    Faults(FaultCounts),
    /// `mmap2` or `brk` reserved memory.
    Reserved {
        /// Start of the area; for `brk`, the new end of the heap.
        addr: VirtAddr,
        /// Whether it was `brk`.
        heap: bool,
        /// Number of frames that `brk` freed.
        freed: u32,
    },
    /// `munmap` removed a mapping.
    Unmapped {
        /// Number of frames freed, page tables included.
        freed: u32,
    },
    /// A task was created.
    Fork(Box<Fork>),
    /// A fork failed after its pid had been allocated, or because no pid was free.
    Refused {
        /// The error of the call.
        errno: Errno,
        /// The pid that was freed again.
        pid: Option<Pid>,
    },
    /// A task runs another program.
    Exec(Who),
    /// A task exited.
    Exit(Exit),
    /// A vfork parent continues.
    VforkDone {
        /// The parent that was waiting.
        parent: Pid,
    },
    /// A zombie was reaped.
    Reaped {
        /// The reaped task.
        who: Who,
        /// The task that reaped it, if a `wait4` has returned its pid.
        by: Option<Pid>,
        /// Its parent and that task's time slice now.
        slice: Option<(Pid, u32)>,
    },
    /// A task got another parent.
    Reparent {
        /// The task whose parent changed.
        child: Pid,
        /// Its new parent.
        parent: Pid,
    },
    /// A signal was sent or delivered.
    Signal {
        /// Receiver of the signal.
        to: Pid,
        /// The signal itself.
        signal: Signal,
        /// Whether it was delivered.
        taken: bool,
    },
    /// A signal was discarded when it was sent.
    Ignored {
        /// Receiver of the signal.
        to: Pid,
        /// The signal itself.
        signal: Signal,
        /// The receiver's action.
        action: SigAction,
    },
    /// A tid was stored in user memory, or cleared.
    Tid {
        /// User address that was written.
        addr: VirtAddr,
        /// The stored value; 0 clears it.
        value: Pid,
        /// Whether the store faulted.
        failed: bool,
    },
    /// A rule of a changed kernel has decided otherwise than Linux.
    Rule(Ruled),
    /// The priority of a task changed.
    Prio {
        /// The task whose priority changed.
        who: Who,
        /// Its new dynamic priority.
        prio: u8,
        /// Its new static priority, 120 + nice.
        static_prio: u8,
    },
    /// Many items of a kind, counted.
    Many {
        /// Their name in the plural.
        what: &'static str,
        /// The tasks concerned.
        pids: Vec<Pid>,
    },
}

/// Time that passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// Number of ticks.
    pub ticks: u64,
    /// Number of context switches.
    pub switches: u32,
    /// Number of time slices that ran out.
    pub expired: u32,
    /// Number of array swaps.
    pub swaps: u32,
}

/// A page fault and its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The faulting task.
    pub pid: Pid,
    /// Faulting address; for pages mapped without a fault, the first one.
    pub addr: VirtAddr,
    /// The CPU's error code; `None` if the page was mapped without a fault.
    pub code: Option<ErrorCode>,
    /// How it was handled.
    pub outcome: FaultOutcome,
    /// The entry as it is now, if it still maps the frame.
    pub pte: Option<Pte>,
}

/// How a fault was handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultOutcome {
    /// The zero page was mapped.
    ZeroPage,
    /// A zero-filled frame was mapped.
    ZeroedFrame(Pfn),
    /// A page of a file was mapped.
    FilePage(Pfn),
    /// A page of shared memory was mapped, new or existing.
    SharedPage(Pfn),
    /// A private copy of a page of a file was mapped.
    FileCopy(Pfn),
    /// The page of a swap slot was mapped.
    SwapPage {
        /// Its frame.
        pfn: Pfn,
        /// Whether it was read from the slot; else the swap cache had it.
        read: bool,
        /// Frame of the copy that was made at once, because the page has other users.
        copy: Option<Pfn>,
    },
    /// Copy on write.
    Copy {
        /// Frame that was shared until then.
        old: Pfn,
        /// Frame of the copy.
        new: Pfn,
        /// Number of entries that still map the old frame; `None` for the zero page.
        left: Option<u32>,
    },
    /// Copy on write by the last owner: the frame was reused.
    Reuse(Pfn),
    /// Not at all: the task got this signal.
    Signal(Signal),
    /// Not at all: the system call returned EFAULT, or the access was only retried.
    Not,
}

/// Faults counted by how they were handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FaultCounts {
    /// All page faults.
    pub faults: u32,
    /// Pages mapped without a fault.
    pub populated: u32,
    /// Frames filled with zeros.
    pub zeroed: u32,
    /// Mappings of the zero page.
    pub zero_pages: u32,
    /// Pages of files.
    pub file_pages: u32,
    /// Pages of swap slots.
    pub swap_pages: u32,
    /// Copies, including those of file pages.
    pub copies: u32,
    /// Frames that were made writable again.
    pub reuses: u32,
    /// Faults that were not handled.
    pub bad: u32,
}

/// A task that was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fork {
    /// A task was created.
    pub child: Who,
    /// The task that called fork.
    pub parent: Pid,
    /// Numbers of frames and page table entries that were copied; `None` if the memory is shared.
    pub copied: Option<(u32, u32)>,
    /// Time slices: the parent's before, and the parent's and child's after.
    pub slices: (u32, u32, u32),
    /// Where the child was queued; `None` if it was left stopped.
    pub place: Option<Place>,
    /// Whether the parent still waits inside vfork.
    pub inside_vfork: bool,
}

/// Where a new task was queued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The rule that decided.
    pub placement: Placement,
    /// CPU whose runqueue it is on.
    pub cpu: u8,
    /// Whether an option of the machine forced the place.
    pub forced: bool,
    /// The priority list that it was put on.
    pub list: Option<RunList>,
}

/// A priority list before and after a task was put on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunList {
    /// Array that the list belongs to.
    pub array: ArrayKind,
    /// Priority of the list.
    pub prio: u8,
    /// Members of the list before the insertion.
    pub before: Members,
    /// Members of the list after the insertion.
    pub after: Members,
}

/// The pids of a list, as far as they were traced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Members {
    /// In list order, head first.
    pub pids: Vec<Pid>,
    /// Whether there are more before them.
    pub cut_before: bool,
    /// Whether there are more behind them.
    pub cut_after: bool,
}

/// A task that exited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exit {
    /// The task that exited.
    pub who: Who,
    /// Its wait status.
    pub status: WaitStatus,
    /// What is left of it now.
    pub end: ExitEnd,
    /// Its parent and that task's time slice now, if it was released.
    pub slice: Option<(Pid, u32)>,
}

/// What is left of a task that exited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitEnd {
    /// A zombie, until that task waits.
    Zombie(Pid),
    /// Nothing: it reaped itself.
    ReapedItself,
    /// Nothing: it was a zombie, and was reaped.
    Reaped,
}

/// What mattered since an event, in at most four lines; empty if nothing did. Time counts from the
/// tick of that event.
pub fn digest(machine: &Machine, from_seq: u64) -> Text {
    let first = machine.kernel.log.records_from(from_seq).next();
    let tick = first.map_or(machine.kernel.tick(), |record| record.stamp.tick);
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

/// What mattered since then, in order; frequent kinds are counted.
pub fn digest_items(machine: &Machine, since: Since) -> Vec<Item> {
    condense(gather::gather(machine, since))
}

/// Merges frequent items of a kind into one, at the place of the first.
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
    /// How many items of the kind are listed one by one.
    const fn max_alike(&self) -> usize {
        match self {
            Self::Fork(_) => 1,
            _ => MAX_ALIKE,
        }
    }

    /// The item that stands for many like the first of them.
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
            Self::Reserved { .. } => "areas reserved",
            Self::Unmapped { .. } => "areas unmapped",
            Self::Fork(_) => "tasks made",
            Self::Refused { .. } => "refused clones, pids skipped",
            Self::Exec(_) => "execs",
            Self::Exit(_) => "exits",
            Self::VforkDone { .. } => "vforks over",
            Self::Reaped { .. } => "zombies reaped",
            Self::Reparent { .. } => "tasks with another parent",
            Self::Signal { .. } => "signals",
            Self::Ignored { .. } => "signals ignored",
            Self::Tid { .. } => "tids stored",
            Self::Rule(_) => "decisions of rules that Linux takes otherwise",
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
            Self::Signal { to, .. } | Self::Ignored { to, .. } => Some(*to),
            Self::Tid { value, .. } => Some(*value),
            Self::Rule(ruled) => Some(ruled.pid),
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
            let kind = match fault.outcome {
                FaultOutcome::ZeroPage => &mut counts.zero_pages,
                FaultOutcome::ZeroedFrame(_) => &mut counts.zeroed,
                FaultOutcome::FilePage(_) | FaultOutcome::SharedPage(_) => &mut counts.file_pages,
                FaultOutcome::SwapPage { .. } => &mut counts.swap_pages,
                FaultOutcome::FileCopy(_) | FaultOutcome::Copy { .. } => &mut counts.copies,
                FaultOutcome::Reuse(_) => &mut counts.reuses,
                FaultOutcome::Signal(_) | FaultOutcome::Not => &mut counts.bad,
            };
            *kind += 1;
        }
        counts
    }
}
