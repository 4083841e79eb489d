//! System calls of puppets that pass or return data in memory. The buffer is in a frame on the
//! puppet's stack, as for a C library function.

use super::Machine;
use super::command::Acted;
use crate::abi::{TaskId, VirtAddr};
use crate::kernel::syscall::{GroupWidth, IpcCall, MsgrcvArgs, MsgsndArgs, PtraceArgs, Syscall};

/// Bytes of a `struct timeval`.
pub const TIMEVAL_BYTES: u32 = 8;
/// Bytes of an `fd_set`.
pub const FD_SET_BYTES: u32 = 128;
/// Bytes of the id of a timer.
const TIMER_ID_BYTES: u32 = 4;
/// Bytes of a `struct itimerspec`.
pub const ITIMERSPEC_BYTES: u32 = 16;

/// A system call with a buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StackCall {
    /// Length of the buffer, in bytes.
    pub len: u32,
    /// Initial contents of the buffer; may be shorter than it.
    pub bytes: Vec<u8>,
    /// The system call to make.
    pub call: BufferCall,
}

/// Which system call is made with the buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BufferCall {
    /// `read(fd, buffer, len)`.
    Read(u32),
    /// `write(fd, buffer, len)`.
    Write(u32),
    /// `pread64(fd, buffer, len, offset)`.
    Pread(u32, i64),
    /// `pwrite64(fd, buffer, len, offset)`.
    Pwrite(u32, i64),
    /// `pipe(buffer)`.
    Pipe,
    /// `semop(id, buffer, count)`.
    Semop {
        /// Id of the semaphore set.
        id: i32,
        /// Number of operations.
        count: u32,
    },
    /// `semctl(id, 0, cmd, buffer)`.
    Semctl {
        /// Id of the semaphore set.
        id: i32,
        /// The `semctl` command.
        cmd: u32,
    },
    /// `shmctl(id, cmd, buffer)`.
    Shmctl {
        /// Id of the segment.
        id: i32,
        /// The `shmctl` command.
        cmd: u32,
    },
    /// `ioctl(fd, cmd, buffer)`.
    Ioctl {
        /// The descriptor.
        fd: u32,
        /// The request.
        cmd: u32,
    },
    /// `getcwd(buffer, len)`.
    Getcwd,
    /// `stat64(path, buffer)`.
    Stat(String),
    /// `lstat64(path, buffer)`.
    Lstat(String),
    /// `fstat64(fd, buffer)`.
    Fstat(u32),
    /// `readlink(path, buffer, len)`.
    Readlink(String),
    /// `getdents64(fd, buffer, len)`.
    Getdents(u32),
    /// `fcntl64(fd, command, buffer)`.
    Lock {
        /// The descriptor.
        fd: u32,
        /// `F_GETLK64` and so on.
        command: u32,
    },
    /// `times(buffer)`.
    Times,
    /// `gettimeofday(buffer, NULL)`.
    Gettimeofday,
    /// `sysinfo(buffer)`.
    Sysinfo,
    /// `uname(buffer)`.
    Uname,
    /// `getgroups(size, buffer)`.
    Getgroups(u32),
    /// `setgroups(size, buffer)`.
    Setgroups(u32),
    /// `mincore(addr, len, buffer)`.
    Mincore {
        /// First address of the range.
        addr: u32,
        /// Its length, in bytes.
        len: u32,
    },
    /// `poll(buffer, count, timeout)`.
    Poll {
        /// Number of entries.
        count: u32,
        /// How long to wait, in ms; negative for ever.
        timeout: i32,
    },
    /// `select(n, read, write, except, time)`: the time comes first in the buffer, then the three sets,
    /// each of [`FD_SET_BYTES`].
    Select {
        /// One more than the highest descriptor.
        n: u32,
        /// Whether the time counts.
        timed: bool,
    },
    /// `timer_create(clock, event, id)`: the id comes first in the buffer.
    TimerCreate {
        /// The clock.
        clock: u32,
    },
    /// `timer_settime(timer, 0, new, old)`: the new setting, then the old one.
    TimerSettime(i32),
    /// `timer_gettime(timer, buffer)`.
    TimerGettime(i32),
    /// `msgsnd(id, buffer, size, flags)`.
    Msgsnd {
        /// Id of the queue.
        id: i32,
        /// Length of the text, in bytes.
        size: u32,
        /// `IPC_NOWAIT`.
        flags: u32,
    },
    /// `msgrcv(id, buffer, size, kind, flags)`.
    Msgrcv {
        /// Id of the queue.
        id: i32,
        /// The most bytes of text.
        size: u32,
        /// The type of message.
        kind: i32,
        /// `IPC_NOWAIT` and the other flags.
        flags: u32,
    },
    /// `msgctl(id, cmd, buffer)`.
    Msgctl {
        /// Id of the queue.
        id: i32,
        /// The `msgctl` command.
        cmd: u32,
    },
    /// `ptrace(request, pid, addr, buffer)`.
    Ptrace {
        /// The `ptrace` request.
        request: u32,
        /// Pid of the traced task.
        pid: i32,
        /// The address argument of the request.
        addr: u32,
    },
}

