//! Failure injection: allocations that fail although there is memory, so that every error path of a
//! half-done operation can be taken on purpose.

use super::Kernel;
use crate::trace::{Allocation, CopyStage, NoMemory, SlabCache, TraceEvent};

/// The steps of `copy_process` that allocate an object of their own, and the kind of object.
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

/// Sets a fail point, or turns it off with `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailPoint {
    /// That many frame allocations succeed, and the next one fails.
    Frame(Option<u64>),
    /// The same for objects from the slab caches.
    Slab(Option<u64>),
    /// The next allocation made by this step of `copy_process` fails. A step that shares allocates
    /// nothing and leaves the fail point set.
    Copy(Option<CopyStage>),
}

/// The fail points that are set. Each acts once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FailPoints {
    frame: Option<u64>,
    slab: Option<u64>,
    copy: Option<CopyStage>,
}

/// Whether the countdown ends here; otherwise it is decremented.
fn strikes(countdown: &mut Option<u64>) -> bool {
    let strikes = *countdown == Some(0);
    *countdown = countdown.and_then(|passes| passes.checked_sub(1));
    strikes
}

impl FailPoints {
    /// Sets a fail point or turns it off.
    pub const fn set(&mut self, point: FailPoint) {
        match point {
            FailPoint::Frame(passes) => self.frame = passes,
            FailPoint::Slab(passes) => self.slab = passes,
            FailPoint::Copy(stage) => self.copy = stage,
        }
    }

    /// Turns all fail points off.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a fail point is set that has not acted yet.
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
    /// Whether this frame allocation is made to fail, which is traced.
    ///
    /// # Errors
    /// It is.
    pub(super) fn should_fail_frame(&mut self, what: Allocation) -> Result<(), NoMemory> {
        if strikes(&mut self.fail.frame) {
            return Err(self.forced(what));
        }
        Ok(())
    }

    /// Allocates an object from a slab cache. Objects take no frames here, so only a fail point can
    /// make this fail.
    ///
    /// Linux 2.6.12: `mm/slab.c`, `kmem_cache_alloc()`.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(super) fn kmem_cache_alloc(&mut self, cache: SlabCache) -> Result<(), NoMemory> {
        if strikes(&mut self.fail.slab) {
            return Err(self.forced(Allocation::Slab(cache)));
        }
        Ok(())
    }

    /// Allocates the object that a step of `copy_process` creates for the new task.
    ///
    /// # Errors
    /// If a fail point makes it fail.
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
