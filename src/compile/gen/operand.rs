//! Operands of instructions, and instructions that accept any of them.

use super::super::tree::BinOp;
use super::Emit;
use iced_x86::code_asm::{
    AsmMemoryOperand, AsmRegister8, AsmRegister16, AsmRegister32, CodeAssembler, al, ax, bl, bx,
    cl, cx, dl, dx, eax, ebx, ecx, edx,
};

/// A register: scratch, or that of a variable.
pub(super) type Reg = AsmRegister32;

/// Registers that a call does not preserve: expressions are evaluated in them.
pub(super) const SCRATCH: [Reg; 3] = [eax, ecx, edx];

/// An operand of an instruction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Operand {
    Register(Reg),
    Number(i32),
    /// A word in memory.
    Memory(AsmMemoryOperand),
}

/// The low byte of a register, if it has one.
pub(super) fn low_byte(register: Reg) -> Option<AsmRegister8> {
    let bytes = [(eax, al), (ecx, cl), (edx, dl), (ebx, bl)];
    let found = bytes.into_iter().find(|(word, _)| *word == register);
    found.map(|(_, byte)| byte)
}

/// The low half of a register in [`SCRATCH`] or of ebx.
pub(super) fn low_half(register: Reg) -> Option<AsmRegister16> {
    let halves = [(eax, ax), (ecx, cx), (edx, dx), (ebx, bx)];
    let found = halves.into_iter().find(|(word, _)| *word == register);
    found.map(|(_, half)| half)
}

/// The registers other than these.
pub(super) fn without(registers: &[Reg], taken: &[Reg]) -> Vec<Reg> {
    let free = registers
        .iter()
        .filter(|register| !taken.contains(register));
    free.copied().collect()
}

/// An instruction with two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Mov,
    Add,
    Sub,
    And,
    Or,
    Xor,
    Cmp,
}

impl Op {
    /// The instruction that is an operator of the language by itself, if there is one.
    pub(super) const fn of(op: BinOp) -> Option<Self> {
        match op {
            BinOp::Add => Some(Self::Add),
            BinOp::Sub => Some(Self::Sub),
            BinOp::And => Some(Self::And),
            BinOp::Or => Some(Self::Or),
            BinOp::Xor => Some(Self::Xor),
            _ => None,
        }
    }
}

macro_rules! two_operands {
    ($asm:expr, $name:ident, $to:expr, $from:expr) => {
        match ($to, $from) {
            (Operand::Register(to), Operand::Register(from)) => $asm.$name(to, from),
            (Operand::Register(to), Operand::Number(from)) => $asm.$name(to, from),
            (Operand::Register(to), Operand::Memory(from)) => $asm.$name(to, from),
            (Operand::Memory(to), Operand::Register(from)) => $asm.$name(to, from),
            (Operand::Memory(to), Operand::Number(from)) => $asm.$name(to, from),
            // No instruction takes two memory operands, or changes an immediate.
            (Operand::Memory(_), Operand::Memory(_)) | (Operand::Number(_), _) => $asm.ud2(),
        }
    };
}

/// Emits an instruction with two operands.
pub(super) fn two(asm: &mut CodeAssembler, op: Op, to: Operand, from: Operand) -> Emit {
    match (op, to, from) {
        (Op::Mov, Operand::Register(a), Operand::Register(b)) if a == b => Ok(()),
        (Op::Mov, Operand::Register(to), Operand::Number(0)) => asm.xor(to, to),
        (Op::Add, Operand::Register(to), Operand::Number(1)) => asm.inc(to),
        (Op::Add, Operand::Memory(to), Operand::Number(1)) => asm.inc(to),
        (Op::Sub, Operand::Register(to), Operand::Number(1)) => asm.dec(to),
        (Op::Sub, Operand::Memory(to), Operand::Number(1)) => asm.dec(to),
        (Op::Add, Operand::Register(to), Operand::Number(-1)) => asm.dec(to),
        (Op::Add, Operand::Memory(to), Operand::Number(-1)) => asm.dec(to),
        (Op::Add | Op::Sub, _, Operand::Number(0)) => Ok(()),
        (Op::Cmp, Operand::Register(a), Operand::Number(0)) => asm.test(a, a),
        (Op::Mov, ..) => two_operands!(asm, mov, to, from),
        (Op::Add, ..) => two_operands!(asm, add, to, from),
        (Op::Sub, ..) => two_operands!(asm, sub, to, from),
        (Op::And, ..) => two_operands!(asm, and, to, from),
        (Op::Or, ..) => two_operands!(asm, or, to, from),
        (Op::Xor, ..) => two_operands!(asm, xor, to, from),
        (Op::Cmp, ..) => two_operands!(asm, cmp, to, from),
    }
}
