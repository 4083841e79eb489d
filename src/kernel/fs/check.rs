//! The invariants of the tree of files and of locks, for tests.

use super::dir::Directory;
use super::vfs::{Inode, InodeKind};
use crate::abi::InodeId;
use crate::kernel::Kernel;
use crate::kernel::check::demand;
use crate::kernel::task::Continuation;
use std::collections::BTreeMap;

impl Kernel {
    /// Checks that link counts agree with names, directories with their places, and locks with those
    /// who hold them and wait for them.
    ///
    /// # Errors
    /// The first invariant that is violated, in words.
    pub(in crate::kernel) fn check_names(&self) -> Result<(), String> {
        let mut names: BTreeMap<InodeId, u32> = BTreeMap::new();
        for (id, dir) in self.directories() {
            for (name, inode) in dir.iter() {
                *names.entry(inode).or_default() += 1;
                let placed = self.dir(inode).is_none_or(|child| child.is_at(id, name));
                demand(placed, || format!("directory {name} is somewhere else"))?;
            }
        }
        for (id, inode) in self.inodes.iter() {
            let named = names.get(&id).copied().unwrap_or(0);
            self.check_links_of(id, inode, named)?;
            self.check_locks_of(id, inode)?;
        }
        for task in self.locks.waiting() {
            let inside = self.task(task).in_call.continuation;
            demand(matches!(inside, Some(Continuation::Lock(_))), || {
                format!("{} waits for a lock without a call", self.pid(task))
            })?;
        }
        Ok(())
    }

    fn directories(&self) -> impl Iterator<Item = (InodeId, &Directory)> {
        let inodes = self.inodes.iter();
        inodes.filter_map(|(id, inode)| Some((id, inode.kind.directory()?)))
    }

    /// Compares `i_nlink` with the names of an inode; what never had a name counts as one.
    fn check_links_of(&self, id: InodeId, inode: &Inode, names: u32) -> Result<(), String> {
        let nlink = inode.attr.nlink;
        let fits = match &inode.kind {
            // One that was replaced by `rename` has the link of its dot left.
            InodeKind::Directory(dir) if dir.is_dead() => nlink <= 1 && dir.is_empty(),
            InodeKind::Directory(dir) => {
                let is_directory = |child: InodeId| self.inodes[child].kind.is_directory();
                let inside = dir.iter().filter(|(_, child)| is_directory(*child));
                let has_name = names == 1 || id == self.root.dir();
                has_name && nlink == 2 + inside.count() as u32
            }
            InodeKind::Pipe | InodeKind::Shmem(_) => names == 0,
            InodeKind::Proc(_) => true,
            kind if kind.is_executable() && names == 0 => nlink <= 1,
            _ => nlink == names,
        };
        demand(fits, || {
            format!("{} has {nlink} links and {names} names", inode.path)
        })
    }

    fn check_locks_of(&self, id: InodeId, inode: &Inode) -> Result<(), String> {
        for lock in inode.locks().posix() {
            let table = self.files.get(lock.owner);
            let mut files = table.into_iter().flat_map(super::FilesStruct::open);
            let open = files.any(|(_, fd)| self.open_files[fd.file].inode() == id);
            demand(open && lock.range.start <= lock.range.end, || {
                format!("nobody holds {lock:?}")
            })?;
        }
        for lock in inode.locks().flock() {
            let file = self.open_files.get(lock.file);
            demand(file.is_some_and(|file| file.inode() == id), || {
                format!("nobody holds {lock:?}")
            })?;
        }
        Ok(())
    }
}
