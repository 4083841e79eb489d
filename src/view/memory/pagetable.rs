//! The page tables of an address space as a tree: the directory entries in use, and below each the
//! entries of its table, runs of like entries folded.

use super::sharing::{is_user_data, user_entries};
use super::vtop::pte_flags;
use crate::abi::{PAGE_SIZE, Pfn, TASK_SIZE, TaskId, VirtAddr};
use crate::hw::{Pde, Pte};
use crate::kernel::Kernel;
use crate::kernel::mm::{SwapEntry, pte_present, pte_to_pgoff};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// How many stretches of frames of a run are listed.
const MAX_FRAMES: usize = 4;

/// The page tables of an address space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PageTableTree {
    /// The frame of the page directory.
    pub pgd: Pfn,
    /// Directory entries in use for user mode.
    pub tables: Vec<TableView>,
    /// Directory entries in use for the kernel, the same in every address space.
    pub kernel_entries: u32,
}

/// A directory entry and the table that it points to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TableView {
    /// Index of the directory entry.
    pub index: u32,
    /// The first address that the table maps.
    pub start: VirtAddr,
    /// The frame of the table.
    pub pfn: Pfn,
    /// Entries of the table in use.
    pub entries: u32,
    /// The entries in use, runs of like ones folded.
    pub runs: Vec<Run>,
}

/// Entries for consecutive pages that differ in the frame only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Run {
    /// The address of the first page.
    pub start: VirtAddr,
    /// Number of pages.
    pub pages: u32,
    /// The low 12 bits of the entries.
    pub bits: u32,
    /// The names of these bits.
    pub flags: Vec<&'static str>,
    /// The frames, in the order of the pages.
    pub frames: Vec<Pfn>,
    /// Whether all entries map the zero page or another page whose users are not counted.
    pub reserved: bool,
    /// What entries that are not present name instead of frames, in the order of the pages: swap
    /// slots, or pages of a file.
    pub names: Vec<u32>,
}

/// The page tables of a task; `None` if it has no address space.
pub fn pagetable(machine: &Machine, task: TaskId) -> Option<PageTableTree> {
    let kernel = &machine.kernel;
    let mm = kernel.tasks().get(task)?.mm()?;
    let slots = (0..=u32::MAX >> 22).map(|index| (index, kernel.pde(mm, VirtAddr(index << 22))));
    let (user, kernels): (Vec<_>, Vec<_>) = slots
        .filter(|(_, pde)| pde.is_hw_present())
        .partition(|(index, _)| index << 22 < TASK_SIZE);
    let entries = user_entries(kernel, mm).filter(|(_, pte)| pte.0 != 0);
    let pages: Vec<(VirtAddr, Pte)> = entries.collect();
    Some(PageTableTree {
        pgd: kernel.mms()[mm].pgd(),
        tables: user
            .into_iter()
            .map(|(index, pde)| table_view(kernel, index, pde, &pages))
            .collect(),
        kernel_entries: kernels.len() as u32,
    })
}

fn table_view(kernel: &Kernel, index: u32, pde: Pde, pages: &[(VirtAddr, Pte)]) -> TableView {
    let before = |index: u32| pages.partition_point(|(addr, _)| addr.pgd_index() < index);
    let mine = &pages[before(index)..before(index + 1)];
    let alike = |a: &(VirtAddr, Pte), b: &(VirtAddr, Pte)| {
        a.0.0 + PAGE_SIZE == b.0.0 && kind_of(kernel, a.1) == kind_of(kernel, b.1)
    };
    TableView {
        index,
        start: VirtAddr(index << 22),
        pfn: pde.pfn(),
        entries: mine.len() as u32,
        runs: mine
            .chunk_by(alike)
            .map(|run| {
                let (start, first) = run[0];
                let ptes = run.iter().map(|(_, pte)| *pte);
                Run {
                    start,
                    pages: run.len() as u32,
                    bits: low_bits(first),
                    flags: pte_flags(first),
                    frames: ptes
                        .clone()
                        .filter(|pte| pte_present(*pte))
                        .map(Pte::pfn)
                        .collect(),
                    reserved: pte_present(first) && !is_user_data(kernel, first),
                    names: ptes.filter_map(named).collect(),
                }
            })
            .collect(),
    }
}

