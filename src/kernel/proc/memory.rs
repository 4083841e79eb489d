//! `/proc/meminfo`, `vmstat`, `buddyinfo` and `swaps`: the memory of the whole machine.

use crate::abi::{PAGE_SIZE, S_IFBLK, S_IFMT};
use crate::kernel::Kernel;
use crate::kernel::mm::{MAX_ORDER, ZoneIdx};

/// The zones with their names, from the lowest.
pub const ZONES: [(ZoneIdx, &str); 2] = [(ZoneIdx::Dma, "DMA"), (ZoneIdx::Normal, "Normal")];
/// The first line of `/proc/swaps`.
const SWAPS_HEAD: &str = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n";
/// The column of the type.
const TYPE_COLUMN: usize = 40;

/// Pages in KiB.
const fn kb(pages: u32) -> u32 {
    pages * (PAGE_SIZE >> 10)
}

impl Kernel {
    /// Names and sizes in kB. There is no high memory, and nothing is mapped with `vmalloc`; the
    /// objects of the slab caches take no frames.
    ///
    /// Linux 2.6.12: `fs/proc/proc_misc.c`, `meminfo_read_proc()`.
    pub fn proc_meminfo(&self) -> Vec<(&'static str, u32)> {
        let (mem, swap, state) = (self.mem(), self.swap(), self.mem().page_state());
        let counted = |pages: u64| kb(pages as u32);
        let zones = ZONES.map(|(zone, _)| mem.zone(zone));
        let total = kb(self.totalram_pages());
        let free = kb(mem.nr_free_pages());
        let swapcache = swap.total_swapcache_pages();
        let active = zones.iter().map(|zone| zone.nr_active()).sum();
        let inactive = zones.iter().map(|zone| zone.nr_inactive()).sum();
        vec![
            ("MemTotal", total),
            ("MemFree", free),
            ("Buffers", 0),
            ("Cached", kb(self.vm().pagecache() - swapcache)),
            ("SwapCached", kb(swapcache)),
            ("Active", kb(active)),
            ("Inactive", kb(inactive)),
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
            ("CommitLimit", kb(self.commit_limit())),
            ("Committed_AS", kb(self.vm().committed())),
            ("PageTables", counted(state.nr_page_table_pages)),
            ("VmallocTotal", 0),
            ("VmallocUsed", 0),
            ("VmallocChunk", 0),
        ]
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `vmstat_show()`.
    pub(super) fn proc_vmstat(&self) -> Vec<String> {
        let counters = self.mem.page_state().iter();
        counters
            .map(|(name, value)| format!("{name} {value}\n"))
            .collect()
    }

    /// The zones that have frames, from the lowest, each with the number of free blocks of 2^n frames
    /// for each order n. Pages in the lists of a CPU are in none of them.
    pub fn free_blocks(&self) -> Vec<(&'static str, Vec<u32>)> {
        let present = ZONES
            .into_iter()
            .filter(|(zone, _)| self.mem.zone(*zone).present_pages > 0);
        let blocks = |zone, order| self.mem.free_list(zone, order).count() as u32;
        present
            .map(|(zone, name)| {
                (
                    name,
                    (0..MAX_ORDER).map(|order| blocks(zone, order)).collect(),
                )
            })
            .collect()
    }

    /// Linux 2.6.12: `mm/page_alloc.c`, `frag_show()`.
    pub(super) fn proc_buddyinfo(&self) -> Vec<String> {
        let line = |(name, blocks): (&str, Vec<u32>)| {
            let counts: String = blocks.iter().map(|count| format!("{count:>6} ")).collect();
            format!("Node 0, zone {name:>8} {counts}\n")
        };
        self.free_blocks().into_iter().map(line).collect()
    }

    /// The swap areas. The line of the first area has the heading before it, so that there is none
    /// without that area.
    ///
    /// Linux 2.6.12: `mm/swapfile.c`, `swap_show()`.
    pub(super) fn proc_swaps(&self) -> Vec<String> {
        let line = |(number, area): (u32, &crate::kernel::mm::SwapArea)| {
            let inode = self.open_files[area.swap_file()].inode();
            let path = self.d_path(inode);
            let blanks = " ".repeat(TYPE_COLUMN.saturating_sub(path.len()).max(1));
            let is_device = self.inodes[inode].attr.mode & S_IFMT == S_IFBLK;
            let kind = if is_device { "partition" } else { "file\t" };
            let (size, used) = (kb(area.pages()), kb(area.inuse_pages()));
            let head = if number == 0 { SWAPS_HEAD } else { "" };
            format!(
                "{head}{path}{blanks}{kind}\t{size}\t{used}\t{}\n",
                area.prio()
            )
        };
        self.swap.areas().map(line).collect()
    }
}
