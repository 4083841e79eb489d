//! Built-in functions that become instructions: addresses, memory, unsigned arithmetic, atomic
//! operations, assertions; and functions that scripts have but programs do not.

use super::super::argument::first_argument;
use super::super::checked::{Atomic, Block, Callee, Expr, ExprKind, Size, Stmt, StmtKind};
use super::super::tree::{self, BinOp, Pos, UnOp};
use super::super::types::Type;
use super::access::memory;
use super::function::FunctionChecker;

/// Their names and parameters.
pub(super) const NAMES: [(&str, &str); 26] = [
    ("addr", "variable"),
    ("load", "addr"),
    ("load8", "addr"),
    ("load16", "addr"),
    ("store", "addr, value"),
    ("store8", "addr, value"),
    ("store16", "addr, value"),
    ("udiv", "a, b"),
    ("umod", "a, b"),
    ("ult", "a, b"),
    ("cmpxchg", "addr, old, new"),
    ("xchg", "addr, value"),
    ("xadd", "addr, value"),
    ("assert", "condition, text"),
    ("print", "text"),
    ("len", "array"),
    ("str", "addr"),
    ("to_int", "value"),
    ("to_char", "value"),
    ("array", "length"),
    (
        "clone",
        "function, stack, flags, arg, parent_tid, tls, child_tid",
    ),
    ("syscall", "number, ..."),
    ("abs", "number"),
    ("set_gs", "selector"),
    ("load_gs", "offset"),
    ("store_gs", "offset, value"),
];

/// What to use instead of a function that only scripts have.
pub(super) fn foreign(name: &str) -> Option<&'static str> {
    Some(match name {
        "push" | "pop" | "insert" | "remove" | "append" | "extend" | "clear" | "shift"
        | "truncate" | "splice" | "pad" => {
            "an array has a fixed size: declare it with `array(100)` and keep count of its \
             elements"
        }
        "to_string" | "sub_string" | "split" | "trim" | "contains" | "replace" | "to_upper"
        | "to_lower" => {
            "strings can only be put together in `print`; read their bytes with \
             `load8`"
        }
        "map" | "filter" | "reduce" | "for_each" | "sort" | "index_of" | "reverse" => "use a loop",
        "keys" | "values" | "get" | "set" => "use an array, or several variables",
        "spawn" | "tick" | "run" | "boot" | "ps" | "step" | "expect" | "predict" | "trace" => {
            "it controls the machine from outside: call it in the script"
        }
        "sqrt" | "sin" | "cos" | "floor" | "to_float" | "parse_float" => {
            "programs only compute with integers"
        }
        _ => return None,
    })
}

impl FunctionChecker<'_, '_> {
    /// A call of a built-in function, if the name is one.
    pub(super) fn builtin(&mut self, name: &str, args: &[tree::Expr], pos: Pos) -> Option<Expr> {
        let (_, params) = NAMES.iter().find(|(other, _)| *other == name)?;
        let value = match (name, args) {
            ("addr", [of]) => self.address_of(of, pos),
            ("load", [addr]) => self.load(Size::Word, addr, pos),
            ("load16", [addr]) => self.load(Size::Half, addr, pos),
            ("load8", [addr]) => self.load(Size::Byte, addr, pos),
            ("store", [addr, value]) => self.store(Size::Word, addr, value, pos),
            ("store16", [addr, value]) => self.store(Size::Half, addr, value, pos),
            ("store8", [addr, value]) => self.store(Size::Byte, addr, value, pos),
            ("udiv", [a, b]) => self.calculation(BinOp::UDiv, a, b, Type::Int, pos),
            ("umod", [a, b]) => self.calculation(BinOp::URem, a, b, Type::Int, pos),
            ("ult", [a, b]) => self.calculation(BinOp::Below, a, b, Type::Bool, pos),
            ("cmpxchg", [_, _, _]) => self.atomic(Atomic::CompareExchange, args, pos),
            ("xchg", [_, _]) => self.atomic(Atomic::Exchange, args, pos),
            ("xadd", [_, _]) => self.atomic(Atomic::Add, args, pos),
            ("assert", [cond]) => self.assertion(cond, None, pos),
            ("assert", [cond, text]) => self.assertion(cond, Some(text), pos),
            ("print", _) => self.print(args, pos),
            ("len", [array]) => self.length(array, pos),
            ("str", [addr]) => self.as_type(addr, Type::Str, pos),
            ("to_int", [value]) => self.as_type(value, Type::Int, pos),
            ("to_char", [value]) => self.as_type(value, Type::Char, pos),
            ("abs", [value]) => {
                let value = self.int(value);
                self.library_call("abs", vec![value], pos)
            }
            ("array", [_]) => {
                let help = "declare it first: `let a = array(100);`";
                self.error(pos, "an array must be stored in a variable", help);
                self.refused(pos)
            }
            ("clone", [_, _, _, ..]) if args.len() <= 7 => self.stub("clone", args, 7, pos),
            ("set_gs", [_]) => self.stub("set_gs", args, 1, pos),
            ("load_gs", [_]) => self.stub("load_gs", args, 1, pos),
            ("store_gs", [_, _]) => self.stub("store_gs", args, 2, pos),
            ("syscall", [_, ..]) if args.len() <= 7 => {
                self.in_memory = true;
                self.stub("syscall", args, 7, pos)
            }
            _ => {
                let message = format!("`{name}` does not take {} arguments", args.len());
                self.error(pos, &message, &format!("`{name}({params})`"));
                self.refused(pos)
            }
        };
        Some(value)
    }

