//! Checks expressions.

use super::super::checked::{Block, Expr, ExprKind, Stmt, StmtKind};
use super::super::tree::{self, BinOp, Pos, UnOp};
use super::super::types::{Ty, Type};
use super::function::{FunctionChecker, Want};

impl FunctionChecker<'_, '_> {
    pub(super) fn make(&mut self, pos: Pos, what: Type, kind: ExprKind) -> Expr {
        let ty = self.types().known(what, pos);
        Expr { pos, ty, kind }
    }

    pub(super) fn refused(&mut self, pos: Pos) -> Expr {
        super::refused(self.types(), pos)
    }

    /// An expression that must have a value.
    pub(super) fn value(&mut self, expr: &tree::Expr) -> Expr {
        let value = self.expr(expr, Want::Value);
        if self.types().get(value.ty) == Type::Unit {
            self.error(
                value.pos,
                "this has no value",
                "use an expression that has one",
            );
            return self.refused(value.pos);
        }
        if let ExprKind::Call(super::super::checked::Callee::Function(id), _) = &value.kind {
            self.checker.value_uses.push((value.pos, *id));
        }
        value
    }

    /// An expression that must be a number.
    pub(super) fn int(&mut self, expr: &tree::Expr) -> Expr {
        let value = self.value(expr);
        self.counts(&value);
        value
    }

    /// Whether arithmetic takes the value: a number, or as in C a character, which is its code.
    fn counts(&mut self, value: &Expr) {
        if self.types().get(value.ty) != Type::Char {
            let int = self.types().known(Type::Int, value.pos);
            self.unify(value.pos, "arithmetic needs numbers", int, value.ty);
        }
    }

    pub(super) fn expr(&mut self, expr: &tree::Expr, want: Want) -> Expr {
        use tree::ExprKind as Kind;
        let pos = expr.pos;
        match &expr.kind {
            Kind::Int(value) => self.number(*value, pos),
            Kind::Bool(value) => self.make(pos, Type::Bool, ExprKind::Const(i32::from(*value))),
            Kind::Char(value) => self.make(pos, Type::Char, ExprKind::Const(*value as i32)),
            Kind::Str(text) => self.text(text, pos),
            Kind::Format(_) => {
                self.refuse_text_building(pos);
                self.refused(pos)
            }
            Kind::Array(_) => {
                let help = "declare it first: `let a = [1, 2, 3];`";
                self.error(pos, "an array must be stored in a variable", help);
                self.refused(pos)
            }
            Kind::Unit => self.make(pos, Type::Unit, ExprKind::Nothing),
            Kind::Name(name) => self.name(name, pos),
            Kind::Unary(op, operand) => self.unary(*op, operand, pos),
            Kind::Binary(op, left, right) => self.binary(*op, left, right, pos),
            Kind::And(operands) => self.logic(operands, ExprKind::And),
            Kind::Or(operands) => self.logic(operands, ExprKind::Or),
            Kind::Call(name, args) => self.call(name, args, pos),
            Kind::Method(object, name, args) => self.method(object, name, args, pos),
            Kind::Index(object, index) => self.element(object, index, pos),
            Kind::If {
                cond,
                then,
                otherwise,
            } => self.if_expr(cond, then, otherwise.as_ref(), want, pos),
            Kind::Block(block) => self.block_expr(block, want, pos),
            Kind::Loop(body) => self.loop_expr(body, want, pos),
            Kind::Closure { function, captures } => self.closure(function, captures, pos),
            Kind::Range { .. } => {
                let help = "use it in `for i in 0..10`";
                self.error(pos, "a range is not a value", help);
                self.refused(pos)
            }
            Kind::Refused => self.refused(pos),
        }
    }

