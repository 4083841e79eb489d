//! `execve`: replaces the program of a task.

use crate::abi::{Errno, FilesId, InodeId, MmId, PfFlags, PtFlags, PtraceEvent, Signal, TaskId};
use crate::hw::{Regs, SegmentDescriptor};
use crate::kernel::Kernel;
use crate::kernel::fs::{Goal, InodeKind, May};
use crate::kernel::syscall::{ExecArgs, SysResult};
use crate::kernel::task::{AltStack, NewProgram, PendingElf, PendingExec, SendInfo, Trap};
use crate::trace::{SlabCache, TraceEvent};

/// Which descriptor table a new program will have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FilesAfterExec {
    /// The one it has, which is its own.
    Same,
    /// A copy of this one, which it shares with others.
    CopyOf(FilesId),
}

impl Kernel {
    /// Linux 2.6.12: `fs/exec.c`, `do_execve()`.
    ///
    /// Simplified: a program of forklab's own never changes ids.
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
        if !self.inodes[exe].kind.has_page_cache() {
            return Err(Errno::EACCES);
        }
        self.permission(task, exe, May::EXEC)?;
        if !self.may_execute(exe) {
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
    /// # Errors
    /// Those of `execve`.
    pub fn exec_inode(&mut self, current: TaskId, exe: InodeId, args: &ExecArgs) -> SysResult {
        match self.search_binary_handler(current, exe, args) {
            Ok(exec) => self.de_thread(current, exec),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Does everything that can fail in the exec of a program of forklab's own.
    pub(super) fn prepare_exec(
        &mut self,
        current: TaskId,
        exe: InodeId,
        args: &ExecArgs,
    ) -> Result<PendingExec, Errno> {
        // All that can fail happens here, while the old program can still get the error.
        args.check_size()?;
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
        let program = NewProgram::Mapped(esp);
        Ok(PendingExec {
            mm,
            program,
            exe,
            path,
        })
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
            self.drop_pending(&exec);
            return Err(Errno::EINTR).into();
        }
        self.exec_mmap(current, exec.mm);
        self.flush_old_exec(current, &exec.path);
        let (eip, esp) = match exec.program {
            NewProgram::Mapped(esp) => (self.entry_of(exec.exe, exec.mm), esp),
            NewProgram::Elf(elf) => match self.enter_elf(current, exec.exe, &elf) {
                Ok(start) => start,
                Err(errno) => return Err(errno).into(),
            },
        };
        self.start_thread(current, eip, esp)
    }

    /// The first instruction of a program of forklab's own.
    fn entry_of(&self, exe: InodeId, mm: MmId) -> u32 {
        match &self.inodes[exe].kind {
            InodeKind::Image(image) => image.entry,
            _ => self.mms[mm].start_code,
        }
    }

    /// Loads an ELF file; returns its first instruction and its stack pointer. If that fails, the
    /// task dies of a signal.
    fn enter_elf(
        &mut self,
        current: TaskId,
        exe: InodeId,
        elf: &PendingElf,
    ) -> Result<(u32, u32), Errno> {
        self.hide_memory(current, elf);
        let loaded = self.load_elf(current, exe, elf);
        if let Some(interpreter) = elf.interpreter {
            self.iput(interpreter.exe);
        }
        loaded.map_err(|death| self.die_in_exec(current, death))
    }

    /// Nobody may look into the memory of a program that gets other rights, or that its caller may
    /// execute but not read.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `flush_old_exec()`, its end.
    fn hide_memory(&mut self, current: TaskId, elf: &PendingElf) {
        let cred = self.task(current).cred();
        let same = elf.ids.e_uid == cred.euid && elf.ids.e_gid == cred.egid;
        if !same || !elf.readable {
            let mm = self.mm_id(current);
            self.mms[mm].dumpable = false;
        }
    }

    /// Releases a program that nobody will run.
    fn drop_pending(&mut self, exec: &PendingExec) {
        self.mmput(exec.mm);
        if let NewProgram::Elf(elf) = &exec.program {
            self.free_arg_pages(&elf.pages);
            if let Some(interpreter) = elf.interpreter {
                self.iput(interpreter.exe);
            }
        }
    }

    /// Sets the registers of the new program, and stops for a tracer.
    ///
    /// Linux 2.6.12: `include/asm-i386/processor.h`, `start_thread()`; `fs/binfmt_elf.c`,
    /// `load_elf_binary()`, its end.
    fn start_thread(&mut self, current: TaskId, eip: u32, esp: u32) -> SysResult {
        let task = self.task_mut(current);
        // The number of the call stays, by which a tracer knows it at its exit; the flags stay as
        // the old program had them.
        task.thread.regs = Regs {
            eip,
            esp,
            orig_eax: task.thread.regs.orig_eax,
            eflags: task.thread.regs.eflags,
            ..Regs::default()
        };
        task.in_call.execed = true;
        task.flags -= PfFlags::FORKNOEXEC;
        let name = self.comm(current);
        self.trace(current, TraceEvent::SchedProcessExec { name });
        self.observe_exec(current);
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

    /// Resets what a program does not keep: its name, TLS, debug registers, handlers, close-on-exec files.
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
        task.thread.debugreg = [0; 8];
        task.altstack = AltStack::default();
        self.clear_fpu(current);
        let task = self.task_mut(current);
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
        let files = self.prepare_files(current)?;
        self.may_de_thread(current)?;
        self.own_files(current, files);
        Ok(())
    }

    /// The first part of it: allocates a table if needed, and looks for a free descriptor.
    ///
    /// # Errors
    /// `ENOMEM`, `EMFILE`.
    pub(super) fn prepare_files(&mut self, current: TaskId) -> Result<FilesAfterExec, Errno> {
        let files = self.files_id(current);
        let is_shared = self.files[files].count() > 1;
        if is_shared {
            self.kmem_cache_alloc(SlabCache::Files)?;
        }
        self.check_unused_fd(current)?;
        Ok(if is_shared {
            FilesAfterExec::CopyOf(files)
        } else {
            FilesAfterExec::Same
        })
    }

    /// The last part of it, which cannot fail.
    pub(super) fn own_files(&mut self, current: TaskId, files: FilesAfterExec) {
        if let FilesAfterExec::CopyOf(shared) = files {
            let own = self.dup_files(shared);
            self.steal_locks(shared, own);
            self.put_files(shared);
            self.task_mut(current).files = Some(own);
        }
    }
}
