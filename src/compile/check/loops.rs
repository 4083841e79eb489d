//! Checks loops.

use super::super::checked::{
    Base, Block, Expr, ExprKind, For, Memory, Place, Size, Stmt, StmtKind, VarId, VarKind,
};
use super::super::tree::{self, BinOp, Pos};
use super::super::types::{Ty, Type};
use super::function::{Around, Binding, FunctionChecker, Want};

impl FunctionChecker<'_, '_> {
    pub(super) fn while_loop(&mut self, cond: &tree::Expr, body: &tree::Block) -> StmtKind {
        // The condition is evaluated as often as the body.
        self.loops.push(Around {
            value: None,
            breaks: false,
        });
        let cond = self.condition(cond);
        self.loops.pop();
        let (body, _) = self.loop_body(body, None);
        StmtKind::While(cond, body)
    }

    /// Checks a body; also returns whether it contains a `break`.
    pub(super) fn loop_body(&mut self, body: &tree::Block, value: Option<Ty>) -> (Block, bool) {
        self.loops.push(Around {
            value,
            breaks: false,
        });
        let body = self.block(body, Want::Nothing);
        let breaks = self.loops.pop().is_some_and(|around| around.breaks);
        (body, breaks)
    }

    pub(super) fn break_loop(&mut self, value: Option<&tree::Expr>, pos: Pos) -> StmtKind {
        self.inside_loop(pos, "break");
        let value = value.map(|value| self.value(value));
        let Some(around) = self.loops.last_mut() else {
            return StmtKind::Break(None);
        };
        around.breaks = true;
        let wanted = around.value;
        match (&value, wanted) {
            (Some(value), Some(ty)) => {
                self.unify(value.pos, "this loop has values of two types", ty, value.ty);
            }
            (None, Some(_)) => {
                let help = "write `break` with a value";
                self.error(pos, "the value of this loop is used", help);
            }
            _ => {}
        }
        StmtKind::Break(value)
    }

    pub(super) fn for_loop(
        &mut self,
        name: &(String, Pos),
        counter: Option<&(String, Pos)>,
        over: &tree::Expr,
        body: &tree::Block,
        pos: Pos,
        out: &mut Vec<Stmt>,
    ) {
        self.open();
        let kind = match &over.kind {
            tree::ExprKind::Range {
                from,
                to,
                inclusive,
            } => self.over_range(name, counter, (from, to, *inclusive), body, out),
            tree::ExprKind::Call(word, args) if word == "range" && args.len() == 2 => {
                self.over_range(name, counter, (&args[0], &args[1], false), body, out)
            }
            _ => self.over_array(name, counter, over, body, out),
        };
        let vars = self.close();
        if let Some(mut turns) = kind {
            turns.vars = vars;
            let kind = StmtKind::For(Box::new(turns));
            out.push(Stmt { pos, kind });
        }
    }

    fn int_var(&mut self, name: &(String, Pos)) -> VarId {
        let ty = self.types().known(Type::Int, name.1);
        let var = self.new_var(name.0.as_str().into(), ty, 1, VarKind::Local);
        let constant = false;
        self.bind(&name.0, Binding::Word { var, constant }, name.1);
        var
    }

    fn over_range(
        &mut self,
        name: &(String, Pos),
        counter: Option<&(String, Pos)>,
        (from, to, inclusive): (&tree::Expr, &tree::Expr, bool),
        body: &tree::Block,
        out: &mut Vec<Stmt>,
    ) -> Option<For> {
        let from = self.int(from);
        let to = self.int(to);
        let to = self.keep(to, out);
        let var = self.int_var(name);
        let turn = counter.map(|counter| self.int_var(counter));
        let body = self.counted_body(body);
        let changed = self.assigned[var] || self.vars[var].addressed;
        let index = if changed {
            self.hidden(Type::Int, name.1)
        } else {
            var
        };
        self.weigh(index, 4);
        if let ExprKind::Read(Place::Var(end)) = to.kind {
            self.weigh(end, 2);
        }
        let mut first = Vec::new();
        if changed {
            first.push(self.copy(var, Place::Var(index), name.1));
            first.push(declare(var, name.1));
        }
        if let Some(turn) = turn {
            first.push(self.turn(turn, index, &from)?);
            first.push(declare(turn, name.1));
        }
        out.push(store(index, from.clone()));
        out.push(declare(index, name.1));
        Some(For {
            counter: index,
            from,
            to,
            inclusive,
            first,
            body,
            vars: Vec::new(),
        })
    }

