//! Directories: their entries, the newest first, and how the path of a directory is found again.

use super::vfs::InodeKind;
use crate::abi::{Errno, FsId, InodeId};
use crate::kernel::Kernel;
use std::collections::BTreeMap;

/// The longest name of an entry (`NAME_MAX`).
pub(super) const NAME_MAX: usize = 255;

/// A directory: its entries and its own place in the tree. A directory has one name only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directory {
    /// The directory that it is in, of which it holds a reference; the root is in itself. It stays
    /// when the directory is removed.
    parent: InodeId,
    /// Its name there.
    name: String,
    /// The entries by name: the place in the order, and the inode, of which the entry holds a
    /// reference.
    entries: BTreeMap<String, (u64, InodeId)>,
    /// The names by place. A new entry has a higher place than all others, so that the newest comes
    /// first if this is read backwards.
    order: BTreeMap<u64, String>,
    /// The place of the next entry.
    next_place: u64,
    /// `S_DEAD`: whether it has been removed.
    dead: bool,
}

impl Directory {
    /// An empty directory with its place in the tree.
    pub(super) fn new(parent: InodeId, name: &str) -> Self {
        Self {
            parent,
            name: name.to_owned(),
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
            dead: false,
        }
    }

    /// The directory that it is in, or was in before it was removed.
    pub const fn parent(&self) -> InodeId {
        self.parent
    }

    /// Whether that is its place in the tree.
    pub(super) fn is_at(&self, parent: InodeId, name: &str) -> bool {
        self.parent == parent && self.name == name
    }

    /// Whether it has been removed.
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The inode of a name.
    pub fn get(&self, name: &str) -> Option<InodeId> {
        self.entries.get(name).map(|(_, inode)| *inode)
    }

    /// The entries in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, InodeId)> {
        let entries = self.entries.iter();
        entries.map(|(name, (_, inode))| (name.as_str(), *inode))
    }

    /// The entries before a place, the newest first, each with its place.
    pub(super) fn before(&self, place: u64) -> impl Iterator<Item = (u64, &str, InodeId)> {
        let names = self.order.range(..place).rev();
        names.filter_map(|(place, name)| Some((*place, name.as_str(), self.get(name)?)))
    }

    /// The entries as a scan shows them, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (&str, InodeId)> {
        self.before(u64::MAX).map(|(_, name, inode)| (name, inode))
    }

    /// Adds an entry in front of all others.
    pub(super) fn insert(&mut self, name: &str, inode: InodeId) {
        let place = self.next_place;
        self.next_place += 1;
        self.order.insert(place, name.to_owned());
        self.entries.insert(name.to_owned(), (place, inode));
    }

    /// Removes an entry, whose reference goes to the caller.
    pub(super) fn remove(&mut self, name: &str) -> Option<InodeId> {
        let (place, inode) = self.entries.remove(name)?;
        self.order.remove(&place);
        Some(inode)
    }
}

impl InodeKind {
    /// Whether it is a directory.
    pub const fn is_directory(&self) -> bool {
        match self {
            Self::Directory(_) => true,
            Self::Proc(node) => node.is_directory(),
            _ => false,
        }
    }

    /// The directory, if it is one.
    pub const fn directory(&self) -> Option<&Directory> {
        match self {
            Self::Directory(directory) => Some(directory),
            _ => None,
        }
    }
}

impl Kernel {
    /// A directory by its inode; `None` if it is something else.
    pub(super) fn dir(&self, inode: InodeId) -> Option<&Directory> {
        self.inodes[inode].kind.directory()
    }

