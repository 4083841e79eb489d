//! System V semaphores: sets of counters by id or key, operations that wait until all of them can
//! be done at once, and undo values that are applied when a process exits.

mod check;
mod futex;
mod sem_ctl;
mod sem_op;
mod sem_set;
mod sem_undo;

pub use futex::Futexes;
pub use sem_op::{MAX_OPS, SemOp};
pub use sem_set::{SemSet, SemSets, Semaphore};
pub use sem_undo::{SemUndo, SemUndoList};

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
        }
    }
}
