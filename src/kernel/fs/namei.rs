//! Paths: from the caller's root or working directory to a name, through directories that consist
//! of names only. Also the calls that change what a path means: `chdir`, `chroot`, `mkdir`,
//! `unlink`, `umask`.

use super::files::FsStruct;
use super::regular::RegularFile;
use super::vfs::{InodeKind, check_name, entry_name};
use crate::abi::{Caps, Errno, FsId, InodeId, O_CREAT, O_EXCL, O_TRUNC, TaskId, VirtAddr};
use crate::kernel::Kernel;

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// A directory, by its path; the root's is empty.
    Directory(String),
    /// A file, and the path to it.
    File(InodeId, String),
    /// Nothing, in an existing directory.
    Nothing(String),
}

/// The path of the parent directory; the root is its own parent.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

impl Kernel {
    /// Walks a path from the caller's root or working directory.
    ///
    /// Simplified: permissions are not checked, and there are no links.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `path_lookup()` and `link_path_walk()`.
    ///
    /// # Errors
    /// `ENAMETOOLONG`; `ENOENT` for an empty path and for a directory that does not exist;
    /// `ENOTDIR` if a file is used as a directory.
    pub(super) fn path_walk(&self, fs: &FsStruct, path: &str) -> Result<Found, Errno> {
        check_name(path)?;
        let root = fs.root.trim_end_matches('/');
        let start = if path.starts_with('/') {
            root
        } else {
            fs.cwd.trim_end_matches('/')
        };
        let mut at = start.to_owned();
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            match name {
                "." => continue,
                ".." if at == root => continue,
                ".." => {
                    at = parent(&at).to_owned();
                    continue;
                }
                _ => {}
            }
            let next = format!("{at}/{name}");
            if self.root.is_dir(&next) {
                at = next;
                continue;
            }
            let file = self.root.entry(entry_name(&next));
            let last = names.peek().is_none() && !path.ends_with('/');
            return match file {
                Some(inode) if last => Ok(Found::File(inode, next)),
                Some(_) => Err(Errno::ENOTDIR),
                None if last => Ok(Found::Nothing(next)),
                None => Err(Errno::ENOENT),
            };
        }
        Ok(Found::Directory(at))
    }

    /// Walks a path for a task.
    ///
    /// # Errors
    /// As for [`Kernel::path_walk`].
    pub(super) fn user_path_walk(&self, task: TaskId, path: &str) -> Result<Found, Errno> {
        self.path_walk(&self.fs[self.fs_id(task)], path)
    }

    /// The file that a path leads to.
    ///
    /// # Errors
    /// As for [`Kernel::path_walk`]; `ENOENT`; `EACCES` for a directory.
    pub(in crate::kernel) fn lookup_for(&self, task: TaskId, path: &str) -> Result<InodeId, Errno> {
        match self.user_path_walk(task, path)? {
            Found::File(inode, _) => Ok(inode),
            Found::Directory(_) => Err(Errno::EACCES),
            Found::Nothing(_) => Err(Errno::ENOENT),
        }
    }

    /// The inode that `open` opens: found, created, or truncated.
    ///
    /// Simplified: a directory cannot be opened at all (`EISDIR`).
    ///
    /// Linux 2.6.12: `fs/namei.c`, `open_namei()` and `may_open()`.
    ///
    /// # Errors
    /// Errors of the lookup; `ENOENT`, `EEXIST`, `EISDIR`; `ETXTBSY` for writing to a program that
    /// is being executed.
    pub(in crate::kernel) fn open_namei(
        &mut self,
        current: TaskId,
        path: &str,
        flags: u32,
    ) -> Result<InodeId, Errno> {
        let inode = match self.user_path_walk(current, path)? {
            Found::Nothing(path) if flags & O_CREAT != 0 => {
                return Ok(self.create(&path, InodeKind::Regular(RegularFile::default())));
            }
            Found::Nothing(_) => return Err(Errno::ENOENT),
            Found::File(..) if flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL => {
                return Err(Errno::EEXIST);
            }
            Found::Directory(_) => return Err(Errno::EISDIR),
            Found::File(inode, _) => inode,
        };
        // Before the file is truncated: a program that is being executed stays as it is.
        let writes = flags & O_TRUNC != 0 || super::vfs::can_write(flags);
        if writes && self.is_executed(inode) {
            return Err(Errno::ETXTBSY);
        }
        if flags & O_TRUNC != 0 {
            self.truncate(inode);
        }
        Ok(inode)
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

    /// Truncates a file to length 0, with its cached pages. What is left of a program can still be
    /// executed as far as its permissions go, but no format accepts it.
    ///
    /// Linux 2.6.12: `fs/open.c`, `do_truncate()`.
    pub(in crate::kernel) fn truncate(&mut self, inode: InodeId) {
        match &mut self.inodes[inode].kind {
            InodeKind::Regular(_) => return self.vmtruncate(inode, 0),
            program if program.is_executable() => *program = InodeKind::NoImage(String::new()),
            _ => return,
        }
        self.truncate_inode_pages(inode, 0);
    }

    /// Removes a name. The file itself lives while anybody has it open, maps it or executes it.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `sys_unlink()`.
    ///
    /// # Errors
    /// Errors of the lookup; `ENOENT`; `EISDIR`.
    pub(in crate::kernel) fn sys_unlink(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        match self.user_path_walk(current, &path)? {
            Found::File(_, path) => {
                // Only the reference of the name is dropped here.
                if let Some(inode) = self.root.remove(entry_name(&path)) {
                    self.iput(inode);
                }
                Ok(0)
            }
            Found::Directory(_) => Err(Errno::EISDIR),
            Found::Nothing(_) => Err(Errno::ENOENT),
        }
    }

    /// Linux 2.6.12: `fs/namei.c`, `sys_mkdir()`.
    ///
    /// # Errors
    /// Errors of the lookup; `EEXIST`.
    pub(in crate::kernel) fn sys_mkdir(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let path = path.trim_end_matches('/');
        match self.user_path_walk(current, path)? {
            Found::Nothing(path) => {
                self.root.make_dir(path);
                Ok(0)
            }
            _ => Err(Errno::EEXIST),
        }
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_chdir()`.
    ///
    /// # Errors
    /// Errors of the lookup; `ENOENT`; `ENOTDIR`.
    pub(in crate::kernel) fn sys_chdir(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let dir = self.directory(current, &path)?;
        let fs = self.fs_id(current);
        self.fs[fs].cwd = dir;
        Ok(0)
    }

    /// Linux 2.6.12: `fs/open.c`, `sys_chroot()`. The working directory does not change.
    ///
    /// # Errors
    /// Errors of the lookup; `ENOENT`; `ENOTDIR`; `EPERM` without CAP_SYS_CHROOT, tested last.
    pub(in crate::kernel) fn sys_chroot(
        &mut self,
        current: TaskId,
        path: String,
    ) -> Result<u32, Errno> {
        let dir = self.directory(current, &path)?;
        if !self.capable(current, Caps::SYS_CHROOT) {
            return Err(Errno::EPERM);
        }
        let fs = self.fs_id(current);
        self.fs[fs].root = dir;
        Ok(0)
    }

    /// The directory that a path leads to, in the form that [`FsStruct`] keeps.
    fn directory(&self, task: TaskId, path: &str) -> Result<String, Errno> {
        match self.user_path_walk(task, path)? {
            Found::Directory(path) if path.is_empty() => Ok("/".to_owned()),
            Found::Directory(path) => Ok(path),
            Found::File(..) => Err(Errno::ENOTDIR),
            Found::Nothing(_) => Err(Errno::ENOENT),
        }
    }

    /// The working directory as seen from the task's root; one outside of it is shown from the
    /// system's root.
    ///
    /// Linux 2.6.12: `fs/dcache.c`, `__d_path()`.
    pub fn cwd_seen(&self, fs: FsId) -> String {
        let fs = &self.fs[fs];
        let root = fs.root.trim_end_matches('/');
        match fs.cwd.strip_prefix(root) {
            Some("") => "/".to_owned(),
            Some(below) if below.starts_with('/') => below.to_owned(),
            _ => fs.cwd.clone(),
        }
    }

    /// Stores the path of the working directory with a null byte, and returns its length.
    ///
    /// Linux 2.6.12: `fs/dcache.c`, `sys_getcwd()`.
    ///
    /// # Errors
    /// `ERANGE` if the buffer is too small, `EFAULT`.
    pub(in crate::kernel) fn sys_getcwd(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        size: u32,
    ) -> Result<u32, Errno> {
        let fs = self.fs_id(current);
        let mut path = self.cwd_seen(fs).into_bytes();
        path.push(0);
        let len = path.len() as u32;
        if len > size {
            return Err(Errno::ERANGE);
        }
        self.copy_to_user(current, addr, &path)?;
        Ok(len)
    }

    /// Sets the mask of permissions that new files do not get, and returns the old one.
    ///
    /// Simplified: files have no permissions, so only the mask itself is visible.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `sys_umask()`.
    pub(in crate::kernel) fn sys_umask(&mut self, current: TaskId, mask: u32) -> u32 {
        let fs = self.fs_id(current);
        std::mem::replace(&mut self.fs[fs].umask, mask & 0o777)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::boot::Config;

    /// A directory whose name only begins like that of the root is not below it.
    #[test]
    fn the_working_directory_is_shown_from_the_root_of_the_task() {
        let mut kernel = Kernel::boot(Config::default()).unwrap();
        let fs = kernel.task(kernel.init).fs.unwrap();
        for (root, cwd, seen) in [
            ("/", "/", "/"),
            ("/", "/tmp", "/tmp"),
            ("/tmp", "/tmp", "/"),
            ("/tmp", "/tmp/a", "/a"),
            ("/tmp", "/tmpfs", "/tmpfs"),
            ("/tmp", "/", "/"),
        ] {
            kernel.fs[fs].root = root.to_owned();
            kernel.fs[fs].cwd = cwd.to_owned();
            assert_eq!(kernel.cwd_seen(fs), seen, "{cwd} from {root}");
        }
    }
}