    pub(super) fn number(&mut self, value: i64, pos: Pos) -> Expr {
        let word = i32::try_from(value).or_else(|_| u32::try_from(value).map(|word| word as i32));
        let Ok(word) = word else {
            let message = format!("{value} does not fit in 32 bits");
            let help = "integers range from -2147483648 to 2147483647";
            self.error(pos, &message, help);
            return self.refused(pos);
        };
        self.make(pos, Type::Int, ExprKind::Const(word))
    }

    pub(super) fn text(&mut self, text: &str, pos: Pos) -> Expr {
        self.make(pos, Type::Str, ExprKind::Text(text.into()))
    }

    fn unary(&mut self, op: UnOp, operand: &tree::Expr, pos: Pos) -> Expr {
        let operand = match op {
            UnOp::Neg => self.int(operand),
            UnOp::Not => {
                let operand = self.value(operand);
                if self.types().get(operand.ty) == Type::Int {
                    let help = "write `x == 0`, or `x ^ -1` to invert the bits";
                    self.error(pos, "`!` needs a boolean, not a number", help);
                    return self.refused(pos);
                }
                let bool = self.types().known(Type::Bool, pos);
                self.unify(pos, "`!` needs a boolean", bool, operand.ty);
                operand
            }
        };
        let ty = match op {
            UnOp::Neg => self.types().known(Type::Int, pos),
            UnOp::Not => operand.ty,
        };
        let kind = match (op, &operand.kind) {
            (UnOp::Neg, ExprKind::Const(value)) if *value != i32::MIN => ExprKind::Const(-value),
            (UnOp::Not, ExprKind::Const(value)) => ExprKind::Const(value ^ 1),
            _ => ExprKind::Unary(op, Box::new(operand)),
        };
        Expr { pos, ty, kind }
    }

    fn binary(&mut self, op: BinOp, left: &tree::Expr, right: &tree::Expr, pos: Pos) -> Expr {
        let (left, right) = (self.value(left), self.value(right));
        let kinds = [left.ty, right.ty].map(|ty| self.types().get(ty));
        if op == BinOp::Add && kinds.contains(&Type::Str) {
            self.refuse_text_building(pos);
            return self.refused(pos);
        }
        if op.compares() {
            self.comparable(op, &left, &right, kinds);
            return self.operation(op, left, right, Type::Bool, pos);
        }
        if matches!(op, BinOp::And | BinOp::Or | BinOp::Xor) && kinds.contains(&Type::Bool) {
            self.unify(pos, "both sides must be booleans", left.ty, right.ty);
            return self.operation(op, left, right, Type::Bool, pos);
        }
        for operand in [&left, &right] {
            self.counts(operand);
        }
        self.operation(op, left, right, Type::Int, pos)
    }

    fn comparable(&mut self, op: BinOp, left: &Expr, right: &Expr, kinds: [Type; 2]) {
        self.unify(
            right.pos,
            "cannot compare values of two types",
            left.ty,
            right.ty,
        );
        if kinds == [Type::Str; 2] {
            let help = "use `strcmp(a, b) == 0`";
            self.error(
                left.pos,
                "this would compare the addresses of two strings",
                help,
            );
        }
        let order = !matches!(op, BinOp::Eq | BinOp::Ne);
        if order
            && kinds
                .iter()
                .any(|kind| matches!(kind, Type::Bool | Type::Array(..)))
        {
            let help = "compare numbers or characters";
            self.error(left.pos, "these have no order", help);
        }
    }

    /// An operation on two words, evaluated at compile time if both are constants.
    pub(super) fn operation(
        &mut self,
        op: BinOp,
        left: Expr,
        right: Expr,
        what: Type,
        pos: Pos,
    ) -> Expr {
        if op == BinOp::Pow {
            return self.library_call("pow", vec![left, right], pos);
        }
        let folded = match (&left.kind, &right.kind) {
            // Overflow is left to the machine, where it can be observed.
            (ExprKind::Const(a), ExprKind::Const(b)) if self.outside || !op.wraps(*a, *b) => {
                op.apply(*a, *b)
            }
            _ => None,
        };
        let kind = folded.map_or_else(
            || ExprKind::Binary(op, Box::new(left), Box::new(right)),
            ExprKind::Const,
        );
        self.make(pos, what, kind)
    }

