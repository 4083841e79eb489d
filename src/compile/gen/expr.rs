//! Code for expressions. [`FunctionGen::into`] evaluates one into a register, with other registers
//! as scratch. A *fixed* expression needs eax, ecx and edx all to itself, as a call does; it is
//! evaluated only while nothing else is in them.

use super::super::checked::{Base, Block, Callee, Expr, ExprKind, Place, VarId};
use super::super::tree::{BinOp, UnOp};
use super::Emit;
use super::branch::When;
use super::function::FunctionGen;
use super::operand::{Op, Operand, Reg, SCRATCH, low_byte};
use iced_x86::code_asm::{eax, ecx, edx};

impl FunctionGen<'_, '_> {
    /// Evaluates into eax; all scratch registers are free.
    pub(super) fn value(&mut self, expr: &Expr) -> Emit {
        self.into(expr, eax, &[ecx, edx])
    }

    /// An expression that can be an operand as it is.
    pub(super) fn leaf(&mut self, expr: &Expr) -> Option<Operand> {
        match &expr.kind {
            ExprKind::Const(number) => Some(Operand::Number(*number)),
            ExprKind::Text(text) => Some(Operand::Number(self.code.text(text))),
            ExprKind::Function(id) => Some(Operand::Number(self.code.at.functions[*id] as i32)),
            ExprKind::AddressOf(Place::Global(id)) => Some(Operand::Number(self.global(*id))),
            ExprKind::Read(place) => self.direct(place),
            _ => None,
        }
    }

    /// Whether an expression needs all scratch registers.
    pub(super) fn fixed(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::Text(_) | ExprKind::Function(_) | ExprKind::Nothing => {
                false
            }
            ExprKind::Read(place) | ExprKind::AddressOf(place) => self.is_fixed_place(place),
            ExprKind::Unary(_, operand) => self.fixed(operand),
            ExprKind::Binary(op, left, right) => match op {
                BinOp::Div | BinOp::Rem | BinOp::UDiv | BinOp::URem | BinOp::Pow => true,
                BinOp::Shl | BinOp::Shr if !matches!(right.kind, ExprKind::Const(_)) => true,
                _ => self.fixed(left) || self.fixed(right),
            },
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self.fixed(left) || self.fixed(right)
            }
            ExprKind::Call(..)
            | ExprKind::If(..)
            | ExprKind::Block(_)
            | ExprKind::Loop(_)
            | ExprKind::Closure(..)
            | ExprKind::Print(_)
            | ExprKind::Atomic(..) => true,
        }
    }

    /// Evaluates into a register, with `others` as scratch. If the expression is fixed, these must
    /// be all the scratch registers there are.
    pub(super) fn into(&mut self, expr: &Expr, to: Reg, others: &[Reg]) -> Emit {
        if let Some(from) = self.leaf(expr) {
            return self.op(Op::Mov, Operand::Register(to), from);
        }
        match &expr.kind {
            ExprKind::Read(Place::Memory(memory)) => self.read(memory, to, others),
            ExprKind::AddressOf(place) => self.address_of(place, to, others),
            ExprKind::Unary(op, operand) => {
                self.into(operand, to, others)?;
                match op {
                    UnOp::Neg => self.code.asm.neg(to),
                    UnOp::Not => self.code.asm.xor(to, 1),
                }
            }
            ExprKind::Binary(op, left, right) if op.compares() => {
                self.compare_into(*op, left, right, to, others)
            }
            ExprKind::Binary(op, left, right) => self.arithmetic(*op, left, right, to, others),
            ExprKind::And(..) | ExprKind::Or(..) => self.truth_into(expr, to, others),
            _ => {
                self.fixed_value(expr)?;
                self.op(Op::Mov, Operand::Register(to), Operand::Register(eax))
            }
        }
    }

    /// Evaluates an expression whose value always ends up in eax.
    fn fixed_value(&mut self, expr: &Expr) -> Emit {
        match &expr.kind {
            ExprKind::Call(callee, args) => self.call(callee, args),
            ExprKind::If(cond, then, otherwise) => self.if_value(cond, then, otherwise.as_deref()),
            ExprKind::Block(block) => self.block_value(block),
            ExprKind::Loop(body) => self.endless(body),
            ExprKind::Closure(id, record, captures) => self.closure(*id, *record, captures),
            ExprKind::Print(pieces) => self.print(pieces),
            ExprKind::Atomic(op, args) => self.atomic(*op, args),
            _ => Ok(()),
        }
    }

    fn if_value(&mut self, cond: &Expr, then: &Block, otherwise: Option<&Block>) -> Emit {
        let (mut other, mut end) = (self.label(), self.label());
        self.branch(cond, When::False, other, &SCRATCH)?;
        self.block_value(then)?;
        let Some(otherwise) = otherwise else {
            return self.set(&mut other);
        };
        self.code.asm.jmp(end)?;
        self.set(&mut other)?;
        self.block_value(otherwise)?;
        self.set(&mut end)
    }

    fn block_value(&mut self, block: &Block) -> Emit {
        self.stmts(&block.stmts)?;
        if let Some(value) = &block.value {
            self.line(value.pos);
            self.value(value)?;
        }
        self.forget(&block.vars);
        Ok(())
    }

    /// The result of a comparison as 0 or 1.
    fn compare_into(
        &mut self,
        op: BinOp,
        left: &Expr,
        right: &Expr,
        to: Reg,
        others: &[Reg],
    ) -> Emit {
        let Some(byte) = low_byte(to) else {
            // esi and edi have no low byte. They are variables, so all scratch registers are free.
            self.compare_into(op, left, right, eax, &[ecx, edx])?;
            return self.code.asm.mov(to, eax);
        };
        let mut free = vec![to];
        free.extend_from_slice(others);
        let test = self.compare(op, left, right, &free)?;
        self.set_byte(test, byte)?;
        self.code.asm.movzx(to, byte)
    }

    /// The result of `&&` or `||` as 0 or 1.
    fn truth_into(&mut self, expr: &Expr, to: Reg, others: &[Reg]) -> Emit {
        let (mut no, mut end) = (self.label(), self.label());
        let mut free = if SCRATCH.contains(&to) {
            vec![to]
        } else {
            Vec::new()
        };
        free.extend_from_slice(others);
        self.branch(expr, When::False, no, &free)?;
        self.code.asm.mov(to, 1)?;
        self.code.asm.jmp(end)?;
        self.set(&mut no)?;
        self.code.asm.xor(to, to)?;
        self.set(&mut end)
    }

    /// Whether a value can be evaluated directly into the register of its destination. It must not
    /// need the old value except as its leftmost operand.
    pub(super) fn goes_into(&self, place: &Place, value: &Expr) -> bool {
        let Place::Var(var) = place else {
            return false;
        };
        match &value.kind {
            ExprKind::Binary(op, left, right) if !op.compares() && !self.fixed(value) => {
                let keeps_left = matches!(left.kind, ExprKind::Read(Place::Var(_)))
                    || self.goes_into(place, left);
                keeps_left && !mentions(right, *var) && !matches!(right.kind, ExprKind::If(..))
            }
            _ => !mentions(value, *var),
        }
    }
}

