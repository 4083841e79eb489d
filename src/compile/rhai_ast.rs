//! From Rhai's tree to ours. This is the only file that knows the contents of Rhai's nodes.

use super::semicolon;
use super::tree::{BinOp, Block, Diagnostic, Expr, ExprKind, Function, Pos, Stmt, StmtKind, UnOp};
use rhai::{
    AST, ASTFlags, ASTNode, Dynamic, Expr as RhaiExpr, FnCallExpr, FnPtr, OpAssignment, Position,
    Stmt as RhaiStmt, StmtBlock, Token,
};

/// The prefix of Rhai's names for closures.
const CLOSURE: &str = "anon$";

/// The functions of a script.
pub(super) struct Functions<'a> {
    ast: &'a AST,
    source: &'a str,
    library: bool,
}

/// A top-level variable or constant of a script.
pub(super) struct TopLevel {
    pub(super) name: String,
    pub(super) pos: Pos,
    pub(super) constant: bool,
    pub(super) value: Expr,
}

/// Whether a name is one that Rhai gave to a closure.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with(CLOSURE)
}

impl<'a> Functions<'a> {
    /// The text that positions refer to.
    pub(super) const fn source(&self) -> &'a str {
        self.source
    }

    pub(super) const fn of_script(ast: &'a AST, source: &'a str) -> Self {
        Self {
            ast,
            source,
            library: false,
        }
    }

    pub(super) const fn of_library(ast: &'a AST, source: &'a str) -> Self {
        Self {
            ast,
            source,
            library: true,
        }
    }

    /// The name and number of parameters of every function.
    pub(super) fn signatures(&self) -> Vec<(String, usize)> {
        let mut all: Vec<(String, usize)> = self
            .ast
            .iter_fn_def()
            .map(|def| (def.name.to_string(), def.params.len()))
            .collect();
        all.sort();
        all
    }

    /// A function, with the problems found while converting it.
    pub(super) fn get(&self, name: &str, arity: usize) -> Option<(Function, Vec<Diagnostic>)> {
        let def = self
            .ast
            .iter_fn_def()
            .find(|def| def.name == name && def.params.len() == arity)?;
        let mut reader = Reader::default();
        let (start, end) = (def.body.start_position(), def.body.end_position());
        let mut stmts = Vec::new();
        // The type of a function's body is private to Rhai, but a walk over a tree that contains
        // only this function reaches it.
        let mut alone = self.ast.clone();
        alone.clear_statements();
        alone.retain_functions(|_, _, other, params| other == name && params == arity);
        alone.walk(&mut |path: &[ASTNode<'_>]| {
            if let [ASTNode::Stmt(stmt)] = path {
                stmts.extend(reader.stmt(stmt));
            }
            true
        });
        let first = stmts.first().map(|stmt: &Stmt| stmt.pos);
        let pos = place(start);
        let pos = if pos.line == 0 {
            first.unwrap_or(pos)
        } else {
            pos
        };
        let function = Function {
            params: def.params.iter().map(ToString::to_string).collect(),
            body: Block {
                pos,
                end: place(end),
                stmts,
            },
            ends_with_semicolon: semicolon::before_end(self.source, place(start), place(end)),
            library: self.library,
        };
        Some((function, reader.diagnostics))
    }

    /// Top-level variables and constants.
    pub(super) fn top_level(&self) -> Vec<TopLevel> {
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for stmt in self.ast.statements() {
            if let RhaiStmt::Var(var, flags, pos) = stmt {
                all.push(TopLevel {
                    name: var.0.name.to_string(),
                    pos: place(*pos),
                    constant: flags.contains(ASTFlags::CONSTANT),
                    value: reader.expr(&var.1),
                });
            }
        }
        all
    }
}

/// Variables of a session, as if they were declared at the top of a script.
pub(super) fn variables(variables: &[(String, Dynamic, bool)]) -> Vec<TopLevel> {
    let pos = Pos::default();
    let declare = |(name, value, constant): &(String, Dynamic, bool)| TopLevel {
        name: name.clone(),
        pos,
        constant: *constant,
        value: literal(value, pos).unwrap_or(Expr {
            pos,
            kind: ExprKind::Refused,
        }),
    };
    variables.iter().map(declare).collect()
}

