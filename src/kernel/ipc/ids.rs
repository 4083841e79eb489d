//! The tables of System V objects: ids, keys and permissions, which are the same for every kind.

use crate::abi::{Caps, Errno, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::Cred;
use std::collections::BTreeMap;

/// The distance between consecutive ids of one slot of a table.
///
/// Linux 2.6.12: `ipc/util.h`, `SEQ_MULTIPLIER`.
const SEQ_MULTIPLIER: i32 = 32768;
/// The largest generation of a slot.
const SEQ_MAX: u32 = 65535;

/// Key, owner and permissions of an object (`struct kern_ipc_perm`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpcPerm {
    /// The key that finds it; `IPC_PRIVATE` for none.
    pub key: i32,
    /// The generation of its slot in the table.
    pub(super) seq: u32,
    /// Permissions of owner, group and others, and bits of the kind of object.
    pub mode: u32,
    /// User id of the owner.
    pub uid: u32,
    /// Group id of the owner.
    pub gid: u32,
    /// User id of the creator.
    pub cuid: u32,
    /// Group id of the creator.
    pub cgid: u32,
}

impl IpcPerm {
    /// Those of a new object: the low nine bits of the flags are permissions.
    pub(super) const fn new(key: i32, flags: u32, cred: &Cred) -> Self {
        Self {
            key,
            seq: 0,
            mode: flags & 0o777,
            uid: cred.euid,
            gid: cred.egid,
            cuid: cred.euid,
            cgid: cred.egid,
        }
    }

    const fn is_of(&self, euid: u32) -> bool {
        euid == self.uid || euid == self.cuid
    }
}

/// An object of a table.
pub trait IpcObject {
    /// Its key, owner and permissions.
    fn perm(&self) -> &IpcPerm;

    /// The same, to be changed.
    fn perm_mut(&mut self) -> &mut IpcPerm;
}

/// All objects of a kind (`struct ipc_ids`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IpcIds<T> {
    objects: BTreeMap<i32, T>,
    seq: u32,
}

impl<T> Default for IpcIds<T> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            seq: 0,
        }
    }
}

impl<T: IpcObject> IpcIds<T> {
    /// The object with that id.
    ///
    /// Linux 2.6.12: `ipc/util.c`, `ipc_lock()` and `ipc_checkid()`.
    ///
    /// # Errors
    /// `EINVAL` if the slot is empty, `EIDRM` if it has been reused for another object.
    pub fn find(&self, id: i32) -> Result<&T, Errno> {
        let object = self.objects.get(&(id % SEQ_MULTIPLIER));
        let object = object.ok_or(Errno::EINVAL)?;
        if object.perm().seq == (id / SEQ_MULTIPLIER) as u32 {
            Ok(object)
        } else {
            Err(Errno::EIDRM)
        }
    }

    /// The object with that id, for modification.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub(super) fn find_mut(&mut self, id: i32) -> Result<&mut T, Errno> {
        self.find(id)?;
        let slot = self.objects.get_mut(&(id % SEQ_MULTIPLIER));
        slot.ok_or(Errno::EINVAL)
    }

    /// The id of the object in a slot.
    pub(super) fn id_of_slot(&self, slot: i32) -> Option<i32> {
        let object = self.objects.get(&slot)?;
        Some(SEQ_MULTIPLIER * object.perm().seq as i32 + slot)
    }

    /// The highest slot in use; -1 if there is none (`max_id`).
    pub(super) fn max_id(&self) -> i32 {
        self.objects.keys().next_back().copied().unwrap_or(-1)
    }

    /// How many objects there are.
    pub(super) fn in_use(&self) -> usize {
        self.objects.len()
    }

    /// Every object with its id, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (i32, &T)> {
        let with_id = |(slot, object): (&i32, _)| (*slot, object);
        let objects = self.objects.iter().map(with_id);
        objects.map(|(slot, object): (i32, &T)| {
            (SEQ_MULTIPLIER * object.perm().seq as i32 + slot, object)
        })
    }

    /// The object that a key finds.
    ///
    /// Linux 2.6.12: `ipc/util.c`, `ipc_findkey()`.
    pub(super) fn with_key(&self, key: i32) -> Option<(i32, &T)> {
        self.iter().find(|(_, object)| object.perm().key == key)
    }

    pub(super) fn remove(&mut self, id: i32) -> Option<T> {
        self.find(id).ok()?;
        self.objects.remove(&(id % SEQ_MULTIPLIER))
    }

    /// Puts an object into the lowest free slot below `limit`. Returns its id.
    ///
    /// Linux 2.6.12: `ipc/util.c`, `ipc_addid()`.
    ///
    /// # Errors
    /// `ENOSPC` if no slot is free.
    pub(super) fn add(&mut self, mut object: T, limit: i32) -> Result<i32, Errno> {
        let free = (0..limit).find(|slot| !self.objects.contains_key(slot));
        let slot = free.ok_or(Errno::ENOSPC)?;
        let seq = self.seq;
        self.seq = if seq == SEQ_MAX { 0 } else { seq + 1 };
        object.perm_mut().seq = seq;
        self.objects.insert(slot, object);
        Ok(SEQ_MULTIPLIER * seq as i32 + slot)
    }
}

