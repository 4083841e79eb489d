//! Checks statements and blocks.

use super::super::checked::{Block, Expr, ExprKind, Place, Stmt, StmtKind, VarKind};
use super::super::tree::{self, BinOp, Diagnostic, Pos};
use super::super::types::Type;
use super::function::{Binding, FunctionChecker, Want};

impl FunctionChecker<'_, '_> {
    pub(super) fn block(&mut self, source: &tree::Block, want: Want) -> Block {
        self.open();
        let mut block = Block::default();
        for (at, stmt) in source.stmts.iter().enumerate() {
            let is_last = at + 1 == source.stmts.len();
            match &stmt.kind {
                tree::StmtKind::Expr(expr) if is_last && want != Want::Nothing => {
                    let value = self.expr(expr, want);
                    if matches!(value.kind, ExprKind::Nothing) {
                        continue;
                    }
                    block.value = Some(Box::new(value));
                }
                _ => self.stmt(stmt, &mut block.stmts),
            }
        }
        block.vars = self.close();
        block
    }

    pub(super) fn open(&mut self) {
        self.scopes.push(Vec::new());
        self.declared.push(Vec::new());
    }

    pub(super) fn close(&mut self) -> Vec<usize> {
        self.scopes.pop();
        self.declared.pop().unwrap_or_default()
    }

    pub(super) fn stmt(&mut self, stmt: &tree::Stmt, out: &mut Vec<Stmt>) {
        use tree::StmtKind as Kind;
        let pos = stmt.pos;
        let kind = match &stmt.kind {
            Kind::Let {
                name,
                name_pos,
                constant,
                value,
            } => return self.declare((name, *name_pos), *constant, value.as_ref(), pos, out),
            Kind::Assign { op, target, value } => self.assign(*op, target, value),
            Kind::Expr(expr) => StmtKind::Expr(self.expr(expr, Want::Nothing)),
            Kind::While { cond, body } => self.while_loop(cond, body),
            Kind::Do { body, cond, until } => {
                let body = self.loop_body(body, None).0;
                let cond = self.condition(cond);
                let again = !until;
                StmtKind::Do { body, cond, again }
            }
            Kind::For {
                name,
                counter,
                over,
                body,
            } => return self.for_loop(name, counter.as_ref(), over, body, pos, out),
            Kind::Break(value) => self.break_loop(value.as_ref(), pos),
            Kind::Continue => {
                self.inside_loop(pos, "continue");
                StmtKind::Continue
            }
            Kind::Return(value) => StmtKind::Return(self.returned(value.as_ref())),
        };
        out.push(Stmt { pos, kind });
    }

    fn returned(&mut self, value: Option<&tree::Expr>) -> Option<Expr> {
        let value = self.value(value?);
        if matches!(self.types().get(value.ty), Type::Array(..)) {
            self.refuse_array_result(value.pos);
        }
        self.has_value = true;
        let ret = self.ret;
        self.unify(
            value.pos,
            "this function returns values of two types",
            ret,
            value.ty,
        );
        Some(value)
    }

    fn declare(
        &mut self,
        (name, name_pos): (&str, Pos),
        constant: bool,
        value: Option<&tree::Expr>,
        pos: Pos,
        out: &mut Vec<Stmt>,
    ) {
        if let Some(value) = value.filter(|value| super::makes_array(value)) {
            return self.declare_array((name, name_pos), constant, value, pos, out);
        }
        let value = match value {
            Some(value) => self.value(value),
            None => {
                let (ty, kind) = (self.types().fresh(), ExprKind::Const(0));
                Expr { pos, ty, kind }
            }
        };
        if matches!(self.types().get(value.ty), Type::Array(..)) {
            let help = "copy its elements in a loop, or use the array itself";
            self.error(value.pos, "arrays cannot be copied as a whole", help);
        }
        let is_number = matches!(value.kind, ExprKind::Const(_) | ExprKind::Text(_));
        if constant && is_number {
            return self.bind(name, Binding::Value(value), name_pos);
        }
        let ty = value.ty;
        let ty = match self.types().whence(ty) {
            // The place where its type became known is its own.
            (Type::Unknown, _) => ty,
            (Type::Array(..), _) => self.types().fresh(),
            (what, _) => self.types().known(what, name_pos),
        };
        let var = self.new_var(name.into(), ty, 1, VarKind::Local);
        self.used(var);
        let kind = StmtKind::Store(Place::Var(var), value);
        out.push(Stmt { pos, kind });
        out.push(Stmt {
            pos,
            kind: StmtKind::Declare(var),
        });
        self.bind(name, Binding::Word { var, constant }, name_pos);
    }

