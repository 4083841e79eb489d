//! What clone shares or copies beside memory and signals: the table of open files, the directory
//! context, the mount namespace and the list of semaphore adjustments; and the few system calls
//! that make them visible.

use super::read_write::{O_APPEND, O_EXCL, O_NONBLOCK, O_TRUNC};
use super::vfs::check_name;
use crate::abi::{Errno, FileId, FilesId, FsId, NamespaceId, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::Resource;

/// Descriptors that a table starts with (`NR_OPEN_DEFAULT` on i386).
const NR_OPEN_DEFAULT: usize = 32;
/// `O_CREAT`.
pub const O_CREAT: u32 = 0o100;
/// `fcntl`: copies a descriptor to the lowest free one from the argument on.
pub const F_DUPFD: u32 = 0;
/// `fcntl`: reads the flags of a descriptor.
pub const F_GETFD: u32 = 1;
/// `fcntl`: sets the flags of a descriptor.
pub const F_SETFD: u32 = 2;
/// `fcntl`: reads the flags of a description.
pub const F_GETFL: u32 = 3;
/// `fcntl`: sets those flags of a description that can be changed.
pub const F_SETFL: u32 = 4;
/// The flags that `F_SETFL` changes: O_APPEND, O_NONBLOCK, FASYNC, O_DIRECT, O_NOATIME.
///
/// Linux 2.6.12: `fs/fcntl.c`, `SETFL_MASK`.
const SETFL_MASK: u32 = O_APPEND | O_NONBLOCK | 0o20000 | 0o40000 | 0o1000000;
/// The flags that a description forgets once it is open: O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC.
///
/// Linux 2.6.12: `fs/open.c`, `dentry_open()`.
const OPENING: u32 = O_CREAT | O_EXCL | 0o400 | O_TRUNC;
/// The only flag of a descriptor: close-on-exec.
pub const FD_CLOEXEC: u32 = 1;

/// A descriptor in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd {
    /// The description it refers to.
    pub file: FileId,
    /// Closed by a successful `execve`.
    pub close_on_exec: bool,
}

/// A table of open files (`files_struct`).
#[derive(Clone, Debug)]
pub struct FilesStruct {
    /// Tasks that share the table.
    pub count: u32,
    /// Descriptors by number.
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

    /// The descriptors in use, ascending.
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

/// Directory context (`fs_struct`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FsStruct {
    /// Tasks that share it.
    pub count: u32,
    /// `umask`.
    pub umask: u32,
    /// Root directory: where paths that begin with a slash begin.
    pub root: String,
    /// Working directory: where the others begin.
    pub cwd: String,
}

impl FsStruct {
    /// What init has.
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
    /// Tasks in it.
    pub count: u32,
}

impl Kernel {
    /// Linux 2.6.12: `fs/open.c`, `sys_open()`. The lowest free descriptor.
    ///
    /// # Errors
    /// `ENOENT`, `ENAMETOOLONG` for a bad name; `EMFILE` when the table is full; `ENOENT`,
    /// `ENOTDIR` from the lookup.
    pub fn sys_open(&mut self, current: TaskId, path: &str, flags: u32) -> Result<u32, Errno> {
        check_name(path)?;
        let fd = self.get_unused_fd(current, 0)?;
        match self.open_namei(current, path, flags) {
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

    /// Linux 2.6.12: `fs/fcntl.c`, `sys_dup()`. The copy is not close-on-exec.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub fn sys_dup(&mut self, current: TaskId, fd: u32) -> Result<u32, Errno> {
        let file = self.fget(current, fd)?;
        self.dupfd(current, file, 0)
    }

    /// Another descriptor of the caller's choice for the same description; what that was open on
    /// is closed. The copy is not close-on-exec.
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
        let table = self.files_of(current).ok_or(Errno::EBADF)?;
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

    /// Linux 2.6.12: `fs/fcntl.c`, `do_fcntl()`, but for locks, leases and owners.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`; `EINVAL` for other commands, and for a copy at or above the limit.
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
        let table = self.files_of(current).ok_or(Errno::EBADF)?;
        let slot = self.files[table].fds.get_mut(fd as usize);
        slot.and_then(Option::as_mut).ok_or(Errno::EBADF)
    }

    /// The lowest free descriptor from `from` on, for one reference more to the description.
    ///
    /// Linux 2.6.12: `fs/fcntl.c`, `dupfd()`.
    fn dupfd(&mut self, current: TaskId, file: FileId, from: usize) -> Result<u32, Errno> {
        let copy = self.get_unused_fd(current, from)?;
        self.get_file(file);
        self.fd_install(current, copy, file);
        Ok(copy as u32)
    }

    /// The description behind a descriptor, without a reference of its own.
    ///
    /// Linux 2.6.12: `fs/file_table.c`, `fget()`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn fget(&self, current: TaskId, fd: u32) -> Result<FileId, Errno> {
        let table = self.files_of(current).ok_or(Errno::EBADF)?;
        let slot = self.files[table].fds.get(fd as usize).copied().flatten();
        slot.map(|open| open.file).ok_or(Errno::EBADF)
    }

    fn files_of(&self, task: TaskId) -> Option<FilesId> {
        self.task(task).files
    }

    /// Linux 2.6.12: `fs/open.c`, `get_unused_fd()`.
    pub(in crate::kernel) fn get_unused_fd(
        &mut self,
        current: TaskId,
        from: usize,
    ) -> Result<usize, Errno> {
        let limit = self.rlimit(current, Resource::Nofile) as usize;
        let table = self.files_of(current).ok_or(Errno::EMFILE)?;
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
        // A search from further up leaves free descriptors behind it.
        if start <= files.next_fd {
            files.next_fd = fd + 1;
        }
        Ok(fd)
    }

    /// The descriptor is free again, and the next search starts there at the latest.
    ///
    /// Linux 2.6.12: `fs/open.c`, `put_unused_fd()`.
    pub(in crate::kernel) fn put_unused_fd(&mut self, current: TaskId, fd: usize) {
        if let Some(table) = self.files_of(current) {
            let files = &mut self.files[table];
            files.fds[fd] = None;
            files.next_fd = files.next_fd.min(fd);
        }
    }

    /// Linux 2.6.12: `fs/open.c`, `fd_install()`.
    pub(super) fn fd_install(&mut self, current: TaskId, fd: usize, file: FileId) {
        if let Some(table) = self.files_of(current) {
            self.files[table].fds[fd] = Some(Fd {
                file,
                close_on_exec: false,
            });
        }
    }

    /// `dup_fd`: a copy of a table, each open file referenced once more.
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

    /// `put_files_struct`: one user less; the last one closes everything, lowest first.
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

    /// `put_fs_struct`.
    ///
    /// Linux 2.6.12: `kernel/exit.c`, `put_fs_struct()`.
    pub(in crate::kernel) fn put_fs(&mut self, fs: FsId) {
        self.fs[fs].count -= 1;
        if self.fs[fs].count == 0 {
            self.fs.remove(fs);
        }
    }

    /// `put_namespace`.
    ///
    /// Linux 2.6.12: `include/linux/namespace.h`, `put_namespace()`.
    pub(in crate::kernel) fn put_namespace(&mut self, namespace: NamespaceId) {
        self.namespaces[namespace].count -= 1;
        if self.namespaces[namespace].count == 0 {
            self.namespaces.remove(namespace);
        }
    }
}
