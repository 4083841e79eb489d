//! The state that the engine's functions work on: the machine, and what a run has used up.

use super::compiled::Source;
use super::host::Host;
use super::limits::{Limit, Limits};
use crate::kernel::boot::Config;
use crate::machine::{Command, History, Machine, Refusal, Reply};
use crate::script::errors::ScriptError;
use crate::view::{self, Since};
use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};
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

/// Longer console lines of programs are broken at this many bytes.
const MAX_CONSOLE_LINE: usize = 4096;

/// The number of operations between two checks of the memory in use.
const MEMORY_POLL: u64 = 256;

/// Why a run was ended from outside. No script can catch it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::script) enum Halt {
    /// Its output can no longer be written.
    Output(io::ErrorKind),
    /// It hit a limit.
    Limit(Limit),
    /// It was interrupted from outside.
    Interrupted,
}

impl From<Halt> for Box<EvalAltResult> {
    fn from(halt: Halt) -> Self {
        EvalAltResult::ErrorTerminated(Dynamic::from(halt), Position::NONE).into()
    }
}

/// A prediction and its result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prediction {
    /// The question asked.
    pub question: String,
    /// The answer given; `None` if there was none.
    pub given: Option<String>,
    /// The right answer.
    pub answer: String,
    /// Whether the answer given was right.
    pub right: bool,
}

/// The state that the engine's functions work on.
pub(in crate::script) struct State {
    pub(in crate::script) machine: Machine,
    /// How often the session has booted; handles of an earlier machine carry another number.
    pub(in crate::script) boot: u64,
    pub(in crate::script) limits: Limits,
    pub(in crate::script) host: Host,
    /// The machine's history, if the session can undo.
    pub(super) history: Option<History>,
    /// The closures that are signal handlers, by number.
    pub(in crate::script) handlers: Vec<FnPtr>,
    /// The predictions since the session began.
    pub(in crate::script) predictions: Vec<Prediction>,
    /// Whatever happened before this point has already been shown to the user.
    pub(in crate::script) told: Since,
    /// A partial line that programs have written to the console.
    console_line: Vec<u8>,
    /// What programs are compiled from.
    pub(in crate::script) source: Source,
    /// Output held back until a prediction is made.
    held: Option<Vec<String>>,
    /// Why this run must end, if it must.
    halt: Option<Halt>,
    ticks: u64,
    printed: u64,
}

impl State {
    fn new(machine: Machine, limits: Limits, host: Host) -> Self {
        let mut state = Self {
            machine,
            boot: 0,
            limits,
            host,
            history: None,
            handlers: Vec::new(),
            predictions: Vec::new(),
            told: Since { seq: 0, tick: 0 },
            console_line: Vec::new(),
            source: Source::default(),
            held: None,
            halt: None,
            ticks: 0,
            printed: 0,
        };
        state.bound_trace();
        state
    }

    pub(super) fn bound_trace(&mut self) {
        let events = self.limits.size(Limit::Trace);
        self.machine.kernel.log.set_capacity(events);
    }

    /// Applies a command, and records it for undo.
    pub(in crate::script) fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        if let Some(history) = &mut self.history {
            history.note_command(&command);
        }
        let reply = self.machine.apply(command);
        self.show_console();
        self.show_crashes();
        reply
    }

    /// Whether the script has a function of that name.
    pub(in crate::script) fn has_function(&self, name: &str) -> bool {
        self.source.ast.iter_functions().any(|f| f.name == name)
    }

    /// Prints the complete lines that programs have written to the console.
    fn show_console(&mut self) {
        if self.machine.kernel.console().output().is_empty() {
            return;
        }
        let written = self.machine.kernel.take_console_output();
        for byte in written {
            match byte {
                b'\n' => self.end_console_line(),
                byte => self.console_line.push(byte),
            }
            if self.console_line.len() > MAX_CONSOLE_LINE {
                self.end_console_line();
            }
        }
    }

    fn end_console_line(&mut self) {
        let line = std::mem::take(&mut self.console_line);
        let text = String::from_utf8_lossy(&line);
        self.print_line(&printable(&text));
    }

    /// A partial line of a program is shown before anything else is printed.
    fn flush_console(&mut self) {
        if !self.console_line.is_empty() {
            self.end_console_line();
        }
    }

    /// Reports the programs that got a signal for a fault of their own.
    fn show_crashes(&mut self) {
        for at in 0..self.machine.crashes().len() {
            let text = view::crash(&self.machine, &self.machine.crashes()[at]);
            self.flush_console();
            for line in text.lines() {
                self.print_line(line);
            }
        }
    }

    /// Whether that much more of the host's memory may be used under the limit.
    pub(in crate::script) fn has_room_for(&self, bytes: u64) -> bool {
        let used = self.host.memory.map_or(0, |memory| memory() as u64);
        self.host.memory.is_none() || used.saturating_add(bytes) <= self.limits.get(Limit::Memory)
    }

    /// Replaces the machine by a freshly booted one.
    pub(in crate::script) fn boot(&mut self, config: Config) -> Result<(), String> {
        let machine = Machine::boot(config.clone())?;
        if let Some(history) = &mut self.history {
            history.note_boot(&config);
        }
        self.machine = machine;
        self.bound_trace();
        self.boot += 1;
        self.told = Since::now(&self.machine);
        Ok(())
    }

    /// How many more ticks this run may ask for.
    pub(in crate::script) const fn ticks_left(&self) -> u64 {
        self.limits.get(Limit::Ticks).saturating_sub(self.ticks)
    }

    /// Counts ticks that have passed against the limit of this run.
    pub(in crate::script) const fn spend_ticks(&mut self, ticks: u64) {
        self.ticks = self.ticks.saturating_add(ticks);
    }

    /// Why this run must end now, if it must.
    fn must_halt(&self, operations: u64) -> Option<Halt> {
        if self.halt.is_some() {
            return self.halt;
        }
        if self.host.interrupt.is_raised() {
            return Some(Halt::Interrupted);
        }
        let memory = self
            .host
            .memory
            .filter(|_| operations.is_multiple_of(MEMORY_POLL))?;
        (memory() > self.limits.size(Limit::Memory)).then_some(Halt::Limit(Limit::Memory))
    }

    fn print_line(&mut self, line: &str) {
        if let Some(held) = &mut self.held {
            held.push(line.to_owned());
            return;
        }
        if self.halt.is_some() {
            return;
        }
        self.printed += line.len() as u64 + 1;
        if self.printed > self.limits.get(Limit::Output) {
            self.halt = Some(Halt::Limit(Limit::Output));
            return;
        }
        self.halt = (self.host.out)(line)
            .err()
            .map(|error| Halt::Output(error.kind()));
    }
}

