//! The FPU state that a tracer reads and writes. The task has stopped, so its registers are saved.

use crate::abi::{Errno, TaskId, VirtAddr};
use crate::hw::FSAVE_SIZE;
use crate::kernel::Kernel;
use crate::kernel::mm::access_ok;

impl Kernel {
    /// `PTRACE_GETFPREGS`: a fault while copying is ignored.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/i387.c`, `get_fpregs()`.
    ///
    /// # Errors
    /// `EIO` if the buffer is not in user memory.
    pub(super) fn get_fpregs(
        &mut self,
        current: TaskId,
        child: TaskId,
        to: VirtAddr,
    ) -> Result<(), Errno> {
        access_ok(to, FSAVE_SIZE).map_err(|_| Errno::EIO)?;
        let area = self.saved_fpu(child);
        let _ = self.copy_to_user(current, to, &area);
        Ok(())
    }

    /// `PTRACE_SETFPREGS`: a fault while copying is ignored.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/i387.c`, `set_fpregs()`.
    ///
    /// # Errors
    /// `EIO` if the buffer is not in user memory.
    pub(super) fn set_fpregs(
        &mut self,
        current: TaskId,
        child: TaskId,
        from: VirtAddr,
    ) -> Result<(), Errno> {
        access_ok(from, FSAVE_SIZE).map_err(|_| Errno::EIO)?;
        let mut area = self.saved_fpu(child);
        let _ = self.copy_from_user(current, from, &mut area);
        self.set_saved_fpu(child, area);
        Ok(())
    }

    /// `PTRACE_GETFPXREGS` and `PTRACE_SETFPXREGS` on a CPU without FXSR: the task has a state
    /// afterwards.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/i387.c`, `get_fpxregs()` and `set_fpxregs()`.
    ///
    /// # Errors
    /// `EIO`.
    pub(super) fn fpxregs(&mut self, child: TaskId, addr: VirtAddr) -> Result<(), Errno> {
        /// `sizeof(struct user_fxsr_struct)`.
        const FXSAVE_SIZE: usize = 512;
        access_ok(addr, FXSAVE_SIZE).map_err(|_| Errno::EIO)?;
        self.saved_fpu(child);
        Err(Errno::EIO)
    }
}
