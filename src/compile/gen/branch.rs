//! Code for comparisons and conditional jumps.

use super::super::checked::{Expr, ExprKind};
use super::super::tree::{BinOp, UnOp};
use super::Emit;
use super::expr::has_effects;
use super::function::FunctionGen;
use super::operand::{Op, Operand, Reg};
use iced_x86::code_asm::{AsmRegister8, CodeLabel, dword_ptr, esp};

/// Which value of a condition makes the program jump.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    True,
    False,
}

impl When {
    pub(super) const fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    const fn opposite(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
        }
    }
}

impl FunctionGen<'_, '_> {
    /// Jumps if a condition has the value `when`, and falls through otherwise.
    pub(super) fn branch(&mut self, cond: &Expr, when: When, to: CodeLabel, free: &[Reg]) -> Emit {
        match &cond.kind {
            ExprKind::Const(value) => {
                if When::of(*value != 0) == when {
                    self.code.asm.jmp(to)
                } else {
                    Ok(())
                }
            }
            ExprKind::Unary(UnOp::Not, operand) => self.branch(operand, when.opposite(), to, free),
            ExprKind::And(left, right) => self.both(left, right, when, to, free),
            // By De Morgan's law.
            ExprKind::Or(left, right) => self.either(left, right, when, to, free),
            ExprKind::Binary(op, left, right) if op.compares() => {
                let test = self.compare(*op, left, right, free)?;
                self.jump(test.when(when), to)
            }
            _ => {
                let operand = match self.leaf(cond) {
                    Some(operand @ (Operand::Register(_) | Operand::Memory(_))) => operand,
                    _ => {
                        self.into(cond, free[0], &free[1..])?;
                        Operand::Register(free[0])
                    }
                };
                self.op(Op::Cmp, operand, Operand::Number(0))?;
                self.jump(Test::NotEqual.when(when), to)
            }
        }
    }

    fn both(&mut self, left: &Expr, right: &Expr, when: When, to: CodeLabel, free: &[Reg]) -> Emit {
        if when == When::False {
            self.branch(left, When::False, to, free)?;
            return self.branch(right, When::False, to, free);
        }
        let mut skip = self.label();
        self.branch(left, When::False, skip, free)?;
        self.branch(right, When::True, to, free)?;
        self.set(&mut skip)
    }

    fn either(
        &mut self,
        left: &Expr,
        right: &Expr,
        when: When,
        to: CodeLabel,
        free: &[Reg],
    ) -> Emit {
        if when == When::True {
            self.branch(left, When::True, to, free)?;
            return self.branch(right, When::True, to, free);
        }
        let mut skip = self.label();
        self.branch(left, When::True, skip, free)?;
        self.branch(right, When::False, to, free)?;
        self.set(&mut skip)
    }

