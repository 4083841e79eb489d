//! Semaphore sets: their ids and keys, permissions, and `semget`.

use super::sem_op::SemOp;
use crate::abi::{Caps, Errno, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, SemUndoId, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::Cred;
use crate::trace::SlabCache;
use std::collections::{BTreeMap, VecDeque};

/// The most sets, and so the distance between consecutive ids of one slot of the table.
///
/// Linux 2.6.12: `ipc/util.h`, `SEQ_MULTIPLIER`; `include/linux/sem.h`, `SEMMNI`.
const SEQ_MULTIPLIER: i32 = 32768;
const SEMMNI: i32 = 128;
/// The most semaphores in a set.
const SEMMSL: i32 = 250;
/// The most semaphores in all sets.
const SEMMNS: i32 = SEMMNI * SEMMSL;
/// The largest generation of a slot.
const SEQ_MAX: u32 = 65535;

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
    /// The key that finds it; `IPC_PRIVATE` for none.
    key: i32,
    /// The generation of its slot in the table.
    seq: u32,
    /// Permissions of owner, group and others: read and alter.
    mode: u32,
    /// User id of the creator, who is also the owner: nothing here changes the owner.
    uid: u32,
    /// Group id of the creator.
    gid: u32,
    /// The semaphores of the set.
    pub(super) sems: Vec<Semaphore>,
    /// The waiting tasks, in the order in which they are checked.
    pub(super) pending: VecDeque<Waiter>,
}

impl SemSet {
    /// The key that finds it; `IPC_PRIVATE` for none.
    pub const fn key(&self) -> i32 {
        self.key
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
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SemSets {
    sets: BTreeMap<i32, SemSet>,
    seq: u32,
}

impl SemSets {
    /// The set with that id.
    ///
    /// Linux 2.6.12: `ipc/util.c`, `ipc_lock()` and `ipc_checkid()`.
    ///
    /// # Errors
    /// `EINVAL` if the slot is empty, `EIDRM` if it has been reused for another set.
    pub fn find(&self, id: i32) -> Result<&SemSet, Errno> {
        let set = self.sets.get(&(id % SEQ_MULTIPLIER)).ok_or(Errno::EINVAL)?;
        if set.seq == (id / SEQ_MULTIPLIER) as u32 {
            Ok(set)
        } else {
            Err(Errno::EIDRM)
        }
    }

    /// The set with that id, for modification.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub(super) fn find_mut(&mut self, id: i32) -> Result<&mut SemSet, Errno> {
        self.find(id)?;
        self.sets
            .get_mut(&(id % SEQ_MULTIPLIER))
            .ok_or(Errno::EINVAL)
    }

    /// Every set with its id, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (i32, &SemSet)> {
        let number = |(place, set): (&i32, _)| (*place, set);
        self.sets
            .iter()
            .map(number)
            .map(|(place, set): (i32, &SemSet)| (SEQ_MULTIPLIER * set.seq as i32 + place, set))
    }

    fn with_key(&self, key: i32) -> Option<(i32, &SemSet)> {
        self.iter().find(|(_, set)| set.key == key)
    }

    pub(super) fn remove(&mut self, id: i32) -> Option<SemSet> {
        self.find(id).ok()?;
        self.sets.remove(&(id % SEQ_MULTIPLIER))
    }

    /// Whether that many more semaphores fit.
    fn has_room(&self, count: i32) -> bool {
        let used: usize = self.sets.values().map(|set| set.sems.len()).sum();
        used as i32 + count <= SEMMNS
    }

    /// Puts a set into the lowest free slot. Returns its id.
    ///
    /// Linux 2.6.12: `ipc/util.c`, `ipc_addid()`.
    fn add(&mut self, set: SemSet) -> Result<i32, Errno> {
        let free = (0..SEMMNI).find(|place| !self.sets.contains_key(place));
        let place = free.ok_or(Errno::ENOSPC)?;
        let seq = self.seq;
        self.seq = if seq == SEQ_MAX { 0 } else { seq + 1 };
        self.sets.insert(place, SemSet { seq, ..set });
        Ok(SEQ_MULTIPLIER * seq as i32 + place)
    }
}

