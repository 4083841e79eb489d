//! The calls that make and remove names: `mkdir`, `mknod`, `symlink`, `link`, `readlink`, `unlink`,
//! `rmdir`, `rename`.

use super::dir::Directory;
use super::namei::{Goal, Last, Reached};
use super::permission::{May, Victim};
use super::proc_node::ProcNode;
use super::vfs::{InodeKind, check_name};
use crate::abi::{
    Caps, Errno, InodeId, S_IALLUGO, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG,
    S_IFSOCK, S_ISGID, S_ISVTX, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::fs::RegularFile;

/// The permissions of a symbolic link, which nobody asks for.
const LINK_MODE: u32 = S_IFLNK | 0o777;
/// The permissions that `mkdir` takes from its caller: no bit that sets an id.
const MKDIR_MODE: u32 = 0o777 | S_ISVTX;

/// Where an entry is to be made.
struct Place {
    dir: InodeId,
    name: String,
    /// What is there already.
    found: Option<InodeId>,
}

/// What may follow the last component of a path under which something is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slashes {
    /// A directory may be called `name/`.
    Allowed,
    /// Nothing else may, unless it exists.
    Refused,
}

impl Kernel {
    /// Makes an inode of the caller and gives it a name; the mode has its type, and the number is
    /// that of a device. In a set-group-id directory it gets the group of the directory.
    ///
    /// Linux 2.6.12: `fs/ramfs/inode.c`, `ramfs_mknod()` and `ramfs_get_inode()`.
    pub(super) fn make_node(
        &mut self,
        current: TaskId,
        dir: InodeId,
        name: &str,
        kind: InodeKind,
        (mode, rdev): (u32, u32),
    ) -> InodeId {
        let cred = self.task(current).cred();
        let inherits = self.inodes[dir].attr.mode & S_ISGID != 0;
        let is_directory = kind.is_directory();
        let group_of_dir = self.inodes[dir].attr.gid;
        let inode = self.new_inode(kind, "");
        let attr = &mut self.inodes[inode].attr;
        (attr.mode, attr.rdev) = (mode, rdev);
        (attr.uid, attr.gid) = (cred.fsuid, cred.fsgid);
        if inherits {
            attr.gid = group_of_dir;
            if is_directory {
                attr.mode |= S_ISGID;
            }
        }
        self.link_name(dir, name, inode);
        inode
    }

    /// Where a path makes an entry.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `lookup_create()`.
    ///
    /// # Errors
    /// Errors of the walk; `EEXIST` for a path that ends in no name; `ENOENT` for slashes after a
    /// name that does not exist.
    fn lookup_create(
        &mut self,
        current: TaskId,
        path: &str,
        slashes: Slashes,
    ) -> Result<Place, Errno> {
        let Reached { inode: dir, last } = self.user_path_parent(current, path)?;
        let Last::Name { name, slashes: has } = last else {
            return Err(Errno::EEXIST);
        };
        let found = self.lookup_hash(current, dir, &name)?;
        if slashes == Slashes::Refused && has && found.is_none() {
            return Err(Errno::ENOENT);
        }
        Ok(Place { dir, name, found })
    }

    /// Names of one file system cannot be given to files of another.
    ///
    /// # Errors
    /// `EXDEV`.
    fn check_mount(&self, one: InodeId, other: InodeId) -> Result<(), Errno> {
        let is_proc = |inode: InodeId| matches!(self.inodes[inode].kind, InodeKind::Proc(_));
        if is_proc(one) == is_proc(other) {
            Ok(())
        } else {
            Err(Errno::EXDEV)
        }
    }