    fn logic(
        &mut self,
        operands: &[tree::Expr],
        join: fn(Box<Expr>, Box<Expr>) -> ExprKind,
    ) -> Expr {
        let mut operands = operands
            .iter()
            .map(|operand| self.condition(operand))
            .collect::<Vec<_>>()
            .into_iter();
        let Some(mut all) = operands.next() else {
            return self.refused(Pos::default());
        };
        for operand in operands {
            let pos = all.pos;
            let kind = join(Box::new(all), Box::new(operand));
            all = self.make(pos, Type::Bool, kind);
        }
        all
    }

    fn if_expr(
        &mut self,
        cond: &tree::Expr,
        then: &tree::Block,
        otherwise: Option<&tree::Block>,
        want: Want,
        pos: Pos,
    ) -> Expr {
        let cond = Box::new(self.condition(cond));
        let then = self.block(then, want);
        let other = otherwise.map(|block| self.block(block, want));
        let ty = self.branches(&then, other.as_ref(), want, pos);
        let kind = ExprKind::If(cond, Box::new(then), other.map(Box::new));
        Expr { pos, ty, kind }
    }

    /// The common type of two branches.
    fn branches(&mut self, then: &Block, other: Option<&Block>, want: Want, pos: Pos) -> Ty {
        let unit = self.types().known(Type::Unit, pos);
        let has = |this: &mut Self, block: &Block| match &block.value {
            Some(value) if this.types().get(value.ty) != Type::Unit => Some(value.ty),
            _ => None,
        };
        let first = has(self, then);
        let second = other.and_then(|block| has(self, block));
        match want {
            Want::Nothing => unit,
            Want::Tail => match (first, second) {
                (Some(a), Some(b)) => {
                    self.types().unify_loosely(a, b);
                    a
                }
                (a, b) => a.or(b).unwrap_or(unit),
            },
            Want::Value => {
                let branches = [Some(then), other];
                let ends = branches.map(|block| block.is_some_and(diverges));
                match (first, second, ends) {
                    (Some(a), Some(b), _) => {
                        self.unify(pos, "the branches have values of two types", a, b);
                        a
                    }
                    (Some(ty), None, [_, true]) | (None, Some(ty), [true, _]) => ty,
                    (None, None, [true, true]) => self.types().fresh(),
                    _ => {
                        let help = "end every branch with a value, including `else`";
                        self.error(pos, "a branch of this `if` has no value", help);
                        self.types().fresh()
                    }
                }
            }
        }
    }

    fn block_expr(&mut self, block: &tree::Block, want: Want, pos: Pos) -> Expr {
        let block = self.block(block, want);
        let ty = match &block.value {
            Some(value) => value.ty,
            None => self.types().known(Type::Unit, pos),
        };
        let kind = ExprKind::Block(Box::new(block));
        Expr { pos, ty, kind }
    }

    fn loop_expr(&mut self, body: &tree::Block, want: Want, pos: Pos) -> Expr {
        let value = (want == Want::Value).then(|| self.types().fresh());
        let (body, _) = self.loop_body(body, value);
        let ty = match value {
            Some(ty) => ty,
            None => self.types().known(Type::Unit, pos),
        };
        let kind = ExprKind::Loop(Box::new(body));
        Expr { pos, ty, kind }
    }
}

/// Whether control never reaches the end of a block.
fn diverges(block: &Block) -> bool {
    let ends = |stmt: &Stmt| {
        matches!(
            stmt.kind,
            StmtKind::Return(_) | StmtKind::Break(_) | StmtKind::Continue
        )
    };
    block.value.is_none() && block.stmts.last().is_some_and(ends)
}
