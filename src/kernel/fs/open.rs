//! `open`: a path becomes an inode, made if it has to be; the inode is checked, and becomes an open
//! file description.

use super::namei::{Goal, Last, Reached, Walk};
use super::permission::May;
use super::vfs::{InodeKind, can_write, check_name};
use crate::abi::{
    Caps, Errno, FileId, InodeId, O_CREAT, O_DIRECT, O_DIRECTORY, O_EXCL, O_NOATIME, O_NOCTTY,
    O_NOFOLLOW, O_TRUNC, O_WRONLY, S_IALLUGO, S_IFREG, TaskId,
};
use crate::kernel::Kernel;
use crate::kernel::fs::RegularFile;
use crate::kernel::syscall::SysResult;

/// The flags that are dropped once the file is open.
///
/// Linux 2.6.12: `fs/open.c`, `dentry_open()`.
const OPENING: u32 = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC;
/// How many links `open` follows one by one when it may create the file.
const MAX_LINKS_OF_OPEN: u32 = 32;
/// The smallest limit on open files of the whole system.
///
/// Linux 2.6.12: `fs/file_table.c`, `files_init()`: `NR_FILE`.
const NR_FILE: usize = 8192;

/// What `open` found at the end of a path.
struct Opened {
    inode: InodeId,
    /// Whether it is new: then its mode does not count, and there is nothing to truncate.
    created: bool,
}

/// The rights that flags of `open` ask for; truncating needs the right to write, too.
///
/// Linux 2.6.12: `fs/open.c`, `filp_open()`; `fs/namei.c`, `ACC_MODE()`.
fn access_mode(flags: u32) -> May {
    let mut may = match flags & 3 {
        0 => May::READ,
        1 => May::WRITE,
        _ => May::READ | May::WRITE,
    };
    if flags & O_TRUNC != 0 {
        may |= May::WRITE;
    }
    may
}