/// A value of a script as an expression, if programs support it.
pub(super) fn literal(value: &Dynamic, pos: Pos) -> Option<Expr> {
    let value = value.flatten_clone();
    let kind = if let Ok(int) = value.as_int() {
        ExprKind::Int(int)
    } else if let Ok(bool) = value.as_bool() {
        ExprKind::Bool(bool)
    } else if let Ok(char) = value.as_char() {
        ExprKind::Char(char)
    } else if let Ok(text) = value.as_immutable_string_ref() {
        ExprKind::Str(text.to_string())
    } else if let Ok(array) = value.as_array_ref() {
        let items = array.iter().map(|item| literal(item, pos));
        ExprKind::Array(items.collect::<Option<_>>()?)
    } else if let Some(pointer) = value.read_lock::<FnPtr>() {
        if pointer.is_curried() {
            return None;
        }
        ExprKind::Closure {
            function: pointer.fn_name().to_owned(),
            captures: Vec::new(),
        }
    } else {
        return None;
    };
    Some(Expr { pos, kind })
}

fn place(position: Position) -> Pos {
    Pos {
        line: position.line().unwrap_or(0) as u32,
        column: position.position().unwrap_or(0) as u32,
    }
}

/// Converts statements and expressions, and collects what it must reject.
#[derive(Default)]
struct Reader {
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn refuse(&mut self, pos: Pos, what: &str, help: &str) -> ExprKind {
        let message = format!("programs have no {what}");
        let diagnostic = Diagnostic::new(pos, message).help(help);
        self.diagnostics.push(diagnostic);
        ExprKind::Refused
    }

    fn refused(&mut self, pos: Pos, what: &str, help: &str) -> StmtKind {
        let kind = self.refuse(pos, what, help);
        StmtKind::Expr(Expr { pos, kind })
    }

    fn block(&mut self, block: &StmtBlock) -> Block {
        Block {
            pos: place(block.position()),
            end: place(block.end_position()),
            stmts: block.iter().filter_map(|stmt| self.stmt(stmt)).collect(),
        }
    }

    fn stmt(&mut self, stmt: &RhaiStmt) -> Option<Stmt> {
        let mut pos = place(stmt.position());
        let kind = match stmt {
            RhaiStmt::Noop(_) | RhaiStmt::Share(_) => return None,
            RhaiStmt::Var(var, flags, _) => self.declaration(var, *flags, pos),
            RhaiStmt::Assignment(assignment) => {
                pos = place(assignment.1.lhs.start_position());
                self.assignment(assignment)
            }
            RhaiStmt::While(..) | RhaiStmt::Do(..) | RhaiStmt::For(..) => self.repetition(stmt),
            RhaiStmt::BreakLoop(value, flags, _) => {
                let value = value.as_ref().map(|value| self.expr(value));
                if flags.contains(ASTFlags::BREAK) {
                    StmtKind::Break(value)
                } else {
                    StmtKind::Continue
                }
            }
            RhaiStmt::Return(value, flags, _) if !flags.contains(ASTFlags::BREAK) => {
                StmtKind::Return(value.as_ref().map(|value| self.expr(value)))
            }
            RhaiStmt::Expr(expr) => StmtKind::Expr(self.expr(expr)),
            RhaiStmt::FnCall(call, at) => {
                let kind = self.call(call, place(*at));
                StmtKind::Expr(Expr { pos, kind })
            }
            RhaiStmt::If(flow, _) => {
                let kind = self.condition(flow);
                StmtKind::Expr(Expr { pos, kind })
            }
            RhaiStmt::Block(block) => {
                let kind = ExprKind::Block(self.block(block));
                StmtKind::Expr(Expr { pos, kind })
            }
            other => self.foreign(other, pos),
        };
        Some(Stmt { pos, kind })
    }

