//! The file system at `/proc`: which inode stands for a node, what a name in a directory leads to,
//! and scans of directories.
//!
//! An inode is made when a node is first looked up, and kept until its task is gone, as the cache of
//! names keeps it.

use super::dir::NAME_MAX;
use super::getdents::Record;
use super::proc_node::{Level, ProcNode, TaskEntry, name_to_int};
use super::vfs::{InodeKind, PrivateData};
use crate::abi::{Errno, FileId, InodeId, Pid, S_IFDIR, TaskId};
use crate::kernel::Kernel;
use crate::kernel::task::PidType;

/// The position of the first entry of a task in a scan of the root.
///
/// Linux 2.6.12: `fs/proc/root.c`, `FIRST_PROCESS_ENTRY`.
const FIRST_PROCESS_ENTRY: u32 = 256;
/// What the owner of a descriptor may do with its link, by how the file is open.
const FD_READ: u32 = 0o500;
const FD_WRITE: u32 = 0o300;

/// An entry of a scan: what it is, its name, and the position of the next one.
type Entry = (ProcNode, String, u32);

impl Kernel {
    /// Makes the root of the file system.
    pub(super) fn mount_proc(&mut self) -> InodeId {
        self.proc_inode(ProcNode::Root)
    }

    /// The inode of a node, with the attributes that it has now.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_make_inode()` and `pid_revalidate()`.
    pub(super) fn proc_inode(&mut self, node: ProcNode) -> InodeId {
        let inode = match self.root.proc_inode(node) {
            Some(inode) => inode,
            None => {
                let path = self.proc_path(node);
                let ino = self.proc_ino(node);
                let inode = self.insert_inode(InodeKind::Proc(node), &path, ino);
                self.root.keep_proc_inode(node, inode);
                inode
            }
        };
        let (uid, gid) = self.proc_owner(node);
        let (mode, nlink) = (self.proc_mode(node), self.proc_nlink(node));
        let attr = &mut self.inodes[inode].attr;
        (attr.mode, attr.nlink, attr.uid, attr.gid) = (mode, nlink, uid, gid);
        inode
    }

    fn proc_ino(&self, node: ProcNode) -> u32 {
        let pid = match node {
            ProcNode::Task(task, ..) => self.pid(task).0.cast_unsigned(),
            _ => 0,
        };
        node.ino(pid)
    }

    /// The files of a task belong to its effective user, unless nobody may look into its memory.
    fn proc_owner(&self, node: ProcNode) -> (u32, u32) {
        let ProcNode::Task(task, _, entry) = node else {
            return (0, 0);
        };
        let dumpable = self.task(task).mm().is_some_and(|mm| self.mms[mm].dumpable);
        if entry == TaskEntry::Dir || dumpable {
            let cred = self.task(task).cred();
            return (cred.euid, cred.egid);
        }
        (0, 0)
    }

    fn proc_mode(&self, node: ProcNode) -> u32 {
        let mut mode = node.mode();
        if let ProcNode::Task(task, _, TaskEntry::Fd(fd)) = node
            && let Some(file) = self.file_of(task, fd)
        {
            let file = &self.open_files[file];
            mode |= if file.can_read() { FD_READ } else { 0 };
            mode |= if file.can_write() { FD_WRITE } else { 0 };
        }
        mode
    }

    /// Linux 2.6.12: `fs/proc/root.c`, `proc_root_lookup()`.
    fn proc_nlink(&self, node: ProcNode) -> u32 {
        let processes = match node {
            ProcNode::Root => self.process_counts(),
            _ => 0,
        };
        node.nlink() + processes
    }

    /// The open file behind a descriptor of a task.
    pub(in crate::kernel) fn file_of(&self, task: TaskId, fd: u32) -> Option<FileId> {
        let files = self.task(task).files()?;
        Some(self.files[files].get(fd as usize)?.file)
    }

    /// The path of a node, without a leading slash.
    fn proc_path(&self, node: ProcNode) -> String {
        let (dir, name) = match node {
            ProcNode::Root => return "proc".to_owned(),
            ProcNode::SelfLink => (ProcNode::Root, "self".to_owned()),
            ProcNode::Task(task, Level::Process, TaskEntry::Dir) => {
                (ProcNode::Root, self.pid(task).to_string())
            }
            ProcNode::Task(task, Level::Thread, TaskEntry::Dir) => {
                let above = self.proc_parent_node(node);
                (above, self.pid(task).to_string())
            }
            ProcNode::Task(_, _, TaskEntry::Fd(fd)) => {
                (self.proc_parent_node(node), fd.to_string())
            }
            other => {
                let dir = self.proc_parent_node(other);
                let mut entries = dir.entries().into_iter();
                let name = entries.find(|(node, _)| *node == other);
                (
                    dir,
                    name.map_or_else(String::new, |(_, name)| name.to_owned()),
                )
            }
        };
        format!("{}/{name}", self.proc_path(dir))
    }

