//! The address space of a process, `mm_struct`: its areas, its page directory and its counters.

use super::vma::{VmFlags, Vma};
use crate::abi::{InodeId, Pfn, TaskId, VirtAddr};
use getset::CopyGetters;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// In which direction gaps for mappings are searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MmLayout {
    /// Downwards from below the stack.
    #[default]
    TopDown,
    /// Upwards from 0x40000000: the legacy layout, used when the stack has no limit.
    BottomUp,
}

/// An address space. Sizes are in pages, addresses in bytes.
#[derive(Clone, Debug, Default, CopyGetters)]
pub struct Mm {
    /// Tasks that use it.
    #[getset(get_copy = "pub")]
    pub(super) mm_users: u32,
    /// References: one for all users together, and one for each kernel task that borrows it.
    #[getset(get_copy = "pub")]
    pub(super) mm_count: u32,
    /// Its page directory.
    #[getset(get_copy = "pub")]
    pub(super) pgd: Pfn,
    /// The areas by their `vm_end`, so that `find_vma` is one look-up.
    pub(super) vmas: BTreeMap<u32, Vma>,
    /// Pages mapped, not counting the zero page.
    #[getset(get_copy = "pub")]
    pub(super) rss: u32,
    /// By how much `rss` exceeds the pages mapped, because reclaim counts wrongly.
    #[getset(get_copy = "pub")]
    pub(super) rss_surplus: u32,
    /// Of these, anonymous pages.
    #[getset(get_copy = "pub")]
    pub(super) anon_rss: u32,
    /// Size of all areas.
    #[getset(get_copy = "pub")]
    pub(super) total_vm: u32,
    /// Size of the stacks.
    #[getset(get_copy = "pub")]
    pub(super) stack_vm: u32,
    /// Size of the areas that map files.
    #[getset(get_copy = "pub")]
    pub(super) shared_vm: u32,
    /// Size of the executable areas that map files.
    #[getset(get_copy = "pub")]
    pub(super) exec_vm: u32,
    /// Size of the areas with `VM_RESERVED`.
    #[getset(get_copy = "pub")]
    pub(super) reserved_vm: u32,
    /// Size of the locked areas.
    #[getset(get_copy = "pub")]
    pub(super) locked_vm: u32,
    /// Flags of every new area: `VM_LOCKED` after `mlockall(MCL_FUTURE)`.
    pub(super) def_flags: VmFlags,
    /// Number of page tables.
    #[getset(get_copy = "pub")]
    pub(super) nr_ptes: u32,
    /// In which direction gaps are searched.
    pub(super) layout: MmLayout,
    /// Where a top-down search begins.
    pub(super) mmap_base: u32,
    /// Where the last search ended.
    pub(super) free_area_cache: u32,
    /// Start of the program text.
    pub start_code: u32,
    /// End of the program text.
    pub end_code: u32,
    /// Start of the program data.
    pub start_data: u32,
    /// End of the program data.
    pub end_data: u32,
    /// Start of the heap.
    pub start_brk: u32,
    /// End of the heap, which `brk` moves.
    pub brk: u32,
    /// `esp` at the program's first instruction.
    pub start_stack: u32,
    /// Where the arguments of the program begin in memory, and where they end.
    pub args: (u32, u32),
    /// The same of its environment.
    pub env: (u32, u32),
    /// The auxiliary vector of an ELF program, for `/proc/PID/auxv`; empty for others.
    pub saved_auxv: Vec<u32>,
    /// CPUs that may have translations of it, one bit each.
    pub(super) cpu_vm_mask: u32,
    /// Whether other tasks may look into it, and whether a core file may be made of it.
    pub dumpable: bool,
    /// The core dump in progress.
    pub core: Option<CoreDump>,
    /// The program it runs; holds a reference.
    #[getset(get_copy = "pub")]
    pub(super) exe: Option<InodeId>,
}

/// A core dump in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreDump {
    /// The task that dumps.
    pub dumper: TaskId,
    /// `core_waiters`: how many users the dump still waits for.
    pub waiters: u32,
}

