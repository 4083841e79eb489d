//! The state of checking a function: its variables and their scopes.

use super::super::checked::{Block, Expr, Function, FunctionId, StmtKind, Var, VarId, VarKind};
use super::super::tree::{self, Diagnostic, Pos};
use super::super::types::{Ty, Type};
use super::{Bound, Checker};
use std::sync::Arc;

/// The meaning of a name in a scope.
#[derive(Clone)]
pub(super) enum Binding {
    /// A variable of one word.
    Word {
        var: VarId,
        constant: bool,
    },
    /// An array in the frame.
    Inline {
        var: VarId,
        constant: bool,
    },
    /// A variable of the function that created the closure; its address is in a variable.
    Captured {
        var: VarId,
        ty: Ty,
        inline: bool,
        constant: bool,
    },
    Global {
        id: usize,
        constant: bool,
    },
    Value(Expr),
}

/// A loop around the current place.
pub(super) struct Around {
    /// The type of the value of its `break`, if it may have one.
    pub(super) value: Option<Ty>,
    pub(super) breaks: bool,
}

/// What happens to the value of an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// It is discarded.
    Nothing,
    /// It is the value of the function, if it has one.
    Tail,
    Value,
}

/// A function being checked.
pub(super) struct FunctionChecker<'c, 'a> {
    pub(super) checker: &'c mut Checker<'a>,
    pub(super) vars: Vec<Var>,
    /// Which variables have been, or may have been, assigned to since they were declared.
    pub(super) assigned: Vec<bool>,
    pub(super) scopes: Vec<Vec<(String, Binding, Pos)>>,
    /// Variables declared in each open scope.
    pub(super) declared: Vec<Vec<VarId>>,
    pub(super) loops: Vec<Around>,
    pub(super) ret: Ty,
    pub(super) has_value: bool,
    pub(super) library: bool,
    pub(super) in_memory: bool,
    /// Whether this is no function but a constant expression outside functions.
    pub(super) outside: bool,
}

impl<'c, 'a> FunctionChecker<'c, 'a> {
    fn new(checker: &'c mut Checker<'a>, ret: Ty) -> Self {
        Self {
            checker,
            vars: Vec::new(),
            assigned: Vec::new(),
            scopes: vec![Vec::new()],
            declared: vec![Vec::new()],
            loops: Vec::new(),
            ret,
            has_value: false,
            library: false,
            in_memory: false,
            outside: false,
        }
    }

    /// Checks a function whose signature is known.
    pub(super) fn check(checker: &'c mut Checker<'a>, id: FunctionId, source: &tree::Function) {
        let signature = &checker.signatures[id];
        let (ret, name) = (signature.ret, signature.shown.clone());
        let params = signature.params.clone();
        let captures = signature.captures.clone();
        let is_entry = id == checker.entry;
        let mut this = Self::new(checker, ret);
        this.library = source.library;
        let own = source.params.iter().skip(captures.len());
        for (param, ty) in own.zip(&params) {
            this.param(param, *ty, source.body.pos);
        }
        this.captures(&captures);
        let keep_tail = !(is_entry && source.ends_with_semicolon);
        let body = this.body(id, &source.body, keep_tail);
        let function = Function {
            name,
            pos: source.body.pos,
            end: source.body.end,
            body,
            ret,
            library: source.library,
            in_memory: this.in_memory,
            vars: this.vars,
        };
        let has_value = this.has_value;
        let checker = this.checker;
        checker.signatures[id].has_value |= has_value;
        checker.functions.insert(id, function);
    }

    /// Checks a constant expression outside functions.
    pub(super) fn constant(checker: &'c mut Checker<'a>, value: &tree::Expr) -> Expr {
        let ret = checker.types.fresh();
        let mut this = Self::new(checker, ret);
        this.outside = true;
        this.value(value)
    }

    fn param(&mut self, name: &str, ty: Ty, pos: Pos) {
        let var = self.new_var(name.into(), ty, 1, VarKind::Param);
        let binding = Binding::Word {
            var,
            constant: false,
        };
        self.bind(name, binding, pos);
    }

