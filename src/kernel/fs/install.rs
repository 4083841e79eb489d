//! Files that the machine itself puts into the tree: the directories, devices and programs of the
//! boot, and the programs of a session.

use super::dir::Directory;
use super::vfs::InodeKind;
use crate::abi::{InodeId, S_IFDIR};
use crate::kernel::Kernel;

/// The permissions of a directory in which everybody may make files.
const OPEN_DIR: u32 = 0o777;
/// The same, but each removes only what is his own.
const STICKY_DIR: u32 = 0o1777;

impl Kernel {
    /// Makes the root directory, `/bin`, `/dev` and `/tmp` in it, and mounts `/proc`. Files can be made in the root
    /// directory by everybody, because scripts do so.
    pub(in crate::kernel) fn make_tree(&mut self) {
        let root = self.new_inode(
            InodeKind::Directory(Directory::new(InodeId::default(), "")),
            "",
        );
        if let InodeKind::Directory(dir) = &mut self.inodes[root].kind {
            *dir = Directory::new(root, "");
        }
        self.root.set_dir(root);
        "/".clone_into(&mut self.inodes[root].path);
        let attr = &mut self.inodes[root].attr;
        (attr.mode, attr.nlink) = (S_IFDIR | OPEN_DIR, 2);
        for name in ["bin", "dev"] {
            self.make_directory(root, name);
        }
        let tmp = self.make_directory(root, "tmp");
        self.inodes[tmp].attr.mode = S_IFDIR | STICKY_DIR;
        let proc = self.mount_proc();
        self.iget(proc);
        self.inodes[root].attr.nlink += 1;
        self.link_name(root, "proc", proc);
    }

    fn make_directory(&mut self, parent: InodeId, name: &str) -> InodeId {
        self.iget(parent);
        let inode = self.new_inode(InodeKind::Directory(Directory::new(parent, name)), "");
        self.inodes[inode].attr.nlink = 2;
        self.inodes[parent].attr.nlink += 1;
        self.link_name(parent, name, inode);
        inode
    }

    /// Creates a file with that name, replacing an older one (which lives while it is in use). A
    /// plain name means a program in `/bin` or a device in `/dev`; directories of a longer path are
    /// made if they are missing.
    pub fn create(&mut self, path: &str, kind: InodeKind) -> InodeId {
        let inode = self.new_inode(kind, path);
        self.install(path, inode);
        inode
    }

    /// Gives a new inode its name. It belongs to the user of the machine, a device to root.
    pub(in crate::kernel) fn install(&mut self, path: &str, inode: InodeId) {
        let made = &mut self.inodes[inode];
        if !made.kind.is_device() {
            (made.attr.uid, made.attr.gid) = (self.config.uid, self.config.uid);
        }
        if let Some((dir, name)) = self.place_of(path, inode) {
            self.put_name(dir, name, inode);
        }
    }

    /// Creates a device file of root whose number comes from its device, so that other files keep
    /// theirs whatever devices there are.
    pub(in crate::kernel) fn create_device(&mut self, name: &str, kind: InodeKind, ino: u32) {
        let inode = self.insert_inode(kind, name, ino);
        if let Some((dir, name)) = self.place_of(name, inode) {
            self.put_name(dir, name, inode);
        }
    }

    /// Gives an inode a name, which another file loses.
    fn put_name(&mut self, dir: InodeId, name: &str, inode: InodeId) {
        if let Some(old) = self.unlink_name(dir, name) {
            self.inodes[old].attr.nlink -= 1;
            self.iput(old);
        }
        self.link_name(dir, name, inode);
    }

    /// The directory and name of a new file; `None` if its path leads through a file, or names a
    /// directory.
    fn place_of<'a>(&mut self, path: &'a str, inode: InodeId) -> Option<(InodeId, &'a str)> {
        let names = path
            .split('/')
            .filter(|name| !["", ".", ".."].contains(name));
        let names: Vec<&str> = names.collect();
        let (name, above) = names.split_last()?;
        let root = self.root.dir();
        let kind = &self.inodes[inode].kind;
        let home = match kind {
            _ if path.contains('/') => None,
            kind if kind.is_device() => Some("dev"),
            kind if kind.is_executable() => Some("bin"),
            _ => None,
        };
        let mut dir = root;
        for name in home.iter().chain(above) {
            dir = match self.dir(dir)?.get(name) {
                Some(found) => found,
                None => self.make_directory(dir, name),
            };
        }
        let taken = self.dir(dir)?.get(name);
        let free = taken.is_none_or(|inode| !self.inodes[inode].kind.is_directory());
        free.then_some((dir, name))
    }

    /// The paths of all files, from the root of the system, in order; directories are left out.
    pub fn file_paths(&self) -> Vec<(String, InodeId)> {
        let mut files = Vec::new();
        let mut dirs = vec![(String::new(), self.root.dir())];
        while let Some((path, dir)) = dirs.pop() {
            for (name, inode) in self.dir(dir).into_iter().flat_map(Directory::iter) {
                let path = format!("{path}/{name}");
                if self.inodes[inode].kind.is_directory() {
                    dirs.push((path, inode));
                } else {
                    files.push((path, inode));
                }
            }
        }
        files.sort();
        files
    }
}