    fn stub(&mut self, name: &'static str, args: &[tree::Expr], most: usize, pos: Pos) -> Expr {
        let mut values = self.words(args);
        while values.len() < most {
            values.push(self.make(pos, Type::Int, ExprKind::Const(0)));
        }
        self.make(pos, Type::Int, ExprKind::Call(Callee::Stub(name), values))
    }

    fn load(&mut self, size: Size, addr: &tree::Expr, pos: Pos) -> Expr {
        let addr = self.value(addr);
        self.make(pos, Type::Int, ExprKind::Read(memory(size, addr)))
    }

    fn store(&mut self, size: Size, addr: &tree::Expr, value: &tree::Expr, pos: Pos) -> Expr {
        let addr = self.value(addr);
        let value = self.value(value);
        let kind = StmtKind::Store(memory(size, addr), value);
        let block = Block {
            stmts: vec![Stmt { pos, kind }],
            ..Block::default()
        };
        self.make(pos, Type::Unit, ExprKind::Block(Box::new(block)))
    }

    fn calculation(
        &mut self,
        op: BinOp,
        a: &tree::Expr,
        b: &tree::Expr,
        what: Type,
        pos: Pos,
    ) -> Expr {
        let (a, b) = (self.value(a), self.value(b));
        self.operation(op, a, b, what, pos)
    }

    fn atomic(&mut self, op: Atomic, args: &[tree::Expr], pos: Pos) -> Expr {
        let values = self.words(args);
        self.make(pos, Type::Int, ExprKind::Atomic(op, values))
    }

    fn assertion(&mut self, cond: &tree::Expr, text: Option<&tree::Expr>, pos: Pos) -> Expr {
        let why = text.map_or_else(String::new, |text| self.reason(text));
        let place = (self.checker.sources.place)(pos);
        let written = first_argument(self.checker.sources.script.source(), pos);
        let failed = format!("{place}: assertion failed: {written}");
        self.open();
        let mut stmts = Vec::new();
        let cond = self.condition(cond);
        let (holds, call) = self.checked_condition(cond, (&failed, &why), &mut stmts, pos);
        let then = Block {
            stmts: vec![Stmt {
                pos,
                kind: StmtKind::Expr(call),
            }],
            ..Block::default()
        };
        let holds_not = self.make(pos, Type::Bool, ExprKind::Unary(UnOp::Not, Box::new(holds)));
        let kind = ExprKind::If(Box::new(holds_not), Box::new(then), None);
        let check = self.make(pos, Type::Unit, kind);
        stmts.push(Stmt {
            pos,
            kind: StmtKind::Expr(check),
        });
        let block = Block {
            stmts,
            vars: self.close(),
            ..Block::default()
        };
        self.make(pos, Type::Unit, ExprKind::Block(Box::new(block)))
    }

    /// The message that the programmer gives an assertion, after a colon.
    fn reason(&mut self, text: &tree::Expr) -> String {
        if let tree::ExprKind::Str(text) = &text.kind {
            return format!(": {text}");
        }
        let help = "write the string here, in quotes";
        let message = "the message of an assertion must be a constant string";
        self.error(text.pos, message, help);
        String::new()
    }

    /// The condition of an assertion, and the call that reports it as false. The sides of a
    /// comparison are evaluated once and shown.
    fn checked_condition(
        &mut self,
        cond: Expr,
        (failed, why): (&str, &str),
        stmts: &mut Vec<Stmt>,
        pos: Pos,
    ) -> (Expr, Expr) {
        let at = cond.pos;
        let (op, left, right) = match cond.kind {
            ExprKind::Binary(op, left, right) if op.compares() && !op.symbol().is_empty() => {
                (op, self.keep(*left, stmts), self.keep(*right, stmts))
            }
            _ => {
                let text = self.text(&format!("{failed}{why}\n"), pos);
                return (cond, self.library_call("assertion_failed", vec![text], pos));
            }
        };
        let [a, b] = [&left, &right].map(|side| self.conversion(side));
        let [failed, why] = [failed, why].map(|text| text.replace('%', "%%"));
        let pattern = format!("{failed} ({a} {} {b}){why}\n", op.symbol());
        let pattern = self.text(&pattern, pos);
        let arguments = vec![pattern, left.clone(), right.clone()];
        let call = self.library_call("comparison_failed", arguments, pos);
        (self.operation(op, left, right, Type::Bool, at), call)
    }

    /// How `format` shows a value of its type.
    fn conversion(&mut self, value: &Expr) -> &'static str {
        match self.types().get(value.ty) {
            Type::Bool => "%b",
            Type::Char => "%c",
            _ => "%d",
        }
    }
}
