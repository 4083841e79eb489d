//! System calls as data, their dispatch, and what it means for one to block: the kernel never
//! blocks the host, it remembers where the call goes on.

use super::process_calls::ProcessCall;
use super::restart::Restart;
use super::result::{SysResult, SysReturn, eax_of};
use super::sched_calls::SchedCall;
use super::signal_calls::SignalCall;
use crate::abi::{CloneFlags, Errno, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::exec::ExecArgs;
use crate::kernel::exit::WaitArgs;
use crate::kernel::fork::ForkArgs;
use crate::kernel::ipc::{FutexArgs, IpcCall};
use crate::kernel::mm::MmapArgs;
use crate::kernel::ptrace::PtraceArgs;
use crate::kernel::signal::{SetSize, SigactionArgs};
use crate::kernel::task::{Continuation, OpenCall, SigAction};
use crate::trace::TraceEvent;

/// A system call with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Syscall {
    /// `exit(code)`: this task only.
    Exit(i32),
    /// `exit_group(code)`: the whole process.
    ExitGroup(i32),
    /// `fork()`.
    Fork,
    /// `vfork()`.
    Vfork,
    /// `clone(...)`.
    Clone(ForkArgs),
    /// `execve(path, argv, envp)`.
    Execve(ExecArgs),
    /// `wait4(pid, status, options, NULL)`.
    Wait4(WaitArgs),
    /// `open(path, flags)`.
    Open(String, u32),
    /// `close(fd)`.
    Close(u32),
    /// `read(fd, addr, len)`.
    Read(u32, VirtAddr, u32),
    /// `write(fd, addr, len)`.
    Write(u32, VirtAddr, u32),
    /// `pipe(fds)`.
    Pipe(VirtAddr),
    /// `lseek(fd, offset, origin)`.
    Lseek(u32, i32, u32),
    /// `dup(fd)`.
    Dup(u32),
    /// `dup2(fd, copy)`.
    Dup2(u32, u32),
    /// `fcntl(fd, cmd, arg)`.
    Fcntl(u32, u32, u32),
    /// `unlink(path)`.
    Unlink(String),
    /// `mkdir(path, mode)`.
    Mkdir(String),
    /// `chdir(path)`.
    Chdir(String),
    /// `chroot(path)`.
    Chroot(String),
    /// `getcwd(addr, size)`.
    Getcwd(VirtAddr, u32),
    /// `umask(mask)`.
    Umask(u32),
    /// `sigaction(signal, new, old)`; `None` only asks.
    Sigaction(u32, Option<SigAction>),
    /// `mmap2(addr, len, prot, flags, fd, pgoff)`.
    Mmap(MmapArgs),
    /// `munmap(addr, len)`.
    Munmap(u32, u32),
    /// `brk(addr)`.
    Brk(u32),
    /// `getpid()`.
    Getpid,
    /// `gettid()`.
    Gettid,
    /// `getppid()`.
    Getppid,
    /// `set_tid_address(addr)`.
    SetTidAddress(VirtAddr),
    /// `set_thread_area(user_desc)`.
    SetThreadArea(VirtAddr),
    /// `nice(increment)`.
    Nice(i32),
    /// `sched_yield()`.
    SchedYield,
    /// `ptrace(request, pid, addr, data)`.
    Ptrace(PtraceArgs),
    /// `nanosleep(req, rem)`.
    Nanosleep(VirtAddr, VirtAddr),
    /// `futex(...)`.
    Futex(FutexArgs),
    /// `getuid()`, `geteuid()`, `getgid()`, `getegid()`: which, by its number.
    GetId(u16),
    /// A call about signals.
    Signal(SignalCall),
    /// A call about processes.
    Process(ProcessCall),
    /// A call about semaphores.
    Ipc(IpcCall),
    /// A call that is not emulated, by its number.
    Unknown(u16),
    /// A call about priorities, policies and CPUs.
    Sched(SchedCall),
}