    /// A statement that programs do not support.
    fn foreign(&mut self, stmt: &RhaiStmt, pos: Pos) -> StmtKind {
        match stmt {
            RhaiStmt::Switch(..) => self.refused(pos, "`switch`", "use `if` and `else if`"),
            RhaiStmt::Return(..) => self.refused(
                pos,
                "`throw`",
                "return a negative number, as system calls do, or `exit(1)`",
            ),
            RhaiStmt::TryCatch(..) => self.refused(
                pos,
                "`try`",
                "nothing throws an error: a failed system call returns the negative errno",
            ),
            RhaiStmt::Import(..) => self.refused(pos, "`import`", "write the functions here"),
            RhaiStmt::Export(..) => self.refused(pos, "`export`", "leave it out"),
            _ => self.refused(
                pos,
                "such statement",
                "use the statements of docs/programs.md",
            ),
        }
    }

    fn declaration(
        &mut self,
        var: &(rhai::Ident, RhaiExpr, Option<std::num::NonZeroUsize>),
        flags: ASTFlags,
        pos: Pos,
    ) -> StmtKind {
        if flags.contains(ASTFlags::EXPORTED) {
            self.refuse(pos, "`export`", "leave it out");
        }
        let value = match &var.1 {
            RhaiExpr::Unit(_) => None,
            value => Some(self.expr(value)),
        };
        StmtKind::Let {
            name: var.0.name.to_string(),
            name_pos: place(var.0.pos),
            constant: flags.contains(ASTFlags::CONSTANT),
            value,
        }
    }

    fn assignment(&mut self, assignment: &(OpAssignment, rhai::BinaryExpr)) -> StmtKind {
        let op = assignment.0.get_op_assignment_info();
        let op = op.and_then(|(.., symbol)| BinOp::of(symbol));
        StmtKind::Assign {
            op,
            target: self.expr(&assignment.1.lhs),
            value: self.expr(&assignment.1.rhs),
        }
    }

    fn repetition(&mut self, stmt: &RhaiStmt) -> StmtKind {
        match stmt {
            RhaiStmt::While(flow, at) => {
                if matches!(flow.expr, RhaiExpr::Unit(_)) {
                    let kind = ExprKind::Loop(self.block(&flow.body));
                    let pos = place(*at);
                    return StmtKind::Expr(Expr { pos, kind });
                }
                StmtKind::While {
                    cond: self.expr(&flow.expr),
                    body: self.block(&flow.body),
                }
            }
            RhaiStmt::Do(flow, flags, _) => StmtKind::Do {
                body: self.block(&flow.body),
                cond: self.expr(&flow.expr),
                until: flags.contains(ASTFlags::NEGATED),
            },
            RhaiStmt::For(parts, _) => {
                let (name, counter, flow) = &**parts;
                let ident = |ident: &rhai::Ident| (ident.name.to_string(), place(ident.pos));
                StmtKind::For {
                    name: ident(name),
                    counter: counter.as_ref().map(ident),
                    over: self.expr(&flow.expr),
                    body: self.block(&flow.body),
                }
            }
            _ => StmtKind::Continue,
        }
    }

    fn condition(&mut self, flow: &rhai::FlowControl) -> ExprKind {
        let otherwise = (!flow.branch.is_empty()).then(|| self.block(&flow.branch));
        ExprKind::If {
            cond: Box::new(self.expr(&flow.expr)),
            then: self.block(&flow.body),
            otherwise,
        }
    }

