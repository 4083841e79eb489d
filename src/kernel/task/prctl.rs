//! `prctl`: the signal to get when the parent dies, and whether the memory may be dumped.

use crate::abi::{
    Errno, NSIG, PR_GET_DUMPABLE, PR_GET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, TaskId,
    VirtAddr,
};
use crate::kernel::Kernel;

impl Kernel {
    /// Forbids others to look into the memory of the current task: its ids have changed, so that it
    /// may hold what the new user must not see.
    pub(super) fn clear_dumpable(&mut self, current: TaskId) {
        let mm = self.mm_id(current);
        self.mms[mm].dumpable = false;
    }

    /// Simplified: only these options.
    ///
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
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }
}
