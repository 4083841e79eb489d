//! A session: one machine, one engine, and the variables and functions of its scripts.

use super::engine::{self, Limits};
use super::error::{Failure, FailureKind, ScriptError};
use super::words::Words;
use crate::kernel::boot::Config;
use crate::machine::Machine;
use rhai::{AST, Dynamic, Engine, EvalAltResult, NativeCallContext, Scope};
use std::{fmt, io};

#[expect(
    clippy::disallowed_types,
    reason = "the one shared state: the engine's functions own it"
)]
type Rc<T> = std::rc::Rc<T>;
#[expect(
    clippy::disallowed_types,
    reason = "borrowed for one call at a time, never across a callback"
)]
type RefCell<T> = std::cell::RefCell<T>;

/// Where printed text goes: called with each line, without its newline. An error ends the script.
pub type Output = Box<dyn FnMut(&str) -> io::Result<()>>;

/// What the functions of the engine work on.
pub(super) struct State {
    pub(super) machine: Machine,
    /// How often the session has booted anew: handles of an earlier machine carry another number.
    pub(super) boot: u64,
    pub(super) limits: Limits,
    out: Output,
    /// Why nothing more can be printed.
    unprinted: Option<io::ErrorKind>,
}

/// A handle on the state, kept by the engine.
///
/// Borrow, call, return owned data, drop: the borrow is never held while script code runs.
#[derive(Clone)]
pub(super) struct Shared(Rc<RefCell<State>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// The state behind the engine that calls.
    pub(super) fn of(ctx: &NativeCallContext) -> Result<Self, Box<EvalAltResult>> {
        let tag = ctx.tag().and_then(|tag| tag.clone().try_cast::<Self>());
        tag.ok_or_else(|| ScriptError::new("no machine belongs to this engine").into())
    }

    /// Does something with the state.
    pub(super) fn with<R>(
        &self,
        act: impl FnOnce(&mut State) -> R,
    ) -> Result<R, Box<EvalAltResult>> {
        match self.0.try_borrow_mut() {
            Ok(mut state) => Ok(act(&mut state)),
            Err(_) => Err(ScriptError::new("the machine is busy with another call").into()),
        }
    }
}

/// A script session.
pub struct Session {
    engine: Engine,
    shared: Shared,
    scope: Scope<'static>,
    library: AST,
}

impl Session {
    /// A session on a freshly booted machine of the default size. Printed lines go to `out`.
    ///
    /// # Errors
    /// If the machine cannot be booted, in words for the user.
    pub fn new(limits: Limits, out: Output) -> Result<Self, String> {
        let machine = Machine::boot(Config::default())?;
        let state = State {
            machine,
            boot: 0,
            limits,
            out,
            unprinted: None,
        };
        let shared = Shared(Rc::new(RefCell::new(state)));
        let mut engine = engine::build(&limits);
        engine.set_default_tag(Dynamic::from(shared.clone()));
        let printer = shared.clone();
        engine.on_print(move |text| printer.print(text));
        let debugger = shared.clone();
        engine.on_debug(move |text, _, _| debugger.print(text));
        let progress = shared.clone();
        engine.on_progress(move |_| progress.unprinted().map(|_| Dynamic::UNIT));
        Ok(Self {
            engine,
            shared,
            scope: Scope::new(),
            library: AST::empty(),
        })
    }

    /// Runs a script. Its variables and functions stay for the next one.
    ///
    /// # Errors
    /// What went wrong and where, for the user. The machine is as the script left it.
    pub fn run(&mut self, source: &str) -> Result<(), Failure> {
        let ast = self
            .engine
            .compile_with_scope(&self.scope, source)
            .map_err(|error| Failure::of_parse(&error))?;
        let program = self.library.merge(&ast);
        let result = self.engine.run_ast_with_scope(&mut self.scope, &program);
        self.library = program;
        self.library.clear_statements();
        result.map_err(|error| self.failure(&error))?;
        self.check_end()
    }

    /// Runs a script and returns the value of its last expression as text, empty for none.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn eval(&mut self, source: &str) -> Result<String, Failure> {
        let value: Dynamic = self
            .engine
            .eval_with_scope(&mut self.scope, source)
            .map_err(|error| self.failure(&error))?;
        self.check_end()?;
        if value.is_unit() {
            return Ok(String::new());
        }
        let mut scope = Scope::new();
        scope.push_dynamic("value", value);
        let text: rhai::ImmutableString = self
            .engine
            .eval_with_scope(&mut scope, "value.to_string()")
            .map_err(|error| self.failure(&error))?;
        Ok(text.to_string())
    }

    /// Prints a text where the script prints.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        self.shared.print(text);
        self.check_end()
    }

    fn failure(&self, error: &EvalAltResult) -> Failure {
        let words = Words {
            engine: &self.engine,
            scope: &self.scope,
            library: &self.library,
        };
        if let Some(kind) = self.shared.unprinted() {
            return Failure::of_output(kind);
        }
        let failure = Failure::of_run(error, &words);
        if self.machine(|machine| machine.kernel.panic.is_some()) {
            // Whatever the script tripped over, the panic is what ended it.
            return Failure {
                kind: FailureKind::Panic,
                ..failure
            };
        }
        failure
    }

    /// A script that ended well by itself, but whose last words nobody took or whose machine
    /// panicked.
    fn check_end(&self) -> Result<(), Failure> {
        if let Some(kind) = self.shared.unprinted() {
            return Err(Failure::of_output(kind));
        }
        match self.machine(|machine| machine.kernel.panic.clone()) {
            Some(why) => Err(Failure::of_panic(&why)),
            None => Ok(()),
        }
    }

    /// Looks at the machine.
    pub fn machine<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        look(&self.shared.0.borrow().machine)
    }
}

impl Shared {
    /// Prints during a run; text printed while the state is borrowed cannot occur, for no script
    /// code runs then.
    fn print(&self, text: &str) {
        if let Ok(mut state) = self.0.try_borrow_mut() {
            for line in text.split('\n') {
                if state.unprinted.is_none() {
                    state.unprinted = (state.out)(line).err().map(|error| error.kind());
                }
            }
        }
    }

    /// Why nothing more can be printed.
    fn unprinted(&self) -> Option<io::ErrorKind> {
        let state = self.0.try_borrow().ok()?;
        state.unprinted
    }
}
