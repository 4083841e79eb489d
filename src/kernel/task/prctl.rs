//! `prctl`: the signal to get when the parent dies, whether the memory may be dumped, whether
//! capabilities are kept, and the name of the task.

use crate::abi::{
    Errno, NSIG, PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_NAME, PR_GET_PDEATHSIG, PR_GET_TIMING,
    PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NAME, PR_SET_PDEATHSIG, PR_SET_TIMING, TaskId,
    VirtAddr,
};
use crate::kernel::Kernel;

/// Bytes of a task's name, with the null byte at its end.
///
/// Linux 2.6.12: `include/linux/sched.h`, `TASK_COMM_LEN`.
const TASK_COMM_LEN: usize = 16;

impl Kernel {
    /// Forbids others to look into the memory of the current task: its ids have changed, so that it
    /// may hold what the new user must not see.
    pub(super) fn clear_dumpable(&mut self, current: TaskId) {
        let mm = self.mm_id(current);
        self.mms[mm].dumpable = false;
    }

    /// Linux 2.6.12: `kernel/sys.c`, `sys_prctl()`.
    ///
    /// # Errors
    /// `EINVAL` for an invalid signal or flag, and for an unknown option; `EFAULT`.
    pub(in crate::kernel) fn sys_prctl(
        &mut self,
        current: TaskId,
        option: u32,
        arg: u32,
    ) -> Result<u32, Errno> {
        let mm = self.mm_id(current);
        match option {
            PR_SET_PDEATHSIG if arg <= NSIG => self.task_mut(current).pdeath_signal = arg,
            PR_GET_PDEATHSIG => {
                let signal = self.task(current).pdeath_signal;
                self.put_user_u32(current, VirtAddr(arg), signal)?;
            }
            PR_GET_DUMPABLE => return Ok(self.mms[mm].dumpable.into()),
            PR_SET_DUMPABLE if arg <= 1 => self.mms[mm].dumpable = arg == 1,
            PR_GET_KEEPCAPS => return Ok(self.task(current).cred.keep_capabilities.into()),
            PR_SET_KEEPCAPS if arg <= 1 => {
                self.task_mut(current).cred.keep_capabilities = arg == 1;
            }
            PR_GET_TIMING => {}
            PR_SET_TIMING if arg == 0 => {}
            PR_SET_NAME => self.set_name(current, VirtAddr(arg))?,
            PR_GET_NAME => {
                let name = self.names.get(self.comm(current)).as_bytes();
                let mut comm = [0; TASK_COMM_LEN];
                let len = name.len().min(TASK_COMM_LEN - 1);
                comm[..len].copy_from_slice(&name[..len]);
                self.copy_to_user(current, VirtAddr(arg), &comm)?;
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    /// Names the current task; what is too long is cut off.
    fn set_name(&mut self, current: TaskId, addr: VirtAddr) -> Result<(), Errno> {
        let most = TASK_COMM_LEN - 1;
        let bytes = if let Some(bytes) = self.strncpy_from_user(current, addr.0, most)? {
            bytes
        } else {
            let mut bytes = vec![0; most];
            self.copy_from_user(current, addr, &mut bytes)?;
            bytes
        };
        let name = self.names.intern(&String::from_utf8_lossy(&bytes));
        self.sched.set_task_comm(current, name);
        Ok(())
    }
}