    /// Emits a comparison, and returns the test of the flags that decides it.
    pub(super) fn compare(
        &mut self,
        op: BinOp,
        left: &Expr,
        right: &Expr,
        free: &[Reg],
    ) -> Emit<Test> {
        let test = Test::of(op);
        let (a, b) = (self.leaf(left), self.leaf(right));
        match (a, b) {
            // A constant must be on the right.
            (Some(number @ Operand::Number(_)), Some(other)) if !is_number(other) => {
                self.op(Op::Cmp, other, number)?;
                return Ok(test.turned());
            }
            (Some(a @ Operand::Register(_)), Some(b)) => {
                self.op(Op::Cmp, a, b)?;
                return Ok(test);
            }
            (
                Some(a @ Operand::Memory(_)),
                Some(b @ (Operand::Number(_) | Operand::Register(_))),
            ) => {
                self.op(Op::Cmp, a, b)?;
                return Ok(test);
            }
            (_, Some(b)) => {
                self.into(left, free[0], &free[1..])?;
                self.op(Op::Cmp, Operand::Register(free[0]), b)?;
                return Ok(test);
            }
            (Some(number @ Operand::Number(_)), None) => {
                self.into(right, free[0], &free[1..])?;
                self.op(Op::Cmp, Operand::Register(free[0]), number)?;
                return Ok(test.turned());
            }
            (Some(register @ Operand::Register(_)), None) if !has_effects(right) => {
                self.into(right, free[0], &free[1..])?;
                self.op(Op::Cmp, register, Operand::Register(free[0]))?;
                return Ok(test);
            }
            _ => {}
        }
        let [first, second, rest @ ..] = free else {
            // Only one register is left: the right side waits on the stack.
            self.into(right, free[0], &[])?;
            self.push(Operand::Register(free[0]))?;
            self.into(left, free[0], &[])?;
            let pushed = dword_ptr(esp);
            self.op(Op::Cmp, Operand::Register(free[0]), Operand::Memory(pushed))?;
            self.depth -= 1;
            // `lea` does not change the flags.
            self.code.asm.lea(esp, dword_ptr(esp + 4))?;
            return Ok(test);
        };
        self.pair(left, right, *first, *second, rest)?;
        let (a, b) = (Operand::Register(*first), Operand::Register(*second));
        self.op(Op::Cmp, a, b)?;
        Ok(test)
    }

    fn jump(&mut self, test: Test, to: CodeLabel) -> Emit {
        let asm = &mut self.code.asm;
        match test {
            Test::Equal => asm.je(to),
            Test::NotEqual => asm.jne(to),
            Test::Less => asm.jl(to),
            Test::LessOrEqual => asm.jle(to),
            Test::Greater => asm.jg(to),
            Test::GreaterOrEqual => asm.jge(to),
            Test::Below => asm.jb(to),
            Test::Above => asm.ja(to),
            Test::AboveOrEqual => asm.jae(to),
            Test::BelowOrEqual => asm.jbe(to),
        }
    }

    /// Sets a byte to 1 if the test of the flags succeeds, otherwise to 0.
    pub(super) fn set_byte(&mut self, test: Test, to: AsmRegister8) -> Emit {
        let asm = &mut self.code.asm;
        match test {
            Test::Equal => asm.sete(to),
            Test::NotEqual => asm.setne(to),
            Test::Less => asm.setl(to),
            Test::LessOrEqual => asm.setle(to),
            Test::Greater => asm.setg(to),
            Test::GreaterOrEqual => asm.setge(to),
            Test::Below => asm.setb(to),
            Test::Above => asm.seta(to),
            Test::AboveOrEqual => asm.setae(to),
            Test::BelowOrEqual => asm.setbe(to),
        }
    }
}

/// A test of the flags after a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Test {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Below,
    BelowOrEqual,
    Above,
    AboveOrEqual,
}

impl Test {
    const fn of(op: BinOp) -> Self {
        match op {
            BinOp::Ne => Self::NotEqual,
            BinOp::Lt => Self::Less,
            BinOp::Le => Self::LessOrEqual,
            BinOp::Gt => Self::Greater,
            BinOp::Ge => Self::GreaterOrEqual,
            BinOp::Below => Self::Below,
            _ => Self::Equal,
        }
    }

    /// The test that is met when this one has that value.
    const fn when(self, value: When) -> Self {
        match value {
            When::True => self,
            When::False => self.opposite(),
        }
    }

    /// The equivalent test with both sides of the comparison exchanged.
    const fn turned(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Below => Self::Above,
            Self::BelowOrEqual => Self::AboveOrEqual,
            Self::Above => Self::Below,
            Self::AboveOrEqual => Self::BelowOrEqual,
        }
    }

    /// The test that succeeds exactly if this one fails.
    const fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Below => Self::AboveOrEqual,
            Self::BelowOrEqual => Self::Above,
            Self::Above => Self::BelowOrEqual,
            Self::AboveOrEqual => Self::Below,
        }
    }
}

const fn is_number(operand: Operand) -> bool {
    matches!(operand, Operand::Number(_))
}
