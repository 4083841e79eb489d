//! System calls of puppets that need memory to pass something or get something back: a buffer in a
//! frame on the puppet's stack, as a function of a C library would have it.

use super::Machine;
use super::command::Acted;
use crate::abi::{TaskId, VirtAddr};
use crate::kernel::syscall::{IpcCall, PtraceArgs, Syscall};

/// A call with a buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StackCall {
    /// Length of the buffer.
    pub len: u32,
    /// What the puppet puts into it before; may be shorter.
    pub bytes: Vec<u8>,
    /// The call.
    pub call: BufferCall,
}

/// Which call is made with the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BufferCall {
    /// `read(fd, buffer, len)`.
    Read(u32),
    /// `write(fd, buffer, len)`.
    Write(u32),
    /// `pipe(buffer)`.
    Pipe,
    /// `semop(id, buffer, so many)`.
    Semop {
        /// The set.
        id: i32,
        /// Operations.
        count: u32,
    },
    /// `semctl(id, 0, cmd, buffer)`.
    Semctl {
        /// The set.
        id: i32,
        /// What is to be done.
        cmd: u32,
    },
    /// `getcwd(buffer, len)`.
    Getcwd,
    /// `ptrace(request, pid, addr, buffer)`.
    Ptrace {
        /// What is asked for.
        request: u32,
        /// Of which task.
        pid: i32,
        /// At which address.
        addr: u32,
    },
}

impl BufferCall {
    /// The name of the call.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Write(_) => "write",
            Self::Pipe => "pipe",
            Self::Semop { .. } => "semop",
            Self::Semctl { .. } => "semctl",
            Self::Getcwd => "getcwd",
            Self::Ptrace { .. } => "ptrace",
        }
    }

    const fn at(self, addr: VirtAddr, len: u32) -> Syscall {
        match self {
            Self::Read(fd) => Syscall::Read(fd, addr, len),
            Self::Write(fd) => Syscall::Write(fd, addr, len),
            Self::Pipe => Syscall::Pipe(addr),
            Self::Semop { id, count } => Syscall::Ipc(IpcCall::Semop(id, addr, count)),
            Self::Semctl { id, cmd } => Syscall::Ipc(IpcCall::Semctl {
                id,
                num: 0,
                cmd,
                arg: addr.0,
            }),
            Self::Getcwd => Syscall::Getcwd(addr, len),
            Self::Ptrace {
                request,
                pid,
                addr: at,
            } => Syscall::Ptrace(PtraceArgs {
                request,
                pid,
                addr: at,
                data: addr.0,
            }),
        }
    }
}

/// A buffer on the stack of a puppet that is inside a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StackFrame {
    /// Where it begins.
    pub addr: VirtAddr,
    /// How long it is.
    pub len: u32,
    /// The stack pointer to go back to.
    pub esp: u32,
}

impl Machine {
    /// Makes room below the stack pointer, puts the bytes there, makes the call, and reads what is
    /// there then.
    pub(super) fn stack_call(&mut self, task: TaskId, what: &StackCall) -> Acted {
        let regs = &mut self.kernel.task_mut(task).thread.regs;
        let esp = regs.esp;
        let addr = VirtAddr(esp.wrapping_sub(what.len) & !15);
        regs.esp = addr.0;
        let frame = StackFrame {
            addr,
            len: what.len,
            esp,
        };
        if let Err(fault) = self.kernel.user_write(task, addr, &what.bytes) {
            self.leave_frame(task, frame);
            return self.after_access(task, Err(fault), Acted::Done);
        }
        match self.puppet_syscall(task, what.call.at(addr, what.len)) {
            Acted::Returned(value) => Acted::Filled(value, self.leave_frame(task, frame)),
            Acted::Refused(error) => {
                self.leave_frame(task, frame);
                Acted::Refused(error)
            }
            Acted::Blocks(id) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.frame = Some(frame);
                }
                Acted::Blocks(id)
            }
            other => other,
        }
    }

    /// What is in the buffer of a call that has returned. The stack pointer goes back.
    pub(super) fn leave_frame(&mut self, task: TaskId, frame: StackFrame) -> Vec<u8> {
        let mut bytes = vec![0; frame.len as usize];
        // A buffer that cannot be read was never filled.
        if self.kernel.user_read(task, frame.addr, &mut bytes).is_err() {
            bytes.clear();
        }
        let regs = &mut self.kernel.task_mut(task).thread.regs;
        if regs.esp == frame.addr.0 {
            regs.esp = frame.esp;
        }
        bytes
    }
}
