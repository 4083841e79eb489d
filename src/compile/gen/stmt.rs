//! Code for statements.

use super::super::checked::{Block, Expr, ExprKind, For, Place, Stmt, StmtKind, VarId};
use super::super::tree::{BinOp, Pos};
use super::Emit;
use super::alloc::Spot;
use super::branch::When;
use super::function::{FunctionGen, Loop};
use super::operand::{Op, Operand, SCRATCH};
use iced_x86::code_asm::{CodeLabel, dword_ptr, eax, ebp, ecx};

/// The most elements that are cleared one by one.
const FEW: u32 = 6;

impl FunctionGen<'_, '_> {
    pub(super) fn stmts(&mut self, stmts: &[Stmt]) -> Emit {
        for stmt in stmts {
            self.stmt(stmt)?;
        }
        Ok(())
    }

    /// The statements of a block whose value is not used.
    pub(super) fn block(&mut self, block: &Block) -> Emit {
        self.stmts(&block.stmts)?;
        if let Some(value) = &block.value {
            self.line(value.pos);
            self.effect(value)?;
        }
        self.forget(&block.vars);
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Emit {
        match &stmt.kind {
            StmtKind::Declare(_) | StmtKind::While(..) | StmtKind::Do { .. } => {}
            StmtKind::Expr(expr) if matches!(expr.kind, ExprKind::Block(_) | ExprKind::Loop(_)) => {
            }
            StmtKind::For(_) => {}
            _ => self.line(stmt.pos),
        }
        match &stmt.kind {
            StmtKind::Declare(var) => {
                self.declare(*var);
                Ok(())
            }
            StmtKind::Store(place, value) => self.store(place, value),
            StmtKind::Update(op, place, value) => self.update(*op, place, value),
            StmtKind::Fill(var, items) => self.fill(*var, items),
            StmtKind::Clear(var) => self.clear(*var),
            StmtKind::Expr(expr) => self.effect(expr),
            StmtKind::While(cond, body) => self.while_loop(cond, body),
            StmtKind::Do { body, cond, again } => self.do_loop(body, cond, *again),
            StmtKind::For(turns) => self.for_loop(turns, stmt.pos),
            StmtKind::Break(value) => self.break_loop(value.as_ref()),
            StmtKind::Continue => self.continue_loop(),
            StmtKind::Return(value) => self.return_from(value.as_ref()),
        }
    }

    fn return_from(&mut self, value: Option<&Expr>) -> Emit {
        if let Some(value) = value {
            self.value(value)?;
        }
        self.unwind(self.depth)?;
        self.leaves = true;
        self.code.asm.jmp(self.leave)
    }

    fn enter_loop(&mut self) -> (CodeLabel, CodeLabel) {
        let (end, next) = (self.label(), self.label());
        let depth = self.depth;
        self.loops.push(Loop { end, next, depth });
        (end, next)
    }

    fn while_loop(&mut self, cond: &Expr, body: &Block) -> Emit {
        let (mut end, mut next) = self.enter_loop();
        let mut top = self.label();
        self.code.asm.jmp(next)?;
        self.set(&mut top)?;
        self.block(body)?;
        self.set(&mut next)?;
        self.line(cond.pos);
        self.branch(cond, When::True, top, &SCRATCH)?;
        self.set(&mut end)?;
        self.loops.pop();
        Ok(())
    }

    fn do_loop(&mut self, body: &Block, cond: &Expr, again: bool) -> Emit {
        let (mut end, mut next) = self.enter_loop();
        let mut top = self.label();
        self.set(&mut top)?;
        self.block(body)?;
        self.set(&mut next)?;
        self.line(cond.pos);
        self.branch(cond, When::of(again), top, &SCRATCH)?;
        self.set(&mut end)?;
        self.loops.pop();
        Ok(())
    }

    /// Code for `loop`: the value of its `break` is in eax at the end.
    pub(super) fn endless(&mut self, body: &Block) -> Emit {
        let (mut end, mut next) = self.enter_loop();
        self.set(&mut next)?;
        self.block(body)?;
        self.code.asm.jmp(next)?;
        self.set(&mut end)?;
        self.loops.pop();
        Ok(())
    }

    fn for_loop(&mut self, turns: &For, pos: Pos) -> Emit {
        let (mut end, mut next) = self.enter_loop();
        let mut top = self.label();
        let counter = self.var(turns.counter);
        let to = self.bound(&turns.to);
        self.line(pos);
        if !runs_at_least_once(turns) {
            self.compare_counter(counter, to)?;
            if turns.inclusive {
                self.code.asm.jg(end)?;
            } else {
                self.code.asm.jge(end)?;
            }
        }
        self.set(&mut top)?;
        self.stmts(&turns.first)?;
        self.block(&turns.body)?;
        self.set(&mut next)?;
        self.line(pos);
        if turns.inclusive {
            // The counter must not pass the last number: there may be no larger one.
            self.compare_counter(counter, to)?;
            self.code.asm.jge(end)?;
            self.op(Op::Add, counter, Operand::Number(1))?;
            self.code.asm.jmp(top)?;
        } else {
            self.op(Op::Add, counter, Operand::Number(1))?;
            self.compare_counter(counter, to)?;
            self.code.asm.jl(top)?;
        }
        self.set(&mut end)?;
        self.loops.pop();
        self.forget(&turns.vars);
        Ok(())
    }

    fn compare_counter(&mut self, counter: Operand, to: Operand) -> Emit {
        match (counter, to) {
            (Operand::Memory(_), Operand::Memory(_)) => {
                self.op(Op::Mov, Operand::Register(eax), counter)?;
                self.op(Op::Cmp, Operand::Register(eax), to)
            }
            _ => self.op(Op::Cmp, counter, to),
        }
    }

    /// The end of a range, which is a constant or a variable.
    fn bound(&mut self, to: &Expr) -> Operand {
        self.leaf(to).unwrap_or(Operand::Number(0))
    }

    fn break_loop(&mut self, value: Option<&Expr>) -> Emit {
        if let Some(value) = value {
            self.value(value)?;
        }
        let around = self.loops.last().map(|around| (around.end, around.depth));
        self.jump_out(around)
    }

    fn continue_loop(&mut self) -> Emit {
        let around = self.loops.last().map(|around| (around.next, around.depth));
        self.jump_out(around)
    }

    fn jump_out(&mut self, to: Option<(CodeLabel, i32)>) -> Emit {
        let Some((label, depth)) = to else {
            return Ok(());
        };
        self.unwind(self.depth - depth)?;
        self.code.asm.jmp(label)
    }

    fn array_offset(&self, var: VarId) -> i32 {
        match self.spots[var] {
            Spot::Frame(offset) => offset,
            Spot::Register(_) => 0,
        }
    }

    fn fill(&mut self, var: VarId, items: &[Expr]) -> Emit {
        let offset = self.array_offset(var);
        for (at, item) in items.iter().enumerate() {
            let element = Operand::Memory(dword_ptr(ebp + (offset + 4 * at as i32)));
            let from = match self.leaf(item) {
                Some(from @ (Operand::Number(_) | Operand::Register(_))) => from,
                _ => {
                    self.value(item)?;
                    Operand::Register(eax)
                }
            };
            self.op(Op::Mov, element, from)?;
        }
        Ok(())
    }

    fn clear(&mut self, var: VarId) -> Emit {
        let words = self.function.vars[var].words;
        let offset = self.array_offset(var);
        if words <= FEW {
            for at in 0..words as i32 {
                let element = dword_ptr(ebp + (offset + 4 * at));
                self.code.asm.mov(element, 0)?;
            }
            return Ok(());
        }
        let mut top = self.label();
        self.code.asm.mov(ecx, words)?;
        self.set(&mut top)?;
        self.code
            .asm
            .mov(dword_ptr(ebp + ecx * 4 + (offset - 4)), 0)?;
        self.code.asm.dec(ecx)?;
        self.code.asm.jne(top)
    }

    /// An expression that is evaluated only for its effects.
    pub(super) fn effect(&mut self, expr: &Expr) -> Emit {
        match &expr.kind {
            ExprKind::If(cond, then, otherwise) => self.if_stmt(cond, then, otherwise.as_deref()),
            ExprKind::Block(block) => self.block(block),
            ExprKind::Loop(body) => self.endless(body),
            ExprKind::Nothing => Ok(()),
            _ => self.value(expr),
        }
    }

    fn if_stmt(&mut self, cond: &Expr, then: &Block, otherwise: Option<&Block>) -> Emit {
        let (mut other, mut end) = (self.label(), self.label());
        self.branch(cond, When::False, other, &SCRATCH)?;
        self.block(then)?;
        let Some(otherwise) = otherwise else {
            return self.set(&mut other);
        };
        if !leaves(then) {
            self.code.asm.jmp(end)?;
        }
        self.set(&mut other)?;
        self.block(otherwise)?;
        if !leaves(then) {
            self.set(&mut end)?;
        }
        Ok(())
    }

    fn update(&mut self, op: BinOp, place: &Place, value: &Expr) -> Emit {
        let Some(simple) = Op::of(op) else {
            return self.update_slowly(op, place, value);
        };
        let from = match self.leaf(value) {
            Some(from @ (Operand::Number(_) | Operand::Register(_))) => from,
            Some(from) if self.is_register(place) => from,
            _ => {
                if self.is_fixed_place(place) {
                    return self.update_slowly(op, place, value);
                }
                self.value(value)?;
                Operand::Register(eax)
            }
        };
        let free = match from {
            Operand::Register(eax_or_var) if eax_or_var == eax => vec![ecx, SCRATCH[2]],
            _ => SCRATCH.to_vec(),
        };
        let to = self.place(place, &free)?;
        self.op(simple, to, from)
    }
}

/// Whether control leaves a block other than at its end.
fn leaves(block: &Block) -> bool {
    block.value.is_none()
        && block.stmts.last().is_some_and(|stmt| {
            matches!(
                stmt.kind,
                StmtKind::Return(_) | StmtKind::Break(_) | StmtKind::Continue
            )
        })
}

fn runs_at_least_once(turns: &For) -> bool {
    match (&turns.from.kind, &turns.to.kind) {
        (ExprKind::Const(from), ExprKind::Const(to)) => {
            from < to || (turns.inclusive && from == to)
        }
        _ => false,
    }
}
