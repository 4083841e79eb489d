//! What clone shares or copies besides memory and signals: the descriptor table, the directory
//! context, the mount namespace and the list of semaphore undo values; and the few system calls
//! that make them visible.

use super::vfs::check_name;
use crate::abi::{
    Errno, F_DUPFD, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, FileId, FilesId, FsId,
    NamespaceId, O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_TRUNC, Resource, TaskId,
};
use crate::kernel::Kernel;

/// The initial size of a descriptor table (`NR_OPEN_DEFAULT` on i386).
const NR_OPEN_DEFAULT: usize = 32;
/// The flags that `F_SETFL` changes: O_APPEND, O_NONBLOCK, FASYNC, O_DIRECT, O_NOATIME.
///
/// Linux 2.6.12: `fs/fcntl.c`, `SETFL_MASK`.
const SETFL_MASK: u32 = O_APPEND | O_NONBLOCK | 0o20000 | 0o40000 | 0o1000000;
/// The flags that are dropped once the file is open: O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC.
///
/// Linux 2.6.12: `fs/open.c`, `dentry_open()`.
const OPENING: u32 = O_CREAT | O_EXCL | 0o400 | O_TRUNC;

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
    pub count: u32,
    /// Descriptors, indexed by number.
    pub fds: Vec<Option<Fd>>,
    /// Where the search for a free descriptor starts.
    pub next_fd: usize,
}

impl FilesStruct {
    /// An empty table with one user.
    pub fn new() -> Self {
        Self {
            count: 1,
            fds: vec![None; NR_OPEN_DEFAULT],
            next_fd: 0,
        }
    }

    /// The descriptors in use, in ascending order.
    pub fn open(&self) -> impl Iterator<Item = (usize, Fd)> {
        self.fds
            .iter()
            .enumerate()
            .filter_map(|(fd, slot)| slot.map(|open| (fd, open)))
    }
}

impl Default for FilesStruct {
    fn default() -> Self {
        Self::new()
    }
}

/// The directory context of a task (`fs_struct`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FsStruct {
    /// Tasks that share it.
    pub count: u32,
    /// `umask`.
    pub umask: u32,
    /// Root directory, where paths with a leading slash start.
    pub root: String,
    /// Working directory, where all other paths start.
    pub cwd: String,
}

impl FsStruct {
    /// The directory context of init.
    ///
    /// Linux 2.6.12: `include/linux/fs_struct.h`, `INIT_FS`.
    pub fn initial() -> Self {
        Self {
            count: 1,
            umask: 0o022,
            root: "/".to_owned(),
            cwd: "/".to_owned(),
        }
    }
}

/// A mount namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namespace {
    /// Number of tasks in it.
    pub count: u32,
}