impl Syscall {
    /// The i386 system call number.
    pub const fn nr(&self) -> u16 {
        match self {
            Self::Exit(_) => 1,
            Self::Fork => 2,
            Self::Read(..) => 3,
            Self::Write(..) => 4,
            Self::Open(..) => 5,
            Self::Close(_) => 6,
            Self::Unlink(_) => 10,
            Self::Execve(_) => 11,
            Self::Chdir(_) => 12,
            Self::Lseek(..) => 19,
            Self::Getpid => 20,
            Self::Nice(_) => 34,
            Self::Ptrace(_) => 26,
            Self::Mkdir(_) => 39,
            Self::Dup(_) => 41,
            Self::Pipe(_) => 42,
            Self::Brk(_) => 45,
            Self::Fcntl(..) => 55,
            Self::Umask(_) => 60,
            Self::Chroot(_) => 61,
            Self::Dup2(..) => 63,
            Self::Getppid => 64,
            Self::Sigaction(..) => 67,
            Self::Munmap(..) => 91,
            Self::Wait4(_) => 114,
            Self::Clone(_) => 120,
            Self::SchedYield => 158,
            Self::Nanosleep(..) => 162,
            Self::Getcwd(..) => 183,
            Self::Vfork => 190,
            Self::Mmap(_) => 192,
            Self::Gettid => 224,
            Self::Futex(_) => 240,
            Self::Sched(call) => call.nr(),
            Self::SetThreadArea(_) => 243,
            Self::ExitGroup(_) => 252,
            Self::SetTidAddress(_) => 258,
            Self::Signal(call) => call.nr(),
            Self::Process(call) => call.nr(),
            Self::Ipc(_) => IpcCall::NR,
            Self::GetId(nr) | Self::Unknown(nr) => *nr,
        }
    }

    /// The name of a system call number, as far as it is one of these.
    pub const fn name_of(nr: u16) -> &'static str {
        match nr {
            1 => "exit",
            2 => "fork",
            3 => "read",
            4 => "write",
            5 => "open",
            6 => "close",
            10 => "unlink",
            11 => "execve",
            12 => "chdir",
            19 => "lseek",
            20 => "getpid",
            24 => "getuid",
            26 => "ptrace",
            34 => "nice",
            39 => "mkdir",
            41 => "dup",
            42 => "pipe",
            45 => "brk",
            47 => "getgid",
            49 => "geteuid",
            50 => "getegid",
            55 => "fcntl",
            60 => "umask",
            61 => "chroot",
            63 => "dup2",
            64 => "getppid",
            91 => "munmap",
            114 => "wait4",
            117 => "ipc",
            120 => "clone",
            158 => "sched_yield",
            162 => "nanosleep",
            183 => "getcwd",
            190 => "vfork",
            192 => "mmap2",
            224 => "gettid",
            240 => "futex",
            243 => "set_thread_area",
            252 => "exit_group",
            258 => "set_tid_address",
            _ => match named(SignalCall::NAMES, nr) {
                Some(name) => name,
                None => match (named(ProcessCall::NAMES, nr), named(SchedCall::NAMES, nr)) {
                    (Some(name), _) | (None, Some(name)) => name,
                    (None, None) => "?",
                },
            },
        }
    }

    /// The call itself, if it may be made again after a signal.
    pub(in crate::kernel) fn made_again(&self) -> Option<Self> {
        self.may_restart().then(|| self.clone())
    }

    /// Whether the call may be made again after a signal.
    const fn may_restart(&self) -> bool {
        match self {
            Self::Wait4(_)
            | Self::Read(..)
            | Self::Write(..)
            | Self::Nanosleep(..)
            | Self::Sigaction(..) => true,
            Self::Process(ProcessCall::Waitid(_)) => true,
            Self::Signal(call) => call.may_restart(),
            _ => false,
        }
    }

    /// The first argument as a word, for the trace; 0 for names.
    pub(in crate::kernel) const fn first_arg(&self) -> u32 {
        match self {
            Self::Exit(code) | Self::ExitGroup(code) | Self::Nice(code) => *code as u32,
            Self::Sched(call) => call.first_arg(),
            Self::Clone(args) => args.flags.bits(),
            Self::Wait4(args) => args.pid as u32,
            Self::Close(word) | Self::Dup(word) | Self::Brk(word) => *word,
            Self::Sigaction(word, _) | Self::Munmap(word, _) | Self::Fcntl(word, ..) => *word,
            Self::Mmap(args) => args.addr,
            Self::Read(fd, ..) | Self::Write(fd, ..) | Self::Lseek(fd, ..) => *fd,
            Self::SetTidAddress(addr) | Self::SetThreadArea(addr) => addr.0,
            Self::Nanosleep(addr, _) | Self::Pipe(addr) | Self::Getcwd(addr, _) => addr.0,
            Self::Dup2(word, _) | Self::Umask(word) => *word,
            Self::Futex(args) => args.addr.0,
            Self::Ptrace(args) => args.request,
            Self::Signal(call) => call.first_arg(),
            Self::Process(call) => call.first_arg(),
            Self::Ipc(call) => call.first_arg(),
            _ => 0,
        }
    }
}