    /// How many iterations came before this one.
    fn turn(&mut self, turn: VarId, index: VarId, from: &Expr) -> Option<Stmt> {
        let pos = from.pos;
        if !matches!(from.kind, ExprKind::Const(_)) {
            let help = "count in a variable of your own";
            self.error(
                pos,
                "a second loop variable needs a range that starts with a constant",
                help,
            );
            return None;
        }
        let ty = from.ty;
        let kind = ExprKind::Read(Place::Var(index));
        let now = Expr { pos, ty, kind };
        let kind = match from.kind {
            ExprKind::Const(0) => now.kind,
            _ => ExprKind::Binary(BinOp::Sub, Box::new(now), Box::new(from.clone())),
        };
        Some(store(turn, Expr { pos, ty, kind }))
    }

    fn over_array(
        &mut self,
        name: &(String, Pos),
        counter: Option<&(String, Pos)>,
        over: &tree::Expr,
        body: &tree::Block,
        out: &mut Vec<Stmt>,
    ) -> Option<For> {
        let (base, of, len, ty) = self.array(over)?;
        let Some(len) = len else {
            self.checker.refuse_unknown_length(over.pos);
            return None;
        };
        self.checker.lengths.push((over.pos, ty, len));
        let base = match base {
            Base::Value(value) => Base::Value(self.keep(value, out)),
            base => base,
        };
        let var = self.new_var(name.0.as_str().into(), of, 1, VarKind::Local);
        let constant = false;
        self.bind(&name.0, Binding::Word { var, constant }, name.1);
        let index = match counter {
            Some(counter) => self.int_var(counter),
            None => self.hidden(Type::Int, name.1),
        };
        let body = self.counted_body(body);
        self.weigh(index, 6);
        let int = self.vars[index].ty;
        let number = |value| Expr {
            pos: over.pos,
            ty: int,
            kind: ExprKind::Const(value),
        };
        let at = Expr {
            pos: over.pos,
            ty: int,
            kind: ExprKind::Read(Place::Var(index)),
        };
        let element = Place::Memory(Box::new(Memory {
            size: Size::Word,
            base,
            index: Some(at),
        }));
        let first = vec![self.copy(var, element, name.1), declare(var, name.1)];
        out.push(store(index, number(0)));
        out.push(declare(index, name.1));
        Some(For {
            counter: index,
            from: number(0),
            to: number(len as i32),
            inclusive: false,
            first,
            body,
            vars: Vec::new(),
        })
    }

    fn counted_body(&mut self, body: &tree::Block) -> Block {
        self.loop_body(body, None).0
    }

    fn weigh(&mut self, var: VarId, uses: u32) {
        let depth = (self.loops.len() + 1).min(6) as u32;
        let weight = &mut self.vars[var].weight;
        *weight = weight.saturating_add(uses * 8_u32.pow(depth));
    }

    fn copy(&mut self, to: VarId, from: Place, pos: Pos) -> Stmt {
        self.weigh(to, 1);
        let ty = self.vars[to].ty;
        let kind = ExprKind::Read(from);
        store(to, Expr { pos, ty, kind })
    }

    /// A value that is used several times: a constant, or a variable of its own.
    pub(super) fn keep(&mut self, value: Expr, out: &mut Vec<Stmt>) -> Expr {
        if matches!(value.kind, ExprKind::Const(_)) {
            return value;
        }
        let (pos, ty) = (value.pos, value.ty);
        let var = self.hidden(Type::Int, pos);
        out.push(store(var, value));
        let kind = ExprKind::Read(Place::Var(var));
        Expr { pos, ty, kind }
    }
}

fn store(var: VarId, value: Expr) -> Stmt {
    Stmt {
        pos: value.pos,
        kind: StmtKind::Store(Place::Var(var), value),
    }
}

fn declare(var: VarId, pos: Pos) -> Stmt {
    let kind = StmtKind::Declare(var);
    Stmt { pos, kind }
}
