//! Failure injection: allocations that get no memory although there is some, so that every way out
//! of a half-done operation can be taken on purpose.

use super::Kernel;
use crate::trace::{Allocation, CopyStage, NoMemory, SlabCache, TraceEvent};

/// The steps of `copy_process` that allocate an object of their own, and its kind.
pub const COPY_STEPS: [(CopyStage, SlabCache); 8] = [
    (CopyStage::TaskStruct, SlabCache::TaskStruct),
    (CopyStage::SemUndo, SlabCache::SemUndo),
    (CopyStage::Files, SlabCache::Files),
    (CopyStage::Fs, SlabCache::Fs),
    (CopyStage::Sighand, SlabCache::Sighand),
    (CopyStage::Signal, SlabCache::Signal),
    (CopyStage::Mm, SlabCache::Mm),
    (CopyStage::Namespace, SlabCache::Namespace),
];

/// Sets a fail point, or with `None` lets go of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailPoint {
    /// So many allocations of frames pass, and the one after them fails.
    Frame(Option<u64>),
    /// The same for objects out of the slab caches.
    Slab(Option<u64>),
    /// The next allocation that this step of `copy_process` makes. A step that shares allocates
    /// nothing and leaves the point as it is.
    Copy(Option<CopyStage>),
}

/// The fail points that are set. Each acts once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FailPoints {
    frame: Option<u64>,
    slab: Option<u64>,
    copy: Option<CopyStage>,
}

/// Whether the countdown ends here. Passes are counted down.
fn strikes(countdown: &mut Option<u64>) -> bool {
    let strikes = *countdown == Some(0);
    *countdown = countdown.and_then(|passes| passes.checked_sub(1));
    strikes
}

impl FailPoints {
    /// Sets a point or lets go of it.
    pub const fn set(&mut self, point: FailPoint) {
        match point {
            FailPoint::Frame(passes) => self.frame = passes,
            FailPoint::Slab(passes) => self.slab = passes,
            FailPoint::Copy(stage) => self.copy = stage,
        }
    }

    /// Lets go of all points.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a point is set that has not acted yet.
    pub fn is_armed(&self) -> bool {
        *self != Self::default()
    }

    fn copy_strikes(&mut self, stage: CopyStage) -> bool {
        let strikes = self.copy == Some(stage);
        if strikes {
            self.copy = None;
        }
        strikes
    }
}

impl Kernel {
    /// Whether the allocation of frames at hand is made to fail; the trace says so.
    ///
    /// # Errors
    /// It is.
    pub(super) fn should_fail_frame(&mut self, what: Allocation) -> Result<(), NoMemory> {
        if strikes(&mut self.fail.frame) {
            return Err(self.forced(what));
        }
        Ok(())
    }

    /// An object out of a slab cache. The objects take no frames here, so that only a fail point
    /// lets this fail.
    ///
    /// Linux 2.6.12: `mm/slab.c`, `kmem_cache_alloc()`.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn kmem_cache_alloc(&mut self, cache: SlabCache) -> Result<(), NoMemory> {
        if strikes(&mut self.fail.slab) {
            return Err(self.forced(Allocation::Slab(cache)));
        }
        Ok(())
    }

    /// The object that a step of `copy_process` makes for the new task.
    ///
    /// # Errors
    /// No memory.
    pub(super) fn copy_alloc(&mut self, stage: CopyStage) -> Result<(), NoMemory> {
        let Some((_, cache)) = COPY_STEPS.into_iter().find(|(step, _)| *step == stage) else {
            return Ok(());
        };
        if self.fail.copy_strikes(stage) {
            return Err(self.forced(Allocation::Slab(cache)));
        }
        self.kmem_cache_alloc(cache)
    }

    fn forced(&mut self, what: Allocation) -> NoMemory {
        let current = self.current();
        self.trace(current, TraceEvent::FailInjected { what });
        NoMemory::Forced(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_strikes_once_after_so_many_passes() {
        for passes in 0..3 {
            let mut countdown = Some(passes);
            let struck = [(); 5].map(|()| strikes(&mut countdown));
            assert_eq!(struck.iter().position(|&s| s), Some(passes as usize));
            assert_eq!(struck.iter().filter(|&&s| s).count(), 1);
            assert_eq!(countdown, None);
        }
        assert!(!strikes(&mut None));
    }

    #[test]
    fn a_step_strikes_once_and_only_itself() {
        let mut points = FailPoints::default();
        points.set(FailPoint::Copy(Some(CopyStage::Fs)));
        assert!(points.is_armed());
        assert!(!points.copy_strikes(CopyStage::Files));
        assert!(points.copy_strikes(CopyStage::Fs));
        assert!(!points.copy_strikes(CopyStage::Fs) && !points.is_armed());
    }
}
