//! Register allocation: the most used variables of a function are in registers, the others in the
//! frame.

use super::super::checked::{Function, Var, VarKind};
use iced_x86::code_asm::{AsmRegister32, ebx, edi, esi};

/// Where a variable is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spot {
    Register(AsmRegister32),
    /// At `[ebp + n]`.
    Frame(i32),
}

/// The frame of a function.
pub(super) struct Frame {
    pub(super) spots: Vec<Spot>,
    /// Bytes below the saved ebp.
    pub(super) size: i32,
    /// Registers to save, in the order of pushing.
    pub(super) saved: Vec<AsmRegister32>,
}

/// Registers that functions must preserve.
const REGISTERS: [AsmRegister32; 3] = [ebx, esi, edi];

/// The weight from which a variable gets a register: it is used in a loop. Saving a register costs
/// two instructions.
const BUSY: u32 = 8;

/// Lays out the frame of a function.
pub(super) fn frame(function: &Function) -> Frame {
    let mut busy: Vec<usize> = (0..function.vars.len())
        .filter(|var| !function.in_memory && may_be_in_register(&function.vars[*var]))
        .collect();
    busy.sort_by_key(|var| std::cmp::Reverse(function.vars[*var].weight));
    busy.truncate(REGISTERS.len());
    let mut size = 0;
    let mut params = 0;
    let spot = |(id, var): (usize, &Var)| {
        let own = match var.kind {
            VarKind::Param => {
                params += 1;
                Some(Spot::Frame(4 + 4 * params))
            }
            VarKind::Captured | VarKind::Local => None,
        };
        if let Some(at) = busy.iter().position(|busy| *busy == id) {
            return Spot::Register(REGISTERS[at]);
        }
        own.unwrap_or_else(|| {
            size += 4 * var.words as i32;
            Spot::Frame(-size)
        })
    };
    let spots = function.vars.iter().enumerate().map(spot).collect();
    Frame {
        spots,
        size,
        saved: REGISTERS[..busy.len()].to_vec(),
    }
}

fn may_be_in_register(var: &Var) -> bool {
    var.kind != VarKind::Captured && !var.addressed && var.words == 1 && var.weight >= BUSY
}
