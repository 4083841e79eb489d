//! Semaphore sets, and `semget`.

use super::ids::{IpcIds, IpcObject, IpcPerm};
use super::sem_op::SemOp;
use crate::abi::{Errno, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, SemUndoId, TaskId};
use crate::kernel::Kernel;
use crate::trace::SlabCache;
use std::collections::VecDeque;

/// The most sets.
///
/// Linux 2.6.12: `include/linux/sem.h`, `SEMMNI`.
pub(super) const SEMMNI: i32 = 128;
/// The most semaphores in a set.
pub(super) const SEMMSL: i32 = 250;
/// The most semaphores in all sets.
pub(super) const SEMMNS: i32 = SEMMNI * SEMMSL;

/// A single semaphore.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Semaphore {
    /// `semval`, 0 to 32,767.
    pub value: i32,
    /// `sempid`: the process that last changed it, 0 for none.
    pub pid: i32,
    /// The task that decremented it, if that was its last change. The kernel keeps no such thing: it
    /// says who holds a semaphore when tasks wait for each other.
    pub holder: Option<TaskId>,
}

/// A task that waits until all its operations can be done at once (`struct sem_queue`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Waiter {
    /// The waiting task.
    pub(super) task: TaskId,
    /// The operations that it waits for.
    pub(super) ops: Vec<SemOp>,
    /// The list that records their undo values, if any has `SEM_UNDO`.
    pub(super) undo: Option<SemUndoId>,
    /// The pid of its process.
    pub(super) pid: i32,
    /// Whether they change values.
    pub(super) alter: bool,
}

/// A semaphore set (`struct sem_array`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SemSet {
    perm: IpcPerm,
    /// When operations were done last, 0 for never, and when the set was changed, in seconds.
    pub(super) otime: u32,
    pub(super) ctime: u32,
    /// The semaphores of the set.
    pub(super) sems: Vec<Semaphore>,
    /// The waiting tasks, in the order in which they are checked.
    pub(super) pending: VecDeque<Waiter>,
}

impl SemSet {
    /// The key that finds it; `IPC_PRIVATE` for none.
    pub const fn key(&self) -> i32 {
        self.perm.key
    }

    /// The semaphores of the set, by their numbers.
    pub fn sems(&self) -> &[Semaphore] {
        &self.sems
    }

    /// The first semaphore that keeps a waiting task from its operations because its value is too
    /// small; `None` if the task waits for a zero, or not at all.
    pub fn short_for(&self, task: TaskId) -> Option<u16> {
        let waiter = self.pending.iter().find(|waiter| waiter.task == task)?;
        let mut values: Vec<i32> = self.sems.iter().map(|sem| sem.value).collect();
        for op in &waiter.ops {
            let value = &mut values[usize::from(op.num)];
            let after = *value + i32::from(op.op);
            if after < 0 || op.op == 0 && *value != 0 {
                return (op.op < 0).then_some(op.num);
            }
            *value = after;
        }
        None
    }

    /// How many tasks wait.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }
}

/// All semaphore sets (`sem_ids`).
pub type SemSets = IpcIds<SemSet>;

impl IpcObject for SemSet {
    fn perm(&self) -> &IpcPerm {
        &self.perm
    }

    fn perm_mut(&mut self) -> &mut IpcPerm {
        &mut self.perm
    }
}

/// `used_sems`: the semaphores of all sets.
pub(super) fn used_sems(sets: &SemSets) -> i32 {
    let used: usize = sets.iter().map(|(_, set)| set.sems.len()).sum();
    used as i32
}

/// Whether that many more semaphores fit.
fn has_room(sets: &SemSets, count: i32) -> bool {
    used_sems(sets) + count <= SEMMNS
}

impl Kernel {
    /// Finds or creates a set. Returns its id.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `sys_semget()`.
    ///
    /// # Errors
    /// `EINVAL` for a bad size, `ENOENT`, `EEXIST`, `EACCES`, `ENOSPC`, `ENOMEM`.
    pub(super) fn sys_semget(
        &mut self,
        current: TaskId,
        key: i32,
        count: i32,
        flags: u32,
    ) -> Result<u32, Errno> {
        if !(0..=SEMMSL).contains(&count) {
            return Err(Errno::EINVAL);
        }
        let found = match key {
            IPC_PRIVATE => None,
            key => self.sem_sets.with_key(key),
        };
        let found = found.map(|(id, set)| (id, set.sems.len(), set.perm));
        match found {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT),
            None => self.newary(current, key, count, flags),
            Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => Err(Errno::EEXIST),
            Some((_, size, _)) if count as usize > size => Err(Errno::EINVAL),
            // The file mode among the flags says what the caller wants to do.
            Some((_, _, perm)) if !self.may_use_ipc(current, perm, flags) => Err(Errno::EACCES),
            Some((id, ..)) => Ok(id as u32),
        }
    }

    /// Linux 2.6.12: `ipc/sem.c`, `newary()`.
    fn newary(&mut self, current: TaskId, key: i32, count: i32, flags: u32) -> Result<u32, Errno> {
        if count == 0 {
            return Err(Errno::EINVAL);
        }
        if !has_room(&self.sem_sets, count) {
            return Err(Errno::ENOSPC);
        }
        // The memory comes before the slot: with both exhausted the error is ENOMEM.
        self.kmem_cache_alloc(SlabCache::SemArray)?;
        let cred = self.task(current).cred();
        let set = SemSet {
            perm: IpcPerm::new(key, flags, &cred),
            otime: 0,
            ctime: self.get_seconds(),
            sems: vec![Semaphore::default(); count as usize],
            pending: VecDeque::new(),
        };
        self.sem_sets.add(set, SEMMNI).map(|id| id as u32)
    }
}