impl BufferCall {
    /// The name of the call.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Write(_) => "write",
            Self::Pread(..) => "pread64",
            Self::Pwrite(..) => "pwrite64",
            Self::Pipe => "pipe",
            Self::Semop { .. } => "semop",
            Self::Semctl { .. } => "semctl",
            Self::Shmctl { .. } => "shmctl",
            Self::Ioctl { .. } => "ioctl",
            Self::Getcwd => "getcwd",
            Self::Stat(_) => "stat64",
            Self::Lstat(_) => "lstat64",
            Self::Fstat(_) => "fstat64",
            Self::Readlink(_) => "readlink",
            Self::Getdents(_) => "getdents64",
            Self::Lock { .. } => "fcntl64",
            Self::Times => "times",
            Self::Gettimeofday => "gettimeofday",
            Self::Sysinfo => "sysinfo",
            Self::Uname => "uname",
            Self::Getgroups(_) => "getgroups",
            Self::Setgroups(_) => "setgroups",
            Self::Mincore { .. } => "mincore",
            Self::Poll { .. } => "poll",
            Self::Select { .. } => "select",
            Self::TimerCreate { .. } => "timer_create",
            Self::TimerSettime(_) => "timer_settime",
            Self::TimerGettime(_) => "timer_gettime",
            Self::Msgsnd { .. } => "msgsnd",
            Self::Msgrcv { .. } => "msgrcv",
            Self::Msgctl { .. } => "msgctl",
            Self::Ptrace { .. } => "ptrace",
        }
    }

    fn at(&self, addr: VirtAddr, len: u32) -> Syscall {
        let after = |bytes: u32| VirtAddr(addr.0.wrapping_add(bytes));
        match *self {
            Self::Read(fd) => Syscall::Read(fd, addr, len),
            Self::Write(fd) => Syscall::Write(fd, addr, len),
            Self::Pread(fd, offset) => Syscall::Pread64(fd, addr, len, offset),
            Self::Pwrite(fd, offset) => Syscall::Pwrite64(fd, addr, len, offset),
            Self::Pipe => Syscall::Pipe(addr),
            Self::Semop { id, count } => Syscall::Ipc(IpcCall::Semop(id, addr, count)),
            Self::Semctl { id, cmd } => Syscall::Ipc(IpcCall::Semctl {
                id,
                num: 0,
                cmd,
                arg: addr.0,
            }),
            Self::Shmctl { id, cmd } => Syscall::Ipc(IpcCall::Shmctl(id, cmd, addr)),
            Self::Ioctl { fd, cmd } => Syscall::Ioctl(fd, cmd, addr.0),
            Self::Getcwd => Syscall::Getcwd(addr, len),
            Self::Stat(ref path) => Syscall::Stat64(path.clone(), addr),
            Self::Lstat(ref path) => Syscall::Lstat64(path.clone(), addr),
            Self::Fstat(fd) => Syscall::Fstat64(fd, addr),
            Self::Readlink(ref path) => Syscall::Readlink(path.clone(), addr, len.cast_signed()),
            Self::Getdents(fd) => Syscall::Getdents64(fd, addr, len),
            Self::Lock { fd, command } => Syscall::Fcntl64(fd, command, addr.0),
            Self::Times => Syscall::Times(addr),
            Self::Gettimeofday => Syscall::Gettimeofday(addr, VirtAddr(0)),
            Self::Sysinfo => Syscall::Sysinfo(addr),
            Self::Uname => Syscall::Uname(addr),
            Self::Getgroups(size) => Syscall::Getgroups32(size, addr, GroupWidth::High),
            Self::Setgroups(size) => Syscall::Setgroups32(size, addr, GroupWidth::High),
            Self::Mincore { addr: at, len } => Syscall::Mincore(at, len, addr),
            Self::Poll { count, timeout } => Syscall::Poll(addr, count, timeout.cast_unsigned()),
            Self::Select { n, timed } => {
                let set = |nth| after(TIMEVAL_BYTES + nth * FD_SET_BYTES).0;
                let time = if timed { addr.0 } else { 0 };
                Syscall::Select([n, set(0), set(1), set(2), time])
            }
            Self::TimerCreate { clock } => Syscall::TimerCreate(clock, after(TIMER_ID_BYTES), addr),
            Self::TimerSettime(id) => Syscall::TimerSettime(id, 0, addr, after(ITIMERSPEC_BYTES)),
            Self::TimerGettime(id) => Syscall::TimerGettime(id, addr),
            Self::Msgsnd { id, size, flags } => Syscall::Ipc(IpcCall::Msgsnd(MsgsndArgs {
                id,
                message: addr,
                size,
                flags,
            })),
            Self::Msgrcv {
                id,
                size,
                kind,
                flags,
            } => Syscall::Ipc(IpcCall::Msgrcv(MsgrcvArgs {
                id,
                message: addr,
                size,
                kind,
                flags,
            })),
            Self::Msgctl { id, cmd } => Syscall::Ipc(IpcCall::Msgctl(id, cmd, addr)),
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

/// A buffer on the stack of a puppet that is inside a system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StackFrame {
    /// Address of the buffer.
    pub addr: VirtAddr,
    /// Length of the buffer, in bytes.
    pub len: u32,
    /// The stack pointer to restore.
    pub esp: u32,
}

impl Machine {
    /// Makes room below the stack pointer, stores the bytes there, makes the call, and reads the
    /// buffer afterwards.
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
                    call.buffer = Some(what.call.clone());
                }
                Acted::Blocks(id)
            }
            other => other,
        }
    }

    /// The contents of the buffer of a call that has returned. Restores the stack pointer.
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