impl Kernel {
    /// Linux 2.6.12: `fs/open.c`, `sys_open()`. Returns the lowest free descriptor.
    ///
    /// # Errors
    /// `ENOENT`, `ENAMETOOLONG` for a bad name; `EMFILE` when the table is full; errors of the walk;
    /// `EEXIST`, `EISDIR`, `EACCES`, `ELOOP`, `EPERM`, `ETXTBSY`, `ENFILE`, `ENXIO`, `EINVAL`.
    pub(in crate::kernel) fn sys_open(
        &mut self,
        current: TaskId,
        path: String,
        flags: u32,
        mode: u32,
    ) -> SysResult {
        if let Err(errno) = check_name(&path) {
            return Err(errno).into();
        }
        // The descriptor comes first: a file that was created or truncated could not be restored if
        // there were no descriptor for it afterwards.
        let fd = match self.get_unused_fd(current, 0) {
            Ok(fd) => fd,
            Err(errno) => return Err(errno).into(),
        };
        let opened = self.open_namei(current, &path, flags, mode);
        match opened.and_then(|inode| self.dentry_open(current, inode, flags)) {
            Ok(file) if self.inodes[self.open_files[file].inode()].kind.is_fifo() => {
                self.fifo_open(current, file, fd as u32)
            }
            Ok(file) => self.finish_open(current, file, fd as u32, Ok(())),
            Err(errno) => {
                self.put_unused_fd(current, fd);
                Err(errno).into()
            }
        }
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_creat()`.
    ///
    /// # Errors
    /// As for `open`.
    pub(in crate::kernel) fn sys_creat(
        &mut self,
        current: TaskId,
        path: String,
        mode: u32,
    ) -> SysResult {
        self.sys_open(current, path, O_CREAT | O_WRONLY | O_TRUNC, mode)
    }

    /// The last step of `open`: the descriptor refers to the file, or is free again.
    pub(super) fn finish_open(
        &mut self,
        current: TaskId,
        file: FileId,
        fd: u32,
        opened: Result<(), Errno>,
    ) -> SysResult {
        let direct = self.open_files[file].flags() & O_DIRECT != 0;
        let checked = match opened {
            // No file here has `direct_IO`; this is found out when all else is done.
            Ok(()) if direct => Err(Errno::EINVAL),
            other => other,
        };
        match checked {
            Ok(()) => {
                self.fd_install(current, fd as usize, file);
                Ok::<_, Errno>(fd).into()
            }
            Err(errno) => {
                self.put_unused_fd(current, fd as usize);
                self.fput(file);
                Err(errno).into()
            }
        }
    }

    /// The inode that `open` opens: found, created, or truncated.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `open_namei()`.
    ///
    /// # Errors
    /// Errors of the walk; `ENOENT`, `EEXIST`, `EISDIR`, `ELOOP`; those of [`Kernel::may_open`].
    pub(in crate::kernel) fn open_namei(
        &mut self,
        current: TaskId,
        path: &str,
        flags: u32,
        mode: u32,
    ) -> Result<InodeId, Errno> {
        let opened = if flags & O_CREAT != 0 {
            self.open_or_create(current, path, flags, mode)?
        } else {
            let goal = if flags & O_NOFOLLOW != 0 {
                Goal::NoFollow
            } else {
                Goal::Follow
            };
            let inode = self.user_path(current, path, goal)?;
            if flags & O_DIRECTORY != 0 && !self.inodes[inode].kind.is_directory() {
                return Err(Errno::ENOTDIR);
            }
            Opened {
                inode,
                created: false,
            }
        };
        let (wanted, flags) = if opened.created {
            (May::empty(), flags & !O_TRUNC)
        } else {
            (access_mode(flags), flags)
        };
        self.may_open(current, opened.inode, wanted, flags)?;
        Ok(opened.inode)
    }

    /// With O_CREAT: the last component is looked up in its directory; a link is taken for its
    /// target, which may be made.
    fn open_or_create(
        &mut self,
        current: TaskId,
        path: &str,
        flags: u32,
        mode: u32,
    ) -> Result<Opened, Errno> {
        let (mut walk, mut reached) = self.walk_to_parent(current, path)?;
        let mut links = 0;
        loop {
            let dir = reached.inode;
            let (name, slashes) = match &reached.last {
                Last::Name { name, slashes } => (name, slashes),
                Last::Bind => return self.open_bound(dir),
                _ => return Err(Errno::EISDIR),
            };
            if *slashes {
                return Err(Errno::EISDIR);
            }
            if links > MAX_LINKS_OF_OPEN {
                return Err(Errno::ELOOP);
            }
            let Some(inode) = self.lookup_hash(current, dir, name)? else {
                let inode = self.vfs_create(current, dir, name, mode)?;
                return Ok(Opened {
                    inode,
                    created: true,
                });
            };
            if flags & O_EXCL != 0 {
                return Err(Errno::EEXIST);
            }
            if !self.inodes[inode].kind.is_symlink() {
                if self.inodes[inode].kind.is_directory() {
                    return Err(Errno::EISDIR);
                }
                return Ok(Opened {
                    inode,
                    created: false,
                });
            }
            if flags & O_NOFOLLOW != 0 {
                return Err(Errno::ELOOP);
            }
            reached = self.next_link(&mut walk, dir, inode)?;
            links += 1;
        }
    }

    /// What a link of `/proc` leads to is opened as it is.
    fn open_bound(&self, inode: InodeId) -> Result<Opened, Errno> {
        if self.inodes[inode].kind.is_directory() {
            return Err(Errno::EISDIR);
        }
        let created = false;
        Ok(Opened { inode, created })
    }

    /// The parent and last component of the target of a link.
    fn next_link(
        &mut self,
        walk: &mut Walk,
        dir: InodeId,
        link: InodeId,
    ) -> Result<Reached, Errno> {
        self.follow_text(walk, dir, link, Goal::Parent, 0)
    }

    /// Makes a regular file in a directory, without a reference for the caller.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `vfs_create()`.
    ///
    /// # Errors
    /// Those of [`Kernel::may_create`].
    fn vfs_create(
        &mut self,
        current: TaskId,
        dir: InodeId,
        name: &str,
        mode: u32,
    ) -> Result<InodeId, Errno> {
        let umask = self.fs[self.fs_id(current)].umask;
        self.may_create(current, dir, None)?;
        let mode = mode & !umask & S_IALLUGO | S_IFREG;
        let kind = InodeKind::Regular(RegularFile::default());
        Ok(self.make_node(current, dir, name, kind, (mode, 0)))
    }

    /// The checks of `open` on an inode, and truncation.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `may_open()`.
    ///
    /// # Errors
    /// `ELOOP` for a link; `EISDIR` for writing to a directory; `EACCES`; `EPERM` for O_NOATIME of a
    /// stranger; `ETXTBSY`.
    fn may_open(
        &mut self,
        current: TaskId,
        inode: InodeId,
        wanted: May,
        flags: u32,
    ) -> Result<(), Errno> {
        let kind = &self.inodes[inode].kind;
        if kind.is_symlink() {
            return Err(Errno::ELOOP);
        }
        let writes = can_write(flags) || flags & O_TRUNC != 0 || flags & 3 == 3;
        if kind.is_directory() && writes {
            return Err(Errno::EISDIR);
        }
        let truncates = flags & O_TRUNC != 0 && kind.has_page_cache();
        self.permission(current, inode, wanted)?;
        if flags & O_NOATIME != 0 && !self.is_owner_or_capable(current, inode) {
            return Err(Errno::EPERM);
        }
        if truncates {
            // Before anything is lost: a program that is being executed stays as it is.
            if self.is_executed(inode) {
                return Err(Errno::ETXTBSY);
            }
            self.set_size(inode, 0);
        }
        Ok(())
    }

    /// Makes an open file description for an inode, with one reference held by the caller, before the
    /// kind's own open.
    ///
    /// Linux 2.6.12: `fs/open.c`, `dentry_open()`.
    ///
    /// # Errors
    /// `ENFILE`; `ETXTBSY`; `ENXIO` for a socket, for a device without a driver, and for `/dev/tty`
    /// without controlling terminal.
    fn dentry_open(
        &mut self,
        current: TaskId,
        inode: InodeId,
        flags: u32,
    ) -> Result<FileId, Errno> {
        if self.open_files.len() >= self.max_files() && !self.capable(current, Caps::SYS_ADMIN) {
            return Err(Errno::ENFILE);
        }
        if can_write(flags) && self.is_executed(inode) {
            return Err(Errno::ETXTBSY);
        }
        if matches!(
            self.inodes[inode].kind,
            InodeKind::Socket | InodeKind::NoDriver
        ) {
            return Err(Errno::ENXIO);
        }
        let file = self.open_inode(inode, flags & !OPENING);
        match self.inodes[inode].kind {
            InodeKind::Proc(node) => self.proc_open(current, file, node)?,
            InodeKind::Pipe => self.pipe_open(file),
            _ => {}
        }
        self.chrdev_open(current, file, flags).map(|()| file)
    }

    /// Lets the device of a new open file description do its part. If it fails, the description is
    /// gone.
    ///
    /// Linux 2.6.12: `fs/char_dev.c`, `chrdev_open()`.
    fn chrdev_open(&mut self, current: TaskId, file: FileId, flags: u32) -> Result<(), Errno> {
        let inode = self.open_files[file].inode();
        let InodeKind::Tty(device) = self.inodes[inode].kind else {
            return Ok(());
        };
        self.tty_open(current, file, device, flags)
            .inspect_err(|_| self.fput(file))
    }

    /// `files_stat.max_files`: a tenth of the memory, at a kilobyte each.
    ///
    /// Linux 2.6.12: `fs/file_table.c`, `files_init()`.
    fn max_files(&self) -> usize {
        (self.totalram_pages as usize * 4 / 10).max(NR_FILE)
    }

    /// Whether a program is being executed, so that it may not be opened for writing: an area maps
    /// it that denies that, or a task is about to map it.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `get_write_access()`.
    pub(super) fn is_executed(&self, inode: InodeId) -> bool {
        let mut execs = self
            .tasks
            .values()
            .filter_map(|task| task.in_call.exec.as_ref());
        self.is_mapped_as_program(inode) || execs.any(|exec| exec.exe == inode)
    }

    /// Whether a file is open for writing, so that it cannot be executed.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `deny_write_access()`.
    pub(in crate::kernel) fn is_written(&self, inode: InodeId) -> bool {
        let mut files = self.open_files.values();
        files.any(|file| file.inode() == inode && file.can_write())
    }
}
