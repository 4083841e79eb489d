//! System V semaphores: sets of counters by number or key, operations that wait until all of them
//! can be done at once, and adjustments that are undone when a process ends.

mod check;
mod futex;
mod sem_ctl;
mod sem_op;
mod sem_set;
mod sem_undo;

pub use futex::{FUTEX_CMP_REQUEUE, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAKE, FutexArgs, Futexes};
pub use sem_op::{MAX_OPS, SEM_UNDO, SemOp};
pub use sem_set::{IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE, SemSet, SemSets, Semaphore};
pub use sem_undo::{SemUndo, SemUndoList};

use super::Kernel;
use crate::abi::{Errno, TaskId, VirtAddr};
use crate::kernel::syscall::SysResult;

/// What a call of the multiplexer `ipc` asks for. Everything that it names lies in the caller's
/// memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpcCall {
    /// `semget(key, nsems, flags)`.
    Semget(i32, i32, u32),
    /// `semop(id, ops, n)`.
    Semop(i32, VirtAddr, u32),
    /// `semtimedop(id, ops, n, timeout)`.
    Semtimedop(i32, VirtAddr, u32, VirtAddr),
    /// `semctl(id, num, cmd, arg)`.
    Semctl {
        /// The set.
        id: i32,
        /// The semaphore in it.
        num: i32,
        /// What is to be done.
        cmd: u32,
        /// A value or an address.
        arg: u32,
    },
}

impl IpcCall {
    /// The i386 system call number: `ipc`, one for all.
    pub const NR: u16 = 117;

    /// The name of the function of the C library that makes the call.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Semget(..) => "semget",
            Self::Semop(..) => "semop",
            Self::Semtimedop(..) => "semtimedop",
            Self::Semctl { .. } => "semctl",
        }
    }

    /// The first argument as a word, for the trace.
    pub const fn first_arg(&self) -> u32 {
        match self {
            Self::Semget(word, ..)
            | Self::Semop(word, ..)
            | Self::Semtimedop(word, ..)
            | Self::Semctl { id: word, .. } => *word as u32,
        }
    }
}

impl Kernel {
    pub(super) fn dispatch_ipc(&mut self, current: TaskId, call: IpcCall) -> SysResult {
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

    /// Which call `ipc` means. The version in the upper half of its first argument says something
    /// about messages only.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `sys_ipc()`.
    ///
    /// # Errors
    /// `ENOSYS` for messages and shared memory, which are not emulated; `EINVAL` and `EFAULT` for
    /// the place of the argument of `semctl`.
    pub(super) fn decode_ipc(
        &mut self,
        current: TaskId,
        [call, first, second, third, ptr, fifth]: [u32; 6],
    ) -> Result<IpcCall, Errno> {
        let id = first as i32;
        Ok(match call & 0xffff {
            1 => IpcCall::Semop(id, VirtAddr(ptr), second),
            2 => IpcCall::Semget(id, second as i32, third),
            3 if ptr == 0 => return Err(Errno::EINVAL),
            3 => IpcCall::Semctl {
                id,
                num: second as i32,
                cmd: third,
                arg: self.get_user_u32(current, VirtAddr(ptr))?,
            },
            4 => IpcCall::Semtimedop(id, VirtAddr(ptr), second, VirtAddr(fifth)),
            _ => return Err(Errno::ENOSYS),
        })
    }
}