impl Kernel {
    /// Linux 2.6.12: `fs/open.c`, `sys_open()`. Returns the lowest free descriptor.
    ///
    /// # Errors
    /// `ENOENT`, `ENAMETOOLONG` for a bad name; `EMFILE` when the table is full; `ENOENT`,
    /// `ENOTDIR` from the lookup.
    pub fn sys_open(&mut self, current: TaskId, path: String, flags: u32) -> Result<u32, Errno> {
        check_name(&path)?;
        let fd = self.get_unused_fd(current, 0)?;
        match self.open_namei(current, &path, flags) {
            Ok(inode) => {
                let file = self.open_inode(inode, flags & !OPENING);
                self.fd_install(current, fd, file);
                Ok(fd as u32)
            }
            Err(errno) => {
                self.put_unused_fd(current, fd);
                Err(errno)
            }
        }
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_close()`.
    ///
    /// # Errors
    /// `EBADF` if the descriptor is not open.
    pub fn sys_close(&mut self, current: TaskId, fd: u32) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.put_unused_fd(current, fd as usize);
        self.fput(file);
        Ok(0)
    }

    /// Linux 2.6.12: `fs/fcntl.c`, `sys_dup()`. The new descriptor is not close-on-exec.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub fn sys_dup(&mut self, current: TaskId, fd: u32) -> Result<u32, Errno> {
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
    pub fn sys_dup2(&mut self, current: TaskId, fd: u32, copy: u32) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        if fd == copy {
            return Ok(copy);
        }
        if copy >= self.rlimit(current, Resource::Nofile) {
            return Err(Errno::EBADF);
        }
        let table = self.files_id(current);
        self.get_file(file);
        let fds = &mut self.files[table].fds;
        let at = copy as usize;
        if at >= fds.len() {
            fds.resize((at + 1).next_power_of_two(), None);
        }
        let replaced = fds[at].take();
        self.fd_install(current, at, file);
        if let Some(replaced) = replaced {
            self.fput(replaced.file);
        }
        Ok(copy)
    }

    /// Linux 2.6.12: `fs/fcntl.c`, `do_fcntl()`, without locks, leases and owners.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`; `EINVAL` for other commands, and for a new descriptor at or above the
    /// limit.
    pub fn sys_fcntl(
        &mut self,
        current: TaskId,
        fd: u32,
        cmd: u32,
        arg: u32,
    ) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        match cmd {
            F_DUPFD if arg >= self.rlimit(current, Resource::Nofile) => Err(Errno::EINVAL),
            F_DUPFD => self.dupfd(current, file, arg as usize),
            F_GETFD => Ok(u32::from(self.fd_mut(current, fd)?.close_on_exec)),
            F_SETFD => {
                self.fd_mut(current, fd)?.close_on_exec = arg & FD_CLOEXEC != 0;
                Ok(0)
            }
            F_GETFL => Ok(self.open_files[file].flags),
            F_SETFL => {
                let flags = &mut self.open_files[file].flags;
                *flags = arg & SETFL_MASK | *flags & !SETFL_MASK;
                Ok(0)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn fd_mut(&mut self, current: TaskId, fd: u32) -> Result<&mut Fd, Errno> {
        let table = self.files_id(current);
        let slot = self.files[table].fds.get_mut(fd as usize);
        slot.and_then(Option::as_mut).ok_or(Errno::EBADF)
    }

    /// Installs another reference to a file at the lowest free descriptor, starting at `from`.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `dupfd()`.
    fn dupfd(&mut self, current: TaskId, file: FileId, from: usize) -> Result<u32, Errno> {
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
    pub fn fget(&self, current: TaskId, fd: u32) -> Result<FileId, Errno> {
        let table = self.files_id(current);
        let slot = self.files[table].fds.get(fd as usize).copied().flatten();
        slot.map(|open| open.file).ok_or(Errno::EBADF)
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
    pub(in crate::kernel) fn get_unused_fd(
        &mut self,
        current: TaskId,
        from: usize,
    ) -> Result<usize, Errno> {
        let limit = self.rlimit(current, Resource::Nofile) as usize;
        let table = self.files_id(current);
        let files = &mut self.files[table];
        let start = from.max(files.next_fd);
        let free = (start..files.fds.len()).find(|fd| files.fds[*fd].is_none());
        let fd = free.unwrap_or(start.max(files.fds.len()));
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
        Ok(fd)
    }

    /// Frees the descriptor; the next search starts there at the latest.
    ///
    /// Linux 2.6.12: `fs/open.c`, `put_unused_fd()`.
    pub(in crate::kernel) fn put_unused_fd(&mut self, current: TaskId, fd: usize) {
        let table = self.files_id(current);
        let files = &mut self.files[table];
        files.fds[fd] = None;
        files.next_fd = files.next_fd.min(fd);
    }

    /// Linux 2.6.12: `fs/open.c`, `fd_install()`.
    pub(super) fn fd_install(&mut self, current: TaskId, fd: usize, file: FileId) {
        let table = self.files_id(current);
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
            self.open_files[open.file].f_count += 1;
        }
        self.files.insert(FilesStruct {
            count: 1,
            fds,
            next_fd: 0,
        })
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
                self.fput(open.file);
            }
        }
    }

    /// `put_fs_struct`: drops one user; the last one frees it.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `put_fs_struct()`.
    pub(in crate::kernel) fn put_fs(&mut self, fs: FsId) {
        self.fs[fs].count -= 1;
        if self.fs[fs].count == 0 {
            self.fs.remove(fs);
        }
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