    /// Binds the captured names.
    fn captures(&mut self, captures: &[super::Capture]) {
        for capture in captures {
            let (binding, pos) = match &capture.bound {
                Bound::ByName => continue,
                Bound::Value(value) => (Binding::Value(value.clone()), value.pos),
                Bound::Global(id) => {
                    let (id, constant) = (*id, false);
                    (Binding::Global { id, constant }, Pos::default())
                }
                Bound::Address {
                    ty,
                    inline,
                    constant,
                    pos,
                } => {
                    let name: Arc<str> = capture.name.as_str().into();
                    let var = self.new_var(name, *ty, 1, VarKind::Captured);
                    let binding = Binding::Captured {
                        var,
                        ty: *ty,
                        inline: *inline,
                        constant: *constant,
                    };
                    (binding, *pos)
                }
            };
            self.bind(&capture.name, binding, pos);
        }
    }

    fn body(&mut self, id: FunctionId, source: &tree::Block, keep_tail: bool) -> Block {
        let want = if keep_tail { Want::Tail } else { Want::Nothing };
        let mut body = self.block(source, want);
        let Some(value) = body.value.take() else {
            return body;
        };
        let fits = match self.types().get(value.ty) {
            Type::Unit => false,
            Type::Array(..) => {
                self.refuse_array_result(value.pos);
                true
            }
            _ => self.checker.types.unify(self.ret, value.ty).is_ok(),
        };
        if !fits {
            // A function that returns something else elsewhere, or prints, is not meant to return
            // this value.
            let (pos, kind) = (value.pos, StmtKind::Expr(*value));
            body.stmts.push(super::super::checked::Stmt { pos, kind });
            return body;
        }
        match called(&value) {
            Some(other) => self.checker.signatures[id].value_from = Some(other),
            None => self.has_value = true,
        }
        body.value = Some(value);
        body
    }

    pub(super) fn refuse_array_result(&mut self, pos: Pos) {
        let help = "let the caller create the array and pass it: arrays are passed by address";
        self.error(pos, "a function cannot return an array", help);
    }

    pub(super) fn types(&mut self) -> &mut super::super::types::Types {
        &mut self.checker.types
    }

    pub(super) fn error(&mut self, pos: Pos, message: &str, help: &str) {
        self.checker
            .report(Diagnostic::new(pos, message).help(help));
    }

    pub(super) fn new_var(&mut self, name: Arc<str>, ty: Ty, words: u32, kind: VarKind) -> VarId {
        self.vars.push(Var {
            name,
            ty,
            words,
            kind,
            addressed: false,
            weight: 0,
        });
        self.assigned.push(false);
        let id = self.vars.len() - 1;
        if let Some(declared) = self.declared.last_mut() {
            declared.push(id);
        }
        id
    }

    /// A variable that the compiler needs for itself.
    pub(super) fn hidden(&mut self, what: Type, pos: Pos) -> VarId {
        let ty = self.types().known(what, pos);
        self.new_var("".into(), ty, 1, VarKind::Local)
    }

    pub(super) fn bind(&mut self, name: &str, binding: Binding, pos: Pos) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name.to_owned(), binding, pos));
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<(Binding, Pos)> {
        let mut names = self
            .scopes
            .iter()
            .rev()
            .flat_map(|scope| scope.iter().rev());
        let found = names.find(|(other, ..)| other == name)?;
        Some((found.1.clone(), found.2))
    }

    /// Counts a use of a variable.
    pub(super) fn used(&mut self, var: VarId) {
        let depth = self.loops.len().min(6) as u32;
        let weight = &mut self.vars[var].weight;
        *weight = weight.saturating_add(8_u32.pow(depth));
    }
}

/// The function that an expression calls for its value.
fn called(value: &Expr) -> Option<FunctionId> {
    use super::super::checked::{Callee, ExprKind};
    match &value.kind {
        ExprKind::Call(Callee::Function(id), _) => Some(*id),
        _ => None,
    }
}
