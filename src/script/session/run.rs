//! A session: one machine, one engine, and the variables and functions of its scripts.

use super::compiled::Source;
use super::document::Document;
use super::engine;
use super::host::{Host, Output};
use super::library::Library;
use super::limits::Limits;
use super::moments::goes_to_moments;
use super::shadowing::shadowing;
use super::state::{Prediction, Shared, State};
use super::timeline::{Left, Timeline};
use crate::kernel::boot::Config;
use crate::machine::Machine;
use crate::script::errors::{Failure, FailureKind, Words};
use crate::view::changed_kernel;
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Scope};

/// A script session.
pub struct Session {
    pub(in crate::script) engine: Engine,
    pub(in crate::script) shared: Shared,
    pub(in crate::script) scope: Scope<'static>,
    pub(in crate::script) library: Library,
    pub(super) document: Document,
    pub(super) timeline: Option<Timeline>,
    /// Whether the text that was run last defines functions.
    pub(super) defined: bool,
    /// The future that the last input has left.
    pub(super) left: Option<Left>,
    /// The value of the last line of the prompt.
    pub(super) last: Dynamic,
    limits: Limits,
}

impl Session {
    /// Creates a session on a freshly booted machine of the default size. Printed lines go to
    /// `out`.
    ///
    /// # Errors
    /// If the machine cannot be booted, in words for the user.
    pub fn new(limits: Limits, out: Output) -> Result<Self, String> {
        Self::with_host(limits, Host::printing(out))
    }

    /// Creates a session on a freshly booted machine of the default size.
    ///
    /// Scripts that nest calls or values deeply need stack. A program that runs untrusted scripts
    /// should give the session's thread as much as [`Limits::stack`] says.
    ///
    /// # Errors
    /// If the machine cannot be booted, in words for the user.
    pub fn with_host(limits: Limits, host: Host) -> Result<Self, String> {
        let machine = Machine::boot(Config::default())?;
        let shared = Shared::new(machine, limits, host);
        let mut engine = engine::build(&limits);
        engine.set_default_tag(Dynamic::from(shared.clone()));
        let printer = shared.clone();
        engine.on_print(move |text| printer.print(text));
        let debugger = shared.clone();
        engine.on_debug(move |text, _, _| debugger.print(text));
        let progress = shared.clone();
        engine.on_progress(move |_| progress.count_operation().map(Dynamic::from));
        Ok(Self {
            engine,
            shared,
            scope: Scope::new(),
            library: Library::default(),
            document: Document::default(),
            timeline: None,
            defined: false,
            left: None,
            last: Dynamic::UNIT,
            limits,
        })
    }

    /// Gives the text of the session the name of its script, for the messages of programs.
    pub fn set_name(&mut self, name: &str) {
        self.document.set_name(name);
    }

    /// Runs a script. Its variables and functions stay for the next one.
    ///
    /// # Errors
    /// What went wrong and where, for the user. The machine is as the script left it.
    pub fn run(&mut self, source: &str) -> Result<(), Failure> {
        self.begin_input();
        self.evaluate(source).map(|_| ())
    }

