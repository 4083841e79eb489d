//! `semctl`: values of semaphores, counts of waiting tasks, and removal of a set.

use super::ids::IpcObject;
use super::sem_op::{SEMVMX, count_waiters};
use crate::abi::{
    Errno, GETALL, GETNCNT, GETPID, GETVAL, GETZCNT, IPC_RMID, SETALL, SETVAL, TaskId, VirtAddr,
};
use crate::kernel::Kernel;

/// Set in commands by programs that use 32-bit user ids; it makes no difference for these.
const IPC_64: u32 = 0x100;

impl Kernel {
    /// Simplified: `IPC_STAT`, `IPC_SET` and the commands of `ipcs` are unknown.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `sys_semctl()`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown command, set or semaphore; `EIDRM`, `EACCES`, `EPERM`, `EFAULT`,
    /// `ERANGE`.
    pub(super) fn sys_semctl(
        &mut self,
        current: TaskId,
        id: i32,
        num: i32,
        cmd: u32,
        arg: u32,
    ) -> Result<u32, Errno> {
        let cmd = cmd & !IPC_64;
        if id < 0 || !matches!(cmd, IPC_RMID | GETPID..=SETALL) {
            return Err(Errno::EINVAL);
        }
        let set = self.sem_sets.find(id)?;
        let (size, perm) = (set.sems.len(), *set.perm());
        if cmd == IPC_RMID {
            if !self.owns_ipc(current, perm) {
                return Err(Errno::EPERM);
            }
            self.freeary(id);
            return Ok(0);
        }
        let alters = matches!(cmd, SETVAL | SETALL);
        if !self.may_use_ipc(current, perm, if alters { 0o222 } else { 0o444 }) {
            return Err(Errno::EACCES);
        }
        match cmd {
            GETALL => self.get_all(current, id, VirtAddr(arg)),
            SETALL => self.set_all(current, id, size, VirtAddr(arg)),
            _ if num < 0 || num as usize >= size => Err(Errno::EINVAL),
            SETVAL => self.set_value(current, id, num as usize, arg as i32),
            _ => {
                let set = self.sem_sets.find(id)?;
                let sem = set.sems[num as usize];
                Ok(match cmd {
                    GETVAL => sem.value as u32,
                    GETPID => sem.pid as u32,
                    GETNCNT | GETZCNT => count_waiters(set, num, cmd == GETZCNT),
                    _ => return Err(Errno::EINVAL),
                })
            }
        }
    }

    fn get_all(&mut self, current: TaskId, id: i32, addr: VirtAddr) -> Result<u32, Errno> {
        let values = self.sem_sets.find(id)?.sems.iter();
        let bytes: Vec<u8> = values
            .flat_map(|sem| (sem.value as u16).to_le_bytes())
            .collect();
        self.copy_to_user(current, addr, &bytes).map(|()| 0)
    }

    fn set_all(
        &mut self,
        current: TaskId,
        id: i32,
        size: usize,
        addr: VirtAddr,
    ) -> Result<u32, Errno> {
        let mut bytes = vec![0; 2 * size];
        self.copy_from_user(current, addr, &mut bytes)?;
        let values: Vec<i32> = bytes
            .chunks_exact(2)
            .map(|pair| i32::from(u16::from_le_bytes([pair[0], pair[1]])))
            .collect();
        // All values are checked before the first is set: SETALL sets all or none.
        if values.iter().any(|value| *value > SEMVMX) {
            return Err(Errno::ERANGE);
        }
        for (num, value) in values.into_iter().enumerate() {
            self.put_value(id, num, value);
        }
        self.clear_undo(id, None);
        self.update_queue(id);
        Ok(0)
    }

    fn set_value(
        &mut self,
        current: TaskId,
        id: i32,
        num: usize,
        value: i32,
    ) -> Result<u32, Errno> {
        if !(0..=SEMVMX).contains(&value) {
            return Err(Errno::ERANGE);
        }
        // Exit must not change a value that was set on purpose after the operations to be undone.
        self.clear_undo(id, Some(num));
        self.put_value(id, num, value);
        let pid = self.task(current).tgid().0;
        self.sem_sets.find_mut(id)?.sems[num].pid = pid;
        self.update_queue(id);
        Ok(0)
    }

    fn put_value(&mut self, id: i32, num: usize, value: i32) {
        if let Ok(set) = self.sem_sets.find_mut(id) {
            let from = std::mem::replace(&mut set.sems[num].value, value);
            set.sems[num].holder = None;
            if from != value {
                self.trace_sem(id, num, from, value);
            }
        }
    }

    /// Removes a set: waiting tasks are notified, and undo values for it are dropped.
    ///
    /// Linux 2.6.12: `ipc/sem.c`, `freeary()`.
    fn freeary(&mut self, id: i32) {
        for list in self.sem_undos.values_mut() {
            list.forget(id);
        }
        // The set goes before its waiters wake: they find no queue, only their result.
        let Some(set) = self.sem_sets.remove(id) else {
            return;
        };
        for waiter in set.pending {
            self.end_wait(waiter.task, Err(Errno::EIDRM));
        }
    }
}