    /// The directory that a node is in; that of the root is found elsewhere.
    fn proc_parent_node(&self, node: ProcNode) -> ProcNode {
        match node {
            ProcNode::SysDir(_) => ProcNode::Sys,
            ProcNode::Sysctl(sysctl) => ProcNode::of_sysctl(sysctl),
            ProcNode::Task(_, Level::Process, TaskEntry::Dir) => ProcNode::Root,
            ProcNode::Task(task, Level::Thread, TaskEntry::Dir) => {
                let leader = self.task(task).group_leader();
                ProcNode::Task(leader, Level::Process, TaskEntry::Task)
            }
            ProcNode::Task(task, level, TaskEntry::Fd(_)) => {
                ProcNode::Task(task, level, TaskEntry::FdDir)
            }
            ProcNode::Task(task, level, _) => ProcNode::Task(task, level, TaskEntry::Dir),
            _ => ProcNode::Root,
        }
    }

    /// The directory above a directory. Of a task that is gone, only the root is left.
    pub(super) fn proc_dotdot(&mut self, node: ProcNode) -> InodeId {
        if node == ProcNode::Root {
            return self.root.dir();
        }
        let above = if self.is_proc_alive(node) {
            self.proc_parent_node(node)
        } else {
            ProcNode::Root
        };
        self.proc_inode(above)
    }

    /// Whether the task of a node, if it belongs to one, has not been released.
    pub(in crate::kernel) fn is_proc_alive(&self, node: ProcNode) -> bool {
        match node {
            ProcNode::Task(task, ..) => self.pid_alive(task),
            _ => true,
        }
    }

    /// Whether a task can be found by its number.
    ///
    /// Linux 2.6.12: `include/linux/sched.h`, `pid_alive()`.
    fn pid_alive(&self, task: TaskId) -> bool {
        let task = self.tasks.get(task);
        task.is_some_and(|task| task.pid_link(PidType::Pid).is_some())
    }

    /// What a directory has under a name.
    ///
    /// Linux 2.6.12: `fs/proc/root.c`, `proc_root_lookup()`; `fs/proc/base.c`,
    /// `proc_pident_lookup()`, `proc_task_lookup()` and `proc_lookupfd()`.
    ///
    /// # Errors
    /// `ENAMETOOLONG`; `ENOENT`, for there is nothing that could be made.
    pub(super) fn proc_lookup(&mut self, dir: ProcNode, name: &str) -> Result<InodeId, Errno> {
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        if !self.is_proc_alive(dir) {
            return Err(Errno::ENOENT);
        }
        let entries = dir.entries();
        let fixed = entries.iter().find(|(_, entry)| *entry == name);
        let found = match (fixed, dir) {
            (Some((node, _)), _) => Some(*node),
            (None, ProcNode::Root) if name == "self" => Some(ProcNode::SelfLink),
            _ => name_to_int(name).and_then(|number| self.proc_numbered(dir, number)),
        };
        Ok(self.proc_inode(found.ok_or(Errno::ENOENT)?))
    }

    /// What a directory has under a number: a task or a descriptor. The root has every task, even if
    /// it lists only processes.
    fn proc_numbered(&self, dir: ProcNode, number: u32) -> Option<ProcNode> {
        let task = || {
            self.pid_hash
                .find(Pid(i32::try_from(number).ok().filter(|pid| *pid > 0)?))
        };
        match dir {
            ProcNode::Root => Some(ProcNode::Task(task()?, Level::Process, TaskEntry::Dir)),
            ProcNode::Task(leader, _, TaskEntry::Task) => {
                let task = task()?;
                let same = self.task(task).tgid() == self.task(leader).tgid();
                same.then_some(ProcNode::Task(task, Level::Thread, TaskEntry::Dir))
            }
            ProcNode::Task(task, level, TaskEntry::FdDir) => {
                self.file_of(task, number)?;
                Some(ProcNode::Task(task, level, TaskEntry::Fd(number)))
            }
            _ => None,
        }
    }

