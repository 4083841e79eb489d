//! The floating-point unit: the x87 with its eight registers of 80 bits.
//!
//! Everything is computed with integers, so that results are the same on every host.
//! `round.rs` is where numbers are rounded and exceptions raised; `arith.rs`, `convert.rs`,
//! `remainder.rs` and `transcendental.rs` compute; `stack.rs` has the registers, `operate.rs` what
//! instructions do to them, `execute.rs` the instructions, `image.rs` the state in memory.

mod arith;
mod convert;
mod execute;
mod float80;
mod image;
mod operate;
mod remainder;
mod round;
mod stack;
mod transcendental;
mod wide;
mod word;

pub(in crate::hw::cpu) use execute::is_x87;
pub use float80::F80;
pub use image::{ENVIRONMENT_WORDS, FSAVE_SIZE};
pub use stack::{Pointers, X87};

/// The floating-point unit of a CPU.
#[derive(Clone, Debug)]
pub struct Fpu {
    /// TS, bit 3 of CR0: the registers are those of another task, and the next instruction that uses
    /// them raises #NM.
    pub task_switched: bool,
    /// The x87 state.
    pub x87: X87,
}

impl Default for Fpu {
    /// As the kernel leaves it at boot: nobody's.
    fn default() -> Self {
        Self {
            task_switched: true,
            x87: X87::default(),
        }
    }
}
