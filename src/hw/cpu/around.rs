//! Blocks that jump back to where they begin, after a comparison of registers whose flags the next
//! round sets anew before it reads one.
//!
//! From the second round on, only the last comparison sets flags, and time is charged for all rounds
//! together.

use super::op::{Code, Op};
use super::state::Core;

/// How to go round in a block.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// Takes the step of the jump and decides whether it is taken; sets no flag.
    pub(super) again: fn(&mut Core<'_>, &Op) -> bool,
    /// Sets the flags of a comparison, as long as the registers are still those that were compared.
    pub(super) settle: fn(&mut Core<'_>, &Op),
    /// The instruction that sets all flags. Those before it that may fault leave the registers that
    /// were compared as they are.
    pub(super) sets_flags: u8,
}

/// The first of some instructions that sets all flags, if none before it reads one, and those that
/// may fault come before any change of these registers or of a flag.
pub(super) fn sets_flags(plain: &[Op], compared: [u8; 2]) -> Option<u8> {
    use Code::*;
    let mut unchanged = true;
    for (op, n) in plain.iter().zip(0..) {
        let changes = compared.contains(&op.dst);
        match op.code {
            AddRr | AddRi | OrRr | OrRi | AndRr | AndRi | SubRr | SubRi | XorRr | XorRi | CmpRr
            | CmpRi | TestRr | TestRi | NegR | ImulRr | ImulRri => return Some(n),
            ShlRi | ShrRi | SarRi if op.imm & 31 != 0 => return Some(n),
            AddRm | OrRm | AndRm | SubRm | XorRm if unchanged => return Some(n),
            // They set some flags or none.
            IncR | DecR | ShlRi | ShrRi | SarRi | ShlRc | ShrRc | SarRc | RolRi | RorRi | RolRc
            | RorRc => unchanged = false,
            NotR | MovRr | MovRi | Movzx8Rr | Movzx16Rr | Movsx8Rr | Movsx16Rr | Lea | BswapR => {
                unchanged &= !changes;
            }
            MovRm | Movzx8Rm if unchanged => unchanged = !changes,
            MovMr | MovMi | Mov8Mr | Mov8Mi if unchanged => {}
            Nop => {}
            _ => return None,
        }
    }
    None
}
