//! Makes one operation of instructions that often follow each other: the beginning and end of a
//! function, a comparison and the jump that depends on it, a copy and what is done to it.
//!
//! A fused operation is for the case that nothing comes between its instructions. Where a budget
//! ends among them, or an access is more than a hit of the TLB, they are carried out one by one.

use super::alu::Alu;
use super::op::{Code, Op};
use super::quiet::quiet;
use super::state::{EBP, ESP, ZERO};

/// The operations of a block, with fewer of them where some can be fused; those that do nothing
/// are left out.
pub(super) fn fuse(plain: &[Op]) -> Vec<Op> {
    let mut fused = Vec::with_capacity(plain.len());
    let effective: Vec<Op> = plain
        .iter()
        .filter(|op| op.code != Code::Nop)
        .copied()
        .collect();
    let mut rest = &*effective;
    while let [first, ..] = rest {
        let (op, count) = longest(rest).unwrap_or((*first, 1));
        let last = rest[count - 1];
        fused.push(Op {
            at: first.at,
            next: last.next,
            ..op
        });
        rest = &rest[count..];
    }
    fused
}

/// The operation that stands for the first instructions, and for how many.
fn longest(ops: &[Op]) -> Option<(Op, usize)> {
    if let [a, b, c, d, ..] = ops
        && let Some(op) = push_call_enter(a, b, c, d)
    {
        return Some((op, 4));
    }
    if let [a, b, c, ..] = ops
        && let Some(op) = call_enter(a, b, c).or_else(|| step_and_jump(a, b, c))
    {
        return Some((op, 3));
    }
    if let [a, b, ..] = ops
        && let Some(op) = compare_and_jump(a, b)
    {
        return Some((op, 2));
    }
    if let Some(found) = quiet(ops) {
        return Some(found);
    }
    if let [a, b, ..] = ops
        && let Some(op) = copy_and_change(a, b)
            .or_else(|| copies_word(a, b))
            .or_else(|| on_the_stack(a, b))
    {
        return Some((op, 2));
    }
    let [first, ..] = ops else {
        return None;
    };
    Some((without_index(first)?, 1))
}

/// `mov` from memory and back to memory.
fn copies_word(load: &Op, store: &Op) -> Option<Op> {
    if load.code == Code::LoadW && store.code == Code::StoreW && store.src == load.dst {
        return Some(Op {
            code: Code::CopyW,
            imm: store.disp,
            ..*load
        });
    }
    let through = without_index(load)?.code == Code::LoadAt
        && without_index(store)?.code == Code::StoreAt
        && store.src == load.dst
        && store.base != load.dst;
    through.then_some(Op {
        code: Code::Copy,
        src: store.base,
        imm: store.disp,
        ..*load
    })
}

/// `mov` with memory whose address has no index.
fn without_index(mov: &Op) -> Option<Op> {
    let code = match mov.code {
        Code::MovRm => Code::LoadAt,
        Code::MovMr => Code::StoreAt,
        Code::Mov8Mi => Code::Store8IAt,
        _ => return None,
    };
    (mov.index == ZERO).then_some(Op { code, ..*mov })
}

fn is_register(number: u8, register: usize) -> bool {
    usize::from(number) == register
}

/// Whether they are `push ebp; mov ebp, esp`.
fn enters(a: &Op, b: &Op) -> bool {
    a.code == Code::PushR
        && is_register(a.src, EBP)
        && b.code == Code::MovRr
        && is_register(b.dst, EBP)
        && is_register(b.src, ESP)
}

fn call_enter(a: &Op, b: &Op, c: &Op) -> Option<Op> {
    (a.code == Code::CallOn && enters(b, c)).then_some(Op {
        code: Code::CallEnter,
        ..*a
    })
}

/// What is pushed is `src + imm`, one of them 0; `target` is where the call returns to.
fn push_call_enter(push: &Op, a: &Op, b: &Op, c: &Op) -> Option<Op> {
    let call = call_enter(a, b, c)?;
    matches!(push.code, Code::PushR | Code::PushI).then(|| Op {
        code: Code::PushCallEnter,
        target: call.imm,
        ..*push
    })
}

fn on_the_stack(a: &Op, b: &Op) -> Option<Op> {
    use Code::{AddRi, Leave, PopR, PushR, Ret};
    let free = |number| !is_register(number, ESP);
    let drops = a.code == AddRi && is_register(a.dst, ESP);
    let op = match (a.code, b.code) {
        _ if enters(a, b) => Op::new(Code::Enter),
        (Leave, Ret) => Op::new(Code::LeaveRet),
        (PushR, PushR) if free(b.src) => Op {
            src: a.src,
            dst: b.src,
            ..Op::new(Code::Push2)
        },
        (PopR, PopR) if free(a.dst) && free(b.dst) => Op {
            src: a.dst,
            dst: b.dst,
            ..Op::new(Code::Pop2)
        },
        (_, PushR) if drops && free(b.src) => Op {
            src: b.src,
            imm: a.imm,
            ..Op::new(Code::DropPush)
        },
        (_, PopR) if drops && free(b.dst) => Op {
            dst: b.dst,
            imm: a.imm,
            ..Op::new(Code::DropPop)
        },
        _ => return None,
    };
    Some(op)
}

