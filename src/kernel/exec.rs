//! `execve`: another program in the same task.

use super::Kernel;
use super::entry::MAX_ARG_BYTES;
use super::files::FilesStruct;
use super::syscall::SysResult;
use super::task::PfFlags;
use super::vfs::InodeKind;
use crate::abi::{Errno, FileId, FilesId, InodeId, SighandId, TaskId};
use crate::hw::{Regs, SegmentDescriptor};
use crate::trace::{SlabCache, TraceEvent};

/// What `execve` is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExecArgs {
    /// Path of the program.
    pub path: String,
    /// Arguments, the program's own name first; without the zeros at their ends.
    pub argv: Vec<Vec<u8>>,
    /// Environment.
    pub envp: Vec<Vec<u8>>,
}

impl<T: Into<String>> From<T> for ExecArgs {
    /// A program without arguments other than its name, and without environment.
    fn from(path: T) -> Self {
        let path = path.into();
        Self {
            argv: vec![path.clone().into_bytes()],
            path,
            envp: Vec::new(),
        }
    }
}

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
    /// A task whose process has other threads is refused with `ENOSYS`: `de_thread` is not
    /// emulated yet.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG` from the lookup; `EACCES` if it is no program; `ENOEXEC`
    /// if it is one that cannot be loaded; `E2BIG`; `ENOMEM`. The caller goes on with its old
    /// program then, and a vfork parent keeps waiting.
    pub(super) fn sys_execve(&mut self, current: TaskId, args: &ExecArgs) -> SysResult {
        match self.find_program(&args.path) {
            Ok(exe) => self.exec_balanced(current, exe, args),
            Err(errno) => Err(errno).into(),
        }
    }

    /// Linux 2.6.12: `fs/exec.c`, `open_exec()`.
    ///
    /// # Errors
    /// As the lookup; `EACCES` if it is no program.
    pub(super) fn find_program(&self, path: &str) -> Result<InodeId, Errno> {
        let exe = self.lookup(path)?;
        match self.inodes[exe].kind.is_executable() {
            true => Ok(exe),
            false => Err(Errno::EACCES),
        }
    }

    /// `execve` of a program whose inode is known.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// # Errors
    /// As [`Kernel::sys_execve`].
    pub fn exec_inode(
        &mut self,
        current: TaskId,
        exe: InodeId,
        args: &ExecArgs,
    ) -> Result<u32, Errno> {
        if args.bytes() > MAX_ARG_BYTES {
            return Err(Errno::E2BIG);
        }
        if matches!(self.inodes[exe].kind, InodeKind::NoImage(_)) {
            return Err(Errno::ENOEXEC);
        }
        let threads = self
            .task(current)
            .signal
            .map_or(1, |signal| self.signals[signal].count);
        if threads > 1 {
            return Err(Errno::ENOSYS);
        }
        let (mm, esp) = self.mm_for_exec(exe, args)?;
        if let Err(errno) = self.unshare(current) {
            self.mmput(mm);
            return Err(errno);
        }
        self.mm_release(current);
        self.exec_mmap(current, mm);
        self.flush_old_exec(current, &args.path);
        let eip = match &self.inodes[exe].kind {
            InodeKind::Image(image) => image.entry,
            _ => self.mms[mm].start_code,
        };
        let task = self.task_mut(current);
        task.thread.regs = Regs {
            eip,
            esp,
            ..Regs::default()
        };
        task.flags -= PfFlags::FORKNOEXEC;
        task.did_exec = true;
        let name = self.comm(current);
        self.trace(current, TraceEvent::SchedProcessExec { name });
        Ok(0)
    }

    /// What a program does not keep: its name, TLS, handlers, close-on-exec files.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `flush_old_exec()`.
    fn flush_old_exec(&mut self, current: TaskId, path: &str) {
        let base = path.rsplit('/').next().unwrap_or(path);
        let name = self.names.intern(base);
        self.sched.get_mut(current).name = name;
        let task = self.task_mut(current);
        task.thread.tls_array = [SegmentDescriptor::default(); 3];
        task.self_exec_id += 1;
        let (sighand, files) = (task.sighand, task.files);
        if let Some(sighand) = sighand {
            self.sighands[sighand].flush_handlers();
        }
        if let Some(files) = files {
            self.close_on_exec(files);
        }
    }

    /// Ends the sharing that a new program does not go on with. Both objects are there before
    /// either is used: whoever finds no memory for the second gets the first back.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// # Errors
    /// `ENOMEM`; everything is shared as before then.
    fn unshare(&mut self, current: TaskId) -> Result<(), Errno> {
        let task = self.task(current);
        let files = task.files.filter(|id| self.files[*id].count > 1);
        let sighand = task.sighand.filter(|id| self.sighands[*id].count > 1);
        if files.is_some() {
            self.kmem_cache_alloc(SlabCache::Files)?;
        }
        if sighand.is_some() {
            self.kmem_cache_alloc(SlabCache::Sighand)?;
        }
        if let Some(shared) = files {
            self.unshare_files(current, shared);
        }
        if let Some(shared) = sighand {
            self.unshare_sighand(current, shared);
        }
        Ok(())
    }

    /// A task that shares its table of files gets a copy of its own.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `unshare_files()`.
    fn unshare_files(&mut self, current: TaskId, shared: FilesId) {
        let own = self.dup_files(shared);
        self.put_files(shared);
        self.task_mut(current).files = Some(own);
    }

    /// A task that shares signal actions without being a thread gets a copy of its own.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`.
    fn unshare_sighand(&mut self, current: TaskId, shared: SighandId) {
        let own = self.sighands[shared].duplicate();
        self.sighands[shared].count -= 1;
        self.task_mut(current).sighand = Some(self.sighands.insert(own));
    }

    /// Linux 2.6.12: `fs/exec.c`, `flush_old_files()`.
    fn close_on_exec(&mut self, table: FilesId) {
        let closing: Vec<(usize, FileId)> = self.files[table]
            .open()
            .filter(|(_, open)| open.close_on_exec)
            .map(|(fd, open)| (fd, open.file))
            .collect();
        for (fd, file) in closing {
            let files: &mut FilesStruct = &mut self.files[table];
            files.fds[fd] = None;
            files.next_fd = files.next_fd.min(fd);
            self.fput(file);
        }
    }
}
