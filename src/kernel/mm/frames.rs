//! Allocating and freeing page frames for the rest of the kernel, with the events for the trace.

use super::alloc::{Caller, Gfp, Watermark, ZoneIdx};
use super::oom_kill::Outcome;
use crate::abi::{PfFlags, Pfn};
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
        let gfp = match usage {
            FrameUse::User | FrameUse::Cache | FrameUse::Pipe => Gfp::HIGHUSER,
            FrameUse::PageTable | FrameUse::PageDir | FrameUse::KernelStack => Gfp::KERNEL,
        };
        self.alloc_frame_with(order, usage, gfp)
    }

    /// The same with other flags than usual.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(super) fn alloc_frame_with(
        &mut self,
        order: u8,
        usage: FrameUse,
        gfp: Gfp,
    ) -> Result<Pfn, NoMemory> {
        // Before the allocator is asked, so that an injected failure leaves its lists as they were.
        self.should_fail_frame(Allocation::Frame(usage))?;
        let pages = self.alloc_pages(u32::from(order), gfp);
        let pfn = pages.ok_or(NoMemory::NoFrame)?;
        self.stat.frames_allocated += 1 << order;
        self.trace_current(TraceEvent::PageAlloc { pfn, order, usage });
        Ok(pfn)
    }

    /// 2^`order` frames. If too few are free, kswapd is woken, then the caller frees pages itself,
    /// and at last somebody is killed.
    ///
    /// Linux 2.6.12: `mm/page_alloc.c`, `__alloc_pages()`.
    #[inline]
    fn alloc_pages(&mut self, order: u32, gfp: Gfp) -> Option<Pfn> {
        let found = self.get_page(order, gfp, Watermark::Low);
        found.or_else(|| self.alloc_pages_in_need(order, gfp))
    }

    #[cold]
    fn alloc_pages_in_need(&mut self, order: u32, gfp: Gfp) -> Option<Pfn> {
        loop {
            self.wakeup_kswapd_for(gfp, order);
            let found = self.get_page(order, gfp, Watermark::Min);
            if found.is_some() || !gfp.contains(Gfp::WAIT) {
                return found;
            }
            if self.may_use_reserves() {
                return self.get_page(order, gfp, Watermark::Ignored);
            }
            // cond_resched(): kswapd goes first, if this has woken it.
            self.kswapd_runs_meanwhile();
            if let Some(pfn) = self.reclaim_for(order, gfp) {
                return Some(pfn);
            }
            if self.out_of_memory() == Outcome::Nobody {
                return None;
            }
            if let Some(pfn) = self.get_page(order, gfp, Watermark::Low) {
                return Some(pfn);
            }
        }
    }

    /// Frees pages until there is a block, or no more can be freed.
    fn reclaim_for(&mut self, order: u32, gfp: Gfp) -> Option<Pfn> {
        let zones = self.mem.zonelist(gfp);
        while self.direct_reclaim(zones, gfp, order) {
            let found = self.get_page(order, gfp, Watermark::Min);
            if found.is_some() {
                return found;
            }
            self.nap();
        }
        // Somebody else may have freed much meanwhile.
        self.get_page(order, gfp, Watermark::High)
    }

    fn direct_reclaim(&mut self, zones: &[ZoneIdx], gfp: Gfp, order: u32) -> bool {
        let current = self.current();
        self.task_mut(current).flags |= PfFlags::MEMALLOC;
        let enough = self.try_to_free_pages(zones, gfp, order as u8);
        self.task_mut(current).flags -= PfFlags::MEMALLOC;
        enough
    }

    fn get_page(&mut self, order: u32, gfp: Gfp, level: Watermark) -> Option<Pfn> {
        let caller = self.caller();
        self.mem
            .get_page_from_zonelist(self.this_cpu, order, gfp, level, caller)
    }

    /// Realtime tasks may go deeper into the reserve.
    fn caller(&self) -> Caller {
        if self.sched.get(self.current()).is_rt() {
            Caller::Realtime
        } else {
            Caller::Ordinary
        }
    }

    /// Whether the current task may take the last frames: it frees others with them.
    fn may_use_reserves(&self) -> bool {
        let current = self.current();
        let reclaims = self.task(current).flags().contains(PfFlags::MEMALLOC);
        reclaims || self.is_memdie(current)
    }

    /// Wakes kswapd for each zone that has too few free frames even for callers that could use no
    /// other.
    fn wakeup_kswapd_for(&mut self, gfp: Gfp, order: u32) {
        for idx in self.mem.zonelist(gfp) {
            let zone = self.mem.zone(*idx);
            let low = zone.pages_low.cast_signed();
            let short = zone.zone_watermark_ok(order, low, ZoneIdx::Dma).is_err();
            if zone.present_pages > 0 && short {
                self.wakeup_kswapd(order);
            }
        }
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
