//! A digest in words: one line per item, few lines in all.

use super::{
    Exit, ExitEnd, Fault, FaultCounts, FaultOutcome, Fork, Item, Members, Passed, Place, Ruled,
    RunList, Who,
};
use crate::abi::{Pfn, Pid, SigAction, Signal, VirtAddr};
use crate::hw::ErrorCode;
use crate::trace::Placement;
use crate::view::text::{Line, Role, Text, cell, task_tag};

/// The most lines of a digest.
const MAX_LINES: usize = 4;
/// How many pids of a longer list are named.
const MAX_NAMED: usize = 8;
/// Indentation of the further lines of an item.
const INDENT: &str = "      ";

/// The lines of the items. If they are too many, the least important ones are left out, and the
/// last line says how many.
pub(super) fn text(items: &[Item]) -> Text {
    let mut told: Vec<(u8, Vec<Line>)> = items
        .iter()
        .map(|item| (item.rank(), item.lines()))
        .collect();
    let len = |told: &[(u8, Vec<Line>)]| told.iter().map(|(_, lines)| lines.len()).sum::<usize>();
    let all = len(&told);
    if all > MAX_LINES {
        while len(&told) >= MAX_LINES {
            let last = told.iter().enumerate().max_by_key(|(_, (rank, _))| *rank);
            let Some((least, _)) = last else { break };
            told.remove(least);
        }
    }
    let more = all - len(&told);
    let mut text: Text = told.into_iter().flat_map(|(_, lines)| lines).collect();
    if more > 0 {
        let words = count(more as u32, "line", "lines");
        text.push(cell(
            Role::Dim,
            format_args!("and {words} more: see the trace"),
        ));
    }
    text
}

impl Item {
    /// Items with the highest rank are left out first.
    const fn rank(&self) -> u8 {
        match self {
            Self::Panic(_) => 0,
            Self::Time(_) => 1,
            Self::Fork(_) | Self::Refused { .. } => 2,
            Self::Exit(_) | Self::VforkDone { .. } | Self::Many { .. } => 3,
            Self::Faults(_) | Self::Exec(_) | Self::Reserved { .. } | Self::Unmapped { .. } => 4,
            Self::Reaped { .. }
            | Self::Reparent { .. }
            | Self::Signal { .. }
            | Self::Ignored { .. }
            | Self::Rule(_)
            | Self::Prio { .. } => 5,
            Self::Fault(fault) => match fault.code {
                Some(code) if code.is_user() => 4,
                _ => 7,
            },
            Self::Tid { .. } => 6,
        }
    }

    fn lines(&self) -> Vec<Line> {
        let line = match self {
            Self::Fork(fork) => return fork.lines(),
            Self::Panic(why) => cell(Role::Bad, "kernel panic").plain(": ").plain(why),
            Self::Time(passed) => passed.line(),
            Self::Fault(fault) => fault.line(),
            Self::Faults(counts) => counts.line(),
            Self::Reserved { addr, heap, freed } => reserved(*addr, *heap, *freed),
            Self::Unmapped { freed } => cell(Role::Plain, "unmapped; ").join(frames_freed(*freed)),
            Self::Refused { errno, pid } => {
                let line = cell(Role::Bad, errno.name());
                match pid {
                    Some(pid) => line
                        .plain(": pid ")
                        .add(Role::Pid, pid)
                        .plain(" allocated, then freed; the next search starts after it"),
                    None => line.plain(": no pid is free"),
                }
            }
            Self::Exec(who) => who.tag().plain("  a new program in a new address space"),
            Self::Exit(exit) => exit.line(),
            Self::VforkDone { parent } => {
                cell(Role::Pid, parent).plain(" wakes: the vfork is over")
            }
            Self::Reaped { who, by, slice } => {
                let line = who.tag().plain("  reaped");
                let line = match by {
                    Some(by) => line.plain(" by ").add(Role::Pid, by),
                    None => line,
                };
                line.join(slice_now(*slice))
            }
            Self::Reparent { child, parent } => cell(Role::Pid, child)
                .plain(" is a child of ")
                .add(Role::Pid, parent)
                .plain(" now"),
            Self::Signal { to, signal, taken } => {
                let what = if *taken {
                    " delivered to "
                } else {
                    " pending for "
                };
                cell(Role::Name, signal).plain(what).add(Role::Pid, to)
            }
            Self::Ignored { to, signal, action } => ignored(*signal, *to, *action),
            Self::Tid {
                addr,
                value,
                failed,
            } => tid(*addr, *value, *failed),
            Self::Rule(ruled) => ruled.line(),
            Self::Prio {
                who,
                prio,
                static_prio,
            } => who
                .tag()
                .plain("  prio ")
                .add(Role::Number, prio)
                .plain(", static_prio ")
                .add(Role::Number, static_prio),
            Self::Many { what, pids } => many(what, pids),
        };
        vec![line]
    }
}

