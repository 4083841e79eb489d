//! `/proc/PID/mem`: the memory of a task, for itself and for its tracer.

use crate::abi::{Caps, Errno, FileId, PAGE_SIZE, PtFlags, TaskId, TaskState, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::UserBuffer;

impl Kernel {
    /// Whether a task may look at another's secrets: both have the same ids, or the caller is
    /// privileged.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `may_ptrace_attach()`; `security/commoncap.c`, `cap_ptrace()`.
    pub(super) fn may_ptrace_attach(&mut self, current: TaskId, task: TaskId) -> bool {
        let Some(mm) = self.task(task).mm() else {
            return false;
        };
        let (ours, its) = (self.task(current).cred(), self.task(task).cred());
        let same_ids = [its.euid, its.suid, its.uid] == [ours.uid; 3]
            && [its.egid, its.sgid, its.gid] == [ours.gid; 3];
        let no_more_rights = ours.permitted.contains(its.permitted);
        (same_ids && self.mms[mm].dumpable && no_more_rights)
            || self.capable(current, Caps::SYS_PTRACE)
    }

    /// Whether it is the task itself, or its tracer while it is stopped.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `MAY_PTRACE`.
    fn may_ptrace(&self, current: TaskId, task: TaskId) -> bool {
        let traced = self.task(task);
        let stopped = self.sched.get(task).state;
        task == current
            || (traced.parent() == current
                && traced.ptrace().contains(PtFlags::PTRACED)
                && stopped.intersects(TaskState::STOPPED | TaskState::TRACED))
    }

    /// Reads memory at the offset, page by page, with the rights of a debugger.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `mem_read()`.
    ///
    /// # Errors
    /// `ESRCH` for a stranger; `EIO` if the caller has executed another program since it opened the
    /// file, and for memory that is not there; `EFAULT`.
    pub(super) fn mem_read(
        &mut self,
        file: FileId,
        task: TaskId,
        pos: &mut u32,
        mut to: UserBuffer,
    ) -> Result<u32, Errno> {
        let current = to.task;
        if !self.may_ptrace(current, task) || !self.may_ptrace_attach(current, task) {
            return Err(Errno::ESRCH);
        }
        let exec_id = self.task(current).self_exec_id;
        if !self.open_files[file].has_exec_id(exec_id) {
            return Err(Errno::EIO);
        }
        let mut done = 0;
        while to.len > 0 {
            let mut bytes = vec![0; to.len.min(PAGE_SIZE) as usize];
            let read = self.read_process_vm(task, VirtAddr(*pos), &mut bytes);
            if read == 0 {
                return if done > 0 { Ok(done) } else { Err(Errno::EIO) };
            }
            self.copy_to_user(current, to.addr, &bytes[..read])?;
            to.advance(read as u32);
            *pos = pos.wrapping_add(read as u32);
            done += read as u32;
        }
        Ok(done)
    }
}
