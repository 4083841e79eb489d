//! `execve`: replaces the program of a task.

use crate::abi::{Errno, InodeId, PfFlags, PtFlags, PtraceEvent, S_IXUGO, Signal, TaskId};
use crate::hw::{Regs, SegmentDescriptor};
use crate::kernel::Kernel;
use crate::kernel::fs::{Goal, InodeKind, May};
use crate::kernel::syscall::{ExecArgs, MAX_ARG_BYTES, SysResult};
use crate::kernel::task::{AltStack, PendingExec, SendInfo, Trap};
use crate::trace::{SlabCache, TraceEvent};

impl ExecArgs {
    /// Bytes that path, arguments and environment take on the new stack.
    fn bytes(&self) -> usize {
        let strings = self.argv.iter().chain(&self.envp);
        self.path.len() + 1 + strings.map(|s| s.len() + 1).sum::<usize>()
    }
}

impl Kernel {
    /// Linux 2.6.12: `fs/exec.c`, `do_execve()` and `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// Simplified: no set-id programs.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG` from the lookup; `EACCES` if the file is not a program;
    /// `ETXTBSY` if it is open for writing; `ENOEXEC` if it cannot be loaded; `E2BIG`; `EMFILE` if
    /// there is no descriptor for the loader; `EAGAIN` if the process is exiting; `ENOMEM`. The
    /// caller then continues with its old program and its other threads, and a vfork parent keeps
    /// waiting.
    pub(in crate::kernel) fn sys_execve(&mut self, current: TaskId, args: ExecArgs) -> SysResult {
        match self.find_program(current, &args.path) {
            Ok(exe) => self.exec_balanced(current, exe, &args),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Linux 2.6.12: `fs/exec.c`, `open_exec()`.
    ///
    /// # Errors
    /// Errors of the lookup; `EACCES` if the file is not a program, or may not be executed; `ETXTBSY`
    /// if it is open for writing.
    pub(in crate::kernel) fn find_program(
        &mut self,
        task: TaskId,
        path: &str,
    ) -> Result<InodeId, Errno> {
        let exe = self.user_path(task, path, Goal::Follow)?;
        let inode = &self.inodes[exe];
        let nobody_may = inode.attr.mode & S_IXUGO == 0;
        if !inode.kind.is_executable() {
            return Err(Errno::EACCES);
        }
        self.permission(task, exe, May::EXEC)?;
        if nobody_may {
            return Err(Errno::EACCES);
        }
        if self.is_written(exe) {
            Err(Errno::ETXTBSY)
        } else {
            Ok(exe)
        }
    }

    /// `execve` for a program whose inode is known.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// # Errors
    /// Those of `execve`.
    pub fn exec_inode(&mut self, current: TaskId, exe: InodeId, args: &ExecArgs) -> SysResult {
        match self.prepare_exec(current, exe, args) {
            Ok(exec) => self.de_thread(current, exec),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Does everything in exec that can fail.
    fn prepare_exec(
        &mut self,
        current: TaskId,
        exe: InodeId,
        args: &ExecArgs,
    ) -> Result<PendingExec, Errno> {
        // All that can fail happens here, while the old program can still get the error.
        if args.bytes() > MAX_ARG_BYTES {
            return Err(Errno::E2BIG);
        }
        if let InodeKind::NoImage(why) = &self.inodes[exe].kind {
            // The program only gets the number; whoever wrote the function needs the reason.
            if !why.is_empty() {
                let line = format!("exec {}: {why}\n", args.path);
                self.print_on_console(line.as_bytes());
            }
            return Err(Errno::ENOEXEC);
        }
        let (mm, esp) = self.mm_for_exec(exe, args)?;
        if let Err(errno) = self.unshare_files(current) {
            self.mmput(mm);
            return Err(errno);
        }
        let path = args.path.clone();
        Ok(PendingExec { mm, esp, exe, path })
    }

    /// The point of no return: the old program's memory is released, and the new program starts.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `flush_old_exec()`; `fs/binfmt_elf.c`, `load_elf_binary()`.
    pub(super) fn load_program(&mut self, current: TaskId, exec: PendingExec) -> SysResult {
        // The tid to be cleared is in the old memory, so this comes first. It also wakes a vfork
        // parent, which has that memory to itself from here on.
        self.mm_release(current);
        // Memory that is being dumped must not go away; the caller is about to be killed.
        if self.mms[self.mm_id(current)].core.is_some() {
            self.mmput(exec.mm);
            return Err(Errno::EINTR).into();
        }
        self.exec_mmap(current, exec.mm);
        self.flush_old_exec(current, &exec.path);
        let eip = match &self.inodes[exec.exe].kind {
            InodeKind::Image(image) => image.entry,
            _ => self.mms[exec.mm].start_code,
        };
        let task = self.task_mut(current);
        // The number of the call stays, by which a tracer knows it at its exit.
        task.thread.regs = Regs {
            eip,
            esp: exec.esp,
            orig_eax: task.thread.regs.orig_eax,
            ..Regs::default()
        };
        task.in_call.execed = true;
        task.flags -= PfFlags::FORKNOEXEC;
        let name = self.comm(current);
        self.trace(current, TraceEvent::SchedProcessExec { name });
        let traced = self.task(current).ptrace();
        if traced.contains(PtFlags::PTRACED) {
            if traced.contains(PtFlags::TRACE_EXEC) {
                return self.ptrace_event(current, PtraceEvent::Exec, Trap::Exec);
            }
            let info = SendInfo::From(current);
            // A standard signal is always queued.
            let _sent = self.specific_send_sig_info(Signal::SIGTRAP, info, current);
        }
        self.finish_exec(current).into()
    }

    /// Whether exec has given a task a new program that its user mode has not yet begun. It is told
    /// once.
    pub fn take_execed(&mut self, task: TaskId) -> bool {
        let task = self.tasks.get_mut(task);
        task.is_some_and(|task| std::mem::take(&mut task.in_call.execed))
    }

    /// The end of exec, after the stop for a tracer.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `search_binary_handler()`; `arch/i386/kernel/process.c`,
    /// `sys_execve()`.
    pub(in crate::kernel) fn finish_exec(&mut self, current: TaskId) -> Result<u32, Errno> {
        let task = self.task_mut(current);
        task.did_exec = true;
        task.set_ptrace(task.ptrace() - PtFlags::DTRACE);
        Ok(0)
    }

    /// Resets what a program does not keep: its name, TLS, handlers, close-on-exec files.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `flush_old_exec()`.
    fn flush_old_exec(&mut self, current: TaskId, path: &str) {
        let base = path.rsplit('/').next().unwrap_or(path);
        let name = self.names.intern(base);
        self.sched.set_task_comm(current, name);
        let (cred, mm) = (self.task(current).cred(), self.mm_id(current));
        self.mms[mm].dumpable = cred.euid == cred.uid && cred.egid == cred.gid;
        let task = self.task_mut(current);
        task.thread.tls_array = [SegmentDescriptor::default(); 3];
        task.altstack = AltStack::default();
        task.self_exec_id += 1;
        // The handlers were addresses in the old program. `de_thread` has made the actions the task's
        // own, so no other process loses its handlers.
        self.sighand_of_mut(current).flush_handlers();
        self.flush_old_files(self.files_id(current));
    }

    /// Gives the new program a descriptor table of its own. The loader then looks for a free
    /// descriptor, and signal actions are allocated if needed. If one of these fails, everything is
    /// shared as before.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `unshare_files()`; `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// # Errors
    /// `ENOMEM`, `EMFILE`, `EAGAIN`.
    fn unshare_files(&mut self, current: TaskId) -> Result<(), Errno> {
        let files = self.files_id(current);
        let is_shared = self.files[files].count() > 1;
        if is_shared {
            self.kmem_cache_alloc(SlabCache::Files)?;
        }
        self.check_unused_fd(current)?;
        self.may_de_thread(current)?;
        if is_shared {
            let own = self.dup_files(files);
            self.steal_locks(files, own);
            self.put_files(files);
            self.task_mut(current).files = Some(own);
        }
        Ok(())
    }
}