impl Who {
    fn tag(&self) -> Line {
        task_tag(self.pid, &self.name)
    }
}

/// `5 switches`, `1 switch`.
fn count(number: u32, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// The counts that are not 0, separated by commas.
fn nonzero<const N: usize>(counts: [(u32, &str, &str); N]) -> String {
    let told = counts.iter().filter(|(number, ..)| *number > 0);
    let told: Vec<String> = told
        .map(|(n, one, several)| count(*n, one, several))
        .collect();
    told.join(", ")
}

fn many(what: &str, pids: &[Pid]) -> Line {
    let line = cell(Role::Number, pids.len())
        .plain(" ")
        .plain(what)
        .plain(": ");
    let named: Vec<String> = pids.iter().take(MAX_NAMED).map(Pid::to_string).collect();
    let line = line.add(Role::Pid, named.join(", "));
    match pids.len().saturating_sub(MAX_NAMED) {
        0 => line,
        more => line.plain(format_args!(", and {more} more")),
    }
}

impl Passed {
    fn line(&self) -> Line {
        let what = nonzero([
            (self.switches, "switch", "switches"),
            (self.expired, "slice expired", "slices expired"),
            (self.swaps, "array swap", "array swaps"),
        ]);
        let what = if what.is_empty() { "no switch" } else { &what };
        cell(Role::Number, self.ticks)
            .plain(" ms passed: ")
            .plain(what)
    }
}

impl Fault {
    fn line(&self) -> Line {
        let line = match self.code {
            Some(code) => cell(Role::Plain, "fault ")
                .add(Role::Number, code)
                .plain(format_args!(" ({}): ", self.words(code))),
            None => cell(Role::Plain, "mapped at once: "),
        };
        let line = line.join(self.outcome_line());
        match self.pte {
            Some(pte)
                if !matches!(
                    self.outcome,
                    FaultOutcome::Copy { .. } | FaultOutcome::Reuse(_)
                ) =>
            {
                line.plain(", pte ")
                    .add(Role::Address, format_args!("{:#010x}", pte.0))
            }
            _ => line,
        }
    }

    /// A protection fault that copy on write has handled was a write to a read-only page.
    fn words(&self, code: ErrorCode) -> String {
        let words = code.describe();
        match self.outcome {
            FaultOutcome::Copy { .. } | FaultOutcome::Reuse(_) => {
                words.replace("protection", "read-only")
            }
            _ => words.to_owned(),
        }
    }

    fn outcome_line(&self) -> Line {
        let with = |words: &str, pfn: Pfn| cell(Role::Plain, words).add(Role::Frame, pfn);
        match self.outcome {
            FaultOutcome::ZeroPage => cell(Role::Plain, "zero page mapped read-only"),
            FaultOutcome::ZeroedFrame(pfn) => with("zeroed frame ", pfn),
            FaultOutcome::FilePage(pfn) => with("frame ", pfn).plain(" of the page cache"),
            FaultOutcome::SharedPage(pfn) => with("frame ", pfn).plain(" of the shared memory"),
            FaultOutcome::FileCopy(pfn) => with("private copy of a page cache page in frame ", pfn),
            FaultOutcome::SwapPage { pfn, read, copy } => {
                let line = if read {
                    with("swapped in to frame ", pfn)
                } else {
                    with("frame ", pfn).plain(" of the swap cache")
                };
                match copy {
                    Some(copy) => line.plain(", copied to ").add(Role::Frame, copy),
                    None => line,
                }
            }
            FaultOutcome::Copy { old, new, left } => {
                let line = cell(Role::Name, "cow_copy")
                    .plain(" ")
                    .add(Role::Frame, old)
                    .plain(" -> ")
                    .add(Role::Frame, new);
                match left {
                    Some(left) => line
                        .plain(", owners left on ")
                        .add(Role::Frame, old)
                        .plain(": ")
                        .add(Role::Number, left),
                    None => line.plain(", a frame of its own instead of the zero page"),
                }
            }
            FaultOutcome::Reuse(pfn) => cell(Role::Name, "cow_reuse")
                .plain(" ")
                .add(Role::Frame, pfn)
                .plain(": no other owner, made writable again"),
            FaultOutcome::Signal(signal) => cell(Role::Bad, signal),
            FaultOutcome::Not => cell(Role::Bad, "not handled"),
        }
    }
}

impl FaultCounts {
    fn line(&self) -> Line {
        let all = nonzero([
            (self.faults, "fault", "faults"),
            (
                self.populated,
                "page mapped at once",
                "pages mapped at once",
            ),
        ]);
        let kinds = nonzero([
            (self.zeroed, "zeroed frame", "zeroed frames"),
            (
                self.zero_pages,
                "mapping of the zero page",
                "mappings of the zero page",
            ),
            (self.file_pages, "file page", "file pages"),
            (self.swap_pages, "page of swap", "pages of swap"),
            (self.copies, "copy", "copies"),
            (self.reuses, "reuse", "reuses"),
            (self.bad, "not handled", "not handled"),
        ]);
        cell(Role::Plain, all).plain(": ").plain(kinds)
    }
}

fn frames_freed(freed: u32) -> Line {
    match freed {
        0 => cell(Role::Plain, "no frame freed"),
        freed => cell(Role::Plain, count(freed, "frame freed", "frames freed"))
            .plain(", page tables included"),
    }
}

/// `SIGTERM ignored by 3: SIG_IGN`
fn ignored(signal: Signal, to: Pid, action: SigAction) -> Line {
    let why = match action {
        SigAction::Ignore => ": SIG_IGN",
        _ => " by default",
    };
    let line = cell(Role::Name, signal).plain(" ignored by ");
    line.add(Role::Pid, to).plain(why)
}

fn reserved(addr: VirtAddr, heap: bool, freed: u32) -> Line {
    let line = cell(Role::Address, addr);
    match (heap, freed) {
        (false, _) => line.plain("  reserved; no frame yet"),
        (true, 0) => line.plain("  new end of the heap; no frame yet"),
        (true, freed) => line
            .plain("  new end of the heap; ")
            .join(frames_freed(freed)),
    }
}

fn tid(addr: VirtAddr, value: Pid, failed: bool) -> Line {
    let line = match value {
        Pid(0) => cell(Role::Plain, "tid cleared at "),
        _ => cell(Role::Plain, "tid ")
            .add(Role::Pid, value)
            .plain(" stored at "),
    };
    let line = line.add(Role::Address, addr);
    if failed {
        line.add(Role::Bad, ": failed")
    } else {
        line
    }
}

fn slice_now(slice: Option<(Pid, u32)>) -> Line {
    match slice {
        Some((parent, ticks)) => cell(Role::Plain, "; slice of ")
            .add(Role::Pid, parent)
            .plain(" now ")
            .add(Role::Number, ticks),
        None => Line::default(),
    }
}

impl Exit {
    fn line(&self) -> Line {
        let line = self.who.tag().plain(format_args!("  {}", self.status));
        let line = match self.end {
            ExitEnd::Zombie(parent) => line
                .plain(": ")
                .add(Role::State, "zombie")
                .plain(" until ")
                .add(Role::Pid, parent)
                .plain(" waits"),
            ExitEnd::ReapedItself => line.plain(": gone at once, nobody waits for it"),
            ExitEnd::Reaped => line,
        };
        line.join(slice_now(self.slice))
    }
}

impl Fork {
    /// What it cost, where the child is, and whether the parent waits.
    fn lines(&self) -> Vec<Line> {
        let line = self.child.tag();
        let line = match self.copied {
            Some((frames, ptes)) => line
                .plain("  frames copied ")
                .add(Role::Number, frames)
                .plain(", PTEs copied ")
                .add(Role::Number, ptes),
            None => line.plain("  same memory as ").add(Role::Pid, self.parent),
        };
        let (before, parent, child) = self.slices;
        let slices = if parent > before {
            // The parent's last tick went to the child.
            format!("; slice {before} -> child {child}, a new one of {parent}")
        } else {
            format!("; slice {before} -> {parent} + {child}")
        };
        let mut lines = vec![line.plain(slices)];
        lines.push(match &self.place {
            Some(place) => place.line(self.parent),
            None => cell(Role::Plain, INDENT).plain("stopped, SIGSTOP pending, on no runqueue"),
        });
        if self.inside_vfork {
            let line = cell(Role::Plain, INDENT)
                .add(Role::Pid, self.parent)
                .plain(" stays inside vfork (")
                .add(Role::State, "D")
                .plain(") until ");
            lines.push(line.add(Role::Pid, self.child.pid).plain(" execs or exits"));
        }
        lines
    }
}

impl Place {
    /// `active[125]  [2] -> 3 [2]   child queued just before its parent`
    fn line(&self, parent: Pid) -> Line {
        let line = cell(Role::Plain, INDENT);
        let line = match &self.list {
            Some(list) => line.join(list.line(parent)).plain("   "),
            None => line,
        };
        let cpu = self.cpu;
        let line = match self.placement {
            Placement::BeforeParent => line.plain("child queued just before its parent"),
            Placement::ParentNotQueued => {
                line.plain("child queued last: the parent is on no array")
            }
            Placement::TailSharedVm => line.plain("child queued last: memory is shared"),
            Placement::OtherCpu => line.plain(format_args!("child on CPU {cpu}")),
            Placement::TailByOption => line.plain("child queued last: child_runs_first is off"),
            Placement::TailByRule => line.plain("child queued last, by the rule of this kernel"),
            Placement::AfterParent => {
                line.plain("child queued just after its parent, by the rule of this kernel")
            }
            Placement::Expired => {
                line.plain("child on the expired array, by the rule of this kernel")
            }
        };
        if self.forced {
            line.add(Role::Dim, " (forced)")
        } else {
            line
        }
    }
}

impl RunList {
    fn line(&self, parent: Pid) -> Line {
        let level = format!("{}[{}]  ", self.array.name(), self.prio);
        cell(Role::Plain, level)
            .join(self.before.line(parent))
            .plain(" -> ")
            .join(self.after.line(parent))
    }
}

impl Members {
    /// Head first, with the parent in brackets.
    fn line(&self, parent: Pid) -> Line {
        let show = |pid: &Pid| {
            if *pid == parent {
                format!("[{pid}]")
            } else {
                pid.to_string()
            }
        };
        let mut words: Vec<String> = self.pids.iter().map(show).collect();
        if self.cut_before {
            words.insert(0, "...".to_owned());
        }
        if self.cut_after {
            words.push("...".to_owned());
        }
        if words.is_empty() {
            cell(Role::Dim, "empty")
        } else {
            cell(Role::Pid, words.join(" "))
        }
    }
}

impl Ruled {
    fn line(&self) -> Line {
        let Self {
            decision,
            pid,
            stock,
            answer,
        } = self;
        cell(Role::Name, decision.name())
            .plain(" for ")
            .add(Role::Pid, pid)
            .plain(format_args!(
                ": the rule of this kernel says {answer}, Linux {stock}"
            ))
    }
}
