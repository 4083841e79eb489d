//! The invariants of semaphores: values, queues, and that no task waits needlessly.

use super::sem_op::{SEMVMX, waits_still};
use crate::kernel::Kernel;
use crate::kernel::task::Continuation;

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
}