impl Kernel {
    /// `int 0x80`: carries a system call out for the current task.
    ///
    /// What it returns is there for [`Kernel::take_return`] if it is done. If it blocks or ends the
    /// task, another task is current now.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/entry.S`, `system_call`.
    pub fn syscall(&mut self, current: TaskId, call: Syscall) {
        let nr = call.nr();
        self.stat.syscalls += 1;
        let task = self.task_mut(current);
        task.in_call.again = call.made_again();
        self.begin_call(current, nr, call.first_arg());
        if self.stops_before_call(current, Some(&call)) {
            return;
        }
        let result = self.dispatch(current, call);
        self.end_call(current, result);
    }

    fn end_call(&mut self, current: TaskId, result: SysResult) {
        match result {
            SysResult::Done(result) => self.syscall_exit(current, result),
            SysResult::Restart(restart) => self.interrupt_call(current, restart),
            SysResult::Blocked => {}
        }
    }

    /// A system call begins.
    pub(super) fn begin_call(&mut self, current: TaskId, nr: u16, arg: u32) {
        let task = self.task_mut(current);
        task.in_call.open = Some(OpenCall {
            nr,
            restart: None,
            result: None,
        });
        task.in_call.returned = None;
        task.in_call.entered_handler = false;
        self.trace(current, TraceEvent::SysEnter { nr, arg });
    }

    pub(in crate::kernel) fn dispatch(&mut self, current: TaskId, call: Syscall) -> SysResult {
        match call {
            Syscall::Exit(code) => self.do_exit(current, (code as u32 & 0xff) << 8),
            Syscall::ExitGroup(code) => self.do_group_exit(current, (code as u32 & 0xff) << 8),
            Syscall::Fork => self.do_fork(current, &ForkArgs::with_flags(CloneFlags::FORK)),
            Syscall::Vfork => self.do_fork(current, &ForkArgs::with_flags(CloneFlags::VFORK)),
            Syscall::Clone(args) => self.do_fork(current, &args),
            Syscall::Execve(args) => self.sys_execve(current, &args),
            Syscall::Wait4(args) => self.sys_wait4(current, args),
            Syscall::Open(path, flags) => self.sys_open(current, &path, flags).into(),
            Syscall::Close(fd) => self.sys_close(current, fd).into(),
            Syscall::Read(fd, addr, len) => self.sys_read(current, fd, addr, len),
            Syscall::Write(fd, addr, len) => self.sys_write(current, fd, addr, len),
            Syscall::Lseek(fd, offset, origin) => {
                self.sys_lseek(current, fd, offset, origin).into()
            }
            Syscall::Pipe(addr) => self.sys_pipe(current, addr).into(),
            Syscall::Dup2(fd, copy) => self.sys_dup2(current, fd, copy).into(),
            Syscall::Dup(fd) => self.sys_dup(current, fd).into(),
            Syscall::Fcntl(fd, cmd, arg) => self.sys_fcntl(current, fd, cmd, arg).into(),
            Syscall::Unlink(path) => self.sys_unlink(current, &path).into(),
            Syscall::Mkdir(path) => self.sys_mkdir(current, &path).into(),
            Syscall::Chdir(path) => self.sys_chdir(current, &path).into(),
            Syscall::Chroot(path) => self.sys_chroot(current, &path).into(),
            Syscall::Getcwd(addr, size) => self.sys_getcwd(current, addr, size).into(),
            Syscall::Umask(mask) => Ok(self.sys_umask(current, mask)).into(),
            Syscall::Sigaction(signal, new) => {
                let args = SigactionArgs {
                    signal,
                    new: new.map(Into::into),
                    old: VirtAddr(0),
                    size: SetSize::Word,
                };
                self.sys_sigaction(current, args)
            }
            Syscall::Mmap(args) => SysResult::of(self.sys_mmap(current, &args)),
            Syscall::Munmap(addr, len) => SysResult::of(self.sys_munmap(current, addr, len)),
            Syscall::Brk(addr) => Ok(self.sys_brk(current, addr)).into(),
            Syscall::Getpid => Ok(self.task(current).tgid.0 as u32).into(),
            Syscall::Gettid => Ok(self.pid(current).0 as u32).into(),
            Syscall::Getppid => Ok(self.sys_getppid(current)).into(),
            Syscall::SetTidAddress(addr) => {
                self.task_mut(current).clear_child_tid = addr;
                Ok(self.pid(current).0 as u32).into()
            }
            Syscall::SetThreadArea(addr) => self.sys_set_thread_area(current, addr).into(),
            Syscall::Nice(increment) => self.sys_nice(current, increment).into(),
            Syscall::Sched(call) => self.dispatch_sched(current, call),
            Syscall::SchedYield => {
                self.sched_yield();
                Ok(0).into()
            }
            Syscall::Ptrace(args) => self.sys_ptrace(current, args).into(),
            Syscall::Nanosleep(req, rem) => self.sys_nanosleep(current, req, rem),
            Syscall::Futex(args) => self.sys_futex(current, args),
            Syscall::Signal(call) => self.dispatch_signal(current, call),
            Syscall::Process(call) => self.dispatch_process(current, call),
            Syscall::Ipc(call) => self.dispatch_ipc(current, call),
            Syscall::GetId(nr) => Ok(self.getid(current, nr)).into(),
            Syscall::Unknown(_) => Err(Errno::ENOSYS).into(),
        }
    }

