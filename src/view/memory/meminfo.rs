//! The memory of the whole machine, as `/proc/meminfo` and `/proc/buddyinfo` show it.

use crate::abi::PAGE_SIZE;
use crate::kernel::Kernel;
use crate::kernel::mm::{MAX_ORDER, Mm, ZoneIdx};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

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
    let kb = |pages: u32| pages * (PAGE_SIZE >> 10);
    let total = kb(kernel.totalram_pages());
    let free = kb(kernel.mem().nr_free_pages());
    Meminfo {
        fields: vec![
            ("MemTotal", total),
            ("MemFree", free),
            ("Buffers", 0),
            ("Cached", kb(kernel.vm().pagecache())),
            ("SwapCached", 0),
            ("Active", 0),
            ("Inactive", 0),
            ("HighTotal", 0),
            ("HighFree", 0),
            ("LowTotal", total),
            ("LowFree", free),
            ("SwapTotal", 0),
            ("SwapFree", 0),
            ("Dirty", 0),
            ("Writeback", 0),
            ("Mapped", kb(nr_mapped(kernel))),
            ("Slab", 0),
            ("CommitLimit", kb(kernel.totalram_pages() / 2)),
            ("Committed_AS", kb(kernel.vm().committed())),
            ("PageTables", kb(nr_page_table_pages(kernel))),
            ("VmallocTotal", 0),
            ("VmallocUsed", 0),
            ("VmallocChunk", 0),
        ],
    }
}

fn nr_mapped(kernel: &Kernel) -> u32 {
    let frames = (0..kernel.ram.frames()).map(crate::abi::Pfn);
    let mapped = frames.filter(|pfn| kernel.mem().page(*pfn).page_mapcount() > 0);
    mapped.count() as u32
}

/// Page tables of the lower level only.
fn nr_page_table_pages(kernel: &Kernel) -> u32 {
    kernel.mms().values().map(Mm::nr_ptes).sum()
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
    let zones = [(ZoneIdx::Dma, "DMA"), (ZoneIdx::Normal, "Normal")];
    let present = zones
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
