//! The path walk: from the caller's root or working directory to what a path names, through
//! directories that the caller may search, and through symbolic links.

use super::permission::May;
use super::vfs::{InodeKind, check_name};
use crate::abi::{Errno, InodeId, TaskId};
use crate::kernel::Kernel;

/// How deeply links may be nested: the last component of one is again a link, and so on.
///
/// Linux 2.6.12: `include/linux/namei.h`, `MAX_NESTED_LINKS`.
const MAX_NESTED_LINKS: u32 = 5;
/// How many links a walk follows in all.
const MAX_LINKS: u32 = 40;
/// The directories in which a plain name is looked for if the root has none like it.
const SHORT_NAMES: [&str; 2] = ["bin", "dev"];

/// How a walk ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kernel) enum Goal {
    /// At the directory that holds the last component (`LOOKUP_PARENT`).
    Parent,
    /// At what the path names, through a link at its end (`LOOKUP_FOLLOW`).
    Follow,
    /// At what the path names, even if it is a link.
    NoFollow,
}

/// The last component of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Last {
    /// There is none: the path consists of slashes.
    Root,
    /// A dot.
    Dot,
    /// Two dots.
    DotDot,
    /// A name.
    Name {
        /// The name itself.
        name: String,
        /// Whether slashes follow it.
        slashes: bool,
    },
}

impl Last {
    fn new(name: &str, slashes: bool) -> Self {
        match name {
            "." => Self::Dot,
            ".." => Self::DotDot,
            _ => Self::Name {
                name: name.to_owned(),
                slashes,
            },
        }
    }
}

/// Where a walk has ended: a directory and the last component, or what the path names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reached {
    /// The directory, or the inode.
    pub inode: InodeId,
    /// The last component.
    pub last: Last,
}

/// A walk under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Who walks.
    task: TaskId,
    /// The root directory of the walk.
    root: InodeId,
    /// `total_link_count`: how many links have been followed.
    links: u32,
    /// Whether the path is a plain name, which may stand for a program or a device.
    short: bool,
}

impl Kernel {
    /// Begins the walk of a task, and says where it starts.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `path_lookup()`.
    fn begin_walk(&self, task: TaskId, path: &str) -> (Walk, InodeId) {
        let fs = &self.fs[self.fs_id(task)];
        let walk = Walk {
            task,
            root: fs.root(),
            links: 0,
            short: !path.contains('/'),
        };
        let start = if path.starts_with('/') {
            fs.root()
        } else {
            fs.cwd()
        };
        (walk, start)
    }

    /// What a path leads to.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `path_lookup()`.
    ///
    /// # Errors
    /// `ENOENT`, `ENAMETOOLONG`, `ENOTDIR`, `EACCES`, `ELOOP`.
    pub(in crate::kernel) fn user_path(
        &mut self,
        task: TaskId,
        path: &str,
        goal: Goal,
    ) -> Result<InodeId, Errno> {
        check_name(path)?;
        let (mut walk, start) = self.begin_walk(task, path);
        let reached = self.link_path_walk(&mut walk, start, path, goal, 0)?;
        Ok(reached.inode)
    }

    /// The directory that holds the last component of a path, and that component.
    ///
    /// # Errors
    /// As for [`Kernel::user_path`].
    pub(super) fn user_path_parent(&mut self, task: TaskId, path: &str) -> Result<Reached, Errno> {
        Ok(self.walk_to_parent(task, path)?.1)
    }

    /// The same, with the walk, which can go on.
    pub(super) fn walk_to_parent(
        &mut self,
        task: TaskId,
        path: &str,
    ) -> Result<(Walk, Reached), Errno> {
        check_name(path)?;
        let (mut walk, start) = self.begin_walk(task, path);
        let reached = self.link_path_walk(&mut walk, start, path, Goal::Parent, 0)?;
        Ok((walk, reached))
    }

    /// The file that a path from the root of the system leads to, for the machine itself, which may
    /// go everywhere. A plain name may stand for a program or a device.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`; `EACCES` for a directory.
    pub fn lookup(&self, path: &str) -> Result<InodeId, Errno> {
        check_name(path)?;
        let root = self.root.dir();
        let mut at = root;
        for name in path.split('/').filter(|name| !["", "."].contains(name)) {
            let dir = self.dir(at).ok_or(Errno::ENOTDIR)?;
            let found = dir.get(name).or_else(|| self.short_name(at, name));
            at = found.ok_or(Errno::ENOENT)?;
        }
        if self.inodes[at].kind.is_directory() {
            return Err(Errno::EACCES);
        }
        Ok(at)
    }