/// `mov` to a register, from another one or from memory whose address has no index, and an operation
/// on it. What the operation adds, say, is a register plus a number, one of them 0.
fn copy_and_change(copy: &Op, change: &Op) -> Option<Op> {
    use Code::*;
    let from_memory = match copy.code {
        MovRr => false,
        MovRm if copy.index == ZERO => true,
        _ => return None,
    };
    if change.dst != copy.dst || change.src == copy.dst {
        return None;
    }
    let code = match (change.code, from_memory) {
        (AddRr | AddRi, true) => LoadAdd,
        (SubRr | SubRi, true) => LoadSub,
        (AndRr | AndRi, true) => LoadAnd,
        (IncR, true) => LoadInc,
        (DecR, true) => LoadDec,
        (AddRr | AddRi, false) => MovAdd,
        (SubRr | SubRi, false) => MovSub,
        (AndRr | AndRi, false) => MovAnd,
        _ => return None,
    };
    let (src, index) = if from_memory {
        (change.src, ZERO)
    } else {
        (copy.src, change.src)
    };
    Some(Op {
        code,
        src,
        index,
        imm: change.imm,
        ..*copy
    })
}

/// A comparison and a jump that depends on its outcome alone. What is compared with is a register
/// plus a number, one of them 0.
fn compare_and_jump(compare: &Op, jump: &Op) -> Option<Op> {
    use Code::*;
    let truths = truths(jump)?;
    let op = Op {
        next: jump.next,
        target: jump.target,
        ..*compare
    };
    Some(match compare.code {
        CmpRr | CmpRi => Op {
            code: CmpJ,
            index: truths,
            ..op
        },
        TestRr | TestRi => Op {
            code: TestJ,
            index: truths,
            ..op
        },
        CmpMr | CmpMi => Op {
            code: CmpMJ,
            dst: truths,
            ..op
        },
        CmpRm => Op {
            code: CmpRmJ,
            src: truths,
            ..op
        },
        Alu8Ri | Alu8Rr | Alu8Mi => return compare_byte(op, truths),
        _ => return None,
    })
}

/// The same for a byte that is compared with a number; `test` of a register with itself compares it
/// with 0. The high half of `dst` says which operation it is.
fn compare_byte(op: Op, truths: u8) -> Option<Op> {
    const CMP: u8 = Alu::Cmp as u8;
    const TEST: u8 = Alu::Test as u8;
    let register = op.dst & 15;
    let code = match (op.code, op.dst >> 4) {
        (Code::Alu8Ri, CMP) => Code::Cmp8J,
        (Code::Alu8Rr, TEST) if op.src == register => Code::Cmp8J,
        (Code::Alu8Mi, CMP) => {
            return Some(Op {
                code: Code::Cmp8MJ,
                dst: truths,
                ..op
            });
        }
        _ => return None,
    };
    Some(Op {
        code,
        dst: register,
        index: truths,
        ..op
    })
}

/// The end of a loop: a register takes a step, is compared and decides about a jump. The step is
/// `src + disp`, what is compared with `index + imm`, and one of both is 0 each time.
fn step_and_jump(step: &Op, compare: &Op, jump: &Op) -> Option<Op> {
    use Code::*;
    let truths = truths(jump)?;
    let (src, disp) = match step.code {
        IncR => (ZERO, 1),
        DecR => (ZERO, u32::MAX),
        AddRr | AddRi => (step.src, step.imm),
        SubRi => (ZERO, step.imm.wrapping_neg()),
        _ => return None,
    };
    let index = match compare.code {
        CmpRr | CmpRi if compare.src != step.dst => compare.src,
        // `test` of a register with itself compares it with 0.
        TestRr if compare.src == step.dst => ZERO,
        _ => return None,
    };
    (compare.dst == step.dst).then(|| Op {
        dst: step.dst,
        src,
        disp,
        index,
        imm: compare.imm,
        base: truths,
        target: jump.target,
        ..Op::new(StepJ)
    })
}

/// The truth table of a jump that is taken if the left side is less.
pub(super) const LESS: u8 = 0b1010_1010;
/// ... below.
pub(super) const BELOW: u8 = 0b1100_1100;
/// ... equal.
pub(super) const EQUAL: u8 = 0b1111_0000;

/// For each outcome of a comparison whether a jump is taken: bit 0 of its number is whether the
/// left side is less, bit 1 whether it is below (less, unsigned), bit 2 whether they are equal.
/// `None` if the operation is no jump, or asks for something else.
fn truths(jump: &Op) -> Option<u8> {
    let condition = (jump.code as u8)
        .checked_sub(Code::Jo as u8)
        .filter(|condition| *condition < 16)?;
    let truths = match condition >> 1 {
        1 => BELOW,
        2 => EQUAL,
        3 => BELOW | EQUAL,
        6 => LESS,
        7 => LESS | EQUAL,
        _ => return None,
    };
    Some(if condition & 1 == 0 { truths } else { !truths })
}

/// Looks the outcome of a comparison up.
#[inline(always)]
pub(super) fn holds(truths: u8, a: u32, b: u32) -> bool {
    let less = u32::from((a as i32) < b as i32);
    let below = u32::from(a < b);
    let equal = u32::from(a == b);
    truths >> (less | below << 1 | equal << 2) & 1 != 0
}
