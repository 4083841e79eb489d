//! Resolves names, and the places that can be read or assigned to.

use super::super::checked::{Base, Expr, ExprKind, Memory, Place, Size, VarId, VarKind};
use super::super::tree::{self, BinOp, Diagnostic, Pos};
use super::super::types::{Ty, Type};
use super::constant::Resolved;
use super::function::{Binding, FunctionChecker};
use super::{Bound, Capture, Home, names};
use crate::compile::calls;

impl FunctionChecker<'_, '_> {
    /// The meaning of a name: a variable, or something outside functions.
    pub(super) fn lookup(&mut self, name: &str, pos: Pos) -> Option<Binding> {
        if let Some((binding, _)) = self.find(name) {
            return Some(binding);
        }
        if self.library {
            return None;
        }
        match self.checker.top_level(name, pos)? {
            Resolved::Value(value) => Some(Binding::Value(value)),
            Resolved::Global { id, constant } => Some(Binding::Global { id, constant }),
            Resolved::Refused => Some(Binding::Value(self.refused(pos))),
        }
    }

    /// A name as a value.
    pub(super) fn name(&mut self, name: &str, pos: Pos) -> Expr {
        if self.is_function_here(name, pos)
            && let Some(function) = self.function_value(name, pos)
        {
            return function;
        }
        if let Some(binding) = self.lookup(name, pos) {
            return self.bound_value(binding, pos);
        }
        if let Some(value) = (self.checker.sources.constants)(name) {
            return self.number(value, pos);
        }
        if let Some(function) = self.function_value(name, pos) {
            return function;
        }
        self.undefined(name, pos)
    }

    /// Whether a name that a variable outside functions has as well means the function: that
    /// variable is declared further down, or no data of a program.
    fn is_function_here(&self, name: &str, pos: Pos) -> bool {
        self.find(name).is_none() && !self.library && self.checker.is_no_data_yet(name, pos)
    }

    fn bound_value(&mut self, binding: Binding, pos: Pos) -> Expr {
        match binding {
            Binding::Value(value) => Expr { pos, ..value },
            Binding::Word { var, .. } => {
                self.used(var);
                let (ty, kind) = (self.vars[var].ty, ExprKind::Read(Place::Var(var)));
                Expr { pos, ty, kind }
            }
            Binding::Inline { var, .. } => {
                let ty = self.one_use(self.vars[var].ty);
                let kind = ExprKind::AddressOf(Place::Var(var));
                Expr { pos, ty, kind }
            }
            Binding::Captured {
                var, ty, inline, ..
            } => {
                let kind = if inline {
                    ExprKind::Read(Place::Var(var))
                } else {
                    ExprKind::Read(self.behind(var, pos))
                };
                self.used(var);
                let ty = if inline { self.one_use(ty) } else { ty };
                Expr { pos, ty, kind }
            }
            Binding::Global { id, .. } => {
                let ty = self.one_use(self.checker.globals[id].ty);
                let place = Place::Global(id);
                let kind = match self.types().get(ty) {
                    Type::Array(..) => ExprKind::AddressOf(place),
                    _ => ExprKind::Read(place),
                };
                Expr { pos, ty, kind }
            }
        }
    }

    /// The type of an array at one use. Arrays of other lengths may reach the same place, but this
    /// one keeps its own.
    fn one_use(&mut self, ty: Ty) -> Ty {
        match self.types().whence(ty) {
            (what @ Type::Array(..), pos) => self.types().known(what, pos),
            _ => ty,
        }
    }

    /// The variable whose address is in a variable.
    fn behind(&mut self, var: VarId, pos: Pos) -> Place {
        self.used(var);
        let base = self.make(pos, Type::Int, ExprKind::Read(Place::Var(var)));
        memory(Size::Word, base)
    }

