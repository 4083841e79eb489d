//! Flushing stale translations, on this CPU and on every other that may have them.
//!
//! A CPU whose task has no address space of its own keeps the last one in CR3 ("lazy"). With
//! several CPUs, such a CPU leaves the address space altogether when asked to flush.

use crate::abi::{MmId, VirtAddr};
use crate::kernel::Kernel;
use crate::trace::{FlushScope, Stamp, TraceEvent};

impl Kernel {
    /// Flushes all translations of an address space.
    ///
    /// Linux 2.6.12: `include/asm-i386/tlbflush.h`, `flush_tlb_mm()` (one CPU), and
    /// `arch/i386/kernel/smp.c`, `flush_tlb_mm()` (several).
    pub(super) fn flush_tlb_mm(&mut self, mm: MmId) {
        self.flush_tlb(mm, FlushScope::Mm, VirtAddr(0));
    }

    /// Flushes the translation of one page of an address space.
    ///
    /// Linux 2.6.12: `include/asm-i386/tlbflush.h`, `flush_tlb_page()` (one CPU), and
    /// `arch/i386/kernel/smp.c`, `flush_tlb_page()` (several).
    pub(super) fn flush_tlb_page(&mut self, mm: MmId, addr: VirtAddr) {
        self.flush_tlb(mm, FlushScope::Page, addr);
    }

    fn flush_tlb(&mut self, mm: MmId, scope: FlushScope, addr: VirtAddr) {
        let this_cpu = self.this_cpu;
        let others = self.mms[mm].cpu_vm_mask & !(1 << this_cpu);
        self.flush_tlb_on(this_cpu, mm, scope, addr);
        for cpu in (0..self.cpus.len()).filter(|cpu| others >> cpu & 1 != 0) {
            self.flush_tlb_on(cpu, mm, scope, addr);
        }
    }

    /// What a CPU does, by itself or when another one sends it the interrupt.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/smp.c`, `smp_invalidate_interrupt()`.
    fn flush_tlb_on(&mut self, cpu: usize, mm: MmId, scope: FlushScope, addr: VirtAddr) {
        let task = self.task(self.sched.current(cpu));
        // Whoever has loaded another address space since has flushed this one by loading it.
        if task.active_mm != Some(mm) {
            return;
        }
        // A lazy CPU needs no user translations at all. Leaving spares it the next requests.
        if task.mm().is_none() && self.cpus.len() > 1 {
            return self.leave_mm(cpu, mm);
        }
        let mmu = &mut self.cpus[cpu].mmu;
        match scope {
            FlushScope::Page => mmu.invlpg(addr),
            FlushScope::Mm | FlushScope::Cr3 => {
                mmu.load_cr3(mmu.cr3);
                self.stat.cr3_loads += 1;
            }
        }
        self.note_flush(cpu, scope, addr);
    }

    /// A lazy CPU switches to the kernel's own page directory, and gets no further flush requests.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/smp.c`, `leave_mm()`.
    fn leave_mm(&mut self, cpu: usize, mm: MmId) {
        self.mms[mm].cpu_vm_mask &= !(1 << cpu);
        self.load_cr3(cpu, self.init_mm);
    }

    /// Loads CR3 of a CPU with the page directory of an address space.
    pub(super) fn load_cr3(&mut self, cpu: usize, mm: MmId) {
        self.cpus[cpu].mmu.load_cr3(self.mms[mm].pgd.phys());
        self.stat.cr3_loads += 1;
        self.note_flush(cpu, FlushScope::Cr3, VirtAddr(0));
    }

    fn note_flush(&mut self, cpu: usize, scope: FlushScope, addr: VirtAddr) {
        self.stat.tlb_flushes += 1;
        let task = self.sched.get(self.sched.current(cpu));
        let stamp = Stamp {
            tick: self.tick,
            cpu: cpu as u8,
            pid: task.pid,
            name: task.name,
        };
        self.log.emit(stamp, TraceEvent::TlbFlush { scope, addr });
    }
}
