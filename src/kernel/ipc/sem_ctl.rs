//! `semctl`: its commands; values of semaphores, counts of waiting tasks, and removal of a set.

use super::ids::IpcObject;
use super::layout::{IPC_64, Version};
use super::sem_op::{SEMVMX, count_waiters};
use crate::abi::{
    Errno, GETALL, GETNCNT, GETPID, GETVAL, GETZCNT, IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT,
    SEM_INFO, SEM_STAT, SETALL, SETVAL, TaskId, VirtAddr,
};
use crate::kernel::Kernel;

impl Kernel {
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
        if id < 0 {
            return Err(Errno::EINVAL);
        }
        let (version, buffer) = (Version::of(cmd), VirtAddr(arg));
        let cmd = cmd & !IPC_64;
        match cmd {
            IPC_INFO | SEM_INFO => return self.sem_info(current, cmd, buffer),
            SEM_STAT => return self.sem_stat(current, id, buffer, version),
            IPC_STAT => return self.sem_copy_stat(current, id, buffer, version).map(|()| 0),
            IPC_SET => return self.sem_set(current, id, buffer, version),
            IPC_RMID | GETPID..=SETALL => {}
            _ => return Err(Errno::EINVAL),
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
            GETALL => self.get_all(current, id, buffer),
            SETALL => self.set_all(current, id, size, buffer),
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
        let now = self.get_seconds();
        self.sem_sets.find_mut(id)?.ctime = now;
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
        let now = self.get_seconds();
        let set = self.sem_sets.find_mut(id)?;
        set.sems[num].pid = pid;
        set.ctime = now;
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
