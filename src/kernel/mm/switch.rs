//! Changing the address space of a CPU.

use crate::abi::{MmId, TaskId};
use crate::kernel::Kernel;

impl Kernel {
    /// The part of a task switch that concerns the address space. A task without one borrows that
    /// of its predecessor, and CR3 stays as it is.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `context_switch()` and what `finish_task_switch()` does with
    /// `prev_mm`.
    pub(in crate::kernel) fn context_switch_mm(&mut self, prev: TaskId, next: TaskId) {
        let borrowed_by_prev = self.task(prev).mm().is_none();
        let Some(old) = self.task(prev).active_mm else {
            return;
        };
        // `next` takes its reference before `prev` drops its own, or else a directory that two
        // kernel tasks lend each other would be freed while it is in CR3.
        match self.task(next).mm() {
            None => self.enter_lazy_tlb(old, next),
            Some(mm) => self.switch_mm(old, mm),
        }
        if borrowed_by_prev {
            self.task_mut(prev).active_mm = None;
            self.mmdrop(old);
        }
    }

    /// Lends an address space to a kernel task: the reference keeps its page directory, which the
    /// CPU goes on using, even after its last user has gone.
    ///
    /// Linux 2.6.12: `kernel/sched.c`, `context_switch()` around `enter_lazy_tlb()`.
    pub(in crate::kernel) fn enter_lazy_tlb(&mut self, mm: MmId, task: TaskId) {
        self.mms[mm].mm_count += 1;
        self.task_mut(task).active_mm = Some(mm);
    }

    /// Loads another address space into this CPU.
    ///
    /// Linux 2.6.12: `include/asm-i386/mmu_context.h`, `switch_mm()`. Between tasks of one address
    /// space CR3 stays as it is, unless this CPU has left the address space in the meantime.
    pub(super) fn switch_mm(&mut self, prev: MmId, next: MmId) {
        let cpu = self.this_cpu;
        let bit = 1 << cpu;
        // `prev` first: from then on nobody asks this CPU to flush it. The bit of `next` is set
        // before CR3 is loaded, so that no flush is missed.
        if prev != next {
            self.mms[prev].cpu_vm_mask &= !bit;
        } else if self.mms[next].cpu_vm_mask & bit != 0 {
            return;
        }
        self.mms[next].cpu_vm_mask |= bit;
        self.load_cr3(cpu, next);
    }
}