    fn expr(&mut self, expr: &RhaiExpr) -> Expr {
        let mut pos = place(expr.start_position());
        let kind = match expr {
            RhaiExpr::IntegerConstant(value, _) => ExprKind::Int(*value),
            RhaiExpr::BoolConstant(value, _) => ExprKind::Bool(*value),
            RhaiExpr::CharConstant(value, _) => ExprKind::Char(*value),
            RhaiExpr::StringConstant(text, _) => ExprKind::Str(text.to_string()),
            RhaiExpr::InterpolatedString(pieces, _) => ExprKind::Format(self.exprs(pieces)),
            RhaiExpr::Array(items, _) => ExprKind::Array(self.exprs(items)),
            RhaiExpr::Unit(_) => ExprKind::Unit,
            RhaiExpr::Variable(var, ..) if var.2.is_empty() => ExprKind::Name(var.1.to_string()),
            RhaiExpr::Stmt(block) => self.block_expr(block),
            RhaiExpr::FnCall(call, at) => {
                let kind = self.call(call, place(*at));
                if let ExprKind::Binary(_, left, _) = &kind {
                    pos = left.pos;
                }
                kind
            }
            RhaiExpr::And(operands, _) => ExprKind::And(self.exprs(operands.iter())),
            RhaiExpr::Or(operands, _) => ExprKind::Or(self.exprs(operands.iter())),
            RhaiExpr::Index(..) | RhaiExpr::Dot(..) => return self.chain(expr),
            RhaiExpr::DynamicConstant(value, _) => match literal(value, pos) {
                Some(expr) => expr.kind,
                None => self.refuse(pos, "such value", "use numbers, texts and arrays"),
            },
            other => self.foreign_expr(other, pos),
        };
        Expr { pos, kind }
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e RhaiExpr>) -> Vec<Expr> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    /// An expression that programs do not support.
    fn foreign_expr(&mut self, expr: &RhaiExpr, pos: Pos) -> ExprKind {
        match expr {
            RhaiExpr::FloatConstant(..) => self.refuse(
                pos,
                "numbers with a fraction",
                "count in smaller units: 1500 ms instead of 1.5 s",
            ),
            RhaiExpr::Map(..) => self.refuse(pos, "maps", "use an array, or several variables"),
            RhaiExpr::ThisPtr(_) => self.refuse(pos, "`this`", "pass the value as a parameter"),
            RhaiExpr::Coalesce(..) => self.refuse(pos, "`??`", "use `if`: nothing is `()`"),
            RhaiExpr::Variable(..) => self.refuse(pos, "modules", "write the functions here"),
            _ => self.refuse(pos, "such expression", "use what docs/programs.md lists"),
        }
    }

    /// Braces as an expression: `if`, `loop`, a closure with its captures, or a block.
    fn block_expr(&mut self, block: &StmtBlock) -> ExprKind {
        match block.statements() {
            [RhaiStmt::Share(_), RhaiStmt::Expr(curry)] => self.closure(curry),
            [RhaiStmt::If(flow, _)] => self.condition(flow),
            [stmt @ RhaiStmt::While(..)] => match self.repetition(stmt) {
                StmtKind::Expr(expr) => expr.kind,
                _ => ExprKind::Block(self.block(block)),
            },
            _ => ExprKind::Block(self.block(block)),
        }
    }

    /// `curry(closure, captured variables)`: a closure with captures.
    fn closure(&mut self, curry: &RhaiExpr) -> ExprKind {
        let pos = place(curry.position());
        let RhaiExpr::FnCall(call, _) = curry else {
            return self.refuse(pos, "such closure", "use a function");
        };
        let mut args = call.args.iter();
        let function = match args.next() {
            Some(RhaiExpr::DynamicConstant(value, _)) => match value.read_lock::<FnPtr>() {
                Some(pointer) => pointer.fn_name().to_owned(),
                None => return self.refuse(pos, "such closure", "use a function"),
            },
            _ => return self.refuse(pos, "such closure", "use a function"),
        };
        let captures = args
            .filter_map(|arg| match arg {
                RhaiExpr::Variable(var, _, at) => Some((var.1.to_string(), place(*at))),
                _ => None,
            })
            .collect();
        ExprKind::Closure { function, captures }
    }

