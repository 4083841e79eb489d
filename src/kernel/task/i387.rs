//! The FPU of a task: its registers stay in the CPU until another task runs, and are loaded when
//! the task uses them for the first time after that.
//!
//! TS is clear exactly while the registers in the CPU are those of the current task. A task that has
//! not used the FPU since its start, its exec or the entry of a signal handler has no state, and gets
//! a fresh one.

use crate::abi::{TaskId, si_code};
use crate::hw::{FSAVE_SIZE, X87};
use crate::kernel::Kernel;

/// The state as `fnsave` writes it. As in the kernel it is kept as these bytes: what a tracer stores
/// is read back unchanged until the task uses it.
pub(in crate::kernel) type Fsave = [u8; FSAVE_SIZE];

/// What `thread.i387` contains: `PF_USED_MATH` and `TS_USEDFPU` together with the saved state.
#[derive(Clone, Debug, Default)]
pub(in crate::kernel) enum Math {
    /// There is no state: `PF_USED_MATH` is clear.
    #[default]
    Unused,
    /// The state.
    Saved(Box<Fsave>),
    /// The state is in the CPU, which will be saved here: `TS_USEDFPU` is set.
    Loaded(Box<Fsave>),
}

impl Math {
    /// Whether `PF_USED_MATH` is set.
    pub(super) const fn is_used(&self) -> bool {
        !matches!(self, Self::Unused)
    }
}

/// The state that `init_fpu` gives a task.
fn fresh() -> Box<Fsave> {
    Box::new(X87::default().to_fsave())
}

impl Kernel {
    /// Loads the registers of the current task, which has used the FPU while TS was set.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/traps.c`, `math_state_restore()`.
    pub(in crate::kernel) fn math_state_restore(&mut self, current: TaskId) {
        let math = &mut self.task_mut(current).thread.math;
        let area = match std::mem::take(math) {
            Math::Unused => fresh(),
            Math::Saved(area) | Math::Loaded(area) => area,
        };
        let x87 = X87::from_fsave(&area);
        *math = Math::Loaded(area);
        let fpu = &mut self.cpus[self.this_cpu].fpu;
        fpu.x87 = x87;
        fpu.task_switched = false;
    }

    /// Saves the registers if they are those of this task, which runs on this CPU.
    ///
    /// Linux 2.6.12: `include/asm-i386/i387.h`, `unlazy_fpu()`.
    pub(in crate::kernel) fn unlazy_fpu(&mut self, task: TaskId) {
        let fpu = &mut self.cpus[self.this_cpu].fpu;
        let math = &mut self.tasks[task].thread.math;
        *math = match std::mem::take(math) {
            Math::Loaded(mut area) => {
                *area = fpu.x87.to_fsave();
                fpu.task_switched = true;
                Math::Saved(area)
            }
            other => other,
        };
    }

    /// Drops the state of the current task.
    ///
    /// Linux 2.6.12: `include/asm-i386/i387.h`, `clear_fpu()`, with `clear_used_math()`.
    pub(in crate::kernel) fn clear_fpu(&mut self, current: TaskId) {
        let math = &mut self.task_mut(current).thread.math;
        if let Math::Loaded(_) = std::mem::take(math) {
            self.cpus[self.this_cpu].fpu.task_switched = true;
        }
    }

    /// The saved state of a task that does not run; a fresh one if it has none.
    pub(in crate::kernel) fn saved_fpu(&mut self, task: TaskId) -> Fsave {
        let math = &mut self.task_mut(task).thread.math;
        match math {
            Math::Saved(area) | Math::Loaded(area) => **area,
            Math::Unused => {
                let area = fresh();
                *math = Math::Saved(area.clone());
                *area
            }
        }
    }

    /// Gives a task that does not run a state.
    pub(in crate::kernel) fn set_saved_fpu(&mut self, task: TaskId, area: Fsave) {
        self.task_mut(task).thread.math = Math::Saved(Box::new(area));
    }

    /// Takes the state of the current task, which has none afterwards.
    pub(in crate::kernel) fn take_fpu(&mut self, current: TaskId) -> Option<Box<Fsave>> {
        self.unlazy_fpu(current);
        match std::mem::take(&mut self.task_mut(current).thread.math) {
            Math::Saved(area) | Math::Loaded(area) => Some(area),
            Math::Unused => None,
        }
    }

    /// The `si_code` for the x87 exception of the current task, whose registers are saved.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/traps.c`, `math_error()`.
    pub(in crate::kernel) fn math_error(&mut self, current: TaskId) -> i32 {
        self.unlazy_fpu(current);
        let area = self.saved_fpu(current);
        let word = |at: usize| u16::from_le_bytes([area[at], area[at + 1]]);
        math_error_code(word(0), word(4))
    }
}

/// The `si_code` for control and status words. Combinations that the kernel does not list have none.
const fn math_error_code(control: u16, status: u16) -> i32 {
    const EXCEPTIONS: u16 = 0x3f;
    /// The stack fault, and C1, which tells its direction.
    const STACK: u16 = 0x240;
    match !control & status & EXCEPTIONS | status & STACK {
        0x01 | 0x41 | 0x241 => si_code::FPE_FLTINV,
        0x02 | 0x10 => si_code::FPE_FLTUND,
        0x04 => si_code::FPE_FLTDIV,
        0x08 => si_code::FPE_FLTOVF,
        0x20 => si_code::FPE_FLTRES,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_exceptions() {
        for (control, status, code) in [
            (0x37e, 0x01, 7),
            (0x37e, 0x41, 7),
            (0x37e, 0x241, 7),
            (0x37d, 0x02, 5),
            (0x37b, 0x04, 3),
            (0x377, 0x08, 4),
            (0x36f, 0x10, 5),
            (0x35f, 0x20, 6),
            // Rounded up: C1 makes it a combination that is not listed.
            (0x35f, 0x220, 0),
            // Two at once.
            (0x35b, 0x24, 0),
            // What is masked does not count.
            (0x37b, 0x24, 3),
        ] {
            assert_eq!(
                math_error_code(control, status),
                code,
                "{control:x} {status:x}"
            );
        }
    }
}
