//! What is undone when a process exits: the undo values of `SEM_UNDO`, in a list that tasks share
//! with `CLONE_SYSVSEM`.

use super::sem_op::{SEMVMX, SemOp};
use crate::abi::{Errno, SemUndoId, TaskId};
use crate::kernel::Kernel;
use crate::trace::SlabCache;

/// The undo values for one set (`struct sem_undo`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SemUndo {
    /// Id of the set.
    set: i32,
    /// `semadj`: the amount to add to each semaphore at exit.
    adjust: Vec<i32>,
}

impl SemUndo {
    /// The undo value after one more operation; `None` if it would be out of range.
    pub(super) fn after(&self, op: SemOp) -> Option<i32> {
        let adjust = self.adjust[usize::from(op.num)] - i32::from(op.op);
        (-SEMVMX - 1..=SEMVMX).contains(&adjust).then_some(adjust)
    }

    pub(super) fn note(&mut self, op: SemOp) {
        // If a call contains a semaphore twice, each operation was checked on its own, so the sum
        // is truncated to the 16 bits that the kernel keeps.
        let adjust = &mut self.adjust[usize::from(op.num)];
        *adjust = i32::from((*adjust - i32::from(op.op)) as i16);
    }
}

/// A list of undo values (`struct sem_undo_list`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SemUndoList {
    /// `refcnt`: number of tasks that share it.
    refcnt: u32,
    /// One entry per set, the latest first.
    sets: Vec<SemUndo>,
}

impl SemUndoList {
    /// A list with one user and nothing to undo.
    const fn new() -> Self {
        Self {
            refcnt: 1,
            sets: Vec::new(),
        }
    }

    /// `refcnt`: how many tasks share it.
    pub const fn refcnt(&self) -> u32 {
        self.refcnt
    }

    /// The amounts that exit adds to the semaphores of a set; `None` if there is nothing to undo.
    pub fn adjust(&self, id: i32) -> Option<&[i32]> {
        let undo = self.sets.iter().find(|undo| undo.set == id)?;
        Some(&undo.adjust)
    }

    /// Drops the undo values for a set that is removed: its id may come back for another one.
    pub(super) fn forget(&mut self, id: i32) {
        self.sets.retain(|undo| undo.set != id);
    }

    pub(super) fn of_set_mut(&mut self, id: i32) -> Option<&mut SemUndo> {
        self.sets.iter_mut().find(|undo| undo.set == id)
    }
}

impl Kernel {
    /// The list of the current task, with an entry for a set.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `find_undo()`.
    ///
    /// # Errors
    /// `ENOMEM`; `EINVAL`, `EIDRM` for the set, after the list has been created.
    pub(super) fn find_undo(&mut self, current: TaskId, id: i32) -> Result<SemUndoId, Errno> {
        if self.task(current).sem_undo.is_none() {
            self.kmem_cache_alloc(SlabCache::SemUndo)?;
        }
        let list = self.get_undo_list(current);
        if self.sem_undos[list].of_set_mut(id).is_none() {
            let size = self.sem_sets.find(id)?.sems.len();
            self.kmem_cache_alloc(SlabCache::SemUndoEntry)?;
            let entry = SemUndo {
                set: id,
                adjust: vec![0; size],
            };
            self.sem_undos[list].sets.insert(0, entry);
        }
        Ok(list)
    }

    /// The list of the current task, which is created if it has none. The caller has allocated its
    /// memory.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `get_undo_list()`.
    fn get_undo_list(&mut self, current: TaskId) -> SemUndoId {
        if let Some(list) = self.task(current).sem_undo {
            return list;
        }
        let list = self.sem_undos.insert(SemUndoList::new());
        self.task_mut(current).sem_undo = Some(list);
        list
    }

    /// Lets a child share the list of the current task, which is created if it has none. The caller
    /// has allocated its memory.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `copy_semundo()`, with CLONE_SYSVSEM.
    pub(in crate::kernel) fn share_undo_list(&mut self, current: TaskId, child: TaskId) {
        let list = self.get_undo_list(current);
        self.sem_undos[list].refcnt += 1;
        self.task_mut(child).sem_undo = Some(list);
    }

    /// Clears the undo values of a whole set or of one semaphore.
    pub(super) fn clear_undo(&mut self, id: i32, num: Option<usize>) {
        let lists = self.sem_undos.values_mut();
        for undo in lists.filter_map(|list| list.of_set_mut(id)) {
            match num {
                Some(num) => undo.adjust[num] = 0,
                None => undo.adjust.fill(0),
            }
        }
    }

    /// Called when a task leaves a list: the last one applies the undo values, with the results
    /// clamped to the valid range.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `exit_sem()`.
    pub(in crate::kernel) fn exit_sem(&mut self, current: TaskId, list: SemUndoId) {
        self.sem_undos[list].refcnt -= 1;
        if self.sem_undos[list].refcnt > 0 {
            return;
        }
        let Some(list) = self.sem_undos.remove(list) else {
            return;
        };
        let pid = self.task(current).tgid().0;
        for undo in list.sets {
            let adjusts = undo.adjust.iter().enumerate();
            for (num, adjust) in adjusts.filter(|(_, adjust)| **adjust != 0) {
                let Ok(set) = self.sem_sets.find_mut(undo.set) else {
                    break;
                };
                let sem = &mut set.sems[num];
                let from = sem.value;
                sem.value = (from + adjust).clamp(0, SEMVMX);
                sem.pid = pid;
                sem.holder = None;
                let to = sem.value;
                self.trace_sem(undo.set, num, from, to);
            }
            let now = self.get_seconds();
            if let Ok(set) = self.sem_sets.find_mut(undo.set) {
                set.otime = now;
            }
            // Once for the set, not for each value: a waiter that needs several sees all of them.
            self.update_queue(undo.set);
        }
    }
}
