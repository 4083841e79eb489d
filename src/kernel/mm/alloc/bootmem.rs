//! The allocator used during boot: which frames are taken before the page allocator exists, and the
//! order in which it is given the rest. That order decides what the first free lists look like.
//!
//! | frames | what |
//! |---|---|
//! | 0 | BIOS data |
//! | 0xa0..0x100 | video memory and BIOS: not RAM |
//! | 0x100..0x300 | kernel image; its last part holds `swapper_pg_dir`, `empty_zero_page`, the vsyscall page with its page table and, at the very end, the first page table |
//! | 0x300.. | the bitmap of this allocator, freed last, and one frame that is never freed |
//! | 0x1000.., or the lowest that fit | `mem_map`, 32 bytes a frame |
//!
//! Simplified: the image has a fixed size, and other boot-time allocations (hash tables, wait
//! queues, resources, the start code of further CPUs, a BIOS data area below 0xa0) are left out.

use std::ops::Range;

use crate::abi::{PAGE_SIZE, Pfn};

/// The kernel's page directory, first in the image's bss.
pub const SWAPPER_PG_DIR: Pfn = Pfn(0x2c0);
/// The zero page, which all untouched anonymous memory reads from; next to it.
pub const EMPTY_ZERO_PAGE: Pfn = Pfn(0x2c1);

/// The page table of the fixed addresses at the top of memory.
pub const FIXMAP_TABLE: Pfn = Pfn(0x2c2);
/// The page with the system call entry that user programs see at 0xffffe000.
pub const VSYSCALL_PAGE: Pfn = Pfn(0x2c3);

const VIDEO_AND_BIOS: Range<u32> = 0xa0..0x100;
const HIGH_MEMORY: u32 = 0x100;
const MIN_LOW_PFN: u32 = 0x300;
/// Bootmem prefers frames from here on (16 MiB), to spare those that ISA DMA can reach.
const GOAL: u32 = super::zone::MAX_DMA_PFN;
/// `sizeof(struct page)` on i386 without highmem, bytes.
const SIZEOF_PAGE: u32 = 32;
/// Frames in one word of the bitmap: such a group is freed as one block if it is entirely free.
const GROUP_ORDER: u32 = 5;

/// The boot allocator's bitmap: true = not available.
pub struct Bootmem {
    reserved: Vec<bool>,
}

impl Bootmem {
    /// The bitmap at the moment the page allocator takes over.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/setup.c`, `setup_bootmem_allocator()`, and `mm/page_alloc.c`,
    /// alloc_node_mem_map().
    pub fn setup(frames: u32) -> Self {
        let mut bootmem = Self {
            reserved: vec![false; frames as usize],
        };
        bootmem.reserve(0..1);
        bootmem.reserve(VIDEO_AND_BIOS);
        // The size is rounded up to frames twice, so one more than the bitmap needs is taken.
        let bitmap_bytes = frames.div_ceil(8).next_multiple_of(4);
        bootmem
            .reserve(HIGH_MEMORY..MIN_LOW_PFN + (bitmap_bytes + 2 * (PAGE_SIZE - 1)) / PAGE_SIZE);
        // Linux counts one descriptor more than there are frames.
        bootmem.alloc(((frames + 1) * SIZEOF_PAGE).div_ceil(PAGE_SIZE));
        bootmem
    }

    /// Calls `free` with each block (first frame, order) in the order in which Linux frees them:
    /// ascending, aligned groups of 32 free frames as one block and all others one by one, and
    /// the bitmap at the end.
    ///
    /// Linux 2.6.12: `mm/bootmem.c`, `free_all_bootmem_core()`.
    pub fn free_all_bootmem(&self, mut free: impl FnMut(Pfn, u32)) {
        let frames = self.reserved.len() as u32;
        for start in (0..frames).step_by(1 << GROUP_ORDER) {
            let end = frames.min(start + (1 << GROUP_ORDER));
            let group = &self.reserved[start as usize..end as usize];
            if group.len() == 1 << GROUP_ORDER && !group.contains(&true) {
                free(Pfn(start), GROUP_ORDER);
                continue;
            }
            let singles = (start..end).zip(group).filter(|(_, reserved)| !**reserved);
            singles.for_each(|(pfn, _)| free(Pfn(pfn), 0));
        }
        let bitmap_frames = (frames / 8).div_ceil(PAGE_SIZE);
        (MIN_LOW_PFN..MIN_LOW_PFN + bitmap_frames).for_each(|pfn| free(Pfn(pfn), 0));
    }

    /// Linux 2.6.12: `mm/bootmem.c`, `reserve_bootmem_core()`.
    fn reserve(&mut self, range: Range<u32>) {
        self.reserved[range.start as usize..range.end as usize].fill(true);
    }

    /// Takes the first run of `count` free frames from the goal on, or else from the bottom.
    ///
    /// Linux 2.6.12: `mm/bootmem.c`, `__alloc_bootmem_core()`.
    fn alloc(&mut self, count: u32) {
        let frames = self.reserved.len() as u32;
        let fits =
            |&start: &u32| !self.reserved[start as usize..(start + count) as usize].contains(&true);
        let last_start = frames.saturating_sub(count);
        let run = (GOAL..=last_start)
            .find(fits)
            .or_else(|| (0..=last_start).find(fits));
        let start = run.expect("every supported machine has room for its mem_map");
        self.reserve(start..start + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of reserved frames.
    fn reserved(frames: u32) -> Vec<Range<u32>> {
        let bootmem = Bootmem::setup(frames);
        let mut runs: Vec<Range<u32>> = Vec::new();
        for pfn in (0..frames).filter(|&pfn| bootmem.reserved[pfn as usize]) {
            match runs.last_mut() {
                Some(run) if run.end == pfn => run.end += 1,
                _ => runs.push(pfn..pfn + 1),
            }
        }
        runs
    }

    #[test]
    fn mem_map_lies_from_16_mib_on_or_else_where_it_first_fits() {
        // The hole below 1 MiB, the image, the bitmap and the frame behind it are one run.
        let table = [
            // 4 MiB: 9 frames, right after frame 0
            (0x400, vec![0..10, 0xa0..0x302]),
            // 16 MiB: there is nothing beyond 16 MiB
            (0x1000, vec![0..34, 0xa0..0x302]),
            // 16 MiB + 16 KiB: beyond 16 MiB it does not fit
            (0x1004, vec![0..34, 0xa0..0x302]),
            // 64 MiB: 129 frames, because of the one descriptor too many
            (0x4000, vec![0..1, 0xa0..0x302, 0x1000..0x1081]),
            // 896 MiB: a bitmap of 7 frames
            (0x38000, vec![0..1, 0xa0..0x308, 0x1000..0x1701]),
        ];
        for (frames, expected) in table {
            assert_eq!(reserved(frames), expected, "{frames:#x} frames");
        }
    }

    #[test]
    fn whole_groups_are_freed_as_blocks_and_the_bitmap_last() {
        let mut blocks = Vec::new();
        Bootmem::setup(0x403).free_all_bootmem(|pfn, order| blocks.push((pfn.0, order)));

        let mut expected: Vec<_> = (10..32).map(|pfn| (pfn, 0)).collect();
        expected.extend([32, 64, 96, 128].map(|pfn| (pfn, 5)));
        expected.extend((0x302..0x320).map(|pfn| (pfn, 0)));
        expected.extend((0x320..0x400).step_by(32).map(|pfn| (pfn, 5)));
        expected.extend([0x400, 0x401, 0x402, 0x300].map(|pfn| (pfn, 0)));
        assert_eq!(blocks, expected);
    }
}