    /// Nothing below `/proc` is removed or moved, nor that directory itself.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `vfs_rmdir()`: `d_mountpoint()`.
    ///
    /// # Errors
    /// `EBUSY` for the mount point; `EPERM`.
    fn check_not_proc(&self, victim: InodeId) -> Result<(), Errno> {
        match self.inodes[victim].kind {
            InodeKind::Proc(ProcNode::Root) => Err(Errno::EBUSY),
            InodeKind::Proc(_) => Err(Errno::EPERM),
            _ => Ok(()),
        }
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_mkdir()` and `vfs_mkdir()`.
    ///
    /// # Errors
    /// Errors of the walk; `EEXIST`; `ENOENT`; `EACCES`.
    pub(in crate::kernel) fn sys_mkdir(
        &mut self,
        current: TaskId,
        path: String,
        mode: u32,
    ) -> Result<u32, Errno> {
        let Place { dir, name, found } = self.lookup_create(current, &path, Slashes::Allowed)?;
        let umask = self.fs[self.fs_id(current)].umask;
        self.may_create(current, dir, found)?;
        let mode = mode & !umask & MKDIR_MODE | S_IFDIR;
        self.iget(dir);
        let kind = InodeKind::Directory(Directory::new(dir, &name));
        let made = self.make_node(current, dir, &name, kind, (mode, 0));
        // Its own dot, and the two dots in it.
        self.inodes[made].attr.nlink += 1;
        self.inodes[dir].attr.nlink += 1;
        Ok(0)
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_mknod()` and `vfs_mknod()`.
    ///
    /// # Errors
    /// `EPERM` for a directory; errors of the walk; `EINVAL` for an unknown type; `EEXIST`,
    /// `ENOENT`, `EACCES`; `EPERM` for a device without CAP_MKNOD.
    pub(in crate::kernel) fn sys_mknod(
        &mut self,
        current: TaskId,
        path: String,
        mode: u32,
        dev: u32,
    ) -> Result<u32, Errno> {
        if mode & S_IFMT == S_IFDIR {
            return Err(Errno::EPERM);
        }
        let Place { dir, name, found } = self.lookup_create(current, &path, Slashes::Refused)?;
        let umask = self.fs[self.fs_id(current)].umask;
        let mode = mode & !umask;
        let (kind, rdev) = match mode & S_IFMT {
            0 | S_IFREG => (InodeKind::Regular(RegularFile::default()), 0),
            S_IFIFO => (InodeKind::Fifo, 0),
            S_IFSOCK => (InodeKind::Socket, 0),
            S_IFCHR | S_IFBLK => (InodeKind::of_device(mode, dev), dev),
            _ => return Err(Errno::EINVAL),
        };
        self.may_create(current, dir, found)?;
        let device = matches!(mode & S_IFMT, S_IFCHR | S_IFBLK);
        if device && !self.capable(current, Caps::MKNOD) {
            return Err(Errno::EPERM);
        }
        let file_type = match mode & S_IFMT {
            0 => S_IFREG,
            other => other,
        };
        let mode = mode & S_IALLUGO | file_type;
        self.make_node(current, dir, &name, kind, (mode, rdev));
        Ok(0)
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_symlink()` and `vfs_symlink()`.
    ///
    /// # Errors
    /// `ENOENT`, `ENAMETOOLONG` for a bad target; errors of the walk; `EEXIST`, `ENOENT`, `EACCES`.
    pub(in crate::kernel) fn sys_symlink(
        &mut self,
        current: TaskId,
        target: String,
        path: String,
    ) -> Result<u32, Errno> {
        check_name(&target)?;
        let Place { dir, name, found } = self.lookup_create(current, &path, Slashes::Refused)?;
        self.may_create(current, dir, found)?;
        let kind = InodeKind::Symlink(target);
        self.make_node(current, dir, &name, kind, (LINK_MODE, 0));
        Ok(0)
    }

    /// Copies the text of a link, without a null byte.
    ///
    /// Linux 2.6.12: `fs/stat.c`, `sys_readlink()`; `fs/namei.c`, `vfs_readlink()`.
    ///
    /// # Errors
    /// `EINVAL` for a size that is not positive and for what is not a link; errors of the walk;
    /// `EFAULT`.
    pub(in crate::kernel) fn sys_readlink(
        &mut self,
        current: TaskId,
        path: String,
        buffer: VirtAddr,
        size: i32,
    ) -> Result<u32, Errno> {
        if size <= 0 {
            return Err(Errno::EINVAL);
        }
        let inode = self.user_path(current, &path, Goal::NoFollow)?;
        let text = match &self.inodes[inode].kind {
            InodeKind::Symlink(text) => text.clone(),
            InodeKind::Proc(node) if node.is_symlink() => {
                self.proc_readlink(current, inode, *node)?
            }
            _ => return Err(Errno::EINVAL),
        };
        let len = text.len().min(size as usize);
        let bytes = text.as_bytes()[..len].to_vec();
        self.touch_atime(inode);
        self.copy_to_user(current, buffer, &bytes)?;
        Ok(len as u32)
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_link()` and `vfs_link()`; `fs/libfs.c`, `simple_link()`.
    ///
    /// # Errors
    /// Errors of both walks; `EEXIST`, `ENOENT`, `EACCES`; `EPERM` for a directory.
    pub(in crate::kernel) fn sys_link(
        &mut self,
        current: TaskId,
        old: Result<String, Errno>,
        new: String,
    ) -> Result<u32, Errno> {
        // The new name is taken from memory first: it decides if both cannot be read.
        check_name(&new)?;
        let inode = self.user_path(current, &old?, Goal::NoFollow)?;
        let to = self.user_path_parent(current, &new)?.inode;
        self.check_mount(inode, to)?;
        let Place { dir, name, found } = self.lookup_create(current, &new, Slashes::Refused)?;
        self.may_create(current, dir, found)?;
        if self.inodes[inode].kind.is_directory() {
            return Err(Errno::EPERM);
        }
        self.iget(inode);
        self.inodes[inode].attr.nlink += 1;
        let named = &self.inodes[inode];
        let first = (named.path.clone(), named.full_path.clone());
        self.link_name(dir, &name, inode);
        // It goes on being shown by its first name.
        let named = &mut self.inodes[inode];
        (named.path, named.full_path) = first;
        self.stamp_change(inode);
        self.stamp_entries(dir);
        Ok(0)
    }

    /// Removes a name. The file itself lives while anybody has it open, maps it or executes it.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `sys_unlink()` and `vfs_unlink()`; `fs/libfs.c`,
    /// `simple_unlink()`.
    ///
    /// # Errors
    /// Errors of the walk; `ENOENT`; `EISDIR`; `ENOTDIR` for slashes after a file; `EACCES`; `EPERM`
    /// in a sticky directory.
    pub(in crate::kernel) fn sys_unlink(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let Reached { inode: dir, last } = self.user_path_parent(current, &path)?;
        let Last::Name { name, slashes } = last else {
            return Err(Errno::EISDIR);
        };
        let found = self.lookup_hash(current, dir, &name)?;
        if slashes {
            return Err(match found {
                None => Errno::ENOENT,
                Some(inode) if self.inodes[inode].kind.is_directory() => Errno::EISDIR,
                Some(_) => Errno::ENOTDIR,
            });
        }
        let victim = self.may_delete(current, dir, found, Victim::Other)?;
        self.check_not_proc(victim)?;
        self.stamp_change(victim);
        self.stamp_entries(dir);
        self.drop_link(dir, &name);
        Ok(0)
    }

    /// Takes a name and the link that it counts from its inode.
    fn drop_link(&mut self, dir: InodeId, name: &str) {
        if let Some(inode) = self.unlink_name(dir, name) {
            self.inodes[inode].attr.nlink -= 1;
            self.iput(inode);
        }
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_rmdir()` and `vfs_rmdir()`; `fs/libfs.c`, `simple_rmdir()`.
    ///
    /// # Errors
    /// Errors of the walk; `ENOTEMPTY` for two dots, `EINVAL` for a dot, `EBUSY` for the root;
    /// `ENOENT`, `EACCES`, `EPERM`, `ENOTDIR`; `ENOTEMPTY`.
    pub(in crate::kernel) fn sys_rmdir(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let Reached { inode: dir, last } = self.user_path_parent(current, &path)?;
        let name = match last {
            Last::DotDot => return Err(Errno::ENOTEMPTY),
            Last::Dot => return Err(Errno::EINVAL),
            Last::Root | Last::Bind => return Err(Errno::EBUSY),
            Last::Name { name, .. } => name,
        };
        let found = self.lookup_hash(current, dir, &name)?;
        let victim = self.may_delete(current, dir, found, Victim::Directory)?;
        self.check_not_proc(victim)?;
        if self.dir(victim).is_some_and(|dir| !dir.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        self.mark_dead(victim);
        self.stamp_change(victim);
        self.stamp_entries(dir);
        // The link of its own dot goes with that of its name.
        self.inodes[victim].attr.nlink -= 1;
        self.inodes[dir].attr.nlink -= 1;
        self.drop_link(dir, &name);
        Ok(0)
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_rename()` and `do_rename()`.
    ///
    /// # Errors
    /// Errors of both walks; `EBUSY` for a path that ends in no name; `ENOENT`; `ENOTDIR` for
    /// slashes after a file; `EINVAL` for a directory into itself; `ENOTEMPTY`; those of removing the
    /// old and of making or removing the new name.
    pub(in crate::kernel) fn sys_rename(
        &mut self,
        current: TaskId,
        old: String,
        new: String,
    ) -> Result<u32, Errno> {
        check_name(&new)?;
        let from = self.user_path_parent(current, &old)?;
        let to = self.user_path_parent(current, &new)?;
        self.check_mount(from.inode, to.inode)?;
        let (
            Last::Name { name: old, slashes },
            Last::Name {
                name: new,
                slashes: more,
            },
        ) = (from.last, to.last)
        else {
            return Err(Errno::EBUSY);
        };
        let (from, to) = (from.inode, to.inode);
        let source = self
            .lookup_hash(current, from, &old)?
            .ok_or(Errno::ENOENT)?;
        let is_directory = self.inodes[source].kind.is_directory();
        if !is_directory && (slashes || more) {
            return Err(Errno::ENOTDIR);
        }
        if self.is_ancestor(source, to) {
            return Err(Errno::EINVAL);
        }
        let target = self.lookup_hash(current, to, &new)?;
        if target.is_some_and(|target| self.is_ancestor(target, from)) {
            return Err(Errno::ENOTEMPTY);
        }
        self.vfs_rename(current, (from, &old, source), (to, &new, target))
    }

    /// Linux 2.6.12: `fs/namei.c`, `vfs_rename()`, `vfs_rename_dir()` and `vfs_rename_other()`.
    fn vfs_rename(
        &mut self,
        current: TaskId,
        (from, old, source): (InodeId, &str, InodeId),
        (to, new, target): (InodeId, &str, Option<InodeId>),
    ) -> Result<u32, Errno> {
        if target == Some(source) {
            return Ok(0);
        }
        let is_directory = self.inodes[source].kind.is_directory();
        let what = if is_directory {
            Victim::Directory
        } else {
            Victim::Other
        };
        self.may_delete(current, from, Some(source), what)?;
        match target {
            None => self.may_create(current, to, None)?,
            Some(_) => {
                self.may_delete(current, to, target, what)?;
            }
        }
        // Its two dots will lead somewhere else.
        if is_directory && from != to {
            self.permission(current, source, May::WRITE)?;
        }
        for moved in [Some(source), target].into_iter().flatten() {
            self.check_not_proc(moved)?;
        }
        let empty = |dir: InodeId| self.dir(dir).is_none_or(Directory::is_empty);
        if target.is_some_and(|target| !empty(target)) {
            return Err(Errno::ENOTEMPTY);
        }
        self.simple_rename((from, old), (to, new, target));
        Ok(0)
    }

    /// Moves a name. A directory that is replaced keeps the link of its dot.
    ///
    /// Linux 2.6.12: `fs/libfs.c`, `simple_rename()`; `fs/dcache.c`, `d_move()`.
    fn simple_rename(
        &mut self,
        (from, old): (InodeId, &str),
        (to, new, target): (InodeId, &str, Option<InodeId>),
    ) {
        let Some(source) = self.unlink_name(from, old) else {
            return;
        };
        let is_directory = self.inodes[source].kind.is_directory();
        if let Some(target) = target {
            self.stamp_change(target);
            self.mark_dead(target);
            self.drop_link(to, new);
            if is_directory {
                self.inodes[from].attr.nlink -= 1;
            }
        } else if is_directory {
            self.inodes[from].attr.nlink -= 1;
            self.inodes[to].attr.nlink += 1;
        }
        self.stamp_entries(from);
        self.stamp_entries(to);
        self.stamp_change(source);
        self.link_name(to, new, source);
    }
}
