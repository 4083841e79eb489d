//! The links below `/proc`: what they lead to, and how that is spelt.

use crate::abi::{Caps, Errno, InodeId, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::{ProcNode, SystemFile, TaskEntry};
use crate::kernel::mm::VmFlags;
use crate::kernel::task::Task;

impl Kernel {
    /// The path that a link stands for, if it stands for one.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_self_follow_link()`; `fs/proc/proc_misc.c`,
    /// `proc_misc_init()`.
    pub(in crate::kernel) fn proc_link_text(
        &self,
        current: TaskId,
        node: ProcNode,
    ) -> Option<String> {
        match node {
            ProcNode::SelfLink => Some(self.task(current).tgid().to_string()),
            ProcNode::System(SystemFile::Mounts) => Some("self/mounts".to_owned()),
            _ => None,
        }
    }

    /// What a link of a task leads to, for somebody who may know.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_follow_link()` and `proc_check_root()`.
    ///
    /// # Errors
    /// `EACCES` for another user than the owner of the link, and if the task's root directory is not
    /// below the caller's; `ENOENT` if the task has no such object.
    pub(in crate::kernel) fn proc_get_link(
        &mut self,
        current: TaskId,
        link: InodeId,
        node: ProcNode,
    ) -> Result<InodeId, Errno> {
        let owner = self.inodes[link].attr.uid;
        if self.task(current).cred().fsuid != owner && !self.capable(current, Caps::DAC_OVERRIDE) {
            return Err(Errno::EACCES);
        }
        let ProcNode::Task(task, _, entry) = node else {
            return Err(Errno::ENOENT);
        };
        if !self.is_proc_alive(node) {
            return Err(Errno::ENOENT);
        }
        self.proc_check_root(current, task)?;
        let object = match entry {
            TaskEntry::Cwd => self.task(task).fs().map(|fs| self.fs[fs].cwd()),
            TaskEntry::RootDir => self.task(task).fs().map(|fs| self.fs[fs].root()),
            TaskEntry::Exe => self.proc_exe(task),
            TaskEntry::Fd(fd) => {
                let file = self.file_of(task, fd);
                file.map(|file| self.open_files[file].inode())
            }
            _ => None,
        };
        object.ok_or(Errno::ENOENT)
    }

    /// Tests whether the root directory of a task is the caller's or below it.
    ///
    /// # Errors
    /// `ENOENT` if the task has none; `EACCES`.
    pub(in crate::kernel) fn proc_check_root(
        &self,
        current: TaskId,
        task: TaskId,
    ) -> Result<(), Errno> {
        let fs = self.tasks.get(task).and_then(Task::fs);
        let root = fs.map(|fs| self.fs[fs].root());
        let ours = self.fs[self.fs_id(current)].root();
        if self.is_ancestor(ours, root.ok_or(Errno::ENOENT)?) {
            Ok(())
        } else {
            Err(Errno::EACCES)
        }
    }

    /// The program that a task runs: the file of the first area that is marked as one.
    ///
    /// Linux 2.6.12: `fs/proc/task_mmu.c`, `proc_exe_link()`.
    fn proc_exe(&self, task: TaskId) -> Option<InodeId> {
        let mut areas = self.mms[self.task(task).mm()?].areas();
        let text = areas.find(|vma| vma.has(VmFlags::EXECUTABLE) && vma.vm_file.is_some())?;
        Some(self.open_files[text.vm_file?].inode())
    }

    /// The text of a link.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_readlink()` and `proc_self_readlink()`.
    ///
    /// # Errors
    /// As for [`Kernel::proc_get_link`].
    pub(in crate::kernel) fn proc_readlink(
        &mut self,
        current: TaskId,
        link: InodeId,
        node: ProcNode,
    ) -> Result<String, Errno> {
        if let Some(text) = self.proc_link_text(current, node) {
            return Ok(text);
        }
        let inode = self.proc_get_link(current, link, node)?;
        Ok(self.d_path(inode))
    }
}