    fn dir_mut(&mut self, inode: InodeId) -> Option<&mut Directory> {
        match &mut self.inodes[inode].kind {
            InodeKind::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Whether a directory has been removed (`IS_DEADDIR`).
    pub(super) fn is_dead_dir(&self, inode: InodeId) -> bool {
        self.dir(inode).is_some_and(Directory::is_dead)
    }

    /// What a directory has under a name.
    ///
    /// Linux 2.6.12: `fs/libfs.c`, `simple_lookup()`.
    ///
    /// # Errors
    /// `ENAMETOOLONG` for more than 255 bytes; `ENOENT` below `/proc`, where nothing can be made.
    pub(super) fn lookup_in(&mut self, dir: InodeId, name: &str) -> Result<Option<InodeId>, Errno> {
        if let InodeKind::Proc(node) = self.inodes[dir].kind {
            return self.proc_lookup(node, name).map(Some);
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        Ok(self.dir(dir).and_then(|dir| dir.get(name)))
    }

    /// Gives an inode a name in a directory; the caller's reference goes to the entry. A directory
    /// learns its place in the tree.
    ///
    /// Linux 2.6.12: `fs/dcache.c`, `d_instantiate()`.
    pub(super) fn link_name(&mut self, dir: InodeId, name: &str, inode: InodeId) {
        self.set_place(inode, dir, name);
        if let Some(entries) = self.dir_mut(dir) {
            entries.insert(name, inode);
        }
    }

    /// Takes a name away; the reference of the entry goes to the caller.
    pub(super) fn unlink_name(&mut self, dir: InodeId, name: &str) -> Option<InodeId> {
        self.dir_mut(dir)?.remove(name)
    }

    /// Tells a directory where it is now, and any other file how its path is shown.
    fn set_place(&mut self, inode: InodeId, parent: InodeId, name: &str) {
        let path = self.path_from(parent, self.root.dir()) + "/" + name;
        super::vfs::entry_name(&path).clone_into(&mut self.inodes[inode].path);
        self.inodes[inode].full_path = path;
        let Some(directory) = self.dir_mut(inode) else {
            return;
        };
        let old = std::mem::replace(&mut directory.parent, parent);
        name.clone_into(&mut directory.name);
        // The new one first: the old one may be the same.
        self.iget(parent);
        self.iput(old);
    }

    /// Marks a directory as removed: nothing is made in it any more.
    pub(super) fn mark_dead(&mut self, inode: InodeId) {
        if let Some(directory) = self.dir_mut(inode) {
            directory.dead = true;
        }
    }

    /// Whether a directory is another one or contains it.
    pub(in crate::kernel) fn is_ancestor(&self, above: InodeId, below: InodeId) -> bool {
        let mut at = below;
        while at != above {
            at = match &self.inodes[at].kind {
                InodeKind::Directory(dir) if dir.parent != at => dir.parent,
                // What is mounted is in the root directory.
                InodeKind::Proc(_) => self.root.dir(),
                _ => return false,
            }
        }
        true
    }

    /// The path of a directory below another, empty for that one itself; if it is not below it, its
    /// path from the root of the system.
    ///
    /// Linux 2.6.12: `fs/dcache.c`, `__d_path()`.
    fn path_from(&self, inode: InodeId, root: InodeId) -> String {
        let mut names = Vec::new();
        let mut at = inode;
        while at != root
            && let Some(dir) = self.dir(at)
            && dir.parent != at
        {
            names.push(dir.name.as_str());
            at = dir.parent;
        }
        if let InodeKind::Proc(_) = self.inodes[at].kind {
            return format!("/{}", self.inodes[at].path);
        }
        names
            .iter()
            .rev()
            .fold(String::new(), |path, name| path + "/" + *name)
    }

    /// The path of a file from the root of the system; of what has no name, a name that says what it
    /// is.
    ///
    /// Linux 2.6.12: `fs/dcache.c`, `d_path()`; `fs/pipe.c`, `pipefs_delete_dentry()`.
    pub fn d_path(&self, inode: InodeId) -> String {
        let it = &self.inodes[inode];
        let path = match &it.kind {
            InodeKind::Pipe => return format!("pipe:[{}]", it.ino),
            InodeKind::Directory(_) => with_root(self.path_from(inode, self.root.dir())),
            _ if it.full_path.is_empty() => format!("/{}", it.path),
            _ => it.full_path.clone(),
        };
        let gone = match &it.kind {
            InodeKind::Directory(dir) => dir.is_dead(),
            InodeKind::Shmem(_) => true,
            _ => it.attr.nlink == 0,
        };
        if gone { path + " (deleted)" } else { path }
    }

    /// The working directory as seen from the task's root; one outside of it is shown from the
    /// system's root.
    pub fn cwd_seen(&self, fs: FsId) -> String {
        let fs = &self.fs[fs];
        with_root(self.path_from(fs.cwd(), fs.root()))
    }
}

/// The path of the root is a slash; no other path ends in one.
fn with_root(path: String) -> String {
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entry_comes_first_and_a_scan_does_not_see_what_is_made_during_it() {
        let mut dir = Directory::new(InodeId::default(), "d");
        for name in ["a", "b", "c"] {
            dir.insert(name, InodeId::default());
        }
        let names = |dir: &Directory, place| -> Vec<String> {
            dir.before(place)
                .map(|(_, name, _)| name.to_owned())
                .collect()
        };
        assert_eq!(names(&dir, u64::MAX), ["c", "b", "a"]);
        let (after_c, ..) = dir.before(u64::MAX).next().unwrap();
        dir.insert("d", InodeId::default());
        assert_eq!(dir.remove("b"), Some(InodeId::default()));
        assert_eq!(names(&dir, after_c), ["a"]);
        assert_eq!(names(&dir, u64::MAX), ["d", "c", "a"]);
    }
}