    fn undefined(&mut self, name: &str, pos: Pos) -> Expr {
        let scopes = self.scopes.iter().flatten().map(|(name, ..)| name.clone());
        let mut known: Vec<String> = scopes.collect();
        let top_level = &self.checker.sources.top_level;
        known.extend(top_level.iter().map(|top| top.name.clone()));
        let signatures = self.checker.sources.script.signatures();
        known.extend(signatures.into_iter().map(|(name, _)| name));
        let mut diagnostic = Diagnostic::new(pos, format!("there is no variable `{name}` here"));
        diagnostic = match names::nearest(name, known.iter().map(String::as_str)) {
            _ if calls::system_call(name).is_some() => {
                diagnostic.help(format!("it is a system call: `{name}(..)`"))
            }
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("declare it: `let {name} = 0;`")),
        };
        self.checker.report(diagnostic);
        self.refused(pos)
    }

    /// A function given by name, as a value.
    pub(super) fn function_value(&mut self, name: &str, pos: Pos) -> Option<Expr> {
        let mut found = None;
        for home in [Home::Script, Home::Library] {
            let all = self.checker.sources.of(home).signatures();
            let mut arities = all.iter().filter(|(other, _)| other == name);
            if let Some((_, arity)) = arities.next()
                && (home == Home::Library || !self.library)
            {
                found = Some((home, *arity));
                if arities.next().is_some() {
                    let message = format!("there are several functions `{name}`");
                    self.error(pos, &message, "give each function its own name");
                }
                break;
            }
        }
        let (home, arity) = found?;
        let id = self.checker.function(name, arity, home, Vec::new())?;
        let ret = self.checker.signatures[id].ret;
        Some(self.make(pos, Type::Function(ret), ExprKind::Function(id)))
    }

    /// A closure, or a function given by `Fn("name")`.
    pub(super) fn closure(&mut self, function: &str, captures: &[(String, Pos)], pos: Pos) -> Expr {
        if captures.is_empty() {
            return match self.function_value(function, pos) {
                Some(value) => value,
                None => self.unknown_function(function, pos),
            };
        }
        let mut places = Vec::new();
        let mut bounds = Vec::new();
        for (name, at) in captures {
            let bound = self.capture(name, *at, &mut places);
            bounds.push(Capture {
                name: name.clone(),
                bound,
            });
        }
        let signatures = self.checker.sources.script.signatures();
        let arity = signatures.iter().find(|(name, _)| name == function);
        let Some(id) = arity.and_then(|(_, arity)| {
            self.checker
                .function(function, *arity, Home::Script, bounds)
        }) else {
            return self.unknown_function(function, pos);
        };
        let what = Type::Function(self.checker.signatures[id].ret);
        if places.is_empty() {
            return self.make(pos, what, ExprKind::Function(id));
        }
        self.in_memory = true;
        let record = self.hidden(what, pos);
        self.vars[record].words = places.len() as u32 + 1;
        self.vars[record].addressed = true;
        let kind = ExprKind::Closure(id, record, places);
        self.make(pos, what, kind)
    }

    /// How a closure refers to a name, and the place whose address it captures for that.
    fn capture(&mut self, name: &str, pos: Pos, places: &mut Vec<Place>) -> Bound {
        let Some((binding, declared)) = self.find(name) else {
            return Bound::ByName;
        };
        let (place, ty, inline, constant) = match binding {
            Binding::Value(value) => return Bound::Value(value),
            Binding::Global { id, .. } => return Bound::Global(id),
            Binding::Word { var, constant } => {
                self.vars[var].addressed = true;
                (Place::Var(var), self.vars[var].ty, false, constant)
            }
            Binding::Inline { var, constant } => {
                (Place::Var(var), self.vars[var].ty, true, constant)
            }
            Binding::Captured {
                var,
                ty,
                inline,
                constant,
            } => (self.behind(var, pos), ty, inline, constant),
        };
        places.push(place);
        Bound::Address {
            ty,
            inline,
            constant,
            pos: declared,
        }
    }

    /// The place that an assignment changes, and its type.
    pub(super) fn place_to_change(&mut self, target: &tree::Expr) -> Option<(Place, Ty)> {
        let pos = target.pos;
        match &target.kind {
            tree::ExprKind::Name(name) => {
                let Some(binding) = self.lookup(name, pos) else {
                    self.name(name, pos);
                    return None;
                };
                self.variable_to_change(name, binding, pos)
            }
            tree::ExprKind::Index(object, index) => {
                let element = self.element(object, index, pos);
                match element.kind {
                    ExprKind::Read(place) => Some((place, element.ty)),
                    _ => None,
                }
            }
            tree::ExprKind::Refused => None,
            _ => {
                let help = "assign to a variable or an element, or use `store(addr, value)`";
                self.error(pos, "cannot assign to this expression", help);
                None
            }
        }
    }

    fn variable_to_change(
        &mut self,
        name: &str,
        binding: Binding,
        pos: Pos,
    ) -> Option<(Place, Ty)> {
        let constant = match &binding {
            Binding::Value(value) if matches!(value.kind, ExprKind::Nothing) => return None,
            Binding::Value(_) => true,
            Binding::Word { constant, .. }
            | Binding::Inline { constant, .. }
            | Binding::Captured { constant, .. }
            | Binding::Global { constant, .. } => *constant,
        };
        if constant {
            let message = format!("`{name}` is a constant");
            self.error(pos, &message, "declare it with `let`");
            return None;
        }
        if let Binding::Word { var, .. } = binding {
            self.assigned[var] = true;
        }
        let value = self.bound_value(binding, pos);
        match value.kind {
            ExprKind::Read(place) if !matches!(self.types().get(value.ty), Type::Array(..)) => {
                Some((place, value.ty))
            }
            _ => {
                let help = "assign its elements one by one";
                self.error(pos, "arrays cannot be assigned as a whole", help);
                None
            }
        }
    }

    /// The array that an expression denotes: its base, the type of its elements, their number, and
    /// its own type.
    pub(super) fn array(&mut self, object: &tree::Expr) -> Option<(Base, Ty, Option<u32>, Ty)> {
        let object = self.value(object);
        let (of, len) = match self.types().get(object.ty) {
            Type::Array(of, len) => (of, len),
            Type::Unknown => {
                // A parameter that is used as an array is one.
                let of = self.types().fresh();
                let array = self.types().known(Type::Array(of, None), object.pos);
                self.unify(object.pos, "", array, object.ty);
                (of, None)
            }
            what => {
                if !matches!(object.kind, ExprKind::Nothing) {
                    let message = format!("this is {what}, not an array");
                    let help = "use an array: `let a = [1, 2, 3];`";
                    self.error(object.pos, &message, help);
                }
                return None;
            }
        };
        let ty = object.ty;
        Some((base(object), of, len, ty))
    }

    /// `object[index]`.
    pub(super) fn element(&mut self, object: &tree::Expr, index: &tree::Expr, pos: Pos) -> Expr {
        let object = self.value(object);
        let index = self.int(index);
        let (size, ty, len) = match self.types().get(object.ty) {
            Type::Array(of, len) => (Size::Word, of, len),
            Type::Str => (Size::Byte, self.types().known(Type::Char, pos), None),
            Type::Int => (Size::Word, self.types().known(Type::Int, pos), None),
            Type::Unknown => {
                let of = self.types().fresh();
                let array = self.types().known(Type::Array(of, None), object.pos);
                self.unify(object.pos, "", array, object.ty);
                (Size::Word, of, None)
            }
            what => {
                let message = format!("{what} has no elements");
                self.error(pos, &message, "use an array: `let a = [1, 2, 3];`");
                return self.refused(pos);
            }
        };
        if let (Some(len), ExprKind::Const(at)) = (len, &index.kind)
            && !(0..i64::from(len)).contains(&i64::from(*at))
        {
            let message = format!("this array has no element {at}");
            let help = format!("its elements are 0 to {}", len.saturating_sub(1));
            self.error(index.pos, &message, &help);
        }
        let place = Place::Memory(Box::new(Memory {
            size,
            base: base(object),
            index: Some(index),
        }));
        let kind = ExprKind::Read(place);
        Expr { pos, ty, kind }
    }

    /// `addr(of)`.
    pub(super) fn address_of(&mut self, of: &tree::Expr, pos: Pos) -> Expr {
        let value = match &of.kind {
            tree::ExprKind::Name(name) => self.name(name, of.pos),
            tree::ExprKind::Index(object, index) => self.element(object, index, of.pos),
            _ => self.value(of),
        };
        let kind = match value.kind {
            ExprKind::Read(Place::Var(var)) if self.vars[var].kind == VarKind::Captured => {
                ExprKind::Read(Place::Var(var))
            }
            ExprKind::Read(place) => {
                if matches!(self.types().get(value.ty), Type::Array(..)) {
                    // The variable holds the address of the array.
                    ExprKind::Read(place)
                } else {
                    self.takes_address(&place);
                    ExprKind::AddressOf(place)
                }
            }
            kind @ (ExprKind::AddressOf(_)
            | ExprKind::Text(_)
            | ExprKind::Function(_)
            | ExprKind::Nothing) => kind,
            _ => {
                let help = "store it in a variable first";
                self.error(of.pos, "only variables and elements have an address", help);
                ExprKind::Nothing
            }
        };
        self.make(pos, Type::Int, kind)
    }

    fn takes_address(&mut self, place: &Place) {
        if let Place::Var(var) = place {
            self.vars[*var].addressed = true;
        }
    }
}