    /// Runs a script and returns the value of its last expression as a string, empty for none.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn eval(&mut self, source: &str) -> Result<String, Failure> {
        self.begin_input();
        let value = self.evaluate(source)?;
        if value.is_unit() {
            return Ok(String::new());
        }
        self.text_of(value, "value.to_string()")
    }

    /// Whether the session was ever refused memory of the host. The process as a whole uses it, so a
    /// session that runs alone may come to another end.
    pub fn was_refused_memory(&self) -> bool {
        self.shared.look(|state| state.was_refused_memory)
    }

    /// At which look at limits and interrupts the last run was interrupted, if it was.
    pub fn interrupted_at(&self) -> Option<u64> {
        self.shared.look(|state| state.interrupted_at)
    }

    /// Interrupts the runs to come at that look, or no longer: what was interrupted once is repeated
    /// like that.
    pub fn interrupt_at(&self, look: Option<u64>) {
        self.shared.between_runs(|state| state.interrupt_at = look);
    }

    /// Begins the next input: the lines that follow are typed or pasted at once. `break_at` counts
    /// lines from its start.
    pub fn begin_input(&mut self) {
        self.document.begin_input();
    }

    /// Counts a line of the input that is not run in the session: a command of the prompt.
    pub fn pass_over(&mut self, line: &str) {
        self.document.add(line);
    }

    /// Runs a text as the continuation of this session's document.
    pub(super) fn evaluate(&mut self, source: &str) -> Result<Dynamic, Failure> {
        self.shared.begin_run();
        if goes_to_moments(source) {
            self.shared.between_runs(State::remember);
        }
        let placed = self.document.add(source);
        let compiled = self.engine.compile_with_scope(&self.scope, &placed);
        let ast = compiled.map_err(|error| Failure::of_parse(&error, &placed, &self.words()))?;
        self.shared.warn(&shadowing(&ast, &self.document));
        // Closures are functions too, but what holds one is a variable.
        self.defined = ast.iter_functions().any(|f| !f.name.contains('$'));
        let program = self.library.with(&ast, &placed, &self.scope);
        let source = Source::new(&program, &self.document, &self.scope);
        self.shared.between_runs(|state| state.source = source);
        let result = self
            .engine
            .eval_ast_with_scope::<Dynamic>(&mut self.scope, &program.ast);
        self.library = program;
        self.library.ast.clear_statements();
        self.shared.flush_console();
        let value = result.map_err(|error| self.failure(&error))?;
        self.check_end()?;
        Ok(value)
    }

    /// A value as a string, by an expression of `value`.
    pub(in crate::script) fn text_of(
        &self,
        value: Dynamic,
        expression: &str,
    ) -> Result<String, Failure> {
        let mut scope = Scope::new();
        scope.push_dynamic("value", value);
        self.engine
            .eval_with_scope::<ImmutableString>(&mut scope, expression)
            .map(|text| text.to_string())
            .map_err(|error| self.failure(&error))
    }

    /// Prints a text where the script prints.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        self.shared.print(text);
        self.check_end()
    }

    /// All text that was run so far; the lines of failures refer to it.
    pub fn document(&self) -> &str {
        self.document.text()
    }

    /// The number of lines before the text that was run last.
    pub fn lines_before(&self) -> usize {
        self.document.before()
    }

    /// The number of lines of the session that are forgotten, because it has so many.
    pub fn lines_forgotten(&self) -> usize {
        self.document.dropped()
    }

    /// The predictions made so far.
    pub fn predictions(&self) -> Vec<Prediction> {
        self.shared.look(|state| state.predictions.clone())
    }

    /// What programs are compiled from, if there are no variables of earlier lines.
    pub(super) fn source_without_variables(&self) -> Source {
        Source::new(&self.library, &self.document, &Scope::new())
    }

    fn words(&self) -> Words<'_> {
        Words {
            engine: &self.engine,
            scope: &self.scope,
            library: &self.library.ast,
            document: self.document.text(),
            limits: &self.limits,
        }
    }

    fn failure(&self, error: &EvalAltResult) -> Failure {
        let mut failure = Failure::of_run(error, &self.words());
        if let Some(mark) = self.machine(changed_kernel) {
            let note = failure.note.map(|note| format!("{note}; {mark}"));
            failure.note = note.or(Some(mark));
        }
        if let Some(halt) = self.shared.take_halt() {
            // Its place is where the script was when the halt was noticed.
            return Failure {
                position: failure.position,
                around: failure.around,
                ..Failure::of_halt(halt, &self.limits)
            };
        }
        if self.machine(|machine| machine.kernel.panicked().is_some()) {
            // Whatever error the script ran into, the panic is what ended it.
            return Failure {
                kind: FailureKind::Panic,
                ..failure
            };
        }
        failure
    }

    /// Catches a script that finished, but whose last output could not be written or whose machine
    /// panicked.
    fn check_end(&self) -> Result<(), Failure> {
        if let Some(halt) = self.shared.take_halt() {
            return Err(Failure::of_halt(halt, &self.limits));
        }
        match self.machine(|machine| machine.kernel.panicked().map(str::to_owned)) {
            Some(why) => Err(Failure::of_panic(&why)),
            None => Ok(()),
        }
    }

    /// Reads the machine without changing it.
    pub fn machine<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        self.shared.look(|state: &State| look(&state.machine))
    }
}