    /// The end of a system call: its value goes into `eax`. The task may stop for its tracer yet.
    pub(in crate::kernel) fn syscall_exit(&mut self, current: TaskId, result: SysReturn) {
        let task = self.task_mut(current);
        task.thread.regs.eax = eax_of(result);
        task.in_call.again = None;
        if let Some(call) = &mut task.in_call.open {
            call.result = Some(result);
        }
        if !self.stops_after_call(current) {
            self.leave_call(current);
        }
    }

    /// The task is on its way back to user mode.
    pub(in crate::kernel) fn leave_call(&mut self, current: TaskId) {
        let task = self.task_mut(current);
        let eax = task.thread.regs.eax;
        if let Some(call) = task.in_call.open.take() {
            task.in_call.returned = Some(call.returns(eax));
            let (nr, ret) = (call.nr, eax as i32);
            self.trace(current, TraceEvent::SysExit { nr, ret });
        }
    }

    /// What the latest system call of a task has returned; `None` if it has not, or if this was
    /// asked before.
    pub fn take_return(&mut self, task: TaskId) -> Option<SysReturn> {
        self.tasks.get_mut(task)?.in_call.returned.take()
    }

    /// Goes on where the current task left off when it gave the CPU up inside the kernel.
    ///
    /// Returns `false` if it has nothing to go on with, that is, if it is in user mode.
    pub fn resume(&mut self, current: TaskId) -> bool {
        let Some(continuation) = self.task_mut(current).in_call.continuation.take() else {
            return false;
        };
        let result = match continuation {
            Continuation::RetFromFork => {
                self.schedule_tail(current);
                return true;
            }
            Continuation::PtraceStop(trap) => self.ptrace_resumes(current, trap),
            Continuation::ExecWaitsForThreads => self.exec_waits_for_threads(current),
            Continuation::ExecWaitsForLeader => self.exec_waits_for_leader(current),
            Continuation::VforkWait { child, done: true } => self.vfork_is_over(current, child),
            Continuation::VforkWait { child, done: false } => {
                self.wait_for_completion(current, child)
            }
            Continuation::Wait4 { args, queued } => self.do_wait(current, args, queued),
            Continuation::ReadConsole { addr, len } => self.read_console(current, addr, len),
            Continuation::PipeRead(io) => self.pipe_read(current, io),
            Continuation::PipeWrite(io) => self.pipe_write_resumes(current, io),
            Continuation::Nanosleep { until, rem } => self.nanosleep_ends(current, until, rem),
            Continuation::Again { block } => {
                self.call_again(current, block);
                return true;
            }
            Continuation::SignalStop { suspended } => {
                match self.continue_stopped(current, suspended) {
                    Some(result) => result,
                    None => return true,
                }
            }
            Continuation::Pause => SysResult::Restart(Restart::NoHand),
            Continuation::Sigsuspend { saved } => self.sigsuspend_woken(current, saved),
            Continuation::Sigtimedwait { set, info, until } => {
                self.sigtimedwait_woken(current, set, info, until)
            }
            Continuation::Semop { id, until, result } => {
                self.semop_woken(current, id, until, result)
            }
            Continuation::Futex { key, until } => self.futex_woken(current, key, until),
            Continuation::MigrationWait { then, done } => self.after_migration(current, then, done),
        };
        self.end_call(current, result);
        true
    }

    /// Linux 2.6.12: `kernel/timer.c`, `sys_getppid()`.
    fn sys_getppid(&self, current: TaskId) -> u32 {
        let leader = self.task(current).group_leader;
        self.task(self.task(leader).real_parent).tgid.0 as u32
    }

    /// `getuid`, `geteuid`, `getgid` or `getegid`, by its number, the old or the one with 32-bit
    /// ids.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `sys_getuid()`.
    fn getid(&self, current: TaskId, nr: u16) -> u32 {
        let cred = &self.task(current).cred;
        match nr {
            24 | 199 => cred.uid,
            49 | 201 => cred.euid,
            _ => cred.gid,
        }
    }
}

/// The name of a number in a table.
const fn named(names: &'static [(u16, &'static str)], nr: u16) -> Option<&'static str> {
    let mut at = 0;
    while at < names.len() {
        if names[at].0 == nr {
            return Some(names[at].1);
        }
        at += 1;
    }
    None
}