    fn declare_array(
        &mut self,
        (name, name_pos): (&str, Pos),
        constant: bool,
        value: &tree::Expr,
        pos: Pos,
        out: &mut Vec<Stmt>,
    ) {
        let of = self.types().fresh();
        let items = match &value.kind {
            tree::ExprKind::Array(items) => Some(self.items(items, of)),
            _ => None,
        };
        let len = match (&items, &value.kind) {
            (Some(items), _) => items.len() as u32,
            (None, tree::ExprKind::Call(_, args)) => {
                let len = self.value(&args[0]);
                self.checker.array_len(&len)
            }
            _ => 1,
        };
        if len == 0 || len > 1 << 16 {
            let help = "declare it outside functions, or `mmap` memory";
            let message = "an array in a function must have 1 to 65536 elements";
            self.error(value.pos, message, help);
        }
        let ty = self.types().known(Type::Array(of, Some(len)), name_pos);
        let var = self.new_var(name.into(), ty, len.max(1), VarKind::Local);
        self.vars[var].addressed = true;
        let kind = items.map_or(StmtKind::Clear(var), |items| StmtKind::Fill(var, items));
        out.push(Stmt { pos, kind });
        out.push(Stmt {
            pos,
            kind: StmtKind::Declare(var),
        });
        self.bind(name, Binding::Inline { var, constant }, name_pos);
    }

    fn items(&mut self, items: &[tree::Expr], of: super::Ty) -> Vec<Expr> {
        let mut values = Vec::new();
        for item in items {
            if super::makes_array(item) {
                let help = "use one array, and `a[i * width + j]`";
                self.error(item.pos, "an array cannot contain arrays", help);
                continue;
            }
            let value = self.value(item);
            self.types().unify_loosely(of, value.ty);
            values.push(value);
        }
        values
    }

    fn assign(&mut self, op: Option<BinOp>, target: &tree::Expr, value: &tree::Expr) -> StmtKind {
        if super::makes_array(value) {
            let help = "the elements of an array are set where it is declared; assign them one by \
                 one here";
            self.error(value.pos, "arrays cannot be assigned as a whole", help);
            return StmtKind::Continue;
        }
        let value = self.value(value);
        let Some((place, ty)) = self.place_to_change(target) else {
            return StmtKind::Expr(value);
        };
        let name = match &target.kind {
            tree::ExprKind::Name(name) => format!("`{name}` is assigned values of two types"),
            _ => "this is assigned values of two types".to_owned(),
        };
        let Some(op) = op else {
            self.unify(value.pos, &name, ty, value.ty);
            return StmtKind::Store(place, value);
        };
        if matches!(op, BinOp::Add) && self.types().get(value.ty) == Type::Str {
            self.refuse_text_building(value.pos);
            return StmtKind::Expr(value);
        }
        if !matches!(op, BinOp::And | BinOp::Or | BinOp::Xor) {
            let int = self.types().known(Type::Int, target.pos);
            self.unify(target.pos, "arithmetic needs numbers", int, ty);
        }
        self.unify(value.pos, &name, ty, value.ty);
        if op == BinOp::Pow {
            let pos = target.pos;
            let now = Expr {
                pos,
                ty,
                kind: ExprKind::Read(place.clone()),
            };
            let power = self.library_call("pow", vec![now, value], pos);
            return StmtKind::Store(place, power);
        }
        StmtKind::Update(op, place, value)
    }

    pub(super) fn refuse_text_building(&mut self, pos: Pos) {
        let help = "put it together in `print`, or print the pieces one after another";
        self.error(pos, "programs have no strings of varying length", help);
    }

    pub(super) fn condition(&mut self, cond: &tree::Expr) -> Expr {
        let cond = self.value(cond);
        let (what, _) = self.types().whence(cond.ty);
        if what == Type::Int {
            let help = "write `x != 0`";
            self.error(
                cond.pos,
                "a condition must be a boolean, not a number",
                help,
            );
            return cond;
        }
        let bool = self.types().known(Type::Bool, cond.pos);
        self.unify(cond.pos, "a condition must be a boolean", bool, cond.ty);
        cond
    }

    /// Unifies two types, or reports that they differ.
    pub(super) fn unify(&mut self, pos: Pos, what: &str, left: super::Ty, right: super::Ty) {
        if let Err(conflict) = self.types().unify(left, right) {
            self.checker.conflict(pos, what, conflict);
        }
    }

    pub(super) fn inside_loop(&mut self, pos: Pos, word: &str) {
        if self.loops.is_empty() {
            let message = format!("`{word}` is outside a loop");
            self.checker.report(Diagnostic::new(pos, message));
        }
    }
}
