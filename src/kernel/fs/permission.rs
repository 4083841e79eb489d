//! Permission tests: which of the three classes a task falls into for an inode, what that class may
//! do, and what capabilities add.

use super::attr::Attr;
use super::proc_node::ProcNode;
use super::vfs::InodeKind;
use crate::abi::{Caps, Errno, InodeId, S_IFDIR, S_ISVTX, S_IXUGO, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::Task;

bitflags::bitflags! {
    /// What a task wants to do with a file: `MAY_EXEC`, `MAY_WRITE`, `MAY_READ`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(in crate::kernel) struct May: u32 {
        /// To execute it, or to search a directory.
        const EXEC = 1;
        /// To write to it, or to change the entries of a directory.
        const WRITE = 2;
        /// To read it.
        const READ = 4;
    }
}

/// What comes of a permission test before capabilities are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// The mode permits it.
    Granted,
    /// The first of these capabilities that is effective permits it; without any it is refused.
    IfCapable(Caps, Caps),
}

/// What a task may do by the mode alone, and which capabilities help: the first for everything, the
/// second for reading and searching.
///
/// Linux 2.6.12: `fs/namei.c`, `generic_permission()`.
fn generic_permission(attr: &Attr, class: u32, wanted: May) -> Verdict {
    if class & wanted.bits() == wanted.bits() {
        return Verdict::Granted;
    }
    let directory = attr.file_type() == S_IFDIR;
    // Root executes nothing that nobody can execute.
    let overrides = !wanted.contains(May::EXEC) || attr.mode & S_IXUGO != 0 || directory;
    let reads = wanted == May::READ || directory && !wanted.contains(May::WRITE);
    let only_if = |holds, caps| if holds { caps } else { Caps::empty() };
    Verdict::IfCapable(
        only_if(overrides, Caps::DAC_OVERRIDE),
        only_if(reads, Caps::DAC_READ_SEARCH),
    )
}

impl Task {
    /// Whether the file system group or a supplementary group is that one.
    ///
    /// Linux 2.6.12: `kernel/sys.c`, `in_group_p()`.
    pub(super) fn in_group_p(&self, gid: u32) -> bool {
        self.cred().fsgid == gid || self.supplementary_groups().contains(&gid)
    }

    /// The three bits of the mode that count for the task: those of the one class it belongs to.
    fn class_bits(&self, attr: &Attr) -> u32 {
        let shift = if self.cred().fsuid == attr.uid {
            6
        } else if self.in_group_p(attr.gid) {
            3
        } else {
            0
        };
        attr.mode >> shift & 7
    }
}

impl Kernel {
    /// Tests whether a task may do something with a file.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `permission()`.
    ///
    /// # Errors
    /// `EACCES`.
    pub(in crate::kernel) fn permission(
        &mut self,
        task: TaskId,
        inode: InodeId,
        wanted: May,
    ) -> Result<(), Errno> {
        match self.inodes[inode].kind {
            InodeKind::Proc(ProcNode::Sysctl(_)) => {
                self.proc_sys_permission(task, inode, wanted.bits())
            }
            InodeKind::Proc(ProcNode::Task(of, _, entry)) if entry.is_inside_root() => {
                self.generic_permission(task, inode, wanted)?;
                self.proc_check_root(task, of)
            }
            _ => self.generic_permission(task, inode, wanted),
        }
    }

    /// What mode and capabilities permit.
    fn generic_permission(
        &mut self,
        task: TaskId,
        inode: InodeId,
        wanted: May,
    ) -> Result<(), Errno> {
        let attr = self.inodes[inode].attr;
        let class = self.task(task).class_bits(&attr);
        let Verdict::IfCapable(all, reading) = generic_permission(&attr, class, wanted) else {
            return Ok(());
        };
        for caps in [all, reading] {
            if !caps.is_empty() && self.capable(task, caps) {
                return Ok(());
            }
        }
        Err(Errno::EACCES)
    }

