//! Failure injection: allocations that fail although there is memory, so that every error path of a
//! half-done operation can be taken on purpose.

use super::Kernel;
use super::mm::MapRefusal;
use crate::abi::Errno;
use crate::trace::{Allocation, CloneRefusal, CopyStage, SlabCache, TraceEvent};

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

/// An object could not be allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMemory;

impl From<NoMemory> for Errno {
    fn from(NoMemory: NoMemory) -> Self {
        Self::ENOMEM
    }
}

impl From<NoMemory> for MapRefusal {
    fn from(NoMemory: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl From<NoMemory> for CloneRefusal {
    fn from(NoMemory: NoMemory) -> Self {
        Self::NoMemory
    }
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
    pub(super) fn frame_fails(&mut self, what: Allocation) -> bool {
        let fails = strikes(&mut self.fail.frame);
        if fails {
            self.trace_injected(what);
        }
        fails
    }

    /// Allocates an object from a slab cache. Objects take no frames here, so only a fail point can
    /// make this fail.
    ///
    /// Linux 2.6.12: `mm/slab.c`, `kmem_cache_alloc()`.
    ///
    /// # Errors
    /// If a fail point makes it fail.
    pub(super) fn kmem_cache_alloc(&mut self, cache: SlabCache) -> Result<(), NoMemory> {
        if !strikes(&mut self.fail.slab) {
            return Ok(());
        }
        self.trace_injected(Allocation::Slab(cache));
        Err(NoMemory)
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
            self.trace_injected(Allocation::Slab(cache));
            return Err(NoMemory);
        }
        self.kmem_cache_alloc(cache)
    }

    fn trace_injected(&mut self, what: Allocation) {
        let current = self.current();
        self.trace(current, TraceEvent::FailInjected { what });
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