/// The address of an array's elements.
fn base(object: Expr) -> Base {
    match object.kind {
        ExprKind::AddressOf(Place::Var(var)) => Base::Var(var),
        ExprKind::AddressOf(Place::Global(id)) => Base::Global(id),
        _ => Base::Value(object),
    }
}

/// Memory at an address. A constant that is added to the address becomes the index.
pub(super) fn memory(size: Size, address: Expr) -> Place {
    let (base, index) = match address.kind {
        ExprKind::AddressOf(_) => (base(address), None),
        ExprKind::Binary(BinOp::Add, base, offset) if is_index(&offset, size) => {
            (Base::Value(*base), Some(scaled(*offset, size)))
        }
        _ => (Base::Value(address), None),
    };
    Place::Memory(Box::new(Memory { size, base, index }))
}

fn is_index(offset: &Expr, size: Size) -> bool {
    match offset.kind {
        ExprKind::Const(bytes) => bytes % size.bytes() as i32 == 0,
        _ => size == Size::Byte,
    }
}

fn scaled(offset: Expr, size: Size) -> Expr {
    match offset.kind {
        ExprKind::Const(bytes) => Expr {
            kind: ExprKind::Const(bytes / size.bytes() as i32),
            ..offset
        },
        _ => offset,
    }
}
