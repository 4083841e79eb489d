//! Semantic analysis: resolves names, infers types, and rejects what is outside the dialect,
//! reporting all problems at once.

mod access;
mod builtin;
mod call;
mod constant;
mod expr;
mod function;
mod loops;
mod names;
mod print;
mod stmt;

use super::Entry;
use super::checked::{Function, FunctionId, Global, GlobalId, Program, Word};
use super::rhai_ast::{self, Functions, TopLevel};
use super::tree::{self, Diagnostic, Expr, ExprKind, Pos};
use super::types::{Conflict, Ty, Type, Types};
use function::FunctionChecker;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Where functions, variables and constants come from.
pub(super) struct Sources<'a> {
    pub(super) script: Functions<'a>,
    pub(super) library: Functions<'a>,
    /// Top-level variables and constants.
    pub(super) top_level: Vec<TopLevel>,
    pub(super) constants: &'a dyn Fn(&str) -> Option<i64>,
    /// Names a position for the user of the program.
    pub(super) place: &'a dyn Fn(Pos) -> String,
}

/// Where a function of a program is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    Script,
    Library,
}

impl<'a> Sources<'a> {
    const fn of(&self, home: Home) -> &Functions<'a> {
        match home {
            Home::Script => &self.script,
            Home::Library => &self.library,
        }
    }
}

/// What the callers of a function must know.
struct Signature {
    shown: Arc<str>,
    params: Vec<Ty>,
    ret: Ty,
    captures: Vec<Capture>,
    /// Whether some `return`, or the last expression, has a value.
    has_value: bool,
    /// The function whose value it returns, if it has none of its own.
    value_from: Option<FunctionId>,
}

/// A variable that a closure captures.
#[derive(Clone)]
struct Capture {
    name: String,
    /// How the closure refers to it, by the number of the captured address.
    bound: Bound,
}

/// The kind of a captured name.
#[derive(Clone)]
enum Bound {
    /// A variable of the function that created the closure: its address is passed on.
    Address {
        ty: Ty,
        inline: bool,
        constant: bool,
        pos: Pos,
    },
    Global(GlobalId),
    Value(super::checked::Expr),
    /// It means the same everywhere.
    ByName,
}

/// Everything found so far.
struct Checker<'a> {
    sources: Sources<'a>,
    types: Types,
    signatures: Vec<Signature>,
    by_name: BTreeMap<(Home, String, usize), FunctionId>,
    queue: VecDeque<(FunctionId, tree::Function)>,
    functions: BTreeMap<FunctionId, Function>,
    globals: Vec<Global>,
    /// Top-level names that were looked up, with their meanings.
    resolved: BTreeMap<String, constant::Resolved>,
    resolving: BTreeSet<String>,
    /// Calls whose value is used.
    value_uses: Vec<(Pos, FunctionId)>,
    /// Lengths of arrays that were used, and must not differ later.
    lengths: Vec<(Pos, Ty, u32)>,
    diagnostics: Vec<Diagnostic>,
    entry: FunctionId,
    has_captures: bool,
}

/// Checks everything that can be reached from an entry.
pub(super) fn check(sources: Sources<'_>, entry: &Entry) -> Result<Program, Vec<Diagnostic>> {
    let mut checker = Checker::new(sources);
    checker.start(entry);
    while let Some((id, function)) = checker.queue.pop_front() {
        FunctionChecker::check(&mut checker, id, &function);
    }
    checker.finish()
}

