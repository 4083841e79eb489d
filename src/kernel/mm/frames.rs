//! Allocating and freeing page frames for the rest of the kernel, with the events for the trace.

use super::alloc::Gfp;
use crate::abi::Pfn;
use crate::kernel::Kernel;
use crate::trace::{Allocation, FrameUse, NoMemory, TraceEvent};

impl Kernel {
    /// 2^`order` frames with arbitrary contents; the first has one user.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(in crate::kernel) fn alloc_frame(
        &mut self,
        order: u8,
        usage: FrameUse,
    ) -> Result<Pfn, NoMemory> {
        // Before the allocator is asked, so that an injected failure leaves its lists as they were.
        self.should_fail_frame(Allocation::Frame(usage))?;
        let gfp = match usage {
            FrameUse::User | FrameUse::Cache | FrameUse::Pipe => Gfp::HIGHUSER,
            FrameUse::PageTable | FrameUse::PageDir | FrameUse::KernelStack => Gfp::KERNEL,
        };
        let pages = self.mem.alloc_pages(self.this_cpu, u32::from(order), gfp);
        let pfn = pages.ok_or(NoMemory::NoFrame)?;
        self.stat.frames_allocated += 1 << order;
        self.trace_current(TraceEvent::PageAlloc { pfn, order, usage });
        Ok(pfn)
    }

    /// Allocates a frame filled with zeros.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(super) fn alloc_zeroed_frame(&mut self, usage: FrameUse) -> Result<Pfn, NoMemory> {
        let pfn = self.alloc_frame(0, usage)?;
        self.ram.zero_frame(pfn);
        Ok(pfn)
    }

    /// Frees 2^`order` frames that have no other user.
    pub(in crate::kernel) fn free_frames(&mut self, pfn: Pfn, order: u8) {
        self.mem.free_pages(self.this_cpu, pfn, u32::from(order));
        self.frames_freed(pfn, order);
    }

    /// Drops a reference to a page; the last one frees it. Reserved pages stay as they are.
    pub(super) fn put_page(&mut self, pfn: Pfn) {
        if self.mem.put_page(self.this_cpu, pfn) {
            self.frames_freed(pfn, 0);
        }
    }

    pub(super) fn frames_freed(&mut self, pfn: Pfn, order: u8) {
        self.stat.frames_freed += 1 << order;
        self.trace_current(TraceEvent::PageFree { pfn, order });
    }

    /// Traces an event of the task on this CPU.
    #[inline(always)]
    pub(super) fn trace_current(&mut self, event: TraceEvent) {
        let current = self.current();
        self.trace(current, event);
    }
}