    /// Walks a path from a directory.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `__link_path_walk()`.
    fn link_path_walk(
        &mut self,
        walk: &mut Walk,
        start: InodeId,
        path: &str,
        goal: Goal,
        depth: u32,
    ) -> Result<Reached, Errno> {
        let mut at = start;
        let mut rest = path.trim_start_matches('/');
        if rest.is_empty() {
            let last = Last::Root;
            return Ok(Reached { inode: at, last });
        }
        loop {
            // Before the lookup: whoever may not search learns nothing of what is there.
            self.permission(walk.task, at, May::EXEC)?;
            let end = rest.find('/').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after.trim_start_matches('/');
            if rest.is_empty() {
                let last = Last::new(name, !after.is_empty());
                return self.walk_last(walk, at, last, goal, depth);
            }
            at = match name {
                "." => at,
                ".." => self.follow_dotdot(walk, at),
                _ => self.walk_through(walk, at, name, depth)?,
            };
        }
    }

    /// The directory that a component in the middle of a path leads to.
    fn walk_through(
        &mut self,
        walk: &mut Walk,
        dir: InodeId,
        name: &str,
        depth: u32,
    ) -> Result<InodeId, Errno> {
        let mut found = self.lookup_in(dir, name)?.ok_or(Errno::ENOENT)?;
        if self.inodes[found].kind.is_symlink() {
            found = self.do_follow_link(walk, dir, found, depth)?;
        }
        if !self.inodes[found].kind.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        Ok(found)
    }

    /// The end of a path.
    fn walk_last(
        &mut self,
        walk: &mut Walk,
        dir: InodeId,
        last: Last,
        goal: Goal,
        depth: u32,
    ) -> Result<Reached, Errno> {
        // The text of a link within a walk is always followed to its end.
        let goal = if depth > 0 { Goal::Follow } else { goal };
        if goal == Goal::Parent {
            return Ok(Reached { inode: dir, last });
        }
        let inode = match &last {
            Last::Root | Last::Dot => dir,
            Last::DotDot => self.follow_dotdot(walk, dir),
            Last::Name { name, slashes } => {
                let found = self.lookup_in(dir, name)?;
                let short = || walk.short.then(|| self.short_name(dir, name)).flatten();
                let found = found.or_else(short);
                let mut found = found.ok_or(Errno::ENOENT)?;
                let follows = goal == Goal::Follow || *slashes;
                if follows && self.inodes[found].kind.is_symlink() {
                    found = self.do_follow_link(walk, dir, found, depth)?;
                }
                if *slashes && !self.inodes[found].kind.is_directory() {
                    return Err(Errno::ENOTDIR);
                }
                found
            }
        };
        Ok(Reached { inode, last })
    }

    /// What a plain name that the root directory does not have stands for: a program or a device.
    /// This is forklab's own, so that scripts can leave out `/bin/` and `/dev/`.
    fn short_name(&self, dir: InodeId, name: &str) -> Option<InodeId> {
        let root = self.root.dir();
        if dir != root {
            return None;
        }
        let mut dirs = SHORT_NAMES
            .iter()
            .filter_map(|dir| self.dir(root)?.get(dir));
        dirs.find_map(|dir| self.dir(dir)?.get(name))
    }

    /// The directory above, but not above the root of the walk.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `follow_dotdot()`.
    fn follow_dotdot(&self, walk: &Walk, at: InodeId) -> InodeId {
        match self.dir(at) {
            Some(dir) if at != walk.root => dir.parent(),
            _ => at,
        }
    }

    /// Where a link in a directory leads to.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `do_follow_link()`.
    fn do_follow_link(
        &mut self,
        walk: &mut Walk,
        dir: InodeId,
        link: InodeId,
        depth: u32,
    ) -> Result<InodeId, Errno> {
        if depth >= MAX_NESTED_LINKS || walk.links >= MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        walk.links += 1;
        let reached = self.follow_text(walk, dir, link, Goal::Follow, depth + 1)?;
        Ok(reached.inode)
    }

    /// Walks the text of a link.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `__do_follow_link()` and `__vfs_follow_link()`.
    pub(super) fn follow_text(
        &mut self,
        walk: &mut Walk,
        dir: InodeId,
        link: InodeId,
        goal: Goal,
        depth: u32,
    ) -> Result<Reached, Errno> {
        self.touch_atime(link);
        let InodeKind::Symlink(text) = &self.inodes[link].kind else {
            return Err(Errno::ENOENT);
        };
        let text = text.clone();
        let start = if text.starts_with('/') {
            walk.root
        } else {
            dir
        };
        self.link_path_walk(walk, start, &text, goal, depth)
    }

    /// What a directory has under the last component of a path, if the task may search it.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `lookup_hash()`.
    ///
    /// # Errors
    /// `EACCES`, `ENAMETOOLONG`.
    pub(super) fn lookup_hash(
        &mut self,
        task: TaskId,
        dir: InodeId,
        name: &str,
    ) -> Result<Option<InodeId>, Errno> {
        self.permission(task, dir, May::EXEC)?;
        self.lookup_in(dir, name)
    }
}