/// Whether a task with these credentials has the `wanted` permissions, of whichever class applies.
///
/// Linux 2.6.12: `ipc/util.c`, `ipcperms()`.
pub(super) fn ipcperms(set: &SemSet, cred: &Cred, wanted: u32) -> bool {
    let wanted = (wanted >> 6 | wanted >> 3 | wanted) & 7;
    let granted = if cred.euid == set.uid {
        set.mode >> 6
    } else if cred.gid == set.gid {
        set.mode >> 3
    } else {
        set.mode
    };
    wanted & !granted == 0
}

impl Kernel {
    /// Whether the current task may use a set in this way. The use of a root privilege is recorded.
    pub(super) fn may_use_set(&mut self, current: TaskId, id: i32, wanted: u32) -> bool {
        let cred = self.task(current).cred();
        let allowed = self
            .sem_sets
            .find(id)
            .is_ok_and(|set| ipcperms(set, &cred, wanted));
        allowed || self.capable(current, Caps::IPC_OWNER)
    }

    /// Whether the current task may remove a set.
    pub(super) fn owns_set(&mut self, current: TaskId, id: i32) -> bool {
        let euid = self.task(current).cred().euid;
        let owns = self.sem_sets.find(id).is_ok_and(|set| set.uid == euid);
        owns || self.capable(current, Caps::SYS_ADMIN)
    }

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
        let found = found.map(|(id, set)| (id, set.sems.len()));
        match found {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT),
            None => self.newary(current, key, count, flags),
            Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => Err(Errno::EEXIST),
            Some((_, size)) if count as usize > size => Err(Errno::EINVAL),
            // The file mode among the flags says what the caller wants to do.
            Some((id, _)) => {
                if self.may_use_set(current, id, flags) {
                    Ok(id as u32)
                } else {
                    Err(Errno::EACCES)
                }
            }
        }
    }

    /// Linux 2.6.12: `ipc/sem.c`, `newary()`.
    fn newary(&mut self, current: TaskId, key: i32, count: i32, flags: u32) -> Result<u32, Errno> {
        if count == 0 {
            return Err(Errno::EINVAL);
        }
        if !self.sem_sets.has_room(count) {
            return Err(Errno::ENOSPC);
        }
        // The memory comes before the slot: with both exhausted the error is ENOMEM.
        self.kmem_cache_alloc(SlabCache::SemArray)?;
        let cred = self.task(current).cred();
        let set = SemSet {
            key,
            seq: 0,
            mode: flags & 0o777,
            uid: cred.euid,
            gid: cred.gid,
            sems: vec![Semaphore::default(); count as usize],
            pending: VecDeque::new(),
        };
        self.sem_sets.add(set).map(|id| id as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(mode: u32) -> SemSet {
        SemSet {
            key: 1,
            seq: 0,
            mode,
            uid: 500,
            gid: 500,
            sems: vec![Semaphore::default()],
            pending: VecDeque::new(),
        }
    }

    #[test]
    fn a_removed_set_leaves_a_number_that_means_another() {
        let mut sets = SemSets::default();
        let first = sets.add(set(0)).unwrap();
        let second = sets.add(set(0)).unwrap();
        assert_eq!((first, second), (0, SEQ_MULTIPLIER + 1));
        sets.remove(first);
        assert_eq!(sets.find(first).err(), Some(Errno::EINVAL));
        let third = sets.add(set(0)).unwrap();
        assert_eq!(third, 2 * SEQ_MULTIPLIER, "the place is used again");
        assert_eq!(sets.find(first).err(), Some(Errno::EIDRM));
        for _ in 2..SEMMNI {
            sets.add(set(0)).unwrap();
        }
        assert_eq!(sets.add(set(0)), Err(Errno::ENOSPC));
    }

    #[test]
    fn rights_are_those_of_the_first_class_that_fits() {
        let cred = |uid, gid| Cred {
            gid,
            ..Cred::of_user(uid)
        };
        for (mode, uid, gid, wanted, allowed) in [
            (0o600, 500, 1, 0o666, true),
            (0o066, 500, 500, 0o444, false),
            (0o040, 1, 500, 0o444, true),
            (0o040, 1, 500, 0o222, false),
            (0o004, 1, 1, 0o444, true),
            (0o660, 1, 1, 0o444, false),
            (0o000, 1, 1, 0, true),
        ] {
            let found = ipcperms(&set(mode), &cred(uid, gid), wanted);
            assert_eq!(found, allowed, "{mode:o} {uid} {gid} {wanted:o}");
        }
    }
}