    fn call(&mut self, call: &FnCallExpr, pos: Pos) -> ExprKind {
        if call.is_qualified() {
            return self.refuse(pos, "modules", "write the functions here");
        }
        if call.capture_parent_scope {
            return self.refuse(pos, "calls with `!`", "pass the variables as parameters");
        }
        if call.op_token.is_some() {
            return self.operator(call, pos);
        }
        match (call.name.as_str(), &*call.args) {
            ("Fn", [RhaiExpr::StringConstant(name, _)]) => ExprKind::Closure {
                function: name.to_string(),
                captures: Vec::new(),
            },
            ("curry" | "eval" | "timestamp" | "Fn" | "type_of" | "is_shared" | "is_def_var", _) => {
                let what = format!("`{}`", call.name);
                self.refuse(pos, &what, "it is a function of Rhai's for scripts only")
            }
            ("call", [function, args @ ..]) => {
                let function = Box::new(self.expr(function));
                ExprKind::Method(function, "call".to_owned(), self.exprs(args))
            }
            (name, args) => ExprKind::Call(name.to_owned(), self.exprs(args)),
        }
    }

    fn operator(&mut self, call: &FnCallExpr, pos: Pos) -> ExprKind {
        let mut args = self.exprs(&*call.args).into_iter().map(Box::new);
        match (call.name.as_str(), args.next(), args.next()) {
            ("-", Some(operand), None) => ExprKind::Unary(UnOp::Neg, operand),
            ("!", Some(operand), None) => ExprKind::Unary(UnOp::Not, operand),
            ("+", Some(operand), None) => operand.kind,
            (symbol @ (".." | "..="), Some(from), Some(to)) => ExprKind::Range {
                from,
                to,
                inclusive: symbol == "..=",
            },
            (symbol, Some(left), Some(right)) => match BinOp::of(symbol) {
                Some(op) => ExprKind::Binary(op, left, right),
                None => {
                    let help = match call.op_token {
                        Some(Token::In | Token::NotIn) => "look through the array in a loop",
                        _ => "use the operators of docs/programs.md",
                    };
                    self.refuse(pos, &format!("`{symbol}`"), help)
                }
            },
            (symbol, ..) => self.refuse(pos, &format!("`{symbol}`"), "leave it out"),
        }
    }

    /// `a[i]`, `a.len()` and whatever follows. Rhai nests chains to the right.
    fn chain(&mut self, expr: &RhaiExpr) -> Expr {
        let (RhaiExpr::Index(parts, ..) | RhaiExpr::Dot(parts, ..)) = expr else {
            return self.expr(expr);
        };
        let mut value = self.expr(&parts.lhs);
        let mut link = expr;
        loop {
            let (parts, flags) = match link {
                RhaiExpr::Index(parts, flags, _) | RhaiExpr::Dot(parts, flags, _) => {
                    (parts, *flags)
                }
                _ => return value,
            };
            let next = match &parts.rhs {
                next @ (RhaiExpr::Index(inner, ..) | RhaiExpr::Dot(inner, ..))
                    if !flags.contains(ASTFlags::BREAK) =>
                {
                    Some((next, &inner.lhs))
                }
                _ => None,
            };
            let operand = next.map_or(&parts.rhs, |(_, operand)| operand);
            value = self.link(value, matches!(link, RhaiExpr::Index(..)), operand, flags);
            match next {
                Some((next, _)) => link = next,
                None => return value,
            }
        }
    }

    /// One link of a chain.
    fn link(&mut self, value: Expr, index: bool, operand: &RhaiExpr, flags: ASTFlags) -> Expr {
        let pos = value.pos;
        if flags.contains(ASTFlags::NEGATED) {
            self.refuse(pos, "`?.` and `?[`", "nothing is `()`: use `.` and `[`");
        }
        let value = Box::new(value);
        let kind = match operand {
            operand if index => ExprKind::Index(value, Box::new(self.expr(operand))),
            RhaiExpr::MethodCall(call, _) => {
                let args = self.exprs(&*call.args);
                ExprKind::Method(value, call.name.to_string(), args)
            }
            RhaiExpr::Property(property, _) if property.2 == "len" => {
                ExprKind::Method(value, "len".to_owned(), Vec::new())
            }
            other => {
                let at = place(other.start_position());
                self.refuse(at, "properties", "use several variables, or an array")
            }
        };
        Expr { pos, kind }
    }
}
