//! Calls of script functions, system calls, library functions, and function values.

use super::super::calls::{self, SystemCall};
use super::super::checked::{Callee, Expr, ExprKind};
use super::super::tree::{self, Diagnostic, Pos};
use super::super::types::Type;
use super::function::{Binding, FunctionChecker};
use super::{Home, builtin, names};

impl FunctionChecker<'_, '_> {
    pub(super) fn call(&mut self, name: &str, args: &[tree::Expr], pos: Pos) -> Expr {
        if self.outside && !matches!(name, "addr") {
            let help = "make the call in a function of the program";
            self.error(pos, "calls are not allowed outside functions", help);
            return self.refused(pos);
        }
        if let Some(value) = self.script_call(name, args, pos) {
            return value;
        }
        if let Some(value) = self.builtin(name, args, pos) {
            return value;
        }
        if let Some(call) = calls::system_call(name) {
            return self.system_call(call, args, pos);
        }
        if let Some(value) = self.call_of_library(name, args, pos) {
            return value;
        }
        for arg in args {
            // Errors in the arguments should be reported too.
            self.value(arg);
        }
        self.not_callable(name, args.len(), pos)
    }

    /// A call of a function of the script.
    fn script_call(&mut self, name: &str, args: &[tree::Expr], pos: Pos) -> Option<Expr> {
        if self.library {
            return None;
        }
        let id = self
            .checker
            .function(name, args.len(), Home::Script, Vec::new())?;
        let params = self.checker.signatures[id].params.clone();
        let mut values = Vec::new();
        for (at, (arg, param)) in args.iter().zip(params).enumerate() {
            let value = self.value(arg);
            let what = format!("parameter {} of `{name}` gets values of two types", at + 1);
            self.unify(value.pos, &what, param, value.ty);
            values.push(value);
        }
        let ty = self.checker.signatures[id].ret;
        let kind = ExprKind::Call(Callee::Function(id), values);
        Some(Expr { pos, ty, kind })
    }

    /// A call of a function of the library.
    fn call_of_library(&mut self, name: &str, args: &[tree::Expr], pos: Pos) -> Option<Expr> {
        self.checker
            .function(name, args.len(), Home::Library, Vec::new())?;
        let values = self.words(args);
        Some(self.library_call(name, values, pos))
    }

    /// A call of a function that the library is known to have.
    pub(super) fn library_call(&mut self, name: &str, args: Vec<Expr>, pos: Pos) -> Expr {
        let Some(id) = self
            .checker
            .function(name, args.len(), Home::Library, Vec::new())
        else {
            return self.refused(pos);
        };
        let ty = self.checker.signatures[id].ret;
        let kind = ExprKind::Call(Callee::Function(id), args);
        Expr { pos, ty, kind }
    }

    /// Arguments of which only the words count.
    pub(super) fn words(&mut self, args: &[tree::Expr]) -> Vec<Expr> {
        args.iter().map(|arg| self.value(arg)).collect()
    }

    fn system_call(&mut self, call: SystemCall, args: &[tree::Expr], pos: Pos) -> Expr {
        let mut values = self.words(args);
        let most = call.arity();
        if values.len() > most || values.len() < call.required {
            let message = format!("`{}` takes {}", call.name, arguments(most));
            let help = format!("`{}({})`", call.name, call.params());
            self.error(pos, &message, &help);
            return self.refused(pos);
        }
        while values.len() < most {
            values.push(self.make(pos, Type::Int, ExprKind::Const(call.default as i32)));
        }
        // A child that runs on this frame must find its variables in memory, and leave them there.
        self.in_memory |= matches!(call.name, "vfork" | "sys_clone");
        self.make(
            pos,
            Type::Int,
            ExprKind::Call(Callee::Stub(call.name), values),
        )
    }

    fn not_callable(&mut self, name: &str, args: usize, pos: Pos) -> Expr {
        if let Some(help) = calls::absent(name) {
            let message = format!("the system call `{name}` is not emulated");
            self.error(pos, &message, help);
            return self.refused(pos);
        }
        if let Some(help) = builtin::foreign(name) {
            let message = format!("a program has no `{name}`");
            self.error(pos, &message, help);
            return self.refused(pos);
        }
        if let Some((Binding::Word { .. } | Binding::Captured { .. }, _)) = self.find(name) {
            let message = format!("`{name}` is a variable");
            let help = format!("call the function in it with `{name}.call(..)`");
            self.error(pos, &message, &help);
            return self.refused(pos);
        }
        if let Some((arity, params)) = self.other_arity(name) {
            let message = format!("`{name}` takes {}, not {args}", arguments(arity));
            let help = format!("`{name}({params})`");
            self.error(pos, &message, &help);
            return self.refused(pos);
        }
        self.unknown_function(name, pos)
    }

