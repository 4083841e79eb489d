//! System V semaphores: sets of counters by id or key, operations that wait until all of them can
//! be done at once, and undo values that are applied when a process exits. System V shared memory:
//! segments by id or key, which areas map. System V messages: queues by id or key. Futexes are here as
//! well.
//!
//! The room may name `syscall`, `task`, `sched`, `signal`, `time`, `fs` and `mm`. It alone changes
//! the tables of sets, segments and queues, and how many areas a segment counts; the values and the queue of
//! a set, where a task waits only while its operations cannot be done;
//! the count of tasks that share an undo list, and its values; and the queues of futexes, whose
//! waiters remember the word for which they are queued.

mod check;
mod futex;
mod ids;
mod layout;
mod msg;
mod msg_ctl;
mod sem_ctl;
mod sem_info;
mod sem_op;
mod sem_set;
mod sem_undo;
mod shm;
mod shm_ctl;

pub use futex::Futexes;
pub use ids::{IpcIds, IpcObject, IpcPerm};
pub use msg::{MsgQueue, MsgQueues};
pub use sem_op::{MAX_OPS, SemOp};
pub use sem_set::{SemSet, SemSets, Semaphore};
pub use sem_undo::SemUndoList;
pub use shm::{ShmSegment, ShmSegments};

use super::Kernel;
use crate::abi::{TaskId, VirtAddr};
use crate::kernel::syscall::{IpcCall, SysResult};

impl Kernel {
    /// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `sys_ipc()`.
    pub(in crate::kernel) fn sys_ipc(&mut self, current: TaskId, call: IpcCall) -> SysResult {
        match call {
            IpcCall::Semget(key, count, flags) => {
                self.sys_semget(current, key, count, flags).into()
            }
            IpcCall::Semop(id, ops, count) => {
                self.sys_semtimedop(current, id, ops, count, VirtAddr(0))
            }
            IpcCall::Semtimedop(id, ops, count, timeout) => {
                self.sys_semtimedop(current, id, ops, count, timeout)
            }
            IpcCall::Semctl { id, num, cmd, arg } => {
                self.sys_semctl(current, id, num, cmd, arg).into()
            }
            IpcCall::Msgsnd(args) => self.sys_msgsnd(current, args),
            IpcCall::Msgrcv(args) => self.sys_msgrcv(current, args),
            IpcCall::Msgget(key, flags) => self.sys_msgget(current, key, flags).into(),
            IpcCall::Msgctl(id, cmd, buffer) => self.sys_msgctl(current, id, cmd, buffer).into(),
            IpcCall::Shmget(key, size, flags) => self.sys_shmget(current, key, size, flags).into(),
            IpcCall::Shmat(args) => self.do_shmat(current, &args).into(),
            IpcCall::Shmdt(addr) => self.sys_shmdt(current, addr).into(),
            IpcCall::Shmctl(id, cmd, buffer) => self.sys_shmctl(current, id, cmd, buffer).into(),
        }
    }
}