    /// Whether a sticky directory keeps a task from removing an entry, which is neither its own nor
    /// in its own directory.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `check_sticky()`.
    fn check_sticky(&mut self, task: TaskId, dir: InodeId, victim: InodeId) -> bool {
        let (dir, victim) = (&self.inodes[dir].attr, &self.inodes[victim].attr);
        let fsuid = self.task(task).cred().fsuid;
        dir.mode & S_ISVTX != 0
            && victim.uid != fsuid
            && dir.uid != fsuid
            && !self.capable(task, Caps::FOWNER)
    }

    /// Tests whether a task may remove an entry of a directory.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `may_delete()`.
    ///
    /// # Errors
    /// `ENOENT`; `EACCES`; `EPERM` in a sticky directory; `ENOTDIR` and `EBUSY`, or `EISDIR`, by
    /// what is to be removed.
    pub(super) fn may_delete(
        &mut self,
        task: TaskId,
        dir: InodeId,
        victim: Option<InodeId>,
        what: Victim,
    ) -> Result<InodeId, Errno> {
        let victim = victim.ok_or(Errno::ENOENT)?;
        self.permission(task, dir, May::WRITE | May::EXEC)?;
        if self.check_sticky(task, dir, victim) {
            return Err(Errno::EPERM);
        }
        let is_directory = self.inodes[victim].kind.is_directory();
        match what {
            Victim::Directory if !is_directory => return Err(Errno::ENOTDIR),
            Victim::Directory if victim == self.root.dir() => return Err(Errno::EBUSY),
            Victim::Other if is_directory => return Err(Errno::EISDIR),
            _ => {}
        }
        if self.is_dead_dir(dir) {
            return Err(Errno::ENOENT);
        }
        Ok(victim)
    }

    /// Tests whether a task may make an entry in a directory.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `may_create()`.
    ///
    /// # Errors
    /// `EEXIST`; `ENOENT` if the directory has been removed; `EACCES`.
    pub(super) fn may_create(
        &mut self,
        task: TaskId,
        dir: InodeId,
        child: Option<InodeId>,
    ) -> Result<(), Errno> {
        if child.is_some() {
            return Err(Errno::EEXIST);
        }
        if self.is_dead_dir(dir) {
            return Err(Errno::ENOENT);
        }
        self.permission(task, dir, May::WRITE | May::EXEC)
    }

    /// Whether a task owns a file, or is as good as its owner.
    pub(super) fn is_owner_or_capable(&mut self, task: TaskId, inode: InodeId) -> bool {
        let owner = self.inodes[inode].attr.uid;
        self.task(task).cred().fsuid == owner || self.capable(task, Caps::FOWNER)
    }
}

/// What kind of entry a call removes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Victim {
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::S_IFREG;
    use crate::kernel::time::Timespec;

    fn attr(mode: u32) -> Attr {
        let now = Timespec::default();
        Attr {
            mode,
            uid: 500,
            gid: 500,
            nlink: 1,
            rdev: 0,
            atime: now,
            mtime: now,
            ctime: now,
        }
    }

    /// files-tty-ipc 1: mode, the bits of the class, what is wanted, what follows.
    #[test]
    fn what_the_mode_grants_and_which_capabilities_help() {
        let (none, over, read) = (Caps::empty(), Caps::DAC_OVERRIDE, Caps::DAC_READ_SEARCH);
        let (r, w, x) = (May::READ, May::WRITE, May::EXEC);
        for (mode, class, wanted, verdict) in [
            (S_IFREG | 0o644, 6, r | w, Verdict::Granted),
            (S_IFREG, 0, May::empty(), Verdict::Granted),
            (S_IFREG | 0o644, 4, w, Verdict::IfCapable(over, none)),
            (S_IFREG | 0o600, 0, r, Verdict::IfCapable(over, read)),
            (S_IFREG | 0o666, 6, x, Verdict::IfCapable(none, none)),
            (S_IFREG | 0o601, 6, x, Verdict::IfCapable(over, none)),
            (S_IFDIR | 0o600, 0, x, Verdict::IfCapable(over, read)),
            (S_IFDIR | 0o600, 0, r | x, Verdict::IfCapable(over, read)),
            (S_IFDIR | 0o600, 0, w | x, Verdict::IfCapable(over, none)),
        ] {
            let got = generic_permission(&attr(mode), class, wanted);
            assert_eq!(got, verdict, "{mode:o} {class} {wanted:?}");
        }
    }
}
