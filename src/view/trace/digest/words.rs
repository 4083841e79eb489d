//! A digest in words: a line an item, few lines in all.

use super::{
    Exit, ExitEnd, Fault, FaultCounts, Fork, Item, Members, Mend, Passed, Place, RunList, Who,
};
use crate::abi::{Pfn, Pid, VirtAddr};
use crate::hw::ErrorCode;
use crate::trace::Placement;
use crate::view::text::task_tag;
use crate::view::text::{Line, Role, Text, cell};

/// Lines of a digest at most.
const MAX_LINES: usize = 4;
/// Pids that are named of many.
const MAX_NAMED: usize = 8;
/// What the further lines of an item begin with.
const INDENT: &str = "      ";

/// The lines of the items; if they are too many, the least important ones are left out, and the
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
    /// What is left out first has the highest rank.
    const fn rank(&self) -> u8 {
        match self {
            Self::Panic(_) => 0,
            Self::Time(_) => 1,
            Self::Fork(_) | Self::Refused { .. } => 2,
            Self::Exit(_) | Self::VforkDone { .. } | Self::Many { .. } => 3,
            Self::Faults(_) | Self::Exec(_) | Self::Promised { .. } | Self::Unmapped { .. } => 4,
            Self::Reaped { .. }
            | Self::Reparent { .. }
            | Self::Signal { .. }
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
            Self::Promised { addr, heap, freed } => promised(*addr, *heap, *freed),
            Self::Unmapped { freed } => cell(Role::Plain, "unmapped; ").join(frames_freed(*freed)),
            Self::Refused { errno, pid } => {
                let line = cell(Role::Bad, errno.name());
                match pid {
                    Some(pid) => line
                        .plain(": pid ")
                        .add(Role::Pid, pid)
                        .plain(" taken and given back, burnt"),
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
                    " takes effect in "
                } else {
                    " pending in "
                };
                cell(Role::Name, signal).plain(what).add(Role::Pid, to)
            }
            Self::Tid {
                addr,
                value,
                failed,
            } => tid(*addr, *value, *failed),
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

/// The counts that are not 0, with commas.
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
        let line = line.join(self.mend_line());
        match self.pte {
            Some(pte) if !matches!(self.mend, Mend::Copy { .. } | Mend::Reuse(_)) => line
                .plain(", pte ")
                .add(Role::Address, format_args!("{:#010x}", pte.0)),
            _ => line,
        }
    }

    /// A protection fault that copy on write mended was one of a read-only page.
    fn words(&self, code: ErrorCode) -> String {
        let words = code.describe();
        match self.mend {
            Mend::Copy { .. } | Mend::Reuse(_) => words.replace("protection", "read-only"),
            _ => words.to_owned(),
        }
    }

    fn mend_line(&self) -> Line {
        let with = |words: &str, pfn: Pfn| cell(Role::Plain, words).add(Role::Frame, pfn);
        match self.mend {
            Mend::ZeroPage => cell(Role::Plain, "the page of zeroes mapped read-only"),
            Mend::ZeroedFrame(pfn) => with("zeroed frame ", pfn),
            Mend::FilePage(pfn) => with("frame ", pfn).plain(" of the page cache"),
            Mend::SharedPage(pfn) => with("frame ", pfn).plain(" of the shared memory"),
            Mend::FileCopy(pfn) => with("private copy of a page of the page cache in frame ", pfn),
            Mend::Copy { old, new, left } => {
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
                    None => line.plain(", a frame of its own instead of the page of zeroes"),
                }
            }
            Mend::Reuse(pfn) => cell(Role::Name, "cow_reuse")
                .plain(" ")
                .add(Role::Frame, pfn)
                .plain(": no other owner, made writable again"),
            Mend::Signal(signal) => cell(Role::Bad, signal),
            Mend::Not => cell(Role::Bad, "not mended"),
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
                "mapping of the page of zeroes",
                "mappings of the page of zeroes",
            ),
            (self.file_pages, "page of a file", "pages of files"),
            (self.copies, "copy", "copies"),
            (self.reuses, "reuse", "reuses"),
            (self.bad, "not mended", "not mended"),
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

fn promised(addr: VirtAddr, heap: bool, freed: u32) -> Line {
    let line = cell(Role::Address, addr);
    match (heap, freed) {
        (false, _) => line.plain("  promised; no frame yet"),
        (true, 0) => line.plain("  the heap ends there now; no frame yet"),
        (true, freed) => line
            .plain("  the heap ends there now; ")
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
            // Its last tick went to the child.
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
                .plain(" is still INSIDE vfork (")
                .add(Role::State, "D")
                .plain(") until ");
            lines.push(line.add(Role::Pid, self.child.pid).plain(" execs or exits"));
        }
        lines
    }
}

impl Place {
    /// `active[125]  [2] -> 3 [2]   child put just before its parent`
    fn line(&self, parent: Pid) -> Line {
        let line = cell(Role::Plain, INDENT);
        let line = match &self.list {
            Some(list) => line.join(list.line(parent)).plain("   "),
            None => line,
        };
        let cpu = self.cpu;
        let line = match self.placement {
            Placement::BeforeParent => line.plain("child put just before its parent"),
            Placement::ParentNotQueued => line.plain("child put last: the parent is on no array"),
            Placement::TailSharedVm => line.plain("child put last: memory is shared"),
            Placement::OtherCpu => line.plain(format_args!("child on CPU {cpu}")),
            Placement::TailByOption => line.plain("child put last: child_runs_first is off"),
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
    /// From the head, the parent in brackets.
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