/// Entries of a run are of one kind. The low bits of an entry that is not present belong to what it
/// names.
fn kind_of(kernel: &Kernel, pte: Pte) -> (Vec<&'static str>, u32, bool) {
    if pte_present(pte) {
        (pte_flags(pte), low_bits(pte), is_user_data(kernel, pte))
    } else {
        (pte_flags(pte), 0, true)
    }
}

/// What an entry that is not present names.
fn named(pte: Pte) -> Option<u32> {
    pte_to_pgoff(pte).or_else(|| SwapEntry::of_pte(pte).map(SwapEntry::slot))
}

const fn low_bits(pte: Pte) -> u32 {
    pte.0 & (PAGE_SIZE - 1)
}

impl PageTableTree {
    /// A line for each directory entry in use, and below it one for each run.
    pub fn text(&self) -> Text {
        let used = self.tables.len() as u32 + self.kernel_entries;
        let mut text: Text = Line::default()
            .plain("page directory in frame ")
            .add(Role::Frame, self.pgd)
            .plain(": ")
            .add(Role::Number, used)
            .plain(format_args!(
                " of 1,024 directory entries, {} of them the kernel's, the same in every address space",
                self.kernel_entries
            ))
            .into();
        for table in &self.tables {
            text.push(table.line());
            for run in &table.runs {
                text.push(run.line());
            }
        }
        text
    }
}

impl TableView {
    fn line(&self) -> Line {
        Line::default()
            .add(Role::Heading, format_args!("PDE {:<4}", self.index))
            .add(Role::Address, self.start)
            .plain("  table in frame ")
            .add(Role::Frame, self.pfn)
            .plain(": ")
            .add(Role::Number, self.entries)
            .plain(" of 1,024 entries")
    }
}

impl Run {
    fn line(&self) -> Line {
        let pages = if self.pages == 1 { "page " } else { "pages" };
        let line = Line::default()
            .plain("  ")
            .add(Role::Address, self.start)
            .plain("  ")
            .add(Role::Number, format_args!("{:>4}", self.pages))
            .plain(format_args!(" {pages}  "))
            .add(Role::Flag, format_args!("{:<11}", self.flags.join(" ")))
            .plain("  ");
        if self.reserved {
            return line
                .plain("reserved frame ")
                .add(Role::Frame, self.frames[0]);
        }
        if !self.names.is_empty() {
            let what = if self.flags == ["SWAP"] {
                "slots"
            } else {
                "pages of the file"
            };
            return line
                .plain(format_args!("{what} "))
                .add(Role::Number, listed(&self.names, u32::to_string));
        }
        let frames: Vec<u32> = self.frames.iter().map(|pfn| pfn.0).collect();
        line.add(Role::Frame, listed(&frames, |pfn| Pfn(*pfn).to_string()))
    }
}

/// `0x1098-0x109a 0x1200 and 12 more`; `0x109a-0x1098` for numbers in descending order.
fn listed(numbers: &[u32], show: impl Fn(&u32) -> String) -> String {
    let stretches = stretches_of(numbers);
    let shown = stretches.iter().take(MAX_FRAMES);
    let words: Vec<String> = shown
        .map(|stretch| match stretch {
            [only] => show(only),
            [first, .., last] => format!("{}-{}", show(first), show(last)),
            [] => String::new(),
        })
        .collect();
    let rest = stretches.iter().skip(MAX_FRAMES).map(|more| more.len());
    match rest.sum() {
        0 => words.join(" "),
        more => format!("{} and {more} more", words.join(" ")),
    }
}

/// The numbers cut where the next one is not the neighbour in the same direction.
fn stretches_of(numbers: &[u32]) -> Vec<&[u32]> {
    let mut stretches = Vec::new();
    let mut rest = numbers;
    while let [first, ..] = rest {
        let length = |step: i64| {
            let follows = |(place, number): &(i64, &u32)| {
                i64::from(**number) == i64::from(*first) + place * step
            };
            (0..).zip(rest).take_while(follows).count()
        };
        let (stretch, others) = rest.split_at(length(1).max(length(-1)));
        stretches.push(stretch);
        rest = others;
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_a_row_are_folded_and_many_are_counted() {
        for (frames, told) in [
            (&[7][..], "0x7"),
            (&[7, 8, 9], "0x7-0x9"),
            (&[9, 8, 7, 3, 4], "0x9-0x7 0x3-0x4"),
            (&[1, 3, 5, 7, 9, 10], "0x1 0x3 0x5 0x7 and 2 more"),
        ] {
            assert_eq!(listed(frames, |number| format!("{number:#x}")), told);
        }
    }
}