/// Makes the control characters of a line visible, so that a program cannot control the terminal.
fn printable(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() && c != '\t' { '.' } else { c })
        .collect()
}

/// A handle to the state, kept by the engine.
///
/// Borrow, call, return owned data, drop: the borrow is never held while script code runs.
#[derive(Clone)]
pub(in crate::script) struct Shared(Rc<RefCell<State>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    pub(in crate::script) fn new(machine: Machine, limits: Limits, host: Host) -> Self {
        Self(Rc::new(RefCell::new(State::new(machine, limits, host))))
    }

    /// The state of the engine that makes the call.
    pub(in crate::script) fn of(ctx: &NativeCallContext) -> Result<Self, Box<EvalAltResult>> {
        let tag = ctx.tag().and_then(|tag| tag.clone().try_cast::<Self>());
        tag.ok_or_else(|| ScriptError::new("no machine belongs to this engine").into())
    }

    /// Runs a closure on the state.
    pub(in crate::script) fn with<R>(
        &self,
        act: impl FnOnce(&mut State) -> R,
    ) -> Result<R, Box<EvalAltResult>> {
        match self.0.try_borrow_mut() {
            Ok(mut state) => Ok(act(&mut state)),
            Err(_) => Err(ScriptError::new("the machine is busy with another call").into()),
        }
    }

    /// Runs a closure on the state between runs, when nobody else can have borrowed it.
    pub(super) fn between_runs<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.borrow_mut())
    }

    /// Reads the state between runs.
    pub(in crate::script) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.borrow())
    }

    /// Begins a new run, with nothing used up yet.
    pub(super) fn begin_run(&self) {
        self.between_runs(|state| {
            state.halt = None;
            state.held = None;
            (state.ticks, state.printed) = (0, 0);
        });
    }

    /// Prints during a run. The state is never borrowed then, because no script code runs while it
    /// is.
    pub(in crate::script) fn print(&self, text: &str) {
        if let Ok(mut state) = self.0.try_borrow_mut() {
            state.flush_console();
            for line in text.split('\n') {
                state.print_line(line);
            }
        }
    }

    /// Prints the partial line that programs have written, at the end of a run.
    pub(super) fn flush_console(&self) {
        if let Ok(mut state) = self.0.try_borrow_mut() {
            state.flush_console();
        }
    }

    /// Why the run must end now, if it must.
    pub(in crate::script) fn must_halt(&self, operations: u64) -> Option<Halt> {
        let state = self.0.try_borrow().ok()?;
        state.must_halt(operations)
    }

    /// Why the run was ended from outside, if it was. This answers a request to stop, so that it
    /// does not end the next run too.
    pub(super) fn take_halt(&self) -> Option<Halt> {
        let halt = self.must_halt(1);
        if halt == Some(Halt::Interrupted) {
            self.look(|state| state.host.interrupt.clear());
        }
        halt
    }

    /// Starts to hold back what is printed.
    pub(in crate::script) fn hold_output(&self) -> Result<(), Box<EvalAltResult>> {
        self.with(|state| state.held = Some(Vec::new()))
    }

    /// Prints what was held back.
    pub(in crate::script) fn release_output(&self) -> Result<(), Box<EvalAltResult>> {
        self.with(|state| {
            for line in state.held.take().unwrap_or_default() {
                state.print_line(&line);
            }
        })
    }

    /// Discards what was held back.
    pub(in crate::script) fn discard_output(&self) -> Result<(), Box<EvalAltResult>> {
        self.with(|state| {
            state.held = None;
            state.console_line.clear();
        })
    }

    /// Asks the user a question. The state is not borrowed meanwhile.
    pub(in crate::script) fn ask(
        &self,
        question: &str,
    ) -> Result<Option<String>, Box<EvalAltResult>> {
        // A user who wants to stop is not asked first.
        if let Some(halt) = self.must_halt(1) {
            return Err(halt.into());
        }
        let Some(mut ask) = self.with(|state| state.host.ask.take())? else {
            return Ok(None);
        };
        let answer = ask(question);
        self.with(|state| state.host.ask = Some(ask))?;
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Halt::Interrupted.into(),
            kind => Halt::Output(kind).into(),
        })
    }
}
