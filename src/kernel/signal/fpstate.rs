//! The FPU state in signal frames.

use crate::abi::{Errno, TASK_SIZE, TaskId, VirtAddr};
use crate::hw::FSAVE_SIZE;
use crate::kernel::Kernel;

/// `sizeof(struct _fpstate)`: the space in a frame. Without FXSR only the beginning is used.
const FPSTATE_SIZE: u32 = 624;

impl Kernel {
    /// Stores the state in a signal frame, and drops it: the handler begins with a fresh FPU. Returns
    /// the address for the frame, which is null if there is no state.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/i387.c`, `save_i387()`.
    ///
    /// # Errors
    /// `EFAULT`; the state is lost as well.
    pub(super) fn save_i387(&mut self, current: TaskId, to: VirtAddr) -> Result<VirtAddr, Errno> {
        let Some(area) = self.take_fpu(current) else {
            return Ok(VirtAddr(0));
        };
        let mut bytes = area.to_vec();
        // `status`: the status word once more, for handlers that change the first one.
        bytes.extend_from_slice(&area[4..8]);
        self.copy_to_user(current, to, &bytes)?;
        Ok(to)
    }

    /// Takes the state from a signal frame; from an address of 0 none.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/signal.c`, `restore_sigcontext()`;
    /// `arch/i386/kernel/i387.c`, `restore_i387()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(super) fn restore_i387(&mut self, current: TaskId, from: VirtAddr) -> Result<(), Errno> {
        if from == VirtAddr(0) {
            self.clear_fpu(current);
            return Ok(());
        }
        // The whole space must be in user memory, even if less of it is read.
        if from.0 > TASK_SIZE - FPSTATE_SIZE {
            return Err(Errno::EFAULT);
        }
        self.clear_fpu(current);
        let mut area = [0; FSAVE_SIZE];
        let copied = self.copy_from_user(current, from, &mut area);
        self.set_saved_fpu(current, area);
        copied
    }
}