impl<'a> Checker<'a> {
    fn new(sources: Sources<'a>) -> Self {
        Self {
            sources,
            types: Types::default(),
            signatures: Vec::new(),
            by_name: BTreeMap::new(),
            queue: VecDeque::new(),
            functions: BTreeMap::new(),
            globals: Vec::new(),
            resolved: BTreeMap::new(),
            resolving: BTreeSet::new(),
            value_uses: Vec::new(),
            lengths: Vec::new(),
            diagnostics: Vec::new(),
            entry: 0,
            has_captures: false,
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Queues the entry, with its captured values as global variables.
    fn start(&mut self, entry: &Entry) {
        let signatures = self.sources.script.signatures();
        let mut arities = signatures.iter().filter(|(name, _)| *name == entry.name);
        let Some((_, arity)) = arities.next() else {
            let message = format!("there is no function `{}`", entry.name);
            let names = signatures.iter().map(|(name, _)| name.as_str());
            let mut diagnostic = Diagnostic::new(Pos::default(), message);
            if let Some(near) = names::nearest(&entry.name, names) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            return self.report(diagnostic);
        };
        let (arity, captured) = (*arity, entry.captured.len());
        if let Some((_, other)) = arities.next() {
            let message = format!("there are several functions `{}`", entry.name);
            let help = "give each function its own name";
            let other = self.sources.script.get(&entry.name, *other);
            let pos = other.map_or(Pos::default(), |(function, _)| function.body.pos);
            self.report(Diagnostic::new(pos, message).help(help));
        }
        let captures = self.captured_values(entry, arity);
        if let Some(id) = self.function(&entry.name, arity, Home::Script, captures) {
            self.entry = id;
            let params = arity.saturating_sub(captured);
            if params > 3 {
                let message =
                    format!("the first function of a program gets 3 values, not {params}");
                let help = "declare `fn main(argc, argv, envp)`, or fewer";
                let pos = self.queue.front().map_or(Pos::default(), |f| f.1.body.pos);
                self.report(Diagnostic::new(pos, message).help(help));
            }
        }
    }

    fn captured_values(&mut self, entry: &Entry, arity: usize) -> Vec<Capture> {
        let names = self.sources.script.get(&entry.name, arity);
        let names = names.map(|(function, _)| (function.params, function.body.pos));
        let Some((names, pos)) = names else {
            return Vec::new();
        };
        let mut captures = Vec::new();
        for (name, value) in names.iter().zip(&entry.captured) {
            match rhai_ast::literal(value, pos) {
                Some(literal) => {
                    let (ty, init) = self.data(&literal);
                    let bound = Bound::Global(self.global(name, ty, init));
                    captures.push(Capture {
                        name: name.clone(),
                        bound,
                    });
                }
                None => {
                    captures.push(Capture {
                        name: name.clone(),
                        bound: Bound::ByName,
                    });
                    let message = format!("the value of `{name}` cannot be used in a program");
                    let help = "capture numbers, booleans, characters, strings and arrays";
                    self.report(Diagnostic::new(pos, message).help(help));
                }
            }
        }
        captures
    }

    fn global(&mut self, name: &str, ty: Ty, init: Vec<Word>) -> GlobalId {
        self.globals.push(Global {
            name: name.into(),
            ty,
            init,
        });
        self.globals.len() - 1
    }

    /// The function with that name and number of parameters, which becomes part of the program.
    fn function(
        &mut self,
        name: &str,
        arity: usize,
        home: Home,
        captures: Vec<Capture>,
    ) -> Option<FunctionId> {
        let key = (home, name.to_owned(), arity);
        if let Some(id) = self.by_name.get(&key) {
            return Some(*id);
        }
        let source = self.sources.of(home);
        let (function, diagnostics) = source.get(name, arity)?;
        for diagnostic in diagnostics {
            self.report(diagnostic);
        }
        let id = self.signatures.len();
        // Captured names come before the declared parameters.
        let own = arity.saturating_sub(captures.len());
        let params = (0..own).map(|_| self.types.fresh()).collect();
        let pos = function.body.pos;
        let shown = if rhai_ast::is_closure(name) {
            format!("<closure {}:{}>", pos.line, pos.column).into()
        } else {
            name.into()
        };
        let ret = self.types.fresh();
        self.has_captures |= captures
            .iter()
            .any(|capture| matches!(capture.bound, Bound::Address { .. }));
        self.signatures.push(Signature {
            shown,
            params,
            ret,
            captures,
            has_value: false,
            value_from: None,
        });
        self.by_name.insert(key, id);
        self.queue.push_back((id, function));
        Some(id)
    }

    fn conflict(&mut self, pos: Pos, what: &str, conflict: Conflict) {
        let message = format!("{what}: {} and {}", conflict.left.0, conflict.right.0);
        let mut diagnostic = Diagnostic::new(pos, message);
        let sides = [conflict.left, conflict.right];
        let has = |wanted: Type| sides.iter().any(|(ty, _)| *ty == wanted);
        if has(Type::Int) && (has(Type::Bool) || has(Type::Char)) {
            diagnostic = diagnostic.help("`(x == y).to_int()` and `c.to_int()` are numbers");
        }
        if let Some((ty, at)) = sides.iter().find(|(_, at)| at.line != 0 && *at != pos) {
            diagnostic = diagnostic.other(*at, format!("{ty}"));
        }
        self.report(diagnostic);
    }

    /// Whether a call of a function has a value.
    fn gives_value(&self, id: FunctionId) -> bool {
        let mut id = id;
        for _ in 0..=self.signatures.len() {
            let Some(signature) = self.signatures.get(id) else {
                return false;
            };
            match signature.value_from {
                _ if signature.has_value => return true,
                Some(next) => id = next,
                None => return false,
            }
        }
        false
    }

    fn check_value_uses(&mut self) {
        for (pos, id) in std::mem::take(&mut self.value_uses) {
            if !self.gives_value(id) {
                let name = self.signatures[id].shown.clone();
                let message = format!("`{name}` returns no value");
                let help = format!("end `{name}` with an expression or a `return`");
                self.report(Diagnostic::new(pos, message).help(help));
            }
        }
    }

    /// Checks array lengths again at the end: arrays of several lengths may have reached a function
    /// after it was checked.
    fn check_lengths(&mut self) {
        for (pos, ty, len) in std::mem::take(&mut self.lengths) {
            if !matches!(self.types.get(ty), Type::Array(_, Some(now)) if now == len) {
                self.refuse_unknown_length(pos);
            }
        }
    }

    fn refuse_unknown_length(&mut self, pos: Pos) {
        let message = "the length of this array is not known here";
        let help = "pass the length as a parameter, and count up to it";
        self.report(Diagnostic::new(pos, message).help(help));
    }

    fn finish(mut self) -> Result<Program, Vec<Diagnostic>> {
        self.check_value_uses();
        self.check_lengths();
        if !self.diagnostics.is_empty() {
            self.diagnostics.sort_by_key(|diagnostic| diagnostic.pos);
            return Err(self.diagnostics);
        }
        for (id, function) in &mut self.functions {
            let signature = &self.signatures[*id];
            if !signature.has_value && signature.value_from.is_none() {
                let unit = self.types.known(Type::Unit, function.pos);
                function.ret = unit;
            }
        }
        Ok(Program {
            functions: self.functions.into_values().collect(),
            globals: self.globals,
            entry: self.entry,
            has_captures: self.has_captures,
            types: self.types,
        })
    }
}

/// A value for something that has already been rejected.
fn refused(types: &mut Types, pos: Pos) -> super::checked::Expr {
    super::checked::Expr {
        pos,
        ty: types.fresh(),
        kind: super::checked::ExprKind::Nothing,
    }
}

/// Whether an expression creates an array in place.
fn makes_array(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Array(_) => true,
        ExprKind::Call(name, args) => name == "array" && args.len() == 1,
        _ => false,
    }
}