    /// Forgets the inodes of a task that is gone or gets another number. Whoever has one of them open
    /// keeps it.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_unhash()` and `proc_pid_flush()`.
    pub(in crate::kernel) fn proc_pid_flush(&mut self, task: TaskId) {
        for inode in self.root.take_proc_inodes(task) {
            self.iput(inode);
        }
    }

    /// The entry at the position of an open directory.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pident_readdir()`, `proc_task_readdir()`,
    /// `proc_readfd()`; `fs/proc/root.c`, `proc_root_readdir()`.
    pub(super) fn next_proc_record(&mut self, file: FileId, dir: ProcNode) -> Option<Record> {
        let pos = u32::try_from(self.open_files[file].pos).unwrap_or(u32::MAX);
        let inode = match pos {
            0 => self.open_files[file].inode(),
            1 => self.proc_dotdot(dir),
            _ => return self.listed_proc_record(file, dir, pos),
        };
        let name = if pos == 0 { "." } else { ".." };
        Some(Record {
            ino: self.inodes[inode].ino,
            name: name.to_owned(),
            file_type: (S_IFDIR >> 12) as u8,
            place: None,
            next: pos + 1,
            process: None,
        })
    }

    fn listed_proc_record(&self, file: FileId, dir: ProcNode, pos: u32) -> Option<Record> {
        if !self.is_proc_alive(dir) {
            return None;
        }
        let (node, name, next) = match dir {
            ProcNode::Root => self.root_entry(file, pos)?,
            ProcNode::Task(task, _, TaskEntry::Task) => self.thread_entry(task, pos)?,
            ProcNode::Task(task, level, TaskEntry::FdDir) => self.fd_entry((task, level), pos)?,
            _ => fixed_entry(dir, pos)?,
        };
        let process = match (dir, node) {
            (ProcNode::Root, ProcNode::Task(task, ..)) => Some(task),
            _ => None,
        };
        Some(Record {
            ino: self.proc_ino(node),
            name,
            file_type: (node.mode() >> 12) as u8,
            place: None,
            next,
            process,
        })
    }

    /// First what is no task, then the link to oneself, then the processes in the order of their
    /// creation. A process that did not fit into the last answer comes first in this one, even if
    /// others before it are gone.
    fn root_entry(&self, file: FileId, pos: u32) -> Option<Entry> {
        if let Some((node, name, next)) = fixed_entry(ProcNode::Root, pos) {
            let last = fixed_entry(ProcNode::Root, next).is_none();
            let next = if last { FIRST_PROCESS_ENTRY } else { next };
            return Some((node, name, next));
        }
        if pos <= FIRST_PROCESS_ENTRY {
            let next = FIRST_PROCESS_ENTRY + 1;
            return Some((ProcNode::SelfLink, "self".to_owned(), next));
        }
        let remembered = match self.open_files[file].private {
            PrivateData::Unlisted(task) if self.pid_alive(task) => Some(task),
            _ => None,
        };
        let skipped = (pos - FIRST_PROCESS_ENTRY - 1) as usize;
        let leader = match remembered {
            Some(task) => task,
            None => self.leaders().nth(skipped)?,
        };
        let node = ProcNode::Task(leader, Level::Process, TaskEntry::Dir);
        Some((node, self.pid(leader).to_string(), pos + 1))
    }

    fn thread_entry(&self, leader: TaskId, pos: u32) -> Option<Entry> {
        let task = *self.threads_from(leader).get(pos as usize - 2)?;
        let node = ProcNode::Task(task, Level::Thread, TaskEntry::Dir);
        Some((node, self.pid(task).to_string(), pos + 1))
    }

    fn fd_entry(&self, (task, level): (TaskId, Level), pos: u32) -> Option<Entry> {
        let files = &self.files[self.task(task).files()?];
        let mut open = files.open().map(|(fd, _)| fd as u32);
        let fd = open.find(|fd| *fd >= pos - 2)?;
        let after = open.next().unwrap_or(files.max_fds() as u32);
        let node = ProcNode::Task(task, level, TaskEntry::Fd(fd));
        Some((node, fd.to_string(), after + 2))
    }
}

/// An entry that is always there.
fn fixed_entry(dir: ProcNode, pos: u32) -> Option<Entry> {
    let entries = dir.entries();
    let (node, name) = entries.get(pos as usize - 2)?;
    Some((*node, (*name).to_owned(), pos + 1))
}