    /// A function of that name with another number of parameters, and their names.
    fn other_arity(&self, name: &str) -> Option<(usize, String)> {
        let sources = &self.checker.sources;
        for source in [&sources.script, &sources.library] {
            let all = source.signatures();
            if let Some((_, arity)) = all.iter().find(|(other, _)| other == name) {
                let (function, _) = source.get(name, *arity)?;
                return Some((*arity, function.params.join(", ")));
            }
        }
        None
    }

    pub(super) fn unknown_function(&mut self, name: &str, pos: Pos) -> Expr {
        let sources = &self.checker.sources;
        let mut known: Vec<String> = Vec::new();
        for source in [&sources.script, &sources.library] {
            known.extend(source.signatures().into_iter().map(|(name, _)| name));
        }
        let system_calls = calls::system_calls().map(|call| call.name);
        known.extend(system_calls.map(str::to_owned));
        known.extend(builtin::NAMES.iter().map(|(name, _)| (*name).to_owned()));
        let message = format!("a program has no function `{name}`");
        let diagnostic = Diagnostic::new(pos, message);
        let diagnostic = match names::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(
                "programs can call script functions, system calls and the library, but not what \
                 scripts call on tasks and on the machine",
            ),
        };
        self.checker.report(diagnostic);
        self.refused(pos)
    }

    /// `object.name(args)`.
    pub(super) fn method(
        &mut self,
        object: &tree::Expr,
        name: &str,
        args: &[tree::Expr],
        pos: Pos,
    ) -> Expr {
        match (name, args) {
            ("call", _) => self.call_value(object, args, pos),
            ("len", []) => self.length(object, pos),
            ("to_int", []) => self.as_type(object, Type::Int, pos),
            ("to_char", []) => self.as_type(object, Type::Char, pos),
            _ => {
                self.value(object);
                let message = format!("a program has no method `{name}`");
                let help = builtin::foreign(name)
                    .unwrap_or("write a function, and call it as `name(value)`");
                self.error(pos, &message, help);
                self.refused(pos)
            }
        }
    }

    fn call_value(&mut self, object: &tree::Expr, args: &[tree::Expr], pos: Pos) -> Expr {
        let function = self.value(object);
        let ret = self.types().fresh();
        // A number can be the address of a function, as in C.
        if self.types().get(function.ty) != Type::Int {
            let what = self.types().known(Type::Function(ret), pos);
            self.unify(function.pos, "this is not a function", what, function.ty);
        }
        let values = self.words(args);
        if let ExprKind::Function(id) = function.kind {
            let params = self.checker.signatures[id].params.len();
            if params != values.len() {
                let message = format!("this function takes {}", arguments(params));
                let help = format!("it is called with {}", values.len());
                self.error(pos, &message, &help);
            }
        }
        let callee = Callee::Value(Box::new(function));
        let kind = ExprKind::Call(callee, values);
        Expr { pos, ty: ret, kind }
    }

    /// Treats the same word as another type.
    pub(super) fn as_type(&mut self, object: &tree::Expr, what: Type, pos: Pos) -> Expr {
        let value = self.value(object);
        self.make(pos, what, value.kind)
    }

    pub(super) fn length(&mut self, object: &tree::Expr, pos: Pos) -> Expr {
        let value = self.value(object);
        match self.types().get(value.ty) {
            Type::Array(_, Some(len)) => {
                self.checker.lengths.push((pos, value.ty, len));
                self.number(i64::from(len), pos)
            }
            Type::Array(_, None) | Type::Unknown => {
                self.checker.refuse_unknown_length(pos);
                self.refused(pos)
            }
            Type::Str => self.library_call("strlen", vec![value], pos),
            what => {
                let message = format!("{what} has no length");
                self.error(pos, &message, "use an array or a string");
                self.refused(pos)
            }
        }
    }
}

/// `2 arguments`.
fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        n => format!("{n} arguments"),
    }
}
