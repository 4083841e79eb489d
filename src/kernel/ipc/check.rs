//! The invariants of semaphores (values, queues, and that no task waits needlessly) and of shared
//! memory (how many areas map a segment, and what users have locked).

use super::sem_op::{SEMVMX, waits_still};
use crate::kernel::Kernel;
use crate::kernel::mm::VmOps;
use crate::kernel::task::Continuation;
use std::collections::BTreeMap;

impl Kernel {
    /// Checks that values are in range, that every queued task is inside `semop` and could not
    /// perform its operations now, and that every task inside `semop` without a result is in the
    /// queue of its set.
    ///
    /// # Errors
    /// The first invariant that is violated, in words.
    pub(in crate::kernel) fn check_semaphores(&self) -> Result<(), String> {
        let mut queued = Vec::new();
        for (id, set) in self.sem_sets.iter() {
            if set
                .sems
                .iter()
                .any(|sem| !(0..=SEMVMX).contains(&sem.value))
            {
                return Err(format!("set {id} has an invalid value: {:?}", set.sems));
            }
            for waiter in &set.pending {
                let undo = waiter.undo.and_then(|list| self.sem_undos.get(list));
                if !waits_still(set, waiter, undo, id) {
                    return Err(format!(
                        "{waiter:?} waits for set {id} although it need not"
                    ));
                }
                queued.push((waiter.task, id));
            }
        }
        let inside =
            self.tasks
                .iter()
                .filter_map(|(task, state)| match state.in_call.continuation {
                    Some(Continuation::Semop {
                        id, result: None, ..
                    }) => Some((task, id)),
                    _ => None,
                });
        let mut inside: Vec<_> = inside.collect();
        inside.sort_unstable();
        queued.sort_unstable();
        if queued == inside {
            Ok(())
        } else {
            Err(format!(
                "{queued:?} wait for semaphores, but {inside:?} are in semop"
            ))
        }
    }

    /// Checks that each segment counts the areas that map it, and each user the pages of the
    /// segments that are locked for it.
    ///
    /// # Errors
    /// The first invariant that is violated, in words.
    pub(in crate::kernel) fn check_segments(&self) -> Result<(), String> {
        let mut attached: BTreeMap<i32, u32> = BTreeMap::new();
        for vma in self.mms.values().flat_map(crate::kernel::mm::Mm::areas) {
            if let VmOps::Segment(id) = vma.vm_ops {
                *attached.entry(id).or_default() += 1;
            }
        }
        let mut locked: BTreeMap<u32, u32> = BTreeMap::new();
        for (id, segment) in self.shm.iter() {
            let areas = attached.remove(&id).unwrap_or(0);
            if segment.nattch != areas || (areas == 0 && segment.is_doomed()) {
                return Err(format!(
                    "segment {id} is attached {areas} times: {segment:?}"
                ));
            }
            if let Some(uid) = segment.mlock_user {
                *locked.entry(uid).or_default() += segment.pages();
            }
        }
        if !attached.is_empty() {
            return Err(format!("areas map segments that are gone: {attached:?}"));
        }
        let counted: BTreeMap<u32, u32> = self.users.locked_shm_of_all().collect();
        if counted == locked {
            Ok(())
        } else {
            Err(format!(
                "users have locked {counted:?}, but segments {locked:?}"
            ))
        }
    }
}