/// Whether the `wanted` permissions are granted to a task with these credentials and supplementary
/// groups, by whichever class applies to it.
///
/// Linux 2.6.12: `ipc/util.c`, `ipcperms()`.
pub(super) fn ipcperms(perm: &IpcPerm, cred: &Cred, groups: &[u32], wanted: u32) -> bool {
    let wanted = (wanted >> 6 | wanted >> 3 | wanted) & 7;
    let is_member = |gid: u32| cred.fsgid == gid || groups.contains(&gid);
    let granted = if perm.is_of(cred.euid) {
        perm.mode >> 6
    } else if is_member(perm.cgid) || is_member(perm.gid) {
        perm.mode >> 3
    } else {
        perm.mode
    };
    wanted & !granted == 0
}

impl Kernel {
    /// Whether the current task may use an object in this way. The use of a root privilege is
    /// recorded.
    pub(super) fn may_use_ipc(&mut self, current: TaskId, perm: IpcPerm, wanted: u32) -> bool {
        let task = self.task(current);
        let allowed = ipcperms(&perm, &task.cred(), task.supplementary_groups(), wanted);
        allowed || self.capable(current, Caps::IPC_OWNER)
    }

    /// Whether the current task may remove or change an object.
    pub(super) fn owns_ipc(&mut self, current: TaskId, perm: IpcPerm) -> bool {
        perm.is_of(self.task(current).cred().euid) || self.capable(current, Caps::SYS_ADMIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(mode: u32) -> IpcPerm {
        IpcPerm::new(1, mode, &Cred::of_user(500))
    }

    impl IpcObject for IpcPerm {
        fn perm(&self) -> &IpcPerm {
            self
        }

        fn perm_mut(&mut self) -> &mut IpcPerm {
            self
        }
    }

    #[test]
    fn a_removed_object_leaves_a_number_that_means_another() {
        const LIMIT: i32 = 128;
        let mut ids = IpcIds::default();
        let add = |ids: &mut IpcIds<IpcPerm>| ids.add(object(0), LIMIT);
        assert_eq!(ids.max_id(), -1);
        let first = add(&mut ids).unwrap();
        let second = add(&mut ids).unwrap();
        assert_eq!((first, second), (0, SEQ_MULTIPLIER + 1));
        ids.remove(first);
        assert_eq!((ids.max_id(), ids.in_use()), (1, 1));
        assert_eq!(ids.find(first).err(), Some(Errno::EINVAL));
        let third = add(&mut ids).unwrap();
        assert_eq!(third, 2 * SEQ_MULTIPLIER, "the place is used again");
        assert_eq!(ids.find(first).err(), Some(Errno::EIDRM));
        for _ in 2..LIMIT {
            add(&mut ids).unwrap();
        }
        assert_eq!(add(&mut ids), Err(Errno::ENOSPC));
    }

    #[test]
    fn rights_are_those_of_the_first_class_that_fits() {
        let cred = |uid, fsgid| Cred {
            fsgid,
            ..Cred::of_user(uid)
        };
        for (mode, uid, fsgid, groups, wanted, allowed) in [
            (0o600, 500, 1, vec![], 0o666, true),
            (0o066, 500, 500, vec![], 0o444, false),
            (0o040, 1, 500, vec![], 0o444, true),
            (0o040, 1, 1, vec![7, 500], 0o444, true),
            (0o040, 1, 500, vec![], 0o222, false),
            (0o004, 1, 1, vec![7], 0o444, true),
            (0o660, 1, 1, vec![], 0o444, false),
            (0o000, 1, 1, vec![], 0, true),
        ] {
            let found = ipcperms(&object(mode), &cred(uid, fsgid), &groups, wanted);
            assert_eq!(found, allowed, "{mode:o} {uid} {fsgid} {wanted:o}");
        }
        // The creator keeps its rights when the object is given away.
        let given = IpcPerm {
            uid: 7,
            ..object(0o600)
        };
        assert!(ipcperms(&given, &cred(500, 1), &[], 0o666));
        assert!(ipcperms(&given, &cred(7, 1), &[], 0o666));
    }
}
