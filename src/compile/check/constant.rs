//! Top-level variables and constants of a script as data of its programs.

use super::super::checked::{Expr, ExprKind, GlobalId, Word};
use super::super::tree::{self, Diagnostic, Pos};
use super::super::types::{Ty, Type};
use super::Checker;
use super::function::FunctionChecker;

/// The meaning of a top-level name in a program.
#[derive(Clone)]
pub(super) enum Resolved {
    /// A constant, with its value.
    Value(Expr),
    Global {
        id: GlobalId,
        constant: bool,
    },
    /// An error for it has already been reported.
    Refused,
}

/// The most words that an array may have.
pub(super) const MOST_WORDS: i64 = 1 << 20;

impl Checker<'_> {
    /// Resolves a top-level variable or constant by name; the last one of that name counts.
    pub(super) fn top_level(&mut self, name: &str, used_at: Pos) -> Option<Resolved> {
        if let Some(resolved) = self.resolved.get(name) {
            return Some(resolved.clone());
        }
        let mut all = self.sources.top_level.iter().rev();
        let found = all.find(|top| top.name == name)?;
        let (value, constant, pos) = (found.value.clone(), found.constant, found.pos);
        let resolved = if self.resolving.insert(name.to_owned()) {
            self.resolve(name, &value, constant, (pos, used_at))
        } else {
            Resolved::Refused
        };
        self.resolved.insert(name.to_owned(), resolved.clone());
        Some(resolved)
    }

    /// Whether a variable or constant outside functions is declared behind a place, or cannot be
    /// data of a program.
    pub(super) fn is_no_data_yet(&self, name: &str, used_at: Pos) -> bool {
        let mut all = self.sources.top_level.iter().rev();
        let found = all.find(|top| top.name == name);
        found.is_some_and(|top| top.pos > used_at || !is_literal(&top.value))
    }

    fn resolve(
        &mut self,
        name: &str,
        value: &tree::Expr,
        constant: bool,
        (pos, used_at): (Pos, Pos),
    ) -> Resolved {
        if !is_literal(value) {
            let message = format!("`{name}` is a variable of the script, not of the program");
            let help = "programs only see top-level variables that are initialized with a number, \
                 a boolean, a character, a string, or an array of them; or pass the value to a \
                 closure";
            let diagnostic = Diagnostic::new(used_at, message).help(help);
            self.report(diagnostic.other(pos, "declared"));
            return Resolved::Refused;
        }
        if constant && !super::makes_array(value) {
            let value = FunctionChecker::constant(self, value);
            return Resolved::Value(value);
        }
        let (ty, init) = self.data(value);
        let id = self.global(name, ty, init);
        Resolved::Global { id, constant }
    }

    /// The type and the initial words of a variable in the data segment.
    pub(super) fn data(&mut self, value: &tree::Expr) -> (Ty, Vec<Word>) {
        let items = match &value.kind {
            tree::ExprKind::Array(items) => items,
            tree::ExprKind::Call(name, args) if name == "array" && args.len() == 1 => {
                let len = FunctionChecker::constant(self, &args[0]);
                let len = self.array_len(&len);
                let of = self.types.fresh();
                let ty = self.types.known(Type::Array(of, Some(len)), value.pos);
                return (ty, vec![Word::Number(0); len as usize]);
            }
            _ => {
                let value = FunctionChecker::constant(self, value);
                return (value.ty, vec![self.word(&value)]);
            }
        };
        let of = self.types.fresh();
        let mut words = Vec::new();
        for item in items {
            let item = FunctionChecker::constant(self, item);
            self.types.unify_loosely(of, item.ty);
            words.push(self.word(&item));
        }
        let len = Some(words.len() as u32);
        (self.types.known(Type::Array(of, len), value.pos), words)
    }

    /// The length of an array from its constant.
    pub(super) fn array_len(&mut self, value: &Expr) -> u32 {
        match value.kind {
            ExprKind::Const(len) if (1..=MOST_WORDS).contains(&i64::from(len)) => len as u32,
            ExprKind::Nothing => 1,
            _ => {
                let message = "the length of an array must be a constant from 1 to 1048576";
                let help = "use `mmap` or `brk` for memory whose size is computed at run time";
                self.report(Diagnostic::new(value.pos, message).help(help));
                1
            }
        }
    }

    fn word(&mut self, value: &Expr) -> Word {
        match &value.kind {
            ExprKind::Const(number) => Word::Number(*number),
            ExprKind::Text(text) => Word::Text(text.clone()),
            ExprKind::Function(id) => Word::Function(*id),
            ExprKind::Nothing => Word::Number(0),
            _ => {
                let message = "a variable outside functions must be initialized with a constant";
                let help = "assign its value in `main`";
                self.report(Diagnostic::new(value.pos, message).help(help));
                Word::Number(0)
            }
        }
    }
}

/// Whether the expression can be evaluated at compile time.
fn is_literal(value: &tree::Expr) -> bool {
    use tree::ExprKind as Kind;
    match &value.kind {
        Kind::Int(_) | Kind::Bool(_) | Kind::Char(_) | Kind::Str(_) | Kind::Name(_) => true,
        Kind::Closure { captures, .. } => captures.is_empty(),
        Kind::Unary(_, operand) => is_literal(operand),
        Kind::Binary(_, left, right) => is_literal(left) && is_literal(right),
        Kind::Array(items) => items.iter().all(is_literal),
        Kind::Call(name, args) => name == "array" && args.len() == 1 && is_literal(&args[0]),
        _ => false,
    }
}
