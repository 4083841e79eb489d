//! `int 0x80`: which system call the registers ask for, with its arguments copied in.

use super::call::Syscall;
use crate::abi::{CloneFlags, Errno, MapFlags, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::exec::ExecArgs;
use crate::kernel::exit::WaitArgs;
use crate::kernel::fork::ForkArgs;
use crate::kernel::ipc::FutexArgs;
use crate::kernel::mm::MmapArgs;
use crate::kernel::ptrace::PtraceArgs;
use crate::kernel::signal::InfoTo;

/// Most bytes of arguments and environment: 32 pages, less a word.
///
/// Linux 2.6.12: include/linux/binfmts.h, `MAX_ARG_PAGES`.
pub(in crate::kernel) const MAX_ARG_BYTES: usize = 32 * PAGE_SIZE as usize - 4;

impl Kernel {
    /// Carries out the system call that the current task's registers ask for. Its value goes into
    /// `eax`, now or when it ends.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/entry.S`, `system_call`, and `include/asm-i386/unistd.h`.
    pub fn system_call(&mut self, current: TaskId) {
        let regs = &mut self.task_mut(current).thread.regs;
        regs.orig_eax = regs.eax;
        let nr = regs.eax;
        let arg = regs.ebx;
        if self.stops_at_calls(current) {
            // Its tracer may change the arguments yet.
            self.stat.syscalls += 1;
            self.begin_call(current, nr as u16, arg);
            if self.stops_before_call(current, None) {
                return;
            }
        }
        match self.decode(current, nr) {
            Ok(call) => {
                self.syscall(current, call);
            }
            Err(errno) => {
                self.stat.syscalls += 1;
                self.begin_call(current, nr as u16, arg);
                self.syscall_exit(current, Err(errno));
            }
        }
    }

    /// The call with its arguments; what the caller's memory holds of them is copied.
    ///
    /// # Errors
    /// Of that copying: `EFAULT`, `ENAMETOOLONG`, `ENOENT`, `E2BIG`.
    pub(in crate::kernel) fn decode(&mut self, current: TaskId, nr: u32) -> Result<Syscall, Errno> {
        let regs = self.task(current).thread.regs;
        let [a, b, c] = [regs.ebx, regs.ecx, regs.edx];
        let [d, e, f] = [regs.esi, regs.edi, regs.ebp];
        Ok(match nr {
            1 => Syscall::Exit(a as i32),
            2 => Syscall::Fork,
            3 => Syscall::Read(a, VirtAddr(b), c),
            4 => Syscall::Write(a, VirtAddr(b), c),
            5 => Syscall::Open(self.getname(current, a)?, b),
            6 => Syscall::Close(a),
            7 => Syscall::Wait4(wait_args(a, b, c, 0)),
            10 => Syscall::Unlink(self.getname(current, a)?),
            11 => Syscall::Execve(self.exec_args(current, a, b, c)?),
            12 => Syscall::Chdir(self.getname(current, a)?),
            19 => Syscall::Lseek(a, b as i32, c),
            20 => Syscall::Getpid,
            24 | 47 | 49 | 50 | 199..=202 => Syscall::GetId(nr as u16),
            26 => Syscall::Ptrace(PtraceArgs {
                request: a,
                pid: b as i32,
                addr: c,
                data: d,
            }),
            34 => Syscall::Nice(a as i32),
            39 => Syscall::Mkdir(self.getname(current, a)?),
            41 => Syscall::Dup(a),
            42 => Syscall::Pipe(VirtAddr(a)),
            45 => Syscall::Brk(a),
            55 | 221 => Syscall::Fcntl(a, b, c),
            60 => Syscall::Umask(a),
            61 => Syscall::Chroot(self.getname(current, a)?),
            63 => Syscall::Dup2(a, b),
            64 => Syscall::Getppid,
            91 => Syscall::Munmap(a, b),
            114 => Syscall::Wait4(wait_args(a, b, c, d)),
            117 => Syscall::Ipc(self.decode_ipc(current, [a, b, c, d, e, f])?),
            120 => Syscall::Clone(clone_args(a, b, c, d, e)),
            158 => Syscall::SchedYield,
            162 => Syscall::Nanosleep(VirtAddr(a), VirtAddr(b)),
            183 => Syscall::Getcwd(VirtAddr(a), b),
            190 => Syscall::Vfork,
            192 => Syscall::Mmap(MmapArgs {
                addr: a,
                len: b,
                prot: c,
                flags: d,
                fd: (d & MapFlags::ANONYMOUS.bits() == 0).then_some(e),
                pgoff: f,
            }),
            224 => Syscall::Gettid,
            240 => Syscall::Futex(FutexArgs {
                addr: VirtAddr(a),
                op: b,
                val: c,
                timeout: d,
                addr2: VirtAddr(e),
                val3: f,
            }),
            243 => Syscall::SetThreadArea(VirtAddr(a)),
            252 => Syscall::ExitGroup(a as i32),
            258 => Syscall::SetTidAddress(VirtAddr(a)),
            nr => self.decode_other(current, nr, [a, b, c, d, e])?,
        })
    }

    /// The calls about signals, scheduling and processes.
    fn decode_other(
        &mut self,
        current: TaskId,
        nr: u32,
        args @ [a, b, c, d, _]: [u32; 5],
    ) -> Result<Syscall, Errno> {
        if let Some(call) = self.decode_signal(current, nr, [a, b, c, d])? {
            return Ok(Syscall::Signal(call));
        }
        if let Some(call) = self.decode_sched(current, nr, args)? {
            return Ok(Syscall::Sched(call));
        }
        let process = self.decode_process(current, nr, args)?;
        Ok(process.map_or(Syscall::Unknown(nr as u16), Syscall::Process))
    }

    /// A file name of the caller's.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `getname()`.
    fn getname(&mut self, current: TaskId, addr: u32) -> Result<String, Errno> {
        let bytes = self.strncpy_from_user(current, addr, PAGE_SIZE as usize)?;
        let bytes = bytes.ok_or(Errno::ENAMETOOLONG)?;
        if bytes.is_empty() {
            return Err(Errno::ENOENT);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes before the next zero; `None` if there are `limit` or more.
    ///
    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `strncpy_from_user()`.
    fn strncpy_from_user(
        &mut self,
        current: TaskId,
        addr: u32,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Errno> {
        let mut bytes = Vec::new();
        while bytes.len() < limit {
            let at = VirtAddr(addr.wrapping_add(bytes.len() as u32));
            // What is left of the page is looked at in one go.
            let room = (PAGE_SIZE - at.page_offset()) as usize;
            let mut part = vec![0; room.min(limit - bytes.len())];
            self.copy_from_user(current, at, &mut part)?;
            match part.iter().position(|byte| *byte == 0) {
                Some(end) => {
                    bytes.extend_from_slice(&part[..end]);
                    return Ok(Some(bytes));
                }
                None => bytes.extend(part),
            }
        }
        Ok(None)
    }

    fn exec_args(
        &mut self,
        current: TaskId,
        path: u32,
        argv: u32,
        envp: u32,
    ) -> Result<ExecArgs, Errno> {
        let path = self.getname(current, path)?;
        // As in the kernel, the file is looked up before the arguments are counted and copied.
        self.find_program(current, &path)?;
        let mut left = MAX_ARG_BYTES.saturating_sub(path.len() + 1);
        let envp = self.string_list(current, envp, &mut left)?;
        let argv = self.string_list(current, argv, &mut left)?;
        Ok(ExecArgs { path, argv, envp })
    }

    /// The strings that a list of pointers names, up to its null pointer; no list is an empty one.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `count()` and `copy_strings()`.
    fn string_list(
        &mut self,
        current: TaskId,
        list: u32,
        left: &mut usize,
    ) -> Result<Vec<Vec<u8>>, Errno> {
        let mut strings = Vec::new();
        if list == 0 {
            return Ok(strings);
        }
        loop {
            let slot = VirtAddr(list.wrapping_add(4 * strings.len() as u32));
            let string = self.get_user_u32(current, slot)?;
            if string == 0 {
                return Ok(strings);
            }
            let bytes = self.strncpy_from_user(current, string, *left)?;
            let bytes = bytes.ok_or(Errno::E2BIG)?;
            *left -= bytes.len() + 1;
            strings.push(bytes);
        }
    }
}

const fn wait_args(pid: u32, status: u32, options: u32, rusage: u32) -> WaitArgs {
    WaitArgs {
        pid: pid as i32,
        status: VirtAddr(status),
        options,
        rusage: VirtAddr(rusage),
        info: InfoTo::Nowhere,
    }
}

/// `sys_clone`: flags, stack, parent_tid, tls, child_tid; without a stack the caller's own.
const fn clone_args(flags: u32, stack: u32, parent_tid: u32, tls: u32, child_tid: u32) -> ForkArgs {
    ForkArgs {
        flags: CloneFlags::from_bits_retain(flags),
        stack: VirtAddr(stack),
        parent_tid: VirtAddr(parent_tid),
        tls: VirtAddr(tls),
        child_tid: VirtAddr(child_tid),
        comm: None,
    }
}
