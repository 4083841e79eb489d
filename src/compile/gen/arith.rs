//! Code for arithmetic.

use super::super::checked::{Expr, ExprKind};
use super::super::tree::BinOp;
use super::Emit;
use super::expr::{has_effects, is_constant};
use super::function::FunctionGen;
use super::operand::{Op, Operand, Reg, SCRATCH, without};
use iced_x86::code_asm::{cl, dword_ptr, eax, ecx, edx, esp};

impl FunctionGen<'_, '_> {
    pub(super) fn arithmetic(
        &mut self,
        op: BinOp,
        left: &Expr,
        right: &Expr,
        to: Reg,
        others: &[Reg],
    ) -> Emit {
        match op {
            BinOp::Div | BinOp::Rem | BinOp::UDiv | BinOp::URem => {
                return self.division(op, left, right, to);
            }
            BinOp::Shl | BinOp::Shr if !matches!(right.kind, ExprKind::Const(_)) => {
                self.pair(left, right, eax, ecx, &[edx])?;
                self.combine(op)?;
                return self.op(Op::Mov, Operand::Register(to), Operand::Register(eax));
            }
            _ => {}
        }
        if self.sum_by_address(op, left, right, to)? {
            return Ok(());
        }
        if let Some(from) = self.leaf(right) {
            self.into(left, to, others)?;
            return self.apply(op, to, from);
        }
        let order_is_free = is_constant(left) || !has_effects(right);
        if order_is_free
            && op.commutes()
            && let Some(from) = self.leaf(left)
            && from != Operand::Register(to)
        {
            self.into(right, to, others)?;
            return self.apply(op, to, from);
        }
        let Some(other) = others.first().copied() else {
            // The last register: neither side has effects, otherwise there would be more.
            self.into(right, to, others)?;
            self.push(Operand::Register(to))?;
            self.into(left, to, others)?;
            self.apply(op, to, Operand::Memory(dword_ptr(esp)))?;
            return self.drop_words(1);
        };
        if op.commutes() && self.fixed(right) {
            // The left side waits on the stack, and may be popped into either register.
            self.into(left, to, others)?;
            self.push(Operand::Register(to))?;
            self.into(right, to, &without(&SCRATCH, &[to]))?;
            self.pop(other)?;
        } else {
            self.pair(left, right, to, other, &others[1..])?;
        }
        self.apply(op, to, Operand::Register(other))
    }

    /// Adds a simple operand to a variable in a register with `lea`.
    fn sum_by_address(&mut self, op: BinOp, left: &Expr, right: &Expr, to: Reg) -> Emit<bool> {
        let (Some(Operand::Register(base)), Some(right)) = (self.leaf(left), self.leaf(right))
        else {
            return Ok(false);
        };
        let sum = match (op, right) {
            _ if base == to => return Ok(false),
            (BinOp::Add, Operand::Number(offset)) => dword_ptr(base + offset),
            (BinOp::Sub, Operand::Number(offset)) => dword_ptr(base - offset),
            (BinOp::Add, Operand::Register(other)) => dword_ptr(base + other),
            _ => return Ok(false),
        };
        self.code.asm.lea(to, sum)?;
        Ok(true)
    }

    /// Evaluates two expressions, from left to right, into two registers.
    pub(super) fn pair(
        &mut self,
        left: &Expr,
        right: &Expr,
        to: Reg,
        other: Reg,
        free: &[Reg],
    ) -> Emit {
        let mut others = vec![other];
        others.extend_from_slice(free);
        if !self.fixed(right) {
            self.into(left, to, &others)?;
            return self.into(right, other, free);
        }
        // A fixed expression may use all scratch registers.
        let all = without(&SCRATCH, &[other]);
        if (is_constant(left) || !has_effects(right))
            && let Some(from) = self.leaf(left)
        {
            self.into(right, other, &all)?;
            return self.op(Op::Mov, Operand::Register(to), from);
        }
        self.into(left, to, &others)?;
        self.push(Operand::Register(to))?;
        self.into(right, other, &all)?;
        self.pop(to)
    }

    /// `to = to op from`.
    fn apply(&mut self, op: BinOp, to: Reg, from: Operand) -> Emit {
        match (op, Op::of(op)) {
            (_, Some(simple)) => self.op(simple, Operand::Register(to), from),
            (BinOp::Mul, _) => self.multiply(to, from),
            (BinOp::Shl | BinOp::Shr, _) => self.shift(op, to, from),
            _ => Ok(()),
        }
    }

    fn multiply(&mut self, to: Reg, from: Operand) -> Emit {
        let asm = &mut self.code.asm;
        match from {
            Operand::Register(from) => asm.imul_2(to, from),
            Operand::Memory(from) => asm.imul_2(to, from),
            Operand::Number(0) => asm.xor(to, to),
            Operand::Number(1) => Ok(()),
            Operand::Number(3) => asm.lea(to, dword_ptr(to + to * 2)),
            Operand::Number(5) => asm.lea(to, dword_ptr(to + to * 4)),
            Operand::Number(9) => asm.lea(to, dword_ptr(to + to * 8)),
            Operand::Number(number) if number > 0 && (number as u32).is_power_of_two() => {
                asm.shl(to, number.trailing_zeros())
            }
            Operand::Number(number) => asm.imul_3(to, to, number),
        }
    }

    fn shift(&mut self, op: BinOp, to: Reg, by: Operand) -> Emit {
        let count = match by {
            Operand::Number(count) => count as u32 & 31,
            _ => 0,
        };
        match op {
            _ if count == 0 => Ok(()),
            BinOp::Shl => self.code.asm.shl(to, count),
            _ => self.code.asm.sar(to, count),
        }
    }

    /// `eax = eax op ecx`, for every operation.
    pub(super) fn combine(&mut self, op: BinOp) -> Emit {
        match op {
            BinOp::Shl => self.code.asm.shl(eax, cl),
            BinOp::Shr => self.code.asm.sar(eax, cl),
            BinOp::Div | BinOp::Rem | BinOp::UDiv | BinOp::URem => {
                self.divide(op, Operand::Register(ecx))
            }
            _ => self.apply(op, eax, Operand::Register(ecx)),
        }
    }

    fn division(&mut self, op: BinOp, left: &Expr, right: &Expr, to: Reg) -> Emit {
        let by = match self.leaf(right) {
            Some(by @ (Operand::Memory(_) | Operand::Register(_))) => {
                self.value(left)?;
                by
            }
            _ => {
                self.pair(left, right, eax, ecx, &[edx])?;
                Operand::Register(ecx)
            }
        };
        self.divide(op, by)?;
        self.op(Op::Mov, Operand::Register(to), Operand::Register(eax))
    }

    /// Divides eax; the result is in eax.
    fn divide(&mut self, op: BinOp, by: Operand) -> Emit {
        let asm = &mut self.code.asm;
        if matches!(op, BinOp::Div | BinOp::Rem) {
            asm.cdq()?;
            match by {
                Operand::Memory(by) => asm.idiv(by)?,
                Operand::Register(by) => asm.idiv(by)?,
                Operand::Number(_) => asm.ud2()?,
            }
        } else {
            asm.xor(edx, edx)?;
            match by {
                Operand::Memory(by) => asm.div(by)?,
                Operand::Register(by) => asm.div(by)?,
                Operand::Number(_) => asm.ud2()?,
            }
        }
        match op {
            BinOp::Rem | BinOp::URem => asm.mov(eax, edx),
            _ => Ok(()),
        }
    }
}
