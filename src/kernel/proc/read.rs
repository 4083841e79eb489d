//! Opening, reading, writing and seeking in a file of `/proc`.

use crate::abi::{Errno, FileId, SEEK_END, TaskId};
use crate::kernel::Kernel;
use crate::kernel::fs::{ProcNode, SystemFile, TaskEntry, UserBuffer};

/// The most bytes that a read gets of a file that one function makes.
///
/// Linux 2.6.12: `fs/proc/base.c`, `PROC_BLOCK_SIZE`.
const PROC_BLOCK_SIZE: u32 = 3072;

impl Kernel {
    /// A file has been opened. If that fails, the description is gone.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `mem_open()` and `mounts_open()`.
    ///
    /// # Errors
    /// `EINVAL` for the mounts of a task without a namespace.
    pub(in crate::kernel) fn proc_open(
        &mut self,
        current: TaskId,
        file: FileId,
        node: ProcNode,
    ) -> Result<(), Errno> {
        match node {
            ProcNode::Task(_, _, TaskEntry::Mem) => {
                let exec_id = self.task(current).self_exec_id;
                self.open_files[file].remember_exec_id(exec_id);
            }
            ProcNode::Task(task, _, TaskEntry::Mounts) if self.task(task).namespace().is_none() => {
                self.fput(file);
                return Err(Errno::EINVAL);
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads at the offset of the open file.
    ///
    /// # Errors
    /// `EISDIR` for a directory; `ESRCH` for a task that is gone, or that may not be looked into;
    /// `EFAULT`.
    pub(in crate::kernel) fn proc_read(
        &mut self,
        file: FileId,
        node: ProcNode,
        to: UserBuffer,
    ) -> Result<u32, Errno> {
        if node.is_seq_file() {
            let records = self.proc_records(node);
            return self.seq_read(file, &records, to);
        }
        let mut pos = self.open_files[file].pos as u32;
        let read = self.proc_pread(file, node, &mut pos, to);
        self.open_files[file].pos = pos.into();
        read
    }

    /// Reads at an offset, which moves. The text is made anew each time, and the offset counts in the
    /// new one.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_info_read()`; `fs/proc/generic.c`, `proc_file_read()`.
    ///
    /// # Errors
    /// As for [`Kernel::proc_read`]; `ESPIPE` for a sequence of records.
    pub(in crate::kernel) fn proc_pread(
        &mut self,
        file: FileId,
        node: ProcNode,
        pos: &mut u32,
        mut to: UserBuffer,
    ) -> Result<u32, Errno> {
        if node.is_directory() {
            return Err(Errno::EISDIR);
        }
        if node.is_seq_file() {
            return Err(Errno::ESPIPE);
        }
        if !self.is_proc_alive(node) {
            return Err(Errno::ESRCH);
        }
        let text = match node {
            ProcNode::Task(task, _, TaskEntry::Mem) => return self.mem_read(file, task, pos, to),
            ProcNode::Task(task, level, entry) => {
                to.len = to.len.min(PROC_BLOCK_SIZE);
                self.proc_task_text(to.task, (task, level), entry)?
            }
            ProcNode::System(system) => self.proc_system_text(system).into_bytes(),
            ProcNode::Sysctl(sysctl) if *pos == 0 => self.sysctl_text(to.task, sysctl)?,
            _ => Vec::new(),
        };
        let start = (*pos as usize).min(text.len());
        let end = (start + to.len as usize).min(text.len());
        self.copy_to_user(to.task, to.addr, &text[start..end])?;
        let read = (end - start) as u32;
        *pos += read;
        Ok(read)
    }

    /// The records of a file that is read record by record; none of a task that is gone.
    fn proc_records(&self, node: ProcNode) -> Vec<String> {
        match node {
            _ if !self.is_proc_alive(node) => Vec::new(),
            ProcNode::Task(task, _, TaskEntry::Maps) => {
                let rows = self.proc_maps(task);
                rows.iter().map(|row| row.text() + "\n").collect()
            }
            ProcNode::Task(..) => self.proc_mounts(),
            ProcNode::System(SystemFile::Cpuinfo) => self.proc_cpuinfo(),
            ProcNode::System(SystemFile::Stat) => vec![self.proc_stat()],
            ProcNode::System(SystemFile::Buddyinfo) => self.proc_buddyinfo(),
            ProcNode::System(SystemFile::Vmstat) => self.proc_vmstat(),
            ProcNode::System(SystemFile::Swaps) => self.proc_swaps(),
            _ => Vec::new(),
        }
    }

    /// Writes to a file.
    ///
    /// Linux 2.6.12: `fs/proc/generic.c`, `proc_file_write()`.
    ///
    /// # Errors
    /// `EIO` for a file of the system that cannot be written, `EINVAL` for other such files; `EPERM`,
    /// `EFAULT`, `EINVAL`.
    pub(in crate::kernel) fn proc_write(
        &mut self,
        node: ProcNode,
        pos: &mut u32,
        from: UserBuffer,
    ) -> Result<u32, Errno> {
        match node {
            ProcNode::Sysctl(sysctl) => self.sysctl_write(sysctl, pos, from),
            ProcNode::Task(task, _, TaskEntry::OomAdj) => self.oom_adjust_write(task, from),
            ProcNode::System(_) if !node.is_seq_file() => Err(Errno::EIO),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Moves the offset of an open file, after the base has been added.
    ///
    /// Linux 2.6.12: `fs/proc/generic.c`, `proc_file_lseek()`; `fs/proc/base.c`, `mem_lseek()`.
    ///
    /// # Errors
    /// `EINVAL` for the end of a file that does not know its end.
    pub(in crate::kernel) fn proc_lseek(
        &mut self,
        file: FileId,
        node: ProcNode,
        (origin, pos): (u32, u32),
    ) -> Result<(), Errno> {
        let is_mem = matches!(node, ProcNode::Task(_, _, TaskEntry::Mem));
        let endless = is_mem || node.is_seq_file() || matches!(node, ProcNode::System(_));
        if origin == SEEK_END && endless {
            return Err(Errno::EINVAL);
        }
        if node.is_seq_file() {
            let records = self.proc_records(node);
            self.seq_lseek(file, &records, pos);
        } else {
            self.open_files[file].set_place(pos);
        }
        Ok(())
    }
}