/// Whether an expression reads or changes a variable.
pub(super) fn mentions(expr: &Expr, var: VarId) -> bool {
    let place = |place: &Place| match place {
        Place::Var(other) => *other == var,
        Place::Global(_) => false,
        Place::Memory(memory) => {
            let base = match &memory.base {
                Base::Var(other) => *other == var,
                Base::Global(_) => false,
                Base::Value(value) => mentions(value, var),
            };
            base || memory
                .index
                .as_ref()
                .is_some_and(|index| mentions(index, var))
        }
    };
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::Text(_) | ExprKind::Function(_) | ExprKind::Nothing => false,
        ExprKind::Read(from) | ExprKind::AddressOf(from) => place(from),
        ExprKind::Unary(_, operand) => mentions(operand, var),
        ExprKind::Binary(_, left, right)
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => mentions(left, var) || mentions(right, var),
        ExprKind::Call(callee, args) => {
            let callee = matches!(callee, Callee::Value(value) if mentions(value, var));
            callee || args.iter().any(|arg| mentions(arg, var))
        }
        ExprKind::Print(args) | ExprKind::Atomic(_, args) => {
            args.iter().any(|arg| mentions(arg, var))
        }
        // A call may read or change anything.
        ExprKind::If(..) | ExprKind::Block(_) | ExprKind::Loop(_) | ExprKind::Closure(..) => true,
    }
}

/// Whether evaluating an expression can change what another one reads.
pub(super) fn has_effects(expr: &Expr) -> bool {
    let place = |place: &Place| match place {
        Place::Var(_) | Place::Global(_) => false,
        Place::Memory(memory) => {
            matches!(&memory.base, Base::Value(value) if has_effects(value))
                || memory.index.as_ref().is_some_and(has_effects)
        }
    };
    match &expr.kind {
        ExprKind::Read(from) | ExprKind::AddressOf(from) => place(from),
        ExprKind::Unary(_, operand) => has_effects(operand),
        ExprKind::Binary(_, left, right)
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => has_effects(left) || has_effects(right),
        ExprKind::Const(_) | ExprKind::Text(_) | ExprKind::Function(_) | ExprKind::Nothing => false,
        _ => true,
    }
}

/// Whether an expression has the same value whenever it is evaluated.
pub(super) fn is_constant(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Function(_)
            | ExprKind::AddressOf(Place::Var(_) | Place::Global(_))
    )
}
