//! `semctl`: what is known of semaphore sets, and who owns them.

use super::ids::IpcObject;
use super::layout::{Version, halves, words};
use super::sem_op::{MAX_OPS, SEMVMX};
use super::sem_set::{SEMMNI, SEMMNS, SEMMSL, SemSet, used_sems};
use crate::abi::{Errno, SEM_INFO, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// The bytes that `IPC_SET` reads: the new structure, and the old one.
const NEW_SEMID_DS: usize = 64;
const OLD_SEMID_DS: usize = 44;
/// Size of a `struct sem_undo`, as 2.6.12 tells it.
///
/// Linux 2.6.12: `include/linux/sem.h`, `SEMUSZ`.
const SEMUSZ: u32 = 20;

/// What `IPC_STAT` says of a set. The pointers of the old structure are 0.
///
/// Linux 2.6.12: `include/asm-i386/sembuf.h`, `struct semid64_ds`; `include/linux/sem.h`,
/// `struct semid_ds`.
fn semid_ds(set: &SemSet, version: Version) -> Vec<u8> {
    let perm = set.perm().bytes(version);
    let size = set.sems.len() as u32;
    match version {
        Version::New => [perm, words(&[set.otime, 0, set.ctime, 0, size, 0, 0])].concat(),
        Version::Old => [
            perm,
            words(&[set.otime, set.ctime, 0, 0, 0, 0]),
            halves(&[size, 0]),
        ]
        .concat(),
    }
}

impl Kernel {
    /// `IPC_INFO` and `SEM_INFO`: the limits, and what is used. Returns the highest slot in use.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `semctl_nolock()`; `include/linux/sem.h`, `struct seminfo`.
    pub(super) fn sem_info(
        &mut self,
        current: TaskId,
        cmd: u32,
        buffer: VirtAddr,
    ) -> Result<u32, Errno> {
        let (sets, all, most) = (SEMMNI as u32, SEMMNS as u32, SEMVMX as u32);
        let (undo, adjust) = match cmd {
            SEM_INFO => (
                self.sem_sets.in_use() as u32,
                used_sems(&self.sem_sets) as u32,
            ),
            _ => (SEMUSZ, most),
        };
        let info = [
            all,
            sets,
            all,
            all,
            SEMMSL as u32,
            MAX_OPS,
            MAX_OPS,
            undo,
            most,
            adjust,
        ];
        self.copy_to_user(current, buffer, &words(&info))?;
        Ok(self.sem_sets.max_id().max(0) as u32)
    }

    /// `SEM_STAT`: what is known of the set in a slot. Returns its id.
    pub(super) fn sem_stat(
        &mut self,
        current: TaskId,
        slot: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<u32, Errno> {
        let id = self.sem_sets.id_of_slot(slot).ok_or(Errno::EINVAL)?;
        self.sem_copy_stat(current, id, buffer, version)?;
        Ok(id as u32)
    }

    /// `IPC_STAT`.
    pub(super) fn sem_copy_stat(
        &mut self,
        current: TaskId,
        id: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<(), Errno> {
        let set = self.sem_sets.find(id)?;
        let (perm, bytes) = (*set.perm(), semid_ds(set, version));
        if !self.may_use_ipc(current, perm, 0o444) {
            return Err(Errno::EACCES);
        }
        self.copy_to_user(current, buffer, &bytes)
    }

    /// `IPC_SET`: another owner, other permissions.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `semctl_down()`, `copy_semid_from_user()`.
    pub(super) fn sem_set(
        &mut self,
        current: TaskId,
        id: i32,
        buffer: VirtAddr,
        version: Version,
    ) -> Result<u32, Errno> {
        let mut bytes = match version {
            Version::New => vec![0; NEW_SEMID_DS],
            Version::Old => vec![0; OLD_SEMID_DS],
        };
        self.copy_from_user(current, buffer, &mut bytes)?;
        let half = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let (uid, gid, mode) = match version {
            Version::New => (half(4) | half(6) << 16, half(8) | half(10) << 16, half(20)),
            Version::Old => (half(4), half(6), half(12)),
        };
        let perm = *self.sem_sets.find(id)?.perm();
        if !self.owns_ipc(current, perm) {
            return Err(Errno::EPERM);
        }
        let now = self.get_seconds();
        let set = self.sem_sets.find_mut(id)?;
        set.ctime = now;
        let perm = set.perm_mut();
        (perm.uid, perm.gid) = (uid, gid);
        perm.mode = perm.mode & !0o777 | mode & 0o777;
        Ok(0)
    }
}
