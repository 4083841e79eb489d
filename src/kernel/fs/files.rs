//! What clone shares or copies besides memory and signals: the descriptor table, the directory
//! context, the mount namespace and the list of semaphore undo values; and the few system calls
//! that make them visible.

use super::ioctl::CloseOnExec;
use crate::abi::{Errno, FileId, FilesId, FsId, InodeId, NamespaceId, O_RDWR, Resource, TaskId};
use crate::kernel::Kernel;
use std::collections::BTreeSet;

/// The initial size of a descriptor table (`NR_OPEN_DEFAULT` on i386).
const NR_OPEN_DEFAULT: usize = 32;

/// A descriptor in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd {
    /// The open file description that it refers to.
    pub file: FileId,
    /// Whether a successful `execve` closes it.
    pub close_on_exec: bool,
}

/// A descriptor table (`files_struct`).
#[derive(Clone, Debug)]
pub struct FilesStruct {
    /// Tasks that share the table.
    count: u32,
    /// Descriptors, indexed by number.
    fds: Vec<Option<Fd>>,
    /// Descriptors that a call has reserved and not yet installed.
    reserved: BTreeSet<usize>,
    /// Where the search for a free descriptor starts.
    next_fd: usize,
}

impl FilesStruct {
    /// How many tasks share the table.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// `max_fds`: for how many descriptors there is room before the table has to grow.
    pub const fn max_fds(&self) -> usize {
        self.fds.len()
    }

    /// A descriptor by its number; `None` if it is not open.
    pub fn get(&self, fd: usize) -> Option<Fd> {
        self.fds.get(fd).copied().flatten()
    }

    /// The descriptors in use, in ascending order.
    pub fn open(&self) -> impl Iterator<Item = (usize, Fd)> {
        self.fds
            .iter()
            .enumerate()
            .filter_map(|(fd, slot)| slot.map(|open| (fd, open)))
    }

    /// Frees a descriptor; the next search starts there at the latest, so that it finds the lowest
    /// one.
    fn free(&mut self, fd: usize) {
        self.fds[fd] = None;
        self.reserved.remove(&fd);
        self.next_fd = self.next_fd.min(fd);
    }
}

/// The directory context of a task (`fs_struct`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FsStruct {
    /// Tasks that share it.
    count: u32,
    /// Permission bits that new files do not get, 0 to 0o777.
    pub umask: u32,
    /// Root directory, where paths with a leading slash start. It holds a reference.
    root: InodeId,
    /// Working directory, where all other paths start. It holds a reference.
    cwd: InodeId,
}

impl FsStruct {
    /// Root directory, where paths with a leading slash start.
    pub const fn root(&self) -> InodeId {
        self.root
    }

    /// Working directory, where all other paths start.
    pub const fn cwd(&self) -> InodeId {
        self.cwd
    }

    /// Sets the root directory, and returns the old one with its reference.
    pub(super) const fn replace_root(&mut self, dir: InodeId) -> InodeId {
        std::mem::replace(&mut self.root, dir)
    }

    /// Sets the working directory, and returns the old one with its reference.
    pub(super) const fn replace_cwd(&mut self, dir: InodeId) -> InodeId {
        std::mem::replace(&mut self.cwd, dir)
    }

    /// How many tasks share it.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

/// A mount namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namespace {
    /// Number of tasks in it.
    count: u32,
}

impl Namespace {
    /// A namespace with one task in it.
    pub(in crate::kernel) const fn new() -> Self {
        Self { count: 1 }
    }

    /// Number of tasks in it.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

impl Kernel {
    /// Linux 2.6.12: `fs/open.c`, `sys_close()`.
    ///
    /// # Errors
    /// `EBADF` if the descriptor is not open.
    pub(in crate::kernel) fn sys_close(&mut self, current: TaskId, fd: u32) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        // Closing may free the file, and then no descriptor may refer to it.
        self.put_unused_fd(current, fd as usize);
        self.filp_close(self.files_id(current), file);
        Ok(0)
    }