impl Mm {
    /// The areas, in ascending order.
    pub fn areas(&self) -> impl Iterator<Item = &Vma> {
        self.vmas.values()
    }

    /// The number of areas.
    pub fn map_count(&self) -> usize {
        self.vmas.len()
    }

    /// The first area that ends above the address; it need not contain the address.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `find_vma()`.
    #[inline]
    pub fn find_vma(&self, addr: VirtAddr) -> Option<&Vma> {
        self.vmas
            .range((Excluded(addr.0), Unbounded))
            .next()
            .map(|(_, vma)| vma)
    }

    /// The last area that ends at or below the address.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, the `pprev` of `find_vma_prev()`.
    pub(super) fn find_prev(&self, addr: VirtAddr) -> Option<&Vma> {
        self.vmas.range(..=addr.0).next_back().map(|(_, vma)| vma)
    }

    /// Whether an area overlaps `[start, end)`.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `find_vma_intersection()`.
    pub fn intersects(&self, start: u32, end: u32) -> bool {
        self.find_vma(VirtAddr(start))
            .is_some_and(|vma| vma.vm_start < end)
    }

    /// Inserts an area.
    pub(super) fn insert_vma(&mut self, vma: Vma) {
        self.vmas.insert(vma.vm_end, vma);
    }

    /// Adds a number of pages of an area, which may be negative, to all sizes that they count in.
    pub(super) fn account(&mut self, vma: &Vma, pages: i32) {
        self.total_vm = self.total_vm.wrapping_add_signed(pages);
        if vma.has(VmFlags::LOCKED) {
            self.locked_vm = self.locked_vm.wrapping_add_signed(pages);
        }
        self.vm_stat_account(vma, pages);
    }

    /// Adds a number of pages, which may be negative, to the sizes of this kind of area.
    ///
    /// Linux 2.6.12: `mm/mmap.c`, `__vm_stat_account()`.
    pub(super) fn vm_stat_account(&mut self, vma: &Vma, pages: i32) {
        let change = |count: &mut u32| *count = count.wrapping_add_signed(pages);
        if vma.vm_file.is_some() {
            change(&mut self.shared_vm);
            if vma.vm_flags & (VmFlags::EXEC | VmFlags::WRITE) == VmFlags::EXEC {
                change(&mut self.exec_vm);
            }
        } else if vma.has(VmFlags::GROWSDOWN) {
            change(&mut self.stack_vm);
        }
        if vma.vm_flags.intersects(VmFlags::RESERVED | VmFlags::IO) {
            change(&mut self.reserved_vm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::FileId;

    /// `mm/mmap.c`, `__vm_stat_account()`: shared, exec, stack, reserved.
    #[test]
    fn what_an_area_counts_as() {
        for (flags, of_file, expected) in [
            (VmFlags::READ, false, [0, 0, 0, 0]),
            (VmFlags::GROWSDOWN, false, [0, 0, 5, 0]),
            (VmFlags::IO, false, [0, 0, 0, 5]),
            (VmFlags::RESERVED | VmFlags::GROWSDOWN, false, [0, 0, 5, 5]),
            (VmFlags::READ, true, [5, 0, 0, 0]),
            (VmFlags::EXEC | VmFlags::READ, true, [5, 5, 0, 0]),
            (VmFlags::EXEC | VmFlags::WRITE, true, [5, 0, 0, 0]),
            (VmFlags::GROWSDOWN, true, [5, 0, 0, 0]),
        ] {
            let vma = Vma {
                vm_file: of_file.then(FileId::default),
                ..Vma::anonymous(0x1000, 0x6000, flags)
            };
            let mut mm = Mm::default();
            mm.vm_stat_account(&vma, 5);
            let counts = |mm: &Mm| [mm.shared_vm, mm.exec_vm, mm.stack_vm, mm.reserved_vm];
            assert_eq!(counts(&mm), expected, "{flags:?}");
            mm.vm_stat_account(&vma, -5);
            assert_eq!(counts(&mm), [0; 4], "{flags:?}");
        }
    }
}
