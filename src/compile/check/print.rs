//! Checks `print`, the only place where strings are put together.

use super::super::checked::{Expr, ExprKind};
use super::super::tree::{self, BinOp, Pos};
use super::super::types::Type;
use super::Home;
use super::function::{Binding, FunctionChecker};

impl FunctionChecker<'_, '_> {
    pub(super) fn print(&mut self, args: &[tree::Expr], pos: Pos) -> Expr {
        let mut pieces = Vec::new();
        match args {
            [] => {}
            [what] => self.pieces(what, &mut pieces),
            _ => {
                let help = "join the pieces: `print(\"a = \" + a + \", b = \" + b)`";
                self.error(pos, "`print` takes one argument", help);
            }
        }
        for piece in &pieces {
            if matches!(self.types().get(piece.ty), Type::Array(..)) {
                let help = "print its elements in a loop, or `addr(a)`";
                self.error(piece.pos, "arrays cannot be printed as a whole", help);
            }
        }
        let constant = pieces
            .iter()
            .all(|piece| matches!(piece.kind, ExprKind::Text(_)));
        if !constant {
            self.checker
                .function("format", 4, Home::Library, Vec::new());
        }
        self.make(pos, Type::Unit, ExprKind::Print(pieces))
    }

    fn pieces(&mut self, expr: &tree::Expr, out: &mut Vec<Expr>) {
        match &expr.kind {
            tree::ExprKind::Format(pieces) => {
                for piece in pieces {
                    self.pieces(piece, out);
                }
            }
            tree::ExprKind::Block(block) if block.stmts.len() == 1 => match &block.stmts[0].kind {
                tree::StmtKind::Expr(expr) => self.pieces(expr, out),
                _ => out.push(self.value(expr)),
            },
            tree::ExprKind::Binary(BinOp::Add, left, right)
                if self.is_text(left) || self.is_text(right) =>
            {
                self.pieces(left, out);
                self.pieces(right, out);
            }
            _ => out.push(self.value(expr)),
        }
    }

    /// Whether a `+` with this operand joins strings.
    fn is_text(&mut self, expr: &tree::Expr) -> bool {
        match &expr.kind {
            tree::ExprKind::Str(_) | tree::ExprKind::Format(_) => true,
            tree::ExprKind::Binary(BinOp::Add, left, right) => {
                self.is_text(left) || self.is_text(right)
            }
            tree::ExprKind::Call(name, args) => name == "str" && args.len() == 1,
            tree::ExprKind::Name(name) => {
                let ty = match self.lookup(name, expr.pos) {
                    Some(Binding::Word { var, .. }) => self.vars[var].ty,
                    Some(Binding::Captured { ty, .. }) => ty,
                    Some(Binding::Value(value)) => value.ty,
                    Some(Binding::Global { id, .. }) => self.checker.globals[id].ty,
                    _ => return false,
                };
                self.types().get(ty) == Type::Str
            }
            _ => false,
        }
    }
}
