//! Operations whose flags nobody sees: before anything reads a flag, another operation sets all of
//! them, and none in between may fault or leave the block. They need not compute any.
//!
//! What compilers write has two operands, of which the first is overwritten. A quiet operation has
//! three, so that a copy made before it costs nothing.

use super::op::{Code, Op};
use super::state::{ECX, ZERO};

/// The quiet operation that stands for the first of some operations, and for how many: often a copy
/// comes before it, or `xor` after a rotation.
pub(super) fn quiet(ops: &[Op]) -> Option<(Op, usize)> {
    let (op, count) = match ops {
        [copy, change, rest @ ..] if matches!(copy.code, Code::MovRr | Code::LoadW) => {
            let op = of(change).filter(|_| sets_none(change) || flags_die(rest))?;
            let is_own = change.dst == copy.dst
                && op.src == copy.dst
                && op.index & 15 != copy.dst
                && op.base != copy.dst;
            (with_copy(copy, op).filter(|_| is_own)?, 2)
        }
        [change, rest @ ..] => {
            let op = of(change).filter(|_| sets_none(change) || flags_die(rest))?;
            (op, 1)
        }
        [] => return None,
    };
    Some(with_xor(op, &ops[count..]).map_or((op, count), |op| (op, count + 1)))
}

/// The operation done to what is copied.
fn with_copy(copy: &Op, op: Op) -> Option<Op> {
    use Code::*;
    if copy.code == MovRr {
        return Some(Op {
            src: copy.src,
            ..op
        });
    }
    let code = match op.code {
        QuietAdd => WQuietAdd,
        QuietSub => WQuietSub,
        QuietAnd => WQuietAnd,
        QuietOr => WQuietOr,
        QuietXor => WQuietXor,
        QuietRol if op.index == ZERO => WQuietRol,
        _ => return None,
    };
    Some(Op {
        code,
        disp: copy.disp,
        ..op
    })
}

/// A rotation by a number and the `xor` that follows.
fn with_xor(rotation: Op, rest: &[Op]) -> Option<Op> {
    let [xor, rest @ ..] = rest else {
        return None;
    };
    let code = match rotation.code {
        Code::QuietRol if rotation.index == ZERO => Code::RolXor,
        Code::WQuietRol => Code::WRolXor,
        _ => return None,
    };
    let fits = xor.code == Code::XorRr
        && xor.dst == rotation.dst
        && xor.src != rotation.dst
        && flags_die(rest);
    fits.then_some(Op {
        code,
        index: xor.src,
        ..rotation
    })
}

/// The operation without its flags: of `src`, and of `index` plus `imm` or what is in memory.
fn of(op: &Op) -> Option<Op> {
    use Code::*;
    let with_memory = match op.code {
        AddRm => Some(QuietAddRm),
        SubRm => Some(QuietSubRm),
        AndRm => Some(QuietAndRm),
        OrRm => Some(QuietOrRm),
        XorRm => Some(QuietXorRm),
        AddW => Some(QuietAddW),
        SubW => Some(QuietSubW),
        AndW => Some(QuietAndW),
        OrW => Some(QuietOrW),
        XorW => Some(QuietXorW),
        AddToW => {
            return Some(Op {
                code: QuietAddToW,
                ..*op
            });
        }
        _ => None,
    };
    if let Some(code) = with_memory {
        return Some(Op {
            code,
            src: op.dst,
            ..*op
        });
    }
    let (code, index, imm) = match op.code {
        AddRr | AddRi => (QuietAdd, op.src, op.imm),
        SubRr | SubRi => (QuietSub, op.src, op.imm),
        AndRr | AndRi => (QuietAnd, op.src, op.imm),
        OrRr | OrRi => (QuietOr, op.src, op.imm),
        XorRr | XorRi => (QuietXor, op.src, op.imm),
        IncR => (QuietAdd, ZERO, 1),
        DecR => (QuietSub, ZERO, 1),
        NotR => (QuietXor, ZERO, u32::MAX),
        ShlRi => (QuietShl, ZERO, op.imm),
        ShrRi => (QuietShr, ZERO, op.imm),
        SarRi => (QuietSar, ZERO, op.imm),
        RolRi => (QuietRol, ZERO, op.imm),
        RorRi => (QuietRol, ZERO, op.imm.wrapping_neg() & 31),
        ShlRc => (QuietShl, ECX as u8, 0),
        ShrRc => (QuietShr, ECX as u8, 0),
        SarRc => (QuietSar, ECX as u8, 0),
        RolRc => (QuietRol, ECX as u8, 0),
        RorRc => (QuietRor, ECX as u8, 0),
        _ => return None,
    };
    Some(Op {
        dst: op.dst,
        src: op.dst,
        index,
        imm,
        ..Op::new(code)
    })
}

fn sets_none(op: &Op) -> bool {
    op.code == Code::NotR
}

/// Whether the operations that follow set all flags before they read one, fault, or end.
fn flags_die(rest: &[Op]) -> bool {
    use Code::*;
    for op in rest {
        match op.code {
            AddRr | AddRi | OrRr | OrRi | AndRr | AndRi | SubRr | SubRi | XorRr | XorRi | CmpRr
            | CmpRi | TestRr | TestRi | NegR | ImulRr | ImulRri | MulR | ImulR | AddW | SubW
            | AndW | OrW | XorW | AddToW => return true,
            ShlRi | ShrRi | SarRi if op.imm & 31 != 0 => return true,
            // They set some flags or none, and read none but what they leave as it is.
            IncR | DecR | NotR | ShlRi | ShrRi | SarRi | ShlRc | ShrRc | SarRc | RolRi | RorRi
            | RolRc | RorRc | MovRr | MovRi | Mov8Rr | Mov8Ri | Mov16Rr | Mov16Ri | Movzx8Rr
            | Movzx16Rr | Movsx8Rr | Movsx16Rr | Lea | Cdq | Cwde | BswapR | LoadW | LoadZx8W
            | StoreW | StoreIW | Store8W | Store8IW => {}
            _ => return false,
        }
    }
    false
}