    /// Linux 2.6.12: `fs/fcntl.c`, `sys_dup()`. The new descriptor is not close-on-exec.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub(in crate::kernel) fn sys_dup(&mut self, current: TaskId, fd: u32) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.dupfd(current, file, 0)
    }

    /// Makes a chosen descriptor refer to the same open file description; if it is open, it is
    /// closed first. The new descriptor is not close-on-exec.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `sys_dup2()`.
    ///
    /// # Errors
    /// `EBADF` if the first is not open, or the second is beyond the limit.
    pub(in crate::kernel) fn sys_dup2(
        &mut self,
        current: TaskId,
        fd: u32,
        copy: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        if fd == copy {
            return Ok(copy);
        }
        if copy >= self.rlimit(current, Resource::Nofile) {
            return Err(Errno::EBADF);
        }
        let table = self.files_id(current);
        let at = copy as usize;
        // Another task with this table is about to install it.
        if self.files[table].reserved.contains(&at) {
            return Err(Errno::EBUSY);
        }
        self.get_file(file);
        let fds = &mut self.files[table].fds;
        if at >= fds.len() {
            fds.resize((at + 1).next_power_of_two(), None);
        }
        let replaced = fds[at].take();
        // The old file is closed last: it may be the same one, which must not lose its last
        // reference, and the number must not look free to a thread with the same table.
        self.fd_install(current, at, file);
        if let Some(replaced) = replaced {
            self.filp_close(table, replaced.file);
        }
        Ok(copy)
    }

    /// Linux 2.6.12: `fs/fcntl.c`, `set_close_on_exec()`.
    pub(super) fn set_close_on_exec(
        &mut self,
        current: TaskId,
        fd: u32,
        mark: CloseOnExec,
    ) -> Result<u32, Errno> {
        self.fd_mut(current, fd)?.close_on_exec = mark == CloseOnExec::Set;
        Ok(0)
    }

    pub(super) fn fd_mut(&mut self, current: TaskId, fd: u32) -> Result<&mut Fd, Errno> {
        let table = self.files_id(current);
        let slot = self.files[table].fds.get_mut(fd as usize);
        slot.and_then(Option::as_mut).ok_or(Errno::EBADF)
    }

    /// Installs another reference to a file at the lowest free descriptor, starting at `from`.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `dupfd()`.
    pub(super) fn dupfd(
        &mut self,
        current: TaskId,
        file: FileId,
        from: usize,
    ) -> Result<u32, Errno> {
        let copy = self.get_unused_fd(current, from)?;
        self.get_file(file);
        self.fd_install(current, copy, file);
        Ok(copy as u32)
    }

    /// The open file description of a descriptor, without adding a reference.
    ///
    /// Linux 2.6.12: `fs/file_table.c`, `fget()`.
    ///
    /// # Errors
    /// `EBADF`.
    pub(in crate::kernel) fn fget(&self, current: TaskId, fd: u32) -> Result<FileId, Errno> {
        let table = self.files_id(current);
        let open = self.files[table].get(fd as usize);
        open.map(|open| open.file).ok_or(Errno::EBADF)
    }

    /// Adds a reference to an open file description for a call that may sleep, if another task with
    /// the same table could close the descriptor meanwhile. Returns whether it did.
    ///
    /// Linux 2.6.12: `fs/file_table.c`, `fget_light()`.
    pub(in crate::kernel) fn pin_if_shared(&mut self, current: TaskId, file: FileId) -> bool {
        let shared = self.files[self.files_id(current)].count() > 1;
        if shared {
            self.get_file(file);
        }
        shared
    }

    /// The descriptor table of a task.
    ///
    /// # Panics
    /// If it has none, which is a bug of ours where this is asked: every process has one until it
    /// ends.
    #[track_caller]
    pub(in crate::kernel) fn files_id(&self, task: TaskId) -> FilesId {
        let files = self.task(task).files;
        files.expect("a task has a descriptor table until it ends")
    }

    /// Linux 2.6.12: `fs/open.c`, `get_unused_fd()`.
    pub(super) fn get_unused_fd(&mut self, current: TaskId, from: usize) -> Result<usize, Errno> {
        let limit = self.rlimit(current, Resource::Nofile) as usize;
        let table = self.files_id(current);
        let files = &mut self.files[table];
        let start = from.max(files.next_fd);
        let is_free = |fd: &usize| {
            files.fds.get(*fd).is_none_or(Option::is_none) && !files.reserved.contains(fd)
        };
        // Beyond the table everything is free, but for what is reserved.
        let fd = (start..).find(is_free).unwrap_or(limit);
        if fd >= limit {
            return Err(Errno::EMFILE);
        }
        if fd >= files.fds.len() {
            files.fds.resize((fd + 1).next_power_of_two(), None);
        }
        // A search that starts further up may leave free descriptors below it.
        if start <= files.next_fd {
            files.next_fd = fd + 1;
        }
        files.reserved.insert(fd);
        Ok(fd)
    }

    /// Frees the descriptor; the next search starts there at the latest.
    ///
    /// Linux 2.6.12: `fs/open.c`, `put_unused_fd()`.
    pub(super) fn put_unused_fd(&mut self, current: TaskId, fd: usize) {
        let table = self.files_id(current);
        self.files[table].free(fd);
    }

    /// Linux 2.6.12: `fs/open.c`, `fd_install()`.
    pub(super) fn fd_install(&mut self, current: TaskId, fd: usize, file: FileId) {
        let table = self.files_id(current);
        self.files[table].reserved.remove(&fd);
        self.files[table].fds[fd] = Some(Fd {
            file,
            close_on_exec: false,
        });
    }

    /// `dup_fd`: copies a table and adds a reference to each open file.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_files()`.
    pub(in crate::kernel) fn dup_files(&mut self, table: FilesId) -> FilesId {
        let old = &self.files[table];
        let highest = old.open().last().map_or(0, |(fd, _)| fd + 1);
        let size = highest
            .next_multiple_of(NR_OPEN_DEFAULT)
            .max(NR_OPEN_DEFAULT);
        let mut fds = old.fds.clone();
        fds.resize(size, None);
        for open in fds.iter().flatten() {
            self.get_file(open.file);
        }
        self.files.insert(FilesStruct {
            count: 1,
            fds,
            reserved: BTreeSet::new(),
            next_fd: 0,
        })
    }

    /// A table for the first process: descriptors 0, 1 and 2 share one open file description, which
    /// is open for reading and writing.
    pub(in crate::kernel) fn open_stdio(&mut self, console: InodeId) -> FilesId {
        let file = self.open_inode(console, O_RDWR);
        let mut fds = vec![None; NR_OPEN_DEFAULT];
        fds[..3].fill(Some(Fd {
            file,
            close_on_exec: false,
        }));
        // The first of the three has the reference that `open_inode` returned.
        self.get_file(file);
        self.get_file(file);
        self.files.insert(FilesStruct {
            count: 1,
            fds,
            reserved: BTreeSet::new(),
            next_fd: 3,
        })
    }

    /// Checks that a descriptor is free, as the loader of a program needs one for a moment. The
    /// table may grow; where the next search starts does not change.
    ///
    /// # Errors
    /// `EMFILE`.
    pub(in crate::kernel) fn check_unused_fd(&mut self, current: TaskId) -> Result<(), Errno> {
        let table = self.files_id(current);
        let hint = self.files[table].next_fd;
        let fd = self.get_unused_fd(current, 0)?;
        self.put_unused_fd(current, fd);
        self.files[table].next_fd = hint;
        Ok(())
    }

    /// Closes the descriptors that do not survive an exec, lowest first.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `flush_old_files()`.
    pub(in crate::kernel) fn flush_old_files(&mut self, table: FilesId) {
        let open = self.files[table].open();
        let closing: Vec<_> = open.filter(|(_, open)| open.close_on_exec).collect();
        for (fd, open) in closing {
            // First the descriptor: `fput` may remove the file, and no descriptor may refer to a file
            // that is gone.
            self.files[table].free(fd);
            self.filp_close(table, open.file);
        }
    }

    /// Adds a task that shares a table.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_files()`, with CLONE_FILES.
    pub(in crate::kernel) fn get_files(&mut self, table: FilesId) {
        self.files[table].count += 1;
    }

    /// `put_files_struct`: drops one user; the last one closes everything, lowest first.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `put_files_struct()`.
    pub(in crate::kernel) fn put_files(&mut self, table: FilesId) {
        self.files[table].count -= 1;
        if self.files[table].count > 0 {
            return;
        }
        if let Some(dead) = self.files.remove(table) {
            for open in dead.fds.into_iter().flatten() {
                self.filp_close(table, open.file);
            }
        }
    }

    /// The directory context of task 1.
    ///
    /// Linux 2.6.12: `include/linux/fs_struct.h`, `INIT_FS`.
    pub(in crate::kernel) fn initial_fs(&mut self) -> FsId {
        let root = self.root.dir();
        self.iget(root);
        self.iget(root);
        self.fs.insert(FsStruct {
            count: 1,
            umask: 0o022,
            root,
            cwd: root,
        })
    }

    /// Adds a task that shares a directory context.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `copy_fs()`, with CLONE_FS.
    pub(in crate::kernel) fn get_fs(&mut self, fs: FsId) {
        self.fs[fs].count += 1;
    }

    /// A copy of a directory context, for one task.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `__copy_fs_struct()`.
    pub(in crate::kernel) fn copy_fs_struct(&mut self, fs: FsId) -> FsId {
        let copy = FsStruct {
            count: 1,
            ..self.fs[fs].clone()
        };
        self.iget(copy.root);
        self.iget(copy.cwd);
        self.fs.insert(copy)
    }

    /// `put_fs_struct`: drops one user; the last one frees it.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `put_fs_struct()`.
    pub(in crate::kernel) fn put_fs(&mut self, fs: FsId) {
        self.fs[fs].count -= 1;
        if self.fs[fs].count > 0 {
            return;
        }
        if let Some(dead) = self.fs.remove(fs) {
            self.iput(dead.root);
            self.iput(dead.cwd);
        }
    }

    /// A mount namespace for one task.
    pub(in crate::kernel) fn new_namespace(&mut self) -> NamespaceId {
        self.namespaces.insert(Namespace::new())
    }

    /// Adds a task to a namespace.
    ///
    /// Linux 2.6.12: `include/linux/namespace.h`, `get_namespace()`.
    pub(in crate::kernel) fn get_namespace(&mut self, namespace: NamespaceId) {
        self.namespaces[namespace].count += 1;
    }

    /// `put_namespace`: drops one user; the last one frees it.
    ///
    /// Linux 2.6.12: `include/linux/namespace.h`, `put_namespace()`.
    pub(in crate::kernel) fn put_namespace(&mut self, namespace: NamespaceId) {
        self.namespaces[namespace].count -= 1;
        if self.namespaces[namespace].count == 0 {
            self.namespaces.remove(namespace);
        }
    }
}
