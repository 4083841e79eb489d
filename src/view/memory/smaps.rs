//! `/proc/PID/smaps`: for each area, how much of it is in memory, and with how many others it is
//! shared. 2.6.12 has no such file yet; the fields are those of later kernels.

use super::maps::{Maps, MapsRow, maps};
use super::sharing::{is_user_data, user_entries};
use crate::abi::{PAGE_SIZE, TaskId, VirtAddr};
use crate::hw::Pte;
use crate::kernel::Kernel;
use crate::kernel::mm::{PageFlags, SwapEntry, pte_present};
use crate::kernel::task::Task;
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// The areas of a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Smaps {
    /// In ascending order of address.
    pub rows: Vec<SmapsRow>,
}

/// An area; sizes are in kB.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SmapsRow {
    /// The line of `/proc/PID/maps`.
    pub area: MapsRow,
    /// Its size.
    #[serde(rename = "Size")]
    pub size: u32,
    /// What of it is in memory, not counting the zero page.
    #[serde(rename = "Rss")]
    pub rss: u32,
    /// The same, each page divided by the number of its mappings.
    #[serde(rename = "Pss")]
    pub pss: u32,
    /// Pages with other mappings that were not written through this one.
    #[serde(rename = "Shared_Clean")]
    pub shared_clean: u32,
    /// Pages with other mappings that were written through this one.
    #[serde(rename = "Shared_Dirty")]
    pub shared_dirty: u32,
    /// Pages without other mappings that were not written.
    #[serde(rename = "Private_Clean")]
    pub private_clean: u32,
    /// Pages without other mappings that were written.
    #[serde(rename = "Private_Dirty")]
    pub private_dirty: u32,
    /// Pages that were used since the last time that somebody looked.
    #[serde(rename = "Referenced")]
    pub referenced: u32,
    /// Pages in swap slots.
    #[serde(rename = "Swap")]
    pub swap: u32,
}

/// The areas of a task, with their sizes.
pub fn smaps(machine: &Machine, task: TaskId) -> Smaps {
    let kernel = &machine.kernel;
    let Maps { rows } = maps(machine, task);
    let mm = kernel.tasks().get(task).and_then(Task::mm);
    let entries: Vec<(VirtAddr, Entry)> = mm
        .into_iter()
        .flat_map(|mm| user_entries(kernel, mm))
        .filter_map(|(addr, pte)| Some((addr, Entry::of(kernel, pte)?)))
        .collect();
    let row = |area: MapsRow| {
        // Both are in ascending order of address.
        let below = |bound: u32| entries.partition_point(|(addr, _)| addr.0 < bound);
        let mine = &entries[below(area.start)..below(area.end)];
        let mine: Vec<Entry> = mine.iter().map(|(_, entry)| *entry).collect();
        SmapsRow::new(area, &mine)
    };
    Smaps {
        rows: rows.into_iter().map(row).collect(),
    }
}

/// An entry that leads to a page.
#[derive(Clone, Copy)]
enum Entry {
    Mapped(Mapped),
    Swapped,
}

/// A page as the entry of one address space maps it.
#[derive(Clone, Copy)]
struct Mapped {
    mapcount: u32,
    dirty: bool,
    referenced: bool,
}

impl Entry {
    fn of(kernel: &Kernel, pte: Pte) -> Option<Self> {
        if SwapEntry::of_pte(pte).is_some() {
            return Some(Self::Swapped);
        }
        if !pte_present(pte) || !is_user_data(kernel, pte) {
            return None;
        }
        let page = kernel.mem().page(pte.pfn());
        Some(Self::Mapped(Mapped {
            mapcount: page.page_mapcount() as u32,
            dirty: pte.contains(Pte::DIRTY),
            referenced: pte.contains(Pte::ACCESSED) || page.flags().contains(PageFlags::REFERENCED),
        }))
    }
}

impl SmapsRow {
    /// Linux 2.6.25: `fs/proc/task_mmu.c`, `smaps_pte_range()`.
    fn new(area: MapsRow, entries: &[Entry]) -> Self {
        /// Pss is summed with this many binary places.
        const PSS_SHIFT: u32 = 12;
        let mapped = entries.iter().filter_map(|entry| match entry {
            Entry::Mapped(page) => Some(*page),
            Entry::Swapped => None,
        });
        let pages: Vec<Mapped> = mapped.collect();
        let kb = |is: &dyn Fn(&Mapped) -> bool| {
            pages.iter().filter(|page| is(page)).count() as u32 * (PAGE_SIZE >> 10)
        };
        let share = |page: &Mapped| u64::from(PAGE_SIZE << PSS_SHIFT) / u64::from(page.mapcount);
        let pss: u64 = pages.iter().map(share).sum();
        Self {
            size: (area.end - area.start) >> 10,
            rss: kb(&|_| true),
            pss: (pss >> (10 + PSS_SHIFT)) as u32,
            shared_clean: kb(&|page| page.mapcount > 1 && !page.dirty),
            shared_dirty: kb(&|page| page.mapcount > 1 && page.dirty),
            private_clean: kb(&|page| page.mapcount == 1 && !page.dirty),
            private_dirty: kb(&|page| page.mapcount == 1 && page.dirty),
            referenced: kb(&|page| page.referenced),
            swap: (entries.len() - pages.len()) as u32 * (PAGE_SIZE >> 10),
            area,
        }
    }

    const fn fields(&self) -> [(&'static str, u32); 9] {
        [
            ("Size:", self.size),
            ("Rss:", self.rss),
            ("Pss:", self.pss),
            ("Shared_Clean:", self.shared_clean),
            ("Shared_Dirty:", self.shared_dirty),
            ("Private_Clean:", self.private_clean),
            ("Private_Dirty:", self.private_dirty),
            ("Referenced:", self.referenced),
            ("Swap:", self.swap),
        ]
    }
}

impl Smaps {
    /// The file's text.
    pub fn text(&self) -> Text {
        let mut text = Text::default();
        for row in &self.rows {
            text.push(row.area.line());
            for (name, kb) in row.fields() {
                let number = format!("{kb:>8}");
                text.push(
                    Line::default()
                        .plain(format_args!("{name:<15}"))
                        .add(Role::Number, number)
                        .plain(" kB"),
                );
            }
        }
        text
    }
}
