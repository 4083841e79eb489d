//! The lifetime of an address space, from its first to its last reference.

use super::PageAllocator;
use super::alloc::{FIXMAP_TABLE, VSYSCALL_PAGE};
use super::mm_struct::Mm;
use super::pagetable::{KERNEL_ENTRIES, PAGE_TABLE};
use super::vsyscall::{VSYSCALL, vsyscall_page};
use crate::abi::{MmId, Pfn, TaskId};
use crate::hw::{CR0_PE, CR0_PG, CR0_WP, CR4_PGE, CR4_PSE, Cpu, Pde, Pte, Ram, pde_phys, pte_phys};
use crate::kernel::Kernel;
use crate::kernel::arena::Arena;

/// Low bits of the kernel's 4 MiB entries: global, dirty, accessed, writable, supervisor only.
const KERNEL_LARGE_PAGE: u32 = 0x1e3;
/// Low bits of the entry of a page that user mode may only read.
const PAGE_READONLY: u32 = 0x025;
/// Frames that a 4 MiB page maps.
const LARGE_PAGE_FRAMES: u32 = 1 << 10;

/// Builds the kernel's own address space, which maps all RAM at 0xC0000000 with 4 MiB pages, and
/// loads it into every CPU.
///
/// Linux 2.6.12: `arch/i386/mm/init.c`, `kernel_physical_mapping_init()` and `paging_init()`.
pub(in crate::kernel) fn mm_init(
    ram: &mut Ram,
    mem: &mut PageAllocator,
    cpus: &mut [Cpu],
    mms: &mut Arena<MmId, Mm>,
) -> MmId {
    let pgd = mem.swapper_pg_dir();
    let large_pages = ram.frames().div_ceil(LARGE_PAGE_FRAMES);
    for page in 0..large_pages {
        let pde = Pde::new(Pfn(page * LARGE_PAGE_FRAMES), KERNEL_LARGE_PAGE);
        ram.write_u32(pgd.phys() + KERNEL_ENTRIES as u32 + 4 * page, pde.0);
    }
    map_vsyscall_page(ram, pgd);
    for cpu in cpus.iter_mut() {
        cpu.mmu.set_cr4(CR4_PSE | CR4_PGE);
        cpu.mmu.set_cr0(CR0_PG | CR0_WP | CR0_PE);
        cpu.mmu.load_cr3(pgd.phys());
    }
    let cpu_vm_mask = (1 << cpus.len()) - 1;
    mms.insert(Mm {
        // Nobody drops these two, with which `init_mm` starts: it is never freed.
        mm_users: 2,
        mm_count: 1,
        pgd,
        cpu_vm_mask,
        ..Mm::default()
    })
}

/// Maps the vsyscall page, the only kernel page that user mode may read. Its directory entry
/// permits user access, and is copied into every address space with the kernel's half.
///
/// Linux 2.6.12: `arch/i386/kernel/sysenter.c`, `sysenter_setup()`.
fn map_vsyscall_page(ram: &mut Ram, pgd: Pfn) {
    let pde = Pde::new(FIXMAP_TABLE, PAGE_TABLE);
    ram.write_u32(pde_phys(pgd.phys(), VSYSCALL), pde.0);
    let pte = Pte::new(VSYSCALL_PAGE, PAGE_READONLY);
    ram.write_u32(pte_phys(FIXMAP_TABLE, VSYSCALL), pte.0);
    ram.frame_mut(VSYSCALL_PAGE)
        .copy_from_slice(&vsyscall_page());
}

impl Kernel {
    /// Takes a reference as a user of an address space.
    pub(in crate::kernel) fn mmget(&mut self, mm: MmId) {
        self.mms[mm].mm_users += 1;
    }

    /// Takes a reference to the structure alone, which keeps no memory mapped.
    ///
    /// Linux 2.6.12: `kernel/futex.c`, the counting of `get_key_refs()`.
    pub(in crate::kernel) fn mmgrab(&mut self, mm: MmId) {
        self.mms[mm].mm_count += 1;
    }

