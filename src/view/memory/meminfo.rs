//! The memory of the whole machine, as `/proc/meminfo`, `/proc/vmstat` and `/proc/buddyinfo` show it.

use crate::abi::PAGE_SIZE;
use crate::kernel::mm::{MAX_ORDER, ZoneIdx};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// The zones with their names, from the lowest.
pub(super) const ZONES: [(ZoneIdx, &str); 2] = [(ZoneIdx::Dma, "DMA"), (ZoneIdx::Normal, "Normal")];

/// `/proc/meminfo`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meminfo {
    /// Names and sizes in kB, in the kernel's order.
    pub fields: Vec<(&'static str, u32)>,
}

/// The memory of a machine. There is no high memory, and nothing is mapped with `vmalloc`; the
/// objects of the slab caches take no frames.
///
/// Linux 2.6.12: `fs/proc/proc_misc.c`, `meminfo_read_proc()`.
pub fn meminfo(machine: &Machine) -> Meminfo {
    let kernel = &machine.kernel;
    let (mem, swap, state) = (kernel.mem(), kernel.swap(), kernel.mem().page_state());
    let kb = |pages: u32| pages * (PAGE_SIZE >> 10);
    let counted = |pages: u64| kb(pages as u32);
    let zones = ZONES.map(|(zone, _)| mem.zone(zone));
    let total = kb(kernel.totalram_pages());
    let free = kb(mem.nr_free_pages());
    let swapcache = swap.total_swapcache_pages();
    Meminfo {
        fields: vec![
            ("MemTotal", total),
            ("MemFree", free),
            ("Buffers", 0),
            ("Cached", kb(kernel.vm().pagecache() - swapcache)),
            ("SwapCached", kb(swapcache)),
            (
                "Active",
                kb(zones.iter().map(|zone| zone.nr_active()).sum()),
            ),
            (
                "Inactive",
                kb(zones.iter().map(|zone| zone.nr_inactive()).sum()),
            ),
            ("HighTotal", 0),
            ("HighFree", 0),
            ("LowTotal", total),
            ("LowFree", free),
            ("SwapTotal", kb(swap.total_swap_pages())),
            ("SwapFree", kb(swap.nr_swap_pages())),
            ("Dirty", counted(state.nr_dirty)),
            ("Writeback", counted(state.nr_writeback)),
            ("Mapped", counted(state.nr_mapped)),
            ("Slab", counted(state.nr_slab)),
            ("CommitLimit", kb(kernel.commit_limit())),
            ("Committed_AS", kb(kernel.vm().committed())),
            ("PageTables", counted(state.nr_page_table_pages)),
            ("VmallocTotal", 0),
            ("VmallocUsed", 0),
            ("VmallocChunk", 0),
        ],
    }
}

impl Meminfo {
    /// The file's text.
    pub fn text(&self) -> Text {
        let line = |(name, kb): &(&str, u32)| {
            Line::default()
                .plain(format_args!("{:<14}", format!("{name}:")))
                .add(Role::Number, format_args!("{kb:>8}"))
                .plain(" kB")
        };
        self.fields.iter().map(line).collect()
    }
}

/// `/proc/vmstat`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vmstat {
    /// Names and values, in the kernel's order.
    pub fields: Vec<(&'static str, u64)>,
}

/// The counters of memory management.
///
/// Linux 2.6.12: `mm/page_alloc.c`, `vmstat_show()`.
pub fn vmstat(machine: &Machine) -> Vmstat {
    Vmstat {
        fields: machine.kernel.mem().page_state().iter().collect(),
    }
}

impl Vmstat {
    /// The file's text.
    pub fn text(&self) -> Text {
        let line = |(name, value): &(&str, u64)| {
            Line::default()
                .plain(format_args!("{name} "))
                .add(Role::Number, value)
        };
        self.fields.iter().map(line).collect()
    }
}

/// `/proc/buddyinfo`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Buddyinfo {
    /// The zones that have frames, from the lowest.
    pub zones: Vec<BuddyZone>,
}

/// The free lists of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BuddyZone {
    /// Its name.
    pub name: &'static str,
    /// The number of free blocks of 2^n frames, for each order n.
    pub free_blocks: Vec<u32>,
}

/// The free blocks of a machine. Pages in the lists of a CPU are in none of them.
///
/// Linux 2.6.12: `mm/page_alloc.c`, `frag_show()`.
pub fn buddyinfo(machine: &Machine) -> Buddyinfo {
    let mem = machine.kernel.mem();
    let present = ZONES
        .into_iter()
        .filter(|(zone, _)| mem.zone(*zone).present_pages > 0);
    Buddyinfo {
        zones: present
            .map(|(zone, name)| BuddyZone {
                name,
                free_blocks: (0..MAX_ORDER)
                    .map(|order| mem.free_list(zone, order).count() as u32)
                    .collect(),
            })
            .collect(),
    }
}

impl Buddyinfo {
    /// The file's text.
    pub fn text(&self) -> Text {
        let line = |zone: &BuddyZone| {
            let blocks = zone.free_blocks.iter();
            let counts: String = blocks.map(|count| format!("{count:>6} ")).collect();
            Line::default()
                .plain("Node 0, zone ")
                .add(Role::Name, format_args!("{:>8}", zone.name))
                .plain(" ")
                .add(Role::Number, counts.trim_end())
        };
        self.zones.iter().map(line).collect()
    }
}
