//! `execve`: another program in the same task.

use super::Kernel;
use super::files::FilesStruct;
use super::task::PfFlags;
use super::vfs::InodeKind;
use crate::abi::{Errno, InodeId, TaskId};
use crate::hw::{Regs, SegmentDescriptor};
use crate::trace::TraceEvent;

impl Kernel {
    /// Linux 2.6.12: `fs/exec.c`, `do_execve()` and `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// Simplified: no arguments and no environment beyond the program's name; no set-id programs.
    /// A task whose process has other threads is refused with `ENOSYS`: `de_thread` is not
    /// emulated yet.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG` from the lookup; `EACCES` if it is no program;
    /// `ENOMEM`. The caller goes on with its old program then, and a vfork parent keeps waiting.
    pub fn sys_execve(&mut self, current: TaskId, path: &str) -> Result<u32, Errno> {
        let exe = self.lookup(path)?;
        self.exec_inode(current, exe, path)
    }

    /// `execve` of a program whose inode is known.
    ///
    /// Linux 2.6.12: `fs/binfmt_elf.c`, `load_elf_binary()`.
    ///
    /// # Errors
    /// As [`Kernel::sys_execve`].
    pub fn exec_inode(&mut self, current: TaskId, exe: InodeId, path: &str) -> Result<u32, Errno> {
        if !matches!(self.inodes[exe].kind, InodeKind::Program(_)) {
            return Err(Errno::EACCES);
        }
        let threads = self
            .task(current)
            .signal
            .map_or(1, |signal| self.signals[signal].count);
        if threads > 1 {
            return Err(Errno::ENOSYS);
        }
        let (mm, esp) = self.mm_for_exec(exe)?;
        self.unshare_sighand(current);
        self.unshare_files(current);
        self.mm_release(current);
        self.exec_mmap(current, mm);
        self.flush_old_exec(current, path);
        let eip = self.mms[mm].start_code;
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

    /// A task that shares signal actions without being a thread gets a copy of its own.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `de_thread()`.
    fn unshare_sighand(&mut self, current: TaskId) {
        let Some(shared) = self.task(current).sighand else {
            return;
        };
        if self.sighands[shared].count > 1 {
            let own = self.sighands[shared].duplicate();
            self.sighands[shared].count -= 1;
            self.task_mut(current).sighand = Some(self.sighands.insert(own));
        }
    }

    /// A task that shares its table of files gets a copy of its own.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `unshare_files()`.
    fn unshare_files(&mut self, current: TaskId) {
        let Some(shared) = self.task(current).files else {
            return;
        };
        if self.files[shared].count > 1 {
            let own = self.dup_files(shared);
            self.put_files(shared);
            self.task_mut(current).files = Some(own);
        }
    }

    /// Linux 2.6.12: `fs/exec.c`, `flush_old_files()`.
    fn close_on_exec(&mut self, table: crate::abi::FilesId) {
        let closing: Vec<(usize, crate::abi::FileId)> = self.files[table]
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