    /// Drops such a reference; the last one unmaps everything.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `mmput()`.
    pub(in crate::kernel) fn mmput(&mut self, mm: MmId) {
        self.mms[mm].mm_users -= 1;
        if self.mms[mm].mm_users == 0 {
            // All users together hold one reference. The directory must outlive the unmapping, and
            // any kernel task that still runs on it.
            self.exit_mmap(mm);
            self.mmdrop(mm);
        }
    }

    /// Drops a reference; the last one frees the page directory.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `mmdrop()`.
    pub(in crate::kernel) fn mmdrop(&mut self, mm: MmId) {
        self.mms[mm].mm_count -= 1;
        if self.mms[mm].mm_count == 0 {
            self.free_frames(self.mms[mm].pgd, 0);
            self.mms.remove(mm);
        }
    }

    /// Makes an address space a task's own, and what it has in CR3 from now on.
    pub(in crate::kernel) fn set_mm(&mut self, task: TaskId, mm: MmId) {
        self.task_mut(task).active_mm = Some(mm);
        self.set_task_mm(task, Some(mm));
    }

    /// Switches the current task to the address space of its new program.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `exec_mmap()`, after `mm_release()`.
    pub(in crate::kernel) fn exec_mmap(&mut self, current: TaskId, mm: MmId) {
        let task = self.task(current);
        let (old, active) = (task.mm(), task.active_mm);
        self.set_mm(current, mm);
        // The CPU leaves the old address space before its reference is dropped, because the page
        // directory in CR3 may be freed with it.
        self.switch_mm(active.unwrap_or(self.init_mm), mm);
        match (old, active) {
            (Some(old), _) => self.mmput(old),
            (None, Some(borrowed)) => self.mmdrop(borrowed),
            (None, None) => {}
        }
    }

    /// Drops the current task's address space. It stays in CR3 until the next task switch, and its
    /// page directory lives as long.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `exit_mm()`, after `mm_release()`.
    pub(in crate::kernel) fn exit_mm_drop(&mut self, task: TaskId) {
        let Some(mm) = self.task(task).mm() else {
            return;
        };
        self.set_task_mm(task, None);
        // From a user the task becomes a borrower. It takes its new reference first, or else
        // dropping the old one could free the page directory that is in CR3.
        self.mms[mm].mm_count += 1;
        self.mmput(mm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{PAGE_SIZE, TASK_SIZE, VirtAddr};
    use crate::hw::{Access, ErrorCode, Mode};
    use crate::kernel::boot::Config;

    /// The kernel reaches each byte of RAM at its physical address plus 3 GiB, and behind that
    /// nothing; user mode reaches none of it.
    #[test]
    fn the_kernel_maps_all_memory_in_one_piece() {
        for mib in [4, 6, 64, 896] {
            let config = Config {
                mem: mib << 20,
                ..Config::default()
            };
            let kernel = Kernel::boot(config).unwrap();
            let predict = |phys: u32, access| {
                let va = VirtAddr(TASK_SIZE + phys);
                kernel.cpus[0].mmu.predict(&kernel.ram, va, access)
            };
            let size = mib << 20;
            let starts = (0..size).step_by((LARGE_PAGE_FRAMES * PAGE_SIZE) as usize);
            for phys in starts.flat_map(|start| [start, start + 0x1f_f123]) {
                let reached = predict(phys, Access::write(Mode::Supervisor));
                assert_eq!(reached, Ok(phys), "{mib} MiB");
                let refused = ErrorCode(ErrorCode::PRESENT | ErrorCode::USER);
                assert_eq!(predict(phys, Access::read(Mode::User)), Err(refused));
            }
            let behind = size.next_multiple_of(LARGE_PAGE_FRAMES * PAGE_SIZE);
            let nothing = predict(behind, Access::read(Mode::Supervisor));
            assert_eq!(nothing, Err(ErrorCode(0)), "{mib} MiB");
        }
    }
}
